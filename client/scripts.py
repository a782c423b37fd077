"""What a mailbox says to Redis in one script: what it frees is allowed while the memory is full (contract, section 8).

A sign of life is a time of Redis's clock in ms, a blank, and a word that names the process which gave it. A sign of
another process is never replaced, unless it is the very one that was seen to be old: a name is held by one process.
"""

from typing import Final

# KEYS: consumers, inbox. ARGV: a consumer, the word that names this process, the sign of another that may be replaced,
# ms that both keys are kept unused (an inbox only if it is empty).
# Returns whether the sign was put (1, 0), the time in ms, and all signs.
SIGN: Final = """#!lua flags=allow-oom
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local stands = redis.call('HGET', KEYS[1], ARGV[1])
local put = not stands or stands == ARGV[3] or stands:match(' (.*)$') == ARGV[2]
if put then
  redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  local length = redis.pcall('XLEN', KEYS[2])
  if length == 0 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
end
return {put and 1 or 0, now, redis.call('HGETALL', KEYS[1])}
"""

# KEYS: consumers. ARGV: a consumer, the word that names this process, the sign of another that may go.
LEAVE: Final = """#!lua flags=allow-oom
local stands = redis.call('HGET', KEYS[1], ARGV[1])
if stands and (stands == ARGV[3] or stands:match(' (.*)$') == ARGV[2]) then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
"""

# KEYS: inbox, taken. ARGV: ms that the keys are kept unused, most ids that are remembered, how many entries, the
# entries; then for each message that is acknowledged by this: its id, an event stream, the event that says so.
# What can be refused is asked or done first, and then nothing else is done: said again, the events are the same ones.
# The event streams are no KEYS, for an agent may only add to them, and may use the KEYS of a script in any way.
ACKNOWLEDGE: Final = """#!lua flags=allow-oom
for _, command in ipairs({{'XLEN', KEYS[1]}, {'ZCARD', KEYS[2]}}) do
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' then return reply end
end
local first = 4 + ARGV[3]
for place = first, #ARGV, 3 do
  local entry = redis.pcall('XADD', ARGV[place + 1], '*', 'event', ARGV[place + 2])
  if type(entry) == 'table' then return entry end
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
for place = first, #ARGV, 3 do redis.call('ZADD', KEYS[2], now, ARGV[place]) end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
for place = 4, first - 1 do
  redis.pcall('XACK', KEYS[1], 'mailbox', ARGV[place])
  redis.call('XDEL', KEYS[1], ARGV[place])
end
if redis.call('XLEN', KEYS[1]) == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return redis.status_reply('OK')
"""
