"""What `flowledger status` has found, on one screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.status import Outbox, Status
from flowledger.cli.strays import words
from flowledger.domain import streams
from flowledger.workers.alarms import TO_DO
from flowledger.workers.asides import Waiting
from flowledger.workers.checks import Finding, Severity

_MAY_NOT_ASK: Final = "not known: this user of Redis may not ask them"
_CHECK_STYLES: Final = {Severity.REFUSE: "bold red", Severity.WARN: "yellow", Severity.UNKNOWN: "dim"}
_SIGNATURES: Final = {
    "off": "not required",
    "mixed": "required by some of the workers only: set LEDGER_SIGNATURES alike",
}


def print_status(found: Status) -> None:
    """The status as one screen."""
    for warning in found.warnings:
        screen.out.print(screen.words(warning, "red"), soft_wrap=True)
    shards = Table("shard", "waiting", "oldest", "", title="Backlog", title_justify="left")
    for shard, count in found.backlog.items():
        oldest = found.oldest_seconds.get(shard)
        pause = found.paused.get(str(shard), found.paused.get(streams.ALL))
        state = screen.words("draining" if shard in found.draining else "")
        if pause is not None:
            state = screen.words(f"paused by {pause.by} {pause.at}: {pause.why}", "yellow")
        shards.add_row(str(shard), f"{count:,}", "" if oldest is None else f"{oldest:,.1f} s", state)
    screen.out.print(shards)
    if found.strays:
        screen.out.print(screen.words(words(found.strays, len(found.backlog)), "yellow"), soft_wrap=True)
    if found.held is not None:
        screen.out.print(screen.words(f"nothing is recorded for now: {found.held}", "red"))
    for alarm in found.alarms:
        screen.out.print(screen.words(f"{alarm}; {TO_DO}", "red"), soft_wrap=True)
    if found.set_aside:
        screen.out.print(_set_aside(found.set_aside))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("waiting in all", f"{sum(found.backlog.values()):,}")
    facts.add_row("rate", f"{found.rate_10s:,.1f}/s in the last 10 s, {found.rate_60s:,.1f}/s in the last minute")
    facts.add_row("since the broker began", ", ".join(f"{n:,} {name}" for name, n in found.totals.items()) or "nothing")
    facts.add_row("dead letters", ", ".join(f"{n:,} {name}" for name, n in found.dead_letters.items()) or "none")
    since = "" if found.outbox.since is None else f", the first of them since {screen.time(found.outbox.since)}"
    facts.add_row("outbox", f"{found.outbox.waiting:,} messages wait for an inbox{since}{_pace(found.outbox)}")
    names = ", ".join(f"{name} ({n} {_process(n)}, {found.pools[name]})" for name, n in (found.workers or {}).items())
    none = "none: nothing is recorded until one is started"
    facts.add_row("workers", screen.words(names or (_MAY_NOT_ASK if found.workers is None else none)))
    if found.signatures is not None:
        facts.add_row("signatures", _SIGNATURES.get(found.signatures, found.signatures))
    facts.add_row("database", ", ".join(f"{name} {value}" for name, value in found.database.items()))
    screen.out.print(facts)
    for finding in found.checks:
        screen.out.print(checked(finding), soft_wrap=True)


def checked(finding: Finding) -> Text:
    """What is wrong with a server, as a line."""
    return screen.words(str(finding), _CHECK_STYLES[finding.severity])


def _pace(outbox: Outbox) -> str:
    if not outbox.posted_60s:
        return ""
    return f"; put into one: {outbox.posted_10s:,.1f}/s in the last 10 s, {outbox.posted_60s:,.1f}/s in the last minute"


def _set_aside(waiting: Sequence[Waiting]) -> Table:
    sources = Table("source", "entries", "bytes", "", title="Set aside", title_justify="left")
    for one in waiting:
        why = screen.words(f"by {one.by} {one.since}: {one.why}", "yellow")
        sources.add_row(screen.words(ascii(one.source)[1:-1]), f"{one.entries:,}", f"{one.bytes:,}", why)
    return sources


def _process(count: int) -> str:
    return "process" if count == 1 else "processes"
