"""The transaction that recorded an event

PostgreSQL alone needs it, to tell what was committed since it was looked at last (`storage.tail`). Rows that are there
keep null: they were recorded before anyone looks.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TRANSACTION = sa.text("(pg_current_xact_id()::text)::bigint")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":  # null for the rows that are there: a default would rewrite them all
        op.add_column("events", sa.Column("recorded_in", sa.BigInteger(), nullable=True))
        op.alter_column("events", "recorded_in", server_default=_TRANSACTION)
    else:
        op.add_column(
            "events", sa.Column("recorded_in", sa.BigInteger(), server_default=sa.text("NULL"), nullable=True)
        )
    op.create_index(
        "ix_events_recorded_in",
        "events",
        ["recorded_in"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on", "pages_per_range": "32"},
        sqlite_where=sa.text("recorded_in IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_events_recorded_in", table_name="events")
    with op.batch_alter_table("events") as events:
        events.drop_column("recorded_in")
