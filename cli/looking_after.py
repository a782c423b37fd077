"""`flowledger tail`, `show`, `verify`, `gaps`, `members` and `redeliver`: looking at what is recorded, and after it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli import screen
from cli.asked import AsJson, Database
from cli.asked import found as _found
from storage.gaps import By


def tail(
    *,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type (task.failed) or kind (task.*); may be repeated.")
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only of this source; may be repeated.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="Only about this id; may be repeated.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Begin with what was recorded since then: 10m, 2h, or a time."),
    ] = None,
    messages: Annotated[
        bool, typer.Option("--messages", help="Only messages, as an exchange: who says what to whom.")
    ] = False,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, the row of the journal.")] = False,
) -> None:
    """Show events as they are recorded, until Ctrl-C."""
    from cli.filters import warn_of_types
    from cli.moments import moment_of
    from cli.service import check_schema
    from cli.tail import json_line, lines
    from cli.tail import tail as run
    from storage.tail import Wanted

    begin = moment_of(since, "--since")
    if messages and types:
        raise typer.BadParameter("--messages is a choice of types already; leave out --type", param_hint="--messages")
    settings = _found("database_url", database=database)
    check_schema(settings)
    warn_of_types(types or ())
    wanted = Wanted(types=["message.*"] if messages else types or [], sources=source or [], subjects=subject or [])
    try:
        run(settings, wanted, begin, json_line if as_json else lines(messages=messages))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:  # `tail | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(
    subject: Annotated[str, typer.Argument(metavar="ID")],
    *,
    limit: Annotated[
        int, typer.Option(min=1, max=1000, help="So many of each list (node runs, tasks …) at most.")
    ] = 1000,
    lines: Annotated[int, typer.Option("--tail", min=1, max=1000, help="So many last lines of the log.")] = 200,
    after: Annotated[
        str | None,
        typer.Option(metavar="WHERE", help="Where a list goes on: what the end of it said. That list alone."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one execution, task, message, workspace or sandbox, or a conversation, and dead letters about it.

    1 if nothing is recorded, also if there are dead letters about it: then these are shown.
    """
    from cli.show import Asked, find
    from cli.shown import print_shown
    from storage.engine import make_engine

    engine = make_engine(_found("database_url"))
    with engine.connect() as connection:
        shown = find(connection, subject, Asked(limit, lines, after))
    engine.dispose()
    if as_json:
        screen.print_json(shown)
    else:
        print_shown(shown, goes_on=after is not None)
    if not shown.is_recorded:
        screen.print_error(shown.why_not())
        raise typer.Exit(1)


def verify(
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the rows that differ say what the journal says.")
    ] = False,
    most: Annotated[int, typer.Option(min=1, help="Differences to show one by one.")] = 20,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Recompute every row from the journal and compare; 1 where they differ. Workers may go on recording."""
    from cli.service import check_schema
    from cli.verify import as_document, print_report
    from cli.verify import verify as run

    settings = _found("database_url", database=database)
    check_schema(settings)
    report = run(settings, repair=repair, most=most, quiet=as_json)
    if as_json:
        screen.print_json(as_document(report))
    else:
        print_report(report)
    if not report.is_well:
        raise typer.Exit(1)


def gaps(
    *,
    by: Annotated[By | None, typer.Option(help="Whose counters they are; default: what the numbers tell.")] = None,
    source: Annotated[str | None, typer.Option(help="Look at this source alone.")] = None,
    start: Annotated[
        int | None, typer.Option("--from", min=0, help="The number each counter begins with; default: the least seen.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Ranges of missing numbers to show one by one.")] = 100,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Tell which numbers are missing, where producers number their events by `sequence`; 1 where some are."""
    from cli.gaps import gaps as run
    from cli.gaps import print_gaps
    from cli.service import check_schema

    settings = _found("database_url", database=database)
    check_schema(settings)
    found = run(settings, by=by, source=source, start=start, most=most, quiet=as_json)
    if as_json:
        screen.print_json(found)
    else:
        print_gaps(found)
    if found.missing:
        raise typer.Exit(1)


def members(
    workspace: Annotated[str | None, typer.Argument(metavar="WORKSPACE", help="Default: all workspaces.")] = None,
    *,
    unsigned: Annotated[
        bool,
        typer.Option("--unsigned", help="Only those whom no key with the right to do so has let in; 1 where some are."),
    ] = False,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List which sandboxes belong to which workspace, and whether who said so had the right to."""
    from cli.members import as_document, print_members
    from cli.members import members as run
    from cli.service import check_schema

    settings = _found("database_url", database=database)
    check_schema(settings)
    found = run(settings, workspace, unsigned=unsigned)
    if as_json:
        screen.print_json(as_document(found))
    else:
        print_members(found, unsigned=unsigned)
    if unsigned and found:
        raise typer.Exit(1)


def redeliver(
    *,
    sandbox: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was sent to this sandbox; default: to all.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; put nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put messages into their inboxes again, after Redis has lost its data; 1 where some had no room.

    These are the messages that were in an inbox and have not come to an end. Workers and agents may go on, and twice
    does no harm: what is in an inbox, or was acknowledged, is not put there again.
    """
    from cli.adopting import check_bond
    from cli.redelivery import as_document, print_report
    from cli.redelivery import redeliver as run
    from cli.service import check_schema

    settings = _found("redis_url", "database_url")
    check_schema(settings)
    check_bond(settings)
    found = run(settings, sandbox=sandbox, dry_run=dry_run, quiet=as_json)
    if as_json:
        screen.print_json(as_document(found, dry_run=dry_run))
    else:
        print_report(found, dry_run=dry_run)
    if found.no_room:
        raise typer.Exit(1)
