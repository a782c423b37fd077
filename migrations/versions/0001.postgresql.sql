-- The tables as the first release makes them (PostgreSQL). Statements end with a semicolon at the end of a line.

CREATE DOMAIN ledger_agent_status AS VARCHAR(16) CHECK (VALUE IN ('active', 'retired'));

CREATE DOMAIN ledger_short_name AS TEXT CHECK (length(VALUE) BETWEEN 1 AND 255);

CREATE DOMAIN ledger_collaboration_status AS VARCHAR(16) CHECK (VALUE IN ('pending', 'running', 'completed', 'failed', 'cancelled'));

CREATE DOMAIN ledger_attempt AS BIGINT CHECK (VALUE >= 1);

CREATE DOMAIN ledger_progress AS DOUBLE PRECISION CHECK (VALUE >= 0 AND VALUE <= 1);

CREATE DOMAIN ledger_switch AS VARCHAR(16) CHECK (VALUE IN ('enabled', 'disabled'));

CREATE DOMAIN ledger_visibility AS TEXT CHECK (VALUE IN ('public', 'private'));

CREATE DOMAIN ledger_level AS VARCHAR(8) CHECK (VALUE IN ('debug', 'info', 'warning', 'error', 'critical'));

CREATE DOMAIN ledger_status AS VARCHAR(16) CHECK (VALUE IN ('pending', 'retrying', 'queued', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timed_out', 'skipped'));

CREATE DOMAIN ledger_confidence AS DOUBLE PRECISION CHECK (VALUE >= 0 AND VALUE <= 1);

CREATE DOMAIN ledger_mcp_server_status AS VARCHAR(16) CHECK (VALUE IN ('disconnected', 'connected', 'error'));

CREATE DOMAIN ledger_transport AS TEXT CHECK (VALUE IN ('stdio', 'http', 'sse', 'streamable-http'));

CREATE DOMAIN ledger_count AS BIGINT CHECK (VALUE >= 0);

CREATE DOMAIN ledger_message_type AS TEXT CHECK (VALUE IN ('request', 'response', 'notification', 'command'));

CREATE DOMAIN ledger_delivery_status AS VARCHAR(16) CHECK (VALUE IN ('pending', 'sent', 'expired', 'failed', 'delivered'));

CREATE DOMAIN ledger_metric_kind AS TEXT CHECK (VALUE IN ('gauge', 'counter'));

CREATE DOMAIN ledger_sandbox_status AS VARCHAR(16) CHECK (VALUE IN ('provisioning', 'starting', 'running', 'stopping', 'stopped', 'error'));

CREATE DOMAIN ledger_missed AS TEXT CHECK (VALUE IN ('skip', 'last', 'all'));

CREATE DOMAIN ledger_user_status AS VARCHAR(16) CHECK (VALUE IN ('active', 'inactive'));

CREATE DOMAIN ledger_role AS TEXT CHECK (VALUE IN ('admin', 'user', 'viewer'));

CREATE DOMAIN ledger_workflow_status AS VARCHAR(16) CHECK (VALUE IN ('draft', 'published', 'archived'));

CREATE DOMAIN ledger_version AS BIGINT CHECK (VALUE >= 1);

CREATE DOMAIN ledger_workspace_status AS VARCHAR(16) CHECK (VALUE IN ('active', 'archived'));

CREATE DOMAIN ledger_dead_letter_action AS VARCHAR(16) CHECK (VALUE IN ('replayed', 'refused', 'discarded'));

CREATE DOMAIN ledger_dead_letter_status AS VARCHAR(16) CHECK (VALUE IN ('open', 'replayed', 'discarded'));

CREATE DOMAIN ledger_held AS TEXT CHECK (VALUE IN ('workspace', 'execution', 'subject'));

CREATE DOMAIN ledger_kept AS TEXT CHECK (VALUE IN ('texts', 'rows', 'unfinished', 'names', 'logs', 'metrics', 'audit', 'drains', 'dead_letters', 'sessions'));

CREATE TABLE event_texts (
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    meaning BYTEA NOT NULL,
    raw TEXT NOT NULL,
    CONSTRAINT pk_event_texts PRIMARY KEY (recorded_at, meaning)
)
 PARTITION BY RANGE (recorded_at);

CREATE TABLE events (
    source TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    type TEXT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    time TIMESTAMP WITH TIME ZONE,
    sequence TEXT,
    partition INTEGER NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    meaning BYTEA NOT NULL,
    recorded_in BIGINT DEFAULT (pg_current_xact_id()::text)::bigint,
    CONSTRAINT pk_events PRIMARY KEY (source, id)
);
CREATE INDEX ix_events_recorded_at ON events (recorded_at);
CREATE INDEX ix_events_recorded_in ON events USING brin (recorded_in) WITH (autosummarize = on, pages_per_range = 32);
CREATE INDEX ix_events_subject ON events (subject, recorded_at);

CREATE TABLE agents (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_agent_status DEFAULT 'active' NOT NULL,
    name ledger_short_name,
    description TEXT,
    kind ledger_short_name,
    version TEXT,
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    capabilities JSONB,
    agent_config JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    name_words TSVECTOR,
    CONSTRAINT pk_agents PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_agents_capabilities ON agents USING gin (capabilities);
CREATE INDEX ix_agents_created_at ON agents (created_at, id);
CREATE INDEX ix_agents_kind ON agents (kind, created_at, id);
CREATE INDEX ix_agents_name ON agents (name, created_at, id);
CREATE INDEX ix_agents_status ON agents (status, created_at, id);
CREATE INDEX ix_agents_user_id ON agents (user_id, created_at, id);
CREATE INDEX ix_agents_words ON agents USING gin (coalesce(name_words, ''::tsvector));
CREATE INDEX ix_agents_workspace_id ON agents (workspace_id, created_at, id);

CREATE TABLE audit_logs (
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resource_id TEXT COLLATE "C" NOT NULL,
    action ledger_short_name NOT NULL,
    user_id TEXT COLLATE "C",
    resource_type ledger_short_name,
    event_type ledger_short_name,
    details JSONB,
    ip_address TEXT,
    success BOOLEAN NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_audit_logs PRIMARY KEY (source, event_id, recorded_at)
)
 PARTITION BY RANGE (recorded_at);
CREATE INDEX ix_audit_logs_resource_id ON audit_logs (resource_id, time);
CREATE INDEX ix_audit_logs_time ON audit_logs (time);
CREATE INDEX ix_audit_logs_user_id ON audit_logs (user_id, time) WHERE user_id IS NOT NULL;

CREATE TABLE collaborations (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_collaboration_status DEFAULT 'pending' NOT NULL,
    attempt ledger_attempt DEFAULT '1' NOT NULL,
    name ledger_short_name,
    description TEXT,
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    coordinator_id TEXT COLLATE "C",
    member_ids JSONB,
    execution_ids JSONB,
    mode TEXT,
    goal JSONB,
    policy JSONB,
    output JSONB,
    error JSONB,
    reason TEXT,
    progress ledger_progress,
    progress_message TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    progress_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    started_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_collaborations PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_collaborations_coordinator_id ON collaborations (coordinator_id, created_at, id);
CREATE INDEX ix_collaborations_created_at ON collaborations (created_at, id);
CREATE INDEX ix_collaborations_member_ids ON collaborations USING gin (member_ids);
CREATE INDEX ix_collaborations_name ON collaborations (name, created_at, id);
CREATE INDEX ix_collaborations_status ON collaborations (status, created_at, id);
CREATE INDEX ix_collaborations_user_id ON collaborations (user_id, created_at, id);
CREATE INDEX ix_collaborations_workspace_id ON collaborations (workspace_id, created_at, id);

CREATE TABLE custom_nodes (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_switch DEFAULT 'enabled' NOT NULL,
    name ledger_short_name,
    category ledger_short_name,
    description TEXT,
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    visibility ledger_visibility,
    version TEXT,
    language TEXT,
    code TEXT,
    inputs JSONB,
    outputs JSONB,
    config JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    name_words TSVECTOR,
    category_words TSVECTOR,
    description_words TSVECTOR,
    CONSTRAINT pk_custom_nodes PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_custom_nodes_category ON custom_nodes (category, created_at, id);
CREATE INDEX ix_custom_nodes_created_at ON custom_nodes (created_at, id);
CREATE INDEX ix_custom_nodes_name ON custom_nodes (name, created_at, id);
CREATE INDEX ix_custom_nodes_status ON custom_nodes (status, created_at, id);
CREATE INDEX ix_custom_nodes_user_id ON custom_nodes (user_id, created_at, id);
CREATE INDEX ix_custom_nodes_visibility ON custom_nodes (visibility, created_at, id);
CREATE INDEX ix_custom_nodes_words ON custom_nodes USING gin (((coalesce(name_words, ''::tsvector) || coalesce(category_words, ''::tsvector)) || coalesce(description_words, ''::tsvector)));
CREATE INDEX ix_custom_nodes_workspace_id ON custom_nodes (workspace_id, created_at, id);

CREATE TABLE task_logs (
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    task_id TEXT COLLATE "C",
    execution_id TEXT COLLATE "C",
    node TEXT COLLATE "C",
    iteration BIGINT,
    level ledger_level NOT NULL,
    message TEXT NOT NULL,
    logger TEXT,
    context JSONB,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    sequence TEXT,
    order_key TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_task_logs PRIMARY KEY (source, event_id, recorded_at),
    CONSTRAINT ck_task_logs_subject CHECK ((task_id IS NULL) <> (execution_id IS NULL))
)
 PARTITION BY RANGE (recorded_at);
CREATE INDEX ix_task_logs_execution_id ON task_logs (execution_id, time) WHERE execution_id IS NOT NULL;

CREATE INDEX ix_task_logs_task_id ON task_logs (task_id, time) WHERE task_id IS NOT NULL;

CREATE TABLE tasks (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_status DEFAULT 'pending' NOT NULL,
    attempt ledger_attempt DEFAULT '1' NOT NULL,
    name TEXT,
    kind TEXT,
    execution_id TEXT COLLATE "C",
    parent_task_id TEXT COLLATE "C",
    retry_of TEXT,
    workspace_id TEXT COLLATE "C",
    sandbox_id TEXT COLLATE "C",
    agent_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    priority BIGINT,
    input JSONB,
    worker TEXT,
    output JSONB,
    error JSONB,
    reason TEXT,
    usage JSONB,
    progress ledger_progress,
    progress_message TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    start_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    progress_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    started_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_tasks PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_tasks_agent_id ON tasks (agent_id, created_at) WHERE agent_id IS NOT NULL;

CREATE INDEX ix_tasks_created_at ON tasks (created_at, id);
CREATE INDEX ix_tasks_execution_id ON tasks (execution_id, created_at, id);
CREATE INDEX ix_tasks_user_id ON tasks (user_id, created_at) WHERE user_id IS NOT NULL;

CREATE INDEX ix_tasks_workspace_id ON tasks (workspace_id, created_at) WHERE workspace_id IS NOT NULL;

CREATE TABLE executions (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_status DEFAULT 'pending' NOT NULL,
    attempt ledger_attempt DEFAULT '1' NOT NULL,
    workflow_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    sandbox_id TEXT COLLATE "C",
    agent_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    parent_execution_id TEXT COLLATE "C",
    retry_of TEXT,
    mode TEXT,
    trigger_type TEXT,
    input JSONB,
    output JSONB,
    error JSONB,
    reason TEXT,
    usage JSONB,
    initial_state JSONB,
    current_state JSONB,
    final_state JSONB,
    iterations BIGINT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    current_state_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    started_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_executions PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_executions_agent_id ON executions (agent_id, created_at) WHERE agent_id IS NOT NULL;

CREATE INDEX ix_executions_created_at ON executions (created_at, id);
CREATE INDEX ix_executions_parent_execution_id ON executions (parent_execution_id, created_at) WHERE parent_execution_id IS NOT NULL;

CREATE INDEX ix_executions_user_id ON executions (user_id, created_at) WHERE user_id IS NOT NULL;

CREATE INDEX ix_executions_workflow_id ON executions (workflow_id, created_at, id);
CREATE INDEX ix_executions_workspace_id ON executions (workspace_id, created_at) WHERE workspace_id IS NOT NULL;

CREATE TABLE knowledge (
    id TEXT COLLATE "C" NOT NULL,
    title TEXT,
    content TEXT,
    kind ledger_short_name,
    agent_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    execution_id TEXT COLLATE "C",
    tags JSONB,
    confidence ledger_confidence,
    data JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    title_words TSVECTOR,
    content_words TSVECTOR,
    CONSTRAINT pk_knowledge PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_knowledge_agent_id ON knowledge (agent_id, created_at, id);
CREATE INDEX ix_knowledge_created_at ON knowledge (created_at, id);
CREATE INDEX ix_knowledge_kind ON knowledge (kind, created_at, id);
CREATE INDEX ix_knowledge_tags ON knowledge USING gin (tags);
CREATE INDEX ix_knowledge_user_id ON knowledge (user_id, created_at, id);
CREATE INDEX ix_knowledge_words ON knowledge USING gin ((coalesce(title_words, ''::tsvector) || coalesce(content_words, ''::tsvector)));
CREATE INDEX ix_knowledge_workspace_id ON knowledge (workspace_id, created_at, id);

CREATE TABLE mcp_servers (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_mcp_server_status DEFAULT 'disconnected' NOT NULL,
    name ledger_short_name,
    description TEXT,
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    transport ledger_transport,
    command TEXT,
    args JSONB,
    url TEXT,
    headers JSONB,
    env JSONB,
    version TEXT,
    tool_count ledger_count,
    error JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_mcp_servers PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_mcp_servers_created_at ON mcp_servers (created_at, id);
CREATE INDEX ix_mcp_servers_name ON mcp_servers (name, created_at, id);
CREATE INDEX ix_mcp_servers_status ON mcp_servers (status, created_at, id);
CREATE INDEX ix_mcp_servers_user_id ON mcp_servers (user_id, created_at, id);
CREATE INDEX ix_mcp_servers_workspace_id ON mcp_servers (workspace_id, created_at, id);

CREATE TABLE messages (
    id TEXT COLLATE "C" NOT NULL,
    from_sandbox_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    message_type ledger_message_type,
    content JSONB,
    thread_id TEXT COLLATE "C",
    in_reply_to TEXT,
    execution_id TEXT COLLATE "C",
    task_id TEXT COLLATE "C",
    priority BIGINT,
    expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    CONSTRAINT pk_messages PRIMARY KEY (id)
);
CREATE INDEX ix_messages_created_at ON messages (created_at, id);
CREATE INDEX ix_messages_execution_id ON messages (execution_id, created_at) WHERE execution_id IS NOT NULL;

CREATE INDEX ix_messages_from_sandbox_id ON messages (from_sandbox_id, created_at, id);
CREATE INDEX ix_messages_task_id ON messages (task_id, created_at) WHERE task_id IS NOT NULL;

CREATE INDEX ix_messages_thread_id ON messages (thread_id, created_at, id);
CREATE INDEX ix_messages_workspace_id ON messages (workspace_id, created_at, id);

CREATE TABLE metrics (
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    name ledger_short_name NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    unit ledger_short_name,
    kind ledger_metric_kind,
    labels JSONB,
    agent_id TEXT COLLATE "C",
    execution_id TEXT COLLATE "C",
    task_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_metrics PRIMARY KEY (source, event_id, recorded_at)
)
 PARTITION BY RANGE (recorded_at);
CREATE INDEX ix_metrics_subject ON metrics (subject, name, time);
CREATE INDEX ix_metrics_time ON metrics (time);
CREATE INDEX ix_metrics_workspace_id ON metrics (workspace_id, time) WHERE workspace_id IS NOT NULL;

CREATE TABLE metric_hours (
    subject TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    count BIGINT NOT NULL,
    sum NUMERIC NOT NULL,
    min DOUBLE PRECISION NOT NULL,
    max DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_metric_hours PRIMARY KEY (subject, name, start, unit, kind)
)
 WITH (fillfactor = 85);

CREATE TABLE metric_days (
    subject TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    unit TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    start TIMESTAMP WITH TIME ZONE NOT NULL,
    count BIGINT NOT NULL,
    sum NUMERIC NOT NULL,
    min DOUBLE PRECISION NOT NULL,
    max DOUBLE PRECISION NOT NULL,
    CONSTRAINT pk_metric_days PRIMARY KEY (subject, name, start, unit, kind)
)
 WITH (fillfactor = 85);

CREATE TABLE sandboxes (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_sandbox_status DEFAULT 'provisioning' NOT NULL,
    workspace_id TEXT COLLATE "C",
    name ledger_short_name,
    description TEXT,
    agent_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    container_id TEXT COLLATE "C",
    agent_config JSONB,
    resource_limits JSONB,
    connection JSONB,
    health JSONB,
    error JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    started_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_sandboxes PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_sandboxes_created_at ON sandboxes (created_at, id);
CREATE INDEX ix_sandboxes_name ON sandboxes (name, created_at, id);
CREATE INDEX ix_sandboxes_status ON sandboxes (status, created_at, id);
CREATE INDEX ix_sandboxes_user_id ON sandboxes (user_id, created_at, id);
CREATE INDEX ix_sandboxes_workspace_id ON sandboxes (workspace_id, created_at, id);

CREATE TABLE schedule_due (
    schedule_id TEXT COLLATE "C" NOT NULL,
    next_due_at TIMESTAMP WITH TIME ZONE,
    done_until TIMESTAMP WITH TIME ZONE,
    watched_since TIMESTAMP WITH TIME ZONE NOT NULL,
    computed_from TEXT NOT NULL,
    zones TEXT COLLATE "C" NOT NULL,
    error TEXT,
    CONSTRAINT pk_schedule_due PRIMARY KEY (schedule_id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_schedule_due_error ON schedule_due (schedule_id) WHERE error IS NOT NULL;

CREATE INDEX ix_schedule_due_next_due_at ON schedule_due (next_due_at, schedule_id) WHERE next_due_at IS NOT NULL;

CREATE INDEX ix_schedule_due_zones ON schedule_due (zones, schedule_id);

CREATE TABLE schedule_changes (
    schedule_id TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    type TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_schedule_changes PRIMARY KEY (schedule_id, source, event_id)
);

CREATE TABLE schedule_looks (
    one INTEGER DEFAULT '1' NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_schedule_looks PRIMARY KEY (one),
    CONSTRAINT ck_schedule_looks_one CHECK (one = 1)
);

CREATE TABLE schedules (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_switch DEFAULT 'enabled' NOT NULL,
    name ledger_short_name,
    workflow_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    expression TEXT,
    timezone TEXT,
    input JSONB,
    missed ledger_missed,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    last_due_at TIMESTAMP WITH TIME ZONE,
    last_execution_id TEXT COLLATE "C",
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    fired_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_schedules PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_schedules_created_at ON schedules (created_at, id);
CREATE INDEX ix_schedules_name ON schedules (name, created_at, id);
CREATE INDEX ix_schedules_status ON schedules (status, created_at, id);
CREATE INDEX ix_schedules_user_id ON schedules (user_id, created_at, id);
CREATE INDEX ix_schedules_workflow_id ON schedules (workflow_id, created_at, id);
CREATE INDEX ix_schedules_workspace_id ON schedules (workspace_id, created_at, id);

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_user_status DEFAULT 'active' NOT NULL,
    email TEXT COLLATE "C",
    full_name ledger_short_name,
    role ledger_role,
    settings JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    email_words TSVECTOR,
    full_name_words TSVECTOR,
    CONSTRAINT pk_users PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_users_created_at ON users (created_at, id);
CREATE INDEX ix_users_email ON users (lower(email), created_at, id);
CREATE INDEX ix_users_role ON users (role, created_at, id);
CREATE INDEX ix_users_status ON users (status, created_at, id);
CREATE INDEX ix_users_words ON users USING gin ((coalesce(email_words, ''::tsvector) || coalesce(full_name_words, ''::tsvector)));

CREATE TABLE webhooks (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_switch DEFAULT 'enabled' NOT NULL,
    name ledger_short_name,
    workflow_id TEXT COLLATE "C",
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    secret_names JSONB,
    allowed_ips JSONB,
    input_mapping JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_webhooks PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_webhooks_created_at ON webhooks (created_at, id);
CREATE INDEX ix_webhooks_name ON webhooks (name, created_at, id);
CREATE INDEX ix_webhooks_status ON webhooks (status, created_at, id);
CREATE INDEX ix_webhooks_user_id ON webhooks (user_id, created_at, id);
CREATE INDEX ix_webhooks_workflow_id ON webhooks (workflow_id, created_at, id);
CREATE INDEX ix_webhooks_workspace_id ON webhooks (workspace_id, created_at, id);

CREATE TABLE workflows (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_workflow_status DEFAULT 'draft' NOT NULL,
    name ledger_short_name,
    description TEXT,
    workspace_id TEXT COLLATE "C",
    user_id TEXT COLLATE "C",
    visibility ledger_visibility,
    tags JSONB,
    settings JSONB,
    latest_version BIGINT,
    published_version BIGINT,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    deleted_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    updated_at_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    name_words TSVECTOR,
    CONSTRAINT pk_workflows PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_workflows_created_at ON workflows (created_at, id);
CREATE INDEX ix_workflows_name ON workflows (name, created_at, id);
CREATE INDEX ix_workflows_status ON workflows (status, created_at, id);
CREATE INDEX ix_workflows_user_id ON workflows (user_id, created_at, id);
CREATE INDEX ix_workflows_visibility ON workflows (visibility, created_at, id);
CREATE INDEX ix_workflows_words ON workflows USING gin (coalesce(name_words, ''::tsvector));
CREATE INDEX ix_workflows_workspace_id ON workflows (workspace_id, created_at, id);

CREATE TABLE workspaces (
    id TEXT COLLATE "C" NOT NULL,
    status ledger_workspace_status DEFAULT 'active' NOT NULL,
    name ledger_short_name,
    description TEXT,
    user_id TEXT COLLATE "C",
    settings JSONB,
    reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    archived_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    created_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    description_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    description_keys JSONB,
    CONSTRAINT pk_workspaces PRIMARY KEY (id)
)
 WITH (fillfactor = 85);
CREATE INDEX ix_workspaces_created_at ON workspaces (created_at, id);
CREATE INDEX ix_workspaces_name ON workspaces (name, created_at, id);
CREATE INDEX ix_workspaces_status ON workspaces (status, created_at, id);
CREATE INDEX ix_workspaces_user_id ON workspaces (user_id, created_at, id);

CREATE TABLE checkpoints (
    stream TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    batches BIGINT DEFAULT '1' NOT NULL,
    CONSTRAINT pk_checkpoints PRIMARY KEY (stream)
);

CREATE TABLE departed (
    what TEXT COLLATE "C" NOT NULL,
    sums JSONB NOT NULL,
    CONSTRAINT pk_departed PRIMARY KEY (what)
);

CREATE TABLE dead_letters (
    id TEXT COLLATE "C" NOT NULL,
    stream TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    raw BYTEA NOT NULL,
    reason VARCHAR(32) NOT NULL,
    field TEXT DEFAULT '' NOT NULL,
    detail TEXT NOT NULL,
    type TEXT,
    source TEXT,
    event_id TEXT,
    first_seen TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT '1' NOT NULL,
    status ledger_dead_letter_status DEFAULT 'open' NOT NULL,
    subject TEXT,
    CONSTRAINT pk_dead_letters PRIMARY KEY (id)
);
CREATE INDEX ix_dead_letters_event_id ON dead_letters USING hash (event_id);
CREATE INDEX ix_dead_letters_reason ON dead_letters (reason, status);
CREATE INDEX ix_dead_letters_status ON dead_letters (status, first_seen, id);
CREATE INDEX ix_dead_letters_subject ON dead_letters USING hash (subject);

CREATE TABLE drains (
    id TEXT COLLATE "C" NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
    shards JSONB NOT NULL,
    recorded INTEGER NOT NULL,
    repeated INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    why TEXT,
    measures JSONB NOT NULL,
    recorded_in BIGINT DEFAULT (pg_current_xact_id()::text)::bigint,
    CONSTRAINT pk_drains PRIMARY KEY (id)
);
CREATE INDEX ix_drains_dead ON drains (ended_at, id) WHERE dead > 0;

CREATE INDEX ix_drains_ended_at ON drains (ended_at, id);
CREATE INDEX ix_drains_recorded_in ON drains (recorded_in);
CREATE INDEX ix_drains_why ON drains (ended_at, id) WHERE why IS NOT NULL;

CREATE INDEX ix_drains_worker ON drains (worker, ended_at, id);

CREATE TABLE ledger (
    one INTEGER DEFAULT '1' NOT NULL,
    id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    broker TEXT,
    former TEXT,
    place TEXT,
    beats BIGINT DEFAULT '0' NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE,
    alarm TEXT,
    alarm_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_ledger PRIMARY KEY (one),
    CONSTRAINT ck_ledger_one CHECK (one = 1)
);

CREATE TABLE passwords (
    user_id TEXT COLLATE "C" NOT NULL,
    hash TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_passwords PRIMARY KEY (user_id)
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    token_hash TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    address TEXT,
    user_agent TEXT,
    CONSTRAINT pk_sessions PRIMARY KEY (id)
);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE INDEX ix_sessions_revoked_at ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

CREATE INDEX ix_sessions_user_id ON sessions (user_id, created_at, id);

CREATE UNIQUE INDEX ix_sessions_token_hash ON sessions (token_hash);

CREATE TABLE sign_in_tries (
    key TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    free_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sign_in_tries PRIMARY KEY (key)
);
CREATE INDEX ix_sign_in_tries_expires_at ON sign_in_tries (expires_at);

CREATE TABLE erasures (
    subject TEXT COLLATE "C" NOT NULL,
    erased_with TEXT COLLATE "C",
    why TEXT NOT NULL,
    erased_by TEXT NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_erasures PRIMARY KEY (subject)
);
CREATE INDEX ix_erasures_done_at ON erasures (subject) WHERE done_at IS NULL;

CREATE INDEX ix_erasures_erased_with ON erasures (erased_with);

CREATE TABLE holds (
    what ledger_held NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    why TEXT NOT NULL,
    added_by TEXT NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_holds PRIMARY KEY (what, id)
);

CREATE TABLE held (
    subject TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_held PRIMARY KEY (subject)
);

CREATE TABLE horizons (
    what ledger_kept NOT NULL,
    horizon TIMESTAMP WITH TIME ZONE NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_horizons PRIMARY KEY (what)
);

CREATE TABLE rounds (
    role TEXT COLLATE "C" NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    turned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    steps JSONB NOT NULL,
    went JSONB NOT NULL,
    waits JSONB NOT NULL,
    place JSONB,
    CONSTRAINT pk_rounds PRIMARY KEY (role)
);

CREATE TABLE sizes (
    slot INTEGER NOT NULL,
    part TEXT COLLATE "C" NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    bytes BIGINT NOT NULL,
    CONSTRAINT pk_sizes PRIMARY KEY (slot, part)
);

CREATE TABLE credentials (
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    service_type TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    key_version INTEGER NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_credentials PRIMARY KEY (id),
    CONSTRAINT ck_credentials_service_type CHECK (length(service_type) BETWEEN 1 AND 255),
    CONSTRAINT ck_credentials_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_credentials_key_version CHECK (key_version >= 1),
    CONSTRAINT ck_credentials_nonce CHECK (length(nonce) = 12)
);
CREATE INDEX ix_credentials_service_type ON credentials (user_id, service_type, created_at, id);
CREATE INDEX ix_credentials_user_id ON credentials (user_id, created_at, id);

CREATE TABLE secrets (
    name TEXT COLLATE "C" NOT NULL,
    key_version INTEGER NOT NULL,
    nonce BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_secrets PRIMARY KEY (name),
    CONSTRAINT ck_secrets_name CHECK (length(name) BETWEEN 1 AND 255),
    CONSTRAINT ck_secrets_key_version CHECK (key_version >= 1),
    CONSTRAINT ck_secrets_nonce CHECK (length(nonce) = 12)
);

CREATE TABLE task_failures (
    task_id TEXT COLLATE "C" NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    CONSTRAINT pk_task_failures PRIMARY KEY (task_id),
    CONSTRAINT fk_task_failures_task_id FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
);
CREATE INDEX ix_task_failures_failed_at ON task_failures (failed_at, task_id);

CREATE TABLE execution_failures (
    execution_id TEXT COLLATE "C" NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    CONSTRAINT pk_execution_failures PRIMARY KEY (execution_id),
    CONSTRAINT fk_execution_failures_execution_id FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);
CREATE INDEX ix_execution_failures_failed_at ON execution_failures (failed_at, execution_id);

CREATE TABLE execution_logs (
    execution_id TEXT COLLATE "C" NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    iteration BIGINT NOT NULL,
    attempt ledger_attempt NOT NULL,
    status ledger_status DEFAULT 'pending' NOT NULL,
    agent_id TEXT COLLATE "C",
    input JSONB,
    output JSONB,
    error JSONB,
    reason TEXT,
    usage JSONB,
    state JSONB,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    start_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    started_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    CONSTRAINT pk_execution_logs PRIMARY KEY (execution_id, node, iteration, attempt),
    CONSTRAINT fk_execution_logs_execution_id FOREIGN KEY(execution_id) REFERENCES executions (id) ON DELETE CASCADE
);

CREATE TABLE outbox (
    id BIGINT GENERATED BY DEFAULT AS IDENTITY,
    message_id TEXT COLLATE "C" NOT NULL,
    to_sandbox_id TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_outbox PRIMARY KEY (id),
    CONSTRAINT fk_outbox_message_id FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_outbox_expires_at ON outbox (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX ix_outbox_to_sandbox_id ON outbox (to_sandbox_id, id);

CREATE UNIQUE INDEX ix_outbox_message_id ON outbox (message_id, to_sandbox_id);

CREATE TABLE message_deliveries (
    message_id TEXT COLLATE "C" NOT NULL,
    to_sandbox_id TEXT COLLATE "C" NOT NULL,
    status ledger_delivery_status DEFAULT 'pending' NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    status_key TEXT COLLATE "C" DEFAULT '' NOT NULL,
    sent_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    delivered_at_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    CONSTRAINT pk_message_deliveries PRIMARY KEY (message_id, to_sandbox_id),
    CONSTRAINT fk_message_deliveries_message_id FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_message_deliveries_to_sandbox_id ON message_deliveries (to_sandbox_id, message_id);

CREATE TABLE workflow_versions (
    workflow_id TEXT COLLATE "C" NOT NULL,
    version ledger_version NOT NULL,
    definition JSONB NOT NULL,
    problems JSONB,
    user_id TEXT COLLATE "C",
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version_key TEXT COLLATE "C" DEFAULT '~' NOT NULL,
    CONSTRAINT pk_workflow_versions PRIMARY KEY (workflow_id, version),
    CONSTRAINT fk_workflow_versions_workflow_id FOREIGN KEY(workflow_id) REFERENCES workflows (id) ON DELETE CASCADE
);

CREATE TABLE dead_letter_actions (
    id TEXT COLLATE "C" NOT NULL,
    dead_letter_id TEXT COLLATE "C" NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    who TEXT NOT NULL,
    action ledger_dead_letter_action NOT NULL,
    source TEXT,
    event_id TEXT,
    stream TEXT,
    entry_id TEXT,
    raw BYTEA,
    detail TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_dead_letter_actions PRIMARY KEY (id),
    CONSTRAINT ck_dead_letter_actions_sent CHECK ((action = 'replayed') = (stream IS NOT NULL) AND (action = 'replayed') = (entry_id IS NOT NULL)),
    CONSTRAINT fk_dead_letter_actions_dead_letter_id FOREIGN KEY(dead_letter_id) REFERENCES dead_letters (id) ON DELETE CASCADE
);
CREATE INDEX ix_dead_letter_actions_dead_letter_id ON dead_letter_actions (dead_letter_id, at, id);
CREATE INDEX ix_dead_letter_actions_entry_id ON dead_letter_actions (entry_id, stream) WHERE entry_id IS NOT NULL;

-- It lets a week of a partitioned table go: it drops the partition or, if some of its rows are about held subjects, puts
-- a new one with these in its place. Others read and record meanwhile. Only at the end are the partition and then the
-- table locked, for as long as it takes to write the catalogue; whoever records waits for that 100 ms at most.
CREATE FUNCTION ledger_let_go(
    parent text, monday timestamptz, OUT is_gone boolean, OUT gone bigint, OUT kept bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    home CONSTANT text := quote_ident((current_schemas(false))[2]) || '.';
    begins CONSTANT timestamp := monday AT TIME ZONE 'UTC';
    since CONSTANT text := quote_literal(begins || '+00');
    until CONSTANT text := quote_literal(begins + interval '7 days' || '+00');
    whole CONSTANT text := home || quote_ident(parent);
    name CONSTANT text := parent || to_char(begins, '_YYYYMMDD');
    part CONSTANT text := home || quote_ident(name);
    copy CONSTANT text := home || quote_ident(name || '_held');
    bounds CONSTANT text := ' FOR VALUES FROM (' || since || ') TO (' || until || ')';
    of_held CONSTANT text := ' IN (SELECT subject FROM held)';
    is_pending boolean;
    held_rows text;
BEGIN
    IF parent NOT IN ('event_texts', 'task_logs', 'metrics', 'audit_logs') OR NOT isfinite(monday)
        OR begins <> date_trunc('week', begins) OR begins + interval '7 days' > now() AT TIME ZONE 'UTC'
    THEN
        RAISE EXCEPTION USING MESSAGE = 'ledger_let_go takes a partitioned table, and the Monday of a week that is over';
    END IF;
    is_gone := false;
    gone := 0;
    kept := 0;
    BEGIN
        EXECUTE 'LOCK TABLE ONLY ' || part || ' IN SHARE ROW EXCLUSIVE MODE';
    EXCEPTION WHEN undefined_table THEN
        RETURN;
    END;
    -- Who changes holds takes it, too, and alone: what is held stays the same from here to the end.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('ledger_holds', 0));
    SELECT inhdetachpending INTO is_pending FROM pg_inherits
    WHERE inhrelid = part::regclass AND inhparent = whole::regclass;
    IF is_pending THEN
        EXECUTE 'ALTER TABLE ' || whole || ' DETACH PARTITION ' || part || ' FINALIZE';
    END IF;
    IF EXISTS (SELECT FROM held) THEN
        SELECT 'SELECT ' || string_agg('p.' || quote_ident(attname), ', ' ORDER BY attnum) || ' FROM ' || part || ' p WHERE '
        INTO held_rows FROM pg_attribute WHERE attrelid = whole::regclass AND attnum > 0 AND NOT attisdropped;
        held_rows := CASE parent
            WHEN 'event_texts' THEN held_rows || '(p.recorded_at, p.meaning) IN (SELECT e.recorded_at, e.meaning'
                || ' FROM events e JOIN held ON held.subject = e.subject'
                || ' WHERE e.recorded_at >= ' || since || ' AND e.recorded_at < ' || until || ')'
            WHEN 'task_logs' THEN held_rows || 'p.task_id' || of_held
                || ' UNION ALL ' || held_rows || 'p.execution_id' || of_held
            WHEN 'metrics' THEN held_rows || 'p.subject' || of_held
            ELSE held_rows || 'p.resource_id' || of_held
        END;
        EXECUTE 'SELECT count(*) FROM (' || held_rows || ') found' INTO kept;
    END IF;
    IF kept = 0 AND pg_relation_size(part::regclass) > 8388608 THEN
        SELECT greatest(reltuples, 0)::bigint INTO gone FROM pg_class WHERE oid = part::regclass;
    ELSE
        EXECUTE 'SELECT count(*) - $1 FROM ' || part INTO gone USING kept;
    END IF;
    IF kept > 0 AND gone = 0 THEN
        IF is_pending IS DISTINCT FROM false THEN
            EXECUTE 'ALTER TABLE ' || whole || ' ATTACH PARTITION ' || part || bounds;
        END IF;
        RETURN;
    END IF;
    IF kept > 0 THEN
        -- The CHECK spares ATTACH a look at the rows, for which all would wait.
        EXECUTE 'CREATE TABLE ' || copy || ' (LIKE ' || whole || ' INCLUDING ALL, CONSTRAINT is_of_week'
            || ' CHECK (recorded_at >= ' || since || ' AND recorded_at < ' || until || '))';
        EXECUTE 'INSERT INTO ' || copy || ' ' || held_rows;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_make_partitions ' || home, 0));
    EXECUTE 'LOCK TABLE ONLY ' || part || ' IN ACCESS EXCLUSIVE MODE';
    IF is_pending IS NOT DISTINCT FROM false THEN
        EXECUTE 'ALTER TABLE ' || whole || ' DETACH PARTITION ' || part;
    END IF;
    EXECUTE 'DROP TABLE ' || part;
    IF kept > 0 THEN
        EXECUTE 'ALTER TABLE ' || copy || ' RENAME TO ' || quote_ident(name);
        EXECUTE 'ALTER TABLE ' || whole || ' ATTACH PARTITION ' || part || bounds;
        EXECUTE 'ALTER TABLE ' || part || ' DROP CONSTRAINT is_of_week';
    END IF;
    is_gone := true;
END $$;

-- It finds its tables in the schema in which they are now, whatever the search_path of its caller is.
DO $$ BEGIN
    EXECUTE 'ALTER FUNCTION ledger_let_go(text, timestamptz) SET search_path = pg_catalog, '
        || quote_ident(current_schema()) || ', pg_temp';
END $$;

REVOKE ALL ON FUNCTION ledger_let_go(text, timestamptz) FROM PUBLIC;

-- It makes the partitions of some weeks that are missing, and attaches those that were detached. Each is made as a table
-- of its own and then attached: CREATE TABLE … PARTITION OF would wait for all who record, and they for it.
CREATE FUNCTION ledger_make_partitions(since timestamptz, weeks integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    home CONSTANT text := quote_ident((current_schemas(false))[2]) || '.';
    monday CONSTANT timestamp := date_trunc('week', since AT TIME ZONE 'UTC');
    begins timestamp;
    parent text;
    part text;
    is_pending boolean;
    made integer := 0;
BEGIN
    IF weeks NOT BETWEEN 1 AND 60 OR NOT isfinite(since) THEN
        RAISE EXCEPTION USING MESSAGE = 'ledger_make_partitions makes 1 to 60 weeks';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('ledger_make_partitions ' || home, 0));
    FOREACH parent IN ARRAY ARRAY['event_texts', 'task_logs', 'metrics', 'audit_logs'] LOOP
        FOR week IN 0 .. weeks - 1 LOOP
            begins := monday + week * interval '7 days';
            part := home || quote_ident(parent || to_char(begins, '_YYYYMMDD'));
            SELECT inhdetachpending INTO is_pending FROM pg_inherits
            WHERE inhrelid = to_regclass(part) AND inhparent = (home || quote_ident(parent))::regclass;
            CONTINUE WHEN NOT is_pending;
            IF is_pending THEN  -- somebody's DETACH … CONCURRENTLY was broken off
                EXECUTE 'ALTER TABLE ' || home || quote_ident(parent) || ' DETACH PARTITION ' || part || ' FINALIZE';
            ELSIF to_regclass(part) IS NULL THEN
                EXECUTE 'CREATE TABLE ' || part || ' (LIKE ' || home || quote_ident(parent) || ' INCLUDING ALL)';
            END IF;
            EXECUTE 'ALTER TABLE ' || home || quote_ident(parent) || ' ATTACH PARTITION ' || part
                || ' FOR VALUES FROM (' || quote_literal(begins || '+00') || ')'
                || ' TO (' || quote_literal(begins + interval '7 days' || '+00') || ')';
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- It finds its tables in the schema in which they are now, whatever the search_path of its caller is.
DO $$ BEGIN
    EXECUTE 'ALTER FUNCTION ledger_make_partitions(timestamptz, integer) SET search_path = pg_catalog, '
        || quote_ident(current_schema()) || ', pg_temp';
END $$;

REVOKE ALL ON FUNCTION ledger_make_partitions(timestamptz, integer) FROM PUBLIC;

SELECT ledger_make_partitions(now(), 5);

CREATE VIEW execution_summary AS
    SELECT e.id, e.status, e.attempt, e.workflow_id, workflow.name AS workflow_name, e.agent_id,
        agent.name AS agent_name, e.workspace_id, e.sandbox_id, e.user_id, e.parent_execution_id, e.mode,
        e.trigger_type, e.error, e.reason, e.iterations, e.created_at, e.started_at, e.finished_at,
        CASE WHEN e.finished_at >= e.started_at AND substr(e.started_at_key, 1, 1) = '0'
            AND strpos(e.status_key, '1' || to_char(e.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')) > 0
        THEN extract(epoch FROM e.finished_at - e.started_at)::double precision END AS took_seconds,
        of_tasks.tasks,
        of_tasks.tasks_pending,
        of_tasks.tasks_retrying,
        of_tasks.tasks_queued,
        of_tasks.tasks_running,
        of_tasks.tasks_paused,
        of_tasks.tasks_completed,
        of_tasks.tasks_failed,
        of_tasks.tasks_cancelled,
        of_tasks.tasks_timed_out,
        of_tasks.tasks_skipped,
        of_node_runs.node_runs,
        of_node_runs.node_runs_running,
        of_node_runs.node_runs_retrying,
        of_node_runs.node_runs_completed,
        of_node_runs.node_runs_failed,
        of_node_runs.node_runs_skipped
    FROM executions e
    LEFT JOIN workflows workflow ON workflow.id = e.workflow_id
    LEFT JOIN agents agent ON agent.id = e.agent_id
    CROSS JOIN LATERAL (
        SELECT count(one.status) AS tasks,
            count(*) FILTER (WHERE one.status = 'pending') AS tasks_pending,
            count(*) FILTER (WHERE one.status = 'retrying') AS tasks_retrying,
            count(*) FILTER (WHERE one.status = 'queued') AS tasks_queued,
            count(*) FILTER (WHERE one.status = 'running') AS tasks_running,
            count(*) FILTER (WHERE one.status = 'paused') AS tasks_paused,
            count(*) FILTER (WHERE one.status = 'completed') AS tasks_completed,
            count(*) FILTER (WHERE one.status = 'failed') AS tasks_failed,
            count(*) FILTER (WHERE one.status = 'cancelled') AS tasks_cancelled,
            count(*) FILTER (WHERE one.status = 'timed_out') AS tasks_timed_out,
            count(*) FILTER (WHERE one.status = 'skipped') AS tasks_skipped
        FROM tasks one WHERE one.execution_id = e.id
    ) of_tasks
    CROSS JOIN LATERAL (
        SELECT count(one.status) AS node_runs,
            count(*) FILTER (WHERE one.status = 'running') AS node_runs_running,
            count(*) FILTER (WHERE one.status = 'retrying') AS node_runs_retrying,
            count(*) FILTER (WHERE one.status = 'completed') AS node_runs_completed,
            count(*) FILTER (WHERE one.status = 'failed') AS node_runs_failed,
            count(*) FILTER (WHERE one.status = 'skipped') AS node_runs_skipped
        FROM execution_logs one WHERE one.execution_id = e.id
    ) of_node_runs;

CREATE VIEW agent_activity AS
    SELECT known.agent_id, agent.name, agent.status, agent.kind, agent.workspace_id, agent.deleted_at,
        known.executions,
        known.executions_running,
        known.executions_completed,
        known.executions_failed,
        known.executions_timed_out,
        known.tasks,
        known.tasks_running,
        known.tasks_completed,
        known.tasks_failed,
        known.tasks_timed_out,
        known.last_activity_at
    FROM (
        SELECT one.agent_id,
            count(one.execution) AS executions,
            count(*) FILTER (WHERE one.execution = 'running') AS executions_running,
            count(*) FILTER (WHERE one.execution = 'completed') AS executions_completed,
            count(*) FILTER (WHERE one.execution = 'failed') AS executions_failed,
            count(*) FILTER (WHERE one.execution = 'timed_out') AS executions_timed_out,
            count(one.task) AS tasks,
            count(*) FILTER (WHERE one.task = 'running') AS tasks_running,
            count(*) FILTER (WHERE one.task = 'completed') AS tasks_completed,
            count(*) FILTER (WHERE one.task = 'failed') AS tasks_failed,
            count(*) FILTER (WHERE one.task = 'timed_out') AS tasks_timed_out,
            max(one.last_at) AS last_activity_at
        FROM (
            SELECT agent_id, status AS execution, NULL AS task,
                coalesce(finished_at, started_at, created_at) AS last_at
            FROM executions WHERE agent_id IS NOT NULL
            UNION ALL
            SELECT agent_id, NULL, status, coalesce(finished_at, started_at, created_at)
            FROM tasks WHERE agent_id IS NOT NULL
            UNION ALL
            SELECT id, NULL, NULL, NULL FROM agents
        ) one GROUP BY one.agent_id
    ) known
    LEFT JOIN agents agent ON agent.id = known.agent_id;

CREATE VIEW sandbox_queue AS
    SELECT known.sandbox_id, sandbox.name, sandbox.status, sandbox.workspace_id, sandbox.agent_id,
        of_deliveries.messages,
        of_deliveries.waiting,
        of_deliveries.pending,
        of_deliveries.sent,
        of_deliveries.expired,
        of_deliveries.failed,
        of_deliveries.delivered,
        of_deliveries.oldest_waiting_at,
        of_deliveries.last_delivered_at
    FROM (
        SELECT id AS sandbox_id FROM sandboxes
        UNION
        SELECT to_sandbox_id FROM message_deliveries
    ) known
    LEFT JOIN sandboxes sandbox ON sandbox.id = known.sandbox_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS messages,
            count(*) FILTER (WHERE one.status IN ('pending', 'sent')) AS waiting,
            count(*) FILTER (WHERE one.status = 'pending') AS pending,
            count(*) FILTER (WHERE one.status = 'sent') AS sent,
            count(*) FILTER (WHERE one.status = 'expired') AS expired,
            count(*) FILTER (WHERE one.status = 'failed') AS failed,
            count(*) FILTER (WHERE one.status = 'delivered') AS delivered,
            min((SELECT message.created_at FROM messages message WHERE message.id = one.message_id)) FILTER (WHERE one.status IN ('pending', 'sent')) AS oldest_waiting_at,
            max(one.delivered_at) AS last_delivered_at
        FROM message_deliveries one WHERE one.to_sandbox_id = known.sandbox_id
    ) of_deliveries;

CREATE VIEW daily_counts AS
    SELECT day, kind, status, count(*) AS count
    FROM (
        SELECT (execution.created_at AT TIME ZONE 'UTC')::date AS day, 'execution' AS kind, status FROM executions execution
        UNION ALL
        SELECT (task.created_at AT TIME ZONE 'UTC')::date, 'task', status FROM tasks task
        UNION ALL
        SELECT (message.created_at AT TIME ZONE 'UTC')::date, 'message', NULL FROM messages message
        UNION ALL
        SELECT (message.created_at AT TIME ZONE 'UTC')::date, 'delivery', delivery.status
        FROM message_deliveries delivery JOIN messages message ON message.id = delivery.message_id
    ) one GROUP BY day, kind, status;
