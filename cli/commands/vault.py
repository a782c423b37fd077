"""`flowledger vault …`: secrets, sealed at rest; the keys they are sealed with (docs/contract/vault.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Final

import typer

from flowledger.cli import screen
from flowledger.cli.asked import AsJson, Database, found, settings_of
from flowledger.cli.people import agreed, at_terminal, who
from flowledger.cli.schema import check_schema
from flowledger.cli.secret_input import secret_from_input
from flowledger.cli.vault import (
    as_document,
    change_keys,
    print_rotated,
    print_secrets,
    rotate_with_progress,
    write_value,
)
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import NoKeys, VaultKeyFile, VaultKeys, path_of
from flowledger.services.vault.secrets import Vault
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage

app: Final = typer.Typer(
    help="Keep secrets sealed in the database, with the keys in the file that LEDGER_VAULT_KEY_FILE names.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a secret.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it, for the audit log; default: the user's name.")]


@app.command("set")
def set_(
    name: Name,
    exact: Annotated[
        bool, typer.Option("--exact", help="Keep the line end at the end of standard input, too.")
    ] = False,
    by: By = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Keep a secret, or another value in its place: from standard input, or from a prompt that shows nothing."""
    with _storage(database) as (settings, storage):
        vault = Vault(storage, VaultKeyFile.of(settings))
        vault.set(name, secret_from_input(f"The secret {screen.safe(name)}", exact=exact), by=who(by))
    if as_json:
        screen.print_json({"name": name})
    else:
        screen.out.print(screen.words(f"{name}: kept"), soft_wrap=True)


@app.command()
def get(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first; needed where no terminal is.")] = False,
    by: By = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Write the value of a secret to standard output, exactly. That it was read is in the audit log."""
    if not yes and not at_terminal():
        raise typer.BadParameter("without a terminal nobody can be asked: say --yes", param_hint="--yes")
    with _storage(database) as (settings, storage):
        vault = Vault(storage, VaultKeyFile.of(settings))
        if not yes and not agreed(f"Show the secret {screen.safe(name)} on this screen?"):
            raise LedgerError("nothing is shown")
        value = vault.get(name, by=who(by))
    if as_json:
        screen.print_json(as_document(name, value))
    else:
        write_value(value)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many at most.")] = 50,
    after: Annotated[str | None, typer.Option(help="Those behind the end of a page: what that page said.")] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """List the names of secrets, with the version of the key of each; never a value."""
    with _storage(database) as (_, storage):
        page = Vault(storage, NoKeys()).list(limit=limit, after=after)
    if as_json:
        screen.print_json({"secrets": [asdict(one) for one in page.items], "next": page.cursor})
    else:
        print_secrets(page)


@app.command()
def delete(name: Name, by: By = None, database: Database = None, as_json: AsJson = False) -> None:
    """Delete a secret; nothing brings it back."""
    with _storage(database) as (_, storage):
        Vault(storage, NoKeys()).delete(name, by=who(by))
    if as_json:
        screen.print_json({"name": name, "deleted": True})
    else:
        screen.out.print(screen.words(f"{name}: deleted"), soft_wrap=True)


@app.command()
def rotate(by: By = None, database: Database = None, as_json: AsJson = False) -> None:
    """Seal all secrets and credentials anew with the current key; 1 if some are left. Everything may go on meanwhile.

    If it is interrupted, call it again: it goes on with what is left.
    """
    with _storage(database) as (settings, storage):
        keys: VaultKeys = VaultKeyFile.of(settings)
        rotated = rotate_with_progress(storage, keys, by=who(by), quiet=as_json)
    if as_json:
        screen.print_json(asdict(rotated))
    else:
        print_rotated(rotated)
    if not rotated.is_complete:
        raise typer.Exit(1)


@app.command()
def key(
    later: Annotated[bool, typer.Option("--later", help="Make it, and go on sealing with the current one.")] = False,
    use: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Make none: seal with this one from now on.")
    ] = None,
    retire: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Make none: take this one away, if nothing is sealed with it.")
    ] = None,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Make a fresh key, to seal with from now on; the file is made where there is none, mode 0600."""
    if later + (use is not None) + (retire is not None) > 1:
        raise typer.BadParameter("give one of --later, --use and --retire", param_hint="--later, --use, --retire")
    path = path_of(settings_of(database))
    if retire is None:
        versions, words = change_keys(path, later=later, use=use)
    else:
        with _storage(database) as (_, storage):
            versions, words = change_keys(path, retire=retire, storage=storage)
    if as_json:
        screen.print_json({"file": str(path), "current": versions.current, "versions": sorted(versions.keys)})
    else:
        screen.out.print(screen.words(f"{path}: {words}"), soft_wrap=True)


@contextmanager
def _storage(database: str | None) -> Iterator[tuple[Settings, Storage]]:
    settings = found("database_url", database=database)
    check_schema(settings, database)
    with Storage(make_engine(settings)) as storage:
        yield settings, storage
