"""What is wrong, in the order in which somebody should look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from flowledger.domain import readable, streams
from flowledger.workers.alarms import TO_DO
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.status.gather import Status
from flowledger.workers.status.strays import words as words_of_strays

_READ_ONLY: Final = "transaction_read_only"
"""A setting that would stop a worker, and that this process is wanted to have."""
_LOOKS: Final = {Severity.REFUSE: "bad", Severity.WARN: "warn", Severity.UNKNOWN: ""}


class Trouble(NamedTuple):
    """A line: `look` is its colour (`bad`, `warn`, or none)."""

    look: str
    words: str

    def __str__(self) -> str:
        return self.words


def troubles(status: Status) -> list[Trouble]:
    """Return what is wrong, the gravest first."""
    found = [*_of_recording(status), *map(_of_check, filter(_is_about_workers, status.checks))]
    return sorted(found, key=lambda trouble: ("bad", "warn", "").index(trouble.look))


def _of_recording(status: Status) -> Iterator[Trouble]:
    for warning in status.warnings:
        yield Trouble("bad", warning)
    if status.held is not None:
        yield Trouble("bad", f"nothing is recorded for now: {status.held}")
    if status.workers == {}:
        yield Trouble("bad", "no worker answers: nothing is recorded until one is started (`flowledger worker`)")
    for alarm in status.alarms:
        yield Trouble("bad", f"{alarm}; {TO_DO}")
    for alarm in status.growth.alarms.values():
        yield Trouble("bad", alarm)
    yield from _of_what_waits(status)
    if status.signatures == "mixed":
        yield Trouble("warn", "signatures are required by some of the workers only: set LEDGER_SIGNATURES alike")
    if status.schedules.late:
        yield Trouble("warn", f"{status.schedules.late:,} schedules are late by more than 10 s")
    for failing in status.schedules.first:
        yield Trouble("warn", f"schedule {failing.schedule_id} cannot be fired: {failing.why}")
    if status.outbox.waiting and not status.outbox.posted_60s:
        since = readable.time(status.outbox.since)
        words = f"{status.outbox.waiting:,} messages wait for an inbox since {since}; none got there in the last minute"
        yield Trouble("warn", words)


def _of_what_waits(status: Status) -> Iterator[Trouble]:
    for shard, pause in status.paused.items():
        what = "all shards are" if shard == streams.ALL else f"shard {shard} is"
        yield Trouble("warn", f"{what} paused by {pause.by} since {pause.at}: {pause.why} (`flowledger resume`)")
    for source in status.set_aside:
        yield Trouble(
            "warn",
            f"{source.source} is set aside by {source.by} since {source.since}, {source.entries:,} entries wait:"
            f" {source.why} (`flowledger resume --source`)",
        )
    if status.strays:
        yield Trouble("warn", words_of_strays(status.strays, len(status.backlog)))


def _is_about_workers(finding: Finding) -> bool:
    return finding.setting != _READ_ONLY


def _of_check(finding: Finding) -> Trouble:
    return Trouble(_LOOKS[finding.severity], str(finding))
