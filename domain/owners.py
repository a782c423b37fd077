"""Whose a name is: each sandbox, each workspace, the registrar and the ledger have names that nobody else may use.

| who | its key in the key file | its sources: this one, and what is below it | the ids of its messages |
| --- | --- | --- | --- |
| a sandbox | its id | `/sandboxes/{sandbox}` | `{sandbox}/…` |
| a workspace | its id | `/workspaces/{workspace}` | |
| the registrar, who says which sandbox belongs to which workspace | `/registrar` | `/registrar` | |
| the ledger | `/flowledger` | `/flowledger` | |

In these names `%25` stands for `%` and `%2F` for `/` of an id: so a name has one owner, whatever ids are like.
Mailboxes use such names always; where signatures are required, `domain.signatures` holds everybody to them.
"""

from __future__ import annotations

from typing import Final

from flowledger.domain.envelope import LEDGER_SOURCE
from flowledger.domain.ids import content_id

REGISTRAR: Final = "/registrar"
"""The name of the registrar's key, and its source."""

_SANDBOXES: Final = "/sandboxes/"
_WORKSPACES: Final = "/workspaces/"
_CHANGING: Final = ("", ".", "..")
"""Segments of a path that other programs may leave out, so that another name is left."""


class NobodysSource(ValueError):
    """A source that begins like a sandbox's or a workspace's, and is none; the message says why."""


def source_of(name: str) -> str:
    """The source of what a sandbox says, or the registrar, or the ledger."""
    return name if name in (REGISTRAR, LEDGER_SOURCE) else _SANDBOXES + _segment(name)


def owners_of(source: str) -> tuple[str, ...]:
    """Who may use a source: one of these; none where anybody may.

    What is a workspace's, the registrar may use as well. Raises NobodysSource.
    """
    for own in (LEDGER_SOURCE, REGISTRAR):
        if source == own or source.startswith(own + "/"):
            return (own,)
    if source.startswith(_SANDBOXES):
        return (_owner(source, _SANDBOXES),)
    if source.startswith(_WORKSPACES):
        return (_owner(source, _WORKSPACES), REGISTRAR)
    return ()


def message_prefix(sandbox_id: str) -> str:
    """How the ids of a sandbox's messages begin."""
    return _segment(sandbox_id) + "/"


def message_id(sandbox_id: str, own_id: str, max_bytes: int) -> str:
    """The id of a sandbox's message: of the same `own_id` always the same one, and itself where it is one already.

    One that would be longer than `max_bytes` has a fingerprint of `own_id` in its place.
    """
    prefix = message_prefix(sandbox_id)
    if is_message_of(sandbox_id, own_id):
        own_id = own_id.removeprefix(prefix)
    whole = _bytes(own_id)
    return prefix + (own_id if len(_bytes(prefix)) + len(whole) <= max_bytes else content_id("msg", whole))


def is_message_of(sandbox_id: str, message: str) -> bool:
    """Whether the id `message` is one of the sandbox's messages."""
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
        raise NobodysSource(f"must have %25 for % and %2F for /, and no other escape, behind {root}")
    return owner


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
