#!lua
-- Write an inbox anew, with the same entries, ids, consumers and pending entries: beside entries that are still there,
-- Redis keeps the bytes of those that were deleted.
--
-- KEYS
--   1 ledger:inbox:{sandbox}      the messages that wait
--   2 ledger:rewriting:{sandbox}  exists only while this script runs
-- ARGV
--   1 ms for which an empty inbox is kept
--
-- Returns how many entries it has, or the first refusal of Redis.

-- include workers/lua/shared/refused.lua

local inbox, copy = KEYS[1], KEYS[2]
if redis.call('TYPE', inbox).ok ~= 'stream' then return 0 end
local entries = redis.pcall('XRANGE', inbox, '-', '+')
if refused(entries) then return entries end

local function fields_of(reply)
  local fields = {}
  for place = 1, #reply, 2 do fields[reply[place]] = reply[place + 1] end
  return fields
end

redis.call('DEL', copy)
redis.call('XGROUP', 'CREATE', copy, 'none', '0', 'MKSTREAM') -- the stream is there, also if it gets no entry
redis.call('XGROUP', 'DESTROY', copy, 'none')
for _, entry in ipairs(entries) do redis.call('XADD', copy, entry[1], unpack(entry[2])) end
redis.call('XSETID', copy, fields_of(redis.call('XINFO', 'STREAM', inbox))['last-generated-id'])
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', inbox)) do
  local group = fields_of(reply)
  redis.call('XGROUP', 'CREATE', copy, group.name, group['last-delivered-id'])
  for _, of_group in ipairs(redis.call('XINFO', 'CONSUMERS', inbox, group.name)) do
    redis.call('XGROUP', 'CREATECONSUMER', copy, group.name, fields_of(of_group).name)
  end
  local pending = group.pending > 0 and redis.call('XPENDING', inbox, group.name, '-', '+', group.pending) or {}
  for _, one in ipairs(pending) do
    local id, consumer, idle, count = unpack(one)
    redis.call('XCLAIM', copy, group.name, consumer, 0, id, 'IDLE', idle, 'RETRYCOUNT', count, 'FORCE', 'JUSTID')
  end
end
local left = redis.call('PTTL', inbox)
redis.call('RENAME', copy, inbox)
if #entries == 0 then redis.call('PEXPIRE', inbox, left > 0 and left or ARGV[1]) end
return #entries
