-- How PostgreSQL records the events of the kind 'workspace': one prepared statement a type.

-- workspace.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, status_key, status, reason, archived_at, description_key, description_keys, name, description, user_id, settings)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::VARCHAR, $18::TIMESTAMP WITH TIME ZONE, $19::VARCHAR COLLATE "C", $21::JSONB, $22, $23::VARCHAR, $24::VARCHAR COLLATE "C", $25::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status ELSE workspaces.status END,
    name = CASE WHEN (($20::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.name ELSE workspaces.name END,
    description = CASE WHEN (($20::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description ELSE workspaces.description END,
    user_id = CASE WHEN (($20::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.user_id ELSE workspaces.user_id END,
    settings = CASE WHEN (($20::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.settings ELSE workspaces.settings END,
    reason = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.reason ELSE workspaces.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at ELSE workspaces.created_at END,
    archived_at = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.archived_at ELSE workspaces.archived_at END,
    status_key = CASE WHEN (excluded.status_key > workspaces.status_key) THEN excluded.status_key ELSE workspaces.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at_key ELSE workspaces.created_at_key END,
    description_key = CASE WHEN (workspaces.description_key = '') THEN excluded.description_key ELSE workspaces.description_key END,
    description_keys = CASE WHEN (workspaces.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($20::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'name' END,
        'description', CASE WHEN (($20::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'description' END,
        'user_id', CASE WHEN (($20::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'user_id' END,
        'settings', CASE WHEN (($20::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'settings' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)
   OR excluded.status_key > workspaces.status_key OR $20::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workspace.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, description_key, description_keys, name, description, user_id, settings)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $17::JSONB, $18, $19::VARCHAR, $20::VARCHAR COLLATE "C", $21::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.name ELSE workspaces.name END,
    description = CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description ELSE workspaces.description END,
    user_id = CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.user_id ELSE workspaces.user_id END,
    settings = CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.settings ELSE workspaces.settings END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at ELSE workspaces.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at)) THEN excluded.created_at_key ELSE workspaces.created_at_key END,
    description_key = CASE WHEN (workspaces.description_key = '') THEN excluded.description_key ELSE workspaces.description_key END,
    description_keys = CASE WHEN (workspaces.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'name', CASE WHEN (workspaces.name IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'name' END,
        'description', CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'description', CASE WHEN (workspaces.description IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'description' END,
        'user_id', CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'user_id', CASE WHEN (workspaces.user_id IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'user_id' END,
        'settings', CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(workspaces.description_keys ->> 'settings', CASE WHEN (workspaces.settings IS NOT NULL) THEN workspaces.description_key ELSE '' END)) THEN excluded.description_key ELSE workspaces.description_keys ->> 'settings' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (workspaces.created_at_key, workspaces.created_at) OR $16::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- workspace.archived
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO workspaces (id, created_at_key, created_at, status_key, status, reason, archived_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::VARCHAR, $18::TIMESTAMP WITH TIME ZONE
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
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
