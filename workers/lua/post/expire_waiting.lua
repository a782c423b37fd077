#!lua
-- End a message in the database whose time is over. That makes no room, so a Redis that is full is not filled further.
--
-- KEYS
--   as of expire.lua
-- ARGV
--   as of expire.lua
--
-- Returns what expire.lua returns.

-- include domain/lua/now.lua
-- include domain/lua/expire_if_empty.lua
-- include workers/lua/shared/refused.lua
-- include workers/lua/shared/publish.lua
-- include workers/lua/shared/expire.lua
