"""What the post office says to Redis: what belongs together in one script, so it happens as a whole or not at all.

The keys and what they mean: `domain.streams`. A mark (`ledger:posted:…`) holds the entry of its message in the inbox;
it is empty when the message has come to its end, and goes some time later.
"""

from typing import Final

# KEYS: inbox, taken, expiries, restored; then for each message: mark, event stream.
# ARGV: most messages of an inbox; then for each message: its id, the event that sent it, the ms at which it expires (or
# ''), its name among the expiries, the event that says it was dispatched.
# Gives: how many of them, from the first on, are in the inbox now, or have been. It stops where the inbox is full.
# What was put, or acknowledged, before the database went back to an earlier state is not known there: it is put again.
PUT: Final = """#!lua
local room = tonumber(ARGV[1]) - redis.call('XLEN', KEYS[1])
local restored = tonumber(redis.call('GET', KEYS[4]) or '0')
local messages = (#KEYS - 4) / 2
for place = 0, messages - 1 do
  local mark, stream = KEYS[5 + 2 * place], KEYS[6 + 2 * place]
  local message, sent, expires, member, dispatched = unpack(ARGV, 2 + 5 * place, 6 + 5 * place)
  local put, acknowledged = redis.call('GET', mark), redis.call('ZSCORE', KEYS[2], message)
  -- An empty mark, of an end, does not say when it was made: it goes after two minutes.
  if put and tonumber(string.match(put, '^%d+') or redis.call('TIME')[1] * 1000 - 120000) <= restored then
    put = false
  end
  if acknowledged and tonumber(acknowledged) <= restored then
    redis.call('ZREM', KEYS[2], message)
    acknowledged = false
  end
  if not put and not acknowledged then
    if room <= 0 then return place end
    local fields = {'event', sent, 'message_id', message}
    if expires ~= '' then
      fields[5], fields[6] = 'expires_at', expires
      redis.call('ZADD', KEYS[3], expires, member)
    end
    redis.call('SET', mark, redis.call('XADD', KEYS[1], '*', unpack(fields)))
    redis.call('XADD', stream, '*', 'event', dispatched)
    room = room - 1
  end
end
return messages
"""

# KEYS: for each message that has come to its end: mark, inbox. ARGV: ms that the marks are kept.
SETTLE: Final = """#!lua flags=allow-oom
for key = 1, #KEYS, 2 do
  local mark, inbox = KEYS[key], KEYS[key + 1]
  local entry = redis.call('GET', mark)
  if entry and entry ~= '' then
    redis.call('XACK', inbox, 'mailbox', entry)
    redis.call('XDEL', inbox, entry)
    redis.call('SET', mark, '', 'PX', ARGV[1])
  end
end
"""

# KEYS: mark, inbox, consumers, expiries, event stream.
# ARGV: its name among the expiries, whether it waits in the database (1 or 0), ms for which a consumer that gave a sign
# of life is alive, ms that the mark is kept, the event that says it expired.
# Gives: 1 where it expired now; 0 where it has come to its end before, or a living consumer has it in its hands.
EXPIRE: Final = """#!lua
local mark, inbox, consumers, expiries, stream = unpack(KEYS)
local member, waits, alive, kept, expired = unpack(ARGV)
local entry = redis.call('GET', mark)
if entry == '' or (not entry and waits == '0') or (entry and #redis.call('XRANGE', inbox, entry, entry) == 0) then
  redis.call('ZREM', expiries, member)
  return 0
end
if entry then
  local held = redis.pcall('XPENDING', inbox, 'mailbox', entry, entry, 1)
  if not held.err and held[1] then
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    -- An agent's own hash may hold anything; what is no time is no sign of life.
    local sign = redis.pcall('HGET', consumers, held[1][2])
    local seen = type(sign) == 'string' and tonumber(sign)
    if seen and now - seen < tonumber(alive) then
      redis.call('ZADD', expiries, now + alive, member)
      return 0
    end
  end
  redis.call('XACK', inbox, 'mailbox', entry)
  redis.call('XDEL', inbox, entry)
end
redis.call('SET', mark, '', 'PX', kept)
redis.call('ZREM', expiries, member)
redis.call('XADD', stream, '*', 'event', expired)
return 1
"""
