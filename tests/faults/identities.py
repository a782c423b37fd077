"""Two senders who use one id for their messages, and what became of each: it came, or its sender was told."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from flowledger.client import Mailbox
from flowledger.client.message import Message
from flowledger.client.publisher import Publisher
from flowledger.domain.key_file import KeyFile
from flowledger.domain.settings import Settings
from flowledger.domain.signing import signer_of
from flowledger.storage import tables
from tests.faults.forging import signed_by
from tests.faults.judge import Verdict

ANN, BEN, CAT, EVE = "sb_ann", "sb_ben", "sb_cat", "sb_eve"
WORKSPACE: Final = "ws_open"
REGISTRAR: Final = "/registrar"
_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Said:
    """A message that its sender was told is accepted."""

    sender: str
    number: int
    event_id: str

    @property
    def content(self) -> dict[str, Any]:
        return {"from": self.sender, "number": self.number}


def message(name: str, subject: str, event_id: str, to: Sequence[str], content: Any, **attributes: Any) -> bytes:
    """`message.sent` as any program writes it, of this sender, and of its source."""
    data = {"from_sandbox_id": name, "to_sandbox_ids": list(to), "message_type": "command", "content": content}
    event = {"specversion": "1.0", "id": event_id, "source": f"/sandboxes/{name}", "type": "message.sent"}
    return raw(event | {"subject": subject, "data": data} | attributes)


def raw(event: dict[str, Any]) -> bytes:
    """An event as it travels, with the present time unless it has one."""
    return json.dumps(
        {"time": datetime.now(UTC).isoformat()} | event, ensure_ascii=False, separators=(",", ":")
    ).encode()


def mailbox(name: str, settings: Settings, keys: KeyFile | None) -> Mailbox:
    return Mailbox(name, settings=settings, signer=None if keys is None else signer_of(keys, name))


def send_pairs(settings: Settings, keys: KeyFile | None, prefix: str, numbers: Iterable[int]) -> list[Said]:
    """Both senders, at the same time, send a message under each id: some by a mailbox, some by plain events."""
    said: list[Said] = []
    senders = [
        threading.Thread(target=_send, args=(settings, keys, prefix, numbers, name, said)) for name in (ANN, BEN)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    return said


def _send(
    settings: Settings, keys: KeyFile | None, prefix: str, numbers: Iterable[int], name: str, said: list[Said]
) -> None:
    """By number: both by mailboxes, both by plain events, or one of them by each."""
    with mailbox(name, settings, keys) as own, Publisher(settings=settings) as publisher:
        for number in numbers:
            message_id, one = f"{prefix}_{number}", Said(name, number, f"{prefix}-{name}-{number}")
            if number % 3 == 0 or (number % 3 == 1 and name == ANN):
                sent = own.send(CAT, one.content, id=message_id, message_type="command")
                said.append(Said(name, number, sent.published.id))
                continue
            text = message(name, message_id, one.event_id, [CAT], one.content)
            publisher.publish(text if keys is None else signed_by(text, keys, name))
            said.append(one)


def take_all(inbox: Mailbox, is_over: Callable[[], bool]) -> list[Message]:
    """Takes and acknowledges whatever comes, until nothing comes any more."""
    got: list[Message] = []
    while True:
        some = inbox.receive_many(100, _LOOK_SECONDS)
        inbox.ack_many(some)
        got += some
        if not some and is_over():
            return got


def judge_messages(
    connection: Connection, said: Sequence[Said], prefix: str, got: Sequence[Message], verdict: Verdict, *, owned: bool
) -> int:
    """Adds to the verdict what neither came nor was told of, and rows that are not true; how many were told of.

    All ids have this `prefix`. `owned`: signatures are required, so an id that is not its sender's is refused.
    """
    arrived = Counter(_key(one.content) for one in got)
    told = _dead_ids(connection)
    silent = [one for one in said if not arrived[_key(one.content)] and one.event_id not in told]
    verdict.lost += len(silent)
    verdict.say("messages that neither came nor are a dead letter", silent, len(silent))
    again = [key for key, times in arrived.items() if times > 1]
    verdict.doubled += len(again)
    verdict.say("messages that came twice", again, len(again))
    if owned:
        others = [one.id for one in got if not one.id.startswith(f"{one.from_sandbox_id}/")]
        verdict.say("messages that came under ids that are not their senders'", others, len(others))
    else:
        both_gone = {one.number for one in said} - {key[1] for key in arrived}
        verdict.say("ids of which no message came", both_gone, len(both_gone))
    _judge_rows(connection, prefix, got, verdict)
    return sum(one.event_id in told for one in said)


def _judge_rows(connection: Connection, prefix: str, got: Sequence[Message], verdict: Verdict) -> None:
    """I7: what the tables call delivered was handed out, with this content, from this sender; and the other way."""
    columns, ends = tables.messages.c, tables.message_deliveries
    asked = select(columns.id, columns.from_sandbox_id, columns.content).join(ends, ends.c.message_id == columns.id)
    to_cat = asked.where(ends.c.to_sandbox_id == CAT, columns.id.contains(f"{prefix}_", autoescape=True))
    delivered = connection.execute(to_cat.where(ends.c.status == "delivered"))
    stands = {row.id: (row.from_sandbox_id, _key(row.content)) for row in delivered}
    handed_out = {one.id: (one.from_sandbox_id, _key(one.content)) for one in got}
    untrue = [f"{id_}: {stands.get(id_)}, not {true}" for id_, true in handed_out.items() if stands.get(id_) != true]
    untrue += [f"{id_}: {row}, never handed out" for id_, row in stands.items() if id_ not in handed_out]
    verdict.say("deliveries that are not true", untrue, len(untrue))


def _key(content: Any) -> tuple[str, int]:
    return (content["from"], content["number"]) if isinstance(content, dict) and "number" in content else ("", -1)


def _dead_ids(connection: Connection) -> set[str]:
    return set(connection.execute(select(tables.dead_letters.c.event_id)).scalars())
