-- How PostgreSQL records the events of the kind 'schedule': one prepared statement a type.

-- schedule.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO schedules (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at, description_key, description_keys, name, workflow_id, workspace_id, user_id, expression, timezone, input, missed, starts_at, ends_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE, $21::VARCHAR COLLATE "C", $23::JSONB, $24, $25::VARCHAR COLLATE "C", $26::VARCHAR COLLATE "C", $27::VARCHAR COLLATE "C", $28::VARCHAR, $29::VARCHAR, $30::JSONB, $31, $32::TIMESTAMP WITH TIME ZONE, $33::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status ELSE schedules.status END,
    name = CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'name', CASE WHEN (schedules.name IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.name ELSE schedules.name END,
    workflow_id = CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workflow_id', CASE WHEN (schedules.workflow_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.workflow_id ELSE schedules.workflow_id END,
    workspace_id = CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workspace_id', CASE WHEN (schedules.workspace_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.workspace_id ELSE schedules.workspace_id END,
    user_id = CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'user_id', CASE WHEN (schedules.user_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.user_id ELSE schedules.user_id END,
    expression = CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'expression', CASE WHEN (schedules.expression IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.expression ELSE schedules.expression END,
    timezone = CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'timezone', CASE WHEN (schedules.timezone IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.timezone ELSE schedules.timezone END,
    input = CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'input', CASE WHEN (schedules.input IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.input ELSE schedules.input END,
    missed = CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'missed', CASE WHEN (schedules.missed IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.missed ELSE schedules.missed END,
    starts_at = CASE WHEN (($22::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'starts_at', CASE WHEN (schedules.starts_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.starts_at ELSE schedules.starts_at END,
    ends_at = CASE WHEN (($22::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'ends_at', CASE WHEN (schedules.ends_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.ends_at ELSE schedules.ends_at END,
    reason = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.reason ELSE schedules.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at ELSE schedules.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at ELSE schedules.updated_at END,
    status_at = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status_at ELSE schedules.status_at END,
    status_key = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status_key ELSE schedules.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at_key ELSE schedules.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at_key ELSE schedules.created_at_key END,
    description_key = CASE WHEN (schedules.description_key = '') THEN excluded.description_key ELSE schedules.description_key END,
    description_keys = CASE WHEN (schedules.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($22::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'name', CASE WHEN (schedules.name IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'name' END,
        'workflow_id', CASE WHEN (($22::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workflow_id', CASE WHEN (schedules.workflow_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($22::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workspace_id', CASE WHEN (schedules.workspace_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($22::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'user_id', CASE WHEN (schedules.user_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'user_id' END,
        'expression', CASE WHEN (($22::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'expression', CASE WHEN (schedules.expression IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'expression' END,
        'timezone', CASE WHEN (($22::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'timezone', CASE WHEN (schedules.timezone IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'timezone' END,
        'input', CASE WHEN (($22::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'input', CASE WHEN (schedules.input IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'input' END,
        'missed', CASE WHEN (($22::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'missed', CASE WHEN (schedules.missed IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'missed' END,
        'starts_at', CASE WHEN (($22::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'starts_at', CASE WHEN (schedules.starts_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'starts_at' END,
        'ends_at', CASE WHEN (($22::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'ends_at', CASE WHEN (schedules.ends_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'ends_at' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)
   OR excluded.status_key > schedules.status_key OR $22::BIGINT != 0),
w1 AS (INSERT INTO schedule_changes (schedule_id, source, event_id, type, changed_at)
SELECT $34::VARCHAR COLLATE "C", $35::VARCHAR COLLATE "C", $36::VARCHAR COLLATE "C", $37::VARCHAR, $38::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- schedule.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO schedules (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, workflow_id, workspace_id, user_id, expression, timezone, input, missed, starts_at, ends_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::VARCHAR, $25::VARCHAR, $26::JSONB, $27, $28::TIMESTAMP WITH TIME ZONE, $29::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'name', CASE WHEN (schedules.name IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.name ELSE schedules.name END,
    workflow_id = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workflow_id', CASE WHEN (schedules.workflow_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.workflow_id ELSE schedules.workflow_id END,
    workspace_id = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workspace_id', CASE WHEN (schedules.workspace_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.workspace_id ELSE schedules.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'user_id', CASE WHEN (schedules.user_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.user_id ELSE schedules.user_id END,
    expression = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'expression', CASE WHEN (schedules.expression IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.expression ELSE schedules.expression END,
    timezone = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'timezone', CASE WHEN (schedules.timezone IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.timezone ELSE schedules.timezone END,
    input = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'input', CASE WHEN (schedules.input IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.input ELSE schedules.input END,
    missed = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'missed', CASE WHEN (schedules.missed IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.missed ELSE schedules.missed END,
    starts_at = CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'starts_at', CASE WHEN (schedules.starts_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.starts_at ELSE schedules.starts_at END,
    ends_at = CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'ends_at', CASE WHEN (schedules.ends_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.ends_at ELSE schedules.ends_at END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at ELSE schedules.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at ELSE schedules.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at_key ELSE schedules.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at_key ELSE schedules.created_at_key END,
    description_key = CASE WHEN (schedules.description_key = '') THEN excluded.description_key ELSE schedules.description_key END,
    description_keys = CASE WHEN (schedules.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'name', CASE WHEN (schedules.name IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'name' END,
        'workflow_id', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workflow_id', CASE WHEN (schedules.workflow_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'workspace_id', CASE WHEN (schedules.workspace_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'user_id', CASE WHEN (schedules.user_id IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'user_id' END,
        'expression', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'expression', CASE WHEN (schedules.expression IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'expression' END,
        'timezone', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'timezone', CASE WHEN (schedules.timezone IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'timezone' END,
        'input', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'input', CASE WHEN (schedules.input IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'input' END,
        'missed', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'missed', CASE WHEN (schedules.missed IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'missed' END,
        'starts_at', CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'starts_at', CASE WHEN (schedules.starts_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'starts_at' END,
        'ends_at', CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(schedules.description_keys ->> 'ends_at', CASE WHEN (schedules.ends_at IS NOT NULL) THEN schedules.description_key ELSE '' END)) THEN excluded.description_key ELSE schedules.description_keys ->> 'ends_at' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at) OR $18::BIGINT != 0),
w1 AS (INSERT INTO schedule_changes (schedule_id, source, event_id, type, changed_at)
SELECT $30::VARCHAR COLLATE "C", $31::VARCHAR COLLATE "C", $32::VARCHAR COLLATE "C", $33::VARCHAR, $34::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- schedule.enabled, schedule.disabled
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO schedules (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, reason, status_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status ELSE schedules.status END,
    reason = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.reason ELSE schedules.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at ELSE schedules.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at ELSE schedules.updated_at END,
    status_at = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status_at ELSE schedules.status_at END,
    status_key = CASE WHEN (excluded.status_key > schedules.status_key) THEN excluded.status_key ELSE schedules.status_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at_key ELSE schedules.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at_key ELSE schedules.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)
   OR excluded.status_key > schedules.status_key),
w1 AS (INSERT INTO schedule_changes (schedule_id, source, event_id, type, changed_at)
SELECT $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::VARCHAR, $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- schedule.fired
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO schedules (id, created_at_key, created_at, updated_at_key, updated_at, fired_key, last_due_at, last_execution_id)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE, $19::VARCHAR COLLATE "C"
FROM "new"
ON CONFLICT (id)
DO UPDATE SET last_due_at = CASE WHEN (excluded.fired_key > schedules.fired_key) THEN excluded.last_due_at ELSE schedules.last_due_at END,
    last_execution_id = CASE WHEN (excluded.fired_key > schedules.fired_key) THEN excluded.last_execution_id ELSE schedules.last_execution_id END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at ELSE schedules.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at ELSE schedules.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at_key ELSE schedules.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at_key ELSE schedules.created_at_key END,
    fired_key = CASE WHEN (excluded.fired_key > schedules.fired_key) THEN excluded.fired_key ELSE schedules.fired_key END
WHERE (excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)
   OR excluded.fired_key > schedules.fired_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- schedule.deleted, schedule.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO schedules (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at ELSE schedules.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at ELSE schedules.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > schedules.deleted_key) THEN excluded.deleted_at ELSE schedules.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > schedules.deleted_key) THEN excluded.deleted_key ELSE schedules.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)) THEN excluded.updated_at_key ELSE schedules.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at)) THEN excluded.created_at_key ELSE schedules.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (schedules.created_at_key, schedules.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (schedules.updated_at_key, schedules.updated_at)
   OR excluded.deleted_key > schedules.deleted_key),
w1 AS (INSERT INTO schedule_changes (schedule_id, source, event_id, type, changed_at)
SELECT $19::VARCHAR COLLATE "C", $20::VARCHAR COLLATE "C", $21::VARCHAR COLLATE "C", $22::VARCHAR, $23::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
