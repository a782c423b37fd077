"""Statuses of records, and the ranks of those that have ranks (CONTRACT §3)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """The status of an execution, a node run or a task."""

    PENDING = "pending"
    RETRYING = "retrying"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"


TERMINAL_RANK: Final = 4

RANKS: Final[dict[Status, int]] = {
    Status.PENDING: 0,
    Status.RETRYING: 1,
    Status.QUEUED: 2,
    Status.RUNNING: 3,
    Status.PAUSED: 3,
    Status.COMPLETED: TERMINAL_RANK,
    Status.FAILED: TERMINAL_RANK,
    Status.CANCELLED: TERMINAL_RANK,
    Status.TIMED_OUT: TERMINAL_RANK,
    Status.SKIPPED: TERMINAL_RANK,
}


TERMINAL: Final = frozenset(status for status, rank in RANKS.items() if rank == TERMINAL_RANK)


class Switch(StrEnum):
    """The status of a record that is enabled or disabled. There are no ranks: the last report counts."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DeadLetterStatus(StrEnum):
    """The status of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterAction(StrEnum):
    """What was done with a dead letter: sent again, refused again when tried (nothing was sent), or given up."""

    REPLAYED = "replayed"
    REFUSED = "refused"
    DISCARDED = "discarded"


class Level(StrEnum):
    """Levels of log lines, as stored in `task_logs`."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


LEVEL_NAMES: Final[dict[str, Level]] = {level.value: level for level in Level} | {
    "trace": Level.DEBUG,
    "warn": Level.WARNING,
    "fatal": Level.CRITICAL,
}
"""What producers may write, in upper or lower case, and the level that is stored (CONTRACT §4)."""
