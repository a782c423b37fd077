"""`redeliver` as a person uses it, after Redis has lost its data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.cli.calling import Flowledger
from tests.workers.office import Office, message


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here: what the command does is tested on both."""
    return sqlite_url


@pytest.fixture
def office(settings: Settings, storage: Storage, redis_url: str) -> Iterator[Office]:
    """With inboxes that had two messages for bob and one for carol, before Redis lost its data."""
    with closing(redis.Redis.from_url(redis_url, protocol=2)) as client:
        office = Office(settings, client, storage)
        office.publish(message("m1", "bob", "carol"), message("m2", "bob"))
        office.drain()
        office.client.flushdb()
        yield office


@pytest.fixture
def run(
    office: Office, flowledger: Flowledger, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Flowledger:
    """Runs `flowledger …` against the test's own servers."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("LEDGER_HOME", str(tmp_path / "home"))
    return flowledger


def test_it_says_what_it_put_and_that_the_rest_is_there(run: Flowledger, office: Office) -> None:
    done = run("redeliver")
    assert (done.code, done.out, done.err) == (0, "messages: 3 put into their inboxes again\n", "")
    assert (office.ids("bob"), office.ids("carol")) == (["m1", "m2"], ["m1"])
    assert run("redeliver").out == "messages: 3 there already, or acknowledged\n"


def test_it_reports_as_json_for_one_sandbox(run: Flowledger, office: Office) -> None:
    counts = {"put": 2, "kept": 0, "expired": 0, "no_room": 0, "others": 0, "gone": 0}
    assert run("redeliver", "--sandbox", "bob", "--dry-run", "--json").json == {"dry_run": True} | counts
    assert office.ids("bob") == []
    assert run("redeliver", "--sandbox", "bob", "--json").json == {"dry_run": False} | counts
    assert (office.ids("bob"), office.ids("carol")) == (["m1", "m2"], [])


def test_it_is_done_in_part_where_an_inbox_has_no_room(
    run: Flowledger, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_INBOX_MESSAGES", "1")
    tried = run("redeliver", "--dry-run")
    assert (tried.code, tried.out.splitlines()[0]) == (
        1,
        "messages: 2 would be put into their inboxes again, 1 without room",
    )
    done = run("redeliver")
    assert done.code == 1
    assert done.out.splitlines() == [
        "messages: 2 put into their inboxes again, 1 without room",
        "once the inboxes have room, run `flowledger redeliver` again for those without",
    ]


def test_where_nothing_is_to_do_it_says_so(run: Flowledger) -> None:
    done = run("redeliver", "--sandbox", "nobody")
    assert (done.code, done.out) == (0, "there is no message to put again\n")


def test_an_inbox_that_cannot_be_used_is_told(run: Flowledger, office: Office) -> None:
    office.client.set("ledger:inbox:bob", "of another type")
    done = run("redeliver")
    assert (done.code, done.out.splitlines()[0]) == (1, "messages: 1 put into their inboxes again, 2 without room")
    assert "error: the inbox of 'bob' cannot be used" in done.err


def test_where_signatures_are_required_it_needs_the_keys(
    run: Flowledger, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_SIGNATURES", "required")
    done = run("redeliver")
    assert (done.code, "LEDGER_KEY_FILE" in done.err) == (1, True)
    assert office.ids("bob") == []
