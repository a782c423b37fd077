-- How PostgreSQL records the events of the kind 'workspace': one prepared statement a type.

-- workspace.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, raw, recorded_at)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE
ON CONFLICT DO NOTHING
RETURNING 1 AS one),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, status_key, status, reason, archived_at, description_key, description_keys, name, description, user_id, settings)
SELECT $11::VARCHAR COLLATE "C", $12::VARCHAR COLLATE "C", $13::TIMESTAMP WITH TIME ZONE, $14::VARCHAR COLLATE "C", $15, $16::VARCHAR, $17::TIMESTAMP WITH TIME ZONE, $18::VARCHAR COLLATE "C", $20::JSONB, $21, $22::VARCHAR, $23::VARCHAR COLLATE "C", $24::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status ELSE workspaces.status END,
    name = CASE WHEN (($19::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.name ELSE workspaces.name END,
    description = CASE WHEN (($19::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description ELSE workspaces.description END,
    user_id = CASE WHEN (($19::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.user_id ELSE workspaces.user_id END,
    settings = CASE WHEN (($19::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.settings ELSE workspaces.settings END,
    reason = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.reason ELSE workspaces.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at ELSE workspaces.created_at END,
    archived_at = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.archived_at ELSE workspaces.archived_at END,
    status_key = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status_key ELSE workspaces.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at_key ELSE workspaces.created_at_key END,
    description_key = CASE WHEN (workspaces.description_key = '') THEN excluded.description_key ELSE workspaces.description_key END,
    description_keys = CASE WHEN (workspaces.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($19::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'name' END,
        'description', CASE WHEN (($19::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'description' END,
        'user_id', CASE WHEN (($19::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'user_id' END,
        'settings', CASE WHEN (($19::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'settings' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)
   OR excluded.status_key > workspaces.status_key OR $19::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $10::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workspace.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, raw, recorded_at)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE
ON CONFLICT DO NOTHING
RETURNING 1 AS one),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, description_key, description_keys, name, description, user_id, settings)
SELECT $11::VARCHAR COLLATE "C", $12::VARCHAR COLLATE "C", $13::TIMESTAMP WITH TIME ZONE, $14::VARCHAR COLLATE "C", $16::JSONB, $17, $18::VARCHAR, $19::VARCHAR COLLATE "C", $20::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($15::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.name ELSE workspaces.name END,
    description = CASE WHEN (($15::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description ELSE workspaces.description END,
    user_id = CASE WHEN (($15::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.user_id ELSE workspaces.user_id END,
    settings = CASE WHEN (($15::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.settings ELSE workspaces.settings END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at ELSE workspaces.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at_key ELSE workspaces.created_at_key END,
    description_key = CASE WHEN (workspaces.description_key = '') THEN excluded.description_key ELSE workspaces.description_key END,
    description_keys = CASE WHEN (workspaces.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($15::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'name' END,
        'description', CASE WHEN (($15::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'description' END,
        'user_id', CASE WHEN (($15::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'user_id' END,
        'settings', CASE WHEN (($15::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'settings' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at) OR $15::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $10::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workspace.archived
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, raw, recorded_at)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE
ON CONFLICT DO NOTHING
RETURNING 1 AS one),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, status_key, status, reason, archived_at)
SELECT $11::VARCHAR COLLATE "C", $12::VARCHAR COLLATE "C", $13::TIMESTAMP WITH TIME ZONE, $14::VARCHAR COLLATE "C", $15, $16::VARCHAR, $17::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status ELSE workspaces.status END,
    reason = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.reason ELSE workspaces.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at ELSE workspaces.created_at END,
    archived_at = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.archived_at ELSE workspaces.archived_at END,
    status_key = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status_key ELSE workspaces.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at_key ELSE workspaces.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)
   OR excluded.status_key > workspaces.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $10::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
