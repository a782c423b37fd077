"""Texts that no row can have, as a value of a question: a row has U+FFFD in the place of what it cannot hold.

PostgreSQL's text holds neither U+0000 nor lone surrogates, and the drivers refuse them in their own ways, even before a
statement is sent. Whatever is asked for by such a text (an id from a command line, a page's address, a program) is
looked for in the form in which a row would have it (`json_text.plain`), with both databases alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from flowledger.domain.json_text import is_plain, plain


def make_askable(engine: Engine) -> None:
    """Let all SELECTs of an engine take any text. What is written is not changed: who writes makes it plain."""
    event.listen(engine, "before_cursor_execute", _with_plain_texts, retval=True)


def _with_plain_texts(
    _connection: Any, _cursor: Any, statement: str, values: Any, context: Any, executemany: bool
) -> tuple[str, Any]:
    if executemany or not values or not _is_select(context):
        return statement, values
    given = values.values() if isinstance(values, dict) else values
    if all(not isinstance(value, str) or is_plain(value) for value in given):
        return statement, values
    if isinstance(values, dict):
        return statement, {name: _plain(value) for name, value in values.items()}
    return statement, type(values)(map(_plain, values))


def _is_select(context: Any) -> bool:
    compiled = getattr(context, "compiled", None)
    return bool(compiled is not None and getattr(compiled.statement, "is_select", False))


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, str) else value
