-- How PostgreSQL records the events of the kind 'agent': one prepared statement a type.

-- agent.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO agents (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at, description_key, description_keys, name, description, kind, version, workspace_id, user_id, capabilities, agent_config, name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE, $21::VARCHAR COLLATE "C", $23::JSONB, $24, $25::VARCHAR, $26, $27::VARCHAR, $28::VARCHAR COLLATE "C", $29::VARCHAR COLLATE "C", $30::JSONB, $31::JSONB, $32
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status ELSE agents.status END,
    name = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.name ELSE agents.name END,
    description = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'description', CASE WHEN (agents.description IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description ELSE agents.description END,
    kind = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'kind', CASE WHEN (agents.kind IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.kind ELSE agents.kind END,
    version = CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'version', CASE WHEN (agents.version IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.version ELSE agents.version END,
    workspace_id = CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'workspace_id', CASE WHEN (agents.workspace_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.workspace_id ELSE agents.workspace_id END,
    user_id = CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'user_id', CASE WHEN (agents.user_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.user_id ELSE agents.user_id END,
    capabilities = CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'capabilities', CASE WHEN (agents.capabilities IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.capabilities ELSE agents.capabilities END,
    agent_config = CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'agent_config', CASE WHEN (agents.agent_config IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.agent_config ELSE agents.agent_config END,
    reason = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.reason ELSE agents.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at ELSE agents.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at ELSE agents.updated_at END,
    status_at = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status_at ELSE agents.status_at END,
    status_key = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status_key ELSE agents.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at_key ELSE agents.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at_key ELSE agents.created_at_key END,
    description_key = CASE WHEN (agents.description_key = '') THEN excluded.description_key ELSE agents.description_key END,
    description_keys = CASE WHEN (agents.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'name' END,
        'description', CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'description', CASE WHEN (agents.description IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'description' END,
        'kind', CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'kind', CASE WHEN (agents.kind IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'kind' END,
        'version', CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'version', CASE WHEN (agents.version IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'version' END,
        'workspace_id', CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'workspace_id', CASE WHEN (agents.workspace_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'user_id', CASE WHEN (agents.user_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'user_id' END,
        'capabilities', CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'capabilities', CASE WHEN (agents.capabilities IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'capabilities' END,
        'agent_config', CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'agent_config', CASE WHEN (agents.agent_config IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'agent_config' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.name_words ELSE agents.name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)
   OR excluded.status_key > agents.status_key OR $22::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- agent.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO agents (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, description, kind, version, workspace_id, user_id, capabilities, agent_config, name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR, $22, $23::VARCHAR, $24::VARCHAR COLLATE "C", $25::VARCHAR COLLATE "C", $26::JSONB, $27::JSONB, $28
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.name ELSE agents.name END,
    description = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'description', CASE WHEN (agents.description IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description ELSE agents.description END,
    kind = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'kind', CASE WHEN (agents.kind IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.kind ELSE agents.kind END,
    version = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'version', CASE WHEN (agents.version IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.version ELSE agents.version END,
    workspace_id = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'workspace_id', CASE WHEN (agents.workspace_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.workspace_id ELSE agents.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'user_id', CASE WHEN (agents.user_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.user_id ELSE agents.user_id END,
    capabilities = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'capabilities', CASE WHEN (agents.capabilities IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.capabilities ELSE agents.capabilities END,
    agent_config = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'agent_config', CASE WHEN (agents.agent_config IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.agent_config ELSE agents.agent_config END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at ELSE agents.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at ELSE agents.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at_key ELSE agents.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at_key ELSE agents.created_at_key END,
    description_key = CASE WHEN (agents.description_key = '') THEN excluded.description_key ELSE agents.description_key END,
    description_keys = CASE WHEN (agents.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'name' END,
        'description', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'description', CASE WHEN (agents.description IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'description' END,
        'kind', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'kind', CASE WHEN (agents.kind IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'kind' END,
        'version', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'version', CASE WHEN (agents.version IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'version' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'workspace_id', CASE WHEN (agents.workspace_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'user_id', CASE WHEN (agents.user_id IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'user_id' END,
        'capabilities', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'capabilities', CASE WHEN (agents.capabilities IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'capabilities' END,
        'agent_config', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'agent_config', CASE WHEN (agents.agent_config IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.description_key ELSE agents.description_keys ->> 'agent_config' END)), '{}'::jsonb) END,
    name_words = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(agents.description_keys ->> 'name', CASE WHEN (agents.name IS NOT NULL) THEN agents.description_key ELSE '' END)) THEN excluded.name_words ELSE agents.name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- agent.activated, agent.retired
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO agents (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status ELSE agents.status END,
    reason = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.reason ELSE agents.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at ELSE agents.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at ELSE agents.updated_at END,
    status_at = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status_at ELSE agents.status_at END,
    status_key = CASE WHEN (excluded.status_key > agents.status_key) THEN excluded.status_key ELSE agents.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at_key ELSE agents.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at_key ELSE agents.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)
   OR excluded.status_key > agents.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- agent.deleted, agent.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO agents (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at ELSE agents.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at ELSE agents.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > agents.deleted_key) THEN excluded.deleted_at ELSE agents.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > agents.deleted_key) THEN excluded.deleted_key ELSE agents.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)) THEN excluded.updated_at_key ELSE agents.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at)) THEN excluded.created_at_key ELSE agents.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (agents.created_at_key, agents.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (agents.updated_at_key, agents.updated_at)
   OR excluded.deleted_key > agents.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
