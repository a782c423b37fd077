"""`erase` as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import redis
from sqlalchemy import update

from flowledger.cli import screen
from flowledger.domain import streams
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.domain.times import now
from flowledger.services.erasing import eraser as erasing
from flowledger.services.erasing import written
from flowledger.services.erasing.eraser import Eraser
from flowledger.storage import tables
from flowledger.storage.retention import horizons
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect, impatient
from flowledger.workers.post import PostOffice
from tests.builders import raw
from tests.cli.calling import Flowledger
from tests.proxy import Proxy
from tests.storage.recording import by_hand, count, record

START: Final = datetime(2026, 1, 26, tzinfo=UTC)
AWAY: Final = "the database does not answer: it is gone"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here: what the command does is tested on both."""
    return sqlite_url


@pytest.fixture
def run(
    storage: Storage, flowledger: Flowledger, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flowledger]:
    """Runs `flowledger …` against the test's own servers, with an execution and its task."""
    assert settings.redis_url is not None
    assert settings.database_url is not None
    monkeypatch.setenv("REDIS_URL", settings.redis_url.get_secret_value())
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    record(storage, raw("execution.created", subject="e"), raw("task.created", subject="t", execution_id="e"))
    with closing(redis.Redis.from_url(settings.redis_url.get_secret_value())):
        yield flowledger


