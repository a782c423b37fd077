-- The tables as the first release makes them (SQLite). Statements end with a semicolon at the end of a line.

CREATE TABLE event_texts (
    recorded_at DATETIME NOT NULL,
    meaning BLOB NOT NULL,
    raw TEXT NOT NULL,
    CONSTRAINT pk_event_texts PRIMARY KEY (recorded_at, meaning)
);

CREATE TABLE events (
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    time DATETIME,
    sequence TEXT,
    partition INTEGER NOT NULL,
    recorded_at DATETIME NOT NULL,
    meaning BLOB NOT NULL,
    recorded_in BIGINT DEFAULT NULL,
    CONSTRAINT pk_events PRIMARY KEY (source, id)
);
CREATE INDEX ix_events_recorded_at ON events (recorded_at);
CREATE INDEX ix_events_recorded_in ON events (recorded_in) WHERE recorded_in IS NOT NULL;

CREATE INDEX ix_events_subject ON events (subject, recorded_at);

CREATE TABLE agents (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'active' NOT NULL,
    name TEXT,
    description TEXT,
    kind TEXT,
    version TEXT,
    workspace_id TEXT,
    user_id TEXT,
    capabilities TEXT,
    agent_config TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    name_words TEXT,
    CONSTRAINT pk_agents PRIMARY KEY (id),
    CONSTRAINT ck_agents_status CHECK (status IN ('active', 'retired')),
    CONSTRAINT ck_agents_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_agents_kind CHECK (length(kind) BETWEEN 1 AND 255)
);
CREATE INDEX ix_agents_capabilities ON agents (capabilities);
CREATE INDEX ix_agents_created_at ON agents (created_at, id);
CREATE INDEX ix_agents_kind ON agents (kind, created_at, id);
CREATE INDEX ix_agents_name ON agents (name, created_at, id);
CREATE INDEX ix_agents_status ON agents (status, created_at, id);
CREATE INDEX ix_agents_user_id ON agents (user_id, created_at, id);
CREATE INDEX ix_agents_workspace_id ON agents (workspace_id, created_at, id);

