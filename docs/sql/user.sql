-- How PostgreSQL records the events of the kind 'user': one prepared statement a type.

-- user.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO users (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at, description_key, description_keys, email, full_name, role, settings, email_words, full_name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE, $21::VARCHAR COLLATE "C", $23::JSONB, $24::VARCHAR COLLATE "C", $25, $26, $27::JSONB, $28, $29
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status ELSE users.status END,
    email = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.email ELSE users.email END,
    full_name = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.full_name ELSE users.full_name END,
    role = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'role', CASE WHEN (users.role IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.role ELSE users.role END,
    settings = CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'settings', CASE WHEN (users.settings IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.settings ELSE users.settings END,
    reason = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.reason ELSE users.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at ELSE users.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at ELSE users.updated_at END,
    status_at = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status_at ELSE users.status_at END,
    status_key = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status_key ELSE users.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at_key ELSE users.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at_key ELSE users.created_at_key END,
    description_key = CASE WHEN (users.description_key = '') THEN excluded.description_key ELSE users.description_key END,
    description_keys = CASE WHEN (users.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'email', CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'email' END,
        'full_name', CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'full_name' END,
        'role', CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'role', CASE WHEN (users.role IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'role' END,
        'settings', CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'settings', CASE WHEN (users.settings IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'settings' END)), '{}'::jsonb) END,
    email_words = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.email_words ELSE users.email_words END,
    full_name_words = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.full_name_words ELSE users.full_name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)
   OR excluded.status_key > users.status_key OR $22::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- user.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO users (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, email, full_name, role, settings, email_words, full_name_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20::VARCHAR COLLATE "C", $21, $22, $23::JSONB, $24, $25
FROM "new"
ON CONFLICT (id)
DO UPDATE SET email = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.email ELSE users.email END,
    full_name = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.full_name ELSE users.full_name END,
    role = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'role', CASE WHEN (users.role IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.role ELSE users.role END,
    settings = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'settings', CASE WHEN (users.settings IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.settings ELSE users.settings END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at ELSE users.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at ELSE users.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at_key ELSE users.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at_key ELSE users.created_at_key END,
    description_key = CASE WHEN (users.description_key = '') THEN excluded.description_key ELSE users.description_key END,
    description_keys = CASE WHEN (users.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'email', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'email' END,
        'full_name', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'full_name' END,
        'role', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'role', CASE WHEN (users.role IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'role' END,
        'settings', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'settings', CASE WHEN (users.settings IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.description_key ELSE users.description_keys ->> 'settings' END)), '{}'::jsonb) END,
    email_words = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'email', CASE WHEN (users.email IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.email_words ELSE users.email_words END,
    full_name_words = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(users.description_keys ->> 'full_name', CASE WHEN (users.full_name IS NOT NULL) THEN users.description_key ELSE '' END)) THEN excluded.full_name_words ELSE users.full_name_words END
WHERE (excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- user.activated, user.deactivated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO users (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status ELSE users.status END,
    reason = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.reason ELSE users.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at ELSE users.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at ELSE users.updated_at END,
    status_at = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status_at ELSE users.status_at END,
    status_key = CASE WHEN (excluded.status_key > users.status_key) THEN excluded.status_key ELSE users.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at_key ELSE users.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at_key ELSE users.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)
   OR excluded.status_key > users.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- user.deleted, user.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO users (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at ELSE users.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at ELSE users.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > users.deleted_key) THEN excluded.deleted_at ELSE users.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > users.deleted_key) THEN excluded.deleted_key ELSE users.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)) THEN excluded.updated_at_key ELSE users.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at)) THEN excluded.created_at_key ELSE users.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (users.created_at_key, users.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (users.updated_at_key, users.updated_at)
   OR excluded.deleted_key > users.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
