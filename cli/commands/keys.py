"""`flowledger keys …`: the keys by which sandboxes, workspaces, the registrar and the ledger sign (`domain.owners`)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import SecretBytes

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, settings_of
from flowledger.cli.layout import Column, print_table
from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.errors import LedgerError, SettingsError
from flowledger.domain.key_file import KeysByName, changed_keys, new_key, read_keys, write_keys
from flowledger.domain.signatures import told

app: Final = typer.Typer(
    help="Make, list and retire the keys by which sandboxes and others sign, in the file that LEDGER_KEY_FILE names.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The id of a sandbox or a workspace, /registrar or /flowledger.")
]


@app.command()
def new(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME", help="Ids of sandboxes and workspaces; /registrar; /flowledger.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a fresh key for each name; the file is made where there is none, with a key for the ledger itself."""
    for name in names:
        _check_name(name)
    path = _path()
    made: dict[str, str] = {}
    with changed_keys(path) as keys:
        if not keys.get(LEDGER_SOURCE):
            made[LEDGER_SOURCE] = new_key(keys, LEDGER_SOURCE)
        made |= {name: new_key(keys, name) for name in names if name not in made}
    if as_json:
        screen.print_json({"file": str(path), "made": made})
    else:
        for name, key_id in made.items():
            screen.out.print(screen.words(f"{name}: made {key_id}"), soft_wrap=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List names and key ids, the one that signers use last; never a secret."""
    path = _path()
    keys = {name: list(of_name) for name, of_name in sorted(read_keys(path).keys.items())}
    if as_json:
        screen.print_json({"file": str(path), "keys": keys})
        return
    screen.out.print(screen.words(str(path), "italic"), soft_wrap=True)
    rows = [[screen.words(name), screen.words("\n".join(ids))] for name, ids in keys.items()]
    print_table("", (Column("name"), Column("key ids")), rows)


@app.command()
def retire(
    name: Name,
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="As `flowledger keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Take a key away: what is signed with it is forged from now on. With its last key a name can say nothing more."""
    path = _path()
    with changed_keys(path) as keys:
        of_name = _of_name(keys, name)
        if key_id not in of_name:
            raise LedgerError(f"{told(name)} has no key {key_id[:64]!a}; see `flowledger keys list`")
        if name == LEDGER_SOURCE and len(of_name) == 1:
            raise LedgerError(f"workers sign with it: make another first, `flowledger keys new {LEDGER_SOURCE}`")
        del of_name[key_id]
        left = list(of_name)
        if not left:
            del keys[name]
    if as_json:
        screen.print_json({"file": str(path), "name": name, "retired": key_id, "left": left})
    else:
        screen.out.print(screen.words(f"{name}: retired {key_id}; left: {', '.join(left) or 'none'}"), soft_wrap=True)


@app.command()
def give(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The agent's key file; one of this name is replaced.")],
    as_json: AsJson = False,
) -> None:
    """Write a key file with the keys of one name alone, mode 0600, for the agent that speaks in it."""
    keys = {name: _of_name(read_keys(_path()).keys, name)}
    if file.exists() and set(read_keys(file).keys) - {name}:
        raise LedgerError(f"{file} holds the keys of others than {told(name)}: it is left as it is")
    write_keys(file.resolve(), keys)
    if as_json:
        screen.print_json({"file": str(file), "name": name, "keys": list(keys[name])})
    else:
        screen.out.print(screen.words(f"{file}: the keys of {name}, and no others"), soft_wrap=True)


def _path() -> Path:
    path = settings_of().key_file
    if path is None:
        raise SettingsError("LEDGER_KEY_FILE is not set: it names the file with the keys")
    return path


def _of_name(keys: KeysByName, name: str) -> dict[str, SecretBytes]:
    found = keys.get(name)
    if not found:
        raise LedgerError(f"{told(name)} has no keys; see `flowledger keys list`")
    return found


def _check_name(name: str) -> None:
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    most = settings_of().max_id_bytes
    if not 0 < size <= most or "\0" in name:
        raise typer.BadParameter(f"an id has 1 to {most} bytes of UTF-8", param_hint="NAME")
