"""What the schemas refuse, the ledger refuses; what they accept, it accepts, but for the rules they cannot say.

`make schemas` does the same with 10,000 events and 10,000 mutants, all of them through drains on both databases.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any, Final

import pytest
import redis
from sqlalchemy import select

from flowledger.domain.envelope import LEDGER_SOURCE, parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.settings import Settings
from flowledger.storage import tables
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.connections import connect
from tests.builders import to_bytes
from tests.schema.generated import VALIDATOR, events
from tests.schema.mutants import mutants
from tests.storage.recording import count
from tests.workers.draining import add, drain

Json = Any

_SAMPLE: Final = 800
EVENTS: Final = int(os.environ.get("SCHEMA_EVENTS", str(_SAMPLE)))
ALL: Final = EVENTS > _SAMPLE
"""Whether nothing is left out, as in `make schemas`."""
DRAINED: Final = EVENTS if ALL else 110
"""How many go through a drain."""
_NUMBER: Final = 20_260_131
LISTED: Final = re.compile(
    "bytes of UTF-8|must be a whole number, not -?[0-9]|an id must not hold U\\+0000"
    "|is not a time: (?:day|year|date value)|must be the name of a time|must be an IPv4 or IPv6"
    "|must have in the field of the|must be due on some day|must not be sent|must not hold a URL"
    "|must be the name of a secret"
)
"""The words of refusals by rules that stand in docs/contract/schema.md."""


@cache
def made() -> list[dict[str, Json]]:
    """Events that the schemas accept."""
    return events(EVENTS, _NUMBER)


@cache
def refused_mutants() -> list[dict[str, Json]]:
    """Mutants of these that the schemas refuse."""
    wrong = (one for one in mutants(made(), _NUMBER) if not VALIDATOR.is_valid(one))
    return list(itertools.islice(wrong, EVENTS))


def refusal(event: Json) -> Refused | None:
    try:
        parse(to_bytes(event))
    except Refused as refused:
        return refused
    return None


@pytest.fixture
def client(settings: Settings) -> Iterator[redis.Redis]:
    with closing(connect(settings)) as connected:
        yield connected


@pytest.fixture
def unfused(settings: Settings) -> Settings:
    """No source is set aside however many of its events die, and nothing waits for the next drain."""
    return settings.model_copy(update={"fuse_entries": 0, "drain_seconds": 600.0})


def test_events_of_all_types_are_made_and_the_schemas_accept_them() -> None:
    assert {event["type"] for event in made()} == EVENT_TYPES.keys()
    assert [event for event in made() if not VALIDATOR.is_valid(event)] == []


def test_what_the_schemas_accept_is_accepted() -> None:
    assert [(event, told) for event in made() if (told := refusal(event)) is not None] == []


def test_what_the_schemas_refuse_is_refused() -> None:
    reasons = {None if (told := refusal(mutant)) is None else told.reason for mutant in refused_mutants()}
    assert reasons == {Reason.INVALID_ENVELOPE, Reason.UNKNOWN_TYPE, Reason.INVALID_DATA}


def test_what_only_the_ledger_refuses_breaks_a_listed_rule() -> None:
    right = (one for one in mutants(made(), _NUMBER) if VALIDATOR.is_valid(one))
    told = [refused.words for one in itertools.islice(right, EVENTS) if (refused := refusal(one)) is not None]
    assert told
    assert [words for words in told if not LISTED.search(words)] == []


def test_a_drain_records_what_the_schemas_accept(unfused: Settings, client: redis.Redis, storage: Storage) -> None:
    apart = [event | _own_names(event, place) for place, event in enumerate(made()[:DRAINED])]
    add(client, *map(to_bytes, apart))
    assert drain(unfused, client, storage)["dead"] == 0
    with storage.reading() as connection:
        of_others = select(tables.events.c.id).where(tables.events.c.source != LEDGER_SOURCE)
        journal = set(connection.execute(of_others).scalars())
    assert journal == {event["id"] for event in apart}  # the ledger's own report what became of messages


def test_a_drain_buries_what_the_schemas_refuse(unfused: Settings, client: redis.Redis, storage: Storage) -> None:
    wrong = refused_mutants()[:DRAINED]
    add(client, *map(to_bytes, wrong))
    result = drain(unfused, client, storage)
    assert (result["recorded"], result["dead"]) == (0, len(wrong))
    assert count(storage, "dead_letters") == len(wrong)


def _own_names(event: dict[str, Json], place: int) -> dict[str, Json]:
    """Return an id of its own, and for a message a subject, too: events made at random may have those of others."""
    return {"id": f"evt_{place}"} | ({"subject": f"msg_{place}"} if event["type"] == "message.sent" else {})
