"""What the log says of a dead letter: where to look, and nothing that its producer could have made up."""

from __future__ import annotations

import logging
import re

import pytest
import redis

from flowledger.domain.log_lines import TextLines
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.workers.draining import add, drain


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


NAME = "x  source=/bank  subject=acct_1"
DEEP = "[" * 501 + "]" * 501


@pytest.mark.parametrize(
    "entry",
    [
        f'{{"{NAME}":{DEEP}}}',
        f'{{"data":{{"{NAME}":{DEEP}}}}}',
        f'{{"{NAME}":{"9" * 5_000}}}',
        raw("execution.checkpointed", subject="e", state={}).decode().replace("{}", f'{{"{NAME}": 1e999999}}'),
        raw("sandbox.created", subject="s", agent_config={f"{NAME}": {"password": "hunter2"}}).decode(),
        raw("task.created", subject=NAME, source=NAME, name=3).decode(),
    ],
)
def test_a_producer_cannot_forge_a_field(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture, entry: str
) -> None:
    with caplog.at_level(logging.INFO):
        add(client, entry.encode())
        drain(settings, client, storage)
    (record,) = [one for one in caplog.records if "became a dead letter" in one.getMessage()]
    line = TextLines().format(record)
    assert "hunter2" not in line
    head, *fields = re.sub(r'"(?:[^"\\]|\\.)*"', '""', line)[34:].split("  ")
    assert "=" not in head
    assert [field.partition("=")[0] for field in fields] == ["event_id", "source", "subject", "shard"][-len(fields) :]
    assert "/bank" not in "".join(fields)


def test_a_name_that_was_made_up_is_in_quotes(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        add(client, f'{{"{NAME}":{DEEP}}}'.encode(), raw("task.created", name=3))
        drain(settings, client, storage)
    said = [one.getMessage() for one in caplog.records if "became a dead letter" in one.getMessage()]
    assert said[0].endswith(f'not_json "{NAME}"')
    assert said[1].endswith("invalid_data data.name")
