"""What commands say of a database that is away, not there, or not at the newest schema."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import pytest

from flowledger.cli.databases import to_migrate
from flowledger.domain.errors import DatabaseDenied, DatabaseUnfit
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run

AWAY: Final = "postgresql://u:canary@127.0.0.1:1/x"
COMMANDS: Final = (
    ("import", "FILE"),
    ("list", "tasks"),
    ("why", "t1"),
    ("verify",),
    ("gaps",),
    ("members",),
    ("maintain", "--once"),
    ("hold", "list"),
    ("vault", "list"),
    ("erase", "t1", "--dry-run"),
    ("tail",),
    ("adopt",),
)
"""Commands that need a database, and take `--database`."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def _words(command: tuple[str, ...], tmp_path: Path) -> list[str]:
    file = tmp_path / "events.jsonl"
    file.write_bytes(raw("task.created"))
    return [str(file) if word == "FILE" else word for word in command]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_away_is_said_to_be_the_database(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*_words(command, tmp_path), "--database", AWAY)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: the database does not answer: ")
    assert done.err.endswith("Connection refused\n")
    assert done.err.count("\n") == 1
    assert "canary" not in done.err


@pytest.mark.parametrize(
    ("error", "told"), [(DatabaseDenied("permission denied"), "permission denied"), (DatabaseUnfit("SQL"), "SQL")]
)
def test_a_database_that_answers_and_refuses_is_not_said_to_be_away(
    run: Run, storage: Storage, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def refuse(_: object) -> None:
        raise error

    monkeypatch.setattr(Storage, "reading", refuse)
    done = run("hold", "list")
    assert (done.code, done.err) == (1, f"error: {told}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_that_is_not_there_is_not_made(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "a folder" / "none.db"
    file.parent.mkdir()
    url = f"sqlite:///{file}"
    done = run(*_words(command, tmp_path), "--database", url)
    migrate = f"`flowledger migrate --database {shlex.quote(url)}`"
    told = f"error: there is no database {file}: name another, or make it by {migrate}\n"
    assert (done.code, done.out, done.err) == (1, "", told)
    assert [*file.parent.iterdir()] == []


def test_of_the_environment_as_well(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    for command in ("show", "t1"), ("status",), ("top", "--once"), ("vault", "list"), ("dead-letters", "list"):
        done = run(*command, DATABASE_URL=f"sqlite:///{file}")
        told = f"error: there is no database {file}: name another, or make it by `flowledger migrate`\n"
        assert (done.code, done.err, file.exists()) == (1, told, False)
    assert run("env", DATABASE_URL=f"sqlite:///{file}").code == 0
    assert not file.exists()
    assert run("migrate", DATABASE_URL=f"sqlite:///{file}").code == 0
    assert run("list", "tasks", DATABASE_URL=f"sqlite:///{file}").code == 0


def test_the_advice_to_migrate_names_the_same_database(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    file.touch()
    url = f"sqlite:///{file}"
    old = run("verify", "--database", url)
    assert old.err == f"error: the database is not at the newest schema: run `flowledger migrate --database {url}`\n"
    assert run("migrate", "--database", url).code == 0
    assert run("verify", "--database", url).code == 0


def test_the_advice_to_migrate_tells_no_secret() -> None:
    assert to_migrate(None) == "`flowledger migrate`"
    assert to_migrate("postgresql://u@h/x") == "`flowledger migrate --database postgresql://u@h/x`"
    for url in ("postgresql://u:canary@h/x", "postgresql://u@h/x?password=canary", "postgresql://h/x?user=u:canary"):
        assert to_migrate(url) == "`flowledger migrate` with the same --database"
