"""Holds: what must stay, whatever its age (docs/contract/retention.md).

An operator holds a workspace, an execution or a subject. `held` lists the subjects that follow from it, so that whoever
deletes anything need only look there: a row, or a text, stays if its event's subject is among them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.storage.schema.columns import metadata, one_of
from flowledger.storage.schema.types import Name, UtcTime


class Held(StrEnum):
    """What a hold may name."""

    WORKSPACE = "workspace"
    EXECUTION = "execution"
    SUBJECT = "subject"


HOLDS: Final = Table(
    "holds",
    metadata,
    *one_of("what", "held", Text(), Held, primary_key=True),
    Column("id", Name, primary_key=True),
    Column("why", Text, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("added_at", UtcTime, nullable=False),
)
"""What operators hold; not a function of the journal, so `verify` ignores it."""

HELD: Final = Table("held", metadata, Column("subject", Name, primary_key=True))
"""All subjects that are held."""
