"""`flowledger …`, called; and the servers of users by `flowledger acl`."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from flowledger.cli import screen
from flowledger.cli.main import main
from flowledger.domain.settings import Settings
from tests.cli import letters as letter_calls
from tests.cli.acl_servers import PASSWORD, SERVERS, Server, started
from tests.cli.calling import Ended, Flowledger, Run


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console reads COLUMNS when it is made, and would keep what it found there: let it read COLUMNS each time."""
    for console in (screen.out, screen.err):
        monkeypatch.setattr(console, "_width", None)


@pytest.fixture
def flowledger(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Flowledger:
    """Runs `flowledger …` in this process, with the environment's settings."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, input: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["flowledger", *arguments])
        code = 0
        with tempfile.TemporaryFile() as stdin:
            stdin.write(input)
            stdin.seek(0)
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ended(code, *capfd.readouterr())

    return run


@pytest.fixture
def run(flowledger: Flowledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `flowledger …` against the test's own servers."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    servers = {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "DATABASE_URL": settings.database_url.get_secret_value(),
    }
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))

    def run(*arguments: str, input: bytes = b"", **other_servers: str | None) -> Ended:
        for name, value in (servers | other_servers).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        return flowledger(*arguments, input=input)

    return run


@pytest.fixture
def letters(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> letter_calls.Run:
    """Runs `flowledger dead-letters …`, with an editor that runs a line of shell, where one is given."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("VISUAL", raising=False)

    def run(*arguments: str, input: bytes = b"", editor: str = "false") -> letter_calls.Ended:
        script = settings.home.parent / "editor.sh"
        script.write_text(f"#!/bin/sh\n{editor}\n")
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", str(script))
        monkeypatch.setattr(sys, "argv", ["flowledger", "dead-letters", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input)))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capfdbinary.readouterr()
        return letter_calls.Ended(code, out, err.decode())

    return run


@pytest.fixture(scope="module", params=["valkey", "redis"])
def server_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the module's own, without a disk; its default user may do everything."""
    if not SERVERS[request.param]:
        pytest.skip("there is no redis-server on this machine")
    with started(SERVERS[request.param], tmp_path_factory.mktemp(request.param)) as url:
        yield url


@pytest.fixture
def server(server_url: str, flowledger: Flowledger, tmp_path: Path) -> Iterator[Server]:
    """The same, empty and without other users."""
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with closing(redis.Redis.from_url(server_url, protocol=2)) as admin:
        yield Server(server_url, admin, flowledger, tmp_path / "password")
        for name in admin.acl_users():
            user = name if isinstance(name, str) else name.decode()
            if user != "default":
                admin.acl_deluser(user)
        admin.acl_log_reset()
        admin.flushall()
