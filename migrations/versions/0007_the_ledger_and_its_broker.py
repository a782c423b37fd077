"""The ledger and its broker

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    table = op.create_table(
        "ledger",
        sa.Column("one", sa.Integer(), server_default="1", autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("broker", sa.Text(), nullable=True),
        sa.Column("former", sa.Text(), nullable=True),
        sa.Column("place", sa.Text(), nullable=True),
        sa.Column("beats", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seen_at", TIME, nullable=True),
        sa.Column("alarm", sa.Text(), nullable=True),
        sa.Column("alarm_at", TIME, nullable=True),
        sa.CheckConstraint("one = 1", name=op.f("ck_ledger_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_ledger")),
    )
    op.bulk_insert(table, [{"id": uuid.uuid4().hex, "created_at": _now()}])
    op.add_column("checkpoints", sa.Column("batches", sa.BigInteger(), server_default="1", nullable=False))
    op.execute("DELETE FROM checkpoints WHERE stream = 'ledger:broker'")


def _now() -> datetime:
    """With its zone on PostgreSQL; in UTC without one on SQLite, as all times are there."""
    now = datetime.now(UTC)
    return now if op.get_bind().dialect.name == "postgresql" else now.replace(tzinfo=None)


def downgrade() -> None:
    with op.batch_alter_table("checkpoints") as checkpoints:
        checkpoints.drop_column("batches")
    op.drop_table("ledger")
