"""A hundred kinds of rubbish that producers send: what each is refused for, and what mends it.

`RUBBISH` is in an order in which it may be sent through one stream: the events that `before` names go first.
"""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import quote_plus

from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.domain.streams import FIELD
from tests.builders import ABSENT, event, to_bytes

Json = Any


class Mend(NamedTuple):
    """How a case becomes an event: its text as a whole, or changes to it, as `dead-letters replay` takes them."""

    text: bytes | None = None
    field: str | None = None
    unset: tuple[str, ...] = ()
    set: tuple[str, ...] = ()
    set_text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of rubbish.

    `fields` is the stream entry, name, value, name, value …; `raw` the exact bytes that its dead letter keeps; `before`
    an event that must have been recorded before.
    """

    name: str
    fields: tuple[bytes, ...]
    raw: bytes
    reason: str
    field: str
    mend: Mend
    before: bytes | None = None


def _id(name: str) -> str:
    return f"rubbish {name}"


def _event(name: str, type_: str, **arguments: Json) -> dict[str, Json]:
    """An event that is good unless `arguments` spoil it."""
    given: dict[str, Json] = {"id": _id(name), "source": "/rubbish", "subject": "rubbish_1"}
    return event(type_, **(given | arguments))


def _good(name: str) -> bytes:
    """An event that takes the place of something that is none."""
    return to_bytes(_event(name, "task.queued"))


def _case(name: str, raw: bytes, reason: str, field: str, mend: Mend) -> Case:
    return Case(name, (FIELD.encode(), raw), raw, reason, field, mend)


def _not_json(name: str, raw: bytes, **mend: Json) -> Case:
    """Mended, where `mend` does not say how, by another text."""
    return _case(name, raw, "not_json", "", Mend(**(mend or {"text": _good(name)})))


def _written(name: str, type_: str, here: bytes, mend: Mend, **data: Json) -> Case:
    """An event that has the bytes `here` where a value is the text `here`."""
    return _case(name, to_bytes(_event(name, type_, **data)).replace(b'"here"', here), "not_json", "", mend)


def _beyond(name: str, here: bytes, mended: str) -> Case:
    """An output that is JSON and goes beyond a limit."""
    raw = to_bytes(_event(name, "task.completed", output="here")).replace(b'"here"', here)
    return _case(name, raw, "not_json", "data.output", Mend(set=(f"data.output={mended}",)))


def _envelope(name: str, attribute: str, value: Json, mended: str) -> Case:
    """A wrong attribute of the envelope; `mended` is the text that stands there afterwards."""
    raw = to_bytes(_event(name, "task.started", attributes={attribute: value}))
    return _case(name, raw, "invalid_envelope", attribute, Mend(set_text=(f"{attribute}={mended}",)))


def _without(name: str, attribute: str, value: Json) -> Case:
    """A wrong attribute that is mended by leaving it out."""
    raw = to_bytes(_event(name, "task.started", attributes={attribute: value}))
    return _case(name, raw, "invalid_envelope", attribute, Mend(unset=(attribute,)))


def _whole(name: str, raw: bytes) -> Case:
    """JSON that is no object."""
    return _case(name, raw, "invalid_envelope", "", Mend(text=_good(name)))


def _type(name: str, type_: str) -> Case:
    raw = to_bytes(_event(name, "task.queued", attributes={"type": type_}))
    return _case(name, raw, "unknown_type", "type", Mend(set=("type=task.queued",)))


def _data(name: str, type_: str, field: str, mended: str | None, **data: Json) -> Case:
    """Data of a wrong shape; `mended` is what is set (`path=JSON`); None leaves `field` out."""
    mend = Mend(unset=(field,)) if mended is None else Mend(set=(mended,))
    return _case(name, to_bytes(_event(name, type_, **data)), "invalid_data", field, mend)


def _entry(name: str, fields: tuple[bytes, ...], mend: Mend, raw: bytes | None = None) -> Case:
    """An entry that has not one field `event`; `raw` is how more fields than one are kept."""
    return Case(name, fields, fields[1] if raw is None else raw, "malformed_entry", FIELD, mend)


def _conflict(name: str, **other: Json) -> Case:
    first = to_bytes(_event(name, "task.completed", output="first"))
    raw = to_bytes(_event(name, **({"type_": "task.completed"} | other)))
    mend = Mend(set_text=(f"id={_id(name)}, another",))
    return Case(name, (FIELD.encode(), raw), raw, "conflict", "id", mend, before=first)


_LINE: Final = to_bytes(_event("line", "task.logged", message="m"))
_DEEP: Final = b"[" * 600 + b"]" * 600
_TWO: Final = [_good("two events in one entry"), to_bytes(_event("the other of two events", "task.started"))]
_PARTS: Final = (b"type", b"task.queued", b"id", b"7", b"data", b"{}")
_OTHERS: Final = (b"event.json", _good("fields of another house"), b"checksum", b"\xff\x00\xfe")

_NOT_JSON: Final = (
    _not_json("nothing at all", b""),
    _not_json("words", b"hello, is this the ledger?"),
    _not_json("bytes", bytes(range(256))),
    _not_json("a compressed event", gzip.compress(_LINE, mtime=0)),
    _not_json("an event in base64", base64.b64encode(_LINE)),
    _not_json("an event as a form", quote_plus(_LINE).encode()),
    _not_json("XML", b'<event id="1"><type>task.queued</type></event>'),
    _not_json("CSV", b"id,source,type,subject\n1,/s,task.queued,t"),
    _not_json("UTF-16", _LINE.decode().encode("utf-16")),
    _not_json("a byte order mark", b"\xef\xbb\xbf" + _LINE),
    _not_json("half an event", _LINE[: len(_LINE) // 2]),
    _not_json("two events in one text", _LINE + b"\n" + _LINE),
    _not_json("a trailing comma", _LINE[:-1] + b",}"),
    _not_json("single quotes", repr(json.loads(_LINE)).encode()),
    _not_json("names without quotes", b"{specversion: 1.0, id: 1}"),
    _not_json("a comment", _LINE + b" // the end"),
    _not_json("brackets without an end", b"[" * 100_000),
    _not_json("a doubled attribute", b'{"type":"task.queued",' + _good("doubled")[1:], set=("type=task.queued",)),
    _written("a doubled field", "task.logged", b'"a","message":"b"', Mend(set=("data.message=c",)), message="here"),
    _written("NaN", "task.progressed", b"NaN", Mend(set=("data.progress=0.5",)), progress="here"),
    _written("infinity", "task.timed_out", b"Infinity", Mend(unset=("data.timeout_seconds",)), timeout_seconds="here"),
    _written("a number with a plus", "task.progressed", b"+1", Mend(set=("data.progress=1",)), progress="here"),
    _written("a number with zeros", "task.started", b"007", Mend(set=("data.attempt=7",)), attempt="here"),
    _beyond("too many digits", b"9" * 5000, "9" * 4000),
    _written("an endless exponent", "task.completed", b"1e999999", Mend(set=("data.output=1e400",)), output="here"),
    _written("Python's True", "task.completed", b"True", Mend(set=("data.output=true",)), output="here"),
    _beyond("too deep", _DEEP, "[]"),
    _written("a byte of Latin-1", "task.logged", b'"caf\xe9"', Mend(set_text=("data.message=café",)), message="here"),
    _written("an overlong NUL", "task.logged", b'"\xc0\x80"', Mend(set=("data.message=m",)), message="here"),
    _written("a surrogate in UTF-8", "task.logged", b'"\xed\xa0\x80"', Mend(set=("data.message=m",)), message="here"),
    _written("a character cut off", "task.logged", b'"\xe2\x82"', Mend(set=("data.message=m",)), message="here"),
    _written("a line break in a text", "task.logged", b'"a\nb"', Mend(set=(r'data.message="a\nb"',)), message="here"),
    _written("a NUL in a text", "task.logged", b'"a\x00b"', Mend(set_text=("data.message=a b",)), message="here"),
    _written("an escape of C", "task.logged", rb'"\x41"', Mend(set=("data.message=A",)), message="here"),
    _written("half an escape", "task.logged", rb'"\u12"', Mend(set=("data.message=m",)), message="here"),
)

_ENVELOPES: Final = (
    _whole("null", b"null"),
    _whole("a number", b"42"),
    _whole("an event in a text", json.dumps(_LINE.decode()).encode()),
    _whole("an event in a list", b"[" + _LINE + b"]"),
    _case("no attributes", b"{}", "invalid_envelope", "specversion", Mend(text=_good("no attributes"))),
    _envelope("no specversion", "specversion", ABSENT, "1.0"),
    _envelope("an old specversion", "specversion", "0.3", "1.0"),
    _envelope("a specversion that is a number", "specversion", 1.0, "1.0"),
    _envelope("no id", "id", ABSENT, "an id"),
    _envelope("an id of null", "id", None, "an id for null"),
    _envelope("an empty id", "id", "", "an id for nothing"),
    _envelope("an id that is a number", "id", 7, "7"),
    _envelope("a long id", "id", "é" * 257, "é" * 256),
    _envelope("an id with NUL", "id", "a\x00", "an id for NUL"),
    _envelope("an id with half a character", "id", "\ud83d", "an id for half a character"),
    _envelope("no source", "source", ABSENT, "/rubbish"),
    _envelope("an empty source", "source", "", "/rubbish"),
    _envelope("a long source", "source", "/" * 1025, "/rubbish"),
    _envelope("no type", "type", ABSENT, "task.started"),
    _envelope("a type that is a list", "type", ["task.started"], "task.started"),
    _envelope("no subject", "subject", ABSENT, "rubbish_1"),
    _envelope("a subject that is a number", "subject", 1, "rubbish_1"),
    _envelope("a time without a zone", "time", "2026-01-31T12:00:00", "2026-01-31T12:00:00Z"),
    _envelope("a time in words", "time", "yesterday", "2026-01-31T12:00:00Z"),
    _envelope("a time that is a number", "time", 1769860800, "2026-01-31T12:00:00Z"),
    _envelope("a leap second", "time", "2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
    _envelope("a day that is none", "time", "2026-02-29T12:00:00Z", "2026-02-28T12:00:00Z"),
    _envelope("an empty sequence", "sequence", "", "1"),
    _without("a sequence that is a truth", "sequence", True),
    _without("a partition key that is a number", "partitionkey", 3),
    _without("a traceparent that is an object", "traceparent", {"id": 1}),
    _envelope("data in XML", "datacontenttype", "application/xml", "application/json"),
    _without("data in Latin-1", "datacontenttype", "application/json; charset=latin1"),
    _without("data in base64", "data_base64", "e30="),
    _without("data that is a list", "data", []),
    _without("data that is a text", "data", "{}"),
)

_TYPES: Final = (
    _type("a type nobody knows", "task.exploded"),
    _type("a type in capitals", "Task.Queued"),
    _type("half a type", "task"),
)

_SENT: Final = "message.sent"
_ERROR: Final = 'data.error={"message":"no"}'
_TWO_IDS: Final = {"to_sandbox_ids": ["sb_1", 2]}
_DATA: Final = (
    _data("no progress", "task.progressed", "data.progress", "data.progress=1", progress=ABSENT),
    _data("too much progress", "task.progressed", "data.progress", "data.progress=1.0", progress=2),
    _data("progress in words", "task.progressed", "data.progress", "data.progress=0.5", progress="half"),
    _data("no error", "task.failed", "data.error", _ERROR, error=ABSENT),
    _data("an error that is a text", "execution.failed", "data.error", _ERROR, error="no"),
    _data("an error without words", "node.failed", "data.error.message", "data.error.message=no", error={}),
    _data("no node", "node.started", "data.node", "data.node=plan", node=ABSENT),
    _data("a node without a name", "node.started", "data.node", "data.node=plan", node=""),
    _data("half an iteration", "node.started", "data.iteration", "data.iteration=1", iteration=1.5),
    _data("too many iterations", "node.started", "data.iteration", None, iteration=2**63),
    _data("attempt zero", "task.started", "data.attempt", "data.attempt=1", attempt=0),
    _data("a new attempt without its number", "task.retrying", "data.attempt", "data.attempt=2", attempt=ABSENT),
    _data("a level nobody knows", "task.logged", "data.level", "data.level=info", level="loud"),
    _data("no message", "task.logged", "data.message", "data.message=m", message=ABSENT),
    _data("a negative delay", "task.retrying", "data.delay_seconds", "data.delay_seconds=0", delay_seconds=-1),
    _data("a state that is a list", "execution.checkpointed", "data.state", 'data.state={"k":1}', state=[]),
    _data("an id with NUL in data", "execution.created", "data.workflow_id", None, workflow_id="\x00"),
    _data("a message to nobody", _SENT, "data", 'data.to_sandbox_ids=["sb_2"]', to_sandbox_ids=ABSENT),
    _data(
        "a message of a kind nobody knows", _SENT, "data.message_type", "data.message_type=command", message_type="?"
    ),
    _data("a recipient that is a number", _SENT, "data.to_sandbox_ids.1", "data.to_sandbox_ids.1=sb_2", **_TWO_IDS),
)

_REST: Final = (
    _entry("a field in capitals", (b"Event", _good("a field in capitals")), Mend()),
    _entry(
        "two events in one entry",
        (b"event", _TWO[0], b"event", _TWO[1]),
        Mend(field="1"),
        json.dumps([["event", body.decode()] for body in _TWO]).encode(),
    ),
    _entry(
        "attributes as fields",
        _PARTS,
        Mend(text=_good("attributes as fields")),
        b'[["type", "task.queued"], ["id", "7"], ["data", "{}"]]',
    ),
    _entry(
        "fields of another house",
        _OTHERS,
        Mend(field="event.json"),
        json.dumps([["event.json", _OTHERS[1].decode()], ["checksum", "\udcff\x00\udcfe"]]).encode(),
    ),
    _case(
        "too large",
        to_bytes(_event("too large", "task.completed", output="x" * DEFAULT_LIMITS.max_event_bytes)),
        "too_large",
        "",
        Mend(unset=("data.output",)),
    ),
    _conflict("other content", output="second"),
)

RUBBISH: Final[tuple[Case, ...]] = (*_NOT_JSON, *_ENVELOPES, *_TYPES, *_DATA, *_REST)
