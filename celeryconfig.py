"""Celery's settings that are the same everywhere; the broker's URL comes from `domain.settings`.

Celery carries bells: a lost or doubled one does no harm (docs/decisions/0001), so no setting here preserves messages.
"""

# Workers know no services: Celery imports their tasks.
imports = ("flowledger.services.schedules.task", "flowledger.services.retention.task")

task_serializer = "json"
accept_content = ["json"]
task_default_queue = "ledger"
task_ignore_result = True
task_acks_late = False
enable_utc = True
timezone = "UTC"

# A worker takes a bell only when it can drain at once; Flower shows each drain and its result.
worker_prefetch_multiplier = 1
worker_send_task_events = True

# Measured: SIGTERM under a backlog took 31.7 s. With this, and REMAP_SIGTERM=SIGQUIT, the running drains end.
worker_soft_shutdown_timeout = 3.0

# If the broker is unreachable, retry without limit.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
# A broker whose memory is full refuses Celery's writes: go on running; the pump drains meanwhile.
broker_channel_error_retry = True
broker_transport_options = {
    "socket_connect_timeout": 5,
    "socket_timeout": 30,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 3600,
}

beat_schedule = {
    "look": {"task": "ledger.look", "schedule": 10.0, "options": {"expires": 10.0}},
}
# Beat writes its file after each task: so its age tells whether beat is at work (docker-compose.yml).
beat_sync_every = 1
