"""`flowledger pause` and `flowledger resume`: whether what is published is recorded, or waits in Redis."""

from __future__ import annotations

from dataclasses import dataclass

import typer

from cli.people import who
from domain import streams
from domain.settings import Settings
from workers.connections import connect
from workers.pauses import Pause, Pauses


@dataclass(frozen=True, slots=True)
class Changed:
    """What a command did, and all that is paused after it: by shard, or `all`."""

    done: str
    shards: list[str]
    paused: dict[str, Pause]

    def words(self) -> str:
        names = "nothing" if not self.shards else "all shards" if streams.ALL in self.shards else _shards(self.shards)
        left = _shards(self.paused) if self.paused else "nothing"
        return f"{self.done}: {names}; paused now: {left if streams.ALL not in self.paused else 'all shards'}"


def pause(settings: Settings, shards: list[int], why: str, by: str | None) -> Changed:
    """Pauses `shards` (none: all). Batches under way are recorded to their end. Raises BadParameter."""
    _check(shards, settings.shards)
    pauses = Pauses(connect(settings))
    pauses.pause(shards, Pause.of(why, who(by)))
    return Changed("paused", [str(shard) for shard in shards] or [streams.ALL], pauses.all())


def resume(settings: Settings, shards: list[int]) -> Changed:
    """Resumes `shards` (none: all that are paused). Raises BadParameter."""
    _check(shards, settings.shards)
    pauses = Pauses(connect(settings))
    ended = pauses.resume(shards, settings.shards)
    return Changed("resumed", ended, pauses.all())


def _check(shards: list[int], of: int) -> None:
    wrong = [shard for shard in shards if shard >= of]
    if wrong:
        raise typer.BadParameter(f"there is no shard {wrong[0]}: they are 0 to {of - 1}", param_hint="--shard")


def _shards(names: object) -> str:
    numbers = sorted(str(name) for name in names)  # type: ignore[attr-defined]
    return f"shard{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
