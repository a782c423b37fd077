"""What was done with dead letters

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "dead_letter_actions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("dead_letter_id", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("stream", sa.Text(), nullable=True),
        sa.Column("entry_id", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "action IN ('replayed', 'refused', 'discarded')", name=op.f("ck_dead_letter_actions_action")
        ),
        sa.CheckConstraint(
            "(action = 'replayed') = (stream IS NOT NULL) AND (action = 'replayed') = (entry_id IS NOT NULL)",
            name=op.f("ck_dead_letter_actions_sent"),
        ),
        sa.ForeignKeyConstraint(
            ["dead_letter_id"],
            ["dead_letters.id"],
            name=op.f("fk_dead_letter_actions_dead_letter_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter_actions")),
    )
    op.create_index(
        "ix_dead_letter_actions_dead_letter_id", "dead_letter_actions", ["dead_letter_id", "at", "id"], unique=False
    )
    op.create_index(
        "ix_dead_letter_actions_entry_id",
        "dead_letter_actions",
        ["entry_id", "stream"],
        unique=False,
        postgresql_where=sa.text("entry_id IS NOT NULL"),
        sqlite_where=sa.text("entry_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_dead_letter_actions_entry_id",
        table_name="dead_letter_actions",
        postgresql_where=sa.text("entry_id IS NOT NULL"),
        sqlite_where=sa.text("entry_id IS NOT NULL"),
    )
    op.drop_index("ix_dead_letter_actions_dead_letter_id", table_name="dead_letter_actions")
    op.drop_table("dead_letter_actions")
