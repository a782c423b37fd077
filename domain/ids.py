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

    Prefixes in use: exec task msg usr ws sb agent wf node collab mcp sched hook know evt.
    """
    milliseconds = time.time_ns() // 1_000_000
    return _typeid(prefix, milliseconds << 80 | int.from_bytes(os.urandom(10)), version=7)


def derived_id(prefix: str, *parts: str | bytes) -> str:
    """Return the TypeID that follows from `parts`, like an event's id from what caused it: the same at each try.

    It is a UUIDv8 of the SHA-256 of the parts (of texts the UTF-8), each as a netstring.
    """
    digest = hashlib.sha256()
    for part in parts:
        piece = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:%b," % (len(piece), piece))
    return _typeid(prefix, int.from_bytes(digest.digest()[:16]), version=8)


def _typeid(prefix: str, bits: int, version: int) -> str:
    bits = bits & ~(0xF << 76) | version << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return prefix + "_" + "".join(_ALPHABET[bits >> shift & 31] for shift in range(125, -1, -5))
