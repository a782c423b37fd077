"""What `flowledger status` has found, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.text import Text

from flowledger.cli import layout, screen
from flowledger.cli.growth_shown import print_growth
from flowledger.cli.layout import Cell, Column
from flowledger.domain import streams
from flowledger.storage.retention.rounds import Round
from flowledger.workers.alarms import TO_DO
from flowledger.workers.asides import Waiting
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.status.gather import Outbox, Status
from flowledger.workers.status.refused_webhooks import Refusals
from flowledger.workers.status.schedules import Schedules
from flowledger.workers.status.strays import words

_MAY_NOT_ASK: Final = "not known: this user of Redis may not ask them"
_CHECK_STYLES: Final = {Severity.REFUSE: "bold red", Severity.WARN: "yellow", Severity.UNKNOWN: "dim"}
_SIGNATURES: Final = {
    "off": "not required",
    "mixed": "required by some of the workers only: set LEDGER_SIGNATURES alike",
}


_SHARD_COLUMNS: Final = (*map(Column, ("shard", "waiting", "oldest")), Column("state", wraps=True))
_REFUSED_COLUMNS: Final = (*map(Column, ("webhook", "calls refused in 24 h")), Column("why", wraps=True))
_MOST_REFUSED: Final = 5
"""Lines of refused calls of webhooks; `--json` has all of them."""
_SOURCE_COLUMNS: Final = (*map(Column, ("source", "entries", "bytes")), Column("why", wraps=True))


def print_status(found: Status) -> None:
    """Print the status as one screen."""
    for warning in found.warnings:
        screen.out.print(screen.words(warning, "red"), soft_wrap=True)
    layout.print_table("Backlog", _SHARD_COLUMNS, [_shard(found, shard) for shard in found.backlog])
    if found.strays:
        screen.out.print(screen.words(words(found.strays, len(found.backlog)), "yellow"), soft_wrap=True)
    if found.held is not None:
        screen.out.print(screen.words(f"nothing is recorded for now: {found.held}", "red"), soft_wrap=True)
    for alarm in (*(f"{alarm}; {TO_DO}" for alarm in found.alarms), *found.growth.alarms.values()):
        screen.out.print(screen.words(alarm, "red"), soft_wrap=True)
    if found.set_aside:
        layout.print_table("Set aside", _SOURCE_COLUMNS, [*map(_source, found.set_aside)])
    if found.refused_webhooks:
        rows = [*map(_refused, found.refused_webhooks[:_MOST_REFUSED])]
        layout.print_table("Webhooks", _REFUSED_COLUMNS, rows)
        if more := len(found.refused_webhooks) - len(rows):
            screen.out.print(f"and {more} more: flowledger status --json")
    print_growth(found.growth)
    layout.print_rows(layout.facts(_facts(found)))
    for one in found.schedules.first:
        words_ = f"schedule {ascii(one.schedule_id)[1:-1]}: {one.why}"
        screen.out.print(screen.words(words_, "yellow"), soft_wrap=True)
    for finding in found.checks:
        screen.out.print(checked(finding), soft_wrap=True)


def _shard(found: Status, shard: int) -> list[Cell]:
    oldest = found.oldest_seconds.get(shard)
    pause = found.paused.get(str(shard), found.paused.get(streams.ALL))
    state = screen.words("draining" if shard in found.draining else "")
    if pause is not None:
        state = screen.words(f"paused by {pause.by} {pause.at}: {pause.why}", "yellow")
    return [str(shard), f"{found.backlog[shard]:,}", "" if oldest is None else f"{oldest:,.1f} s", state]


def _source(one: Waiting) -> list[Cell]:
    why = screen.words(f"by {one.by} {one.since}: {one.why}", "yellow")
    return [screen.words(ascii(one.source)[1:-1]), f"{one.entries:,}", f"{one.bytes:,}", why]


def _refused(one: Refusals) -> list[Cell]:
    return [screen.words(one.webhook_id or "unknown ids"), f"{one.count:,}", screen.words(one.cause, "yellow")]


def _facts(found: Status) -> Iterator[tuple[str, Cell]]:
    yield "waiting in all", f"{sum(found.backlog.values()):,}"
    yield "rate", f"{found.rate_10s:,.1f}/s in the last 10 s, {found.rate_60s:,.1f}/s in the last minute"
    yield "since the broker began", ", ".join(f"{n:,} {name}" for name, n in found.totals.items()) or "nothing"
    yield "dead letters", ", ".join(f"{n:,} {name}" for name, n in found.dead_letters.items()) or "none"
    since = "" if found.outbox.since is None else f", the first of them since {screen.time(found.outbox.since)}"
    yield "outbox", f"{found.outbox.waiting:,} messages wait for an inbox{since}{_pace(found.outbox)}"
    yield "schedules", _schedules(found.schedules)
    if found.retention is not None:
        yield "retention", _retention(found.retention)
    names = ", ".join(f"{name} ({n} {_process(n)}, {found.pools[name]})" for name, n in (found.workers or {}).items())
    none = "none: nothing is recorded until one is started"
    yield "workers", screen.words(names or (_MAY_NOT_ASK if found.workers is None else none))
    if found.signatures is not None:
        yield "signatures", _SIGNATURES.get(found.signatures, found.signatures)
    yield "database", ", ".join(f"{name} {value}" for name, value in found.database.items())


def _schedules(found: Schedules) -> Text:
    """Return how schedules do, in words."""
    parts = [f"{found.enabled:,} enabled"]
    if found.next_due_at is not None:
        parts.append(f"next due {screen.time(found.next_due_at)}")
    if found.late:
        parts.append(f"{found.late:,} late by more than 10 s")
    if found.failing:
        parts.append(f"{found.failing:,} cannot be fired")
    return screen.words(", ".join(parts), "yellow" if found.late or found.failing else "")


def _retention(last: Round) -> Text:
    """Return what the last round did, and what it could not do and why."""
    rows = f"{sum(last.went.values()):,} rows went"
    words = f"{rows} in the last round, which ended {screen.time(last.ended_at)}"
    if last.ended_at is None:
        words = f"a round since {screen.time(last.began_at)} is under way: {rows} so far"
    waits = [f"{name} waits: {why}" for name, why in last.waits.items()]
    return screen.words("; ".join([words, *waits]), "yellow" if waits else "")


def checked(finding: Finding) -> Text:
    """Return what is wrong with a server, as a line."""
    return screen.words(str(finding), _CHECK_STYLES[finding.severity])


def _pace(outbox: Outbox) -> str:
    if not outbox.posted_60s:
        return ""
    return f"; put into one: {outbox.posted_10s:,.1f}/s in the last 10 s, {outbox.posted_60s:,.1f}/s in the last minute"


def _process(count: int) -> str:
    return "process" if count == 1 else "processes"
