"""What `flowledger vault` shows, and what it does with the key file."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import SecretBytes
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Cell, Column, print_table
from flowledger.domain.errors import LedgerError
from flowledger.domain.vault_keys import VaultKeys, Versions, changed_versions
from flowledger.services.vault.rotation import TABLES, Rotated, rotate
from flowledger.storage.paging import Page
from flowledger.storage.unit_of_work import Storage
from flowledger.storage.vault.secrets import Secret

_FEW: Final = 20


def write_value(value: SecretBytes) -> None:
    """Write a value exactly; a terminal gets a line end after it, and only what does it no harm."""
    raw = value.get_secret_value()
    if sys.stdout.isatty():
        text = raw.decode("utf-8", "surrogateescape")
        if screen.safe(text) != text:
            raise LedgerError("this value may confuse a terminal: send it to a file or a pipe, or say --json")
        raw += b"\n"
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def as_document(name: str, value: SecretBytes) -> dict[str, Any]:
    """Return a value as a JSON object: `value` if it is a text, else `base64`."""
    raw = value.get_secret_value()
    try:
        return {"name": name, "value": raw.decode()}
    except UnicodeDecodeError:
        return {"name": name, "base64": base64.b64encode(raw).decode()}


def print_secrets(page: Page[Secret]) -> None:
    """Print a page of secrets as a table."""
    rows: list[list[Cell]] = [
        [screen.words(one.name), str(one.key_version), screen.time(one.created_at), screen.time(one.updated_at)]
        for one in page.items
    ]
    print_table("", (Column("name"), Column("key version"), Column("created"), Column("set")), rows)
    if page.cursor is not None:
        screen.out.print(Text(f"more: --after {page.cursor}", style="dim"), soft_wrap=True)


def rotate_with_progress(storage: Storage, keys: VaultKeys, *, by: str, quiet: bool) -> Rotated:
    """Rotate with a progress bar on standard error, unless `quiet` or nobody sees it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress:
        bar = progress.add_task("seal anew", total=None)
        return rotate(storage, keys, by=by, tell=lambda done, total: progress.update(bar, completed=done, total=total))


def print_rotated(rotated: Rotated) -> None:
    """Print what a rotation has done, and what it could not do."""
    done = f"{rotated.resealed:,} sealed anew with the key of version {rotated.key_version}"
    screen.out.print(Text(done, style="green" if rotated.is_complete else ""))
    for words in rotated.failed[:_FEW]:
        screen.out.print(screen.words(words, "red"), soft_wrap=True)
    if not rotated.is_complete:
        screen.out.print(
            Text(
                f"{rotated.left:,} are left with another key: call it again, when what is named above is mended", "red"
            ),
            soft_wrap=True,
        )


def change_keys(
    path: Path,
    *,
    later: bool = False,
    use: int | None = None,
    retire: int | None = None,
    storage: Storage | None = None,
) -> tuple[Versions, str]:
    """Change the key file: make a key, or use or retire one. Return what it holds now, and what was done in words."""
    if use is None and retire is None:
        with changed_versions(path) as versions:
            made = versions.add(current=not later)
        return versions, f"made version {made}; version {versions.current} is used. Keep a copy of this file"
    with changed_versions(path) as versions:
        version = use if use is not None else retire
        assert version is not None
        if version not in versions.keys:
            raise LedgerError(f"the file {path} has no key of version {version}")
        if use is not None:
            versions.current = version
            return versions, f"version {version} is used from now on; `flowledger vault rotate` seals the rest with it"
        if version == versions.current:
            raise LedgerError(f"version {version} is the one that is used: make another first, `flowledger vault key`")
        assert storage is not None
        _check_unused(storage, version)
        del versions.keys[version]
    return versions, f"retired version {version}; a backup of the database of before needs it"


def _check_unused(storage: Storage, version: int) -> None:
    """Raise LedgerError if something is sealed with this version."""
    with storage.reading() as connection:
        rows = sum(table.versions(connection).get(version, 0) for table in TABLES)
    if rows:
        raise LedgerError(f"{rows:,} are sealed with the key of version {version}: `flowledger vault rotate` first")
