-- How PostgreSQL records the events of the kind 'execution': one prepared statement a type.

-- execution.created
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, final_state, finished_at, description_key, description_keys, workflow_id, workspace_id, sandbox_id, agent_id, user_id, parent_execution_id, retry_of, mode, trigger_type, input, initial_state)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::JSONB, $23::TIMESTAMP WITH TIME ZONE, $24::VARCHAR COLLATE "C", $26::JSONB, $27::VARCHAR COLLATE "C", $28::VARCHAR COLLATE "C", $29::VARCHAR COLLATE "C", $30::VARCHAR COLLATE "C", $31::VARCHAR COLLATE "C", $32::VARCHAR COLLATE "C", $33::VARCHAR, $34::VARCHAR, $35::VARCHAR, $36::JSONB, $37::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status ELSE executions.status END,
    attempt = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.attempt ELSE executions.attempt END,
    workflow_id = CASE WHEN (($25::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workflow_id', CASE WHEN (executions.workflow_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.workflow_id ELSE executions.workflow_id END,
    workspace_id = CASE WHEN (($25::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workspace_id', CASE WHEN (executions.workspace_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.workspace_id ELSE executions.workspace_id END,
    sandbox_id = CASE WHEN (($25::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'sandbox_id', CASE WHEN (executions.sandbox_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.sandbox_id ELSE executions.sandbox_id END,
    agent_id = CASE WHEN (($25::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'agent_id', CASE WHEN (executions.agent_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.agent_id ELSE executions.agent_id END,
    user_id = CASE WHEN (($25::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'user_id', CASE WHEN (executions.user_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.user_id ELSE executions.user_id END,
    parent_execution_id = CASE WHEN (($25::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'parent_execution_id', CASE WHEN (executions.parent_execution_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.parent_execution_id ELSE executions.parent_execution_id END,
    retry_of = CASE WHEN (($25::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'retry_of', CASE WHEN (executions.retry_of IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.retry_of ELSE executions.retry_of END,
    mode = CASE WHEN (($25::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'mode', CASE WHEN (executions.mode IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.mode ELSE executions.mode END,
    trigger_type = CASE WHEN (($25::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'trigger_type', CASE WHEN (executions.trigger_type IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.trigger_type ELSE executions.trigger_type END,
    input = CASE WHEN (($25::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'input', CASE WHEN (executions.input IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.input ELSE executions.input END,
    output = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.output ELSE executions.output END,
    error = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.error ELSE executions.error END,
    reason = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.reason ELSE executions.reason END,
    usage = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.usage ELSE executions.usage END,
    initial_state = CASE WHEN (($25::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'initial_state', CASE WHEN (executions.initial_state IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.initial_state ELSE executions.initial_state END,
    final_state = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.final_state ELSE executions.final_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    finished_at = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.finished_at ELSE executions.finished_at END,
    status_key = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status_key ELSE executions.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END,
    description_key = CASE WHEN (executions.description_key = '') THEN excluded.description_key ELSE executions.description_key END,
    description_keys = CASE WHEN (executions.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'workflow_id', CASE WHEN (($25::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workflow_id', CASE WHEN (executions.workflow_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($25::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workspace_id', CASE WHEN (executions.workspace_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'workspace_id' END,
        'sandbox_id', CASE WHEN (($25::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'sandbox_id', CASE WHEN (executions.sandbox_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'sandbox_id' END,
        'agent_id', CASE WHEN (($25::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'agent_id', CASE WHEN (executions.agent_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($25::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'user_id', CASE WHEN (executions.user_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'user_id' END,
        'parent_execution_id', CASE WHEN (($25::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'parent_execution_id', CASE WHEN (executions.parent_execution_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'parent_execution_id' END,
        'retry_of', CASE WHEN (($25::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'retry_of', CASE WHEN (executions.retry_of IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'retry_of' END,
        'mode', CASE WHEN (($25::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'mode', CASE WHEN (executions.mode IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'mode' END,
        'trigger_type', CASE WHEN (($25::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'trigger_type', CASE WHEN (executions.trigger_type IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'trigger_type' END,
        'input', CASE WHEN (($25::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'input', CASE WHEN (executions.input IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'input' END,
        'initial_state', CASE WHEN (($25::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'initial_state', CASE WHEN (executions.initial_state IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'initial_state' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)
   OR excluded.status_key > executions.status_key OR $25::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, description_key, description_keys, workflow_id, workspace_id, sandbox_id, agent_id, user_id, parent_execution_id, retry_of, mode, trigger_type, input, initial_state)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $17::JSONB, $18::VARCHAR COLLATE "C", $19::VARCHAR COLLATE "C", $20::VARCHAR COLLATE "C", $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::VARCHAR, $25::VARCHAR, $26::VARCHAR, $27::JSONB, $28::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET workflow_id = CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workflow_id', CASE WHEN (executions.workflow_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.workflow_id ELSE executions.workflow_id END,
    workspace_id = CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workspace_id', CASE WHEN (executions.workspace_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.workspace_id ELSE executions.workspace_id END,
    sandbox_id = CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'sandbox_id', CASE WHEN (executions.sandbox_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.sandbox_id ELSE executions.sandbox_id END,
    agent_id = CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'agent_id', CASE WHEN (executions.agent_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.agent_id ELSE executions.agent_id END,
    user_id = CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'user_id', CASE WHEN (executions.user_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.user_id ELSE executions.user_id END,
    parent_execution_id = CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'parent_execution_id', CASE WHEN (executions.parent_execution_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.parent_execution_id ELSE executions.parent_execution_id END,
    retry_of = CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'retry_of', CASE WHEN (executions.retry_of IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.retry_of ELSE executions.retry_of END,
    mode = CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'mode', CASE WHEN (executions.mode IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.mode ELSE executions.mode END,
    trigger_type = CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'trigger_type', CASE WHEN (executions.trigger_type IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.trigger_type ELSE executions.trigger_type END,
    input = CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'input', CASE WHEN (executions.input IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.input ELSE executions.input END,
    initial_state = CASE WHEN (($16::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'initial_state', CASE WHEN (executions.initial_state IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.initial_state ELSE executions.initial_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END,
    description_key = CASE WHEN (executions.description_key = '') THEN excluded.description_key ELSE executions.description_key END,
    description_keys = CASE WHEN (executions.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'workflow_id', CASE WHEN (($16::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workflow_id', CASE WHEN (executions.workflow_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'workflow_id' END,
        'workspace_id', CASE WHEN (($16::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'workspace_id', CASE WHEN (executions.workspace_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'workspace_id' END,
        'sandbox_id', CASE WHEN (($16::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'sandbox_id', CASE WHEN (executions.sandbox_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'sandbox_id' END,
        'agent_id', CASE WHEN (($16::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'agent_id', CASE WHEN (executions.agent_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'agent_id' END,
        'user_id', CASE WHEN (($16::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'user_id', CASE WHEN (executions.user_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'user_id' END,
        'parent_execution_id', CASE WHEN (($16::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'parent_execution_id', CASE WHEN (executions.parent_execution_id IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'parent_execution_id' END,
        'retry_of', CASE WHEN (($16::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'retry_of', CASE WHEN (executions.retry_of IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'retry_of' END,
        'mode', CASE WHEN (($16::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'mode', CASE WHEN (executions.mode IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'mode' END,
        'trigger_type', CASE WHEN (($16::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'trigger_type', CASE WHEN (executions.trigger_type IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'trigger_type' END,
        'input', CASE WHEN (($16::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'input', CASE WHEN (executions.input IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'input' END,
        'initial_state', CASE WHEN (($16::BIGINT & 1024) != 0 AND (excluded.description_key COLLATE "C") > coalesce(executions.description_keys ->> 'initial_state', CASE WHEN (executions.initial_state IS NOT NULL) THEN executions.description_key ELSE '' END)) THEN excluded.description_key ELSE executions.description_keys ->> 'initial_state' END)), '{}'::jsonb) END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at) OR $16::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.queued, execution.paused, execution.resumed, execution.retrying, execution.completed, execution.cancelled
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, final_state, finished_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::JSONB, $23::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status ELSE executions.status END,
    attempt = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.attempt ELSE executions.attempt END,
    output = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.output ELSE executions.output END,
    error = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.error ELSE executions.error END,
    reason = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.reason ELSE executions.reason END,
    usage = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.usage ELSE executions.usage END,
    final_state = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.final_state ELSE executions.final_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    finished_at = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.finished_at ELSE executions.finished_at END,
    status_key = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status_key ELSE executions.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)
   OR excluded.status_key > executions.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.started
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, final_state, finished_at, started_at_key, started_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::JSONB, $23::TIMESTAMP WITH TIME ZONE, $24::VARCHAR COLLATE "C", $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status ELSE executions.status END,
    attempt = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.attempt ELSE executions.attempt END,
    output = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.output ELSE executions.output END,
    error = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.error ELSE executions.error END,
    reason = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.reason ELSE executions.reason END,
    usage = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.usage ELSE executions.usage END,
    final_state = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.final_state ELSE executions.final_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    started_at = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (executions.started_at_key, executions.started_at)) THEN excluded.started_at ELSE executions.started_at END,
    finished_at = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.finished_at ELSE executions.finished_at END,
    status_key = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status_key ELSE executions.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END,
    started_at_key = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (executions.started_at_key, executions.started_at)) THEN excluded.started_at_key ELSE executions.started_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)
   OR excluded.status_key > executions.status_key OR (excluded.started_at_key, excluded.started_at) < (executions.started_at_key, executions.started_at))
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.checkpointed
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, current_state_key, current_state)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::JSONB
FROM "new"
ON CONFLICT (id)
DO UPDATE SET current_state = CASE WHEN (excluded.current_state_key > executions.current_state_key) THEN excluded.current_state ELSE executions.current_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    current_state_key = CASE WHEN (excluded.current_state_key > executions.current_state_key) THEN excluded.current_state_key ELSE executions.current_state_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)
   OR excluded.current_state_key > executions.current_state_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.failed, execution.timed_out
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at, status_key, status, attempt, error, output, reason, usage, final_state, finished_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::JSONB, $20::VARCHAR, $21::JSONB, $22::JSONB, $23::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status ELSE executions.status END,
    attempt = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.attempt ELSE executions.attempt END,
    output = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.output ELSE executions.output END,
    error = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.error ELSE executions.error END,
    reason = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.reason ELSE executions.reason END,
    usage = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.usage ELSE executions.usage END,
    final_state = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.final_state ELSE executions.final_state END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    finished_at = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.finished_at ELSE executions.finished_at END,
    status_key = CASE WHEN (excluded.status_key > executions.status_key) THEN excluded.status_key ELSE executions.status_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)
   OR excluded.status_key > executions.status_key),
w1 AS (INSERT INTO execution_failures (execution_id, status_key, failed_at)
SELECT $24::VARCHAR COLLATE "C", $25::VARCHAR COLLATE "C", $26::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (execution_id)
DO UPDATE SET failed_at = CASE WHEN (excluded.status_key > execution_failures.status_key) THEN excluded.failed_at ELSE execution_failures.failed_at END,
    status_key = CASE WHEN (excluded.status_key > execution_failures.status_key) THEN excluded.status_key ELSE execution_failures.status_key END
WHERE excluded.status_key > execution_failures.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- execution.logged
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)),
w1 AS (INSERT INTO task_logs (source, event_id, recorded_at, execution_id, node, iteration, level, message, logger, context, time, sequence, order_key)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::TIMESTAMP WITH TIME ZONE, $18::VARCHAR COLLATE "C", $19::VARCHAR COLLATE "C", $20::BIGINT, $21, $22::VARCHAR, $23::VARCHAR, $24::JSONB, $25::TIMESTAMP WITH TIME ZONE, $26::VARCHAR, $27::VARCHAR COLLATE "C"
FROM "new")
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- node.started
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)),
w1 AS (INSERT INTO execution_logs (execution_id, node, iteration, attempt, status_key, status, error, output, reason, usage, state, finished_at, started_at_key, started_at, start_key, input, agent_id)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::BIGINT, $18, $19::VARCHAR COLLATE "C", $20, $21::JSONB, $22::JSONB, $23::VARCHAR, $24::JSONB, $25::JSONB, $26::TIMESTAMP WITH TIME ZONE, $27::VARCHAR COLLATE "C", $28::TIMESTAMP WITH TIME ZONE, $29::VARCHAR COLLATE "C", $30::JSONB, $31::VARCHAR COLLATE "C"
FROM "new"
ON CONFLICT (execution_id, node, iteration, attempt)
DO UPDATE SET status = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.status ELSE execution_logs.status END,
    agent_id = CASE WHEN (excluded.start_key > execution_logs.start_key) THEN excluded.agent_id ELSE execution_logs.agent_id END,
    input = CASE WHEN (excluded.start_key > execution_logs.start_key) THEN excluded.input ELSE execution_logs.input END,
    output = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.output ELSE execution_logs.output END,
    error = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.error ELSE execution_logs.error END,
    reason = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.reason ELSE execution_logs.reason END,
    usage = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.usage ELSE execution_logs.usage END,
    state = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.state ELSE execution_logs.state END,
    started_at = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (execution_logs.started_at_key, execution_logs.started_at)) THEN excluded.started_at ELSE execution_logs.started_at END,
    finished_at = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.finished_at ELSE execution_logs.finished_at END,
    status_key = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.status_key ELSE execution_logs.status_key END,
    start_key = CASE WHEN (excluded.start_key > execution_logs.start_key) THEN excluded.start_key ELSE execution_logs.start_key END,
    started_at_key = CASE WHEN ((excluded.started_at_key, excluded.started_at) < (execution_logs.started_at_key, execution_logs.started_at)) THEN excluded.started_at_key ELSE execution_logs.started_at_key END
WHERE excluded.status_key > execution_logs.status_key OR (excluded.started_at_key, excluded.started_at) < (execution_logs.started_at_key, execution_logs.started_at)
   OR excluded.start_key > execution_logs.start_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- node.retrying, node.completed, node.failed, node.skipped
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO executions (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at ELSE executions.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)) THEN excluded.created_at_key ELSE executions.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (executions.created_at_key, executions.created_at)),
w1 AS (INSERT INTO execution_logs (execution_id, node, iteration, attempt, status_key, status, error, output, reason, usage, state, finished_at)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::BIGINT, $18, $19::VARCHAR COLLATE "C", $20, $21::JSONB, $22::JSONB, $23::VARCHAR, $24::JSONB, $25::JSONB, $26::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (execution_id, node, iteration, attempt)
DO UPDATE SET status = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.status ELSE execution_logs.status END,
    output = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.output ELSE execution_logs.output END,
    error = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.error ELSE execution_logs.error END,
    reason = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.reason ELSE execution_logs.reason END,
    usage = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.usage ELSE execution_logs.usage END,
    state = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.state ELSE execution_logs.state END,
    finished_at = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.finished_at ELSE execution_logs.finished_at END,
    status_key = CASE WHEN (excluded.status_key > execution_logs.status_key) THEN excluded.status_key ELSE execution_logs.status_key END
WHERE excluded.status_key > execution_logs.status_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
