"""Bodies that can never be recorded: each must become a dead letter, byte for byte, and hold up nothing."""

from __future__ import annotations

import json
from typing import Any

from tests.builders import event


def bodies(name: str) -> list[bytes]:
    """A body of each kind; `name` makes them those of one turn."""
    whole = event("task.created", id=name, subject=f"task_{name}", source="/poison")
    return [
        b"not json " + name.encode(),
        b"\xff\xfe " + name.encode(),
        b'"a text, no object" ',
        b"",
        json.dumps([whole]).encode(),
        _with(whole, specversion="0.3"),
        _with(whole, id=""),
        _with(whole, id="nul \0 in an id"),
        _with(whole, source=None),
        _with(whole, type="task.exploded"),
        _with(whole, time="yesterday"),
        _with(whole, time="2026-01-31T23:59:60Z"),
        _with(whole, datacontenttype="text/plain"),
        _with(whole, data_base64="AAAA"),
        _with(whole, data=[1, 2]),
        _with(whole, data={"attempt": 0}),
        _with(whole, data={"priority": 2**70}),
        _with(whole, type="task.progressed", data={"progress": 7}),
        _with(whole, type="task.failed", data={}),
        _with(whole, sequence=""),
        json.dumps(whole).replace('"1.0"', "NaN").encode(),
        json.dumps(whole).replace('"data": {}', '"data": {"input": NaN}').encode(),
        json.dumps(whole).replace('"specversion"', '"id": "twice", "specversion"').encode(),
        b"[" * 20_000 + name.encode() + b"]" * 20_000,
        json.dumps(whole).replace('"data": {}', '"data": {"input": ' + "[" * 20_000 + "]" * 20_000 + "}").encode(),
        json.dumps(whole).replace('"data": {}', '"data": {"priority": ' + "9" * 100_000 + "}").encode(),
        _with(whole, data={"input": "x" * (2 * 2**20)}),
    ]


def huge(megabytes: int) -> bytes:
    """A body far beyond the limit."""
    return b'{"specversion":"1.0","data":"' + b"x" * (megabytes * 2**20) + b'"}'


def _with(whole: dict[str, Any], **attributes: Any) -> bytes:
    return json.dumps(whole | attributes).encode()
