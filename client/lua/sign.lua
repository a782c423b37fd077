#!lua flags=allow-oom
-- Give a sign of life: a time of Redis's clock in ms, a blank, and a word that names the process that gave it. The sign
-- of another process is never replaced, unless it is the one that was seen to be old: a name is held by one process.
--
-- KEYS
--   1 ledger:consumers:{sandbox}  each consumer's last sign of life; expires
--   2 ledger:inbox:{sandbox}      the messages that wait; expires while it is empty
-- ARGV
--   1 the consumer's name
--   2 the word that names this process
--   3 the sign of another process that may be replaced
--   4 ms for which both keys are kept unused
--
-- Returns 1 if the sign was given, else 0; the time in ms; all signs.

-- include domain/lua/now.lua

local at = string.format('%.0f', now())
local stands = redis.call('HGET', KEYS[1], ARGV[1])
local put = not stands or stands == ARGV[3] or stands:match(' (.*)$') == ARGV[2]
if put then
  redis.call('HSET', KEYS[1], ARGV[1], at .. ' ' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  local length = redis.pcall('XLEN', KEYS[2])
  if length == 0 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
end
return {put and 1 or 0, at, redis.call('HGETALL', KEYS[1])}
