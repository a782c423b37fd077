"""How a drain went, in a word: one that buried something does not look like a success."""

from __future__ import annotations

from typing import Any, NamedTuple


class State(NamedTuple):
    """A word, and its colour: `good`, `warn` or `bad`."""

    words: str
    look: str


def state_of(drain: Any) -> State:
    """Return the state of a record, or a row, of `drains`."""
    if drain.dead:
        return State(f"buried {drain.dead:,} of {drain.recorded + drain.repeated + drain.dead:,}", "bad")
    return State("waited", "warn") if drain.why is not None else State("recorded", "good")


def result_of(drain: Any) -> str:
    """Return what it did, in a line."""
    dead = "dead letter" if drain.dead == 1 else "dead letters"
    counts = [(drain.recorded, "recorded"), (drain.repeated, "known already"), (drain.dead, dead)]
    done = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "nothing"
    return done if drain.why is None else f"{done}; {drain.why}"
