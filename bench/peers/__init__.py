"""The peers of the benchmark: two usual ways to record CloudEvents in PostgreSQL, one commit per event.

Both run on the same servers as Flowledger, record the same events, and write the same small tables
(`bench.peers.models`). They differ in the stack that carries and stores an event:

- `bench.peers.celery_orm`: a Celery task per event, SQLAlchemy ORM, psycopg2.
- `bench.peers.faststream_stream`: FastStream on a Redis stream, SQLAlchemy async, asyncpg.

`python -m bench.peers.smoke DATABASE_URL REDIS_URL` runs both and checks the rows.
"""
