-- How PostgreSQL records the events of the kind 'workflow': one prepared statement a type.

-- workflow.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workflows (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, published_version, reason, status_at, description_key, description_keys, name, description, workspace_id, user_id, visibility, tags, settings, name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::BIGINT, $20::VARCHAR, $21::TIMESTAMP WITH TIME ZONE, $22::VARCHAR COLLATE "C", $24::JSONB, $25, $26::VARCHAR, $27::VARCHAR COLLATE "C", $28::VARCHAR COLLATE "C", $29, $30::JSONB, $31::JSONB, $32
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status ELSE workflows.status END,
    name = CASE WHEN (($23::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.name ELSE workflows.name END,
    description = CASE WHEN (($23::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'description', CASE WHEN (workflows.description IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description ELSE workflows.description END,
    workspace_id = CASE WHEN (($23::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'workspace_id', CASE WHEN (workflows.workspace_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.workspace_id ELSE workflows.workspace_id END,
    user_id = CASE WHEN (($23::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'user_id', CASE WHEN (workflows.user_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.user_id ELSE workflows.user_id END,
    visibility = CASE WHEN (($23::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'visibility', CASE WHEN (workflows.visibility IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.visibility ELSE workflows.visibility END,
    tags = CASE WHEN (($23::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'tags', CASE WHEN (workflows.tags IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.tags ELSE workflows.tags END,
    settings = CASE WHEN (($23::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'settings', CASE WHEN (workflows.settings IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.settings ELSE workflows.settings END,
    published_version = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.published_version ELSE workflows.published_version END,
    reason = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.reason ELSE workflows.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at ELSE workflows.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at ELSE workflows.updated_at END,
    status_at = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status_at ELSE workflows.status_at END,
    status_key = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status_key ELSE workflows.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at_key ELSE workflows.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at_key ELSE workflows.created_at_key END,
    description_key = CASE WHEN (workflows.description_key = '') THEN excluded.description_key ELSE workflows.description_key END,
    description_keys = CASE WHEN (workflows.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($23::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'name' END,
        'description', CASE WHEN (($23::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'description', CASE WHEN (workflows.description IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($23::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'workspace_id', CASE WHEN (workflows.workspace_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($23::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'user_id', CASE WHEN (workflows.user_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'user_id' END,
        'visibility', CASE WHEN (($23::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'visibility', CASE WHEN (workflows.visibility IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'visibility' END,
        'tags', CASE WHEN (($23::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'tags', CASE WHEN (workflows.tags IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'tags' END,
        'settings', CASE WHEN (($23::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'settings', CASE WHEN (workflows.settings IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'settings' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($23::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.name_words ELSE workflows.name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)
   OR excluded.status_key > workflows.status_key OR $23::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workflow.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workflows (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, description, workspace_id, user_id, visibility, tags, settings, name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR, $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24, $25::JSONB, $26::JSONB, $27
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.name ELSE workflows.name END,
    description = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'description', CASE WHEN (workflows.description IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description ELSE workflows.description END,
    workspace_id = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'workspace_id', CASE WHEN (workflows.workspace_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.workspace_id ELSE workflows.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'user_id', CASE WHEN (workflows.user_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.user_id ELSE workflows.user_id END,
    visibility = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'visibility', CASE WHEN (workflows.visibility IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.visibility ELSE workflows.visibility END,
    tags = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'tags', CASE WHEN (workflows.tags IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.tags ELSE workflows.tags END,
    settings = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'settings', CASE WHEN (workflows.settings IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.settings ELSE workflows.settings END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at ELSE workflows.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at ELSE workflows.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at_key ELSE workflows.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at_key ELSE workflows.created_at_key END,
    description_key = CASE WHEN (workflows.description_key = '') THEN excluded.description_key ELSE workflows.description_key END,
    description_keys = CASE WHEN (workflows.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'name' END,
        'description', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'description', CASE WHEN (workflows.description IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'workspace_id', CASE WHEN (workflows.workspace_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'user_id', CASE WHEN (workflows.user_id IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'user_id' END,
        'visibility', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'visibility', CASE WHEN (workflows.visibility IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'visibility' END,
        'tags', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'tags', CASE WHEN (workflows.tags IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'tags' END,
        'settings', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'settings', CASE WHEN (workflows.settings IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.description_key ELSE workflows.description_keys ->> 'settings' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workflows.description_keys ->> 'name', CASE WHEN (workflows.name IS NOT NULL) THEN workflows.description_key ELSE '' END)) THEN excluded.name_words ELSE workflows.name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workflow.versioned
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workflows (id, created_at_key, created_at, updated_at_key, updated_at, latest_version)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::BIGINT
FROM "new"
ON CONFLICT (id)
DO UPDATE SET latest_version = CASE WHEN (workflows.latest_version IS NULL
   OR excluded.latest_version > workflows.latest_version) THEN excluded.latest_version ELSE workflows.latest_version END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at ELSE workflows.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at ELSE workflows.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at_key ELSE workflows.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at_key ELSE workflows.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at) OR workflows.latest_version IS NULL
   OR excluded.latest_version > workflows.latest_version),
w1 AS (INSERT INTO workflow_versions (workflow_id, version, version_key, definition, problems, user_id, note, created_at)
SELECT $18::VARCHAR COLLATE "C", $19, $20::VARCHAR COLLATE "C", $21::JSONB, $22::JSONB, $23::VARCHAR COLLATE "C", $24::VARCHAR, $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (workflow_id, version)
DO UPDATE SET definition = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.definition ELSE workflow_versions.definition END,
    problems = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.problems ELSE workflow_versions.problems END,
    user_id = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.user_id ELSE workflow_versions.user_id END,
    note = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.note ELSE workflow_versions.note END,
    created_at = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.created_at ELSE workflow_versions.created_at END,
    version_key = CASE WHEN (excluded.version_key < workflow_versions.version_key) THEN excluded.version_key ELSE workflow_versions.version_key END
WHERE excluded.version_key < workflow_versions.version_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workflow.published, workflow.archived, workflow.withdrawn
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workflows (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, published_version, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::BIGINT, $20::VARCHAR, $21::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status ELSE workflows.status END,
    published_version = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.published_version ELSE workflows.published_version END,
    reason = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.reason ELSE workflows.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at ELSE workflows.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at ELSE workflows.updated_at END,
    status_at = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status_at ELSE workflows.status_at END,
    status_key = CASE WHEN (excluded.status_key > workflows.status_key) THEN excluded.status_key ELSE workflows.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at_key ELSE workflows.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at_key ELSE workflows.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)
   OR excluded.status_key > workflows.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workflow.deleted, workflow.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workflows (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at ELSE workflows.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at ELSE workflows.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > workflows.deleted_key) THEN excluded.deleted_at ELSE workflows.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > workflows.deleted_key) THEN excluded.deleted_key ELSE workflows.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)) THEN excluded.updated_at_key ELSE workflows.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at)) THEN excluded.created_at_key ELSE workflows.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (workflows.created_at_key, workflows.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (workflows.updated_at_key, workflows.updated_at)
   OR excluded.deleted_key > workflows.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
