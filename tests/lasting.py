"""Which keys of Redis would stay for ever, though they are not on the list of those that may (`streams.LASTING`)."""

from __future__ import annotations

import re
from typing import Final

import redis

from flowledger.domain import streams

_MOST: Final = 10_000
"""So many keys are looked at, about: it is done after every test."""
_LASTING: Final = """#!lua flags=no-writes
local found = {}
for _, key in ipairs(redis.call('SCAN', 0, 'COUNT', ARGV[1])[2]) do
  if redis.call('PTTL', key) == -1 then
    local is_empty = redis.call('TYPE', key).ok == 'stream' and redis.call('XLEN', key) == 0
    found[#found + 1] = {key, is_empty and 1 or 0}
  end
end
return found
"""
_PATTERNS: Final = [
    re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(pattern)), re.DOTALL) for pattern in streams.LASTING
]


def keys_left(client: redis.Redis) -> set[str]:
    """Return the keys that neither expire nor may last, an empty inbox among them."""
    found: list[tuple[bytes | str, int]] = client.eval(_LASTING, 0, str(_MOST))
    named = [(_text(key), is_empty) for key, is_empty in found]
    return {key for key, is_empty in named if not _may_last(key, is_empty=bool(is_empty))}


def _may_last(key: str, *, is_empty: bool) -> bool:
    if is_empty and key.startswith(streams.inbox("")):
        return False
    return any(pattern.fullmatch(key) for pattern in _PATTERNS)


def _text(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode(errors="backslashreplace")
