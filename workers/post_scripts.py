"""What the post office says to Redis: what belongs together in one script, so it happens as a whole or not at all.

The keys and what they mean: `domain.streams`. A mark (`ledger:posted:…`) holds the entry of its message in the inbox;
it is empty when the message has come to its end, and goes some time later.

A command that Redis refuses (a key of another type, a stream whose last id is used up) ends no script half-way: what
can be asked is asked before anything is written, and an entry whose companion was refused is taken back.
"""

from typing import Final

_SHARED: Final = """
local function refused(reply) return type(reply) == 'table' and reply.err end
local function rest(inbox, quiet)
  if redis.call('XLEN', inbox) == 0 then redis.call('PEXPIRE', inbox, quiet) end
end
-- The event goes into the second stream if the first refuses it: rows do not depend on the shard.
local function publish(first, second, event)
  local entry = redis.pcall('XADD', first, '*', 'event', event)
  if refused(entry) then
    local other = redis.pcall('XADD', second, '*', 'event', event)
    if not refused(other) then return other end
  end
  return entry
end
"""

# KEYS: inbox, taken, expiries, counters, rate, restored; then for each message: mark, event stream, another one.
# ARGV: most messages and most bytes of an inbox, ms that an empty inbox is kept, seconds that a rate is kept; then for
# each message: its id, the event that sent it, the ms at which it expires (or ''), its name among the expiries, the
# event that says it was dispatched.
# Returns how many of them, from the first on, are in the inbox now, or have been; and, if it stopped because Redis
# refused something, what Redis said, else ''. It stops, too, if the inbox is full. What was put, or acknowledged,
# before the database went back to an earlier state is not known there: it is put again.
PUT: Final = (
    f"#!lua{_SHARED}"
    """
local inbox, taken, expiries = KEYS[1], KEYS[2], KEYS[3]
local most, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local length, bytes
for _, command in ipairs({{'ZCARD', taken}, {'ZCARD', expiries}, {'XLEN', inbox}}) do
  length = redis.pcall(unpack(command))
  if refused(length) then return {0, length.err .. ' (' .. command[2] .. ')'} end
end

local restored = tonumber(redis.call('GET', KEYS[6]) or '0')
-- An empty mark, of an end, does not say when it was made: it goes after two minutes.
local function is_put(mark)
  local entry = redis.pcall('GET', mark)
  if type(entry) ~= 'string' then return refused(entry) end
  return tonumber(string.match(entry, '^%d+') or redis.call('TIME')[1] * 1000 - 120000) > restored
end
local function is_taken(message)
  local at = redis.call('ZSCORE', taken, message)
  if at and tonumber(at) <= restored then
    redis.call('ZREM', taken, message)
    return false
  end
  return at
end

local messages, place, put, why = (#KEYS - 6) / 3, 0, 0, ''
while place < messages do
  local mark, first, second = unpack(KEYS, 7 + 3 * place, 9 + 3 * place)
  local message, sent, expires, member, dispatched = unpack(ARGV, 5 + 5 * place, 9 + 5 * place)
  if not is_put(mark) and not is_taken(message) then
    bytes = bytes or redis.call('MEMORY', 'USAGE', inbox, 'SAMPLES', 0) or 0
    if length >= most or (length > 0 and bytes + #sent > most_bytes) then break end
    local fields = {'event', sent, 'message_id', message}
    if expires ~= '' then fields[5], fields[6] = 'expires_at', expires end
    local entry = redis.pcall('XADD', inbox, '*', unpack(fields))
    if refused(entry) then why = entry.err .. ' (' .. inbox .. ')' break end
    local told = publish(first, second, dispatched)
    if refused(told) then
      redis.call('XDEL', inbox, entry)
      why = told.err .. ' (' .. first .. ')'
      break
    end
    redis.call('SET', mark, entry)
    if expires ~= '' then redis.call('ZADD', expiries, expires, member) end
    length, bytes, put = length + 1, bytes + #sent + #message, put + 1
  end
  place = place + 1
end
if put > 0 then
  redis.call('PERSIST', inbox)
  redis.pcall('HINCRBY', KEYS[4], 'posted', put)
  redis.pcall('HINCRBY', KEYS[5], 'posted', put)
  redis.call('EXPIRE', KEYS[5], ARGV[4])
elseif why ~= '' then
  rest(inbox, ARGV[3])
end
return {place, why}
"""
)

