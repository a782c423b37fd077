"""Whatever happens in whatever order: producers publish, publish again and publish rubbish, drains of several workers
work, die at any step and are held up, people mend and replay. In the end the rows are those of the merge rule, and each
message is in each inbox where it belongs, once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

import pytest
import redis
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from flowledger.domain import streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.mending import Changes, path_of
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.ledger.dead_letters import OPEN
from flowledger.storage.unit_of_work import Storage, UnitOfWork
from flowledger.workers.connections import connect
from flowledger.workers.drain import Drain
from flowledger.workers.inboxes import Inboxes
from flowledger.workers.post import PostOffice
from flowledger.workers.post_bell import PostBell
from flowledger.workers.postman import Postman
from flowledger.workers.recorder import Recorder
from flowledger.workers.replay import Replayer
from flowledger.workers.shards import Shards
from tests.builders import events, raw
from tests.storage.recording import all_rows, count, dead_letters, differences, empty, own_events

SHARDS: Final = 3
EXAMPLES: Final = 12

STEPS: Final[dict[str, tuple[type[Any], str, bool]]] = {
    "taken": (Shards, "take", True),
    "not yet recorded": (Recorder, "record", False),
    "not yet flushed": (UnitOfWork, "flush", False),
    "flushed": (UnitOfWork, "flush", True),
    "recorded": (Recorder, "record", True),
    "not yet settled": (PostOffice, "settle", False),
    "settled": (PostOffice, "settle", True),
    "not yet delivered": (PostOffice, "deliver", False),
    "not yet in an inbox": (Inboxes, "put", False),
    "in an inbox": (Inboxes, "put", True),
    "delivered": (PostOffice, "deliver", True),
    "not yet done": (Shards, "done", False),
    "done": (Shards, "done", True),
    "left": (Shards, "leave", True),
}
"""Where a drain may die: a function of it, and whether before or after that."""


class Died(BaseException):
    """A drain that was killed: no code of its own catches that."""


@contextmanager
def dying(step: str, error: type[BaseException] = Died) -> Iterator[None]:
    owner, name, after = STEPS[step]
    original: Callable[..., Any] = getattr(owner, name)

    def die(*arguments: Any, **named: Any) -> Any:
        if after:
            original(*arguments, **named)
        raise error(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, die)
        yield


class Fate(RuleBasedStateMachine):
    """Events are published to a stream that anyone may write to; what is recorded is judged by the oracle."""

    def __init__(self, settings: Settings, storage: Storage, client: redis.Redis) -> None:
        super().__init__()
        self.storage = storage
        self.client = client
        self.settings = settings.model_copy(update={"linger_seconds": 0.0, "shards": SHARDS, "fuse_entries": 0})
        self.replayer = Replayer(self.settings, storage, client)
        self.published: list[bytes] = []
        self.rubbish = 0
        client.flushdb()
        empty(storage)

    @rule(data=st.data(), copies=st.lists(st.integers(0, SHARDS - 1), min_size=1, max_size=3))
    def publish(self, data: st.DataObject, copies: list[int]) -> None:
        event = data.draw(events(str(len(self.published))))
        self.published.append(event)
        for shard in copies:
            self._add(shard, event)

    @rule(data=st.data(), shard=st.integers(0, SHARDS - 1), spaces=st.integers(0, 2))
    def publish_again(self, data: st.DataObject, shard: int, spaces: int) -> None:
        if self.published:
            self._add(shard, b" " * spaces + data.draw(st.sampled_from(self.published)))

    @rule(shard=st.integers(0, SHARDS - 1))
    def publish_rubbish(self, shard: int) -> None:
        self._add(shard, raw("task.progressed", id=f"bad{self.rubbish}", subject="mended", progress=2))
        self.rubbish += 1

    @rule(shard=st.integers(0, SHARDS - 1), most=st.sampled_from([1, 2, 3, 500]))
    def drain(self, shard: int, most: int) -> None:
        Drain(self.settings.model_copy(update={"batch_entries": most}), self.client, self.storage, shard).run()

    @rule(shard=st.integers(0, SHARDS - 1), most=st.sampled_from([1, 2, 500]), step=st.sampled_from(sorted(STEPS)))
    def drain_and_die(self, shard: int, most: int, step: str) -> None:
        mortal = self.settings.model_copy(update={"batch_entries": most})
        with dying(step), suppress(Died):
            Drain(mortal, self.client, self.storage, shard).run()

    @rule(shard=st.integers(0, SHARDS - 1), step=st.sampled_from(["not yet flushed", "flushed"]))
    def drain_while_the_database_goes_away(self, shard: int, step: str) -> None:
        with dying(step, DatabaseUnavailable):
            Drain(self.settings, self.client, self.storage, shard).run()

    @rule()
    def time_passes(self) -> None:
        """Leases, bells and holds run out."""
        for shard in range(SHARDS):
            self.client.delete(streams.lease(shard), streams.bell(shard))
        self.client.delete(streams.HOLD, streams.WATCH)

    @rule(again=st.booleans())
    def mend_and_replay(self, again: bool) -> None:
        letters = [id_ for ids in self.replayer.ids(OPEN) for id_ in ids]
        mended = Changes(set=((path_of("data.progress"), "0.5"),))
        self.replayer.replay(letters, who="Ada", changes=mended)
        if again:
            self.replayer.replay(letters, who="Bob", changes=mended, again=True)

    @invariant()
    def nothing_is_recorded_twice_or_wrong(self) -> None:
        assert differences(self.storage) == []

    @rule()
    def look(self) -> None:
        """What workers do once in a while."""
        bell = PostBell(self.client, lambda: None)
        Postman(self.client, self.settings, PostOffice(self.client, self.settings, self.storage), bell).run()

    def teardown(self) -> None:
        """Everything is mended, recorded and delivered in the end."""
        for _ in range(2):
            self._drain_all()
            self.mend_and_replay(again=False)
        self._drain_all()
        self.look()
        self._drain_all()
        assert count(self.storage, "outbox") == 0
        self._judge_inboxes()
        assert {letter.status for letter in dead_letters(self.storage)} <= {DeadLetterStatus.REPLAYED}
        assert differences(self.storage) == []

    def _judge_inboxes(self) -> None:
        """A message is put into an inbox once, which is said once, and it stays there until it has come to its end."""
        raws = own_events(self.storage)
        said = [json.loads(raw) for raw in raws if raw.encode("utf-8", "surrogatepass").strip() not in self.published]
        put = Counter((e["subject"], e["data"]["to_sandbox_id"]) for e in said if e["type"] == "message.dispatched")
        deliveries = all_rows(self.storage)["message_deliveries"]
        found: Counter[tuple[str, str]] = Counter()
        for key in self.client.scan_iter(streams.inbox("*")):
            entries: Any = self.client.xrange(key)
            sandbox = key.decode().removeprefix(streams.inbox(""))
            found.update((fields[b"message_id"].decode(), sandbox) for _, fields in entries)
        assert set(put.values()) <= {1}
        assert found == Counter(one for one in put if deliveries[one]["status"] == "sent")
        assert count(self.storage, "events") == len(self.published) + self.rubbish + len(said)

    def _drain_all(self) -> None:
        while any(self.client.xlen(streams.stream(shard)) for shard in range(SHARDS)):
            self.time_passes()
            self.drain(0, 500)

    def _add(self, shard: int, event: bytes) -> None:
        self.client.xadd(streams.stream(shard), {streams.FIELD: event})


def test_in_the_end_everything_is_recorded_once(settings: Settings, storage: Storage) -> None:
    with closing(connect(settings)) as client:
        run_state_machine_as_test(
            lambda: Fate(settings, storage, client),  # type: ignore[arg-type]
            settings=examples(max_examples=EXAMPLES, stateful_step_count=20),
        )
