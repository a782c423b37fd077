"""What a page says of a record that is not there."""

from __future__ import annotations

from sqlalchemy import Connection
from tornado.web import HTTPError

from flowledger.domain.json_text import plain
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.web import words


def is_erased(connection: Connection, id_: str) -> bool:
    """Return whether an id is erased. One query."""
    return ErasureRepository(connection).get(plain(id_)) is not None


def missing(connection: Connection, name: str, id_: str) -> HTTPError:
    """Return the error for a record that is not there: 410 if it was erased, else 404. One query."""
    erasure = ErasureRepository(connection).get(plain(id_))
    said = f"nothing is recorded of this {name.replace('_', ' ')} (yet)"
    if erasure is None:
        return HTTPError(404, said)
    return HTTPError(410, words.safe(f"this {name.replace('_', ' ')} was {erasure}").replace("%", "%%"))
