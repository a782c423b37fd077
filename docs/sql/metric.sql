-- How PostgreSQL records the events of the kind 'metric': one prepared statement a type.

-- metric.recorded
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO metrics (source, event_id, recorded_at, subject, name, value, unit, kind, labels, agent_id, execution_id, task_id, workspace_id, time)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16, $17, $18, $19, $20::JSONB, $21::VARCHAR COLLATE "C", $22::VARCHAR COLLATE "C", $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25::TIMESTAMP WITH TIME ZONE
FROM "new"),
w1 AS (INSERT INTO metric_hours (subject, name, unit, kind, start, count, sum, min, max)
SELECT $26::VARCHAR COLLATE "C", $27::VARCHAR COLLATE "C", $28::VARCHAR COLLATE "C", $29::VARCHAR COLLATE "C", $30::TIMESTAMP WITH TIME ZONE, 1, $31, $32, $33
FROM "new"
ON CONFLICT (subject, name, start, unit, kind)
DO UPDATE SET count = (metric_hours.count + 1), sum = (metric_hours.sum + excluded.sum), min = least(metric_hours.min, excluded.min), max = greatest(metric_hours.max, excluded.max)
WHERE true),
w2 AS (INSERT INTO metric_days (subject, name, unit, kind, start, count, sum, min, max)
SELECT $34::VARCHAR COLLATE "C", $35::VARCHAR COLLATE "C", $36::VARCHAR COLLATE "C", $37::VARCHAR COLLATE "C", $38::TIMESTAMP WITH TIME ZONE, 1, $39, $40, $41
FROM "new"
ON CONFLICT (subject, name, start, unit, kind)
DO UPDATE SET count = (metric_days.count + 1), sum = (metric_days.sum + excluded.sum), min = least(metric_days.min, excluded.min), max = greatest(metric_days.max, excluded.max)
WHERE true)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
