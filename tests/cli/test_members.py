"""`flowledger members`: who belongs to which workspace, and whom nobody with the right to do so has let in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowledger.cli import processes
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers import members as looking
from tests.builders import event, raw
from tests.cli.calling import Flowledger
from tests.signing import key_file, signed
from tests.storage.recording import record


@pytest.fixture(autouse=True)
def _servers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, processes.environment(settings)[name])


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = key_file(tmp_path / "keys.json")
    monkeypatch.setenv("LEDGER_KEY_FILE", str(path))
    return path


def joins(sandbox: str, workspace: str = "ws_1", **arguments: Any) -> dict[str, Any]:
    given = {"id": f"{sandbox} joins", "source": "/platform", "subject": sandbox, "workspace_id": workspace}
    return event("sandbox.created", **given | arguments)


@pytest.fixture
def _members(storage: Storage) -> None:
    """What was recorded before signatures were required."""
    record(
        storage,
        signed(joins("sb_1"), "ws_1"),
        signed(joins("sb_2"), "/registrar"),
        joins("sb_3", attributes={"sequence": "99"}),
        signed(joins("sb_4"), "sb_2"),
        joins("sb_5", "ws_2"),
        signed(joins("sb_6", "ws_2"), "ws_1"),
        raw("sandbox.created", subject="sb_7", name="of none"),
        raw("sandbox.updated", subject="sb_1", name="a later name"),
    )


@pytest.mark.usefixtures("_members", "keys")
def test_those_are_named_whom_no_key_has_let_in(flowledger: Flowledger) -> None:
    ended = flowledger("members", "--unsigned", "--json")
    assert ended.code == 1
    assert [(one["workspace_id"], one["sandbox_id"]) for one in ended.json["members"]] == [
        ("ws_1", "sb_3"),
        ("ws_1", "sb_4"),
        ("ws_2", "sb_5"),
        ("ws_2", "sb_6"),
    ]
    assert ended.json["unsigned"] == 4
    assert ended.json["members"][0] == {
        "workspace_id": "ws_1",
        "sandbox_id": "sb_3",
        "source": "/platform",
        "event_id": "sb_3 joins",
        "sequence": "99",
        "signed": False,
        "detail": "signature: is missing: this sandbox.created must be signed with a key of 'ws_1' or '/registrar'",
    }
    ended = flowledger("members", "ws_2", "--unsigned")
    assert ended.code == 1
    assert "sb_5" in ended.out
    assert "sb_3" not in ended.out


@pytest.mark.usefixtures("_members", "keys")
def test_all_members_are_listed(flowledger: Flowledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "_AT_ONCE", 2)
    ended = flowledger("members", "--json")
    assert (ended.code, ended.json["unsigned"]) == (0, 4)
    assert [(one["sandbox_id"], one["signed"]) for one in ended.json["members"]] == [
        ("sb_1", True), ("sb_2", True), ("sb_3", False), ("sb_4", False), ("sb_5", False), ("sb_6", False),
    ]  # fmt: skip
    assert [one["sandbox_id"] for one in flowledger("members", "ws_2", "--json").json["members"]] == ["sb_5", "sb_6"]


@pytest.mark.usefixtures("keys")
def test_who_is_let_in_by_the_registrar_is_named_no_more(flowledger: Flowledger, storage: Storage) -> None:
    record(storage, joins("sb_3", attributes={"sequence": "99"}))
    assert flowledger("members", "--unsigned").code == 1
    again = event("sandbox.updated", id="2", source="/registrar", subject="sb_3", workspace_id="ws_1")
    record(storage, signed(again | {"sequence": "100"}, "/registrar"), start=2)
    ended = flowledger("members", "--unsigned")
    assert (ended.code, ended.out) == (0, "every member was let in by a key with the right to do so\n")


@pytest.mark.usefixtures("_members")
def test_without_keys_nothing_is_said_of_signatures(flowledger: Flowledger) -> None:
    assert {one["signed"] for one in flowledger("members", "--json").json["members"]} == {None}
    ended = flowledger("members", "--unsigned")
    assert (ended.code, ended.err) == (
        1,
        "error: LEDGER_KEY_FILE is not set: it names the file with the keys to look by\n",
    )


def test_no_members_are_none(flowledger: Flowledger) -> None:
    assert flowledger("members").out == "no sandbox is in a workspace\n"
