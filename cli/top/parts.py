"""The parts of the screen of `flowledger top`, each a title and lines; the most telling lines first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import frexp, inf
from typing import Any, Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.top.seen import FromDatabase, FromRedis, Seen
from flowledger.domain import streams
from flowledger.domain.records import ListedDeadLetter
from flowledger.workers.checks import Severity

_BARS: Final = "▁▂▃▄▅▆▇█"
_WHOLE: Final = 100
"""Rates from here on are shown without a fraction."""
_LETTERS: Final = 12
"""Lines of dead letters beside other parts."""
_OLD_SECONDS: Final = 10.0
"""An entry that waits longer is shown in red."""


@dataclass(frozen=True, slots=True)
class Part:
    """A title and lines below it; `least` lines are shown before other parts get more.

    If not all lines fit, those are shown that have the greatest `weights`, or the first ones, in their order.
    """

    title: Text
    lines: list[Text]
    least: int = 2
    weights: Sequence[float] = ()

    def fitting(self, most: int) -> list[Text]:
        """Return `most` lines; the last one says how many more there are."""
        if len(self.lines) <= most:
            return self.lines
        places: Iterable[int] = range(len(self.lines))
        if self.weights:
            places = sorted(places, key=lambda place: -self.weights[place])
        chosen = sorted(islice(places, most - 1))
        more = Text(f"   and {len(self.lines) - len(chosen):,} more", style="dim")
        return [*(self.lines[place] for place in chosen), more]


def head(seen: Seen, width: int) -> Text:
    """Return the first line: what this is, when, and the keys."""
    moment = screen.time_of(seen.at)
    left = Text.assemble(("flowledger top", "bold"), f"  {moment} UTC")
    if seen.is_paused:
        left.append("  stands still, p goes on", style="black on yellow")
    right = Text("q quit  p pause  d dead letters", style="dim")
    gap = width - left.cell_len - right.cell_len
    return Text.assemble(left, " " * gap, right) if gap >= 2 else left


def alarms(seen: Seen) -> list[Text]:
    """Return what somebody must know before all else, the worst first."""
    found = [
        screen.words(f"{name} does not answer since {screen.time_of(away.since)}: {away.words}", "bold red")
        for name, away in seen.away.items()
    ]
    if seen.redis is not None and "Redis" not in seen.away:
        found += _of_redis(seen.redis)
    if seen.checks is not None:
        found += [screen.words(warning, "red") for warning in seen.checks.warnings]
        grave = [one for one in seen.checks.findings if one.severity is Severity.REFUSE]
        found += [screen.words(str(finding), "bold red") for finding in grave]
    return found


def _of_redis(told: FromRedis) -> Iterator[Text]:
    if told.now.held is not None:
        yield screen.words(f"nothing is recorded for now: {told.now.held}", "bold red")
    if not told.workers:
        yield screen.words("no worker is alive: nothing is recorded until one is started", "bold red")
    pause = told.now.paused.get(streams.ALL)
    if pause is not None:
        yield screen.words(f"all shards are paused by {pause.by} {pause.at}: {pause.why}", "bold yellow")
    for one in told.now.set_aside:
        words = f"set aside: {ascii(one.source)[1:-1]}, {one.entries:,} entries, by {one.by}: {one.why}"
        yield screen.words(words, "yellow")


def rates(seen: Seen, width: int) -> list[Text]:
    """Return how fast events are recorded, with a sparkline of the last ten minutes, and what waits."""
    if seen.redis is None:
        return []
    now = seen.redis.now
    waiting, oldest = sum(now.backlog.values()), max(now.oldest_seconds.values(), default=0.0)
    line = Text.assemble(
        ("events ", "dim"), (f"{_rate(now.rate_10s)}", "bold"), f"  {_rate(now.rate_60s)} in 60 s", "   ",
        ("waiting ", "dim"), (f"{waiting:,}", _waits(oldest) if waiting else "bold"),
        f", {oldest:,.1f} s" if waiting else "", "   ",
        ("dead ", "dim"), (f"{now.dying:,}/min", "bold red" if now.dying else "bold"),
    )  # fmt: skip
    return [line, _sparkline(seen.redis.history, width)]


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= _WHOLE else f"{rate:,.1f}/s"


def _sparkline(history: Sequence[float], width: int) -> Text:
    shown = history[-max(10, width - 36) :]
    most = max(shown, default=0.0)
    bars = "".join(_BARS[min(7, int(value / most * 7.999))] if most else _BARS[0] for value in shown)
    minutes = len(shown) * streams.RATE_SECONDS / 60
    return Text.assemble((bars, "cyan"), (f"  {minutes:.0f} min, at most {_rate(most)}", "dim"))


def backlog(told: FromRedis) -> Part:
    """Return the shards by number; those that are paused, or have most waiting, stay if not all fit."""
    now = told.now
    lines = [_shard(told, shard) for shard in now.backlog]
    weights = [inf if str(shard) in now.paused else count for shard, count in now.backlog.items()]
    title = Text.assemble(("Backlog", "italic"), (f"{'waiting':>8} {'oldest':>9}", "dim"))
    return Part(title, lines, least=3, weights=weights)


def _shard(told: FromRedis, shard: int) -> Text:
    now = told.now
    oldest, pause = now.oldest_seconds.get(shard), now.paused.get(str(shard))
    age = "" if oldest is None else f"{oldest:,.1f} s"
    count = now.backlog[shard]
    line = Text(f"{shard:>5} {count:>9,} {age:>9}  ", style=_waits(oldest) if count else "dim")
    if pause is not None:
        return line.append_text(screen.words(f"paused by {pause.by}: {pause.why}", "bold yellow"))
    return line.append("draining" if shard in now.draining else "", style="cyan")


def _waits(oldest: float | None) -> str:
    return "bold red" if oldest is not None and oldest > _OLD_SECONDS else "yellow"


def by_type(told: FromDatabase) -> Part:
    """Return what is recorded right now."""
    lines = [
        Text.assemble(f"{rate:>10,.1f}/s  ", screen.words(type_, _style(type_))) for type_, rate in told.by_type.items()
    ]
    return Part(Text("Recorded now, by type", style="italic"), lines or [Text("   nothing", style="dim")])


def _magnitude(item: tuple[str, float]) -> tuple[int, str]:
    """Sort by powers of two, then by name: types of about the same rate do not change places each second."""
    type_, rate = item
    return -frexp(rate)[1], type_


def _style(type_: str) -> str:
    return "red" if type_.endswith((".failed", ".timed_out")) else ""


def letters(told: FromDatabase, at: float, most: int = _LETTERS) -> Part:
    """Return the last dead letters: their age, reason and field, and what they are about."""
    open_ones = told.now.dead_letters.get("open", 0)
    size = told.now.dead_letter_bytes / 2**20
    title = Text.assemble(("Dead letters", "italic"), (f"  {open_ones:,} open, {size:,.1f} MiB", "dim"))
    lines = [_letter(one, at) for one in told.letters[:most]]
    return Part(title, lines or [Text("   none", style="dim")], least=3)


def _letter(letter: ListedDeadLetter, at: float) -> Text:
    age = _age(at - letter.first_seen.timestamp())
    about = " ".join(part for part in (letter.type, letter.subject or letter.source) if part)
    return Text.assemble(
        (f"{age:>9}  ", "dim"), screen.words(letter.reason, "red"), " ", screen.words(letter.field, "yellow"), "  ",
        screen.words(about, limit=200), "  ",
        screen.words(letter.detail.removeprefix(f"{letter.field}: "), "dim", limit=300),
    )  # fmt: skip


def _age(seconds: float) -> str:
    """Return how long ago, short enough for a column."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def workers(told: FromRedis) -> Part:
    """Return the workers that live, and what they do."""
    shards = ", ".join(map(str, told.now.draining))
    doing = [*([f"draining {shards}"] if shards else []), *told.busy]
    title = Text.assemble(("Workers", "italic"), (f"  {'; '.join(doing) or 'idle'}", "dim"))
    lines = [
        Text.assemble("   ", screen.words(one.name), (f"  {one.processes} {one.pool}, process {one.pid}", "dim"))
        for one in told.workers
    ]
    return Part(title, lines or [Text("   none", style="bold red")], least=1)


