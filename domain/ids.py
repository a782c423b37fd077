"""Ids are opaque text (the rules: `domain.envelope`); those that Flowledger makes are TypeIDs (CONTRACT §2).

A TypeID is `prefix_` and a UUIDv7 (RFC 9562) in 26 characters of Crockford's base 32: ids sort by time of creation.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return a new TypeID, like `exec_01h455vb4pex5vsknk084sn02q`.

    Prefixes in use: exec task msg usr ws sb agent wf node collab mcp sched hook know cred sess evt.
    """
    milliseconds = time.time_ns() // 1_000_000
    return _typeid(prefix, milliseconds << 80 | int.from_bytes(os.urandom(10)), version=7)


def content_id(prefix: str, *parts: bytes) -> str:
    """Return the TypeID of some content: the same parts give the same id (a UUIDv8 of their SHA-256)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return _typeid(prefix, int.from_bytes(digest.digest()[:16]), version=8)


def _typeid(prefix: str, bits: int, version: int) -> str:
    bits = bits & ~(0xF << 76) | version << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return prefix + "_" + "".join(_ALPHABET[bits >> shift & 31] for shift in range(125, -1, -5))
