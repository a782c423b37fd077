"""What dead letters are about

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dead_letters", sa.Column("subject", sa.Text(), nullable=True))
    op.create_index("ix_dead_letters_subject", "dead_letters", ["subject"], postgresql_using="hash")
    op.create_index("ix_dead_letters_event_id", "dead_letters", ["event_id"], postgresql_using="hash")


def downgrade() -> None:
    op.drop_index("ix_dead_letters_event_id", table_name="dead_letters")
    op.drop_index("ix_dead_letters_subject", table_name="dead_letters")
    with op.batch_alter_table("dead_letters") as table:
        table.drop_column("subject")
