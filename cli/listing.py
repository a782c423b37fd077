"""`flowledger list KIND`: a page of the records of a table, and how many there are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import typer

from flowledger.cli import screen
from flowledger.cli.records import print_records
from flowledger.domain.errors import InvalidArgument
from flowledger.domain.likeness import did_you_mean, nearest
from flowledger.storage.kinds import KINDS, LISTED
from flowledger.storage.owned import OwnedRepository
from flowledger.storage.paging import Page
from flowledger.storage.repository import Repository
from flowledger.storage.schema.columns import VALUES
from flowledger.storage.unit_of_work import Storage

FILTERS: Final = {
    name: [table for table, repository in LISTED.items() if name in repository.filters()]
    for name in dict.fromkeys(name for repository in LISTED.values() for name in repository.filters())
}
"""Every filter, and the tables that have it."""
_NAMES: Final = {kind.name: kind.table.name for kind in KINDS}
"""The names of records, which are understood as those of their tables are."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the filters of the table, and how much of what they leave."""

    kind: str
    of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    deleted: bool = False
    oldest: bool = False
    limit: int = 50
    offset: int = 0
    after: str | None = None


def repository_of(kind: str) -> type[Repository[Any]]:
    """Return who reads the table of this name; raises BadParameter, with the name that was probably meant."""
    name = kind.replace("-", "_")
    found = LISTED.get(_NAMES.get(name, name))
    if found is None:
        meant = did_you_mean(nearest(name, LISTED)) or f"; there are {', '.join(LISTED)}"
        raise typer.BadParameter(f"no table of records is called {kind[:100]!a}{meant}", param_hint="KIND")
    return found


def values_of(repository: type[Repository[Any]], name: str) -> tuple[str, ...]:
    """Return the values that a column can have, if they are few."""
    column = repository.table.c.get(name)
    return () if column is None else tuple(column.info.get(VALUES, ()))


def page_of(storage: Storage, asked: Asked) -> tuple[int, Page[Any]]:
    """Return how many records there are, and a page of them.

    Raises BadParameter for a filter that the table does not have, with those that it has, or for a value that a filter
    cannot have; BadCursor for `after`.
    """
    kind = repository_of(asked.kind)
    _check(kind, asked)
    times = {name: value for name, value in (("since", asked.since), ("until", asked.until)) if value is not None}
    given: dict[str, Any] = dict(asked.of) | times | ({"deleted": True} if asked.deleted else {})
    with storage.reading() as connection:
        repository: Any = kind(connection)
        read = repository.oldest if asked.oldest else repository.newest
        try:
            page = read(limit=asked.limit, offset=asked.offset, after=asked.after, **given)
            return repository.count(**given), page
        except InvalidArgument as error:
            raise typer.BadParameter(str(error)) from None


def _check(kind: type[Repository[Any]], asked: Asked) -> None:
    """Raise BadParameter for an option that the table does not have."""
    table = kind.table.name
    known = kind.filters()
    has = f"{table} are listed by {', '.join(map(option, known))}"
    for name in asked.of:
        if name not in known:
            raise typer.BadParameter(has, param_hint=option(name))
    if asked.deleted and "deleted_at" not in kind.table.c:
        raise typer.BadParameter(f"{table} are not deleted", param_hint="--deleted")
    if kind.time is None and (asked.since, asked.until) != (None, None):
        hint = "--since" if asked.since is not None else "--until"
        raise typer.BadParameter(f"{table} have no time of their own: {has}", param_hint=hint)

    if issubclass(kind, OwnedRepository) and not any(asked.of.keys() >= set(names) for names in kind.owned_by):
        ways = " or ".join(" and ".join(map(option, names)) for names in kind.owned_by)
        raise typer.BadParameter(f"{table} are listed of an owner: give {ways}", param_hint="KIND")


def as_document(total: int, page: Page[Any]) -> dict[str, Any]:
    """For `--json`."""
    return {"total": total, "rows": page.items, "next": page.cursor}


def print_page(asked: Asked, total: int, page: Page[Any]) -> None:
    """Print how many there are, the page, and the command that goes on."""
    kind = repository_of(asked.kind)
    if not total:
        screen.out.print(f"no {kind.table.name}{' of these' if asked.of else ''}", soft_wrap=True)
        return
    order = "oldest first" if asked.oldest else "newest first"
    part = f"these are {len(page.items):,}, " if len(page.items) < total else ""
    screen.out.print(f"{total:,} {kind.table.name}: {part}{order}", soft_wrap=True)
    same = {name for name, values in asked.of.items() if len(values) == 1}
    if page.items:
        print_records("", kind, page.items, without=same)
    if page.cursor is not None:
        screen.out.print(screen.words(f"the next ones: {_onward(asked, page.cursor)}", "dim"), soft_wrap=True)


def _onward(asked: Asked, cursor: str) -> str:
    """Return the command that lists what comes after this page."""
    given = [(option(name), value) for name, values in asked.of.items() for value in values]
    moments = (("--since", asked.since), ("--until", asked.until))
    given += [(name, moment.isoformat().replace("+00:00", "Z")) for name, moment in moments if moment is not None]
    flags = [name for name, wanted in (("--deleted", asked.deleted), ("--oldest", asked.oldest)) if wanted]
    words = [asked.kind, *(word for pair in given for word in pair), *flags, "--limit", str(asked.limit)]
    return f"flowledger list {shlex.join(words)} --after {cursor}"


def option(name: str) -> str:
    """Return the option of a column."""
    return f"--{name.replace('_', '-')}"
