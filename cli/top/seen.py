"""What `flowledger top` knows at a moment; what a server that went away told last stays, and is marked as old."""

from __future__ import annotations

from dataclasses import dataclass, field

from flowledger.domain.records import ListedDeadLetter
from flowledger.workers.checks import Finding
from flowledger.workers.health.alive import Alive
from flowledger.workers.status.gather import OfDatabase, OfRedis


@dataclass(frozen=True, slots=True)
class FromRedis:
    """What Redis tells each second. `history` are events a second in periods of ten seconds, the oldest first."""

    now: OfRedis
    workers: list[Alive]
    history: list[float]
    busy: list[str]
    """Which tasks of which only one runs at a time are at work: the postman, the scheduler."""


@dataclass(frozen=True, slots=True)
class FromDatabase:
    """What the database tells each second. `by_type` are events a second of each type, over the last seconds."""

    now: OfDatabase
    by_type: dict[str, float]
    letters: list[ListedDeadLetter]


@dataclass(frozen=True, slots=True)
class FromChecks:
    """What is asked now and then: what is wrong with the servers, and with their bond."""

    findings: list[Finding]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class Away:
    """A server that does not answer: since when (in s since the epoch), and what its client says."""

    since: float
    words: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known at the moment `at`, in s since the epoch; None of what no server has told yet."""

    at: float
    redis: FromRedis | None = None
    database: FromDatabase | None = None
    checks: FromChecks | None = None
    away: dict[str, Away] = field(default_factory=dict)
    is_paused: bool = False
    """Whether the screen stands still, because somebody wants to read it."""
