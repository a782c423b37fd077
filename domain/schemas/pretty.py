"""JSON text for people: what fits into a line stands in one."""

from __future__ import annotations

import json
from typing import Any, Final

_WIDTH: Final = 120
_INDENT: Final = "  "


def pretty(value: Any, indent: str = "", before: int = 0) -> str:
    """Return JSON text in ASCII; the first of its lines begins after `indent` and `before` more characters."""
    text = json.dumps(value)
    if len(indent) + before + len(text) < _WIDTH or not isinstance(value, dict | list) or not value:
        return text
    inner = indent + _INDENT
    if isinstance(value, list):
        items = [pretty(item, inner) for item in value]
        return f"[\n{_joined(items, inner)}\n{indent}]"
    names = [f"{json.dumps(name)}: " for name in value]
    members = [name + pretty(item, inner, len(name)) for name, item in zip(names, value.values(), strict=True)]
    return f"{{\n{_joined(members, inner)}\n{indent}}}"


def _joined(parts: list[str], indent: str) -> str:
    return ",\n".join(indent + part for part in parts)
