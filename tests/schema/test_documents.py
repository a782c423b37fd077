"""Events that stand elsewhere are right by the schemas: real ones, those of the documents, and the ledger's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger.client.message import Message
from flowledger.client.plans.outgoing import Outgoing
from flowledger.domain.envelope import LEDGER_SOURCE, Envelope
from flowledger.domain.events import EVENT_TYPES, MessageDispatched, MessageExpired, UserCreated
from flowledger.domain.kinds.schedules import Schedule
from flowledger.domain.settings import Settings
from flowledger.services.schedules.firing import events_of
from flowledger.services.seed import AGENTS
from flowledger.services.webhooks.refusals import _audit_line
from tests.builders import event
from tests.schema.generated import VALIDATOR
from tests.schema.test_agreement import ALL
from tests.test_shared_data import EVENTS as FILES
from tests.test_shared_data import lines, sample

Json = Any

ROOT: Final = Path(__file__).parents[2]
_WRITTEN: Final = re.compile(r"\{[^`]*?\"specversion\":\s*\"1\.0\".*")
_WRONG: Final = "wrong = "
"""Begins the line of an event that a document calls wrong."""
_PAGES: Final = ("README.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))))


def faults(value: Json) -> list[str]:
    return [
        f"{'.'.join(map(str, fault.instance_path))}: {fault.message[:200]}" for fault in VALIDATOR.iter_errors(value)
    ]


@pytest.mark.parametrize("name", FILES)
def test_real_events_are_right(name: str) -> None:
    assert [told for line in (lines if ALL else sample)(name) if (told := faults(json.loads(line)))] == []


def test_the_events_of_the_other_tests_are_right() -> None:
    assert [told for type_ in EVENT_TYPES if (told := faults(event(type_)))] == []


def written_events() -> Iterator[tuple[str, str]]:
    """The right events in the documents, with the page; `…` and what a shell fills in stand for a text."""
    for page in _PAGES:
        for line in (ROOT / page).read_text().splitlines():
            for found in _WRITTEN.findall(line) if not line.startswith(_WRONG) else ():
                yield page, re.sub(r"'\$\([^']*'|…", "x", found)


def test_the_events_of_the_documents_are_right() -> None:
    found = list(written_events())
    assert {page for page, _ in found} >= {"README.md", "docs/contract.md"}
    for page, text in found:
        value, _ = json.JSONDecoder().raw_decode(text)
        wrong = [fault for fault in faults(value) if not fault.startswith("time")]  # written as …
        assert (page, wrong) == (page, [])


def test_the_ledger_s_own_events_are_right() -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    fields: dict[str, Any] = dict.fromkeys(Schedule.__dataclass_fields__) | {
        "id": "sched_1",
        "workflow_id": "wf_1",
        "input": {"a": 1},
    }
    own = [
        *events_of(Schedule(**fields), at, 512),
        *(Envelope.of(agent, source="/flowledger/seed", subject="agent_1") for agent in AGENTS),
        Envelope.of(UserCreated(email="ada@example.org", role="admin"), source="/flowledger/seed", subject="usr_1"),
        _audit_line("hook_1", "signature", "192.0.2.7", at, "line_1"),
        Envelope.of(MessageExpired(to_sandbox_id="sb_1"), source=LEDGER_SOURCE, subject="msg_1"),
        Envelope.of(
            MessageDispatched(to_sandbox_id="sb_1", event_source="/sandboxes/sb_2", event_id="evt_1"),
            source=LEDGER_SOURCE,
            subject="msg_1",
        ),
    ]
    assert [told for envelope in own if (told := faults(json.loads(envelope.to_json())))] == []


def test_the_events_of_mailboxes_are_right() -> None:
    outgoing = Outgoing("sb_1", Settings(), None)
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    request = outgoing.sent(
        outgoing.message_id(None), None, "1/x", None, to_sandbox_ids=["sb_2"], message_type="request", expires_at=at
    )
    message = Message(
        id="sb_2/m", from_sandbox_id="sb_2", to="sb_1", message_type="request", content=1, entry_id="1-0", raw=b""
    )
    own = [request, outgoing.outcome(message), outgoing.outcome(message, "no such file")]
    assert [told for prepared in own if (told := faults(json.loads(prepared.raw)))] == []
