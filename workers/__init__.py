"""Who does it: Celery app, pump, drain, recorder, periodic tasks. Knows domain and storage."""
