"""The events that a mailbox publishes: its messages, and the outcome of those it received (contract, section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypedDict

from flowledger.client.message import Message
from flowledger.client.plans.publishing import Published
from flowledger.client.prepared import Prepared, prepare
from flowledger.domain import json_text
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import InvalidArgument, Reason, Refused, SettingsError
from flowledger.domain.events import EventData, MessageDelivered, MessageFailed, MessageSent
from flowledger.domain.ids import new_id
from flowledger.domain.owners import message_id, source_of
from flowledger.domain.settings import Settings
from flowledger.domain.signing import Signer
from flowledger.domain.times import now, written_time
from flowledger.domain.traces import Trace


class Sent(NamedTuple):
    """A message that was accepted: its id, and its event."""

    message_id: str
    published: Published


class Options(TypedDict, total=False):
    """Options of any message."""

    id: str | None
    """Names the message, if the same one may be sent again: its id (`Sent.message_id`) is made of it."""
    thread_id: str | None
    execution_id: str | None
    task_id: str | None
    priority: int | None
    """Kept with the message; it does not change the order."""
    expires_in: float | timedelta | None
    """Seconds, by Redis's clock, after which nobody receives the message any more."""
    expires_at: datetime | None
    """The same as a time with a zone."""


class RequestOptions(Options, total=False):
    """Options of a request, or a response."""

    workspace_id: str | None


class BroadcastOptions(Options, total=False):
    """Options of a broadcast."""

    message_type: str
    """`notification` (the default), `command`, `request` or `response`."""
    in_reply_to: str | None
    correlation_id: str | None


class SendOptions(BroadcastOptions, total=False):
    """Options of a message to one sandbox or several."""

    workspace_id: str | None


class Outgoing:
    """Makes the events of one sandbox: signed, if there is a signer, and ready to be sent."""

    def __init__(self, sandbox_id: str, settings: Settings, signer: Signer | None) -> None:
        if not isinstance(sandbox_id, str) or not sandbox_id or not json_text.is_plain(sandbox_id):
            raise SettingsError("a mailbox needs the id of its sandbox: text that is not empty")
        self._sandbox_id = sandbox_id
        self._source = source_of(sandbox_id)
        self._shards, self._limits = settings.shards, settings.limits
        self._signer = signer
        self._outcomes: dict[tuple[str, str | None], Prepared] = {}

    def message_id(self, own_id: str | None) -> str:
        """Return the id of this sandbox's message of that name; a fresh one for None. Raises InvalidArgument."""
        if own_id is None:
            own_id = new_id("msg")
        elif not isinstance(own_id, str) or not own_id:
            what = "empty text" if isinstance(own_id, str) else f"of type {type(own_id).__name__}"
            raise InvalidArgument(f"id must be text, or None for a fresh one, not {what}")
        return message_id(self._sandbox_id, own_id, self._limits.max_id_bytes)

    def sent(
        self, message_id: str, content: Any, correlation_id: str | None, trace: Trace | None, **data: Any
    ) -> Prepared:
        """Return `message.sent`; what is None in `data` is left out. Raises Refused."""
        if isinstance(moment := data.get("expires_at"), datetime):
            try:
                data["expires_at"] = written_time(moment)
            except ValueError as error:
                raise Refused(Reason.INVALID_DATA, "data.expires_at", str(error)) from None
        given = {name: value for name, value in data.items() if value is not None}
        given |= {"from_sandbox_id": self._sandbox_id, "content": content}
        return self._prepared(MessageSent, message_id, given, trace, correlation_id)

    def outcome(self, message: Message, reason: str | None = None, trace: Trace | None = None) -> Prepared:
        """Return `message.delivered`, or, with a reason, `message.failed`: the same event at each call."""
        key = (message.entry_id, reason)
        if key not in self._outcomes:
            self._outcomes[key] = self._outcome(message, reason, trace)
        return self._outcomes[key]

    def forget(self, messages: Iterable[Message], reason: str | None) -> None:
        """Forget the outcomes of messages, which Redis has confirmed."""
        for message in messages:
            self._outcomes.pop((message.entry_id, reason), None)

    def _outcome(self, message: Message, reason: str | None, trace: Trace | None) -> Prepared:
        to = {"to_sandbox_id": self._sandbox_id}
        if reason is None:
            return self._prepared(MessageDelivered, message.id, to, trace)
        return self._prepared(MessageFailed, message.id, to | {"reason": reason}, trace)

    def _prepared(
        self,
        kind: type[EventData],
        message_id: str,
        data: dict[str, Any],
        trace: Trace | None,
        correlation_id: str | None = None,
    ) -> Prepared:
        envelope = Envelope(
            id=new_id("evt"),
            source=self._source,
            type=kind.event_type,
            subject=message_id,
            data=data,
            time=now(),
            correlationid=correlation_id,
        )
        if self._signer is not None:
            envelope = self._signer(envelope)
        return prepare(envelope, shards=self._shards, limits=self._limits, trace=trace)


def recipients(to: str | Iterable[str]) -> list[str]:
    """Return one id or several as a list; raises InvalidArgument."""
    if not isinstance(to, Iterable):
        raise InvalidArgument(f"to must be the id of a sandbox or several of them, not of type {type(to).__name__}")
    return [to] if isinstance(to, str) else list(to)
