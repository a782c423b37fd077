"""`flowledger dead-letters` with what was forged and what was replayed: seen, tried again, given up, as others are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowledger.cli import processes
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import guard_of
from flowledger.workers.recorder import Recorder
from tests.cli.calling import Flowledger
from tests.signing import key_file
from tests.storage.recording import dead_letters
from tests.workers.speaking import LATE, entry, record, said


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here; `tests/workers/test_forged.py` does the same on both."""
    return sqlite_url


@pytest.fixture
def letters(settings: Settings, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """One of each kind, by reason and field; the commands require signatures, too."""
    given = {"signatures": "required", "key_file": key_file(tmp_path / "keys.json")}
    own = settings.model_copy(update=given)
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, processes.environment(own)[name])
    for name, value in given.items():
        monkeypatch.setenv(f"LEDGER_{name.upper()}", str(value))
    recorder = Recorder(storage, own.limits, guard_of(own))
    recorded = said(id="recorded", ago=LATE)
    record(recorder, recorded, said(id="forged", by="sb_2"), said(id="old", ago=10**6))
    recorder.record([entry(recorded, came=5)])
    return {f"{letter.reason} {letter.field}": letter.id for letter in dead_letters(storage)}


def test_they_are_listed_by_their_reasons(flowledger: Flowledger, letters: dict[str, str]) -> None:
    assert sorted(letters) == ["forged signature", "replayed id", "replayed time"]
    for reason, number in (("forged", 1), ("replayed", 2)):
        assert flowledger("dead-letters", "list", "--reason", reason, "--json").json["total"] == number


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("forged signature", "when the key of its speaker is there; or find out who it was, and discard it"),
        ("replayed id", "it is recorded already: discard it"),
        ("replayed time", "when LEDGER_SIGNATURE_AGE_SECONDS allows it; or discard it"),
    ],
)
def test_what_may_be_done_is_told(flowledger: Flowledger, letters: dict[str, str], kind: str, advice: str) -> None:
    assert advice in " ".join(flowledger("dead-letters", "show", letters[kind]).out.replace("│", " ").split())


def test_they_are_refused_again_and_can_be_given_up(flowledger: Flowledger, letters: dict[str, str]) -> None:
    for arguments in (("--dry-run",), ()):
        ended = flowledger("dead-letters", "replay", "--all", *arguments)
        assert ended.code == 1
        assert "is not the signature of this event with the key k1 of 'sb_1'" in ended.out + ended.err
    assert flowledger("dead-letters", "list", "--json").json["total"] == 3
    for reason in ("forged", "replayed"):
        assert flowledger("dead-letters", "discard", "--all", "--reason", reason).code == 0
    assert flowledger("dead-letters", "list", "--json").json["total"] == 0


def test_one_that_came_too_late_goes_through_when_the_setting_allows_it(
    flowledger: Flowledger, letters: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_SIGNATURE_AGE_SECONDS", str(time.time()))
    assert flowledger("dead-letters", "replay", letters["replayed time"]).code == 0
