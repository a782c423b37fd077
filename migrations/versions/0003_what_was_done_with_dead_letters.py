"""What was done with dead letters

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")


ACTIONS = "{} IN ('replayed', 'refused', 'discarded')"
DOMAIN = postgresql.DOMAIN("ledger_dead_letter_action", sa.String(16), check=ACTIONS.format("VALUE"), create_type=False)
ACTION = sa.String(length=16).with_variant(DOMAIN, "postgresql")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE DOMAIN ledger_dead_letter_action AS VARCHAR(16) CHECK ({ACTIONS.format('VALUE')})")
    op.create_table(
        "dead_letter_actions",
        sa.Column("id", NAME, nullable=False),
        sa.Column("dead_letter_id", NAME, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", ACTION, nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.Column("stream", sa.Text(), nullable=True),
        sa.Column("entry_id", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(ACTIONS.format("action"), name=op.f("ck_dead_letter_actions_action")).ddl_if(
            dialect="sqlite"
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
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP DOMAIN ledger_dead_letter_action")
