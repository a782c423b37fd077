"""Records of any kind in tables and lists of facts: which fields are shown, and how, as HTML that is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from tornado.escape import xhtml_escape

from flowledger.domain.readable_json import json_set_out, json_words
from flowledger.web import words
from flowledger.web.looks import look
from flowledger.web.runs.oddities import LATE

_CELL: Final = 500
"""Characters of a value in a table."""
_ELSEWHERE: Final = frozenset({
    "id", "status", "input", "output", "error", "usage", "initial_state", "current_state", "final_state",
    "took_seconds", "created_at",
})  # fmt: skip
"""Fields of executions and tasks that have a place of their own on the page."""
_NO_LINKS: Final = frozenset({"event_id", "entry_id"})
FIND: Final = "/ledger/find"


def facts_of(record: Any) -> list[str]:
    """Return the fields of an execution or a task that have a value and no place of their own."""
    names = (field.name for field in fields(record))
    return [name for name in names if name not in _ELSEWHERE and getattr(record, name) is not None]


def columns_of(rows: Sequence[Any]) -> list[str]:
    """Return the fields of which any of these records has a value."""
    return [field.name for field in fields(rows[0]) if any(getattr(row, field.name) is not None for row in rows)]


def cell(name: str, value: Any) -> str:
    """Return HTML (`{% raw cell(…) %}`): a value of a field; an id leads to what it names."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return words.when(value)
    if name == "status":
        return f'<span class="ledger-state {look(value)}">{xhtml_escape(str(value))}</span>'
    text = value if isinstance(value, str) else json_words(value)
    shown = xhtml_escape(words.safe(text[:_CELL]) + ("…" if len(text) > _CELL else ""))
    if isinstance(value, str) and name.endswith("_id") and name not in _NO_LINKS:
        return f'<a href="{FIND}?{xhtml_escape(urlencode({"q": value}))}">{shown}</a>'
    return shown


def set_out(value: Any) -> str:
    """Return a value as text: JSON over several lines, or a text as it is."""
    return value if isinstance(value, str) else json_set_out(value)


FUNCTIONS: Final[dict[str, Any]] = {
    "facts_of": facts_of, "columns_of": columns_of, "cell": cell, "set_out": set_out, "look": look, "late": LATE,
}  # fmt: skip
"""By these names in each template of `web/templates/ledger`."""
