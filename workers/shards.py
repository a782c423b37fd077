"""The shards' streams as a drain sees them: entries are taken under leases, and deleted when they are recorded.

The keys and what they mean: `domain.streams`. What stands in a stream is what is left to do, so nothing has to be
remembered about who read what: entries of a drain that died are the first ones of their streams, and are taken again
when its leases run out. Each step is one script, so one round trip and one flush of the broker's disk; the scripts may
write while the broker's memory is full (`allow-oom`), for what they write is small and makes room.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any, Final, NamedTuple

import redis

from domain import streams
from domain.settings import Settings
from workers.fuse import Fuse
from workers.pauses import Pause
from workers.recorder import Entry, Recorded

_MOST_BYTES: Final = 8 * 1024 * 1024
"""A batch is full when it has so many bytes: entries may be of any size."""
_IDLE_KEPT: Final = 64
_WATCH_SECONDS: Final = 1.0
_WATCH_MARGIN_SECONDS: Final = 1.0

# KEYS: watch, hold, paused, idle; then for each shard, in order of preference: stream, lease, bell, caution, fuse.
# ARGV: owner, milliseconds of a lease and of a watch, most entries, most bytes, the shard whose bell called (or ''),
# most entries of the idle stream; then the shards' numbers.
# Gives: why nothing is taken, or ''; for each shard taken: its number, how many drains died at its first entry alone,
# seen and dead of its fuse, its entries; the shards that are empty; the last entry of the idle stream if the caller is
# now the one that waits, or ''.
_TAKE: Final = """#!lua flags=allow-oom
local owner, lease_time, watch_time = ARGV[1], ARGV[2], ARGV[3]
local left, room, called, kept = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
local watcher = redis.call('GET', KEYS[1])
if watcher == owner then redis.call('DEL', KEYS[1]) end
local held = redis.call('GET', KEYS[2])
local all_paused = redis.call('HEXISTS', KEYS[3], 'all') == 1

