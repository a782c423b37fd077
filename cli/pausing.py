"""`flowledger pause` and `flowledger resume`: whether what is published is recorded, or waits in Redis."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated

import typer

from flowledger.cli import screen
from flowledger.cli.people import who
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers.asides import Asides, Waiting
from flowledger.workers.connections import connect
from flowledger.workers.pauses import Pause, Pauses

Shards = Annotated[
    list[int] | None, typer.Option("--shard", min=0, help="A shard's number; may be repeated. Default: all.")
]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a command did, and all that is paused after it: by shard, or `all`."""

    done: str
    shards: list[str]
    sources: dict[str, int]
    """By source, how many entries were put back."""
    paused: dict[str, Pause]
    set_aside: list[Waiting]
    """Sources whose entries are set aside after it."""

    def words(self) -> str:
        names = [*_shards(self.shards), *(_source(source, self.done, n) for source, n in self.sources.items())]
        left = [*_shards(self.paused), *(f"source {one.source!a}" for one in self.set_aside)]
        return f"{self.done}: {', '.join(names) or 'nothing'}; paused now: {', '.join(left) or 'nothing'}"


def pause(settings: Settings, shards: list[int], sources: list[str], why: str, by: str | None) -> Changed:
    """Pauses `shards` and `sources` (neither: all shards). Batches under way are recorded to their end.

    Raises BadParameter.
    """
    _check(shards, settings.shards)
    client = connect(settings)
    pauses, asides = Pauses(client), Asides(client)
    if shards or not sources:
        pauses.pause(shards, Pause.of(why, who(by)))
    for source in sources:
        asides.set_aside(source, why, who(by))
    names = [str(shard) for shard in shards] or ([] if sources else [streams.ALL])
    return Changed("paused", names, dict.fromkeys(sources, 0), pauses.all(), asides.all())


def resume(settings: Settings, shards: list[int], sources: list[str]) -> Changed:
    """Resumes `shards` and `sources` (neither: all shards that are paused). Raises BadParameter."""
    _check(shards, settings.shards)
    client = connect(settings)
    pauses, asides = Pauses(client), Asides(client)
    ended = pauses.resume(shards, settings.shards) if shards or not sources else []
    returned = {source: asides.resume(source, settings.shards) for source in sources}
    found = {source: count for source, count in returned.items() if count is not None}
    return Changed("resumed", ended, found, pauses.all(), asides.all())


def _check(shards: list[int], of: int) -> None:
    wrong = [shard for shard in shards if shard >= of]
    if wrong:
        raise typer.BadParameter(f"there is no shard {wrong[0]}: they are 0 to {of - 1}", param_hint="--shard")


def _shards(names: Collection[str]) -> list[str]:
    if streams.ALL in names:
        return ["all shards"]
    numbers = sorted(names)
    return [f"shard{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"] if numbers else []


def _source(source: str, done: str, entries: int) -> str:
    return f"source {source!a}" + (f" ({entries:,} entries)" if done == "resumed" else "")


def print_changed(changed: Changed, *, as_json: bool) -> None:
    """Tell what a command did."""
    if as_json:
        screen.print_json(changed)
    else:
        screen.out.print(screen.words(changed.words()), soft_wrap=True)
