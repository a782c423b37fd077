"""What is on its way to inboxes

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime().with_variant(sa.DateTime(timezone=True), "postgresql")


GIVEN = sa.text("expires_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(), nullable=False),
        sa.Column("message_id", NAME, nullable=False),
        sa.Column("to_sandbox_id", NAME, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("event_id", NAME, nullable=False),
        sa.Column("expires_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_outbox_message_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_message_id", "outbox", ["message_id", "to_sandbox_id"], unique=True)
    op.create_index("ix_outbox_to_sandbox_id", "outbox", ["to_sandbox_id", "id"], unique=False)
    op.create_index(
        "ix_outbox_expires_at",
        "outbox",
        ["expires_at"],
        unique=False,
        postgresql_where=GIVEN,
        sqlite_where=GIVEN,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_expires_at", table_name="outbox", postgresql_where=GIVEN, sqlite_where=GIVEN)
    op.drop_index("ix_outbox_to_sandbox_id", table_name="outbox")
    op.drop_index("ix_outbox_message_id", table_name="outbox")
    op.drop_table("outbox")
