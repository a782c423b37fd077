"""Receiving calls of webhooks: each that is authentic and allowed starts one execution (docs/contract/webhooks.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from flowledger.domain.envelope import Envelope, read_event
from flowledger.domain.errors import CallRefusal, Reason, Refused, WebhookRefused
from flowledger.domain.events import ExecutionCreated
from flowledger.domain.ids import derived_id
from flowledger.domain.json_text import is_plain
from flowledger.domain.kinds.webhooks import Webhook
from flowledger.domain.limits import RANGES, WIDEST
from flowledger.domain.owners import webhook_source
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import Switch
from flowledger.domain.times import now, parse_time
from flowledger.services.once import Once
from flowledger.services.webhooks.addresses import is_allowed
from flowledger.services.webhooks.call import Call, Headers
from flowledger.services.webhooks.mapping import body_of, input_of
from flowledger.services.webhooks.refusals import RefusedCalls
from flowledger.services.webhooks.signature import Secrets, is_signed, keys_of, no_keys
from flowledger.storage.kinds.webhooks import WebhookRepository
from flowledger.storage.unit_of_work import Storage

TRIGGER: Final = "webhook"
"""The `trigger_type` of the executions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """The execution that a call has started, and the event that says so: that of the first call with this id."""

    execution_id: str
    id: str
    """The header `webhook-id`, which is the event's id."""
    source: str
    workflow_id: str | None
    input: Any
    time: datetime
    """When the first call came."""
    repeated: bool
    """Whether a call with this id had come before."""
    raw: bytes
    """The JSON text of the event."""


class WebhookReceiver:
    """Receives calls of webhooks; use it in a `with`, or close it. Safe to share between threads."""

    def __init__(
        self, settings: Settings, storage: Storage, secrets: Secrets, clock: Callable[[], datetime] = now
    ) -> None:
        """`secrets` are asked by the webhook's `secret_names`; `clock` returns the time, with a zone.

        Raises SettingsError if Redis cannot be used, or signatures are required and the ledger's key is missing.
        """
        self._settings = settings
        self._limits = settings.limits
        self._storage = storage
        self._secrets = secrets
        self._clock = clock
        self._once = Once(settings, storage)
        self._refused = RefusedCalls(self._once, clock)

    def receive(self, webhook_id: str, headers: Headers, body: bytes, address: str | None = None) -> Received:
        """Start the execution that a call asks for, once for each `webhook-id`; return the event of the first call.

        `body` is the body's bytes as they came: the signature is over them. `address` is the caller's.

        Raises WebhookRefused, whose `reason`, `http_status` and message are safe to answer with. Raises
        DatabaseUnavailable, BrokerUnavailable or BrokerFull, if it is not known whether the execution was started:
        answer 503, and the sender calls again. Raises InvalidArgument for arguments of other types.
        """
        webhook = self._webhook(webhook_id)
        try:
            call = Call.of(headers, body, self._limits.max_event_bytes)
            call.check_time(self._clock())
            called = self._authentic(call, webhook)
            _check(called, address)
            body_value = body_of(call, self._limits)
            return self._started(called, call, input_of(call, body_value, called.input_mapping))
        except WebhookRefused as refused:
            self._refused.add(None if webhook is None else webhook.id, refused, address)
            raise

    def close(self) -> None:
        """Close the connections to Redis, after the last audit lines, or some seconds.

        The storage is its owner's to close.
        """
        self._refused.close()
        self._once.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _webhook(self, webhook_id: str) -> Webhook | None:
        """Return the webhook of this id; None if no table could hold the id, too."""
        if not webhook_id or len(webhook_id) > RANGES["max_id_bytes"].highest or not is_plain(webhook_id):
            return None
        with self._storage.looking() as connection:
            return WebhookRepository(connection).get(webhook_id)

    def _authentic(self, call: Call, webhook: Webhook | None) -> Webhook:
        """Return the webhook, if one of its secrets has signed the call.

        Raises WebhookRefused, `unauthorized`, in the same words and after the same work whatever the cause is.
        """
        names = None if webhook is None else webhook.secret_names
        keys = keys_of(names, self._secrets) if names else no_keys(self._secrets)
        if is_signed(call, keys) and webhook is not None:
            return webhook
        cause = "unknown" if webhook is None else "signature" if keys else "no_secret"
        words = "there is no such webhook, or no signature of this call is by one of its secrets"
        raise WebhookRefused(CallRefusal.UNAUTHORIZED, words, cause)

    def _started(self, webhook: Webhook, call: Call, given: Any) -> Received:
        try:
            announced = self._once.publish(self._envelope(webhook, call, given))
        except Refused as refused:
            raise _as_refusal(refused) from None
        return _received(announced.raw, repeated=not announced.is_new)

    def _envelope(self, webhook: Webhook, call: Call, given: Any) -> Envelope:
        said = {
            "workflow_id": webhook.workflow_id,
            "workspace_id": webhook.workspace_id,
            "user_id": webhook.user_id,
            "trigger_type": TRIGGER,
            "input": given,
        }
        return Envelope.of(
            ExecutionCreated(**{name: value for name, value in said.items() if value is not None}),
            source=webhook_source(webhook.id, self._limits.max_source_bytes),
            subject=derived_id("exec", TRIGGER, webhook.id, call.id),
            id=call.id,
            time=self._clock(),
        )


def _check(webhook: Webhook, address: str | None) -> None:
    """Raise WebhookRefused if the webhook takes no calls, or none from this address. The caller is authentic."""
    if not is_allowed(address, webhook.allowed_ips):
        raise WebhookRefused(CallRefusal.ADDRESS, "calls of this webhook are not allowed from this address")
    if webhook.deleted_at is not None:
        raise WebhookRefused(CallRefusal.DELETED, "this webhook is deleted")
    if webhook.status != Switch.ENABLED:
        raise WebhookRefused(CallRefusal.DISABLED, "this webhook is disabled")
    if webhook.workflow_id is None:
        raise WebhookRefused(CallRefusal.NO_WORKFLOW, "this webhook starts no workflow yet")


def _as_refusal(refused: Refused) -> WebhookRefused:
    """Return why the call makes no valid event. The words name limits, and quote nothing of the body."""
    if refused.reason is Reason.TOO_LARGE:
        return WebhookRefused(CallRefusal.TOO_LARGE, f"the event of this call would have {refused.words}")
    if refused.field == "id":
        return WebhookRefused(CallRefusal.MALFORMED, f"webhook-id has {refused.words}")
    if refused.field.startswith("data.input") or refused.reason is Reason.NOT_JSON:
        words = f"the event of this call would be beyond a limit: {refused.words}"
        return WebhookRefused(CallRefusal.INVALID_BODY, words)
    raise refused


def _received(raw: bytes, *, repeated: bool) -> Received:
    event, attributes = read_event(raw, WIDEST, with_meaning=False)
    data = attributes["data"]
    return Received(
        execution_id=event.subject,
        id=event.id,
        source=event.source,
        workflow_id=data.get("workflow_id"),
        input=data.get("input"),
        time=parse_time(attributes["time"]),
        repeated=repeated,
        raw=raw,
    )
