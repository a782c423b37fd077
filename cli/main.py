"""`flowledger COMMAND` (CONTRACT §6): exit 0 done, 1 done in part or refused, 2 wrong use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import redis
import typer
from sqlalchemy.exc import SQLAlchemyError

from cli import dead_letters, screen
from domain.errors import LedgerError
from domain.settings import Settings
from storage.engine import words
from storage.gaps import By

app: Final = typer.Typer(
    name="flowledger",
    help="The ledger and the post office of an agent platform. DATABASE_URL and REDIS_URL choose the servers; "
    "where they are unset, the embedded ones of `flowledger up`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(dead_letters.app, name="dead-letters")

_INTERRUPTED: Final = 130
"""What typer ends with after Ctrl-C; the contract knows 0, 1 and 2."""

Database = Annotated[
    str | None, typer.Option("--database", help="The database, instead of DATABASE_URL: sqlite:///FILE …")
]
Shards = Annotated[
    list[int] | None, typer.Option("--shard", min=0, help="A shard's number; may be repeated. Default: all.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as one JSON document.")]


def main() -> None:
    """The console script: errors in one clear line, exit codes as the contract says."""
    try:
        app()
    except LedgerError as error:
        screen.print_error(str(error))
        sys.exit(1)
    except SQLAlchemyError as error:
        screen.print_error(f"the database does not answer: {words(error)}")
        sys.exit(1)
    except (redis.RedisError, ConnectionError) as error:
        screen.print_error(f"Redis does not answer: {error}")
        sys.exit(1)
    except SystemExit as end:
        sys.exit(1 if end.code == _INTERRUPTED else end.code)


def _settings(database: str | None = None, **given: Any) -> Settings:
    if database is not None:
        given["database_url"] = database
    return Settings.load(**given)


def _found(*needed: str, database: str | None = None) -> Settings:
    from cli.service import find_running

    return find_running(_settings(database), *needed)


@app.command()
def up(database: Database = None) -> None:
    """Run everything on this machine: servers where none are named, worker, scheduler and Flower. Ctrl-C stops it."""
    from cli.up import up as run

    run(_settings(database))


@app.command()
def worker(
    database: Database = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per core.")] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "WARNING",
) -> None:
    """Run the worker alone, against the named servers."""
    from cli import processes
    from cli.service import check_schema

    settings = _found("redis_url", "database_url", database=database)
    check_schema(settings)
    command = processes.worker_command(concurrency, log_level.upper())
    os.execve(command[0], command, processes.worker_environment(settings))  # noqa: S606 - this process becomes Celery's


@app.command()
def flower() -> None:
    """Run Flower, for whoever knows the password in FLOWER_BASIC_AUTH alone."""
    from cli.flower import run

    run(_found("redis_url"))


@app.command()
def migrate(database: Database = None) -> None:
    """Bring the database to the newest schema."""
    import migrations
    from cli.service import migrate as run
    from storage.engine import make_engine

    settings = _found("database_url", database=database)
    run(settings)
    engine = make_engine(settings)
    screen.out.print(f"the database is at revision {migrations.current(engine)}, the newest")
    engine.dispose()


@app.command()
def publish(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE…", help="Files with one event a line; - is standard input.")
    ] = None,
    spool: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Keep events in this file while Redis is away or full, and send what is in it already first; "
            "without other files, only that.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish events; each bad line is named, the good ones are published.

    With --spool, exit 0 also where good events wait in the spool: standard error says how many. 1: a line was refused,
    or Redis does not take what only the spool holds.
    """
    from cli.publish import publish_files, summary

    if not files and spool is None:
        raise typer.BadParameter("name files, or a --spool to send", param_hint="FILE")
    missing = [file for file in files or [spool or ""] if file != "-" and not Path(file).is_file()]
    if missing:
        raise typer.BadParameter(f"no such file: {', '.join(missing)}", param_hint="FILE" if files else "--spool")
    report = publish_files(_found("redis_url"), files or [], spool, quiet=as_json)
    if as_json:
        screen.print_json(report)
    else:
        screen.out.print(screen.words(summary(report, spool)), soft_wrap=True)
    if report.refused or report.damaged or (report.spooled and not files):
        raise typer.Exit(1)


@app.command()
def wait(
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds to wait at most; exit 1 when they are over.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Return when nothing is left to record."""
    from cli.backlog import wait as run

    left = run(_found("redis_url"), timeout)
    if as_json:
        screen.print_json({"waiting": left})
    if left:
        screen.print_error(f"{left:,} events still wait to be recorded after {timeout:g} s; see `flowledger status`")
        raise typer.Exit(1)
    if not as_json:
        screen.out.print("nothing is left to record")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show backlog per shard, rates, dead letters, workers and the database pool."""
    from cli.backlog import print_status
    from cli.backlog import status as run

    found = run(_found("redis_url", "database_url"))
    if as_json:
        screen.print_json(found)
    else:
        print_status(found)


@app.command()
def pause(
    shard: Annotated[
        list[int] | None, typer.Option(min=0, help="A shard's number; may be repeated. Default: all.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason, as `flowledger status` shows it.")] = "paused by hand",
    by: Annotated[str | None, typer.Option(help="Who pauses it; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop recording, of all shards or some: events wait in Redis until `flowledger resume`."""
    from cli.pausing import pause as run

    _tell_pauses(run(_found("redis_url"), shard or [], why, by), as_json=as_json)


@app.command()
def resume(
    shard: Annotated[
        list[int] | None, typer.Option(min=0, help="A shard's number; may be repeated. Default: all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on recording what was paused, by hand or by a fuse."""
    from cli.pausing import resume as run

    _tell_pauses(run(_found("redis_url"), shard or []), as_json=as_json)


def _tell_pauses(changed: Any, *, as_json: bool) -> None:
    if as_json:
        screen.print_json(changed)
    else:
        screen.out.print(screen.words(changed.words()), soft_wrap=True)


@app.command()
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
    wanted = Wanted(types=["message.*"] if messages else types or [], sources=source or [], subjects=subject or [])
    try:
        run(settings, wanted, begin, json_line if as_json else lines(messages=messages))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except BrokenPipeError:  # `tail | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def show(subject: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show one execution, task, message, workspace or sandbox."""
    from cli.show import find, print_shown
    from storage.engine import make_engine

    engine = make_engine(_found("database_url"))
    with engine.connect() as connection:
        shown = find(connection, subject)
    engine.dispose()
    if as_json:
        screen.print_json(shown)
    else:
        print_shown(shown)


@app.command()
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


@app.command()
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


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Watch agents do real work on embedded servers, recorded live; ends by itself."""
    from cli.demo import run_demo

    run_demo(_settings(), screen.out, as_json=as_json)


if __name__ == "__main__":
    main()
