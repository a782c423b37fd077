"""Events that are published once, however often their cause comes again (docs/decisions/0044).

Their `id` follows from their cause, like a webhook's call that its sender retries; their content need not. Three places
tell that the event is there already, each for its own time: the journal, once it is recorded; before that its entry in
the stream, which a small key of Redis finds; and if neither is known any more, the recorder, for which a second event
of such a source is a repeat (`domain.owners.first_stands`).
"""

from __future__ import annotations

from typing import Final, NamedTuple, Self

from flowledger.client.drivers import Driver
from flowledger.client.plans.commands import replies
from flowledger.client.plans.redis_errors import Retry, publish_error
from flowledger.client.plans.steps import Plan
from flowledger.client.prepared import Prepared, prepare
from flowledger.domain import streams
from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import SettingsError
from flowledger.domain.ids import derived_id
from flowledger.domain.settings import Settings
from flowledger.services import scripts
from flowledger.storage.ledger.journal import JournalRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.authority import own_signer

KEPT_SECONDS: Final = 86_400
"""How long Redis knows the entry of an event. If recording is paused for longer, the recorder finds the repeat."""

_AGAIN: Final = Retry("try again", ", and it is published once")


class Announced(NamedTuple):
    """The event that counts: its JSON text, and whether it was published just now."""

    raw: bytes
    is_new: bool


class Once:
    """Publishes events of the ledger's own sources, each once. Safe to share between threads."""

    def __init__(self, settings: Settings, storage: Storage) -> None:
        """Raises SettingsError if Redis cannot be used, or signatures are required and the ledger's key is missing."""
        if settings.signatures == "required" and settings.key_file is None:
            raise SettingsError(
                "LEDGER_SIGNATURES is required, but LEDGER_KEY_FILE names no file with the ledger's key"
            )
        self._settings = settings
        self._limits = settings.limits
        self._storage = storage
        self._sign = own_signer(settings)
        self.driver = Driver(settings)

    def publish(self, envelope: Envelope) -> Announced:
        """Publish the event, signed by the ledger if it has a key, unless one of its source and id was published.

        Return the event that counts: of two at once, too, the same for both. If the earlier event neither waits nor is
        recorded (its source is set aside, or it is a dead letter), or if its text is gone, this one is returned, and
        nothing is published.

        Raises Refused if it breaks the contract; DatabaseUnavailable, BrokerUnavailable or BrokerFull if it is not
        known whether it was published: try again, and it is published once.
        """
        prepared = prepare(self._sign(envelope), shards=self._settings.shards, limits=self._limits)
        recorded = self._recorded(envelope, prepared.raw)
        if recorded is not None:
            return Announced(recorded, False)
        waiting = self.driver.follow(self._publishing(envelope, prepared))
        # An entry leaves its stream when it is committed: it waits, or is recorded.
        counts = waiting or self._recorded(envelope, prepared.raw)
        return Announced(counts or prepared.raw, counts == prepared.raw)

    def close(self) -> None:
        """Close the connections to Redis."""
        self.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recorded(self, envelope: Envelope, ours: bytes) -> bytes | None:
        """Return the text of the recorded event, or `ours` if that is gone; None if the event is not recorded."""
        name = envelope.source, envelope.id
        with self._storage.looking() as connection:
            texts = JournalRepository(connection).texts([name])
        if name not in texts:
            return None
        text = texts[name]
        return ours if text is None else text.encode()

    def _publishing(self, envelope: Envelope, prepared: Prepared) -> Plan[bytes]:
        """Publish the event, unless one was published lately; return the one that waits, empty if none does."""
        key = streams.once(derived_id("evt", envelope.source, envelope.id))
        stream = streams.stream(prepared.shard)
        command = ("EVAL", scripts.PUBLISH_ONCE, "2", key, stream, prepared.raw, str(KEPT_SECONDS))
        timeout = self._settings.publish_timeout_seconds
        answers, error = yield from replies([command], timeout)
        if error is not None:
            raise publish_error(error, "it is not known whether the event was published", timeout, _AGAIN)
        waiting: bytes = answers[0]
        return waiting
