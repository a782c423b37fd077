"""`flowledger COMMAND` (CONTRACT §6): exit 0 done, 1 done in part or refused, 2 wrong use."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import redis
import typer
from sqlalchemy.exc import SQLAlchemyError

from cli import dead_letters, keys, looking_after, screen
from cli.acl import acl
from cli.asked import AsJson, Database
from cli.asked import found as _found
from cli.asked import settings_of as _settings
from domain.errors import LedgerError
from storage.engine import words

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
app.add_typer(keys.app, name="keys")

_INTERRUPTED: Final = 130
"""What typer ends with after Ctrl-C; the contract knows 0, 1 and 2."""


def main() -> None:
    """The console script: errors in one clear line, exit codes as the contract says."""
    try:
        with screen.log_lines("domain"):
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


@app.command()
def up(
    database: Database = None,
    adopt: Annotated[
        str | None, typer.Option(metavar="ID", help="Take the Redis from the ledger with this id, on purpose.")
    ] = None,
) -> None:
    """Run everything on this machine: servers where none are named, worker, scheduler and Flower. Ctrl-C stops it."""
    from cli.up import up as run

    run(_settings(database), adopt)


@app.command()
def worker(
    database: Database = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Processes; default: one per core.")] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR.")] = "WARNING",
) -> None:
    """Run the worker alone, against the named servers."""
    from cli import processes
    from cli.service import check_schema
    from workers.authority import guard_of
    from workers.watch import check_at_start

    settings = _found("redis_url", "database_url", database=database)
    guard_of(settings)
    check_schema(settings)
    check_at_start(settings)
    command = processes.worker_command(concurrency, log_level.upper())
    environment = processes.worker_environment(settings)
    os.chdir(processes.ROOT)
    os.execve(command[0], command, environment)  # noqa: S606 - this process becomes Celery's


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
def adopt(
    owner: Annotated[
        str | None,
        typer.Option("--from", metavar="ID", help="The ledger that this Redis belongs to now, where it is another."),
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make this Redis the broker of this ledger, on purpose; what waits in it is recorded here from now on."""
    from cli.adopting import adopt as run

    adopted = run(_found("redis_url", "database_url", database=database), owner)
    if as_json:
        screen.print_json(adopted)
    else:
        screen.out.print(screen.words(adopted.words()), soft_wrap=True)


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

    A line is one event, which needs an id of its own, for a file may have to be sent again:

    \b
    {"id":"1","source":"/my/service","type":"task.completed","subject":"task_1","data":{"output":12}}

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
def env(database: Database = None) -> None:
    """Print what tells a shell where the servers are, passwords included: eval "$(flowledger env)"."""
    import shlex

    settings = _found("redis_url", "database_url", database=database)
    for name in ("redis_url", "database_url"):
        print(f"export {name.upper()}={shlex.quote(getattr(settings, name).get_secret_value())}")


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
    """Show backlog per shard, rates, dead letters, messages that wait, workers and the database pool."""
    from cli.backlog import print_status
    from cli.backlog import status as run

    found = run(_found("redis_url", "database_url"))
    if as_json:
        screen.print_json(found)
    else:
        print_status(found)


_Shards = Annotated[
    list[int] | None, typer.Option("--shard", min=0, help="A shard's number; may be repeated. Default: all.")
]


@app.command()
def pause(
    shard: _Shards = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Set the entries of this source aside; may be repeated.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason, as `flowledger status` shows it.")] = "paused by hand",
    by: Annotated[str | None, typer.Option(help="Who pauses it; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop recording, of all shards, or some, or some sources: events wait in Redis until `flowledger resume`."""
    from cli.pausing import pause as run

    _tell_pauses(run(_found("redis_url"), shard or [], source or [], why, by), as_json=as_json)


@app.command()
def resume(
    shard: _Shards = None,
    source: Annotated[
        list[str] | None, typer.Option(help="A source that is set aside, as `status` names it; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on recording what was paused, by hand or by a fuse; a source that is set aside only if it is named."""
    from cli.pausing import resume as run

    _tell_pauses(run(_found("redis_url"), shard or [], source or []), as_json=as_json)


def _tell_pauses(changed: Any, *, as_json: bool) -> None:
    if as_json:
        screen.print_json(changed)
    else:
        screen.out.print(screen.words(changed.words()), soft_wrap=True)


for _command in (
    looking_after.tail, looking_after.show, looking_after.verify, looking_after.gaps, looking_after.members,
    looking_after.redeliver,
):  # fmt: skip
    app.command()(_command)

app.command()(acl)


@app.command()
def demo(as_json: AsJson = False) -> None:
    """Watch agents do real work on embedded servers, recorded live; ends by itself."""
    from cli.demo import run_demo

    run_demo(screen.out, as_json=as_json)


if __name__ == "__main__":
    main()
