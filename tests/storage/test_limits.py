"""The highest limits that can be set are what both databases hold; beyond those set, an event is a dead letter."""

from __future__ import annotations

import random
import string
from typing import Final

import pytest

from flowledger.domain.limits import RANGES
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recorder import Recorded
from tests.builders import entries, raw
from tests.storage.recording import dead_letters, differences, recorder

HIGHEST: Final = {name: allowed.highest for name, allowed in RANGES.items()}


def name(size: int, seed: int) -> str:
    """Text that does not compress: PostgreSQL would fit more of other text into an index."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=size))


def test_the_longest_ids_fit_into_every_key_and_index(storage: Storage) -> None:
    a, b, c, d, e, f = (name(HIGHEST["max_id_bytes"], seed) for seed in range(6))
    source = name(HIGHEST["max_source_bytes"], 9)
    events = [
        raw("execution.created", id=a, source=source, subject=a, workflow_id=b, workspace_id=c),
        raw("node.started", id=b, source=source, subject=a, node=c, agent_id=d),
        raw("task.created", id=c, source=source, subject=b, execution_id=a, workspace_id=c, parent_task_id=e),
        raw("task.logged", id=d, source=source, subject=b, message="m"),
        raw("message.sent", id=e, source=source, subject=c, from_sandbox_id=d, to_sandbox_ids=[a, b], thread_id=e),
        raw("workspace.created", id=f, source=source, subject=a, user_id=b),
        raw("sandbox.created", id=a[::-1], source=source, subject=c, workspace_id=a, agent_id=b, container_id=d),
    ]
    assert recorder(storage, **HIGHEST).record(entries(events)) == Recorded(recorded=7)
    assert differences(storage) == []


@pytest.mark.parametrize("value", ["[" * 740 + "]" * 740, '{"a":' * 740 + "1" + "}" * 740, "-" + "7" * 131_072])
def test_the_deepest_and_the_longest_value_is_recorded(storage: Storage, value: str) -> None:
    body = raw("task.completed", output="here").replace(b'"here"', value.encode())
    assert recorder(storage, **HIGHEST).record(entries([body])) == Recorded(recorded=1)
    assert differences(storage) == []


def test_a_worker_refuses_in_the_words_of_a_publisher(storage: Storage) -> None:
    recorder(storage, max_depth=20).record(entries([raw("task.completed", output=[[[[[[[["x"]]]]]]]])]))
    recorder(storage, max_id_bytes=64).record(entries([raw("task.created", agent_id="x" * 65)]))
    assert [(letter.field, letter.detail) for letter in dead_letters(storage)] == [
        ("data.agent_id", "data.agent_id: 65 bytes of UTF-8; the limit is 64 (LEDGER_MAX_ID_BYTES)")
    ]
