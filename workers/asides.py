"""Sources that are set aside, as people see them: which, why, how much waits; and how they are resumed.

What waits of a source goes back into its shards in order, in bounded steps, each entry with a mark that lets it pass.
Newer ones of that source wait behind it until all are back (docs/decisions/0025). A step that is killed has moved some
entries or none; whoever resumes the source again goes on there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.workers.connections import text
from flowledger.workers.sources import Aside, key_of

_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 4 * 2**20

# KEYS: aside, sizes, the source's entries. ARGV: the source's key, its JSON, most entries and bytes of a step, how many
# shards, the field of the mark, the mark.
# Gives: how many went back; how many are left, or -1 if the source was set aside anew, or is not set aside.
_RETURN: Final = """#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {0, -1} end
local most, room, shards = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local went = 0
while went < most and room > 0 do
  local entry = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]
  if not entry then break end
  local id, fields = entry[1], entry[2]
  local stream, bytes = 'ledger:events:' .. fields[2] % shards, 0
  for place = 5, #fields do bytes = bytes + #fields[place] end
  local words = {stream, '*'}
  for place = 5, #fields do words[#words + 1] = fields[place] end
  words[#words + 1], words[#words + 2] = ARGV[6], ARGV[7]
  redis.call('XADD', unpack(words))
  redis.call('XDEL', KEYS[3], id)
  redis.call('HINCRBY', KEYS[2], 'entries', -1)
  redis.call('HINCRBY', KEYS[2], 'bytes', -bytes)
  redis.call('HINCRBY', KEYS[2], 'bytes:' .. ARGV[1], -bytes)
  went, room = went + 1, room - bytes
end
local left = redis.call('XLEN', KEYS[3])
if left == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], 'bytes:' .. ARGV[1])
  redis.call('DEL', KEYS[3])
  if redis.call('HLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
end
return {went, left}
"""

# KEYS: aside, sources. ARGV: the source's key, the JSON that is there, and that is to be there. Gives: 1 if it is now.
_CHANGE: Final = """#!lua flags=allow-oom
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A source that is set aside, and what waits of it."""

    source: str
    entries: int
    bytes: int
    since: str
    by: str
    why: str


class Asides:
    """Looks at, sets aside and resumes sources."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def all(self) -> list[Waiting]:
        """Those that are set aside, by name."""
        found: dict[Any, Any] = self._client.hgetall(streams.ASIDE)
        asides = {text(key): Aside.read(one) for key, one in found.items()}
        with self._client.pipeline(transaction=False) as pipeline:
            for key in asides:
                pipeline.xlen(streams.aside(key))
                pipeline.hget(streams.ASIDE_SIZES, f"bytes:{key}")
            counts: Iterator[Any] = iter(pipeline.execute())
        waiting = [
            Waiting(one.source, next(counts), max(0, int(next(counts) or 0)), one.at, one.by, one.why)
            for one in asides.values()
        ]
        return sorted(waiting, key=lambda one: one.source)

    def set_aside(self, source: str, why: str, by: str) -> bool:
        """Set a source aside by hand; False if it is already."""
        return self._change(key_of(source), b"", Aside.of(source, why, by))

    def resume(self, source: str, shards: int) -> int | None:
        """Put back what waits of a source, and let it pass; how many entries that were, or None if nothing was aside.

        Its fuse is new. If it blows meanwhile, the rest stays where it is.
        """
        key, went = key_of(source), 0
        while (known := self._one(key)) is not None:
            marked = Aside.read(known).resumed()
            if marked.to_json().encode() == known or self._change(key, known, marked):
                break
        else:
            return None
        while True:
            step, left = self._step(key, marked, shards)
            went += step
            if left <= 0:
                return went

    def _step(self, key: str, marked: Aside, shards: int) -> tuple[int, int]:
        keys = (streams.ASIDE, streams.ASIDE_SIZES, streams.aside(key))
        step, left = self._client.eval(
            _RETURN, len(keys), *keys, key, marked.to_json(), str(_AT_ONCE), str(_BYTES_AT_ONCE), str(shards),
            streams.RETURNED, marked.returning,
        )  # fmt: skip
        return step, left

    def _one(self, key: str) -> bytes | None:
        found: bytes | None = self._client.hget(streams.ASIDE, key)  # type: ignore[assignment]
        return found

    def _change(self, key: str, known: bytes, aside: Aside) -> bool:
        keys = (streams.ASIDE, streams.SOURCES)
        return bool(self._client.eval(_CHANGE, len(keys), *keys, key, known, aside.to_json()))
