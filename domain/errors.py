"""Every error that Flowledger raises on purpose: one base, one class for each cause, the data attached.

    LedgerError
    ├── SettingsError
    ├── InvalidArgument (ValueError)
    ├── NoEvent (TypeError)
    ├── NoMessage (TypeError)
    ├── UnknownField (TypeError)
    ├── UnknownFilter (TypeError)
    ├── Refused
    ├── PublishError
    │   ├── BrokerUnavailable
    │   ├── BrokerFull
    │   ├── AccessDenied
    │   └── SpoolError
    │       └── SpoolFull
    ├── RequestTimeout
    ├── WebhookRefused
    ├── MailboxClosed
    ├── DatabaseUnavailable
    │   ├── DatabaseFailed
    │   ├── DatabaseDenied
    │   └── DatabaseUnfit
    ├── ForeignBroker
    └── BrokerUnsettled

Producers and agents meet the errors above WebhookRefused; who receives webhooks, workers and commands meet the others
as well.
"""

from __future__ import annotations

from enum import StrEnum


class LedgerError(Exception):
    """Base of all errors of Flowledger; the message tells what is wrong, where, and what to do."""


class SettingsError(LedgerError):
    """A setting is missing, or its value cannot be used."""


class InvalidArgument(LedgerError, ValueError):
    """An argument has a value that the call cannot use."""


class NoEvent(LedgerError, TypeError):
    """A value to publish is not an event; `index` is its place, from 0, among the events of the call."""

    def __init__(self, message: str) -> None:
        self.index: int | None = None
        super().__init__(message)

    def __str__(self) -> str:
        return _counted(self.index, str(self.args[0]))


class NoMessage(LedgerError, TypeError):
    """A value to acknowledge, or to reply to, is not a message."""


class UnknownField(LedgerError, TypeError):
    """Typed data or an envelope was given a field that it does not have."""


class UnknownFilter(LedgerError, TypeError):
    """Records were requested by a column by which they are not listed.

    `table` is the table of the records, `name` the unknown filter, `known` are those that there are.
    """

    def __init__(self, table: str, name: str, known: tuple[str, ...]) -> None:
        self.table = table
        self.name = name
        self.known = known
        listed = f"by {', '.join(known)}" if known else "without filters"
        super().__init__(f"{table} are listed {listed}, not by {name[:100]!a}")


class Reason(StrEnum):
    """Why an entry became a dead letter: the codes of `dead_letters.reason`."""

    MALFORMED_ENTRY = "malformed_entry"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_DATA = "invalid_data"
    CONFLICT = "conflict"
    FORGED = "forged"
    REPLAYED = "replayed"
    TOO_OLD = "too_old"
    UNRECORDABLE = "unrecordable"


class Refused(LedgerError):
    """An event, or its data, can never be recorded as it is (CONTRACT §2): it would become a dead letter.

    `field` is the path of the field at fault (`data.error.message`), empty if the whole is at fault; `words` state what
    is wrong with it. `index` is the event's place, from 0, among the events of one call to publish.
    """

    def __init__(self, reason: Reason, field: str, words: str) -> None:
        self.reason = reason
        self.field = field
        self.words = words
        self.index: int | None = None
        super().__init__(f"{field}: {words}" if field else words)

    def __str__(self) -> str:
        return _counted(self.index, str(self.args[0]))


class PublishError(LedgerError):
    """Redis did not confirm an event. It may have arrived: publish the same event, with the same id, again.

    `accepted` is how many events of the same call, from the first on, were accepted: publish the others again. `why` is
    the cause alone, without advice. `address` is the server's, `host:port` or the path of a socket, empty if no server
    was asked.
    """

    def __init__(self, message: str, why: str = "", address: str = "") -> None:
        self.why = why or message
        self.address = address
        self.accepted = 0
        super().__init__(message)


class BrokerUnavailable(PublishError):
    """Redis cannot be reached, did not answer in time, or accepts nothing for now, as during a failover."""


class BrokerFull(PublishError):
    """Redis has no memory (`maxmemory`) or no disk space for new entries; the entries it holds are recorded."""


class AccessDenied(PublishError):
    """Redis denies this user the connection or the command: the password or the rights are wrong. Nothing was done."""


class SpoolError(PublishError):
    """The spool, the file that keeps events while Redis is away, cannot be used; the event was not accepted."""


class SpoolFull(SpoolError):
    """The spool has reached its largest size (`LEDGER_SPOOL_MAX_BYTES`)."""


class RequestTimeout(LedgerError):
    """No response to a request arrived in time. It may still arrive: then `Mailbox.receive` returns it.

    `message_id` is the request's id, and so the response's `in_reply_to`.
    """

    def __init__(self, message: str, message_id: str) -> None:
        self.message_id = message_id
        super().__init__(message)


class CallRefusal(StrEnum):
    """Why a call of a webhook is refused, as its sender may know it; `http_status` is what to answer."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNTIMELY = "untimely"
    UNAUTHORIZED = "unauthorized"
    ADDRESS = "address"
    DELETED = "deleted"
    DISABLED = "disabled"
    NO_WORKFLOW = "no_workflow"
    INVALID_BODY = "invalid_body"

    @property
    def http_status(self) -> int:
        """The status of the HTTP response."""
        return _HTTP_STATUSES[self]


_HTTP_STATUSES = {
    CallRefusal.MALFORMED: 400,
    CallRefusal.TOO_LARGE: 413,
    CallRefusal.UNTIMELY: 400,
    CallRefusal.UNAUTHORIZED: 401,
    CallRefusal.ADDRESS: 403,
    CallRefusal.DELETED: 410,
    CallRefusal.DISABLED: 403,
    CallRefusal.NO_WORKFLOW: 409,
    CallRefusal.INVALID_BODY: 422,
}


class WebhookRefused(LedgerError):
    """A call of a webhook starts no execution. `reason`, `http_status` and the message are safe to answer with.

    `cause` is for operators alone: what stands behind `unauthorized`, which tells a stranger nothing. Elsewhere it is
    the reason.
    """

    def __init__(self, reason: CallRefusal, words: str, cause: str = "") -> None:
        self.reason = reason
        self.cause = cause or reason.value
        super().__init__(words)

    @property
    def http_status(self) -> int:
        """The status of the HTTP response."""
        return self.reason.http_status


class MailboxClosed(LedgerError):
    """The mailbox was closed, before or during the call; messages it had not acknowledged are received again."""


class DatabaseUnavailable(LedgerError):
    """The database is unreachable, busy or refuses for now: nothing was acknowledged, and the work is retried later."""


class DatabaseFailed(DatabaseUnavailable):
    """The database failed at these transactions, with an error that is not about its own state.

    If the database answers other queries, and the same transaction fails again and again, the transaction is at fault.
    `code` is the database's own code of the error, "" if the connection was lost.
    """

    def __init__(self, message: str, code: str = "") -> None:
        self.code = code
        super().__init__(message)


class DatabaseDenied(DatabaseUnavailable):
    """The role of DATABASE_URL lacks a right, or a file of SQLite may not be written: a wait alone mends neither."""


class DatabaseUnfit(DatabaseUnavailable):
    """The database, or the connection to it, would make wrong rows: its encoding, its version, a pooler between."""


class ForeignBroker(LedgerError):
    """This Redis is not the broker of this ledger: nothing is taken from it. `flowledger adopt` makes it the broker."""


class BrokerUnsettled(LedgerError):
    """It is not known yet whether this Redis is the broker of this ledger: nothing is taken from it until it is."""


def _counted(index: int | None, words: str) -> str:
    return f"event {index} (from 0): {words}" if index else words
