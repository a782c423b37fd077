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

from flowledger.cli.main import main
from tests.cli.acl_servers import PASSWORD, SERVERS, Server, started
from tests.cli.calling import Ended, Flowledger


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
