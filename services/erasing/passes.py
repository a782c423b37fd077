"""What no index finds: points of metrics that name what is erased, and dead letters about it. All are read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from flowledger.domain.json_text import plain
from flowledger.domain.limits import WIDEST
from flowledger.services.erasing.journal import AT_ONCE, Name, batched, blank
from flowledger.services.erasing.occurring import Occurring
from flowledger.storage.kinds.metrics import TABLE as POINTS
from flowledger.storage.ledger.dead_letter_actions import TABLE as ACTIONS
from flowledger.storage.ledger.dead_letters import TABLE as LETTERS
from flowledger.storage.retention import departed
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.entries import readable

_RAWS_AT_ONCE: Final = 20
"""Dead letters in memory at a time: of 4 MiB each they are 80 MiB."""
_LETTERS_AT_ONCE: Final = 100


def erase_points(storage: Storage) -> int:
    """Delete points that name an unfinished erasure as what they belong to, with their texts. Return how many."""
    owner = func.coalesce(POINTS.c.execution_id, POINTS.c.task_id)
    key = list(POINTS.primary_key)
    rows = select(*key).join(ERASURES, ERASURES.c.subject == owner).where(ERASURES.c.done_at.is_(None))
    deleted = 0
    with storage.reading() as reading:
        for some in batched(_streamed(reading, rows, AT_ONCE), AT_ONCE):
            with changing(storage) as connection:
                deleted += _delete(connection, POINTS, [row._mapping for row in some])
                names: list[Name] = [(row.source, row.event_id) for row in some]
                blank(connection, names)
    return deleted


def erase_letters(storage: Storage, ids: Collection[str]) -> int:
    """Delete dead letters about these ids, with their actions. Return how many."""
    deleted = 0
    with storage.reading() as reading:
        found = (letter for letter, _ in letters_about(reading, ids))
        for some in batched(found, _LETTERS_AT_ONCE):
            with changing(storage) as connection:
                connection.execute(delete(ACTIONS).where(ACTIONS.c.dead_letter_id.in_(some)))
                went = connection.execute(delete(LETTERS).where(LETTERS.c.id.in_(some)).returning(LETTERS.c.reason))
                reasons = Counter(went.scalars())
                departed.add(connection, LETTERS, reasons)
                deleted += reasons.total()
    return deleted


def letters_about(connection: Connection, ids: Collection[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield the ids of dead letters about these, and which of these they are about; perhaps several times.

    It is known by what was read of them, by their bytes, or by those of an action. What cannot be read is about an id
    that occurs in it.
    """
    wanted = ids if isinstance(ids, set) else set(ids)
    occurring = Occurring(wanted)
    letters = select(LETTERS.c.id, LETTERS.c.subject, LETTERS.c.raw)
    for row in _streamed(connection, letters, _RAWS_AT_ONCE):
        if about := {row.subject} & wanted or _about(row.raw, wanted, occurring):
            yield row.id, about
    mended = select(ACTIONS.c.dead_letter_id.label("id"), ACTIONS.c.raw).where(ACTIONS.c.raw.is_not(None))
    for row in _streamed(connection, mended, _RAWS_AT_ONCE):
        if about := _about(row.raw, wanted, occurring):
            yield row.id, about


def _about(raw: bytes, ids: set[str], occurring: Occurring) -> set[str]:
    names = readable(raw, WIDEST)
    if names.columns["subject"] is None:
        return occurring.of(raw)
    return ids & {plain(one) for one in names.named}


def _streamed(connection: Connection, rows: Any, most: int) -> Iterator[Any]:
    options = {"stream_results": True, "yield_per": most}
    with connection.execute(rows, execution_options=options) as result:
        yield from result


def _delete(connection: Connection, table: Table, keys: list[Any]) -> int:
    is_it = [column == bindparam(f"key_{column.name}", type_=column.type) for column in table.primary_key]
    values = [{f"key_{name}": value for name, value in key.items()} for key in keys]
    return sum(connection.execute(delete(table).where(*is_it), one).rowcount for one in values)
