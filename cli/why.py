"""`flowledger why ID [COLUMN]`: the rows of an id, who owns what of them, and the answer as one document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowledger.cli.show import find
from flowledger.domain.errors import LedgerError
from flowledger.storage.kinds import KINDS
from flowledger.storage.retention.erasures import Erasure, ErasureRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.provenance.claims import Claim
from flowledger.workers.provenance.owners import Group, OwnedRow, Provenance, Wanted, provenance

_INTERNAL: Final = ("_key", "_keys")


def _lists() -> dict[str, str]:
    """Return the tables of rows that belong to subjects: by the names of `show`'s lists, or by their own."""
    found = {
        listed.name: listed.repository.table.name
        for kind in KINDS
        for listed in kind.lists
        if listed.repository.table in kind.tables
    }
    others = (table.name for kind in KINDS for table in kind.tables if len(table.primary_key) > 1)
    return found | {name: name for name in others if name not in found.values()}


LISTS: Final = _lists()
"""What `--of` takes: `nodes`, `deliveries`, `log` … and the table of each."""


class NoColumn(LedgerError):
    """No row that was found has this column; the message names those there are."""


def asked(storage: Storage, subject: str, of: Iterable[str], key: Mapping[str, str], limit: int) -> Provenance:
    """Return who owns what of the rows of an id: its own rows, or those `of` some lists.

    An id of which only events are recorded that have rows of their own (metrics, audit lines) shows those. Raises
    NotFound as `show` does, with what is known of dead letters.
    """
    wanted = Wanted([LISTS[name] for name in of], key, limit)
    found = provenance(storage, subject, wanted)
    if not found.rows and not wanted.tables:
        found = provenance(storage, subject, Wanted([*LISTS.values()], key, limit))
    if not found.rows:
        with storage.reading() as connection:
            shown = find(connection, subject)
        if shown.trouble is not None:
            raise LedgerError(shown.trouble)
        raise LedgerError(f"{subject!r} has no such rows; what belongs to it: flowledger show, and `why` without --of")
    return found


def chosen(found: Provenance, column: str | None) -> list[tuple[OwnedRow, list[Group]]]:
    """Return the rows, each with its groups, or with the one that has this column.

    Raises NoColumn if no row has it. A column of a primary key belongs to no group, for it names the row.
    """
    if column is None:
        return [(row, list(row.groups)) for row in found.rows]
    having = [row for row in found.rows if column in row.table.c and not column.endswith(_INTERNAL)]
    if not having:
        names = dict.fromkeys(name for row in found.rows for name in columns_of(row))
        raise NoColumn(f"no column {column!r}; there are: {', '.join(names)}")
    return [(row, [group for group in row.groups if column in group.columns]) for row in having]


def columns_of(row: OwnedRow) -> list[str]:
    """Return the columns of a row that are no keys of owners."""
    return [column.name for column in row.table.c if not column.name.endswith(_INTERNAL)]


def erasure_of(storage: Storage, subject: str) -> Erasure | None:
    """Return when, by whom and why an id was erased of which rows are left; None if it was not."""
    with storage.looking() as connection:
        return ErasureRepository(connection).get(subject)


def as_document(found: Provenance, column: str | None, limit: int, erased: Erasure | None = None) -> dict[str, Any]:
    """Return the answer for programs: one list of groups, whatever rows they are of."""
    rows = chosen(found, column)
    return {
        "subject": found.subject,
        "erased": erased,
        "events": found.events,
        "unreadable": [{"source": source, "id": id_} for source, id_ in found.unreadable],
        "damaged": [_damaged(row) for row, _ in rows if row.difference is not None],
        "groups": [_group(row, group, limit) for row, groups in rows for group in groups],
    }


def _group(row: OwnedRow, group: Group, limit: int) -> dict[str, Any]:
    return {
        "kind": row.kind.name,
        "table": row.table.name,
        "row": row.named_key(),
        "group": group.name,
        "columns": list(group.columns),
        "owner": None if group.owner is None else _event(group.owner),
        "losers": [_event(lost.event) | {"reason": lost.reason} for lost in group.lost[:limit]],
        "lost": len(group.lost),
        "added": [_event(claim) for claim in group.adds[:limit]],
        "adds": len(group.adds),
    }


def _event(claim: Claim) -> dict[str, Any]:
    teller = claim.teller
    names = ("source", "id", "type", "time", "sequence", "attempt", "status", "rank", "recorded_at")
    return {name: _moment(name, getattr(teller, name)) for name in names} | {"key": claim.key}


def _moment(name: str, value: Any) -> Any:
    """Return times as the other commands write them."""
    return f"{value.replace(' ', 'T')}Z" if value is not None and name in ("time", "recorded_at") else value


def _damaged(row: OwnedRow) -> dict[str, Any]:
    assert row.difference is not None
    columns = [column.name for column in row.difference.columns]
    return {"table": row.table.name, "row": row.named_key(), "kind": row.difference.kind.value, "columns": columns}
