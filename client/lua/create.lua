#!lua
-- Make an inbox and its consumer group, if they are missing. An agent that dies at once leaves nothing that lasts.
--
-- KEYS
--   1 ledger:inbox:{sandbox}  the messages that wait; expires while it is empty
-- ARGV
--   1 ms for which an empty inbox is kept
--
-- Returns OK, or what Redis refuses.

-- include domain/lua/expire_if_empty.lua

local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], 'mailbox', '0', 'MKSTREAM')
if made.err and not made.err:find('BUSYGROUP') then return made end
expire_if_empty(KEYS[1], ARGV[1])
return redis.status_reply('OK')
