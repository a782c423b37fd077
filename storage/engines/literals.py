"""Values as SQL literals, for a text of many statements: bound by this process, as psycopg2 itself does it.

A text without a quote and a backslash, an integer and null are written as they are: nothing in them needs an escape.
Bytes are written in hexadecimal, with an escape that each setting of the session reads alike.
All else is psycopg2's to write. Measured: psycopg2, which takes each value through an adapter and libpq, takes 15 µs
for an event of 30 values, this 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def execute(cursor: Any, name: str, values: Sequence[Any]) -> bytes:
    """Return the text that executes a prepared statement with these values. Raises as `literals` does."""
    return b"EXECUTE %s (%s);" % (name.encode(), literals(cursor, values))


def literals(cursor: Any, values: Sequence[Any]) -> bytes:
    """Return the values as literals with commas between them, in the session's encoding.

    Raises ValueError for a text that PostgreSQL cannot hold (U+0000, a lone surrogate), in the words of psycopg2, which
    writes everything if the session's encoding is not UTF-8.
    """
    if cursor.connection.encoding != "UTF8":
        return _by_driver(cursor, values)
    texts = [
        "NULL" if one is None
        else f"'{one}'" if isinstance(one, str) and "'" not in one and "\\" not in one
        else str(one) if type(one) is int
        else f"E'\\\\x{one.hex()}'::bytea" if type(one) is bytes
        else _by_driver(cursor, [one]).decode()
        for one in values
    ]  # fmt: skip
    try:
        encoded = ",".join(texts).encode()
    except UnicodeEncodeError:
        return _by_driver(cursor, values)
    return _by_driver(cursor, values) if b"\0" in encoded else encoded


def _by_driver(cursor: Any, values: Sequence[Any]) -> bytes:
    """The same by psycopg2: for values of other types, and to raise its errors."""
    encoded: bytes = cursor.mogrify(",".join(["%s"] * len(values)), values)
    return encoded
