-- How PostgreSQL records the events of the kind 'collaboration': one prepared statement a type.

-- collaboration.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, attempt, error, output, reason, finished_at, description_key, description_keys, name, description, workspace_id, user_id, coordinator_id, member_ids, execution_ids, mode, goal, policy)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19, $20::JSONB, $21::JSONB, $22::VARCHAR, $23::TIMESTAMP WITH TIME ZONE, $24::VARCHAR COLLATE "C", $26::JSONB, $27, $28::VARCHAR, $29::VARCHAR COLLATE "C", $30::VARCHAR COLLATE "C", $31::VARCHAR COLLATE "C", $32::JSONB, $33::JSONB, $34::VARCHAR, $35::JSONB, $36::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status ELSE collaborations.status END,
    attempt = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.attempt ELSE collaborations.attempt END,
    name = CASE WHEN (($25::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'name', CASE WHEN (collaborations.name IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.name ELSE collaborations.name END,
    description = CASE WHEN (($25::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'description', CASE WHEN (collaborations.description IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description ELSE collaborations.description END,
    workspace_id = CASE WHEN (($25::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'workspace_id', CASE WHEN (collaborations.workspace_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.workspace_id ELSE collaborations.workspace_id END,
    user_id = CASE WHEN (($25::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'user_id', CASE WHEN (collaborations.user_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.user_id ELSE collaborations.user_id END,
    coordinator_id = CASE WHEN (($25::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'coordinator_id', CASE WHEN (collaborations.coordinator_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.coordinator_id ELSE collaborations.coordinator_id END,
    member_ids = CASE WHEN (($25::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'member_ids', CASE WHEN (collaborations.member_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.member_ids ELSE collaborations.member_ids END,
    execution_ids = CASE WHEN (($25::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'execution_ids', CASE WHEN (collaborations.execution_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.execution_ids ELSE collaborations.execution_ids END,
    mode = CASE WHEN (($25::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'mode', CASE WHEN (collaborations.mode IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.mode ELSE collaborations.mode END,
    goal = CASE WHEN (($25::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'goal', CASE WHEN (collaborations.goal IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.goal ELSE collaborations.goal END,
    policy = CASE WHEN (($25::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'policy', CASE WHEN (collaborations.policy IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.policy ELSE collaborations.policy END,
    output = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.output ELSE collaborations.output END,
    error = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.error ELSE collaborations.error END,
    reason = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.reason ELSE collaborations.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    finished_at = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.finished_at ELSE collaborations.finished_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END,
    status_key = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status_key ELSE collaborations.status_key END,
    description_key = CASE WHEN (collaborations.description_key = '') THEN excluded.description_key ELSE collaborations.description_key END,
    description_keys = CASE WHEN (collaborations.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($25::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'name', CASE WHEN (collaborations.name IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'name' END,
        'description', CASE WHEN (($25::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'description', CASE WHEN (collaborations.description IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($25::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'workspace_id', CASE WHEN (collaborations.workspace_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($25::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'user_id', CASE WHEN (collaborations.user_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'user_id' END,
        'coordinator_id', CASE WHEN (($25::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'coordinator_id', CASE WHEN (collaborations.coordinator_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'coordinator_id' END,
        'member_ids', CASE WHEN (($25::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'member_ids', CASE WHEN (collaborations.member_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'member_ids' END,
        'execution_ids', CASE WHEN (($25::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'execution_ids', CASE WHEN (collaborations.execution_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'execution_ids' END,
        'mode', CASE WHEN (($25::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'mode', CASE WHEN (collaborations.mode IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'mode' END,
        'goal', CASE WHEN (($25::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'goal', CASE WHEN (collaborations.goal IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'goal' END,
        'policy', CASE WHEN (($25::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'policy', CASE WHEN (collaborations.policy IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'policy' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)
   OR excluded.status_key > collaborations.status_key OR $25::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- collaboration.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, name, description, workspace_id, user_id, coordinator_id, member_ids, execution_ids, mode, goal, policy)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20, $21::VARCHAR, $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25::JSONB, $26::JSONB, $27::VARCHAR, $28::JSONB, $29::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'name', CASE WHEN (collaborations.name IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.name ELSE collaborations.name END,
    description = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'description', CASE WHEN (collaborations.description IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description ELSE collaborations.description END,
    workspace_id = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'workspace_id', CASE WHEN (collaborations.workspace_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.workspace_id ELSE collaborations.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'user_id', CASE WHEN (collaborations.user_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.user_id ELSE collaborations.user_id END,
    coordinator_id = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'coordinator_id', CASE WHEN (collaborations.coordinator_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.coordinator_id ELSE collaborations.coordinator_id END,
    member_ids = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'member_ids', CASE WHEN (collaborations.member_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.member_ids ELSE collaborations.member_ids END,
    execution_ids = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'execution_ids', CASE WHEN (collaborations.execution_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.execution_ids ELSE collaborations.execution_ids END,
    mode = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'mode', CASE WHEN (collaborations.mode IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.mode ELSE collaborations.mode END,
    goal = CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'goal', CASE WHEN (collaborations.goal IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.goal ELSE collaborations.goal END,
    policy = CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'policy', CASE WHEN (collaborations.policy IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.policy ELSE collaborations.policy END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END,
    description_key = CASE WHEN (collaborations.description_key = '') THEN excluded.description_key ELSE collaborations.description_key END,
    description_keys = CASE WHEN (collaborations.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'name', CASE WHEN (collaborations.name IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'name' END,
        'description', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'description', CASE WHEN (collaborations.description IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'description' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'workspace_id', CASE WHEN (collaborations.workspace_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'user_id', CASE WHEN (collaborations.user_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'user_id' END,
        'coordinator_id', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'coordinator_id', CASE WHEN (collaborations.coordinator_id IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'coordinator_id' END,
        'member_ids', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'member_ids', CASE WHEN (collaborations.member_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'member_ids' END,
        'execution_ids', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'execution_ids', CASE WHEN (collaborations.execution_ids IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'execution_ids' END,
        'mode', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'mode', CASE WHEN (collaborations.mode IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'mode' END,
        'goal', CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'goal', CASE WHEN (collaborations.goal IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'goal' END,
        'policy', CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(collaborations.description_keys ->> 'policy', CASE WHEN (collaborations.policy IS NOT NULL) THEN collaborations.description_key ELSE '' END)) THEN excluded.description_key ELSE collaborations.description_keys ->> 'policy' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- collaboration.started
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, attempt, error, output, reason, finished_at, started_at_key, started_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19, $20::JSONB, $21::JSONB, $22::VARCHAR, $23::TIMESTAMP WITH TIME ZONE, $24::VARCHAR COLLATE "C", $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status ELSE collaborations.status END,
    attempt = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.attempt ELSE collaborations.attempt END,
    output = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.output ELSE collaborations.output END,
    error = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.error ELSE collaborations.error END,
    reason = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.reason ELSE collaborations.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    started_at = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (collaborations.started_at_key, collaborations.started_at)) THEN excluded.started_at ELSE collaborations.started_at END,
    finished_at = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.finished_at ELSE collaborations.finished_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END,
    status_key = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status_key ELSE collaborations.status_key END,
    started_at_key = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (collaborations.started_at_key, collaborations.started_at)) THEN excluded.started_at_key ELSE collaborations.started_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)
   OR excluded.status_key > collaborations.status_key OR (excluded.started_at_key, excluded.started_at) < (collaborations.started_at_key, collaborations.started_at))
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- collaboration.progressed
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, progress_key, progress, progress_message)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19::VARCHAR
FROM "new"
ON CONFLICT (id)
DO UPDATE SET progress = CASE WHEN (excluded.progress_key > collaborations.progress_key) THEN excluded.progress ELSE collaborations.progress END,
    progress_message = CASE WHEN (excluded.progress_key > collaborations.progress_key) THEN excluded.progress_message ELSE collaborations.progress_message END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END,
    progress_key = CASE WHEN (excluded.progress_key > collaborations.progress_key) THEN excluded.progress_key ELSE collaborations.progress_key END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)
   OR excluded.progress_key > collaborations.progress_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- collaboration.completed, collaboration.failed, collaboration.cancelled
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, status_key, status, attempt, error, output, reason, finished_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18, $19, $20::JSONB, $21::JSONB, $22::VARCHAR, $23::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status ELSE collaborations.status END,
    attempt = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.attempt ELSE collaborations.attempt END,
    output = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.output ELSE collaborations.output END,
    error = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.error ELSE collaborations.error END,
    reason = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.reason ELSE collaborations.reason END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    finished_at = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.finished_at ELSE collaborations.finished_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END,
    status_key = CASE WHEN (excluded.status_key > collaborations.status_key) THEN excluded.status_key ELSE collaborations.status_key END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)
   OR excluded.status_key > collaborations.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- collaboration.deleted, collaboration.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO collaborations (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at ELSE collaborations.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at ELSE collaborations.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > collaborations.deleted_key) THEN excluded.deleted_at ELSE collaborations.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > collaborations.deleted_key) THEN excluded.deleted_key ELSE collaborations.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)) THEN excluded.updated_at_key ELSE collaborations.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at)) THEN excluded.created_at_key ELSE collaborations.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (collaborations.created_at_key, collaborations.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (collaborations.updated_at_key, collaborations.updated_at)
   OR excluded.deleted_key > collaborations.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
