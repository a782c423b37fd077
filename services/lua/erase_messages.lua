#!lua flags=allow-oom
-- Remove erased messages from their inboxes, and keep those out that a drain still has in its memory.
--
-- KEYS
--   1 ledger:expiries  messages in inboxes that expire
--   then for each message: its mark ledger:posted:{n}:{message}:{sandbox}; ledger:inbox:{sandbox}
-- ARGV
--   1 ms for which the marks are kept
--   then for each message its name in ledger:expiries
--
-- Returns for each message 1 if it was in the inbox, else 0; or the first refusal of Redis.

-- include workers/lua/shared/refused.lua

local removed = {}
for key = 2, #KEYS, 2 do
  local mark, inbox = KEYS[key], KEYS[key + 1]
  local entry = redis.pcall('GET', mark)
  if refused(entry) then return entry end
  local there = 0
  if type(entry) == 'string' and entry ~= '' and redis.call('TYPE', inbox).ok == 'stream' then
    redis.pcall('XACK', inbox, 'mailbox', entry)
    there = redis.pcall('XDEL', inbox, entry)
    if refused(there) then return there end
  end
  redis.call('SET', mark, '', 'PX', ARGV[1])
  redis.pcall('ZREM', KEYS[1], ARGV[1 + key / 2])
  removed[#removed + 1] = there
end
return removed
