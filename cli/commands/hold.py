"""`flowledger hold …`: keep what would go by its age (docs/contract/retention.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database, found
from flowledger.cli.layout import Cell, Column, print_table
from flowledger.cli.people import agreed, who
from flowledger.cli.schema import check_schema
from flowledger.domain.errors import LedgerError
from flowledger.services.holds import Added, Holds, Released
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.paging import Page
from flowledger.storage.retention.aged import MOST
from flowledger.storage.retention.holds import Held, Hold
from flowledger.storage.unit_of_work import Storage

app: Final = typer.Typer(
    help="Keep workspaces, executions or subjects, with all that belongs to them, whatever their age.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

What = Annotated[Held, typer.Argument(metavar="WHAT", help="workspace, execution or subject.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Their ids.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it, for the audit log; default: the user's name.")]


@app.command()
def add(
    what: What,
    ids: Ids,
    *,
    why: Annotated[str, typer.Option(help="Why it must stay.")],
    by: By = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Hold workspaces with all that is in them, executions, or any one subject, with what belongs to it.

    What is there when this returns stays. What is not recorded yet is held once it is.
    """
    name = who(by)
    with _holds(database) as holds:
        added = holds.add(what, ids, why=why, by=name)
    if as_json:
        screen.print_json({"holds": [asdict(one.hold) | _counts_of(one) for one in added]})
        return
    for one in added:
        screen.out.print(screen.words("; ".join(_told(one))), soft_wrap=True)


@app.command("list")
def list_(
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Those behind the end of a page: what that page said.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List the holds, oldest first."""
    with _holds(database) as holds:
        page = holds.list(limit=limit, after=after)
    if as_json:
        screen.print_json({"holds": [asdict(one) for one in page.items], "next": page.cursor})
    else:
        _print_holds(page)


@app.command()
def remove(
    what: What,
    ids: Ids,
    *,
    by: By = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first, as is done on a terminal.")] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """End holds, all of these or none: what no other hold keeps goes by its age again."""
    name = who(by)
    with _holds(database) as holds:
        if not yes and not agreed(f"Let {what} {screen.safe(', '.join(ids))} go by age again?"):
            raise LedgerError("no hold is removed")
        released = holds.remove(what, ids, by=name)
    if as_json:
        screen.print_json({"what": what.value, "ids": list(dict.fromkeys(ids))} | asdict(released))
        return
    ended = "; ".join(f"{what} {id_} is not held any more" for id_ in dict.fromkeys(ids))
    screen.out.print(screen.words(f"{ended}; {_goes(released)}"), soft_wrap=True)


@contextmanager
def _holds(database: str | None) -> Iterator[Holds]:
    settings = found("database_url", database=database)
    check_schema(settings, database)
    with Storage(make_engine(settings)) as storage:
        yield Holds(storage, limits=settings.limits)


def _counts_of(one: Added) -> dict[str, Any]:
    counts = asdict(one)
    del counts["hold"]
    return counts


def _told(one: Added) -> Iterator[str]:
    hold, others = one.hold, one.subjects - 1
    was = "" if one.is_new else f" already, since {screen.time(hold.added_at)} by {hold.added_by}: {hold.why}"
    yield f"{hold.what} {hold.id} is held{was}"
    if not one.is_recorded:
        yield f"no {hold.what} of this id is recorded: what will be recorded of it is held"
    if others:
        yield f"with {_many(others, 'subject')} that belong{'s' if others == 1 else ''} to it"
    if one.texts_gone:
        yield f"before, {_many(one.texts_gone, 'text')} had gone"
    if one.rows_gone_before is not None:
        before = screen.time(one.rows_gone_before)
        yield f"parts whose rows went by age, before {before}, are not found: hold them by their own ids"


def _goes(released: Released) -> str:
    if not released.subjects:
        return "other holds keep all of it"
    ended = f"{_many(released.subjects, 'subject')} released"
    if not released.goes:
        return f"{ended}, of which nothing goes: texts and rows do not go by age so far"
    if not released.texts and not released.rows:
        return f"{ended}, of which nothing is old enough to go yet"
    texts, rows = _many(released.texts, "text"), _many(released.rows, "row")
    return f"{ended}, of which {texts} and up to {rows} go in the next round"


def _many(count: int, noun: str) -> str:
    return f"{count:,}{' or more' if count == MOST else ''} {noun}{'' if count == 1 else 's'}"


def _print_holds(page: Page[Hold]) -> None:
    if not page.items:
        screen.out.print("nothing is held")
        return
    rows: list[list[Cell]] = [
        [one.what, screen.words(one.id), screen.words(one.why), screen.words(one.added_by), screen.time(one.added_at)]
        for one in page.items
    ]
    names = ("what", "id", "why", "by", "since")
    print_table("", tuple(Column(name, wraps=name == "why") for name in names), rows)
    if page.cursor is not None:
        screen.out.print(f"more: --after {page.cursor}", style="dim", soft_wrap=True)
