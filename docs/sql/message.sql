-- How PostgreSQL records the events of the kind 'message': one prepared statement a type.

-- message.sent
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO messages (id, created_at_key, created_at, sent_key, from_sandbox_id, workspace_id, message_type, content, thread_id, in_reply_to, execution_id, task_id, priority, expires_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::VARCHAR COLLATE "C", $18, $19::JSONB, $20::VARCHAR COLLATE "C", $21::VARCHAR, $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::BIGINT, $25::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET from_sandbox_id = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.from_sandbox_id ELSE messages.from_sandbox_id END,
    workspace_id = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.workspace_id ELSE messages.workspace_id END,
    message_type = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.message_type ELSE messages.message_type END,
    content = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.content ELSE messages.content END,
    thread_id = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.thread_id ELSE messages.thread_id END,
    in_reply_to = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.in_reply_to ELSE messages.in_reply_to END,
    execution_id = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.execution_id ELSE messages.execution_id END,
    task_id = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.task_id ELSE messages.task_id END,
    priority = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.priority ELSE messages.priority END,
    expires_at = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.expires_at ELSE messages.expires_at END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at ELSE messages.created_at END,
    sent_key = CASE WHEN (excluded.sent_key > messages.sent_key) THEN excluded.sent_key ELSE messages.sent_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at_key ELSE messages.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)
   OR excluded.sent_key > messages.sent_key),
w1 AS (INSERT INTO message_deliveries (message_id, to_sandbox_id, status_key, status, reason)
SELECT $26::VARCHAR COLLATE "C", item.value, $28::VARCHAR COLLATE "C", $29, $30::VARCHAR
FROM "new" JOIN jsonb_array_elements_text($27::JSONB) AS item(value) ON true
ON CONFLICT (message_id, to_sandbox_id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status ELSE message_deliveries.status END,
    reason = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.reason ELSE message_deliveries.reason END,
    status_key = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status_key ELSE message_deliveries.status_key END
WHERE excluded.status_key > message_deliveries.status_key),
w2 AS (INSERT INTO outbox (message_id, source, event_id, expires_at, to_sandbox_id)
SELECT $31::VARCHAR COLLATE "C", $32::VARCHAR COLLATE "C", $33::VARCHAR COLLATE "C", $34::TIMESTAMP WITH TIME ZONE, item.value
FROM "new" JOIN jsonb_array_elements_text($35::JSONB) AS item(value) ON true
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- message.delivered
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO messages (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at ELSE messages.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at_key ELSE messages.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)),
w1 AS (INSERT INTO message_deliveries (message_id, to_sandbox_id, status_key, status, reason, delivered_at_key, delivered_at)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::VARCHAR COLLATE "C", $21::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (message_id, to_sandbox_id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status ELSE message_deliveries.status END,
    delivered_at = CASE WHEN ((excluded.delivered_at_key, excluded.delivered_at) < (message_deliveries.delivered_at_key, message_deliveries.delivered_at)) THEN excluded.delivered_at ELSE message_deliveries.delivered_at END,
    reason = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.reason ELSE message_deliveries.reason END,
    status_key = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status_key ELSE message_deliveries.status_key END,
    delivered_at_key = CASE WHEN ((excluded.delivered_at_key, excluded.delivered_at) < (message_deliveries.delivered_at_key, message_deliveries.delivered_at)) THEN excluded.delivered_at_key ELSE message_deliveries.delivered_at_key END
WHERE excluded.status_key > message_deliveries.status_key OR (excluded.delivered_at_key, excluded.delivered_at) < (message_deliveries.delivered_at_key, message_deliveries.delivered_at)),
w2 AS (DELETE
FROM outbox
WHERE outbox.message_id = $22::VARCHAR COLLATE "C" AND outbox.to_sandbox_id = $23::VARCHAR COLLATE "C")
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- message.failed, message.expired
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO messages (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at ELSE messages.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at_key ELSE messages.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)),
w1 AS (INSERT INTO message_deliveries (message_id, to_sandbox_id, status_key, status, reason)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::VARCHAR COLLATE "C", $18, $19::VARCHAR
FROM "new"
ON CONFLICT (message_id, to_sandbox_id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status ELSE message_deliveries.status END,
    reason = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.reason ELSE message_deliveries.reason END,
    status_key = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status_key ELSE message_deliveries.status_key END
WHERE excluded.status_key > message_deliveries.status_key),
w2 AS (DELETE
FROM outbox
WHERE outbox.message_id = $20::VARCHAR COLLATE "C" AND outbox.to_sandbox_id = $21::VARCHAR COLLATE "C")
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- message.dispatched
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO messages (id, created_at_key, created_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at ELSE messages.created_at END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)) THEN excluded.created_at_key ELSE messages.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (messages.created_at_key, messages.created_at)),
w1 AS (INSERT INTO message_deliveries (message_id, to_sandbox_id, status_key, status, reason, sent_at_key, sent_at)
SELECT $15::VARCHAR COLLATE "C", $16::VARCHAR COLLATE "C", $17::VARCHAR COLLATE "C", $18, $19::VARCHAR, $20::VARCHAR COLLATE "C", $21::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (message_id, to_sandbox_id)
DO UPDATE SET status = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status ELSE message_deliveries.status END,
    sent_at = CASE WHEN ((excluded.sent_at_key, excluded.sent_at) < (message_deliveries.sent_at_key, message_deliveries.sent_at)) THEN excluded.sent_at ELSE message_deliveries.sent_at END,
    reason = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.reason ELSE message_deliveries.reason END,
    status_key = CASE WHEN (excluded.status_key > message_deliveries.status_key) THEN excluded.status_key ELSE message_deliveries.status_key END,
    sent_at_key = CASE WHEN ((excluded.sent_at_key, excluded.sent_at) < (message_deliveries.sent_at_key, message_deliveries.sent_at)) THEN excluded.sent_at_key ELSE message_deliveries.sent_at_key END
WHERE excluded.status_key > message_deliveries.status_key OR (excluded.sent_at_key, excluded.sent_at) < (message_deliveries.sent_at_key, message_deliveries.sent_at)),
w2 AS (DELETE
FROM outbox
WHERE outbox.message_id = $22::VARCHAR COLLATE "C" AND outbox.to_sandbox_id = $23::VARCHAR COLLATE "C")
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
