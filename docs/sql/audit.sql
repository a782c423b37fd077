-- How PostgreSQL records the events of the kind 'audit': one prepared statement a type.

-- audit.logged
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, raw, recorded_at)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::VARCHAR, $9::TIMESTAMP WITH TIME ZONE
ON CONFLICT DO NOTHING
RETURNING 1 AS one),
w0 AS (INSERT INTO audit_logs (source, event_id, resource_id, action, user_id, resource_type, event_type, details, ip_address, success, time)
SELECT $11::VARCHAR COLLATE "C", $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14, $15::VARCHAR COLLATE "C", $16, $17, $18::JSONB, $19::VARCHAR, $20, $21::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT DO NOTHING)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $10::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