def post(told: FromDatabase, broker: FromRedis | None) -> Part:
    """Return how messages, schedules and the database do."""
    now = told.now
    since = "" if now.since is None else f" since {screen.time(now.since)[11:19]}"
    posted = 0.0 if broker is None else broker.now.last[0].get("posted", 0) / 10
    planned = now.schedules
    late = f", {planned.late:,} late" if planned.late else ""
    failing = f", {planned.failing:,} cannot be fired" if planned.failing else ""
    next_due = "" if planned.next_due_at is None else f", next {screen.time(planned.next_due_at)[11:19]}"
    lines = [
        Text(f"   outbox     {now.waiting:,} messages wait{since}; {posted:,.1f}/s go into inboxes"),
        Text(f"   schedules  {planned.enabled:,} enabled{late}{failing}{next_due}"),
        Text(f"   database   {_database(now.database)}", style="dim"),
    ]
    if late or failing:
        lines[1].stylize("yellow")
        lines.insert(0, lines.pop(1))
    return Part(Text("Messages, schedules", style="italic"), lines, least=3)


def _database(facts: Mapping[str, Any]) -> str:
    if "connections" not in facts:
        return str(facts["kind"])
    return f"{facts['kind']}, {facts['connections']} of {facts['server_limit']} connections"


def findings(seen: Seen) -> Part | None:
    """Return what is not as it should be with the servers, if anything is."""
    some = [] if seen.checks is None else [one for one in seen.checks.findings if one.severity is Severity.WARN]
    lines = [screen.words(f"   {one}", "yellow") for one in some]
    return Part(Text("Servers", style="italic"), lines, least=1) if lines else None
