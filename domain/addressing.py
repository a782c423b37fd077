"""The text of a message as one recipient receives it (contract, section 8).

A message to several recipients would carry all their names into each inbox. So each receives the event with its own
name alone in `to_sandbox_ids`. The text is cut and pasted: everything else stays as it was sent, byte for byte.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from flowledger.domain import json_text
from flowledger.domain.json_pieces import first_value, read_members


class Addressed(NamedTuple):
    """The text of a recorded `message.sent`, cut at the list of its recipients."""

    before: str
    names: frozenset[str] | None
    """The recipients that the message names; None if it is a broadcast."""
    after: str
    as_sent: str | None
    """The whole text if it names one recipient; None otherwise."""

    @classmethod
    def of(cls, text: str) -> Addressed:
        """Cut the text of a recorded event, which is strict JSON."""
        data = next(member for member in read_members(text, first_value(text)) if member.name == "data")
        for there in read_members(text, data.value):
            if there.name == "to_sandbox_ids" and (names := json.loads(text[there.value : there.end])) is not None:
                as_sent = text if len(names) == 1 else None
                return cls(text[: there.value], frozenset(names), text[there.end :], as_sent)
        return cls(text, None, "", text)

    def names_only_others(self, recipient: str) -> bool:
        """Return whether the message names recipients, and `recipient` is not one of them."""
        return self.names is not None and recipient not in self.names

    def to(self, recipient: str) -> str:
        """Return the text for one of the recipients."""
        return self.as_sent or f"{self.before}{json_text.dumps([recipient])}{self.after}"
