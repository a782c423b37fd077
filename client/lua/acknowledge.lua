#!lua flags=allow-oom
-- Acknowledge messages: publish what became of each, then delete their entries. What Redis can refuse is asked or done
-- first; after a refusal nothing else is done. Done again, the events are the same ones.
--
-- KEYS
--   1 ledger:inbox:{sandbox}  the messages that wait; expires while it is empty
--   2 ledger:taken:{sandbox}  messages acknowledged lately; expires
--   The streams ledger:events:{shard} are no KEYS: an agent may only add to them, and Redis asks that a user may use
--   the KEYS of a script in any way.
-- ARGV
--   1 ms for which both keys are kept unused
--   2 most ids in ledger:taken
--   3 number of entries
--   then the ids of the entries
--   then for each message: its id; the stream of its event; the event
--
-- Returns OK, or the first refusal of Redis.

-- include domain/lua/now.lua
-- include domain/lua/expire_if_empty.lua

for _, command in ipairs({{'XLEN', KEYS[1]}, {'ZCARD', KEYS[2]}}) do
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' then return reply end
end
local first = 4 + ARGV[3]
for place = first, #ARGV, 3 do
  local entry = redis.pcall('XADD', ARGV[place + 1], '*', 'event', ARGV[place + 2])
  if type(entry) == 'table' then return entry end
end
local at = string.format('%.0f', now())
for place = first, #ARGV, 3 do redis.call('ZADD', KEYS[2], at, ARGV[place]) end
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
for place = 4, first - 1 do
  redis.pcall('XACK', KEYS[1], 'mailbox', ARGV[place])
  redis.call('XDEL', KEYS[1], ARGV[place])
end
expire_if_empty(KEYS[1], ARGV[1])
return redis.status_reply('OK')
