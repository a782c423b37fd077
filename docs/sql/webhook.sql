-- How PostgreSQL records the events of the kind 'webhook': one prepared statement a type.

-- webhook.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO webhooks (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at, description_key, description_keys, name, workflow_id, workspace_id, user_id, secret_names, allowed_ips, input_mapping)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE, $21::VARCHAR COLLATE "C", $23::JSONB, $24, $25::VARCHAR COLLATE "C", $26::VARCHAR COLLATE "C", $27::VARCHAR COLLATE "C", $28::JSONB, $29::JSONB, $30::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status ELSE webhooks.status END,
    name = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'name', CASE WHEN (webhooks.name IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.name ELSE webhooks.name END,
    workflow_id = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workflow_id', CASE WHEN (webhooks.workflow_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.workflow_id ELSE webhooks.workflow_id END,
    workspace_id = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workspace_id', CASE WHEN (webhooks.workspace_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.workspace_id ELSE webhooks.workspace_id END,
    user_id = CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'user_id', CASE WHEN (webhooks.user_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.user_id ELSE webhooks.user_id END,
    secret_names = CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'secret_names', CASE WHEN (webhooks.secret_names IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.secret_names ELSE webhooks.secret_names END,
    allowed_ips = CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'allowed_ips', CASE WHEN (webhooks.allowed_ips IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.allowed_ips ELSE webhooks.allowed_ips END,
    input_mapping = CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'input_mapping', CASE WHEN (webhooks.input_mapping IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.input_mapping ELSE webhooks.input_mapping END,
    reason = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.reason ELSE webhooks.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at ELSE webhooks.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at ELSE webhooks.updated_at END,
    status_at = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status_at ELSE webhooks.status_at END,
    status_key = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status_key ELSE webhooks.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at_key ELSE webhooks.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at_key ELSE webhooks.created_at_key END,
    description_key = CASE WHEN (webhooks.description_key = '') THEN excluded.description_key ELSE webhooks.description_key END,
    description_keys = CASE WHEN (webhooks.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'name', CASE WHEN (webhooks.name IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'name' END,
        'workflow_id', CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workflow_id', CASE WHEN (webhooks.workflow_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workspace_id', CASE WHEN (webhooks.workspace_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'user_id', CASE WHEN (webhooks.user_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'user_id' END,
        'secret_names', CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'secret_names', CASE WHEN (webhooks.secret_names IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'secret_names' END,
        'allowed_ips', CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'allowed_ips', CASE WHEN (webhooks.allowed_ips IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'allowed_ips' END,
        'input_mapping', CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'input_mapping', CASE WHEN (webhooks.input_mapping IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'input_mapping' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)
   OR excluded.status_key > webhooks.status_key OR $22::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- webhook.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO webhooks (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, workflow_id, workspace_id, user_id, secret_names, allowed_ips, input_mapping)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::JSONB, $25::JSONB, $26::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'name', CASE WHEN (webhooks.name IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.name ELSE webhooks.name END,
    workflow_id = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workflow_id', CASE WHEN (webhooks.workflow_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.workflow_id ELSE webhooks.workflow_id END,
    workspace_id = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workspace_id', CASE WHEN (webhooks.workspace_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.workspace_id ELSE webhooks.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'user_id', CASE WHEN (webhooks.user_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.user_id ELSE webhooks.user_id END,
    secret_names = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'secret_names', CASE WHEN (webhooks.secret_names IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.secret_names ELSE webhooks.secret_names END,
    allowed_ips = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'allowed_ips', CASE WHEN (webhooks.allowed_ips IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.allowed_ips ELSE webhooks.allowed_ips END,
    input_mapping = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'input_mapping', CASE WHEN (webhooks.input_mapping IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.input_mapping ELSE webhooks.input_mapping END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at ELSE webhooks.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at ELSE webhooks.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at_key ELSE webhooks.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at_key ELSE webhooks.created_at_key END,
    description_key = CASE WHEN (webhooks.description_key = '') THEN excluded.description_key ELSE webhooks.description_key END,
    description_keys = CASE WHEN (webhooks.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'name', CASE WHEN (webhooks.name IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'name' END,
        'workflow_id', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workflow_id', CASE WHEN (webhooks.workflow_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'workspace_id', CASE WHEN (webhooks.workspace_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'user_id', CASE WHEN (webhooks.user_id IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'user_id' END,
        'secret_names', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'secret_names', CASE WHEN (webhooks.secret_names IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'secret_names' END,
        'allowed_ips', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'allowed_ips', CASE WHEN (webhooks.allowed_ips IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'allowed_ips' END,
        'input_mapping', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(webhooks.description_keys ->> 'input_mapping', CASE WHEN (webhooks.input_mapping IS NOT NULL) THEN webhooks.description_key ELSE '' END)) THEN excluded.description_key ELSE webhooks.description_keys ->> 'input_mapping' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- webhook.enabled, webhook.disabled
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO webhooks (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status ELSE webhooks.status END,
    reason = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.reason ELSE webhooks.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at ELSE webhooks.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at ELSE webhooks.updated_at END,
    status_at = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status_at ELSE webhooks.status_at END,
    status_key = CASE WHEN (excluded.status_key > webhooks.status_key) THEN excluded.status_key ELSE webhooks.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at_key ELSE webhooks.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at_key ELSE webhooks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)
   OR excluded.status_key > webhooks.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- webhook.deleted, webhook.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO webhooks (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at ELSE webhooks.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at ELSE webhooks.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > webhooks.deleted_key) THEN excluded.deleted_at ELSE webhooks.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > webhooks.deleted_key) THEN excluded.deleted_key ELSE webhooks.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)) THEN excluded.updated_at_key ELSE webhooks.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at)) THEN excluded.created_at_key ELSE webhooks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (webhooks.created_at_key, webhooks.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (webhooks.updated_at_key, webhooks.updated_at)
   OR excluded.deleted_key > webhooks.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
