"""What to do about a dead letter: the command that mends it, as lists, `show` and pages name it."""

from __future__ import annotations

import re
import shlex
from typing import Final, NamedTuple

from flowledger.domain.mending import fields_of
from flowledger.domain.records import DeadLetter, ListedDeadLetter


class Advice(NamedTuple):
    """A command to begin with, to be completed where it says "…", and words behind it; either may be empty."""

    command: str
    words: str = ""

    def __str__(self) -> str:
        return self.command + self.words


_REPLAY: Final = "flowledger dead-letters replay"
_DISCARD: Final = "flowledger dead-letters discard"
_BEYOND: Final = "flowledger import --beyond-horizon --whole -"
_IF_NEW: Final = ", if it was never recorded; otherwise discard it"
_PLAIN: Final = re.compile(r"[\w.:/-]+", re.ASCII)
_BEHIND: Final = {
    "replayed": ("", ", when LEDGER_SIGNATURE_AGE_SECONDS allows it; or discard it"),
    "too_large": (" --unset …", "; or as it is, when LEDGER_MAX_EVENT_BYTES allows it"),
    "not_json": (" --edit", ", --set … or --from FILE"),
    "unknown_type": (" --set type=…", "; or as it is, when a newer release knows the type"),
    "unrecordable": ("", ", when the database takes it"),
}
"""By the reason: what belongs to the command, and the words behind it."""


def advice(letter: DeadLetter | ListedDeadLetter) -> Advice:
    """Return what to do about a dead letter, in a few words."""
    if letter.status != "open":
        return Advice("", "nothing: replay it with --again where that was not enough")
    command = f"{_REPLAY} {letter.id}"
    if letter.reason == "malformed_entry":
        return _of_malformed(letter, command)
    if letter.reason == "replayed" and letter.field == "id":
        return Advice("", "it is recorded already: discard it")
    if letter.reason == "too_old":
        return Advice(f"flowledger dead-letters show {letter.id} --raw | {_BEYOND}", _IF_NEW)
    return of_reason(letter.reason, letter.field, command)


def of_group(reason: str, field: str) -> Advice:
    """Return what to do about all open dead letters with this reason and field."""
    chosen = f"--all --reason {reason} --at {shlex.quote(field)}"
    if reason == "malformed_entry":
        return Advice(f"{_REPLAY} {chosen} --field …", ", where the event is in one of several fields")
    if reason == "replayed" and field == "id":
        return Advice(f"{_DISCARD} {chosen}", ": they are recorded already")
    if reason == "too_old":
        return Advice(f"{_DISCARD} {chosen}", f", or `{_BEYOND}` of each one that was never recorded")
    if reason == "not_json":
        return Advice(f"{_REPLAY} {chosen} --set …", ", or one by one with --edit")
    return of_reason(reason, field, f"{_REPLAY} {chosen}")


def of_reason(reason: str, field: str, command: str) -> Advice:
    """Return `command` with what mends this field, refused for this reason."""
    if reason in _BEHIND:
        more, words = _BEHIND[reason]
        return Advice(command + more, words)
    if reason == "forged":
        return _of_forged(field, command)
    if reason == "conflict":
        return Advice(
            f"{command} --set {_to_set(field or 'id')}", ": an id of its own, if it is another; or discard it"
        )
    return _change_of_field(reason, field, command)


def _of_malformed(letter: DeadLetter | ListedDeadLetter, command: str) -> Advice:
    if not isinstance(letter, DeadLetter):  # a list has no bytes to look at
        return Advice(f"{command} --edit")
    fields = fields_of(letter.raw)
    if fields is None:
        return Advice(command, " sends the one field as it is")
    names = ", ".join(f"{number} {ascii(name)[1:][:40]}" for number, (name, _) in enumerate(fields, 1))
    return Advice(f"{command} --field NUMBER", f", where the event is one of {names}; or --edit")


def _of_forged(field: str, command: str) -> Advice:
    if field in ("source", "subject"):
        return Advice("", "its sender sends it again, with names of its own; or find out who it was, and discard it")
    when = "the workspace has it so" if field.startswith("data.") else "the key of its speaker is there"
    return Advice(command, f", when {when}; or find out who it was, and discard it")


def _change_of_field(reason: str, field: str, command: str) -> Advice:
    """Attributes of the envelope are texts, also where they look like numbers."""
    if not field:
        return Advice(f"{command} --edit")
    if field == "data_base64":
        return Advice(f"{command} --unset data_base64", ", and --set data=…")
    is_text = reason == "invalid_envelope" and field != "data"
    return Advice(f"{command} {'--set-text' if is_text else '--set'} {_to_set(field)}")


def _to_set(field: str) -> str:
    """Return a field with a value to fill in, as a shell reads it: producers name fields, and could name a command."""
    return f"{field}=…" if _PLAIN.fullmatch(field) else shlex.quote(f"{field}=…")
