"""`flowledger list`: its filters are those that the repositories of the tables declare."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.listing import FILTERS, Asked, as_document, option, page_of, print_page, repository_of, values_of
from flowledger.cli.moments import moment_of
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds import LISTED
from flowledger.storage.unit_of_work import Storage

_TIME: Final = "a time with a zone, a date, or how long ago, as 2h"
_FEW: Final = 3
_BY: Final = "by_"
"""Begins the names of the parameters that are filters, of which one is called `kind`, too."""


def _kinds(incomplete: str) -> list[str]:
    return [name for name in LISTED if name.startswith(incomplete)]


def _values(name: str) -> Callable[[typer.Context, str], list[str]]:
    """Return what completes the values of a filter, if these are few."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        words = (ctx.params.get("kind"), *ctx.args)  # click has not assigned the words before an incomplete option
        tables = [word for word in words if word in FILTERS[name]] or FILTERS[name]
        values = dict.fromkeys(value for table in tables for value in values_of(LISTED[table], name))
        return [value for value in values if value.startswith(incomplete)]

    return complete


def _filter(name: str) -> Parameter:
    """Return the parameter of a filter."""
    tables = FILTERS[name]
    of = f" (of {', '.join(tables)})" if len(tables) <= _FEW else ""
    told = f"Only those with this {name.replace('_', ' ')}{of}."
    metavar = "ID" if name == "subject" or name.endswith("_id") else "TEXT"
    declared = typer.Option(option(name), metavar=metavar, help=told, autocompletion=_values(name))
    return Parameter(
        f"{_BY}{name}", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, declared]
    )


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all filters in the place of its parameter `of`, for typer reads signatures."""
    parameters: list[Parameter] = []
    for parameter in signature(command, eval_str=True).parameters.values():
        parameters += map(_filter, FILTERS) if parameter.name == "of" else [parameter]

    @wraps(command)
    def called(**given: Any) -> None:
        filters = {name: given.pop(f"{_BY}{name}") for name in FILTERS}
        command(**given, of={name: values for name, values in filters.items() if values})

    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


@_with_filters
def command(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"A table: {', '.join(LISTED)}.", autocompletion=_kinds)],
    *,
    of: dict[str, list[str]],
    since: Annotated[str | None, typer.Option("--since", help=f"Created then or later: {_TIME}.")] = None,
    until: Annotated[str | None, typer.Option("--until", help=f"Created before: {_TIME}.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones, too.")] = False,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="Leave out so many.")] = 0,
    after: Annotated[str | None, typer.Option(help="Those behind the end of a page: what that page said.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List the records of a table, newest first, all or some, and tell how many there are.

    Each table has filters of its own; a wrong one is answered with those that the table has. A filter that is given
    several times leaves the records with one of its values. Rows of an owner (node runs, log lines, deliveries,
    versions, sums of metrics) are listed of that owner.
    """
    asked = Asked(
        repository_of(kind).table.name, of, moment_of(since, "--since"), moment_of(until, "--until"),
        deleted, oldest, limit, offset, after,
    )  # fmt: skip
    with Storage(make_engine(servers("database_url", database=database))) as storage:
        total, page = page_of(storage, asked)
    if as_json:
        screen.print_json(as_document(total, page))
    else:
        print_page(asked, total, page)
