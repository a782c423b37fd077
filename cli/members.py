"""`flowledger members`: who belongs to which workspace, and who has said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from flowledger.cli import screen
from flowledger.cli.layout import Column, print_table
from flowledger.domain.errors import SettingsError
from flowledger.domain.key_file import KeyFile
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.members import Member
from flowledger.workers.members import members as find

_COLUMNS: Final = (*map(Column, ("workspace", "sandbox", "said by", "sequence")), Column("signed", wraps=True))


def members(settings: Settings, workspace: str | None, *, unsigned: bool) -> list[Member]:
    """Those of one workspace, or of all; only those whom nobody with the right to do so has let in.

    Raises SettingsError where that is asked and there are no keys to look by.
    """
    if unsigned and settings.key_file is None:
        raise SettingsError("LEDGER_KEY_FILE is not set: it names the file with the keys to look by")
    keys = None if settings.key_file is None else KeyFile(settings.key_file)
    with Storage(make_engine(settings)) as storage:
        return [one for one in find(storage, keys, workspace) if not (unsigned and one.signed)]


def as_document(found: Sequence[Member]) -> dict[str, Any]:
    """For `--json`."""
    return {"members": [asdict(one) for one in found], "unsigned": sum(one.signed is False for one in found)}


def print_members(found: Sequence[Member], *, unsigned: bool) -> None:
    """Print them as a table."""
    if not found:
        nobody, all_right = "no sandbox is in a workspace", "every member was let in by a key with the right to do so"
        screen.out.print(all_right if unsigned else nobody)
        return
    rows = []
    for one in found:
        signed = "yes" if one.signed else one.detail or "not looked at: no LEDGER_KEY_FILE"
        cells = (one.workspace_id, one.sandbox_id, f"{one.source} {one.event_id}", one.sequence or "", signed)
        rows.append([*map(screen.words, cells)])
    print_table("", _COLUMNS, rows)
