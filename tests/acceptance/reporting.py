"""A platform as these tests play it: it reports what it does by events, and finds it again by look-ups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import redis
from argon2 import PasswordHasher
from sqlalchemy import Connection

from flowledger import Publisher
from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.services.users import Hasher, Users
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.drain import Drain
from flowledger.workers.turn import DrainResult
from tests.storage.recording import dead_letters
from tests.workers.office import Office

Record = TypeVar("Record")

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""When each story begins."""


class Platform:
    """A platform of this `source`, its ledger, and a clock of its own: an event a second.

    Events go the whole way: by a publisher to Redis, by a drain to the database, by a repository to whoever asks.
    """

    def __init__(self, source: str, settings: Settings, client: redis.Redis, storage: Storage) -> None:
        self.settings = settings
        self.storage = storage
        self.office = Office(settings, client, storage)
        self.publisher = Publisher(settings=settings)
        self.users = Users(storage, hasher=Hasher(PasswordHasher(1, 8, 1)))  # quick, not safe
        self._source = source
        self.clock = START

    def event(self, type_: str, subject: str, **data: Any) -> dict[str, Any]:
        """Return an event of this moment; then a second passes."""
        moment, self.clock = self.clock, self.clock + timedelta(seconds=1)
        return {
            "type": type_, "source": self._source, "subject": subject, "time": written_time(moment), "data": data
        }  # fmt: skip

    def report(self, type_: str, subject: str, **data: Any) -> None:
        """Publish an event."""
        self.publisher.publish(self.event(type_, subject, **data))

    def drain_once(self) -> DrainResult:
        """Let a drain record what it may."""
        return Drain(self.office.settings, self.office.client, self.storage, 0).run()

    @contextmanager
    def records(self) -> Iterator[Connection]:
        """Yield a connection to the database when all that was reported is recorded there."""
        self.office.drain()
        assert dead_letters(self.storage) == []
        with self.storage.reading() as connection:
            yield connection


def ids(page: Any) -> list[str]:
    """Return the ids of the records of a page, in its order."""
    return [record.id for record in page.items]


def known(record: Record | None) -> Record:
    """Return a record that must be there."""
    assert record is not None
    return record
