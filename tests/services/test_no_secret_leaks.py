"""A secret, a password and a token through every path, then a search for them in whatever was left behind."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, make_url, text

from flowledger.cli import processes
from flowledger.domain.errors import LedgerError
from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import VaultKeyFile
from flowledger.services.users import Users
from flowledger.services.vault import Credentials, Vault, rotate
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.cli.calling import Run
from tests.cli.conftest import flowledger, run
from tests.services.conftest import Clock, CountingHasher, add_key
from tests.services.signing_in import EMAIL
from tests.storage import recording
from tests.waiting import wait_until

__all__ = ["flowledger", "run"]

CANARY = "canary-5f0c2d-value"
OTHER = "canary-77aa01-wrong"
TYPED = "canary-11bb22-typed"
"""A password in the field of the e-mail: it is looked up, so it is a value of a statement, and nothing else."""


class Searched:
    """Texts in which no canary may be: as it is, in hexadecimal digits, in base64."""

    def __init__(self, *canaries: str) -> None:
        self.canaries = canaries
        self.found: list[tuple[str, str]] = []

    def look(self, where: str, text_: str | bytes) -> None:
        raw = text_.encode("utf-8", "surrogatepass") if isinstance(text_, str) else text_
        for canary in self.canaries:
            for form in (canary.encode(), canary.encode().hex().encode(), canary.encode("utf-16-le")):
                if form in raw:
                    self.found.append((where, canary))


def rows_as_text(engine: Engine) -> Iterator[tuple[str, str]]:
    """All rows of all tables as the database writes them."""
    with engine.connect() as connection:
        for table in _tables(engine):
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):
                yield table, repr([bytes(value) if isinstance(value, memoryview) else value for value in row])


def _tables(engine: Engine) -> list[str]:
    """All tables but the indexes of SQLite's full text, which hold their words in tables of their own."""
    names = inspect(engine).get_table_names()
    return [name for name in names if f"{name}_data" not in names]


def refused(act: Callable[[], object]) -> str:
    """Return all that an error shows, with those it came of."""
    try:
        act()
    except LedgerError as error:
        return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    raise AssertionError("it was not refused")


def acts(storage: Storage, key_path: Path, clock: Clock) -> tuple[str, list[str]]:
    """Do all there is to do. Return the token of a session, and what the errors on the way showed."""
    keys = VaultKeyFile(key_path)
    vault, credentials = Vault(storage, keys), Credentials(storage, keys)
    users = Users(storage, hasher=CountingHasher(), clock=clock)
    shown = []
    recording.record(storage, event("user.created", subject="usr_1", email=EMAIL))
    vault.set("A", OTHER, by="ops")
    vault.set("A", CANARY, by="ops")
    id_ = credentials.add("usr_1", "github", "work", CANARY, by="ops")
    vault.get("A", by="ops"), credentials.get(id_, by="ops")
    add_key(key_path)
    rotate(storage, keys, by="ops")
    users.set_password("usr_1", CANARY, by="ops")
    token = users.sign_in(EMAIL, CANARY, address="192.0.2.1").token.get_secret_value()
    users.session_of(token)
    shown += [refused(lambda: users.sign_in(EMAIL, OTHER)) for _ in range(7)]
    shown.append(refused(lambda: users.sign_in(TYPED, OTHER)))
    shown.append(refused(lambda: vault.set("A", CANARY * 9999, by="ops")))
    shown.append(refused(lambda: vault.set("", CANARY, by="ops")))
    shown.append(refused(lambda: users.set_password("usr_9", CANARY, by="ops")))
    shown.append(refused(lambda: users.set_password("usr_1", CANARY * 999, by="ops")))
    recording.by_hand(storage, text("UPDATE secrets SET sealed = nonce"))
    shown.append(refused(lambda: vault.get("A", by="ops")))
    vault.set("A", CANARY, by="ops")
    recording.by_hand(storage, text("ALTER TABLE audit_logs RENAME TO gone"))
    shown.append(refused(lambda: vault.set("B", CANARY, by="ops")))
    shown.append(refused(lambda: users.set_password("usr_1", OTHER, by="ops")))
    recording.by_hand(storage, text("ALTER TABLE gone RENAME TO audit_logs"))
    return token, shown


def test_nothing_is_left_behind(
    database_url: str, key_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy.engine")
    with Storage(make_engine(Settings.load(database_url=database_url))) as storage:
        token, shown = acts(storage, key_path, clock)
        searched = Searched(CANARY, OTHER, TYPED, token, token.removeprefix("fls_"))
        for table, row in rows_as_text(storage.engine):
            searched.look(table, row)
        if storage.engine.dialect.name == "sqlite":
            for file in Path(str(make_url(database_url).database)).parent.iterdir():
                searched.look(file.name, file.read_bytes())
    assert "INSERT INTO secrets" in caplog.text, "the logs hold all statements with their values"
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("flowledger")]
    searched.look("our logs", "\n".join(ours))
    searched.look("all logs", caplog.text.replace(TYPED, ""))
    for words in shown:
        searched.look("errors", words)
    assert searched.found == []


def test_a_canary_would_be_found(storage: Storage) -> None:
    """The search itself can fail."""
    recording.record(storage, event("task.created", subject="t", name=CANARY))
    searched = Searched(CANARY)
    for table, row in rows_as_text(storage.engine):
        searched.look(table, row)
    assert {re.sub("_[0-9]{8}$", "", table) for table, _ in searched.found} == {"event_texts", "tasks"}
    searched.look("hex", repr(CANARY.encode().hex()))
    assert searched.found[-1] == ("hex", CANARY)


def test_commands_show_a_secret_only_when_it_is_asked_for(
    run: Run, key_path: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(key_path))
    recording.record(storage, event("user.created", subject="usr_1", email=EMAIL))
    ends = [run("vault", "set", "A", input=CANARY.encode()), run("users", "password", "usr_1", input=CANARY.encode())]
    add_key(key_path)
    quiet = ["vault list", "vault rotate", "users sessions usr_1", "show usr_1", "show A", "vault delete A", "verify"]
    for command in quiet:
        ends += [run(*command.split()), run(*command.split(), "--json")]
    ends += [run("vault", "set", "A", CANARY, input=b"x"), run("vault", "get", "A")]
    searched = Searched(CANARY, "argon2id")
    for end in ends[:-2]:
        searched.look("commands", end.out + end.err)
    assert searched.found == []
    assert [end.code for end in ends[-2:]] == [2, 2]


def test_arguments_and_environment_of_a_command_hold_no_secret(
    settings: Settings, key_path: Path, storage: Storage
) -> None:
    environment = processes.environment(settings) | {"LEDGER_VAULT_KEY_FILE": str(key_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "flowledger.cli.main", "vault", "set", "A"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(CANARY.encode())
    process.stdin.flush()
    folder = Path(f"/proc/{process.pid}")
    wait_until(lambda: b"vault" in (folder / "cmdline").read_bytes())
    searched = Searched(CANARY)
    for name in ("cmdline", "environ"):
        searched.look(name, (folder / name).read_bytes())
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert searched.found == []
    assert Vault(storage, VaultKeyFile(key_path)).get("A").get_secret_value() == CANARY.encode()
