"""`flowledger erase`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli import people, screen
from flowledger.cli.asked import AsJson, Database
from flowledger.cli.asked import found as servers
from flowledger.cli.erasing import ask, erase, outlooks, print_erased, print_outlooks
from flowledger.cli.schema import check_schema


def command(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="What to erase; none: finish what an interrupted run has begun."),
    ] = None,
    *,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; this stays, so let it name nobody.")] = "",
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who; default: the user who runs this.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go; nothing does.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Erase what is recorded of executions, workspaces, users, agents, or any id, for good.

    Rows and texts go, also from inboxes and dead letters; that it was erased, when, by whom and why stays. Of later
    events about it only names are kept. It may be interrupted: the same command goes on. 1 if it was refused, or if
    parts that came meanwhile are left.
    """
    wanted = list(dict.fromkeys(ids or ()))
    if wanted and not why.strip() and not dry_run:
        raise typer.BadParameter("say why: it is all that will be known", param_hint="--why")
    settings = servers("redis_url", "database_url", database=database)
    check_schema(settings, database)
    if dry_run:
        found, before = outlooks(settings, wanted)
        if as_json:
            screen.print_json({"dry_run": True, "would_erase": found, "rows_gone_before": before})
        else:
            print_outlooks(found, before)
        return
    if wanted and not yes and not ask(settings, wanted):
        raise typer.Exit(1)
    try:
        erased = erase(settings, wanted, why=why.strip(), by=people.who(by), quiet=as_json)
    except KeyboardInterrupt as interrupt:
        screen.print_error(f"interrupted: {'; '.join(getattr(interrupt, '__notes__', ['nothing was erased']))}")
        raise typer.Exit(1) from None
    screen.print_json(erased) if as_json else print_erased(erased)
    if erased.unfinished:
        raise typer.Exit(1)