def test_it_says_what_would_go_asks_erases_and_tells_so(run: Flowledger, storage: Storage) -> None:
    tried = run("erase", "e", "--dry-run")
    assert (tried.code, tried.err) == (0, "")
    assert tried.out == "e goes with 2 subjects, 2 texts of events, 1 rows of tasks, 1 rows of executions\n"
    refused = run("erase", "e", "--why", "asked for")
    assert refused.code == 1
    assert "--yes erases without a question; nothing was erased" in refused.err
    assert count(storage, "erasures") == 0
    done = run("erase", "e", "--why", "asked for", "--by", "jo", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("erased: 2 subjects, 2 texts of events, 2 rows\n")
    shown = run("show", "e")
    assert shown.code == 1
    assert "nothing is left of 'e': erased at 20" in shown.err
    assert "by jo: asked for" in shown.err
    assert run("show", "t", "--json").json["erased"]["erased_with"] == "e"
    assert "erased with e at" in run("why", "t").err
    verified = run("verify", "--json")
    assert (verified.code, verified.json["gone"]) == (0, {"events": 2, "subjects": 2, "erased": 2})


def test_wrong_use_and_what_is_not_known(run: Flowledger, storage: Storage) -> None:
    assert run("erase", "e", "--yes").code == 2
    unknown = run("erase", "nobody", "--why", "x", "--yes")
    assert (unknown.code, "nothing is known of nobody; nothing was erased" in unknown.err) == (1, True)
    by_hand(storage, tables.held.insert().values(subject="t"))
    held = run("erase", "e", "--why", "x", "--yes")
    assert (held.code, "held: t (of e)" in held.err) == (1, True)
    assert "held, so it would be refused: t" in run("erase", "e", "--dry-run").out


def test_without_ids_it_finishes_what_is_unfinished(run: Flowledger, storage: Storage) -> None:
    assert run("erase", "e", "--why", "x", "--yes", "--json").json["subjects"] == 2
    by_hand(storage, update(tables.erasures).where(tables.erasures.c.subject == "t").values(done_at=None))
    assert "not all of it is gone yet" in run("show", "t").err
    assert run("erase", "--dry-run").out == "e goes with 1 subjects\n"
    (would,) = run("erase", "--dry-run", "--json").json["would_erase"]
    assert (would["subject"], would["subjects"], would["rows"]) == ("e", 1, {})
    assert run("erase", "--json").json["subjects"] == 1
    assert run("erase", "--json").json["subjects"] == 0
    assert run("erase", "--dry-run").out == "nothing would go: no interrupted run has left anything\n"
    assert run("erase", "--dry-run", "--json").json["would_erase"] == []


def test_it_says_that_parts_whose_rows_went_by_age_are_not_found(run: Flowledger, storage: Storage) -> None:
    assert run("erase", "e", "--dry-run", "--json").json["rows_gone_before"] is None
    with storage.writing() as connection:
        horizons.move(connection, "rows", START, at=START)
    words = f"parts whose rows went by age, before {screen.time(START)}, are not found: erase what is left of them by"
    assert words in run("erase", "e", "--dry-run").out
    assert run("erase", "e", "--dry-run", "--json").json["rows_gone_before"] == "2026-01-26T00:00:00Z"
    assert words in run("erase", "e", "--why", "x", "--yes").out
    assert run("erase", "--json").json["rows_gone_before"] == "2026-01-26T00:00:00Z"


def test_what_stays_of_an_erased_id_is_shown_and_that_it_was_erased_is_said(run: Flowledger, storage: Storage) -> None:
    line = raw("audit.logged", subject="e", action="looked", details={"said": "canary"})
    record(storage, line, raw("message.sent", subject="m", thread_id="e", to_sandbox_ids=["s"], content="hi"), start=9)
    assert run("erase", "e", "--why", "asked for", "--by", "jo", "--yes").code == 0
    for words in (("show", "e"), ("why", "e"), ("why", "e", "time"), ("why", "e", "--of", "audit")):
        ended = run(*words)
        assert (ended.code, "only what is shown is left of 'e': erased at 20" in ended.err) == (1, True)
    shown = run("show", "e")
    assert "looked" in shown.out
    assert "canary" not in shown.out
    assert "conversation e, 1 message" in shown.out
    assert shown.err.startswith("error: only what is shown is left of 'e': erased at 20")
    assert shown.err.endswith("by jo: asked for\n")
    found = run("show", "e", "--json")
    assert (found.code, found.json["erased"]["why"], len(found.json["audit"])) == (1, "asked for", 1)
    told = run("why", "e", "--json")
    assert (told.code, told.json["erased"]["erased_by"]) == (1, "jo")
    assert {group["table"] for group in told.json["groups"]} == {"audit_logs"}
    followed = run("show", "e", "--follow")
    assert (followed.code, "nothing is left of 'e' to follow: erased at 20" in followed.err) == (1, True)


def test_what_is_not_all_gone_yet_is_shown_with_that(run: Flowledger, storage: Storage) -> None:
    row = {"why": "x", "erased_by": "jo", "erased_at": now(), "done_at": None, "erased_with": None}
    by_hand(storage, tables.erasures.insert().values([row | {"subject": one} for one in ("e", "t")]))
    for words in (("show", "e"), ("why", "e"), ("show", "t", "--follow")):
        shown = run(*words)
        assert (shown.code, "not all of it is gone yet: `flowledger erase` goes on" in shown.err) == (1, True)
    assert run("why", "t", "--json").json["erased"]["done_at"] is None


def test_what_is_not_erased_says_nothing_of_it(run: Flowledger) -> None:
    assert run("show", "e", "--json").json["erased"] is None
    told = run("why", "e", "--json")
    assert (told.code, told.err, told.json["erased"]) == (0, "", None)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is asked once."""
    monkeypatch.setattr("flowledger.cli.erasing.connect", lambda settings: impatient(connect(settings)))


@pytest.mark.usefixtures("_impatient")
def test_nothing_begins_while_redis_is_away(
    run: Flowledger, storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL", f"unix://{tmp_path}/none")
    for how in (("e", "--why", "x", "--yes"), ("e", "--dry-run"), ("--dry-run", "--json")):
        refused = run("erase", *how)
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.startswith("error: Redis does not answer: ")
        assert refused.err.endswith("; nothing was erased\n")
        assert ".;" not in refused.err
    assert count(storage, "erasures") == 0


def test_a_dry_run_counts_messages_in_inboxes(run: Flowledger, storage: Storage, settings: Settings) -> None:
    assert settings.redis_url is not None
    record(storage, raw("message.sent", subject="m", to_sandbox_ids=["s", "s2"], content="hi"), start=9)
    with closing(redis.Redis.from_url(settings.redis_url.get_secret_value())) as client:
        for _ in PostOffice(client, settings, storage).walk():
            pass
        assert run("erase", "m", "--dry-run").out.endswith(", 2 messages in inboxes\n")
        (would,) = run("erase", "s", "--dry-run", "--json").json["would_erase"]
        assert would["messages"] == 1
        assert run("erase", "m", "s", "--why", "x", "--yes", "--json").json["messages"] == 2
        client.delete(streams.inbox("s2"))


@pytest.mark.usefixtures("_impatient")
def test_redis_goes_away_in_the_middle(run: Flowledger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    address = BrokerAddress.of(settings)

    def cut(*_: object) -> int:
        proxy.cut()
        return 0

    with Proxy(address.socket or (address.host, address.port)) as proxy:
        monkeypatch.setenv("REDIS_URL", proxy.url)
        with monkeypatch.context() as patch:
            patch.setattr(erasing, "erase_letters", cut)
            failed = run("erase", "e", "--why", "x", "--yes")
        assert (failed.code, failed.out) == (1, "")
        for ended in (failed, run("erase")):
            assert ended.err.startswith("error: Redis does not answer: ")
            assert ended.err.endswith("; 2 subjects are left; `flowledger erase` goes on\n")
            assert ".;" not in ended.err
        proxy.mend()
        assert run("erase", "--json").json["subjects"] == 2


@pytest.mark.parametrize(
    ("where", "end", "said"),
    [
        (written, KeyboardInterrupt(), "interrupted: nothing was erased"),
        (written, DatabaseUnavailable("it is gone"), f"{AWAY}; nothing was erased"),
        (erasing, KeyboardInterrupt(), "interrupted: 2 subjects are left; `flowledger erase` goes on"),
        (erasing, DatabaseUnavailable("it is gone"), f"{AWAY}; 2 subjects are left; `flowledger erase` goes on"),
    ],
)
def test_what_ends_it_early_says_what_is_left(
    run: Flowledger, storage: Storage, monkeypatch: pytest.MonkeyPatch, where: ModuleType, end: BaseException, said: str
) -> None:
    assert run("erase", "e", "--why", "x", "--yes").code == 0

    def ended(*_: object) -> None:
        raise end

    with monkeypatch.context() as patch:
        patch.setattr(where, "add" if where is written else "erase_letters", ended)
        assert run("erase", "e", "--why", "x", "--yes") == (1, "", f"error: {said}\n")
    assert run("erase", "--json").json["subjects"] == (2 if where is erasing else 0)


def test_nothing_false_is_said_where_it_is_not_known_what_is_left(
    run: Flowledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise DatabaseUnavailable("it is gone")

    begin = Eraser.begin

    def begun(*given: Any, **named: Any) -> None:
        begin(*given, **named)
        gone()

    with monkeypatch.context() as patch:
        patch.setattr(Eraser, "begin", begun)
        said = f"error: {AWAY}; 2 subjects are left; `flowledger erase` goes on\n"
        assert run("erase", "e", "--why", "x", "--yes").err == said
        patch.setattr(ErasureRepository, "count_unfinished", gone)
        said = f"error: {AWAY}; what is left cannot be counted now; the same command goes on\n"
        assert run("erase", "e", "--why", "x", "--yes").err == said
