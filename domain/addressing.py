"""The text of a message as one recipient gets it (contract, section 8).

A message to several would carry the names of all of them into each inbox. So each gets the event with itself alone in
`to_sandbox_ids`, cut and pasted as text: everything else stays byte for byte as it was sent.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from flowledger.domain import json_text
from flowledger.domain.json_pieces import first_value, read_members


class Addressed(NamedTuple):
    """The text of a recorded `message.sent`, cut where its recipients stand."""

    before: str
    names: frozenset[str] | None
    """Those that it names; None if it is a broadcast."""
    after: str
    as_sent: str | None
    """The whole text, if it goes to each recipient as it is."""

    @classmethod
    def of(cls, text: str) -> Addressed:
        """Cuts the text of an event that was recorded, which is JSON to the letter."""
        data = next(member for member in read_members(text, first_value(text)) if member.name == "data")
        for there in read_members(text, data.value):
            if there.name == "to_sandbox_ids" and (names := json.loads(text[there.value : there.end])) is not None:
                as_sent = text if len(names) == 1 else None
                return cls(text[: there.value], frozenset(names), text[there.end :], as_sent)
        return cls(text, None, "", text)

    def names_only_others(self, recipient: str) -> bool:
        """Whether it is addressed by name, and not to `recipient`."""
        return self.names is not None and recipient not in self.names

    def to(self, recipient: str) -> str:
        """The text for one of its recipients."""
        return self.as_sent or f"{self.before}{json_text.dumps([recipient])}{self.after}"
