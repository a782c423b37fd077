-- How PostgreSQL records the events of the kind 'knowledge': one prepared statement a type.

-- knowledge.created, knowledge.updated
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO knowledge (id, created_at_key, created_at, updated_at_key, updated_at, description_key, description_keys, title, content, kind, agent_id, workspace_id, user_id, execution_id, tags, confidence, data, title_words, content_words)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $19::JSONB, $20::VARCHAR, $21::VARCHAR, $22, $23::VARCHAR COLLATE "C", $24::VARCHAR COLLATE "C", $25::VARCHAR COLLATE "C", $26::VARCHAR COLLATE "C", $27::JSONB, $28, $29::JSONB, $30, $31
FROM "new"
ON CONFLICT (id)
DO UPDATE SET title = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'title', CASE WHEN (knowledge.title IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.title ELSE knowledge.title END,
    content = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'content', CASE WHEN (knowledge.content IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.content ELSE knowledge.content END,
    kind = CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'kind', CASE WHEN (knowledge.kind IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.kind ELSE knowledge.kind END,
    agent_id = CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'agent_id', CASE WHEN (knowledge.agent_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.agent_id ELSE knowledge.agent_id END,
    workspace_id = CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'workspace_id', CASE WHEN (knowledge.workspace_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.workspace_id ELSE knowledge.workspace_id END,
    user_id = CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'user_id', CASE WHEN (knowledge.user_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.user_id ELSE knowledge.user_id END,
    execution_id = CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'execution_id', CASE WHEN (knowledge.execution_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.execution_id ELSE knowledge.execution_id END,
    tags = CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'tags', CASE WHEN (knowledge.tags IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.tags ELSE knowledge.tags END,
    confidence = CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'confidence', CASE WHEN (knowledge.confidence IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.confidence ELSE knowledge.confidence END,
    data = CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'data', CASE WHEN (knowledge.data IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.data ELSE knowledge.data END,
    created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at)) THEN excluded.created_at ELSE knowledge.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at)) THEN excluded.updated_at ELSE knowledge.updated_at END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at)) THEN excluded.updated_at_key ELSE knowledge.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at)) THEN excluded.created_at_key ELSE knowledge.created_at_key END,
    description_key = CASE WHEN (knowledge.description_key = '') THEN excluded.description_key ELSE knowledge.description_key END,
    description_keys = CASE WHEN (knowledge.description_key = '') THEN excluded.description_keys ELSE nullif(jsonb_strip_nulls(jsonb_build_object(
        'title', CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'title', CASE WHEN (knowledge.title IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'title' END,
        'content', CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'content', CASE WHEN (knowledge.content IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'content' END,
        'kind', CASE WHEN (($18::BIGINT & 4) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'kind', CASE WHEN (knowledge.kind IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'kind' END,
        'agent_id', CASE WHEN (($18::BIGINT & 8) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'agent_id', CASE WHEN (knowledge.agent_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'agent_id' END,
        'workspace_id', CASE WHEN (($18::BIGINT & 16) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'workspace_id', CASE WHEN (knowledge.workspace_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'workspace_id' END,
        'user_id', CASE WHEN (($18::BIGINT & 32) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'user_id', CASE WHEN (knowledge.user_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'user_id' END,
        'execution_id', CASE WHEN (($18::BIGINT & 64) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'execution_id', CASE WHEN (knowledge.execution_id IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'execution_id' END,
        'tags', CASE WHEN (($18::BIGINT & 128) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'tags', CASE WHEN (knowledge.tags IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'tags' END,
        'confidence', CASE WHEN (($18::BIGINT & 256) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'confidence', CASE WHEN (knowledge.confidence IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'confidence' END,
        'data', CASE WHEN (($18::BIGINT & 512) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'data', CASE WHEN (knowledge.data IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.description_key ELSE knowledge.description_keys ->> 'data' END)), '{}'::jsonb) END,
    title_words = CASE WHEN (($18::BIGINT & 1) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'title', CASE WHEN (knowledge.title IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.title_words ELSE knowledge.title_words END,
    content_words = CASE WHEN (($18::BIGINT & 2) != 0 AND (excluded.description_key COLLATE "C") > coalesce(knowledge.description_keys ->> 'content', CASE WHEN (knowledge.content IS NOT NULL) THEN knowledge.description_key ELSE '' END)) THEN excluded.content_words ELSE knowledge.content_words END
WHERE (excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at) OR $18::BIGINT != 0)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));

-- knowledge.deleted, knowledge.restored
WITH "new" AS (INSERT INTO events (source, id, type, subject, time, sequence, partition, recorded_at, meaning)
SELECT $1::VARCHAR COLLATE "C", $2::VARCHAR COLLATE "C", $3::VARCHAR, $4::VARCHAR COLLATE "C", $5::TIMESTAMP WITH TIME ZONE, $6::VARCHAR, $7::INTEGER, $8::TIMESTAMP WITH TIME ZONE, $9
ON CONFLICT DO NOTHING
RETURNING 1 AS one), text AS (INSERT INTO event_texts (recorded_at, meaning, raw)
SELECT $8::TIMESTAMP WITH TIME ZONE, $9, $10::VARCHAR
FROM "new"),
w0 AS (INSERT INTO knowledge (id, created_at_key, created_at, updated_at_key, updated_at, deleted_key, deleted_at)
SELECT $12::VARCHAR COLLATE "C", $13::VARCHAR COLLATE "C", $14::TIMESTAMP WITH TIME ZONE, $15::VARCHAR COLLATE "C", $16::TIMESTAMP WITH TIME ZONE, $17::VARCHAR COLLATE "C", $18::TIMESTAMP WITH TIME ZONE
FROM "new"
ON CONFLICT (id)
DO UPDATE SET created_at = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at)) THEN excluded.created_at ELSE knowledge.created_at END,
    updated_at = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at)) THEN excluded.updated_at ELSE knowledge.updated_at END,
    deleted_at = CASE WHEN (excluded.deleted_key > knowledge.deleted_key) THEN excluded.deleted_at ELSE knowledge.deleted_at END,
    deleted_key = CASE WHEN (excluded.deleted_key > knowledge.deleted_key) THEN excluded.deleted_key ELSE knowledge.deleted_key END,
    updated_at_key = CASE WHEN ((excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at)) THEN excluded.updated_at_key ELSE knowledge.updated_at_key END,
    created_at_key = CASE WHEN ((excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at)) THEN excluded.created_at_key ELSE knowledge.created_at_key END
WHERE (excluded.created_at_key, excluded.created_at) < (knowledge.created_at_key, knowledge.created_at) OR (excluded.updated_at_key, excluded.updated_at) > (knowledge.updated_at_key, knowledge.updated_at)
   OR excluded.deleted_key > knowledge.deleted_key)
SELECT set_config('flowledger.repeated', current_setting('flowledger.repeated') || $11::VARCHAR, false) AS set_config_1
WHERE NOT (EXISTS (SELECT 1
FROM "new"));
