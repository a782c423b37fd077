"""A dead letter from before the horizon of names: it is not sent again, and nobody calls it lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import redis

from flowledger.domain.advice import advice, of_group
from flowledger.domain.records import DeadLetterDeed
from flowledger.domain.statuses import DeadLetterAction
from flowledger.domain.times import now
from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.replay import Replayer, Result
from flowledger.workers.replay_outcome import Came, outcome_of
from tests.builders import raw
from tests.storage.recording import dead_letters, record

OLD: Final = "2020-01-01T00:00:00Z"


def test_a_letter_from_before_the_horizon_is_refused_again(storage: Storage, replayer: Replayer) -> None:
    with storage.writing() as connection:
        horizons.move(connection, "names", now() - timedelta(days=30), at=now())
    assert record(storage, raw("task.created", id="1", time=OLD)).dead == 1
    (letter,) = dead_letters(storage)
    (done,) = replayer.replay([letter.id], who="jo")
    assert (done.result, done.reason, done.field) == (Result.REFUSED, "too_old", "time")
    for words in (advice(letter), of_group(letter.reason, letter.field)):
        assert "flowledger import --beyond-horizon --whole -" in str(words)


def test_a_replayed_event_whose_name_may_be_gone_is_not_called_lost(storage: Storage, client: redis.Redis) -> None:
    body = raw("task.created", id="1", time=OLD)
    deed = DeadLetterDeed(
        id="1", dead_letter_id="dead_1", at=now(), who="jo", action=DeadLetterAction.REPLAYED, source="/tests",
        event_id="1", stream="ledger:events:0", entry_id="1-0",
    )  # fmt: skip
    assert outcome_of(deed, body, storage, client).came is Came.LOST
    with storage.writing() as connection:
        horizons.move(connection, "names", now() - timedelta(days=30), at=now())
    assert outcome_of(deed, body, storage, client).came is Came.FORGOTTEN
