-- How PostgreSQL records the events of the kind 'custom_node': one prepared statement a type.

-- custom_node.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO custom_nodes (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at, description_key, description_keys, name, category, description, workspace_id, user_id, visibility, version, language, code, inputs, outputs, config, name_words, category_words, description_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE, $21::VARCHAR COLLATE "C", $23::JSONB, $24, $25, $26::VARCHAR, $27::VARCHAR COLLATE "C", $28::VARCHAR COLLATE "C", $29, $30::VARCHAR, $31::VARCHAR, $32::VARCHAR, $33::JSONB, $34::JSONB, $35::JSONB, $36, $37, $38
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status ELSE custom_nodes.status END,
    name = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.name ELSE custom_nodes.name END,
    category = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.category ELSE custom_nodes.category END,
    description = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description ELSE custom_nodes.description END,
    workspace_id = CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'workspace_id', CASE WHEN (custom_nodes.workspace_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.workspace_id ELSE custom_nodes.workspace_id END,
    user_id = CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'user_id', CASE WHEN (custom_nodes.user_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.user_id ELSE custom_nodes.user_id END,
    visibility = CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'visibility', CASE WHEN (custom_nodes.visibility IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.visibility ELSE custom_nodes.visibility END,
    version = CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'version', CASE WHEN (custom_nodes.version IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.version ELSE custom_nodes.version END,
    language = CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'language', CASE WHEN (custom_nodes.language IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.language ELSE custom_nodes.language END,
    code = CASE WHEN (($22::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'code', CASE WHEN (custom_nodes.code IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.code ELSE custom_nodes.code END,
    inputs = CASE WHEN (($22::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'inputs', CASE WHEN (custom_nodes.inputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.inputs ELSE custom_nodes.inputs END,
    outputs = CASE WHEN (($22::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'outputs', CASE WHEN (custom_nodes.outputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.outputs ELSE custom_nodes.outputs END,
    config = CASE WHEN (($22::BIGINT & 2048) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'config', CASE WHEN (custom_nodes.config IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.config ELSE custom_nodes.config END,
    reason = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.reason ELSE custom_nodes.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at ELSE custom_nodes.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at ELSE custom_nodes.updated_at END,
    status_at = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status_at ELSE custom_nodes.status_at END,
    status_key = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status_key ELSE custom_nodes.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at_key ELSE custom_nodes.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at_key ELSE custom_nodes.created_at_key END,
    description_key = CASE WHEN (custom_nodes.description_key = '') THEN excluded.description_key ELSE custom_nodes.description_key END,
    description_keys = CASE WHEN (custom_nodes.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'name' END,
        'category', CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'category' END,
        'description', CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'workspace_id', CASE WHEN (custom_nodes.workspace_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'user_id', CASE WHEN (custom_nodes.user_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'user_id' END,
        'visibility', CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'visibility', CASE WHEN (custom_nodes.visibility IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'visibility' END,
        'version', CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'version', CASE WHEN (custom_nodes.version IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'version' END,
        'language', CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'language', CASE WHEN (custom_nodes.language IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'language' END,
        'code', CASE WHEN (($22::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'code', CASE WHEN (custom_nodes.code IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'code' END,
        'inputs', CASE WHEN (($22::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'inputs', CASE WHEN (custom_nodes.inputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'inputs' END,
        'outputs', CASE WHEN (($22::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'outputs', CASE WHEN (custom_nodes.outputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'outputs' END,
        'config', CASE WHEN (($22::BIGINT & 2048) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'config', CASE WHEN (custom_nodes.config IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'config' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.name_words ELSE custom_nodes.name_words END,
    category_words = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.category_words ELSE custom_nodes.category_words END,
    description_words = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_words ELSE custom_nodes.description_words END
WHERE (excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)
   OR excluded.status_key > custom_nodes.status_key OR $22::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- custom_node.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO custom_nodes (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, category, description, workspace_id, user_id, visibility, version, language, code, inputs, outputs, config, name_words, category_words, description_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21, $22::VARCHAR, $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25, $26::VARCHAR, $27::VARCHAR, $28::VARCHAR, $29::JSONB, $30::JSONB, $31::JSONB, $32, $33, $34
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.name ELSE custom_nodes.name END,
    category = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.category ELSE custom_nodes.category END,
    description = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description ELSE custom_nodes.description END,
    workspace_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'workspace_id', CASE WHEN (custom_nodes.workspace_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.workspace_id ELSE custom_nodes.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'user_id', CASE WHEN (custom_nodes.user_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.user_id ELSE custom_nodes.user_id END,
    visibility = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'visibility', CASE WHEN (custom_nodes.visibility IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.visibility ELSE custom_nodes.visibility END,
    version = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'version', CASE WHEN (custom_nodes.version IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.version ELSE custom_nodes.version END,
    language = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'language', CASE WHEN (custom_nodes.language IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.language ELSE custom_nodes.language END,
    code = CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'code', CASE WHEN (custom_nodes.code IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.code ELSE custom_nodes.code END,
    inputs = CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'inputs', CASE WHEN (custom_nodes.inputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.inputs ELSE custom_nodes.inputs END,
    outputs = CASE WHEN (($18::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'outputs', CASE WHEN (custom_nodes.outputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.outputs ELSE custom_nodes.outputs END,
    config = CASE WHEN (($18::BIGINT & 2048) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'config', CASE WHEN (custom_nodes.config IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.config ELSE custom_nodes.config END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at ELSE custom_nodes.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at ELSE custom_nodes.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at_key ELSE custom_nodes.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at_key ELSE custom_nodes.created_at_key END,
    description_key = CASE WHEN (custom_nodes.description_key = '') THEN excluded.description_key ELSE custom_nodes.description_key END,
    description_keys = CASE WHEN (custom_nodes.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'name' END,
        'category', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'category' END,
        'description', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'workspace_id', CASE WHEN (custom_nodes.workspace_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'user_id', CASE WHEN (custom_nodes.user_id IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'user_id' END,
        'visibility', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'visibility', CASE WHEN (custom_nodes.visibility IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'visibility' END,
        'version', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'version', CASE WHEN (custom_nodes.version IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'version' END,
        'language', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'language', CASE WHEN (custom_nodes.language IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'language' END,
        'code', CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'code', CASE WHEN (custom_nodes.code IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'code' END,
        'inputs', CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'inputs', CASE WHEN (custom_nodes.inputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'inputs' END,
        'outputs', CASE WHEN (($18::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'outputs', CASE WHEN (custom_nodes.outputs IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'outputs' END,
        'config', CASE WHEN (($18::BIGINT & 2048) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'config', CASE WHEN (custom_nodes.config IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_key ELSE custom_nodes.description_keys ->> 'config' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'name', CASE WHEN (custom_nodes.name IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.name_words ELSE custom_nodes.name_words END,
    category_words = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'category', CASE WHEN (custom_nodes.category IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.category_words ELSE custom_nodes.category_words END,
    description_words = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(custom_nodes.description_keys ->> 'description', CASE WHEN (custom_nodes.description IS NOT NULL) THEN custom_nodes.description_key ELSE '' END)) THEN excluded.description_words ELSE custom_nodes.description_words END
WHERE (excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- custom_node.enabled, custom_node.disabled
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO custom_nodes (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status ELSE custom_nodes.status END,
    reason = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.reason ELSE custom_nodes.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at ELSE custom_nodes.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at ELSE custom_nodes.updated_at END,
    status_at = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status_at ELSE custom_nodes.status_at END,
    status_key = CASE WHEN (excluded.status_key > custom_nodes.status_key) THEN excluded.status_key ELSE custom_nodes.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at_key ELSE custom_nodes.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at_key ELSE custom_nodes.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)
   OR excluded.status_key > custom_nodes.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- custom_node.deleted, custom_node.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO custom_nodes (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at ELSE custom_nodes.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at ELSE custom_nodes.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > custom_nodes.deleted_key) THEN excluded.deleted_at ELSE custom_nodes.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > custom_nodes.deleted_key) THEN excluded.deleted_key ELSE custom_nodes.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)) THEN excluded.updated_at_key ELSE custom_nodes.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at)) THEN excluded.created_at_key ELSE custom_nodes.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (custom_nodes.created_at_key, custom_nodes.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (custom_nodes.updated_at_key, custom_nodes.updated_at)
   OR excluded.deleted_key > custom_nodes.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
