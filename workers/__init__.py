"""Workers: Celery app, pump, drain, recorder, post office, periodic tasks. Knows domain and storage."""
