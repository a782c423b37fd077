"""Any text may be looked for: what no row can have is not found, with both databases and all drivers alike."""

from __future__ import annotations

from typing import Any, Final

import pytest
from sqlalchemy import Connection, insert, select

from flowledger.domain.times import now
from flowledger.storage import tables
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.lookups import Page
from flowledger.storage.people.sessions import SessionRepository
from flowledger.storage.retention.erasures import ErasureRepository, not_erased
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.plans.catalogue import LOOK_UPS, OF_THE_LEDGER, LookUp, asking_for
from tests.storage.recording import record
from tests.storage.test_async import read_on_loop

UNSTORABLE: Final = ("\0", "a\0b", "\ud800", "x\udfff")


def asking(text: str) -> list[LookUp]:
    found = (asking_for(text, one) for one in (*LOOK_UPS, *OF_THE_LEDGER))
    return [one for one in found if one is not None]


def read_all(connection: Connection, text: str) -> dict[str, Any]:
    """What each look-up returns, or raises."""
    found: dict[str, Any] = {}
    for one in asking(text):
        try:
            found[one.name] = one.read(connection)
        except Exception as error:
            found[one.name] = f"{type(error).__name__}: {error}"
    return found


@pytest.mark.parametrize("text", UNSTORABLE)
def test_every_look_up_takes_any_text(storage: Storage, text: str) -> None:
    with storage.reading() as connection:
        found = read_all(connection, text)
        assert len(found) > 100
        wrong = {name: one for name, one in found.items() if not _is_nothing(one)}
        assert wrong == {}


@pytest.mark.parametrize("text", UNSTORABLE[::2])
def test_every_look_up_takes_any_text_on_an_event_loop(storage: Storage, database_url: str, text: str) -> None:
    found = read_on_loop(database_url, lambda connection: read_all(connection, text))
    assert {name: one for name, one in found.items() if not _is_nothing(one)} == {}


def _is_nothing(found: Any) -> bool:
    if isinstance(found, str):
        return found.startswith(("NoDeadLetter", "NotASearch"))
    if isinstance(found, dict):
        return all(map(_is_nothing, found.values()))
    return not (found.items if isinstance(found, Page) else found) or _is_counted_to_nothing(found)


def _is_counted_to_nothing(found: Any) -> bool:
    return getattr(found, "kept", None) == 0 or getattr(found, "items", None) == ()


@pytest.mark.parametrize("text", UNSTORABLE)
def test_sessions_erasures_and_the_tail_take_any_text(storage: Storage, text: str) -> None:
    record(storage, event("task.created", subject="t"))
    with storage.writing() as connection:
        sessions = SessionRepository(connection)
        assert sessions.of_user(text).items == ()
        assert sessions.valid(text, now()) is None
        assert not sessions.is_of(text, text)
        assert not sessions.has_come_from(text, text)
        assert sessions.revoke(text, now(), only=text, keep=text) == 0
        assert ErasureRepository(connection).get(text) is None
        assert ErasureRepository(connection).of([text]) == {}
        assert not_erased(connection, [text]) == [text]
    wanted = Wanted(types=[text, text + "*"], sources=[text], subjects=[text])
    assert list(Tail(storage, wanted, since=now().replace(year=2000)).look()) == []


def test_what_is_written_is_not_changed(storage: Storage) -> None:
    """Who writes decides what becomes of such a text; the database's refusal is not hidden."""
    row = {"id": "d", "stream": "s", "entry_id": "1", "raw": b"", "reason": "not_json", "detail": "a\ud800b"}
    with storage.engine.connect() as connection:
        with pytest.raises((ValueError, UnicodeError)):
            connection.execute(insert(tables.dead_letters), [row | {"first_seen": now()}])
        assert connection.execute(select(tables.dead_letters.c.id)).all() == []


def test_what_a_row_has_in_its_place_is_found(storage: Storage) -> None:
    record(storage, event("task.created", subject="a\ufffdb"))
    with storage.reading() as connection:
        for one in asking("a\0b"):
            if one.name.startswith("TaskRepository.get("):
                assert one.read(connection).id == "a\ufffdb"
