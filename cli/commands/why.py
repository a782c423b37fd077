"""`flowledger why`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.show import told_of
from flowledger.cli.why import LISTS, NoColumn, as_document, asked, chosen, erasure_of
from flowledger.cli.why_shown import print_hint, print_why
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage

_ROWS: Final = 20


def _lists(incomplete: str) -> list[str]:
    return [name for name in LISTS if name.startswith(incomplete)]


def command(
    subject: Annotated[str, typer.Argument(metavar="ID")],
    column: Annotated[str | None, typer.Argument(metavar="COLUMN", help="The group of this column alone.")] = None,
    *,
    of: Annotated[
        list[str] | None,
        typer.Option(metavar="LIST", help=f"Rows that belong to it: {', '.join(LISTS)}.", autocompletion=_lists),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only rows with this in their primary key: node=plan. Repeatable."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=2**31 - 1, help="So many rows of each table, and events of each group, at most."),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Tell which event owns each group of a row, and which lost to it, and why.

    1 if nothing is recorded, if it was erased, or if a row is not as the journal says.
    """
    for name in of or ():
        if name not in LISTS:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(LISTS)}", param_hint="--of")
    with Storage(make_engine(servers("database_url", database=database))) as storage:
        found = asked(storage, subject, of or (), dict(map(_pair, key or ())), limit or _ROWS)
        erased = erasure_of(storage, found.subject)
    try:
        rows = chosen(found, column)
    except NoColumn as error:
        raise typer.BadParameter(str(error), param_hint="COLUMN") from None
    if as_json:
        screen.print_json(as_document(found, column, limit or _ROWS, erased))
    else:
        print_why(found, rows, most=limit)
        if not of and column is None:
            print_hint(found)
    if erased is not None:
        screen.print_error(told_of(erased, is_shown=True))
    if erased is not None or any(row.difference is not None for row, _ in rows):
        raise typer.Exit(1)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--key")
    return name, value
