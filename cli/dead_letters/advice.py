"""What to do about a dead letter: the command that mends it, as the list, `show` and `dead-letters show` name it."""

from __future__ import annotations

from flowledger.domain.mending import fields_of
from flowledger.domain.records import DeadLetter, ListedDeadLetter


def advice(letter: DeadLetter | ListedDeadLetter) -> str:
    """Return what to do about a dead letter, in a few words."""
    if letter.status != "open":
        return "nothing: replay it with --again where that was not enough"
    command = f"flowledger dead-letters replay {letter.id}"
    if letter.reason == "malformed_entry":
        if not isinstance(letter, DeadLetter):  # a list has no bytes to look at
            return f"{command} --edit"
        fields = fields_of(letter.raw)
        if fields is None:
            return f"{command} sends the one field as it is"
        names = ", ".join(f"{number} {ascii(name)[1:][:40]}" for number, (name, _) in enumerate(fields, 1))
        return f"{command} --field NUMBER, where the event is one of {names}; or --edit"
    if letter.reason == "replayed" and letter.field == "id":
        return "it is recorded already: discard it"
    return {
        "forged": _of_forged(letter, command),
        "replayed": f"{command}, when LEDGER_SIGNATURE_AGE_SECONDS allows it; or discard it",
        "conflict": f"{command} --set {letter.field or 'id'}=…: an id of its own, if it is another; or discard it",
        "too_large": f"{command} --unset …; or as it is, when LEDGER_MAX_EVENT_BYTES allows it",
        "not_json": f"{command} --edit, --set … or --from FILE",
        "unknown_type": f"{command} --set type=…; or as it is, when a newer release knows the type",
        "unrecordable": f"{command}, when the database takes it",
    }.get(letter.reason, f"{command} {_change_of_field(letter)}")


def _of_forged(letter: DeadLetter | ListedDeadLetter, command: str) -> str:
    if letter.field in ("source", "subject"):
        return "its sender sends it again, with names of its own; or find out who it was, and discard it"
    when = "the workspace has it so" if letter.field.startswith("data.") else "the key of its speaker is there"
    return f"{command}, when {when}; or find out who it was, and discard it"


def _change_of_field(letter: DeadLetter | ListedDeadLetter) -> str:
    """Attributes of the envelope are texts, also where they look like numbers."""
    if not letter.field:
        return "--edit"
    if letter.field == "data_base64":
        return "--unset data_base64, and --set data=…"
    is_text = letter.reason == "invalid_envelope" and letter.field != "data"
    return f"{'--set-text' if is_text else '--set'} {letter.field}=…"
