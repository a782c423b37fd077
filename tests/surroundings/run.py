"""Tries settings on servers of one's own, and judges what came of each."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from tests.surroundings.brokers import REDIS
from tests.surroundings.elsewhere import POOLERS, SERVERS, SQLITE
from tests.surroundings.ground import Ground, admin_of, fresh_database
from tests.surroundings.settings import POSTGRESQL, URLS, Setting, Wanted
from tests.surroundings.trial import Broken, Rows, Seen, try_out

SETTINGS: Final = (*POSTGRESQL, *URLS, *POOLERS, *SERVERS, *SQLITE, *REDIS)


@dataclass(frozen=True)
class Verdict:
    """What came of a setting; `wrong` says why that is not what was wanted, `skipped` why it was not tried."""

    setting: Setting
    seen: Seen = field(default_factory=Seen)
    wrong: str = ""
    skipped: str = ""

    @property
    def words(self) -> str:
        if self.skipped:
            return f"not tried: {self.skipped}"
        if self.wrong:
            return f"WRONG: {self.wrong}"
        if self.seen.refused:
            return f"`{self.seen.by}` refuses: {self.seen.refused}"
        return "right rows" + (f"; `status` says: {', '.join(self.seen.told)}" if self.seen.told else "")


@contextlib.contextmanager
def plain_ground(folder: Path) -> Iterator[Ground]:
    """An embedded PostgreSQL and an embedded Valkey."""
    with (
        embedded_postgres_server(folder / "postgresql" / "data") as postgres,
        embedded_valkey_server(folder / "valkey") as valkey,
    ):
        yield Ground(postgres.url, valkey.url, postgres.url, valkey.url)


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A temporary folder that servers of other users may pass through."""
    with tempfile.TemporaryDirectory(prefix="flowledger-surroundings-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def reference(ground: Ground, folder: Path) -> Rows:
    """The rows where nothing is set; raises Broken if even these cannot be had."""
    with fresh_database(ground) as fresh:
        seen = try_out(fresh, folder)
    if seen.rows is None or not all(seen.rows[name] for name in ("events", "dead_letters", "tasks", "task_logs")):
        raise Broken(f"the plain servers: {seen}")
    return seen.rows


def verdict(setting: Setting, ground: Ground, folder: Path, right: Rows) -> Verdict:
    """Tries one setting."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with admin_of(ground) as client:
        client.flushall()
    try:
        with setting.change(ground, folder) as changed:
            seen = try_out(changed, folder)
    except pytest.skip.Exception as skipped:
        return Verdict(setting, skipped=str(skipped))
    except Exception as error:  # a row that fails must not hide the others
        return Verdict(setting, wrong=f"{type(error).__name__}: {error}")
    return Verdict(setting, seen, wrong=_wrong(setting, seen, right))


def _wrong(setting: Setting, seen: Seen, right: Rows) -> str:
    if setting.wanted is Wanted.REFUSED:
        return (
            ""
            if seen.refused and setting.said in seen.refused
            else f"not refused for {setting.said!r}: {seen.refused!r}"
        )
    if seen.rows is None:
        return f"{seen.by} refuses: {seen.refused}"
    if seen.rows != right:
        return f"other rows in {', '.join(name for name in right if right[name] != seen.rows[name])}"
    if setting.wanted is Wanted.TOLD and not any(setting.said in told for told in seen.told):
        return f"status does not say {setting.said!r}: {seen.told}"
    return f"status says: {seen.told}" if setting.wanted is Wanted.ROWS and seen.told else ""
