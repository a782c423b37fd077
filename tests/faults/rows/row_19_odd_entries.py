"""Row 19: odd entries by the hundred among healthy events: each is recorded or buried, and others hardly notice.

    python -m tests.faults --rows 19 --events 10000 --odd 300 --megabytes 64

Redis itself stands while it takes and writes an entry of 64 MiB, for most of a second here. So the same large entries
go to a stream that nobody reads first: what others wait for in that run is Redis's own.

Entries beyond what Redis takes in one piece come apart; the run lowers Redis's limit (`proto-max-bulk-len`), so that
they need not be of 512 MiB, unless `--megabytes` is beyond that.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

from flowledger.domain import streams
from tests.faults import commands, odd
from tests.faults.delays import in_pairs, measure, show_that_it_can_fail
from tests.faults.fates import Sent, judge_fates, others
from tests.faults.judge import Verdict
from tests.faults.names import RESUME_SOURCES, WITHOUT_SOURCE
from tests.faults.odd import Couple, Fate, Odd
from tests.faults.odd.entry import event, text_of
from tests.faults.odd.shapes import sized
from tests.faults.report import percentile
from tests.faults.trial import Dose, Row, Trial
from tests.faults.usage import watching

_LINE_EVERY: Final = 10
"""One line into Celery's queue beside so many entries."""
_QUEUE: Final = "ledger"
_BULK: Final = 512 * 2**20
_LOW_BULK: Final = 8 * 2**20
"""Bytes that Redis takes in one piece, by default and in this run."""
_LAST: Final = 2**64 - 1
_AGAIN_SECONDS: Final = 10.0
"""A stream whose ids are used up takes events again, and others are recorded, within so long."""
_LARGE: Final = 2**20
_MEMORY: Final = 2**30
"""Bytes that no process of the workers may need."""
_SHOWN: Final = 12
"""Subjects that `show` is asked about."""
_APART: Final = 4
"""Entries beyond what Redis takes, keys of other types, signals: each beside a fourth of the events."""


def run(trial: Trial) -> None:
    """The control; healthy events without and among odd ones, in pairs; what comes apart; then all is judged."""
    sent: list[Sent] = []
    with watching(trial.world) as peak, trial.same_workers():
        show_that_it_can_fail(trial, trial.dose.later)
        alone = percentile(measure(trial, trial.dose.events), 0.99)
        delays = in_pairs(trial, trial.dose.events, partial(_beside, trial, sent), partial(_unread, trial))
        trial.note(
            f"p99 of the delay of {trial.dose.events:,} healthy events: {alone * 1000:.0f} ms alone, "
            f"{delays.without * 1000:.0f} ms beside large entries in a stream that nobody reads, "
            f"{delays.beside * 1000:.0f} ms among {trial.dose.odd} odd ones with these"
        )
        if delays.later > trial.dose.later:
            trial.shortcoming(f"healthy events are {delays.later:.1f} s later than Redis itself takes them (I6)")
        for apart in (_beyond_bulk, _used_up, _other_types, _signals)[: 3 if trial.dose.few else None]:
            apart(trial, sent)
        trial.wait(lambda: not trial.world.redis.llen(_QUEUE), "an empty queue of Celery")
    if peak[0] > _MEMORY:
        trial.shortcoming(f"a process of the workers needed {peak[0] / 2**20:.0f} MB")
    trial.note(f"peak memory of a process of the workers: {peak[0] / 2**20:.0f} MB, the largest entry {_largest(sent)}")
    _judge(trial, sent)


def _judge(trial: Trial, sent: list[Sent]) -> None:
    trial.others = others(sent)
    trial.judge()
    with trial.world.engine.connect() as connection:
        recorded = judge_fates(connection, sent, trial.outcome.verdict)
        never = Sent(Odd("never sent", (b"event", b"{}"), Fate.EITHER, "odd", "odd"), streams.stream(0), "0-1")
        missed = Verdict()
        judge_fates(connection, [never], missed)
    trial.control("an odd entry that was never sent is missed", missed.errors)
    shown = 2 if trial.dose.few else _SHOWN
    commands.work_afterwards(trial, trial.random.sample(sorted(recorded), min(shown, len(recorded))))
    trial.note(f"{len(sent)} odd entries: {len(recorded)} recorded, the others buried or repeated")


