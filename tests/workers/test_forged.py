"""Dead letters of signed events, sent again; the settings; the ledger's own signature; and a worker that checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretBytes

from flowledger.domain import streams
from flowledger.domain.envelope import LEDGER_SOURCE, Envelope
from flowledger.domain.errors import SettingsError
from flowledger.domain.events import MessageDispatched
from flowledger.domain.key_file import changed_keys
from flowledger.domain.mending import Changes, path_of
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import guard_of, own_signer
from flowledger.workers.recorder import Recorded, Recorder
from flowledger.workers.replay import Replayer, Result
from tests.signing import SECRETS, key_file, message, signed
from tests.storage.recording import count, dead_letters, own_events, row
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker
from tests.workers.replaying import drain
from tests.workers.speaking import LATE, entry, reasons, record, said, told


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Signatures are required."""
    update = {"signatures": "required", "key_file": key_file(tmp_path / "keys.json"), "linger_seconds": 0.0}
    return settings.model_copy(update=update)


@pytest.fixture
def recorder(settings: Settings, storage: Storage) -> Recorder:
    return Recorder(storage, settings.limits, guard_of(settings))


# --- dead letters sent again


def test_a_forged_one_is_refused_again_until_it_verifies(
    settings: Settings, client: redis.Redis, storage: Storage, recorder: Recorder
) -> None:
    assert settings.key_file is not None
    body = signed(message(from_sandbox_id="sb_3", time=told()), "sb_1", "k3")
    record(recorder, body)
    (letter,) = dead_letters(storage)
    replayer = Replayer(settings, storage, client)
    for done in (*replayer.try_out([letter.id]), *replayer.replay([letter.id], who="jo")):
        assert (done.result, done.reason, done.field) == (Result.REFUSED, "forged", "signature")
        assert "'sb_3', whose key was expected, has no key k3" in done.detail
    assert drain(settings, client, storage) == Recorded(), "nothing was sent"
    with changed_keys(settings.key_file) as keys:
        keys["sb_3"] = {"k3": SecretBytes(SECRETS["sb_1"])}
    assert [done.result for done in replayer.replay([letter.id], who="jo")] == [Result.REPLAYED]
    assert drain(settings, client, storage) == Recorded(recorded=2), "and that it is in the inbox"
    assert row(storage, "messages", "sb_3/msg_1")["from_sandbox_id"] == "sb_3"


def test_a_mended_message_is_forged(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    body = said(content="x", message_type="order")
    client.xadd(streams.stream(0), {streams.FIELD: body})
    drain(settings, client, storage)
    (letter,) = dead_letters(storage)
    assert letter.reason == "invalid_data"
    mend = Changes(set=((path_of("data.message_type"), '"request"'),))
    (done,) = Replayer(settings, storage, client).replay([letter.id], who="jo", changes=mend)
    assert (done.result, done.reason) == (Result.REFUSED, "forged")


def test_a_replayed_one_stays_refused_and_can_be_discarded_without_the_keys(
    settings: Settings, client: redis.Redis, storage: Storage, recorder: Recorder
) -> None:
    body = said(ago=LATE)
    record(recorder, body)
    recorder.record([entry(body, came=5)])
    (letter,) = dead_letters(storage)
    time_of_replay = Replayer(settings, storage, client).try_out([letter.id])
    assert [(done.result, done.reason, done.field) for done in time_of_replay] == [(Result.REFUSED, "replayed", "id")]
    without = settings.model_copy(update={"key_file": None})
    (done,) = Replayer(without, storage, client).discard([letter.id], who="jo")
    assert done.result is Result.DISCARDED


# --- settings, and the ledger's own signature


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: None, "LEDGER_SIGNATURES is required, but LEDGER_KEY_FILE names no file with the keys"),
        (lambda path: path, "cannot be read: No such file or directory"),
        (lambda path: key_file(path, {"sb_1": SECRETS["sb_1"]}), "there is no key of '/flowledger'"),
    ],
)
def test_signatures_need_a_key_file_with_the_ledgers_own_key(
    tmp_path: Path, settings: Settings, spoil: Any, words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        guard_of(settings.model_copy(update={"key_file": spoil(tmp_path / "other.json")}))


def test_the_ledger_signs_what_it_says_itself_also_before_signatures_are_required(
    settings: Settings, recorder: Recorder, storage: Storage
) -> None:
    dispatched = Envelope.of(MessageDispatched(to_sandbox_id="sb_2"), source=LEDGER_SOURCE, subject="msg_1")
    off = settings.model_copy(update={"signatures": "off"})
    for signing in (settings, off):
        sign = own_signer(signing)
        assert record(recorder, sign(dispatched).to_json().encode()).dead == 0
    assert count(storage, "events") == 1
    without = own_signer(settings.model_copy(update={"key_file": None}))
    assert without(dispatched) is dispatched


def test_a_worker_that_requires_signatures_records_what_is_signed(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker
) -> None:
    worker = start_worker()
    honest = [said(id=f"good {place}", subject=f"sb_1/msg_{place}", ago=LATE) for place in range(20)]
    for place, body in enumerate(honest):
        client.xadd(streams.stream(place % 8), {streams.FIELD: body})
        client.xadd(streams.stream(place % 8), {streams.FIELD: said(by="sb_2", id=f"bad {place}", subject="m")})
    wait_until(lambda: len(own_events(storage)) == count(storage, "dead_letters") == 20, 30)
    assert set(reasons(storage)) == {("forged", "signature")}
    client.xadd(streams.stream(0), {streams.FIELD: honest[0]})
    wait_until(lambda: ("replayed", "id") in reasons(storage), 30)
    assert (count(storage, "events"), len(own_events(storage)), count(storage, "dead_letters")) == (40, 20, 21)
    log = worker.log.read_text()
    assert not any(secret.decode() in log or secret.hex() in log for secret in SECRETS.values())