-- The oldest entries, in steps that grow: a step of large ones must not be more than memory holds.
local function oldest(stream, most)
  local found, after, step = {}, '-', 16
  while #found < most and room > 0 do
    local entries = redis.call('XRANGE', stream, after, '+', 'COUNT', math.min(step, most - #found))
    for _, entry in ipairs(entries) do
      found[#found + 1] = entry
      for _, field in ipairs(entry[2]) do room = room - #field end
    end
    if #entries < step then break end
    after = '(' .. entries[#entries][1]
    step = step * 4
  end
  left = left - #found
  return found
end

-- Another drain waits: half of what there is goes to it, unless that is hardly worth the way.
if watcher and watcher ~= owner then
  local waiting = 0
  for first = 5, #KEYS, 5 do
    if redis.call('EXISTS', KEYS[first + 1]) == 0 then waiting = waiting + redis.call('XLEN', KEYS[first]) end
  end
  left = math.min(left, math.max(64, math.ceil(waiting / 2)))
end

local taken, empty = {}, {}
for place = 1, #ARGV - 7 do
  local shard, first = ARGV[7 + place], 5 * place
  local stream, lease, bell, caution, fuse = unpack(KEYS, first, first + 4)
  if shard == called then redis.call('DEL', bell) end
  if redis.call('XLEN', stream) == 0 then
    empty[#empty + 1] = shard
  elseif held or all_paused or redis.call('HEXISTS', KEYS[3], shard) == 1 then
    -- its entries wait
  elseif left <= 0 or room <= 0 then
    -- While there is a watch no bells are rung: what is left for others is told to them, and to the pumps.
    if watcher then redis.call('XADD', KEYS[4], 'MAXLEN', '~', kept, '*', 'shard', shard) end
    watcher = nil
  elseif redis.call('SET', lease, owner, 'NX', 'PX', lease_time) then
    -- An entry that kills its readers is found by halving: this drain is taken for dead until it says that it is done.
    local size, deaths = tonumber(redis.call('HGET', caution, 'size') or ARGV[4]), 0
    redis.call('HSET', caution, 'size', math.max(1, math.floor(size / 2)))
    if size == 1 then deaths = redis.call('HINCRBY', caution, 'deaths', 1) - 1 end
    local state = redis.call('HMGET', fuse, 'seen', 'dead')
    taken[#taken + 1] = {shard, deaths, state[1] or '0', state[2] or '0', oldest(stream, math.min(size, left))}
  end
end
local after = ''
if #taken == 0 and not held and redis.call('SET', KEYS[1], owner, 'NX', 'PX', watch_time) then
  local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
  after = last[1] and last[1][1] or '0-0'
end
return {held or '', taken, empty, after}
"""

# KEYS: failures, counters, rate, paused; then for each shard: stream, lease, caution, fuse.
# ARGV: owner, seconds a rate is kept, most entries, recorded, repeated, dead; then for each shard: its number, seen and
# dead of its fuse, why it is paused (or ''), how many entries are recorded, and their ids.
# Gives: how often the database was not to be had before.
_DONE: Final = """#!lua flags=allow-oom
local owner = ARGV[1]
for place, name in ipairs({'recorded', 'repeated', 'dead'}) do
  if ARGV[3 + place] ~= '0' then
    redis.call('HINCRBY', KEYS[2], name, ARGV[3 + place])
    redis.call('HINCRBY', KEYS[3], name, ARGV[3 + place])
  end
end
redis.call('EXPIRE', KEYS[3], ARGV[2])
local argument, key = 7, 5
while argument < #ARGV do
  local shard, seen, dead, why, count = unpack(ARGV, argument, argument + 4)
  local stream, lease, caution, fuse = unpack(KEYS, key, key + 3)
  local last = argument + 4 + count
  for first = argument + 5, last, 1000 do
    redis.call('XDEL', stream, unpack(ARGV, first, math.min(first + 999, last)))
  end
  redis.call('HSET', fuse, 'seen', seen, 'dead', dead)
  if why ~= '' then redis.call('HSETNX', KEYS[4], shard, why) end
  local size = 4 * tonumber(redis.call('HGET', caution, 'size') or ARGV[3])
  redis.call('DEL', caution)
  if size < tonumber(ARGV[3]) then redis.call('HSET', caution, 'size', size) end
  if redis.call('GET', lease) == owner then redis.call('DEL', lease) end
  argument, key = last + 1, key + 4
end
local failures = redis.call('GET', KEYS[1])
if failures then redis.call('DEL', KEYS[1]) end
return tonumber(failures or '0')
"""

# KEYS: hold, failures; then for each shard: lease, caution. ARGV: owner, why, longest hold in milliseconds.
# Gives: how often in a row the database was not to be had.
_HOLD: Final = """#!lua flags=allow-oom
local failures = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', math.min(500 * 2 ^ math.min(failures, 10), tonumber(ARGV[3])))
for key = 3, #KEYS, 2 do
  if redis.call('GET', KEYS[key]) == ARGV[1] then redis.call('DEL', KEYS[key]) end
  redis.call('DEL', KEYS[key + 1])
end
return failures
"""

# KEYS: leases. ARGV: owner, milliseconds.
_RENEW: Final = """#!lua flags=allow-oom
for _, lease in ipairs(KEYS) do
  if redis.call('GET', lease) == ARGV[1] then redis.call('PEXPIRE', lease, ARGV[2]) end
end
"""

# KEYS: watch, idle. ARGV: owner, most entries of the idle stream.
_LEAVE: Final = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'shard', 'all')
"""


class Taken(NamedTuple):
    """What a drain got: entries under leases, or the watch for new ones, or neither."""

    held: str
    """Why nothing is taken for now; empty where nothing stands in the way."""
    entries: Sequence[Entry]
    fuses: Mapping[int, Fuse]
    """The fuse of each shard that entries were taken of."""
    empty: Sequence[int]
    idle_after: str
    """Where the caller has the watch: the last entry of the idle stream; else empty."""


class Shards:
    """All shards, for one drain."""

    def __init__(self, client: redis.Redis, settings: Settings, called: int) -> None:
        self._client = client
        self._settings = settings
        self._called: int | None = called
        self._first = called
        self._owner = uuid.uuid4().hex

    def take(self) -> Taken:
        """The first entries of as many shards as a batch has room for, each under a lease of its own.

        Where no shard has any to take, the caller becomes the one that waits for them, unless another is.
        """
        order = [(self._first + place) % self._settings.shards for place in range(self._settings.shards)]
        keys = [streams.WATCH, streams.HOLD, streams.PAUSED, streams.IDLE]
        for shard in order:
            keys += [
                streams.stream(shard), streams.lease(shard), streams.bell(shard), streams.caution(shard),
                streams.fuse(shard),
            ]  # fmt: skip
        called = "" if self._called is None else str(self._called)
        held, taken, empty, idle_after = self._run(
            _TAKE, keys, self._owner, _milliseconds(self._settings.lease_seconds),
            _milliseconds(_WATCH_SECONDS + _WATCH_MARGIN_SECONDS), self._settings.batch_entries, _MOST_BYTES, called,
            _IDLE_KEPT, *order,
        )  # fmt: skip
        self._called = None
        if taken:
            self._first = (int(taken[-1][0]) + 1) % self._settings.shards
        most = self._settings.fuse_entries
        return Taken(
            held=held.decode(),
            entries=[_entry(entry, int(shard), deaths) for shard, deaths, *_, entries in taken for entry in entries],
            fuses={int(shard): Fuse(most, int(seen), int(dead)) for shard, _, seen, dead, _ in taken},
            empty=[int(shard) for shard in empty],
            idle_after=idle_after.decode(),
        )

    def done(self, taken: Taken, outcome: Recorded) -> int:
        """Deletes what was recorded, counts it and gives the leases back, all at once.

        Returns how often in a row the database had not been to be had before.
        """
        rate = streams.rate(time.time())
        keys = [streams.FAILURES, streams.COUNTERS, rate, streams.PAUSED]
        arguments: list[str | int] = [self._settings.batch_entries, outcome.recorded, outcome.repeated, outcome.dead]
        recorded = {shard: [entry.id for entry in entries] for shard, entries in _by_shard(outcome.entries)}
        for shard, fuse in taken.fuses.items():
            keys += [streams.stream(shard), streams.lease(shard), streams.caution(shard), streams.fuse(shard)]
            ids = recorded.get(shard, [])
            pause = Pause.of(fuse.words(shard), "the fuse").to_json() if fuse.blown else ""
            arguments += [shard, fuse.seen, fuse.dead, pause, len(ids), *ids]
        failures: int = self._run(_DONE, keys, self._owner, streams.RATE_KEPT_SECONDS, *arguments)
        return failures

    @contextmanager
    def kept(self, taken: Taken) -> Iterator[None]:
        """Keeps the leases while a batch takes its time (a table is locked, say), for as long as this process runs."""
        done = threading.Event()
        thread = threading.Thread(target=self._renew, args=(taken, done), name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew(self, taken: Taken, done: threading.Event) -> None:
        leases = [streams.lease(shard) for shard in taken.fuses]
        while not done.wait(self._settings.lease_seconds / 3):
            with suppress(redis.RedisError):  # the lease is for order and speed: the batch goes on without it
                self._run(_RENEW, leases, self._owner, _milliseconds(self._settings.lease_seconds))

    def hold(self, taken: Taken, why: str, longest_seconds: float) -> int:
        """Leaves everything where it is, and keeps all drains away for a while, longer each time.

        Returns how often in a row this was so.
        """
        keys = [streams.HOLD, streams.FAILURES]
        for shard in taken.fuses:
            keys += [streams.lease(shard), streams.caution(shard)]
        failures: int = self._run(_HOLD, keys, self._owner, why, _milliseconds(longest_seconds))
        return failures

    def wait(self, taken: Taken) -> None:
        """Returns when one of the empty shards has an entry, when a drain leaves the others, or after a second."""
        keys = [streams.IDLE, *map(streams.stream, taken.empty)]
        after = [taken.idle_after, *("0" for _ in taken.empty)]
        self._client.execute_command(
            "XREAD", "COUNT", 1, "BLOCK", _milliseconds(_WATCH_SECONDS), "STREAMS", *keys, *after
        )

    def leave(self) -> None:
        """Gives the watch back and wakes the pumps: what comes from now on needs another drain."""
        self._run(_LEAVE, [streams.WATCH, streams.IDLE], self._owner, _IDLE_KEPT)

    def _run(self, script: str, keys: Sequence[str], *arguments: str | int) -> Any:
        return self._client.eval(script, len(keys), *keys, *(str(argument) for argument in arguments))


def _entry(entry: Any, shard: int, deaths: int) -> Entry:
    entry_id, fields = entry
    return Entry(entry_id.decode(), fields, shard, deaths)


def _by_shard(entries: Iterable[Entry]) -> Iterable[tuple[int, Iterable[Entry]]]:
    return groupby(sorted(entries, key=lambda entry: entry.shard), key=lambda entry: entry.shard)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
