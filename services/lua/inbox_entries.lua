#!lua flags=no-writes
-- List entries of an inbox, without the messages: these may be large.
--
-- KEYS
--   1 ledger:inbox:{sandbox}  the messages that wait
-- ARGV
--   1 and 2 the first id and the last one, as XRANGE takes them
--   3 how many at most
--
-- Returns the id of each entry, and of its message (empty if it has none), by turns; nothing if there is no inbox; or
-- the first refusal of Redis.

-- include workers/lua/shared/refused.lua

if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return {} end
local entries = redis.pcall('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
if refused(entries) then return entries end
local found = {}
for _, entry in ipairs(entries) do
  local message = ''
  for place = 1, #entry[2], 2 do
    if entry[2][place] == 'message_id' then message = entry[2][place + 1] end
  end
  found[#found + 1] = entry[1]
  found[#found + 1] = message
end
return found
