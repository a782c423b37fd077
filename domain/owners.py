"""The owners of names: each sandbox, each workspace, the registrar and the ledger have names that nobody else may use.

| owner | its key in the key file | its sources: this one, and those below it | the ids of its messages |
| --- | --- | --- | --- |
| a sandbox | its id | `/sandboxes/{sandbox}` | `{sandbox}/…` |
| a workspace | its id | `/workspaces/{workspace}` | |
| the registrar, which assigns sandboxes to workspaces | `/registrar` | `/registrar` | |
| the ledger | `/flowledger` | `/flowledger`, `/webhooks` | |

In these names, `%` and `/` of an id are written `%25` and `%2F`: so a name has one owner, with any ids. Mailboxes
always use such names. If signatures are required, `domain.signatures` enforces them for everybody.
"""

from __future__ import annotations

from typing import Final

from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.ids import derived_id

REGISTRAR: Final = "/registrar"
"""The name of the registrar's key, and its source."""

WEBHOOKS: Final = "/webhooks"
"""The source of the events of all webhooks; each has one below it. They are the ledger's own."""

_SANDBOXES: Final = "/sandboxes/"
_WORKSPACES: Final = "/workspaces/"
_ROOTS: Final = {LEDGER_SOURCE: LEDGER_SOURCE, WEBHOOKS: LEDGER_SOURCE, REGISTRAR: REGISTRAR}
_SCHEDULES: Final = f"{LEDGER_SOURCE}/schedules"
_OF_CAUSES: Final = frozenset((_SCHEDULES, f"{LEDGER_SOURCE}/seed", f"{LEDGER_SOURCE}/webhooks"))
"""The ledger's own sources whose ids follow from what caused the event."""
_CHANGING: Final = ("", ".", "..")
"""Segments of a path that other programs may drop, which would leave another name."""


class NobodysSource(ValueError):
    """A source begins like a sandbox's or a workspace's, but belongs to none; the message tells why."""


def source_of(name: str) -> str:
    """Return the source of the events of a sandbox, the registrar or the ledger."""
    return name if name in (REGISTRAR, LEDGER_SOURCE) else _SANDBOXES + _segment(name)


def owners_of(source: str) -> tuple[str, ...]:
    """Return the names of which each may use a source; empty if anybody may.

    The registrar may also use the sources of workspaces. Raises NobodysSource if a sandbox's or a workspace's source is
    malformed.
    """
    for own, owner in _ROOTS.items():
        if source == own or source.startswith(own + "/"):
            return (owner,)
    if source.startswith(_SANDBOXES):
        return (_owner(source, _SANDBOXES),)
    if source.startswith(_WORKSPACES):
        return (_owner(source, _WORKSPACES), REGISTRAR)
    return ()


def webhook_source(webhook_id: str, max_bytes: int) -> str:
    """Return the source of the events of a webhook's calls; a fingerprint replaces an id that makes it too long."""
    source = f"{WEBHOOKS}/{_segment(webhook_id)}"
    return source if len(_bytes(source)) <= max_bytes else f"{WEBHOOKS}/{derived_id('hook', webhook_id)}"


def first_stands(source: str) -> bool:
    """Return whether the ids of this source follow from what caused the event, so that the first one recorded stands.

    Another event with its id is a repeat then, whatever its content, and no conflict: the ledger tried twice.
    """
    return source in _OF_CAUSES or source.startswith(f"{WEBHOOKS}/")


def is_told_at_another_time(source: str) -> bool:
    """Return whether an event of this source, told again, has the same id and another `time`: a call of a webhook."""
    return first_stands(source) and source != _SCHEDULES


def message_prefix(sandbox_id: str) -> str:
    """Return the prefix of the ids of a sandbox's messages."""
    return _segment(sandbox_id) + "/"


def message_id(sandbox_id: str, own_id: str, max_bytes: int) -> str:
    """Return the id of a sandbox's message: always the same for the same `own_id`, or `own_id` if it is such an id.

    If it would be longer than `max_bytes`, a fingerprint replaces `own_id` in it.
    """
    prefix = message_prefix(sandbox_id)
    if is_message_of(sandbox_id, own_id):
        own_id = own_id.removeprefix(prefix)
    whole = _bytes(own_id)
    return prefix + (own_id if len(_bytes(prefix)) + len(whole) <= max_bytes else derived_id("msg", whole))


def is_message_of(sandbox_id: str, message: str) -> bool:
    """Return whether the id `message` belongs to a message of the sandbox."""
    prefix = message_prefix(sandbox_id)
    return message.startswith(prefix) and message != prefix


def _segment(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


def _owner(source: str, root: str) -> str:
    segments = source.removeprefix(root).split("/")
    if any(segment in _CHANGING for segment in segments):
        raise NobodysSource(f"must not have an empty segment, `.` or `..` below {root}")
    owner = segments[0].replace("%2F", "/").replace("%25", "%")
    if _segment(owner) != segments[0]:
        raise NobodysSource(f"must have %25 for % and %2F for /, and no other escape, after {root}")
    return owner


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
