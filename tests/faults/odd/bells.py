"""Lines in Celery's queue that are no bells: each is dropped or ignored, and the worker lives."""

from __future__ import annotations

import base64
import json
import zlib
from random import Random
from typing import Any, Final

_HEADERS: Final = {
    "lang": "py",
    "task": "ledger.drain",
    "id": "odd",
    "root_id": "odd",
    "parent_id": None,
    "group": None,
}
_PROPERTIES: Final = {
    "correlation_id": "odd",
    "delivery_mode": 2,
    "delivery_info": {"exchange": "", "routing_key": "ledger"},
    "priority": 0,
    "body_encoding": "base64",
    "delivery_tag": "odd",
}
_PICKLE: Final = "application/x-python-serialize"
_ZLIB: Final = "application/x-gzip"
_INFLATED: Final = 512 * 2**20
"""Bytes of the body that a few hundred kilobytes inflate to."""


def celery_lines(name: str, seed: int, count: int, *, inflated: int = _INFLATED) -> list[bytes]:
    """`count` lines for `LPUSH ledger`; one of them inflates to `inflated` bytes."""
    random = Random(f"{name} {seed} bells")
    bomb = zlib.compress(b"[" + b" " * inflated + b"]", 9)
    lines = [
        b"", b"not json", b"\xff\xfe\x00", b"null", b"[]", b"{}", b"12", b'"text"', b"[" * 100_000, b'{"body":1e99999}',
        _line(body=None), _line(body="%%%"), _line(body=[1]), _line(content_type=7), _line(properties=[]),
        _line(headers=None), _line(content_encoding="nonsense"), _line(b"\x80\x04N.", content_type=_PICKLE),
        _line(b"a: 1", content_type="application/x-yaml"), _line(b"[[], {}, {}]", task="no.such.task"),
        _line(b"[[1, 2, 3], {}, {}]"), _line(b'[["three"], {}, {}]'), _line(b"[[-1], {}, {}]"),
        _line(b"[[10000], {}, {}]"),
        _line(b'[[], {"shard": {}}, {}]'), _line(b"{}"), _line(b"\xff"), _line(b"[[0], {}, {}]", eta="yesterday"),
        _line(b"[[0], {}, {}]", expires="never"), _line(b"[[0], {}, {}]", retries="many"),
        _line(b"[[0], {}, {}]", timelimit=[1e-9, 1e-9]), _line(zlib.compress(b"[[0], {}, {}]"), compression=_ZLIB),
        _line(bomb, compression=_ZLIB), _line(b"no archive", compression=_ZLIB),
        _line(b"[[0], {}, {}]", compression="application/no-such-thing"), _line(b"[[0], {}, {}]", compression=3),
    ]  # fmt: skip
    further = [random.choice(lines[:-4]) for _ in range(max(0, count - len(lines)))]
    return random.sample(lines + further, min(count, len(lines) + len(further)))


def _line(
    body: Any = b"[[0], {}, {}]",
    *,
    content_type: Any = "application/json",
    content_encoding: Any = "utf-8",
    properties: Any = _PROPERTIES,
    **headers: Any,
) -> bytes:
    """A message as kombu writes it, with this body and these headers."""
    sent = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    whole = {"body": sent, "content-encoding": content_encoding, "content-type": content_type, "properties": properties}
    return json.dumps(whole | {"headers": headers.get("headers", _HEADERS | headers)}).encode()
