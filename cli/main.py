"""`flowledger COMMAND` (CONTRACT §6): exit 0 done, 1 done in part or refused, 2 wrong use.

Here stands what commands there are; each has a file in `cli/commands`, which is imported when it is called.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from types import ModuleType
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from flowledger.cli import screen
from flowledger.cli.arguments import check_all
from flowledger.cli.output import guarded_output
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable, DatabaseUnfit, LedgerError

COMMANDS: Final = {
    "up": "Run everything on this machine: servers where none are named, worker, beat and Flower.",
    "worker": "Run the worker alone, against the named servers.",
    "flower": "Run Flower with the pages of the ledger, for whoever knows the password in FLOWER_BASIC_AUTH alone.",
    "migrate": "Bring the database to the newest schema.",
    "adopt": "Make this Redis the broker of this ledger, on purpose.",
    "publish": "Publish events; each bad line is named, the good ones are published.",
    "import": "Record files of events without Redis: the history of years, in large batches.",
    "schema": "Print the contract for other languages: AsyncAPI, or the JSON Schema of an event type.",
    "env": "Print what tells a shell where the servers are, passwords included.",
    "wait": "Return when nothing is left to record.",
    "top": "Watch how the service does, live on one screen: what one leaves open in an incident.",
    "health": "Tell whether events published now would be recorded; exit 1 and the reason if not.",
    "status": "Show backlog per shard, rates, dead letters, messages that wait, workers and the database pool.",
    "metrics": "Print the metrics of the service for Prometheus, once, or serve them.",
    "pause": "Stop recording, of all shards, or some, or some sources.",
    "resume": "Go on recording what was paused, by hand or by a fuse.",
    "tail": "Show events as they are recorded, until Ctrl-C.",
    "show": "Show the record of any kind that has this id, or a conversation, and dead letters about it.",
    "why": "Tell which event owns each group of a row, and which lost to it, and why.",
    "list": "List the records of a table, newest first, all or some, and tell how many there are.",
    "maintain": "Let go what is older than it is to be kept: round after round, or once.",
    "verify": "Recompute every row from the journal and compare.",
    "gaps": "Tell which numbers are missing, where producers number their events by `sequence`.",
    "members": "List which sandboxes belong to which workspace, and whether who said so had the right to.",
    "redeliver": "Put messages into their inboxes again, after Redis has lost its data.",
    "erase": "Erase what is recorded of executions, workspaces, users, agents, or any id, for good.",
    "dead-letters": "See what could not be recorded and why, mend it, send it again, or give it up.",
    "hold": "Keep workspaces, executions or subjects, with all that belongs to them, whatever their age.",
    "seed": "Make the records of a new ledger: ten default agents, and a first admin.",
    "keys": "Make, list and retire the keys by which sandboxes and others sign.",
    "vault": "Keep secrets sealed in the database, with the keys in the file that LEDGER_VAULT_KEY_FILE names.",
    "users": "Set passwords of users; list and end their sessions.",
    "acl": "Print the access rule of Redis or Valkey for a role: what it needs, and nothing else.",
    "demo": "Watch agents do real work on embedded servers, recorded live; ends by itself.",
}
"""Each command, and what it does in a line."""

_EXTRAS: Final = {"up": "local", "demo": "local", "flower": "flower"}
"""The extra that a command needs. `publish`, `schema`, `keys` and `acl` need none, the others `worker`."""

_INTERRUPTED: Final = 130
"""What typer ends with after Ctrl-C; the contract knows 0, 1 and 2."""


class MissingExtra(LedgerError):
    """A command needs packages that are not installed: those of an extra of `flowledger`."""


class Commands(TyperGroup):
    """The commands of the table, each imported when it is called: help and completion need not wait for Celery."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given | {"commands": dict.fromkeys(COMMANDS)})
        self._names_only = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if self._names_only:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        try:
            return _command(cmd_name)
        except MissingExtra:
            if ctx.resilient_parsing:  # a shell asks for completions, and shows no errors
                return None
            raise

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete the name of a command without importing any."""
        self._names_only = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._names_only = False

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


def _command(name: str) -> Any:
    """Return the function `command` of the file of this name, or the group `app`; raises MissingExtra."""
    try:
        module = _loaded(f"flowledger.cli.commands.{name.replace('-', '_')}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("flowledger"):
            raise
        extra = _EXTRAS.get(name, "worker")
        raise MissingExtra(
            f"`flowledger {name}` needs more than the client ({error.name} is not installed): "
            f"pip install 'flowledger[{extra}]'"
        ) from None
    group = getattr(module, "app", None)
    if group is None:
        group = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        group.command(name)(module.command)
    check_all(group)
    return get_command(group)


def _loaded(name: str) -> ModuleType:
    """Import a module, then begin to collect garbage (`main` has stopped it).

    Measured: a quarter of the CPU time of `flowledger show` went to walks of the collector through what had just been
    imported, the last of them at the exit. It stays until the end, so no walk ever finds anything there.
    """
    is_new = name not in sys.modules
    try:
        return importlib.import_module(name)
    finally:
        if is_new:
            gc.freeze()
        gc.enable()


app: Final = typer.Typer(
    name="flowledger",
    cls=Commands,
    help="The ledger and the post office of an agent platform. DATABASE_URL and REDIS_URL choose the servers; "
    "where they are unset, the embedded ones of `flowledger up`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"flowledger {version('flowledger')}")
        raise typer.Exit


@app.callback()
def _flowledger(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """The console script: errors in one clear line, exit codes as the contract says."""
    gc.disable()
    atexit.register(gc.freeze)
    try:
        with screen.log_lines("flowledger.domain"), guarded_output():
            app()
    except Exception as error:
        words = _of_a_server(error) or (str(error) if isinstance(error, LedgerError) else None)
        if words is None:
            raise
        screen.print_error(_with_notes(words, error))
        sys.exit(1)
    except SystemExit as end:
        sys.exit(1 if end.code == _INTERRUPTED else end.code)
    finally:
        gc.enable()


def _with_notes(words: str, error: Exception) -> str:
    """Return what is told of an error, with what a command has noted of it: how far it came, say."""
    notes = getattr(error, "__notes__", ())
    return "; ".join([words.rstrip("."), *notes]) if notes else words


def _of_a_server(error: Exception) -> str | None:
    """What a person is told of a server that does not answer; None of any other error.

    Only who has imported a driver can have got its error.
    """
    database, redis = sys.modules.get("sqlalchemy.exc"), sys.modules.get("redis")
    if database is not None and isinstance(error, database.SQLAlchemyError):
        from flowledger.storage.engines.engine import words

        return f"the database does not answer: {words(error)}"
    if isinstance(error, DatabaseUnavailable) and not isinstance(error, DatabaseDenied | DatabaseUnfit):
        return f"the database does not answer: {error}"
    if isinstance(error, ConnectionError) or (redis is not None and isinstance(error, redis.RedisError)):
        return f"Redis does not answer: {error}"
    return None


if __name__ == "__main__":
    main()
