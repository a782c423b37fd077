-- How PostgreSQL records the events of the kind 'sandbox': one prepared statement a type.

-- sandbox.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO sandboxes (id, created_at_key, created_at, status_key, status, error, reason, status_at, description_key, description_keys, workspace_id, name, description, agent_id, user_id, container_id, agent_config, resource_limits, connection, health)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::JSONB, $18::VARCHAR, $19::TIMESTAMP WITH TIME ZONE, $20::VARCHAR COLLATE "C", $22::JSONB, $23::VARCHAR COLLATE "C", $24, $25::VARCHAR, $26::VARCHAR COLLATE "C", $27::VARCHAR COLLATE "C", $28::VARCHAR COLLATE "C", $29::JSONB, $30::JSONB, $31::JSONB, $32::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status ELSE sandboxes.status END,
    workspace_id = CASE WHEN (($21::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'workspace_id', CASE WHEN (sandboxes.workspace_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.workspace_id ELSE sandboxes.workspace_id END,
    name = CASE WHEN (($21::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'name', CASE WHEN (sandboxes.name IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.name ELSE sandboxes.name END,
    description = CASE WHEN (($21::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'description', CASE WHEN (sandboxes.description IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description ELSE sandboxes.description END,
    agent_id = CASE WHEN (($21::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_id', CASE WHEN (sandboxes.agent_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.agent_id ELSE sandboxes.agent_id END,
    user_id = CASE WHEN (($21::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'user_id', CASE WHEN (sandboxes.user_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.user_id ELSE sandboxes.user_id END,
    container_id = CASE WHEN (($21::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'container_id', CASE WHEN (sandboxes.container_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.container_id ELSE sandboxes.container_id END,
    agent_config = CASE WHEN (($21::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_config', CASE WHEN (sandboxes.agent_config IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.agent_config ELSE sandboxes.agent_config END,
    resource_limits = CASE WHEN (($21::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'resource_limits', CASE WHEN (sandboxes.resource_limits IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.resource_limits ELSE sandboxes.resource_limits END,
    connection = CASE WHEN (($21::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'connection', CASE WHEN (sandboxes.connection IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.connection ELSE sandboxes.connection END,
    health = CASE WHEN (($21::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'health', CASE WHEN (sandboxes.health IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.health ELSE sandboxes.health END,
    error = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.error ELSE sandboxes.error END,
    reason = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.reason ELSE sandboxes.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at ELSE sandboxes.created_at END,
    status_at = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_at ELSE sandboxes.status_at END,
    status_key = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_key ELSE sandboxes.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at_key ELSE sandboxes.created_at_key END,
    description_key = CASE WHEN (sandboxes.description_key = '') THEN excluded.description_key ELSE sandboxes.description_key END,
    description_keys = CASE WHEN (sandboxes.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'workspace_id', CASE WHEN (($21::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'workspace_id', CASE WHEN (sandboxes.workspace_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'workspace_id' END,
        'name', CASE WHEN (($21::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'name', CASE WHEN (sandboxes.name IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'name' END,
        'description', CASE WHEN (($21::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'description', CASE WHEN (sandboxes.description IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'description' END,
        'agent_id', CASE WHEN (($21::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_id', CASE WHEN (sandboxes.agent_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($21::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'user_id', CASE WHEN (sandboxes.user_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'user_id' END,
        'container_id', CASE WHEN (($21::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'container_id', CASE WHEN (sandboxes.container_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'container_id' END,
        'agent_config', CASE WHEN (($21::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_config', CASE WHEN (sandboxes.agent_config IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'agent_config' END,
        'resource_limits', CASE WHEN (($21::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'resource_limits', CASE WHEN (sandboxes.resource_limits IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'resource_limits' END,
        'connection', CASE WHEN (($21::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'connection', CASE WHEN (sandboxes.connection IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'connection' END,
        'health', CASE WHEN (($21::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'health', CASE WHEN (sandboxes.health IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'health' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)
   OR excluded.status_key > sandboxes.status_key OR $21::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- sandbox.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO sandboxes (id, created_at_key, created_at, description_key, description_keys, workspace_id, name, description, agent_id, user_id, container_id, agent_config, resource_limits, connection, health)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $17::JSONB, $18::VARCHAR COLLATE "C", $19, $20::VARCHAR, $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::JSONB, $25::JSONB, $26::JSONB, $27::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET workspace_id = CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'workspace_id', CASE WHEN (sandboxes.workspace_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.workspace_id ELSE sandboxes.workspace_id END,
    name = CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'name', CASE WHEN (sandboxes.name IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.name ELSE sandboxes.name END,
    description = CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'description', CASE WHEN (sandboxes.description IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description ELSE sandboxes.description END,
    agent_id = CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_id', CASE WHEN (sandboxes.agent_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.agent_id ELSE sandboxes.agent_id END,
    user_id = CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'user_id', CASE WHEN (sandboxes.user_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.user_id ELSE sandboxes.user_id END,
    container_id = CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'container_id', CASE WHEN (sandboxes.container_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.container_id ELSE sandboxes.container_id END,
    agent_config = CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_config', CASE WHEN (sandboxes.agent_config IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.agent_config ELSE sandboxes.agent_config END,
    resource_limits = CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'resource_limits', CASE WHEN (sandboxes.resource_limits IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.resource_limits ELSE sandboxes.resource_limits END,
    connection = CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'connection', CASE WHEN (sandboxes.connection IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.connection ELSE sandboxes.connection END,
    health = CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'health', CASE WHEN (sandboxes.health IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.health ELSE sandboxes.health END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at ELSE sandboxes.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at_key ELSE sandboxes.created_at_key END,
    description_key = CASE WHEN (sandboxes.description_key = '') THEN excluded.description_key ELSE sandboxes.description_key END,
    description_keys = CASE WHEN (sandboxes.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'workspace_id', CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'workspace_id', CASE WHEN (sandboxes.workspace_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'workspace_id' END,
        'name', CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'name', CASE WHEN (sandboxes.name IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'name' END,
        'description', CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'description', CASE WHEN (sandboxes.description IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'description' END,
        'agent_id', CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_id', CASE WHEN (sandboxes.agent_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'user_id', CASE WHEN (sandboxes.user_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'user_id' END,
        'container_id', CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'container_id', CASE WHEN (sandboxes.container_id IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'container_id' END,
        'agent_config', CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'agent_config', CASE WHEN (sandboxes.agent_config IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'agent_config' END,
        'resource_limits', CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'resource_limits', CASE WHEN (sandboxes.resource_limits IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'resource_limits' END,
        'connection', CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'connection', CASE WHEN (sandboxes.connection IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'connection' END,
        'health', CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(sandboxes.description_keys ->> 'health', CASE WHEN (sandboxes.health IS NOT NULL) THEN sandboxes.description_key ELSE '' END)) THEN excluded.description_key ELSE sandboxes.description_keys ->> 'health' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at) OR $16::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- sandbox.provisioning, sandbox.starting, sandbox.stopping, sandbox.stopped, sandbox.failed
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO sandboxes (id, created_at_key, created_at, status_key, status, error, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::JSONB, $18::VARCHAR, $19::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status ELSE sandboxes.status END,
    error = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.error ELSE sandboxes.error END,
    reason = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.reason ELSE sandboxes.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at ELSE sandboxes.created_at END,
    status_at = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_at ELSE sandboxes.status_at END,
    status_key = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_key ELSE sandboxes.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at_key ELSE sandboxes.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)
   OR excluded.status_key > sandboxes.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- sandbox.started
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO sandboxes (id, created_at_key, created_at, status_key, status, error, reason, status_at, started_at_key, started_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::JSONB, $18::VARCHAR, $19::TIMESTAMP WITH TIME ZONE, $20::VARCHAR COLLATE "C", $21::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status ELSE sandboxes.status END,
    error = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.error ELSE sandboxes.error END,
    reason = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.reason ELSE sandboxes.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at ELSE sandboxes.created_at END,
    started_at = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (sandboxes.started_at_key, sandboxes.started_at)) THEN excluded.started_at ELSE sandboxes.started_at END,
    status_at = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_at ELSE sandboxes.status_at END,
    status_key = CASE WHEN (excluded.status_key > sandboxes.status_key) THEN excluded.status_key ELSE sandboxes.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)) THEN excluded.created_at_key ELSE sandboxes.created_at_key END,
    started_at_key = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (sandboxes.started_at_key, sandboxes.started_at)) THEN excluded.started_at_key ELSE sandboxes.started_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (sandboxes.created_at_key, sandboxes.created_at)
   OR excluded.status_key > sandboxes.status_key OR (excluded.started_at_key, excluded.started_at) < (sandboxes.started_at_key, sandboxes.started_at))
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
