"""Events for tests: valid by default, one at a time (`event`, `raw`, `parsed`, `entries`) or any at all (`histories`).

What the data of a type may hold is said in `tests.vocabulary`.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from flowledger.domain.envelope import Event, parse
from flowledger.domain.streams import FIELD
from flowledger.workers.entries import Entry
from tests.vocabulary import EXAMPLES, FIELDS, OWN_SOURCES, SUBJECTS, TIME, Json


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Final[Any] = _Absent()
"""In place of a value: leave the attribute or the field out."""


_numbers: Final = itertools.count(1)


def event(
    type_: str,
    /,
    *,
    id: Json = None,
    source: Json = ...,
    subject: Json = None,
    time: Json = TIME,
    attributes: Mapping[str, Json] | None = None,
    **data: Json,
) -> dict[str, Json]:
    """A valid event in its JSON form, with an id of its own; `data` comes over the least that the type needs."""
    needed = {name: EXAMPLES[field.kind] for name, field in FIELDS.get(type_, {}).items() if field.required}
    attempt = {"attempt": data.pop("attempt", ABSENT)} if "attempt" not in needed else {}
    envelope = {
        "specversion": "1.0",
        "id": id or f"evt_{next(_numbers)}",
        "source": OWN_SOURCES.get(type_, "/tests") if source is ... else source,
        "type": type_,
        "subject": subject or SUBJECTS.get(type_.partition(".")[0], "subject_1"),
        "time": time,
        "data": _present(needed | attempt | data),
    }
    return _present(envelope | dict(attributes or {}))


def raw(type_: str, /, **arguments: Json) -> bytes:
    """The same as it travels."""
    return to_bytes(event(type_, **arguments))


def parsed(type_: str, /, **arguments: Json) -> Event:
    """The same as it is recorded."""
    return parse(raw(type_, **arguments))


def to_bytes(value: Json, *, ascii: bool = False) -> bytes:
    """JSON text; lone surrogates are escaped, for UTF-8 has none."""
    return escaped(json.dumps(value, ensure_ascii=ascii)).encode()


def escaped(text: str) -> str:
    """JSON text in which lone surrogates are escaped."""
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)


def entries(events: Iterable[bytes | Mapping[str, Json]], start: int = 1) -> list[Entry]:
    """Stream entries that hold the events, with ids that count on from `start`."""
    bodies = (item if isinstance(item, bytes) else to_bytes(item) for item in events)
    return [Entry(f"{number}-0", [FIELD.encode(), body]) for number, body in enumerate(bodies, start)]


def _present(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value is not ABSENT}


# --- any events at all

ODD_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\ud7ff",
    "\ue000",
    "\U0001f600",
    "é",
    "\x85",
    "%s",
    "'\\",
)
SEQUENCES: Final = (
    "1", "7", "007", "10", "10 ", "99999999999999999999", "a", "A", "\x00", "\x01", "\x02", "\x03", "a\x01",
    "\ud7ff", "\ud800", "\udfff", "\ue000", "\U0001f600", "\uff11", "1e3", "-1",
)  # fmt: skip
SEQUENCE_NUMBERS: Final = ("1", "7", "10", "1.0", "1e3", "1E3", "-1", "-0", "99999999999999999999", "0.5")
TIMES: Final = (
    TIME, "2026-01-31T12:00:00.000000Z", "2026-01-31T14:00:00+02:00", "2026-01-31T07:30:00.0-04:30",
    "2026-01-31t12:00:00z", "2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00.0000009Z", "2026-01-31T12:00:00.1Z",
    "2026-01-31T12:00:00.12345678Z", "2026-01-31T12:00:00.123456789Z", "2026-01-31T11:59:59.999999999Z",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z",
)  # fmt: skip
SOURCES: Final = ("/a", "/a\x01", "/b", "/\U0001f600", "/\ud7ff", "/flowledger")

texts: Final = st.sampled_from(ODD_TEXTS) | st.text(max_size=6)
"""Texts, those that PostgreSQL cannot hold among them."""

_ids: Final = st.sampled_from(["id_1", "id_2", "\x01", "é" * 256, "\U0001f600"])
_integers: Final = st.integers(-(2**63), 2**63 - 1)
_values: Final[st.SearchStrategy[Json]] = st.recursive(
    st.none() | st.booleans() | _integers | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
_objects: Final = st.dictionaries(texts, _values, max_size=3)

_further: Final = st.dictionaries(st.sampled_from(["more", "x\x00", "\U0001f600"]), _values, max_size=1)
_amounts: Final = st.sampled_from([0, 1, 0.5, 2**70, 1e-9]) | st.floats(0, 1e9)


def _part(**fields: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """An object of known fields, each there or not or null, and of further ones."""
    known = st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in fields.items()})
    return st.builds(lambda one, more: one | more, known, _further)


_node_ids: Final = st.sampled_from(["a", "b", "\x00", "\ud800", "", 1, None])
_nodes: Final = st.fixed_dictionaries({}, optional={"id": _node_ids})
_edges: Final = st.fixed_dictionaries({}, optional={"source": _node_ids, "target": _node_ids})
_definitions: Final = _objects | st.fixed_dictionaries(
    {},
    optional={
        "nodes": _values | st.lists(_nodes | _values, max_size=3),
        "edges": _values | st.lists(_edges | _values, max_size=3),
        "more": _values,
    },
)

_HARMLESS: Final[tuple[Json, ...]] = ("", None, True, "${NAME}", "Bearer <token>", {"secret": "\x00 a name"}, {}, [])
_origins: Final[st.SearchStrategy[Json]] = st.sampled_from(
    ["", "/", "/a~0b/~1/0", "/\x00", {"header": "X-A"}, {"header": "\ud800"}]
) | st.builds(lambda value: {"value": value}, _values)

KINDS: Final[dict[str, st.SearchStrategy[Json]]] = {
    "str": texts,
    "id": _ids,
    "any": _values,
    "object": _objects,
    "int": st.sampled_from([0, 1, 2, -1, 2**63 - 1, -(2**63)]) | _integers,
    "attempt": st.sampled_from([1, 1, 1, 2, 2, 10, 2**63 - 1]),
    "seconds": st.just(0) | st.floats(0, 1e9) | st.integers(0, 2**70),
    "fraction": st.sampled_from([0, 1, 0.5, 1e-9]) | st.floats(0, 1),
    "error": st.fixed_dictionaries({"message": texts}, optional={"type": texts, "traceback": texts, "more": _values}),
    "level": st.sampled_from(["trace", "debug", "INFO", "Warn", "warning", "error", "Critical", "FATAL"]),
    "ids": st.lists(st.sampled_from(["sb_1", "sb_2", "sb_3", "\x01"]), min_size=1, max_size=4),
    "message_type": st.sampled_from(["request", "response", "notification", "command"]),
    "time": st.sampled_from(TIMES),
    "label": st.sampled_from(["n", "\x00", "\ud800", "\U0001f600" * 255, " a "]),
    "tags": st.lists(st.sampled_from(["a", "b", "\x00", "é" * 64, " "]), max_size=4),
    "visibility": st.sampled_from(["public", "private"]),
    "version": st.sampled_from([1, 2, 3, 2**63 - 1]),
    "definition": _definitions,
    "some_ids": st.lists(_ids, max_size=4),
    "number": st.sampled_from([0, 0.1, 0.2, -0.3, 2**53 + 1, -(2**70), 1e-300, 1e300, -0.0])
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False),
    "metric_kind": st.sampled_from(["gauge", "counter"]),
    "labels": st.dictionaries(texts, texts, max_size=3),
    "bool": st.booleans(),
    "name": st.sampled_from(["n", "\x00", "\ud800", "\U0001f600" * 255]) | st.text(min_size=1, max_size=6),
    "agent_config": _part(
        model=texts,
        provider=texts,
        temperature=st.sampled_from([0, 1, 2]) | st.floats(0, 2),
        max_tokens=st.sampled_from([1, 2**63 - 1]),
        system_prompt=texts,
        tools=st.lists(texts | _objects, max_size=3),
    ),
    "resource_limits": _part(
        cpu=_amounts,
        memory_bytes=st.sampled_from([0, 1, 2**63 - 1]),
        disk_bytes=st.sampled_from([0, 1, 2**63 - 1]),
        timeout_seconds=_amounts,
        idle_timeout_seconds=_amounts,
    ),
    "connection": _part(host=texts, port=st.integers(1, 65_535), url=texts, protocol=texts),
    "health": _part(status=texts, checked_at=st.sampled_from(TIMES), message=texts),
    "email": st.sampled_from(["a@b", "A@b", "Ada@Example.org", "\x00@\ud800", "é" * 318 + "@x"]),
    "role": st.sampled_from(["admin", "user", "viewer"]),
    "object_or_list": _objects | st.lists(_values, max_size=3),
    "unclassified": st.dictionaries(
        st.sampled_from(["a", "x\x00", "token", "password"]), st.sampled_from(_HARMLESS), max_size=3
    ),
    "transport": st.sampled_from(["stdio", "http", "sse", "streamable-http"]),
    "args": st.lists(texts, max_size=3),
    "url": texts | st.just("https://h/?page=1"),
    "count": st.sampled_from([0, 1, 2**63 - 1]),
    "names": st.lists(st.sampled_from(["a", "\x00", "\U0001f600" * 255, " a "]), max_size=3),
    "networks": st.lists(
        st.sampled_from(["0.0.0.0/0", "192.0.2.7", "::", "2001:db8::/32", "::FFFF:1.2.3.4"]), max_size=3
    ),
    "input_mapping": st.dictionaries(st.sampled_from(["a", "\x00", "é" * 255]), _origins, max_size=3),
    "expression": st.sampled_from(["* * * * *", "\t0 0  29 2 sun ", "*/9,5 0-23/7 31 FEB 1", "1s", "9" * 99 + "d"]),
    "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+5", "US/Eastern"]),
    "missed": st.sampled_from(["skip", "last", "all"]),
}
"""Values of each kind of field."""

# Made once: to make and to check a strategy takes as long as to draw from it.
_OR_NULL: Final = {kind: st.none() | values for kind, values in KINDS.items()}
_CHANCES: Final = st.integers(0, 9)
_UNKNOWN: Final = st.dictionaries(st.sampled_from(["cc", "x\x00", "\ud800"]), _values, max_size=1)
_EXTENSIONS: Final = st.dictionaries(st.just("extension"), _values, max_size=1)
_MOMENTS: Final = st.just(ABSENT) | st.none() | st.sampled_from(TIMES)
_SOURCES: Final = st.sampled_from(SOURCES)
_ID_BEGINNINGS: Final = st.sampled_from(["a", "\x01", "\ud7ff", "\ue000", "é"])
_SEQUENCE_KINDS: Final = st.sampled_from(["absent", "absent", "null", "text", "number"])
_SEQUENCES: Final = {
    "null": st.just("null"),
    "number": st.sampled_from(SEQUENCE_NUMBERS),
    "text": st.sampled_from(tuple(map(json.dumps, SEQUENCES))),
}


@st.composite
def data_of(draw: st.DrawFn, type_: str) -> dict[str, Json]:
    """Valid data of a type: optional fields there or not or null, and beside them fields that nobody knows."""
    data: dict[str, Json] = {}
    sparing = draw(st.booleans())
    for name, field in FIELDS[type_].items():
        if field.required or draw(_CHANCES) < (2 if sparing else 6):
            nullable = not field.required or field.kind == "any"
            data[name] = draw((_OR_NULL if nullable else KINDS)[field.kind])
    if type_ == "message.sent" and draw(st.booleans()):
        data |= {"broadcast": True, "workspace_id": "ws_1"}
        del data["to_sandbox_ids"]
    return data | draw(_UNKNOWN)


@st.composite
def _attributes(draw: st.DrawFn) -> str:
    """A `sequence` or none, as the beginning of JSON text: numbers count as they are written."""
    kind = draw(_SEQUENCE_KINDS)
    return "" if kind == "absent" else f'"sequence": {draw(_SEQUENCES[kind])}, '


@st.composite
def events(
    draw: st.DrawFn, id: str, types: Sequence[str] = tuple(FIELDS), subjects: Sequence[str] = ("", "2")
) -> bytes:
    """Any valid event of a few subjects and sources; many of their moments are the same. A message has one sender."""
    type_ = draw(st.sampled_from(types))
    kind = type_.partition(".")[0]
    subject = SUBJECTS[kind] + draw(st.sampled_from(subjects))
    data = draw(data_of(type_)) | ({"from_sandbox_id": f"\x01 {subject}"} if type_ == "message.sent" else {})
    envelope = event(
        type_,
        id=draw(_ID_BEGINNINGS) + id,
        source=OWN_SOURCES.get(type_) or draw(_SOURCES),
        subject=subject,
        time=draw(_MOMENTS),
        attributes={"data": data} | draw(_EXTENSIONS),
    )
    text = json.dumps(envelope, ensure_ascii=draw(st.booleans()))
    return escaped("{" + draw(_attributes()) + text[1:]).encode()


@st.composite
def histories(
    draw: st.DrawFn,
    min_size: int = 1,
    max_size: int = 12,
    types: Sequence[str] = tuple(FIELDS),
    subjects: Sequence[str] = ("", "2"),
) -> list[bytes]:
    """A set of valid events, each `source` + `id` once; `subjects` are told apart by their endings."""
    size = draw(st.integers(min_size, max_size))
    return [draw(events(str(number), types, subjects)) for number in range(size)]
