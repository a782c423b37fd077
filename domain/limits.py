"""How large an event may be: one object, made from the settings, for publishers and workers alike (CONTRACT §2).

Each limit is a field of `domain.settings.Settings` of the same name, and so an environment variable, which a refusal
names. The highest values are what Python's JSON reader and PostgreSQL can hold: see docs/operations.md, Limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest values that are accepted; the defaults are the contract's."""

    max_event_bytes: int = 1_048_576
    """Of the event's JSON text, in UTF-8."""
    max_depth: int = 500
    """Levels of nesting; the event's own braces are the first."""
    max_digits: int = 4_300
    """Of an integer as written. Numbers with a fraction or an exponent have their own bounds (`domain.json_text`)."""
    max_number_bytes: int = 1_048_576
    """Of all numbers with an exponent together, as PostgreSQL writes them: without exponent."""
    max_id_bytes: int = 512
    """Of `id`, `subject`, `node`, and each field of ids, in UTF-8."""
    max_source_bytes: int = 1_024
    """Of `source`, in UTF-8."""
    max_recipients: int = 1_000
    """Different sandboxes that one `message.sent` names. A broadcast goes to all sandboxes of its workspace."""
    of_recorded: ClassVar[bool] = False
    """Whether they are for events that were recorded before: names of time zones that have gone since are accepted."""


class Range(NamedTuple):
    """The values that a limit may be set to."""

    least: int
    highest: int


DEFAULT_LIMITS: Final = Limits()

RANGES: Final = {
    "max_event_bytes": Range(1_024, 64 * 2**20),
    "max_depth": Range(8, 750),
    "max_digits": Range(19, 131_072),
    "max_number_bytes": Range(1_024, 64 * 2**20),
    "max_id_bytes": Range(64, 1_024),
    "max_source_bytes": Range(64, 1_600),
    "max_recipients": Range(1, 100_000),
}


class _OfRecorded(Limits):
    of_recorded = True


WIDEST: Final[Limits] = _OfRecorded(**{name: range_.highest for name, range_ in RANGES.items()})
"""The limits if every setting has its highest value: for events that were recorded under other settings."""


class BeyondLimit(ValueError):
    """A value exceeds a limit; `field` is its path, empty if it is the whole event."""

    def __init__(self, field: str, there: str, limit: int, name: str) -> None:
        self.field = field
        super().__init__(f"{there}; the limit is {limit:,} ({variable(name)})")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"LEDGER_{name.upper()}"
