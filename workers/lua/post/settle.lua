#!lua flags=allow-oom
-- Remove messages that have come to their end from their inboxes.
--
-- KEYS
--   1 ledger:expiries  messages in inboxes that expire
--   then for each message: its mark ledger:posted:{n}:{message}:{sandbox}; ledger:inbox:{sandbox}
-- ARGV
--   1 ms for which the marks are kept
--   2 ms for which an empty inbox is kept
--   then for each message its name in ledger:expiries
--
-- Returns what Redis refused, once for each key.

-- include domain/lua/expire_if_empty.lua
-- include workers/lua/shared/refused.lua

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
    expire_if_empty(inbox, ARGV[2])
  end
  redis.pcall('ZREM', KEYS[1], ARGV[2 + key / 2])
end
return why