def _beside(trial: Trial, sent: list[Sent], turn: int, seconds: float) -> None:
    """Odd entries of this turn, and lines that are no bells, spread over this time; then what was set aside."""
    seed, name = trial.seed + turn, trial.name("odd")
    inflated = (64 if trial.dose.few else 512) * 2**20
    lines = odd.celery_lines(name, seed, trial.dose.odd // _LINE_EVERY, inflated=inflated)
    for place, couple in _in_time(trial, name, seed, seconds):
        shard = trial.random.randrange(trial.world.settings.shards)
        sent += [_add(trial, entry, shard) for entry in couple]
        if place % _LINE_EVERY == 0 and lines:
            trial.world.redis.lpush(_QUEUE, lines.pop())
            trial.outcome.faults += 1
    if not trial.dose.few:  # a sample's entries are too few to blow a fuse
        _resume(trial, odd.SOURCE + name)
        _resume(trial, WITHOUT_SOURCE)


def _unread(trial: Trial, turn: int, seconds: float) -> None:
    """Entries as large as those of this turn, to a stream that is none of the ledger's."""
    for _, couple in _in_time(trial, trial.name("unread"), trial.seed + turn, seconds):
        for entry in couple:
            if entry.size > _LARGE:
                trial.world.redis.execute_command("XADD", "unread", "MAXLEN", 0, "*", *entry.fields)


def _in_time(trial: Trial, name: str, seed: int, seconds: float) -> Iterator[tuple[int, Couple]]:
    """The odd entries of this name and seed with their numbers, spread over this time."""
    couples = odd.entries(name, seed, trial.dose.odd, trial.dose.megabytes * 2**20)
    began = time.monotonic()
    for place, couple in enumerate(couples):
        time.sleep(max(0.0, began + seconds * place / len(couples) - time.monotonic()))
        yield place, couple


def _add(trial: Trial, entry: Odd, shard: int, entry_id: str = "*") -> Sent:
    stream = streams.stream(shard)
    answer: Any = trial.world.redis.execute_command("XADD", stream, entry_id, *entry.fields)
    trial.outcome.faults += 1
    return Sent(entry, stream, answer.decode())


def _resume(trial: Trial, source: str) -> None:
    """What a person does about a source whose entries were set aside."""
    done = commands.call(trial, *RESUME_SOURCES, source)
    if done.returncode:
        trial.note(f"`{' '.join(RESUME_SOURCES)}` answered: {done.stderr.strip().splitlines()[-1:]}")


def _largest(sent: list[Sent]) -> str:
    return f"{max(one.odd.size for one in sent) / 2**20:.0f} MiB"


# --- what comes apart


def _others_go_on(trial: Trial, what: str, beside: Callable[[], None], bound: float) -> None:
    """Healthy events beside something: none of them is later than the bound at p99."""
    trial.tell(what)
    late = percentile(measure(trial, max(100, trial.dose.events // _APART), beside), 0.99)
    trial.note(f"{what}: p99 {late * 1000:.0f} ms")
    if late > max(bound, trial.dose.later):
        trial.shortcoming(f"{what}: others are recorded after {late:.1f} s (I6)")


def _beyond_bulk(trial: Trial, sent: list[Sent]) -> None:
    """Entries of several fields which, all together, are beyond what Redis takes in one piece."""
    redis: Any = trial.world.redis
    limit = _BULK if trial.dose.megabytes * 2**20 > _BULK else _LOW_BULK
    size = int(1.5 * limit)
    parts = (b"a", b"x" * (size // 3), b"b", b"\xff" * (size // 3), b"c", b"z" * (size // 3))
    name = trial.name("beyond")
    entries = [
        Odd(f"several fields, {size >> 20} MiB", parts, Fate.BURIED),
        *sized(trial.random, f"{name}_1", limit - 9),
    ]
    redis.config_set("proto-max-bulk-len", limit)
    try:
        _others_go_on(
            trial,
            f"entries of {size >> 20} MiB, with proto-max-bulk-len {limit >> 20} MiB",
            lambda: sent.extend(_add(trial, entry, 0) for entry in entries),
            2 * trial.dose.later,
        )
    finally:
        redis.config_set("proto-max-bulk-len", _BULK)


def _used_up(trial: Trial, sent: list[Sent]) -> None:
    """An event with the greatest id that a stream can have: Redis refuses the next ones until somebody mends that."""
    shard = trial.random.randrange(trial.world.settings.shards)
    name = trial.name("last")
    entry = odd.Odd(
        "the last id", (b"event", text_of(event(f"{name}_1")).encode()), Fate.RECORDED, f"odd_{name}_1", f"odd_{name}_1"
    )
    _others_go_on(
        trial,
        "a stream whose ids are used up",
        lambda: sent.append(_add(trial, entry, shard, f"{_LAST}-{_LAST}")),
        _AGAIN_SECONDS,
    )
    trial.drain()
    trial.world.redis.delete(streams.stream(shard))  # the world goes on to other rows


def _other_types(trial: Trial, sent: list[Sent]) -> None:
    """Keys of the ledger's that hold something else than the ledger puts there."""
    redis: Any = trial.world.redis
    keys = [
        streams.inbox("sb_1"), streams.consumers("sb_2"), streams.taken("sb_3"), streams.fuse(1), streams.caution(2),
        streams.bell(3), streams.COUNTERS, streams.rate(time.time()), streams.EXPIRIES, streams.IDLE,
    ]  # fmt: skip

    def spoil() -> None:
        for key in keys:
            with redis.pipeline(transaction=True) as both:  # a worker may make it anew in between
                both.delete(key).rpush(key, "somebody's list").execute()
            trial.outcome.faults += 1

    try:
        _others_go_on(trial, "keys of another type", spoil, _AGAIN_SECONDS)
    finally:
        for key in keys:
            if redis.type(key) == b"list":
                redis.delete(key)


def _signals(trial: Trial, sent: list[Sent]) -> None:
    """Celery's soft time limit strikes at any moment: nothing healthy is buried for that."""

    def strike() -> None:
        until = time.monotonic() + trial.dose.events / _APART / trial.dose.rate
        while time.monotonic() < until:
            children = [pid for worker in trial.world.workers for pid in trial.world.children(worker)]
            with suppress(ProcessLookupError):
                if children:  # one that is idle dies of it, and Celery starts another
                    os.kill(trial.random.choice(children), signal.SIGUSR1)
                    trial.outcome.faults += 1
            time.sleep(trial.random.uniform(0, 0.1))

    _others_go_on(trial, "soft time limits", strike, _AGAIN_SECONDS)


ROW: Final = Row(
    number=19,
    title="odd entries by the hundred: numbers, sizes, spellings, used-up ids, lines that are no bells, other types",
    run=run,
    sample=Dose(faults=1, rate=250, few=True, events=400, odd=40, megabytes=8, later=15.0),
    long=Dose(faults=3, rate=500, events=10_000, odd=300, megabytes=64),
)
