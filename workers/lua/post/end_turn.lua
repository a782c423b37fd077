#!lua flags=allow-oom
-- End the postman's turn.
--
-- KEYS
--   1 ledger:postman    the owner of the turn
--   2 ledger:bell:post  the post office is to look; expires
--   3 ledger:walk       where the walk through the outbox goes on; expires
-- ARGV
--   1 owner
--   2 where the walk is to go on, or '' if it is at its end
--   3 ms of a bell
--
-- Returns 1 if there is another turn to do, else 0.

-- include workers/lua/shared/release.lua

release(KEYS[1], ARGV[1])
if ARGV[2] == '' then
  redis.call('DEL', KEYS[3])
  return redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('SET', KEYS[2], 'rung', 'PX', ARGV[3])
return 1
