"""Entries that are no events, or hardly: malformed, broken, deep, large, with wrong types in every field."""

from __future__ import annotations

import gzip
import json
from random import Random
from typing import Any, Final

from tests.faults.odd.entry import FIELD, Couple, Fate, Odd, event, odd, text_of
from tests.vocabulary import EXAMPLES, FIELDS

_DEPTH: Final = 500
"""The limit of nesting (contract §2)."""
_SLACK: Final = 30
_EVENT_BYTES: Final = 2**20
"""The limit of an event."""


def malformed(random: Random, unique: str) -> Couple:
    """An entry that has not exactly one field `event`."""
    body = text_of(event(unique)).encode()
    forms: tuple[tuple[str, tuple[bytes, ...]], ...] = (
        ("no field `event`", (b"Event", body)),
        ("another field", (b"payload", body)),
        ("an empty name", (b"", body)),
        ("two fields `event`", (FIELD, body, FIELD, body)),
        ("attributes as fields", (b"type", b"task.queued", b"id", unique.encode(), b"data", b"{}")),
        ("binary names", (b"\xff\x00", b"\x00", b"\xfe" * 50, random.randbytes(50))),
        ("a thousand fields", tuple(part for n in range(1000) for part in (b"field %d" % n, unique.encode()))),
        ("a name of 100 kB", (b"n" * 100_000, body)),
        ("empty everything", (b"", b"")),
    )
    what, fields = random.choice(forms)
    return (Odd(what, fields, Fate.BURIED),)


def broken(random: Random, unique: str) -> Couple:
    """A body that is no JSON text in UTF-8."""
    body = text_of(event(unique, data={"output": "größer"})).encode()
    place = random.randrange(1, len(body) - 1)
    forms = (
        ("bytes", random.randbytes(random.choice((1, 40, 10_000)))),
        ("nothing", b""),
        ("half an event", body[:place]),
        ("a compressed event", gzip.compress(body, mtime=0)),
        ("UTF-16", body.decode().encode("utf-16")),
        ("a byte order mark", b"\xef\xbb\xbf" + body),
        ("a byte that is no UTF-8", body[:place] + b"\xff" + body[place:]),
        ("a surrogate in UTF-8", body.replace(b"gr", b"\xed\xa0\x80")),
        ("an overlong NUL", body.replace(b"gr", b"\xc0\x80")),
        ("two events", body + body),
        ("a name twice", body[:-1] + b',"id":"another"}'),
        ("a name twice, deep", body[:-1] + b',"more":[{"a":{"b":1,"b":1}}]}'),
        ("NaN", body[:-1] + b',"more":NaN}'),
        ("infinity", body[:-1] + b',"more":-Infinity}'),
        ("a comment", body + b"/* */"),
        ("a NUL behind it", body + b"\x00"),
        ("text that never ends", b'{"a":"' + b'\\"' * 50_000),
    )
    what, raw = random.choice(forms)
    return (Odd(what, (FIELD, raw), Fate.BURIED),)


def deep(random: Random, unique: str) -> Couple:
    """Nested, below and beyond the limit."""
    depth = random.choice((50, _DEPTH - _SLACK, _DEPTH, _DEPTH + _SLACK, 5_000, 100_000))
    opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
    times = depth // len(closing)
    inner = opening * times + "1" + closing * times
    body = text_of(event(unique, data={"output": 0})).replace('"output":0', f'"output":{inner}')
    fate = Fate.RECORDED if depth < _DEPTH - _SLACK // 2 else Fate.BURIED if depth > _DEPTH else Fate.EITHER
    return (odd(f"nested {depth} deep", unique, body, fate),)


def sized(random: Random, unique: str, size: int) -> Couple:
    """An entry of some size, beyond the limit of an event."""
    if size <= _EVENT_BYTES:
        size = _EVENT_BYTES + 1
    head = text_of(event(unique))[:-1].encode() + b',"data":{"output":"'
    filler = random.choice((b"x", b"\\", b'"', b"[", b"\xff", b"\x00", b"\xc3\xa9"))
    whole = head + b"x" * (size - len(head) - 3) + b'"}}'
    forms: tuple[tuple[str, tuple[bytes, ...]], ...] = (
        ("an event", (FIELD, whole)),
        ("nothing but one character", (FIELD, filler * (size // len(filler)))),
        ("bytes", (FIELD, random.randbytes(size))),
        ("three fields", (b"a", b"x" * (size // 3), b"b", b"\xff" * (size // 3), b"c", b"y" * (size // 3))),
    )
    what, fields = random.choice(forms)
    return (Odd(f"{what}, {size / 2**20:.1f} MiB", fields, Fate.BURIED),)


_WRONG: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**63,
    10**30,
    "",
    " ",
    "x",
    [],
    {},
    [[]],
    [None],
    {"": {}},
)
_ATTRIBUTES: Final = (
    "specversion", "id", "source", "type", "subject", "time", "sequence", "partitionkey", "traceparent", "tracestate",
    "correlationid", "causationid", "datacontenttype", "data_base64", "data", "signature", "dataschema", "",
)  # fmt: skip
_TIMES: Final = (
    "2026-01-31T23:59:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-23:59", "2026-01-31T12:00:00", "2026-01-31", "now", "infinity", "-infinity", "epoch",
    "2026-01-31T12:00:00+24:00", "2026-01-31T12:00:00." + "9" * 5_000 + "Z", "\u0662\u0660\u0662\u0666-01-31T12:00:00Z",
)  # fmt: skip


def envelopes(random: Random, unique: str) -> Couple:
    """Something odd in an attribute."""
    name = random.choice(_ATTRIBUTES)
    value = random.choice(_WRONG)
    whole = event(unique, "task.started")
    if name == "time" or random.random() < 0.2:
        name, value = "time", random.choice(_TIMES)
    elif name in ("id", "subject", "source") and random.random() < 0.7:
        most = 1_024 if name == "source" else 512
        size = random.choice((most - 1, most, most + 1, 60_000))
        value = random.choice(
            (f"{whole[name]}/東京\U0001f600\u202e", str(whole[name]).ljust(size, "é")[:size], "a\x00", "\ud800")
        )
    changed = whole | {name: value}
    what = f"{name} {ascii(value)[:40]}"
    made = odd(what, unique, text_of(changed), Fate.EITHER)
    return (Odd(made.what, made.fields, made.fate, *(_text(changed[key]) for key in ("subject", "id"))),)


def odd_fields(random: Random, unique: str) -> Couple:
    """Something odd in any field of any type: another type, or far too much of the right one."""
    type_ = random.choice(sorted(FIELDS))
    name, field = random.choice(sorted(FIELDS[type_].items()))
    data = {other: EXAMPLES[kind.kind] for other, kind in FIELDS[type_].items() if kind.required}
    value = random.choice((*_WRONG, *_much(EXAMPLES[field.kind])))
    whole = event(unique, type_, data | {name: value})
    if random.random() < 0.1:
        whole["source"] = "/flowledger"
    return (odd(f"{type_} {name} {ascii(value)[:40]}", unique, text_of(whole), Fate.EITHER),)


def _much(value: Any) -> tuple[Any, ...]:
    """Many times the value, or a value with a long name in it."""
    if isinstance(value, str):
        return value * 10_000, value + "\x00", value + "\ud800"
    if isinstance(value, list):
        return value * 2_000, [*value, *value]
    if isinstance(value, dict):
        return (
            {**value, "x" * 50_000: 1},
            {f"name {n}": value for n in range(200)},
            json.loads(json.dumps([value] * 50)),
        )
    return value * 10**15, value / 3, -value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
