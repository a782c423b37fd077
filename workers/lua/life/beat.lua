#!lua flags=allow-oom
-- A worker's sign of life. It may be written while memory is full: a worker that records makes room.
--
-- KEYS
--   1 ledger:workers  each worker: when it gave its last sign, by this server's clock, and what it told; expires
-- ARGV
--   1 the worker's name
--   2 what it tells of itself (JSON); empty if it ends
--   3 ms after which a worker without a sign is forgotten
--
-- Returns the time in ms.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
    return now
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
local signs = redis.call('HGETALL', KEYS[1])
for place = 1, #signs, 2 do
    local at = tonumber(string.match(signs[place + 1], '^%d+') or '0')
    if now - at > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], signs[place]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return now
