-- How PostgreSQL records the events of the kind 'mcp_server': one prepared statement a type.

-- mcp_server.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO mcp_servers (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, tool_count, error, reason, status_at, description_key, description_keys, name, description, workspace_id, user_id, transport, command, args, url, headers, env, version)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19, $20::JSONB, $21::VARCHAR, $22::TIMESTAMP WITH TIME ZONE, $23::VARCHAR COLLATE "C", $25::JSONB, $26, $27::VARCHAR, $28::VARCHAR COLLATE "C", $29::VARCHAR COLLATE "C", $30, $31::VARCHAR, $32::JSONB, $33::VARCHAR, $34::JSONB, $35::JSONB, $36::VARCHAR
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status ELSE mcp_servers.status END,
    name = CASE WHEN (($24::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'name', CASE WHEN (mcp_servers.name IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.name ELSE mcp_servers.name END,
    description = CASE WHEN (($24::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'description', CASE WHEN (mcp_servers.description IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description ELSE mcp_servers.description END,
    workspace_id = CASE WHEN (($24::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'workspace_id', CASE WHEN (mcp_servers.workspace_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.workspace_id ELSE mcp_servers.workspace_id END,
    user_id = CASE WHEN (($24::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'user_id', CASE WHEN (mcp_servers.user_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.user_id ELSE mcp_servers.user_id END,
    transport = CASE WHEN (($24::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'transport', CASE WHEN (mcp_servers.transport IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.transport ELSE mcp_servers.transport END,
    command = CASE WHEN (($24::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'command', CASE WHEN (mcp_servers.command IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.command ELSE mcp_servers.command END,
    args = CASE WHEN (($24::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'args', CASE WHEN (mcp_servers.args IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.args ELSE mcp_servers.args END,
    url = CASE WHEN (($24::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'url', CASE WHEN (mcp_servers.url IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.url ELSE mcp_servers.url END,
    headers = CASE WHEN (($24::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'headers', CASE WHEN (mcp_servers.headers IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.headers ELSE mcp_servers.headers END,
    env = CASE WHEN (($24::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'env', CASE WHEN (mcp_servers.env IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.env ELSE mcp_servers.env END,
    version = CASE WHEN (($24::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'version', CASE WHEN (mcp_servers.version IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.version ELSE mcp_servers.version END,
    tool_count = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.tool_count ELSE mcp_servers.tool_count END,
    error = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.error ELSE mcp_servers.error END,
    reason = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.reason ELSE mcp_servers.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at ELSE mcp_servers.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at ELSE mcp_servers.updated_at END,
    status_at = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status_at ELSE mcp_servers.status_at END,
    status_key = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status_key ELSE mcp_servers.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at_key ELSE mcp_servers.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at_key ELSE mcp_servers.created_at_key END,
    description_key = CASE WHEN (mcp_servers.description_key = '') THEN excluded.description_key ELSE mcp_servers.description_key END,
    description_keys = CASE WHEN (mcp_servers.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($24::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'name', CASE WHEN (mcp_servers.name IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'name' END,
        'description', CASE WHEN (($24::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'description', CASE WHEN (mcp_servers.description IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($24::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'workspace_id', CASE WHEN (mcp_servers.workspace_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($24::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'user_id', CASE WHEN (mcp_servers.user_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'user_id' END,
        'transport', CASE WHEN (($24::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'transport', CASE WHEN (mcp_servers.transport IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'transport' END,
        'command', CASE WHEN (($24::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'command', CASE WHEN (mcp_servers.command IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'command' END,
        'args', CASE WHEN (($24::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'args', CASE WHEN (mcp_servers.args IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'args' END,
        'url', CASE WHEN (($24::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'url', CASE WHEN (mcp_servers.url IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'url' END,
        'headers', CASE WHEN (($24::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'headers', CASE WHEN (mcp_servers.headers IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'headers' END,
        'env', CASE WHEN (($24::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'env', CASE WHEN (mcp_servers.env IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'env' END,
        'version', CASE WHEN (($24::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'version', CASE WHEN (mcp_servers.version IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'version' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)
   OR excluded.status_key > mcp_servers.status_key OR $24::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- mcp_server.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO mcp_servers (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, description, workspace_id, user_id, transport, command, args, url, headers, env, version)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR, $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24, $25::VARCHAR, $26::JSONB, $27::VARCHAR, $28::JSONB, $29::JSONB, $30::VARCHAR
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'name', CASE WHEN (mcp_servers.name IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.name ELSE mcp_servers.name END,
    description = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'description', CASE WHEN (mcp_servers.description IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description ELSE mcp_servers.description END,
    workspace_id = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'workspace_id', CASE WHEN (mcp_servers.workspace_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.workspace_id ELSE mcp_servers.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'user_id', CASE WHEN (mcp_servers.user_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.user_id ELSE mcp_servers.user_id END,
    transport = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'transport', CASE WHEN (mcp_servers.transport IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.transport ELSE mcp_servers.transport END,
    command = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'command', CASE WHEN (mcp_servers.command IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.command ELSE mcp_servers.command END,
    args = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'args', CASE WHEN (mcp_servers.args IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.args ELSE mcp_servers.args END,
    url = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'url', CASE WHEN (mcp_servers.url IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.url ELSE mcp_servers.url END,
    headers = CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'headers', CASE WHEN (mcp_servers.headers IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.headers ELSE mcp_servers.headers END,
    env = CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'env', CASE WHEN (mcp_servers.env IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.env ELSE mcp_servers.env END,
    version = CASE WHEN (($18::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'version', CASE WHEN (mcp_servers.version IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.version ELSE mcp_servers.version END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at ELSE mcp_servers.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at ELSE mcp_servers.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at_key ELSE mcp_servers.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at_key ELSE mcp_servers.created_at_key END,
    description_key = CASE WHEN (mcp_servers.description_key = '') THEN excluded.description_key ELSE mcp_servers.description_key END,
    description_keys = CASE WHEN (mcp_servers.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'name', CASE WHEN (mcp_servers.name IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'name' END,
        'description', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'description', CASE WHEN (mcp_servers.description IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'workspace_id', CASE WHEN (mcp_servers.workspace_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'user_id', CASE WHEN (mcp_servers.user_id IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'user_id' END,
        'transport', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'transport', CASE WHEN (mcp_servers.transport IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'transport' END,
        'command', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'command', CASE WHEN (mcp_servers.command IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'command' END,
        'args', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'args', CASE WHEN (mcp_servers.args IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'args' END,
        'url', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'url', CASE WHEN (mcp_servers.url IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'url' END,
        'headers', CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'headers', CASE WHEN (mcp_servers.headers IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'headers' END,
        'env', CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'env', CASE WHEN (mcp_servers.env IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'env' END,
        'version', CASE WHEN (($18::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(mcp_servers.description_keys ->> 'version', CASE WHEN (mcp_servers.version IS NOT NULL) THEN mcp_servers.description_key ELSE '' END)) THEN excluded.description_key ELSE mcp_servers.description_keys ->> 'version' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- mcp_server.connected, mcp_server.disconnected, mcp_server.failed
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO mcp_servers (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, tool_count, error, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19, $20::JSONB, $21::VARCHAR, $22::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status ELSE mcp_servers.status END,
    tool_count = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.tool_count ELSE mcp_servers.tool_count END,
    error = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.error ELSE mcp_servers.error END,
    reason = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.reason ELSE mcp_servers.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at ELSE mcp_servers.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at ELSE mcp_servers.updated_at END,
    status_at = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status_at ELSE mcp_servers.status_at END,
    status_key = CASE WHEN (excluded.status_key > mcp_servers.status_key) THEN excluded.status_key ELSE mcp_servers.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at_key ELSE mcp_servers.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at_key ELSE mcp_servers.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)
   OR excluded.status_key > mcp_servers.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- mcp_server.deleted, mcp_server.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO mcp_servers (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at ELSE mcp_servers.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at ELSE mcp_servers.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > mcp_servers.deleted_key) THEN excluded.deleted_at ELSE mcp_servers.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > mcp_servers.deleted_key) THEN excluded.deleted_key ELSE mcp_servers.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)) THEN excluded.updated_at_key ELSE mcp_servers.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at)) THEN excluded.created_at_key ELSE mcp_servers.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (mcp_servers.created_at_key, mcp_servers.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (mcp_servers.updated_at_key, mcp_servers.updated_at)
   OR excluded.deleted_key > mcp_servers.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
