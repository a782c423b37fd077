#!lua flags=allow-oom
-- Begin the postman's turn. A walk that begins answers the bell; a bell rung meanwhile is followed by another walk.
--
-- KEYS
--   1 ledger:postman    the owner of the turn; expires
--   2 ledger:bell:post  the post office is to look
--   3 ledger:walk       where the walk through the outbox goes on
-- ARGV
--   1 owner
--   2 ms of a turn's lease
--
-- Returns where the walk goes on, '' if it begins; nil if another one has the turn.

if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local walk = redis.call('GET', KEYS[3])
if not walk then redis.call('DEL', KEYS[2]) end
return walk or ''