# KEYS: expiries; then for each message that has come to its end: mark, inbox. ARGV: ms that the marks are kept, ms that
# an empty inbox is kept; then for each message its name among the expiries.
# Returns what Redis said where it refused something, each once.
SETTLE: Final = (
    f"#!lua flags=allow-oom{_SHARED}"
    """
local why, seen = {}, {}
local function note(key, err)
  if not seen[key] then why[#why + 1] = err .. ' (' .. key .. ')' end
  seen[key] = true
end
for key = 2, #KEYS, 2 do
  local mark, inbox = KEYS[key], KEYS[key + 1]
  local entry = redis.pcall('GET', mark)
  local length = redis.pcall('XLEN', inbox)
  if refused(entry) then note(mark, entry.err) end
  if refused(length) then note(inbox, length.err) end
  if type(entry) == 'string' and entry ~= '' and not refused(length) then
    redis.pcall('XACK', inbox, 'mailbox', entry)
    redis.call('XDEL', inbox, entry)
    redis.call('SET', mark, '', 'PX', ARGV[1])
    rest(inbox, ARGV[2])
  end
  redis.pcall('ZREM', KEYS[1], ARGV[2 + key / 2])
end
return why
"""
)

# KEYS: mark, inbox, consumers, expiries, event stream, another event stream.
# ARGV: its name among the expiries, whether it waits in the database (1 or 0), ms for which a consumer that gave a sign
# of life is alive, ms that the mark is kept, ms that an empty inbox is kept, the event that says it expired.
# Returns 1 if it expired now; 0 if it has come to its end before, or a living consumer has it in its hands; and what
# Redis said if it refused something, else ''. What is refused is tried again after a minute.
_EXPIRE: Final = (
    _SHARED
    + """
local mark, inbox, consumers, expiries, first, second = unpack(KEYS)
local member, waits, alive, kept, quiet, expired = unpack(ARGV)
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function later(why)
  if waits == '0' then redis.pcall('ZADD', expiries, now() + 60000, member) end
  return {0, why}
end
local entry = redis.pcall('GET', mark)
if refused(entry) then return later(entry.err .. ' (' .. mark .. ')') end
local there = entry and entry ~= '' and redis.pcall('XRANGE', inbox, entry, entry) or {}
if refused(there) then return later(there.err .. ' (' .. inbox .. ')') end
if entry == '' or (not entry and waits == '0') or (entry and #there == 0) then
  redis.pcall('ZREM', expiries, member)
  return {0, ''}
end
if entry then
  local held = redis.pcall('XPENDING', inbox, 'mailbox', entry, entry, 1)
  if not held.err and held[1] then
    -- An agent's own hash may hold anything; what is no time is no sign of life.
    local sign = redis.pcall('HGET', consumers, held[1][2])
    local seen = type(sign) == 'string' and tonumber(sign:match('^%d+'))
    if seen and now() - seen < tonumber(alive) then
      redis.pcall('ZADD', expiries, now() + alive, member)
      return {0, ''}
    end
  end
end
local told = publish(first, second, expired)
if refused(told) then return later(told.err .. ' (' .. first .. ')') end
if entry then
  redis.pcall('XACK', inbox, 'mailbox', entry)
  redis.call('XDEL', inbox, entry)
  rest(inbox, quiet)
end
redis.call('SET', mark, '', 'PX', kept)
redis.pcall('ZREM', expiries, member)
return {1, ''}
"""
)

EXPIRE: Final = f"#!lua flags=allow-oom{_EXPIRE}"
"""For a message in an inbox: that it leaves makes more room than what is published takes."""
EXPIRE_WAITING: Final = f"#!lua{_EXPIRE}"
"""For one that waits in the database: it makes no room, so a Redis that is full is not filled further."""

# KEYS: postman, bell, walk. ARGV: owner, ms of a turn's lease.
# Returns where the walk goes on, '' if it begins, if the caller has the turn now; else nil. A walk that begins answers
# the bell; one that was rung for meanwhile is followed by another.
BEGIN: Final = """#!lua flags=allow-oom
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local walk = redis.call('GET', KEYS[3])
if not walk then redis.call('DEL', KEYS[2]) end
return walk or ''
"""

# KEYS: postman. ARGV: owner, ms of a turn's lease. Returns 1 if the caller still has the turn.
KEEP: Final = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

# KEYS: postman, bell, walk. ARGV: owner, where the walk is to go on (or ''), ms of a bell.
# Returns 1 if there is another turn to do.
END: Final = """#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[3])
  return redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[2], 'rung', 'PX', ARGV[3])
return 1
"""
