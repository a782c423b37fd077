"""Which sandbox belongs to which workspace, and whether the event that says so is signed (docs/decisions/0030).

While signatures are required, only those with the right can say so. What was recorded before stands: this finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flowledger.domain import signatures
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused
from flowledger.domain.limits import WIDEST
from flowledger.domain.signatures import Keys
from flowledger.storage.kinds.sandboxes import Membership, SandboxRepository
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A sandbox of a workspace, and the event that says so: its source, id and sequence.

    `signed` is None if there were no keys to check by, or the event's text is gone. Without it, `detail` says why.
    """

    workspace_id: str
    sandbox_id: str
    source: str
    event_id: str
    sequence: str | None
    signed: bool | None
    detail: str = ""


def members(storage: Storage, keys: Keys | None, workspace: str | None = None) -> Iterator[Member]:
    """Yield the sandboxes of one workspace, or of all, by workspace, oldest first. Raises DatabaseUnavailable."""
    after: Membership | None = None
    while True:
        with storage.reading() as connection:
            page = SandboxRepository(connection).memberships(workspace, after, _AT_ONCE)
            texts = JournalRepository(connection).texts({one.said_by for one in page})
        for one in page:
            yield _member(one, texts, keys)
        if len(page) < _AT_ONCE:
            return
        after = page[-1]


def _member(one: Membership, texts: Mapping[tuple[str, str], str | None], keys: Keys | None) -> Member:
    source, event_id = one.said_by
    sequence, signed, detail = None, None, ""
    text = texts.get(one.said_by, "")
    if text is None:
        detail = "not known any more: the text of the event is gone"
    else:
        try:
            event = parse(text.encode("utf-8", "surrogatepass"), WIDEST)
            sequence = event.sequence
            if keys is not None:
                signed = signatures.check(event, keys) is not None
        except Refused as refused:
            signed, detail = False, str(refused)
    return Member(
        workspace_id=one.workspace_id,
        sandbox_id=one.sandbox_id,
        source=source,
        event_id=event_id,
        sequence=sequence,
        signed=signed,
        detail=detail,
    )