CREATE TABLE agents_places (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

CREATE VIRTUAL TABLE agents_search USING fts5(
    name_words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TRIGGER agents_search_insert AFTER INSERT ON agents BEGIN
    INSERT INTO agents_places (id) VALUES (NEW.id)
    ; INSERT INTO agents_search (rowid, name_words)
        SELECT place, NEW.name_words FROM agents_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER agents_search_update AFTER UPDATE OF name_words ON agents
    WHEN (OLD.name_words) IS NOT (NEW.name_words) BEGIN
    INSERT INTO agents_search (agents_search, rowid, name_words)
        SELECT 'delete', place, OLD.name_words FROM agents_places WHERE id = OLD.id
    ; INSERT INTO agents_search (rowid, name_words)
        SELECT place, NEW.name_words FROM agents_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER agents_search_delete AFTER DELETE ON agents BEGIN
    INSERT INTO agents_search (agents_search, rowid, name_words)
        SELECT 'delete', place, OLD.name_words FROM agents_places WHERE id = OLD.id
    ; DELETE FROM agents_places WHERE id = OLD.id
    ; END;

CREATE TABLE audit_logs (
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    recorded_at DATETIME NOT NULL,
    resource_id TEXT NOT NULL,
    action TEXT NOT NULL,
    user_id TEXT,
    resource_type TEXT,
    event_type TEXT,
    details TEXT,
    ip_address TEXT,
    success BOOLEAN NOT NULL,
    time DATETIME NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (source, event_id, recorded_at),
    CONSTRAINT ck_audit_logs_action CHECK (length(action) BETWEEN 1 AND 255),
    CONSTRAINT ck_audit_logs_resource_type CHECK (length(resource_type) BETWEEN 1 AND 255),
    CONSTRAINT ck_audit_logs_event_type CHECK (length(event_type) BETWEEN 1 AND 255)
);
CREATE INDEX ix_audit_logs_recorded_at ON audit_logs (recorded_at);
CREATE INDEX ix_audit_logs_resource_id ON audit_logs (resource_id, time);
CREATE INDEX ix_audit_logs_time ON audit_logs (time);
CREATE INDEX ix_audit_logs_user_id ON audit_logs (user_id, time) WHERE user_id IS NOT NULL;

CREATE TABLE collaborations (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'pending' NOT NULL,
    attempt BIGINT DEFAULT '1' NOT NULL,
    name TEXT,
    description TEXT,
    workspace_id TEXT,
    user_id TEXT,
    coordinator_id TEXT,
    member_ids TEXT,
    execution_ids TEXT,
    mode TEXT,
    goal TEXT,
    policy TEXT,
    output TEXT,
    error TEXT,
    reason TEXT,
    progress DOUBLE,
    progress_message TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    started_at DATETIME,
    finished_at DATETIME,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    status_key TEXT DEFAULT '' NOT NULL,
    progress_key TEXT DEFAULT '' NOT NULL,
    started_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_collaborations PRIMARY KEY (id),
    CONSTRAINT ck_collaborations_status CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
    CONSTRAINT ck_collaborations_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_collaborations_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_collaborations_progress CHECK (progress >= 0 AND progress <= 1)
);
CREATE INDEX ix_collaborations_coordinator_id ON collaborations (coordinator_id, created_at, id);
CREATE INDEX ix_collaborations_created_at ON collaborations (created_at, id);
CREATE INDEX ix_collaborations_member_ids ON collaborations (member_ids);
CREATE INDEX ix_collaborations_name ON collaborations (name, created_at, id);
CREATE INDEX ix_collaborations_status ON collaborations (status, created_at, id);
CREATE INDEX ix_collaborations_user_id ON collaborations (user_id, created_at, id);
CREATE INDEX ix_collaborations_workspace_id ON collaborations (workspace_id, created_at, id);

CREATE TABLE custom_nodes (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'enabled' NOT NULL,
    name TEXT,
    category TEXT,
    description TEXT,
    workspace_id TEXT,
    user_id TEXT,
    visibility TEXT,
    version TEXT,
    language TEXT,
    code TEXT,
    inputs TEXT,
    outputs TEXT,
    config TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    name_words TEXT,
    category_words TEXT,
    description_words TEXT,
    CONSTRAINT pk_custom_nodes PRIMARY KEY (id),
    CONSTRAINT ck_custom_nodes_status CHECK (status IN ('enabled', 'disabled')),
    CONSTRAINT ck_custom_nodes_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_custom_nodes_category CHECK (length(category) BETWEEN 1 AND 255),
    CONSTRAINT ck_custom_nodes_visibility CHECK (visibility IN ('public', 'private'))
);
CREATE INDEX ix_custom_nodes_category ON custom_nodes (category, created_at, id);
CREATE INDEX ix_custom_nodes_created_at ON custom_nodes (created_at, id);
CREATE INDEX ix_custom_nodes_name ON custom_nodes (name, created_at, id);
CREATE INDEX ix_custom_nodes_status ON custom_nodes (status, created_at, id);
CREATE INDEX ix_custom_nodes_user_id ON custom_nodes (user_id, created_at, id);
CREATE INDEX ix_custom_nodes_visibility ON custom_nodes (visibility, created_at, id);
CREATE INDEX ix_custom_nodes_workspace_id ON custom_nodes (workspace_id, created_at, id);

CREATE TABLE custom_nodes_places (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

CREATE VIRTUAL TABLE custom_nodes_search USING fts5(
    name_words, category_words, description_words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TRIGGER custom_nodes_search_insert AFTER INSERT ON custom_nodes BEGIN
    INSERT INTO custom_nodes_places (id) VALUES (NEW.id)
    ; INSERT INTO custom_nodes_search (rowid, name_words, category_words, description_words)
        SELECT place, NEW.name_words, NEW.category_words, NEW.description_words FROM custom_nodes_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER custom_nodes_search_update AFTER UPDATE OF name_words, category_words, description_words ON custom_nodes
    WHEN (OLD.name_words, OLD.category_words, OLD.description_words) IS NOT (NEW.name_words, NEW.category_words, NEW.description_words) BEGIN
    INSERT INTO custom_nodes_search (custom_nodes_search, rowid, name_words, category_words, description_words)
        SELECT 'delete', place, OLD.name_words, OLD.category_words, OLD.description_words FROM custom_nodes_places WHERE id = OLD.id
    ; INSERT INTO custom_nodes_search (rowid, name_words, category_words, description_words)
        SELECT place, NEW.name_words, NEW.category_words, NEW.description_words FROM custom_nodes_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER custom_nodes_search_delete AFTER DELETE ON custom_nodes BEGIN
    INSERT INTO custom_nodes_search (custom_nodes_search, rowid, name_words, category_words, description_words)
        SELECT 'delete', place, OLD.name_words, OLD.category_words, OLD.description_words FROM custom_nodes_places WHERE id = OLD.id
    ; DELETE FROM custom_nodes_places WHERE id = OLD.id
    ; END;

CREATE TABLE task_logs (
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    recorded_at DATETIME NOT NULL,
    task_id TEXT,
    execution_id TEXT,
    node TEXT,
    iteration BIGINT,
    level VARCHAR(8) NOT NULL,
    message TEXT NOT NULL,
    logger TEXT,
    context TEXT,
    time DATETIME NOT NULL,
    sequence TEXT,
    order_key TEXT NOT NULL,
    CONSTRAINT pk_task_logs PRIMARY KEY (source, event_id, recorded_at),
    CONSTRAINT ck_task_logs_level CHECK (level IN ('debug', 'info', 'warning', 'error', 'critical')),
    CONSTRAINT ck_task_logs_subject CHECK ((task_id IS NULL) <> (execution_id IS NULL))
);
CREATE INDEX ix_task_logs_execution_id ON task_logs (execution_id, time) WHERE execution_id IS NOT NULL;

CREATE INDEX ix_task_logs_recorded_at ON task_logs (recorded_at);
CREATE INDEX ix_task_logs_task_id ON task_logs (task_id, time) WHERE task_id IS NOT NULL;

CREATE TABLE tasks (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'pending' NOT NULL,
    attempt BIGINT DEFAULT '1' NOT NULL,
    name TEXT,
    kind TEXT,
    execution_id TEXT,
    parent_task_id TEXT,
    retry_of TEXT,
    workspace_id TEXT,
    sandbox_id TEXT,
    agent_id TEXT,
    user_id TEXT,
    priority BIGINT,
    input TEXT,
    worker TEXT,
    output TEXT,
    error TEXT,
    reason TEXT,
    usage TEXT,
    progress DOUBLE,
    progress_message TEXT,
    created_at DATETIME NOT NULL,
    started_at DATETIME,
    finished_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    start_key TEXT DEFAULT '' NOT NULL,
    progress_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    started_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_tasks PRIMARY KEY (id),
    CONSTRAINT ck_tasks_status CHECK (status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')),
    CONSTRAINT ck_tasks_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_tasks_progress CHECK (progress >= 0 AND progress <= 1)
);
CREATE INDEX ix_tasks_agent_id ON tasks (agent_id, created_at) WHERE agent_id IS NOT NULL;

CREATE INDEX ix_tasks_created_at ON tasks (created_at, id);
CREATE INDEX ix_tasks_execution_id ON tasks (execution_id, created_at, id);
CREATE INDEX ix_tasks_user_id ON tasks (user_id, created_at) WHERE user_id IS NOT NULL;

CREATE INDEX ix_tasks_workspace_id ON tasks (workspace_id, created_at) WHERE workspace_id IS NOT NULL;

CREATE TABLE executions (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'pending' NOT NULL,
    attempt BIGINT DEFAULT '1' NOT NULL,
    workflow_id TEXT,
    workspace_id TEXT,
    sandbox_id TEXT,
    agent_id TEXT,
    user_id TEXT,
    parent_execution_id TEXT,
    retry_of TEXT,
    mode TEXT,
    trigger_type TEXT,
    input TEXT,
    output TEXT,
    error TEXT,
    reason TEXT,
    usage TEXT,
    initial_state TEXT,
    current_state TEXT,
    final_state TEXT,
    iterations BIGINT,
    created_at DATETIME NOT NULL,
    started_at DATETIME,
    finished_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    current_state_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    started_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_executions PRIMARY KEY (id),
    CONSTRAINT ck_executions_status CHECK (status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')),
    CONSTRAINT ck_executions_attempt CHECK (attempt >= 1)
);
CREATE INDEX ix_executions_agent_id ON executions (agent_id, created_at) WHERE agent_id IS NOT NULL;

CREATE INDEX ix_executions_created_at ON executions (created_at, id);
CREATE INDEX ix_executions_parent_execution_id ON executions (parent_execution_id, created_at) WHERE parent_execution_id IS NOT NULL;

CREATE INDEX ix_executions_user_id ON executions (user_id, created_at) WHERE user_id IS NOT NULL;

CREATE INDEX ix_executions_workflow_id ON executions (workflow_id, created_at, id);
CREATE INDEX ix_executions_workspace_id ON executions (workspace_id, created_at) WHERE workspace_id IS NOT NULL;

CREATE TABLE knowledge (
    id TEXT NOT NULL,
    title TEXT,
    content TEXT,
    kind TEXT,
    agent_id TEXT,
    workspace_id TEXT,
    user_id TEXT,
    execution_id TEXT,
    tags TEXT,
    confidence DOUBLE,
    data TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    title_words TEXT,
    content_words TEXT,
    CONSTRAINT pk_knowledge PRIMARY KEY (id),
    CONSTRAINT ck_knowledge_kind CHECK (length(kind) BETWEEN 1 AND 255),
    CONSTRAINT ck_knowledge_confidence CHECK (confidence >= 0 AND confidence <= 1)
);
CREATE INDEX ix_knowledge_agent_id ON knowledge (agent_id, created_at, id);
CREATE INDEX ix_knowledge_created_at ON knowledge (created_at, id);
CREATE INDEX ix_knowledge_kind ON knowledge (kind, created_at, id);
CREATE INDEX ix_knowledge_tags ON knowledge (tags);
CREATE INDEX ix_knowledge_user_id ON knowledge (user_id, created_at, id);
CREATE INDEX ix_knowledge_workspace_id ON knowledge (workspace_id, created_at, id);

CREATE TABLE knowledge_places (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

CREATE VIRTUAL TABLE knowledge_search USING fts5(
    title_words, content_words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TRIGGER knowledge_search_insert AFTER INSERT ON knowledge BEGIN
    INSERT INTO knowledge_places (id) VALUES (NEW.id)
    ; INSERT INTO knowledge_search (rowid, title_words, content_words)
        SELECT place, NEW.title_words, NEW.content_words FROM knowledge_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER knowledge_search_update AFTER UPDATE OF title_words, content_words ON knowledge
    WHEN (OLD.title_words, OLD.content_words) IS NOT (NEW.title_words, NEW.content_words) BEGIN
    INSERT INTO knowledge_search (knowledge_search, rowid, title_words, content_words)
        SELECT 'delete', place, OLD.title_words, OLD.content_words FROM knowledge_places WHERE id = OLD.id
    ; INSERT INTO knowledge_search (rowid, title_words, content_words)
        SELECT place, NEW.title_words, NEW.content_words FROM knowledge_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER knowledge_search_delete AFTER DELETE ON knowledge BEGIN
    INSERT INTO knowledge_search (knowledge_search, rowid, title_words, content_words)
        SELECT 'delete', place, OLD.title_words, OLD.content_words FROM knowledge_places WHERE id = OLD.id
    ; DELETE FROM knowledge_places WHERE id = OLD.id
    ; END;

CREATE TABLE mcp_servers (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'disconnected' NOT NULL,
    name TEXT,
    description TEXT,
    workspace_id TEXT,
    user_id TEXT,
    transport TEXT,
    command TEXT,
    args TEXT,
    url TEXT,
    headers TEXT,
    env TEXT,
    version TEXT,
    tool_count BIGINT,
    error TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_mcp_servers PRIMARY KEY (id),
    CONSTRAINT ck_mcp_servers_status CHECK (status IN ('disconnected', 'connected', 'error')),
    CONSTRAINT ck_mcp_servers_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_mcp_servers_transport CHECK (transport IN ('stdio', 'http', 'sse', 'streamable-http')),
    CONSTRAINT ck_mcp_servers_tool_count CHECK (tool_count >= 0)
);
CREATE INDEX ix_mcp_servers_created_at ON mcp_servers (created_at, id);
CREATE INDEX ix_mcp_servers_name ON mcp_servers (name, created_at, id);
CREATE INDEX ix_mcp_servers_status ON mcp_servers (status, created_at, id);
CREATE INDEX ix_mcp_servers_user_id ON mcp_servers (user_id, created_at, id);
CREATE INDEX ix_mcp_servers_workspace_id ON mcp_servers (workspace_id, created_at, id);

CREATE TABLE messages (
    id TEXT NOT NULL,
    from_sandbox_id TEXT,
    workspace_id TEXT,
    message_type TEXT,
    content TEXT,
    thread_id TEXT,
    in_reply_to TEXT,
    execution_id TEXT,
    task_id TEXT,
    priority BIGINT,
    expires_at DATETIME,
    created_at DATETIME NOT NULL,
    sent_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT ck_messages_message_type CHECK (message_type IN ('request', 'response', 'notification', 'command'))
);
CREATE INDEX ix_messages_created_at ON messages (created_at, id);
CREATE INDEX ix_messages_execution_id ON messages (execution_id, created_at) WHERE execution_id IS NOT NULL;

CREATE INDEX ix_messages_from_sandbox_id ON messages (from_sandbox_id, created_at, id);
CREATE INDEX ix_messages_task_id ON messages (task_id, created_at) WHERE task_id IS NOT NULL;

CREATE INDEX ix_messages_thread_id ON messages (thread_id, created_at, id);
CREATE INDEX ix_messages_workspace_id ON messages (workspace_id, created_at, id);

CREATE TABLE metrics (
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    recorded_at DATETIME NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    value DOUBLE NOT NULL,
    unit TEXT,
    kind TEXT,
    labels TEXT,
    agent_id TEXT,
    execution_id TEXT,
    task_id TEXT,
    workspace_id TEXT,
    time DATETIME NOT NULL,
    CONSTRAINT pk_metrics PRIMARY KEY (source, event_id, recorded_at),
    CONSTRAINT ck_metrics_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_metrics_unit CHECK (length(unit) BETWEEN 1 AND 255),
    CONSTRAINT ck_metrics_kind CHECK (kind IN ('gauge', 'counter'))
);
CREATE INDEX ix_metrics_recorded_at ON metrics (recorded_at);
CREATE INDEX ix_metrics_subject ON metrics (subject, name, time);
CREATE INDEX ix_metrics_time ON metrics (time);
CREATE INDEX ix_metrics_workspace_id ON metrics (workspace_id, time) WHERE workspace_id IS NOT NULL;

CREATE TABLE metric_hours (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL,
    start DATETIME NOT NULL,
    count BIGINT NOT NULL,
    sum TEXT NOT NULL,
    min DOUBLE NOT NULL,
    max DOUBLE NOT NULL,
    CONSTRAINT pk_metric_hours PRIMARY KEY (subject, name, start, unit, kind)
);

CREATE TABLE metric_days (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    kind TEXT NOT NULL,
    start DATETIME NOT NULL,
    count BIGINT NOT NULL,
    sum TEXT NOT NULL,
    min DOUBLE NOT NULL,
    max DOUBLE NOT NULL,
    CONSTRAINT pk_metric_days PRIMARY KEY (subject, name, start, unit, kind)
);

CREATE TABLE sandboxes (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'provisioning' NOT NULL,
    workspace_id TEXT,
    name TEXT,
    description TEXT,
    agent_id TEXT,
    user_id TEXT,
    container_id TEXT,
    agent_config TEXT,
    resource_limits TEXT,
    connection TEXT,
    health TEXT,
    error TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    started_at DATETIME,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    started_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_sandboxes PRIMARY KEY (id),
    CONSTRAINT ck_sandboxes_status CHECK (status IN ('provisioning', 'starting', 'running', 'stopping', 'stopped', 'error')),
    CONSTRAINT ck_sandboxes_name CHECK (length(name) BETWEEN 1 AND 255)
);
CREATE INDEX ix_sandboxes_created_at ON sandboxes (created_at, id);
CREATE INDEX ix_sandboxes_name ON sandboxes (name, created_at, id);
CREATE INDEX ix_sandboxes_status ON sandboxes (status, created_at, id);
CREATE INDEX ix_sandboxes_user_id ON sandboxes (user_id, created_at, id);
CREATE INDEX ix_sandboxes_workspace_id ON sandboxes (workspace_id, created_at, id);

CREATE TABLE schedule_due (
    schedule_id TEXT NOT NULL,
    next_due_at DATETIME,
    done_until DATETIME,
    watched_since DATETIME NOT NULL,
    computed_from TEXT NOT NULL,
    zones TEXT NOT NULL,
    error TEXT,
    CONSTRAINT pk_schedule_due PRIMARY KEY (schedule_id)
);
CREATE INDEX ix_schedule_due_error ON schedule_due (schedule_id) WHERE error IS NOT NULL;

CREATE INDEX ix_schedule_due_next_due_at ON schedule_due (next_due_at, schedule_id) WHERE next_due_at IS NOT NULL;

CREATE INDEX ix_schedule_due_zones ON schedule_due (zones, schedule_id);

CREATE TABLE schedule_changes (
    schedule_id TEXT NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    changed_at DATETIME NOT NULL,
    CONSTRAINT pk_schedule_changes PRIMARY KEY (schedule_id, source, event_id)
);

CREATE TABLE schedule_looks (
    one INTEGER DEFAULT '1' NOT NULL,
    since DATETIME NOT NULL,
    at DATETIME NOT NULL,
    CONSTRAINT pk_schedule_looks PRIMARY KEY (one),
    CONSTRAINT ck_schedule_looks_one CHECK (one = 1)
);

CREATE TABLE schedules (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'enabled' NOT NULL,
    name TEXT,
    workflow_id TEXT,
    workspace_id TEXT,
    user_id TEXT,
    expression TEXT,
    timezone TEXT,
    input TEXT,
    missed TEXT,
    starts_at DATETIME,
    ends_at DATETIME,
    last_due_at DATETIME,
    last_execution_id TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    fired_key TEXT DEFAULT '' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_schedules PRIMARY KEY (id),
    CONSTRAINT ck_schedules_status CHECK (status IN ('enabled', 'disabled')),
    CONSTRAINT ck_schedules_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_schedules_missed CHECK (missed IN ('skip', 'last', 'all'))
);
CREATE INDEX ix_schedules_created_at ON schedules (created_at, id);
CREATE INDEX ix_schedules_name ON schedules (name, created_at, id);
CREATE INDEX ix_schedules_status ON schedules (status, created_at, id);
CREATE INDEX ix_schedules_user_id ON schedules (user_id, created_at, id);
CREATE INDEX ix_schedules_workflow_id ON schedules (workflow_id, created_at, id);
CREATE INDEX ix_schedules_workspace_id ON schedules (workspace_id, created_at, id);

CREATE TABLE users (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'active' NOT NULL,
    email TEXT,
    full_name TEXT,
    role TEXT,
    settings TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    email_words TEXT,
    full_name_words TEXT,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT ck_users_status CHECK (status IN ('active', 'inactive')),
    CONSTRAINT ck_users_full_name CHECK (length(full_name) BETWEEN 1 AND 255),
    CONSTRAINT ck_users_role CHECK (role IN ('admin', 'user', 'viewer'))
);
CREATE INDEX ix_users_created_at ON users (created_at, id);
CREATE INDEX ix_users_email ON users (email COLLATE NOCASE, created_at, id);
CREATE INDEX ix_users_role ON users (role, created_at, id);
CREATE INDEX ix_users_status ON users (status, created_at, id);

CREATE TABLE users_places (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

CREATE VIRTUAL TABLE users_search USING fts5(
    email_words, full_name_words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TRIGGER users_search_insert AFTER INSERT ON users BEGIN
    INSERT INTO users_places (id) VALUES (NEW.id)
    ; INSERT INTO users_search (rowid, email_words, full_name_words)
        SELECT place, NEW.email_words, NEW.full_name_words FROM users_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER users_search_update AFTER UPDATE OF email_words, full_name_words ON users
    WHEN (OLD.email_words, OLD.full_name_words) IS NOT (NEW.email_words, NEW.full_name_words) BEGIN
    INSERT INTO users_search (users_search, rowid, email_words, full_name_words)
        SELECT 'delete', place, OLD.email_words, OLD.full_name_words FROM users_places WHERE id = OLD.id
    ; INSERT INTO users_search (rowid, email_words, full_name_words)
        SELECT place, NEW.email_words, NEW.full_name_words FROM users_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER users_search_delete AFTER DELETE ON users BEGIN
    INSERT INTO users_search (users_search, rowid, email_words, full_name_words)
        SELECT 'delete', place, OLD.email_words, OLD.full_name_words FROM users_places WHERE id = OLD.id
    ; DELETE FROM users_places WHERE id = OLD.id
    ; END;

CREATE TABLE webhooks (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'enabled' NOT NULL,
    name TEXT,
    workflow_id TEXT,
    workspace_id TEXT,
    user_id TEXT,
    secret_names TEXT,
    allowed_ips TEXT,
    input_mapping TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_webhooks PRIMARY KEY (id),
    CONSTRAINT ck_webhooks_status CHECK (status IN ('enabled', 'disabled')),
    CONSTRAINT ck_webhooks_name CHECK (length(name) BETWEEN 1 AND 255)
);
CREATE INDEX ix_webhooks_created_at ON webhooks (created_at, id);
CREATE INDEX ix_webhooks_name ON webhooks (name, created_at, id);
CREATE INDEX ix_webhooks_status ON webhooks (status, created_at, id);
CREATE INDEX ix_webhooks_user_id ON webhooks (user_id, created_at, id);
CREATE INDEX ix_webhooks_workflow_id ON webhooks (workflow_id, created_at, id);
CREATE INDEX ix_webhooks_workspace_id ON webhooks (workspace_id, created_at, id);

CREATE TABLE workflows (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'draft' NOT NULL,
    name TEXT,
    description TEXT,
    workspace_id TEXT,
    user_id TEXT,
    visibility TEXT,
    tags TEXT,
    settings TEXT,
    latest_version BIGINT,
    published_version BIGINT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    status_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    deleted_at DATETIME,
    deleted_key TEXT DEFAULT '' NOT NULL,
    updated_at_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    name_words TEXT,
    CONSTRAINT pk_workflows PRIMARY KEY (id),
    CONSTRAINT ck_workflows_status CHECK (status IN ('draft', 'published', 'archived')),
    CONSTRAINT ck_workflows_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_workflows_visibility CHECK (visibility IN ('public', 'private'))
);
CREATE INDEX ix_workflows_created_at ON workflows (created_at, id);
CREATE INDEX ix_workflows_name ON workflows (name, created_at, id);
CREATE INDEX ix_workflows_status ON workflows (status, created_at, id);
CREATE INDEX ix_workflows_user_id ON workflows (user_id, created_at, id);
CREATE INDEX ix_workflows_visibility ON workflows (visibility, created_at, id);
CREATE INDEX ix_workflows_workspace_id ON workflows (workspace_id, created_at, id);

CREATE TABLE workflows_places (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);

CREATE VIRTUAL TABLE workflows_search USING fts5(
    name_words, content='', columnsize=0, detail=none, tokenize='ascii');

CREATE TRIGGER workflows_search_insert AFTER INSERT ON workflows BEGIN
    INSERT INTO workflows_places (id) VALUES (NEW.id)
    ; INSERT INTO workflows_search (rowid, name_words)
        SELECT place, NEW.name_words FROM workflows_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER workflows_search_update AFTER UPDATE OF name_words ON workflows
    WHEN (OLD.name_words) IS NOT (NEW.name_words) BEGIN
    INSERT INTO workflows_search (workflows_search, rowid, name_words)
        SELECT 'delete', place, OLD.name_words FROM workflows_places WHERE id = OLD.id
    ; INSERT INTO workflows_search (rowid, name_words)
        SELECT place, NEW.name_words FROM workflows_places WHERE id = NEW.id
    ; END;

CREATE TRIGGER workflows_search_delete AFTER DELETE ON workflows BEGIN
    INSERT INTO workflows_search (workflows_search, rowid, name_words)
        SELECT 'delete', place, OLD.name_words FROM workflows_places WHERE id = OLD.id
    ; DELETE FROM workflows_places WHERE id = OLD.id
    ; END;

CREATE TABLE workspaces (
    id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'active' NOT NULL,
    name TEXT,
    description TEXT,
    user_id TEXT,
    settings TEXT,
    reason TEXT,
    created_at DATETIME NOT NULL,
    archived_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    created_at_key TEXT DEFAULT '~' NOT NULL,
    description_key TEXT DEFAULT '' NOT NULL,
    description_keys TEXT,
    CONSTRAINT pk_workspaces PRIMARY KEY (id),
    CONSTRAINT ck_workspaces_status CHECK (status IN ('active', 'archived')),
    CONSTRAINT ck_workspaces_name CHECK (length(name) BETWEEN 1 AND 255)
);
CREATE INDEX ix_workspaces_created_at ON workspaces (created_at, id);
CREATE INDEX ix_workspaces_name ON workspaces (name, created_at, id);
CREATE INDEX ix_workspaces_status ON workspaces (status, created_at, id);
CREATE INDEX ix_workspaces_user_id ON workspaces (user_id, created_at, id);

CREATE TABLE checkpoints (
    stream TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    recorded_at DATETIME NOT NULL,
    batches BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (stream)
);

CREATE TABLE departed (
    what TEXT NOT NULL,
    sums TEXT NOT NULL,
    CONSTRAINT pk_departed PRIMARY KEY (what)
);

CREATE TABLE dead_letters (
    id TEXT NOT NULL,
    stream TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    raw BLOB NOT NULL,
    reason VARCHAR(32) NOT NULL,
    field TEXT DEFAULT '' NOT NULL,
    detail TEXT NOT NULL,
    type TEXT,
    source TEXT,
    event_id TEXT,
    first_seen DATETIME NOT NULL,
    attempts INTEGER DEFAULT '1' NOT NULL,
    status VARCHAR(16) DEFAULT 'open' NOT NULL,
    subject TEXT,
    CONSTRAINT pk_dead_letters PRIMARY KEY (id),
    CONSTRAINT ck_dead_letters_status CHECK (status IN ('open', 'replayed', 'discarded'))
);
CREATE INDEX ix_dead_letters_event_id ON dead_letters (event_id);
CREATE INDEX ix_dead_letters_reason ON dead_letters (reason, status);
CREATE INDEX ix_dead_letters_status ON dead_letters (status, first_seen, id);
CREATE INDEX ix_dead_letters_subject ON dead_letters (subject);

CREATE TABLE drains (
    id TEXT NOT NULL,
    worker TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    ended_at DATETIME NOT NULL,
    shards TEXT NOT NULL,
    recorded INTEGER NOT NULL,
    repeated INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    why TEXT,
    measures TEXT NOT NULL,
    recorded_in BIGINT DEFAULT NULL,
    CONSTRAINT pk_drains PRIMARY KEY (id)
);
CREATE INDEX ix_drains_dead ON drains (ended_at, id) WHERE dead > 0;

CREATE INDEX ix_drains_ended_at ON drains (ended_at, id);
CREATE INDEX ix_drains_recorded_in ON drains (recorded_in) WHERE recorded_in IS NOT NULL;

CREATE INDEX ix_drains_why ON drains (ended_at, id) WHERE why IS NOT NULL;

CREATE INDEX ix_drains_worker ON drains (worker, ended_at, id);

CREATE TABLE ledger (
    one INTEGER DEFAULT '1' NOT NULL,
    id TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    broker TEXT,
    former TEXT,
    place TEXT,
    beats BIGINT DEFAULT '0' NOT NULL,
    seen_at DATETIME,
    alarm TEXT,
    alarm_at DATETIME,
    CONSTRAINT pk_ledger PRIMARY KEY (one),
    CONSTRAINT ck_ledger_one CHECK (one = 1)
);

CREATE TABLE passwords (
    user_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    changed_at DATETIME NOT NULL,
    CONSTRAINT pk_passwords PRIMARY KEY (user_id)
);

CREATE TABLE sessions (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    token_hash TEXT NOT NULL,
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    revoked_at DATETIME,
    address TEXT,
    user_agent TEXT,
    CONSTRAINT pk_sessions PRIMARY KEY (id)
);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE INDEX ix_sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE INDEX ix_sessions_user_id ON sessions (user_id, created_at, id);

CREATE UNIQUE INDEX ix_sessions_token_hash ON sessions (token_hash);

CREATE TABLE sign_in_tries (
    "key" TEXT NOT NULL,
    tries BIGINT NOT NULL,
    free_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    CONSTRAINT pk_sign_in_tries PRIMARY KEY ("key")
);
CREATE INDEX ix_sign_in_tries_expires_at ON sign_in_tries (expires_at);

CREATE TABLE erasures (
    subject TEXT NOT NULL,
    erased_with TEXT,
    why TEXT NOT NULL,
    erased_by TEXT NOT NULL,
    erased_at DATETIME NOT NULL,
    done_at DATETIME,
    CONSTRAINT pk_erasures PRIMARY KEY (subject)
);
CREATE INDEX ix_erasures_done_at ON erasures (subject) WHERE done_at IS NULL;

CREATE INDEX ix_erasures_erased_with ON erasures (erased_with);

CREATE TABLE holds (
    what TEXT NOT NULL,
    id TEXT NOT NULL,
    why TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at DATETIME NOT NULL,
    CONSTRAINT pk_holds PRIMARY KEY (what, id),
    CONSTRAINT ck_holds_what CHECK (what IN ('workspace', 'execution', 'subject'))
);

CREATE TABLE held (
    subject TEXT NOT NULL,
    CONSTRAINT pk_held PRIMARY KEY (subject)
);

CREATE TABLE horizons (
    what TEXT NOT NULL,
    horizon DATETIME NOT NULL,
    moved_at DATETIME NOT NULL,
    CONSTRAINT pk_horizons PRIMARY KEY (what),
    CONSTRAINT ck_horizons_what CHECK (what IN ('texts', 'rows', 'unfinished', 'names', 'logs', 'metrics', 'audit', 'drains', 'dead_letters', 'sessions'))
);

CREATE TABLE rounds (
    role TEXT NOT NULL,
    began_at DATETIME NOT NULL,
    turned_at DATETIME NOT NULL,
    ended_at DATETIME,
    steps TEXT NOT NULL,
    went TEXT NOT NULL,
    waits TEXT NOT NULL,
    place TEXT,
    CONSTRAINT pk_rounds PRIMARY KEY (role)
);

CREATE TABLE sizes (
    slot INTEGER NOT NULL,
    part TEXT NOT NULL,
    at DATETIME NOT NULL,
    bytes BIGINT NOT NULL,
    CONSTRAINT pk_sizes PRIMARY KEY (slot, part)
);

CREATE TABLE credentials (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    service_type TEXT NOT NULL,
    name TEXT NOT NULL,
    key_version INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    CONSTRAINT pk_credentials PRIMARY KEY (id),
    CONSTRAINT ck_credentials_service_type CHECK (length(service_type) BETWEEN 1 AND 255),
    CONSTRAINT ck_credentials_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_credentials_key_version CHECK (key_version >= 1),
    CONSTRAINT ck_credentials_nonce CHECK (length(nonce) = 12)
);
CREATE INDEX ix_credentials_service_type ON credentials (user_id, service_type, created_at, id);
CREATE INDEX ix_credentials_user_id ON credentials (user_id, created_at, id);

CREATE TABLE secrets (
    name TEXT NOT NULL,
    key_version INTEGER NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    CONSTRAINT pk_secrets PRIMARY KEY (name),
    CONSTRAINT ck_secrets_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_secrets_key_version CHECK (key_version >= 1),
    CONSTRAINT ck_secrets_nonce CHECK (length(nonce) = 12)
);

CREATE TABLE task_failures (
    task_id TEXT NOT NULL,
    failed_at DATETIME NOT NULL,
    status_key TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_task_failures PRIMARY KEY (task_id),
    CONSTRAINT fk_task_failures_task_id FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
);
CREATE INDEX ix_task_failures_failed_at ON task_failures (failed_at, task_id);

CREATE TABLE execution_failures (
    execution_id TEXT NOT NULL,
    failed_at DATETIME NOT NULL,
    status_key TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_execution_failures PRIMARY KEY (execution_id),
    CONSTRAINT fk_execution_failures_execution_id FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);
CREATE INDEX ix_execution_failures_failed_at ON execution_failures (failed_at, execution_id);

CREATE TABLE execution_logs (
    execution_id TEXT NOT NULL,
    node TEXT NOT NULL,
    iteration BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    status VARCHAR(16) DEFAULT 'pending' NOT NULL,
    agent_id TEXT,
    input TEXT,
    output TEXT,
    error TEXT,
    reason TEXT,
    usage TEXT,
    state TEXT,
    started_at DATETIME,
    finished_at DATETIME,
    status_key TEXT DEFAULT '' NOT NULL,
    start_key TEXT DEFAULT '' NOT NULL,
    started_at_key TEXT DEFAULT '~' NOT NULL,
    CONSTRAINT pk_execution_logs PRIMARY KEY (execution_id, node, iteration, attempt),
    CONSTRAINT ck_execution_logs_attempt CHECK (attempt >= 1),
    CONSTRAINT ck_execution_logs_status CHECK (status IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped')),
    CONSTRAINT fk_execution_logs_execution_id FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);

CREATE TABLE outbox (
    id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    to_sandbox_id TEXT NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    expires_at DATETIME,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT fk_outbox_message_id FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_outbox_expires_at ON outbox (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX ix_outbox_to_sandbox_id ON outbox (to_sandbox_id, id);

CREATE UNIQUE INDEX ix_outbox_message_id ON outbox (message_id, to_sandbox_id);

CREATE TABLE message_deliveries (
    message_id TEXT NOT NULL,
    to_sandbox_id TEXT NOT NULL,
    status VARCHAR(16) DEFAULT 'pending' NOT NULL,
    sent_at DATETIME,
    delivered_at DATETIME,
    reason TEXT,
    status_key TEXT DEFAULT '' NOT NULL,
    sent_at_key TEXT DEFAULT '~' NOT NULL,
    delivered_at_key TEXT DEFAULT '~' NOT NULL,
    CONSTRAINT pk_message_deliveries PRIMARY KEY (message_id, to_sandbox_id),
    CONSTRAINT ck_message_deliveries_status CHECK (status IN ('pending', 'sent', 'expired', 'failed', 'delivered')),
    CONSTRAINT fk_message_deliveries_message_id FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_message_deliveries_to_sandbox_id ON message_deliveries (to_sandbox_id, message_id);

CREATE TABLE workflow_versions (
    workflow_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    problems TEXT,
    user_id TEXT,
    note TEXT,
    created_at DATETIME NOT NULL,
    version_key TEXT DEFAULT '~' NOT NULL,
    CONSTRAINT pk_workflow_versions PRIMARY KEY (workflow_id, version),
    CONSTRAINT ck_workflow_versions_version CHECK (version >= 1),
    CONSTRAINT fk_workflow_versions_workflow_id FOREIGN KEY(workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
);

CREATE TABLE dead_letter_actions (
    id TEXT NOT NULL,
    dead_letter_id TEXT NOT NULL,
    at DATETIME NOT NULL,
    who TEXT NOT NULL,
    action VARCHAR(16) NOT NULL,
    source TEXT,
    event_id TEXT,
    stream TEXT,
    entry_id TEXT,
    raw BLOB,
    detail TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_dead_letter_actions PRIMARY KEY (id),
    CONSTRAINT ck_dead_letter_actions_action CHECK (action IN ('replayed', 'refused', 'discarded')),
    CONSTRAINT ck_dead_letter_actions_sent CHECK ((action = 'replayed') = (stream IS NOT NULL) AND (action = 'replayed') = (entry_id IS NOT NULL)),
    CONSTRAINT fk_dead_letter_actions_dead_letter_id FOREIGN KEY(dead_letter_id) REFERENCES dead_letters (id) ON DELETE CASCADE
);
CREATE INDEX ix_dead_letter_actions_dead_letter_id ON dead_letter_actions (dead_letter_id, at, id);
CREATE INDEX ix_dead_letter_actions_entry_id ON dead_letter_actions (entry_id, stream) WHERE entry_id IS NOT NULL;

CREATE VIEW execution_summary AS
    SELECT e.id, e.status, e.attempt, e.workflow_id, workflow.name AS workflow_name, e.agent_id,
        agent.name AS agent_name, e.workspace_id, e.sandbox_id, e.user_id, e.parent_execution_id, e.mode,
        e.trigger_type, e.error, e.reason, e.iterations, e.created_at, e.started_at, e.finished_at,
        CASE WHEN e.finished_at >= e.started_at AND substr(e.started_at_key, 1, 1) = '0'
            AND instr(e.status_key, '1' || e.finished_at) > 0
        THEN ((strftime('%s', substr(e.finished_at, 1, 19)) - strftime('%s', substr(e.started_at, 1, 19))) * 1000000
            + substr(e.finished_at, 21) - substr(e.started_at, 21)) / 1000000.0 END AS took_seconds,
        (SELECT count(one.status) FROM tasks one WHERE one.execution_id = e.id) AS tasks,
        (SELECT count(*) FILTER (WHERE one.status = 'pending') FROM tasks one WHERE one.execution_id = e.id) AS tasks_pending,
        (SELECT count(*) FILTER (WHERE one.status = 'retrying') FROM tasks one WHERE one.execution_id = e.id) AS tasks_retrying,
        (SELECT count(*) FILTER (WHERE one.status = 'queued') FROM tasks one WHERE one.execution_id = e.id) AS tasks_queued,
        (SELECT count(*) FILTER (WHERE one.status = 'running') FROM tasks one WHERE one.execution_id = e.id) AS tasks_running,
        (SELECT count(*) FILTER (WHERE one.status = 'paused') FROM tasks one WHERE one.execution_id = e.id) AS tasks_paused,
        (SELECT count(*) FILTER (WHERE one.status = 'completed') FROM tasks one WHERE one.execution_id = e.id) AS tasks_completed,
        (SELECT count(*) FILTER (WHERE one.status = 'failed') FROM tasks one WHERE one.execution_id = e.id) AS tasks_failed,
        (SELECT count(*) FILTER (WHERE one.status = 'cancelled') FROM tasks one WHERE one.execution_id = e.id) AS tasks_cancelled,
        (SELECT count(*) FILTER (WHERE one.status = 'timed_out') FROM tasks one WHERE one.execution_id = e.id) AS tasks_timed_out,
        (SELECT count(*) FILTER (WHERE one.status = 'skipped') FROM tasks one WHERE one.execution_id = e.id) AS tasks_skipped,
        (SELECT count(one.status) FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs,
        (SELECT count(*) FILTER (WHERE one.status = 'running') FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs_running,
        (SELECT count(*) FILTER (WHERE one.status = 'retrying') FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs_retrying,
        (SELECT count(*) FILTER (WHERE one.status = 'completed') FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs_completed,
        (SELECT count(*) FILTER (WHERE one.status = 'failed') FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs_failed,
        (SELECT count(*) FILTER (WHERE one.status = 'skipped') FROM execution_logs one WHERE one.execution_id = e.id) AS node_runs_skipped
    FROM executions e
    LEFT JOIN workflows workflow ON workflow.id = e.workflow_id
    LEFT JOIN agents agent ON agent.id = e.agent_id;

CREATE VIEW agent_activity AS
    SELECT known.agent_id, agent.name, agent.status, agent.kind, agent.workspace_id, agent.deleted_at,
        (SELECT count(one.status) FROM executions one WHERE one.agent_id = known.agent_id) AS executions,
        (SELECT count(*) FILTER (WHERE one.status = 'running') FROM executions one WHERE one.agent_id = known.agent_id) AS executions_running,
        (SELECT count(*) FILTER (WHERE one.status = 'completed') FROM executions one WHERE one.agent_id = known.agent_id) AS executions_completed,
        (SELECT count(*) FILTER (WHERE one.status = 'failed') FROM executions one WHERE one.agent_id = known.agent_id) AS executions_failed,
        (SELECT count(*) FILTER (WHERE one.status = 'timed_out') FROM executions one WHERE one.agent_id = known.agent_id) AS executions_timed_out,
        (SELECT count(one.status) FROM tasks one WHERE one.agent_id = known.agent_id) AS tasks,
        (SELECT count(*) FILTER (WHERE one.status = 'running') FROM tasks one WHERE one.agent_id = known.agent_id) AS tasks_running,
        (SELECT count(*) FILTER (WHERE one.status = 'completed') FROM tasks one WHERE one.agent_id = known.agent_id) AS tasks_completed,
        (SELECT count(*) FILTER (WHERE one.status = 'failed') FROM tasks one WHERE one.agent_id = known.agent_id) AS tasks_failed,
        (SELECT count(*) FILTER (WHERE one.status = 'timed_out') FROM tasks one WHERE one.agent_id = known.agent_id) AS tasks_timed_out,
        (SELECT max(last_at) FROM (
            SELECT coalesce(one.finished_at, one.started_at, one.created_at) AS last_at FROM executions one WHERE one.agent_id = known.agent_id
            UNION ALL
            SELECT coalesce(one.finished_at, one.started_at, one.created_at) AS last_at FROM tasks one WHERE one.agent_id = known.agent_id
        ) work) AS last_activity_at
    FROM (
        SELECT id AS agent_id FROM agents
        UNION
        SELECT agent_id FROM executions WHERE agent_id IS NOT NULL
        UNION
        SELECT agent_id FROM tasks WHERE agent_id IS NOT NULL
    ) known
    LEFT JOIN agents agent ON agent.id = known.agent_id;

CREATE VIEW sandbox_queue AS
    SELECT known.sandbox_id, sandbox.name, sandbox.status, sandbox.workspace_id, sandbox.agent_id,
        (SELECT count(*) FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS messages,
        (SELECT count(*) FILTER (WHERE one.status IN ('pending', 'sent')) FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS waiting,
        (SELECT count(*) FILTER (WHERE one.status = 'pending') FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS pending,
        (SELECT count(*) FILTER (WHERE one.status = 'sent') FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS sent,
        (SELECT count(*) FILTER (WHERE one.status = 'expired') FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS expired,
        (SELECT count(*) FILTER (WHERE one.status = 'failed') FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS failed,
        (SELECT count(*) FILTER (WHERE one.status = 'delivered') FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS delivered,
        (SELECT min((SELECT message.created_at FROM messages message WHERE message.id = one.message_id)) FILTER (WHERE one.status IN ('pending', 'sent')) FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS oldest_waiting_at,
        (SELECT max(one.delivered_at) FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id) AS last_delivered_at
    FROM (
        SELECT id AS sandbox_id FROM sandboxes
        UNION
        SELECT to_sandbox_id FROM message_deliveries
    ) known
    LEFT JOIN sandboxes sandbox ON sandbox.id = known.sandbox_id;

CREATE VIEW daily_counts AS
    SELECT day, kind, status, count(*) AS count
    FROM (
        SELECT substr(execution.created_at, 1, 10) AS day, 'execution' AS kind, status FROM executions execution
        UNION ALL
        SELECT substr(task.created_at, 1, 10), 'task', status FROM tasks task
        UNION ALL
        SELECT substr(message.created_at, 1, 10), 'message', NULL FROM messages message
        UNION ALL
        SELECT substr(message.created_at, 1, 10), 'delivery', delivery.status
        FROM message_deliveries delivery JOIN messages message ON message.id = delivery.message_id
    ) one GROUP BY day, kind, status;
