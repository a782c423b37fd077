"""`flowledger acl ROLE`: what is printed, and that servers read it. What the users may do: `test_acl_roles`."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import redis

from flowledger.domain import streams
from tests.cli.acl_servers import PASSWORD, SERVERS, Server, is_refused, started
from tests.cli.calling import Flowledger


def test_a_user_without_a_password_is_off(flowledger: Flowledger) -> None:
    ended = flowledger("acl", "producer")
    assert ended.code == 0
    assert ended.out.startswith("user flowledger-producer off -@all ")
    assert ended.err == "note: without a password this user is off; give --password-file FILE, or - and a pipe\n"
    assert "#" not in ended.out
    assert "nopass" not in ended.out


@pytest.mark.parametrize("written", [b"hunter2", b"hunter2\n", b"hunter2\r\n"])
def test_only_the_hash_of_a_password_is_written(flowledger: Flowledger, tmp_path: Path, written: bytes) -> None:
    (tmp_path / "password").write_bytes(written)
    for ended in (
        flowledger("acl", "producer", "--password-file", str(tmp_path / "password"), "--name", "jo"),
        flowledger("acl", "producer", "--password-file", "-", "--name", "jo", input=written),
    ):
        assert ended.out.startswith(f"user jo on #{hashlib.sha256(b'hunter2').hexdigest()} -@all ")
        assert "hunter2" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("agent",), 2, "an agent needs the id of its sandbox"),
        (("producer", "--sandbox", "sb_1"), 2, "a producer has no mailbox"),
        (("agent", "--sandbox", ""), 2, "an id is not empty"),
        (("agent", "--sandbox", "a\udcff"), 2, "this is not UTF-8"),
        (("agent", "--sandbox", "a b"), 2, "Redis has no access rule for an id with blanks"),
        (("agent", "--sandbox", "a\nb"), 2, "Redis has no access rule for an id with blanks"),
        (("producer", "--name", "default"), 2, "a user of Redis cannot be called 'default'"),
        (("producer", "--name", "a b"), 2, "a user of Redis cannot be called 'a b'"),
        (("nobody",), 2, "'nobody' is not one of"),
        (("producer", "--password-file", "/dev/null"), 1, "there is no password in /dev/null"),
        (("producer", "--password-file", "-"), 1, "there is no password in standard input"),
        (("producer", "--password-file", "/nowhere"), 1, "cannot be read from /nowhere: No such file"),
    ],
)
def test_what_makes_no_rule_is_said(flowledger: Flowledger, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended = flowledger("acl", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert words in " ".join(ended.err.split())


def test_the_channels_of_celery_are_those_of_the_database_in_the_url(
    flowledger: Flowledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://host:6379/3")
    assert " &/3.celery.pidbox " in flowledger("acl", "worker").out


@pytest.mark.parametrize("program", [name for name, path in SERVERS.items() if path])
def test_a_server_takes_the_lines_as_its_aclfile(flowledger: Flowledger, tmp_path: Path, program: str) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    given = ("--password-file", str(tmp_path / "password"))
    roles = [("producer",), ("agent", "--sandbox", "a*\\\"')"), ("worker",), ("reader",)]
    lines = [flowledger("acl", *role, *given).out for role in roles]
    (tmp_path / "users.acl").write_text("user default off\n" + "".join(lines))
    with started(SERVERS[program], tmp_path, "--aclfile", str(tmp_path / "users.acl")) as url:
        for role in ("producer", "agent-a*\\\"')", "worker", "reader"):
            with closing(redis.Redis.from_url(url, username=f"flowledger-{role}", password=PASSWORD)) as client:
                assert client.ping()
                assert is_refused(client, "FLUSHALL")
        with closing(redis.Redis.from_url(url)) as anybody, pytest.raises(redis.AuthenticationError):
            anybody.ping()


@pytest.mark.skipif(shutil.which("redis-cli") is None, reason="there is no redis-cli on this machine")
def test_redis_cli_takes_the_commands(server: Server, flowledger: Flowledger) -> None:
    """A user of this name, whatever it might do before, may do then what its role needs."""
    sandbox = "a*[\\\"'é)\u2028\x85\x01"
    name = "flowledger-agent-" + sandbox
    server.admin.execute_command("ACL", "SETUSER", name, "on", "nopass", "+@all", "~*", "&*")
    ended = flowledger(
        "acl", "agent", "--sandbox", sandbox, "--format", "commands", "--password-file", str(server.password_file)
    )
    done = subprocess.run(
        ["redis-cli", "-u", server.url], input=ended.out.encode(), capture_output=True, check=False, timeout=30
    )
    assert done.stdout == b"OK\n", (done.stdout, done.stderr, ended.out)
    with closing(redis.Redis.from_url(server.url, username=name, password=PASSWORD)) as client:
        assert not is_refused(client, "XRANGE", streams.inbox(sandbox), "-", "+")
        assert is_refused(client, "XRANGE", streams.inbox("a*"), "-", "+")
        assert is_refused(client, "FLUSHALL")
        assert not is_refused(client, "XADD", streams.stream(1), "*", "event", "x")
