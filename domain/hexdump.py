"""Bytes as people look at them: offset, hexadecimal, and the letters among them."""

from __future__ import annotations

import string
from typing import Final

BYTES_SHOWN: Final = 1_024
_PRINTABLE: Final = frozenset(string.printable.encode()) - frozenset(string.whitespace.encode()) | {0x20}


def hexdump(raw: bytes, begin: int = 0, size: int = BYTES_SHOWN, row: int = 16) -> str:
    """Return `row` bytes a line: offset, hexadecimal, and the letters among them."""
    lines = []
    for offset in range(begin, min(begin + size, len(raw)), row):
        some = raw[offset : offset + row]
        letters = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in some)
        lines.append(f"{offset:08x}  {some.hex(' '):<{3 * row - 1}}  {letters}")
    return "\n".join(lines)
