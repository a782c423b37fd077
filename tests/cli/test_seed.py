"""`flowledger seed`, as a person uses it."""

from __future__ import annotations

import pytest

from flowledger.services.seed import AGENTS
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.cli.calling import Run
from tests.storage.recording import record


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; the service itself is tested on both."""
    return sqlite_url


def test_it_tells_what_it_made_and_that_all_was_there(run: Run) -> None:
    done = run("seed", "--admin", "ada@example.org")
    assert done.code == 0
    assert all(str(agent.name) in done.out for agent in AGENTS)
    assert done.out.count(" made\n") + done.out.count(" made ") >= 11
    assert "set a password: flowledger users password usr_" in done.out
    again = run("seed", "--admin", "ada@example.org")
    assert again.code == 0
    assert "all of it was there already; nothing was changed" in again.out
    assert "set a password" not in again.out


def test_as_json(run: Run) -> None:
    found = run("seed", "--json").json
    assert [one["name"] for one in found["agents"]] == [agent.name for agent in AGENTS]
    assert found["admin"] is None
    assert all(one["made"] for one in found["agents"])
    again = run("seed", "--admin", "a@b", "--json").json
    assert not any(one["made"] for one in again["agents"])
    assert again["admin"] == {"id": again["admin"]["id"], "name": "a@b", "made": True, "role": "admin"}


def test_a_user_with_another_role_is_told(run: Run, storage: Storage) -> None:
    record(storage, event("user.created", subject="usr_ada", email="ada@example.org", role="viewer"))
    assert "has the role viewer; it was not changed" in run("seed", "--admin", "ada@example.org").out


def test_what_is_no_address_is_an_error(run: Run) -> None:
    done = run("seed", "--admin", "nobody")
    assert (done.code, done.out) == (1, "")
    assert "e-mail address" in done.err
