-- How PostgreSQL records the events of the kind 'task': one prepared statement a type.

-- task.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, finished_at, description_key, description_keys, name, kind, execution_id, parent_task_id, retry_of, workspace_id, sandbox_id, agent_id, user_id, priority, input)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::TIMESTAMP WITH TIME ZONE, $23::VARCHAR COLLATE "C", $25::JSONB, $26::VARCHAR, $27::VARCHAR, $28::VARCHAR COLLATE "C", $29::VARCHAR COLLATE "C", $30::VARCHAR, $31::VARCHAR COLLATE "C", $32::VARCHAR COLLATE "C", $33::VARCHAR COLLATE "C", $34::VARCHAR COLLATE "C", $35::BIGINT, $36::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status ELSE tasks.status END,
    attempt = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.attempt ELSE tasks.attempt END,
    name = CASE WHEN (($24::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'name', CASE WHEN (tasks.name IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.name ELSE tasks.name END,
    kind = CASE WHEN (($24::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'kind', CASE WHEN (tasks.kind IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.kind ELSE tasks.kind END,
    execution_id = CASE WHEN (($24::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'execution_id', CASE WHEN (tasks.execution_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.execution_id ELSE tasks.execution_id END,
    parent_task_id = CASE WHEN (($24::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'parent_task_id', CASE WHEN (tasks.parent_task_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.parent_task_id ELSE tasks.parent_task_id END,
    retry_of = CASE WHEN (($24::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'retry_of', CASE WHEN (tasks.retry_of IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.retry_of ELSE tasks.retry_of END,
    workspace_id = CASE WHEN (($24::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'workspace_id', CASE WHEN (tasks.workspace_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.workspace_id ELSE tasks.workspace_id END,
    sandbox_id = CASE WHEN (($24::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'sandbox_id', CASE WHEN (tasks.sandbox_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.sandbox_id ELSE tasks.sandbox_id END,
    agent_id = CASE WHEN (($24::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'agent_id', CASE WHEN (tasks.agent_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.agent_id ELSE tasks.agent_id END,
    user_id = CASE WHEN (($24::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'user_id', CASE WHEN (tasks.user_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.user_id ELSE tasks.user_id END,
    priority = CASE WHEN (($24::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'priority', CASE WHEN (tasks.priority IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.priority ELSE tasks.priority END,
    input = CASE WHEN (($24::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'input', CASE WHEN (tasks.input IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.input ELSE tasks.input END,
    output = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.output ELSE tasks.output END,
    error = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.error ELSE tasks.error END,
    reason = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.reason ELSE tasks.reason END,
    usage = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.usage ELSE tasks.usage END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    finished_at = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.finished_at ELSE tasks.finished_at END,
    status_key = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status_key ELSE tasks.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END,
    description_key = CASE WHEN (tasks.description_key = '') THEN excluded.description_key ELSE tasks.description_key END,
    description_keys = CASE WHEN (tasks.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($24::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'name', CASE WHEN (tasks.name IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'name' END,
        'kind', CASE WHEN (($24::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'kind', CASE WHEN (tasks.kind IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'kind' END,
        'execution_id', CASE WHEN (($24::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'execution_id', CASE WHEN (tasks.execution_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'execution_id' END,
        'parent_task_id', CASE WHEN (($24::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'parent_task_id', CASE WHEN (tasks.parent_task_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'parent_task_id' END,
        'retry_of', CASE WHEN (($24::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'retry_of', CASE WHEN (tasks.retry_of IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'retry_of' END,
        'workspace_id', CASE WHEN (($24::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'workspace_id', CASE WHEN (tasks.workspace_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'workspace_id' END,
        'sandbox_id', CASE WHEN (($24::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'sandbox_id', CASE WHEN (tasks.sandbox_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'sandbox_id' END,
        'agent_id', CASE WHEN (($24::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'agent_id', CASE WHEN (tasks.agent_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($24::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'user_id', CASE WHEN (tasks.user_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'user_id' END,
        'priority', CASE WHEN (($24::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'priority', CASE WHEN (tasks.priority IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'priority' END,
        'input', CASE WHEN (($24::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'input', CASE WHEN (tasks.input IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'input' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)
   OR excluded.status_key > tasks.status_key OR $24::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, description_key, description_keys, name, kind, execution_id, parent_task_id, retry_of, workspace_id, sandbox_id, agent_id, user_id, priority, input)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $17::JSONB, $18::VARCHAR, $19::VARCHAR, $20::VARCHAR COLLATE "C", $21::VARCHAR COLLATE "C", $22::VARCHAR, $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25::VARCHAR COLLATE "C", $26::VARCHAR COLLATE "C", $27::BIGINT, $28::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET name = CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'name', CASE WHEN (tasks.name IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.name ELSE tasks.name END,
    kind = CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'kind', CASE WHEN (tasks.kind IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.kind ELSE tasks.kind END,
    execution_id = CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'execution_id', CASE WHEN (tasks.execution_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.execution_id ELSE tasks.execution_id END,
    parent_task_id = CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'parent_task_id', CASE WHEN (tasks.parent_task_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.parent_task_id ELSE tasks.parent_task_id END,
    retry_of = CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'retry_of', CASE WHEN (tasks.retry_of IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.retry_of ELSE tasks.retry_of END,
    workspace_id = CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'workspace_id', CASE WHEN (tasks.workspace_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.workspace_id ELSE tasks.workspace_id END,
    sandbox_id = CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'sandbox_id', CASE WHEN (tasks.sandbox_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.sandbox_id ELSE tasks.sandbox_id END,
    agent_id = CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'agent_id', CASE WHEN (tasks.agent_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.agent_id ELSE tasks.agent_id END,
    user_id = CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'user_id', CASE WHEN (tasks.user_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.user_id ELSE tasks.user_id END,
    priority = CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'priority', CASE WHEN (tasks.priority IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.priority ELSE tasks.priority END,
    input = CASE WHEN (($16::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'input', CASE WHEN (tasks.input IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.input ELSE tasks.input END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END,
    description_key = CASE WHEN (tasks.description_key = '') THEN excluded.description_key ELSE tasks.description_key END,
    description_keys = CASE WHEN (tasks.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'name', CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'name', CASE WHEN (tasks.name IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'name' END,
        'kind', CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'kind', CASE WHEN (tasks.kind IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'kind' END,
        'execution_id', CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'execution_id', CASE WHEN (tasks.execution_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'execution_id' END,
        'parent_task_id', CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'parent_task_id', CASE WHEN (tasks.parent_task_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'parent_task_id' END,
        'retry_of', CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'retry_of', CASE WHEN (tasks.retry_of IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'retry_of' END,
        'workspace_id', CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'workspace_id', CASE WHEN (tasks.workspace_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'workspace_id' END,
        'sandbox_id', CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'sandbox_id', CASE WHEN (tasks.sandbox_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'sandbox_id' END,
        'agent_id', CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'agent_id', CASE WHEN (tasks.agent_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'user_id', CASE WHEN (tasks.user_id IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'user_id' END,
        'priority', CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'priority', CASE WHEN (tasks.priority IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'priority' END,
        'input', CASE WHEN (($16::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(tasks.description_keys ->> 'input', CASE WHEN (tasks.input IS NOT NULL) THEN tasks.description_key ELSE '' END)) THEN excluded.description_key ELSE tasks.description_keys ->> 'input' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at) OR $16::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.queued, task.retrying, task.completed, task.cancelled, task.skipped
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, finished_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status ELSE tasks.status END,
    attempt = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.attempt ELSE tasks.attempt END,
    output = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.output ELSE tasks.output END,
    error = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.error ELSE tasks.error END,
    reason = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.reason ELSE tasks.reason END,
    usage = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.usage ELSE tasks.usage END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    finished_at = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.finished_at ELSE tasks.finished_at END,
    status_key = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status_key ELSE tasks.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)
   OR excluded.status_key > tasks.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.started
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, finished_at, started_at_key, started_at, start_key, worker)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::TIMESTAMP WITH TIME ZONE, $23::VARCHAR COLLATE "C", $24::TIMESTAMP WITH TIME ZONE, $25::VARCHAR COLLATE "C", $26::VARCHAR
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status ELSE tasks.status END,
    attempt = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.attempt ELSE tasks.attempt END,
    worker = CASE WHEN (excluded.start_key > tasks.start_key) THEN excluded.worker ELSE tasks.worker END,
    output = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.output ELSE tasks.output END,
    error = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.error ELSE tasks.error END,
    reason = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.reason ELSE tasks.reason END,
    usage = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.usage ELSE tasks.usage END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    started_at = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (tasks.started_at_key, tasks.started_at)) THEN excluded.started_at ELSE tasks.started_at END,
    finished_at = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.finished_at ELSE tasks.finished_at END,
    status_key = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status_key ELSE tasks.status_key END,
    start_key = CASE WHEN (excluded.start_key > tasks.start_key) THEN excluded.start_key ELSE tasks.start_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END,
    started_at_key = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (tasks.started_at_key, tasks.started_at)) THEN excluded.started_at_key ELSE tasks.started_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)
   OR excluded.status_key > tasks.status_key OR (excluded.started_at_key, excluded.started_at) < (tasks.started_at_key, tasks.started_at)
   OR excluded.start_key > tasks.start_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.progressed
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, progress_key, progress, progress_message)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17::VARCHAR
FROM "new"
ON CONFLICT (id)
DO UPDATE SET progress = CASE WHEN (excluded.progress_key > tasks.progress_key) THEN excluded.progress ELSE tasks.progress END,
    progress_message = CASE WHEN (excluded.progress_key > tasks.progress_key) THEN excluded.progress_message ELSE tasks.progress_message END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    progress_key = CASE WHEN (excluded.progress_key > tasks.progress_key) THEN excluded.progress_key ELSE tasks.progress_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)
   OR excluded.progress_key > tasks.progress_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.failed, task.timed_out
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, finished_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status ELSE tasks.status END,
    attempt = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.attempt ELSE tasks.attempt END,
    output = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.output ELSE tasks.output END,
    error = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.error ELSE tasks.error END,
    reason = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.reason ELSE tasks.reason END,
    usage = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.usage ELSE tasks.usage END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    finished_at = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.finished_at ELSE tasks.finished_at END,
    status_key = CASE WHEN (excluded.status_key > tasks.status_key) THEN excluded.status_key ELSE tasks.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)
   OR excluded.status_key > tasks.status_key),
w1 AS (INSERT INTO task_failures (task_id, status_key, failed_at)
SELECT $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (task_id)
DO UPDATE SET failed_at = CASE WHEN (excluded.status_key > task_failures.status_key) THEN excluded.failed_at ELSE task_failures.failed_at END,
    status_key = CASE WHEN (excluded.status_key > task_failures.status_key) THEN excluded.status_key ELSE task_failures.status_key END
WHERE excluded.status_key > task_failures.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- task.logged
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO tasks (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at ELSE tasks.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)) THEN excluded.created_at_key ELSE tasks.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (tasks.created_at_key, tasks.created_at)),
w1 AS (INSERT INTO task_logs (source, event_id, recorded_at, task_id, level, message, logger, context, time, sequence, order_key)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::TIMESTAMP WITH TIME ZONE, $18::VARCHAR COLLATE "C", $19, $20::VARCHAR, $21::VARCHAR, $22::JSONB, $23::TIMESTAMP WITH TIME ZONE, $24::VARCHAR, $25::VARCHAR COLLATE "C"
FROM "new")
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
