#!lua flags=allow-oom
-- Delete the keys that still name the caller.
--
-- KEYS
--   any number: ledger:lease:{shard}, ledger:pairing
-- ARGV
--   1 owner
--
-- Returns nothing.

-- include workers/lua/shared/release.lua

for _, key in ipairs(KEYS) do release(key, ARGV[1]) end
