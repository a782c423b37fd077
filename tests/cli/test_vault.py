"""`flowledger vault …`: values from standard input or a hidden prompt, keys, rotation, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from flowledger.domain.vault_keys import VaultKeyFile
from flowledger.services.vault import Vault
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Run
from tests.cli.terminal import at_a_terminal
from tests.services.test_vault import lines


@pytest.fixture
def key_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """The key file that the settings name, with one key."""
    path = tmp_path / "vault-keys.json"
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(path))
    assert run("vault", "key").code == 0
    return path


def test_a_secret_is_set_read_listed_and_deleted(run: Run, key_path: Path, storage: Storage) -> None:
    assert run("vault", "set", "A", "--by", "ops", input=b"canary\n") == (0, "A: kept\n", "")
    assert run("vault", "get", "A", "--yes", "--by", "ops") == (0, "canary", "")
    assert run("vault", "get", "A", "--yes", "--json", "--by", "ops").json == {"name": "A", "value": "canary"}
    listed = run("vault", "list", "--json").json
    assert [(one["name"], one["key_version"]) for one in listed["secrets"]] == [("A", 1)]
    assert listed["next"] is None
    shown = run("vault", "list")
    assert "A" in shown.out
    assert "canary" not in shown.out
    assert run("vault", "delete", "A", "--by", "ops") == (0, "A: deleted\n", "")
    gone = run("vault", "get", "A", "--yes")
    assert (gone.code, gone.out) == (1, "")
    assert gone.err == "error: the vault has no secret 'A'; see `flowledger vault list`\n"
    assert run("vault", "delete", "A").code == 1
    assert [(action, details["by"]) for action, *_, details in lines(storage)] == [
        ("secret.set", "ops"), ("secret.read", "ops"), ("secret.read", "ops"), ("secret.deleted", "ops")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "options", "kept"),
    [
        (b"a\n", (), b"a"), (b"a\r\n", (), b"a"), (b"a\n\n", (), b"a\n"), (b"a", (), b"a"),
        (b"\n", ("--exact",), b"\n"),
        (b"\x00\xff\n", (), b"\x00\xff"), (b"a\n", ("--exact",), b"a\n"),
    ],
)  # fmt: skip
def test_one_line_end_is_not_a_part_of_the_value(
    run: Run, key_path: Path, storage: Storage, given: bytes, options: tuple[str, ...], kept: bytes
) -> None:
    assert run("vault", "set", "A", *options, input=given).code == 0
    assert Vault(storage, VaultKeyFile(key_path)).get("A").get_secret_value() == kept


def test_bytes_that_are_no_text_are_base64_in_json(run: Run, key_path: Path) -> None:
    run("vault", "set", "A", input=b"\xff\x00")
    assert run("vault", "get", "A", "--yes", "--json").json == {"name": "A", "base64": "/wA="}


@pytest.mark.parametrize("given", [b"", b"\n"])
def test_nothing_is_no_secret(run: Run, key_path: Path, given: bytes) -> None:
    ended = run("vault", "set", "A", input=given)
    assert (ended.code, ended.out) == (1, "")
    assert "1 to 65,536 bytes" in ended.err


def test_without_a_terminal_get_needs_yes(run: Run, key_path: Path) -> None:
    run("vault", "set", "A", input=b"canary")
    ended = run("vault", "get", "A")
    assert (ended.code, ended.out) == (2, "")
    assert "--yes" in ended.err


def test_a_value_is_no_argument(run: Run, key_path: Path) -> None:
    ended = run("vault", "set", "A", "value", input=b"canary")
    assert ended.code == 2
    assert run("vault", "list", "--json").json["secrets"] == []


def test_a_long_list_is_a_page(run: Run, key_path: Path) -> None:
    for name in "abc":
        run("vault", "set", name, input=b"x")
    first = run("vault", "list", "--limit", "2", "--json").json
    rest = run("vault", "list", "--after", first["next"], "--json").json
    assert [one["name"] for one in first["secrets"] + rest["secrets"]] == ["a", "b", "c"]
    assert f"--after {first['next']}" in run("vault", "list", "--limit", "2").out


def test_the_values_are_sealed_anew_with_another_key(run: Run, key_path: Path, storage: Storage) -> None:
    for name in "abc":
        run("vault", "set", name, input=name.encode() * 3)
    made = run("vault", "key", "--json").json
    assert made == {"file": str(key_path), "current": 2, "versions": [1, 2]}
    refused = run("vault", "key", "--retire", "1")
    assert (refused.code, "3 are sealed with the key of version 1" in refused.err) == (1, True)
    assert run("vault", "rotate") == (0, "3 sealed anew with the key of version 2\n", "")
    assert run("vault", "rotate", "--json").json == {"key_version": 2, "resealed": 0, "left": 0, "failed": []}
    assert run("vault", "key", "--retire", "1").code == 0
    assert list(json.loads(key_path.read_text())["keys"]) == ["2"]
    assert run("vault", "get", "b", "--yes").out == "bbb"


def test_what_cannot_be_sealed_anew_is_named(run: Run, key_path: Path, storage: Storage) -> None:
    run("vault", "set", "a", input=b"x")
    key_path.unlink()
    run("vault", "key")
    run("vault", "key")
    ended = run("vault", "rotate")
    assert ended.code == 1
    assert "'a' of secrets cannot be opened" in ended.out
    assert "1 are left with another key" in ended.out


def test_a_key_can_be_made_before_it_is_used(run: Run, key_path: Path) -> None:
    assert "version 1 is used" in run("vault", "key", "--later").out
    assert VaultKeyFile(key_path).current() == 1
    assert run("vault", "key", "--use", "2").code == 0
    assert VaultKeyFile(key_path).current() == 2
    assert run("vault", "key", "--use", "9").code == 1
    assert run("vault", "key", "--retire", "2").code == 1, "it is used"
    assert run("vault", "key", "--retire", "1", "--later").code == 2


@pytest.mark.parametrize("command", [("set", "A"), ("get", "A", "--yes"), ("rotate",), ("key",)])
def test_without_the_setting_or_the_file_the_command_says_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    ended = run("vault", *command, input=b"x")
    assert (ended.code, "LEDGER_VAULT_KEY_FILE is not set" in ended.err) == (1, True)
    monkeypatch.setenv("LEDGER_VAULT_KEY_FILE", str(tmp_path / "none.json"))
    ended = run("vault", *command, input=b"x")
    assert ended.code == (0 if command == ("key",) else 1)
    assert ended.code == 0 or "flowledger vault key" in ended.err


def test_at_a_terminal_it_asks_and_shows_nothing_of_what_is_typed(run: Run, key_path: Path) -> None:
    run("vault", "list")  # the servers are in the environment now
    code, shown = at_a_terminal(
        "vault", "set", "A", question="The secret A: ", answer="canary", more=[("Once more: ", "canary")]
    )
    assert (code, "canary" in shown) == (0, False)
    code, shown = at_a_terminal("vault", "get", "A", question="[y/N]: ", answer="n")
    assert (code, "canary" in shown) == (1, False)
    code, shown = at_a_terminal("vault", "get", "A", question="[y/N]: ", answer="y")
    assert (code, shown.endswith("canary\n")) == (0, True)


def test_no_row_is_left_of_what_was_never_kept(run: Run, key_path: Path, storage: Storage) -> None:
    run("vault", "set", "A", input=b"x" * 70_000)
    with storage.reading() as connection:
        assert connection.execute(select(tables.secrets)).all() == []
        assert connection.execute(delete(tables.secrets)).rowcount == 0
    assert lines(storage) == []
