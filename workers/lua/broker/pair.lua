#!lua flags=allow-oom
-- Write whose broker this is. What was known of an earlier state of the database is forgotten.
--
-- KEYS
--   1 ledger:broker    whose broker this is
--   2 ledger:recorded  the number of each shard's last batch
--   3 ledger:restored  when the database was found to have gone back
--   4 ledger:pairing   who is writing ledger:broker
-- ARGV
--   1 what ledger:broker holds, or ''
--   2 what it is to hold
--   3 1 if the database went back, else 0
--   4 the caller's name in ledger:pairing
--
-- Returns 1 if it is written; 0 if ledger:broker holds something else, or somebody else is pairing: the database may
-- then hold a later text than the caller's.

-- include domain/lua/now.lua

if redis.call('GET', KEYS[4]) ~= ARGV[4] then return 0 end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[2])
if ARGV[3] == '1' then
  redis.call('SET', KEYS[3], now())
end
return 1
