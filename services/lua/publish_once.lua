#!lua
-- Publish an event whose id follows from its cause, unless it was published before. If its entry still waits to be
-- recorded, that event is the one that counts, whatever this one says.
--
-- KEYS
--   1 ledger:once:{event}     the entry of this event, if it was published lately
--   2 ledger:events:{shard}   the stream of its shard
-- ARGV
--   1 the event
--   2 seconds for which the entry's id is kept
--
-- Returns the event that waits in the entry, or '' if the entry has left the stream.

local entry = redis.call('GET', KEYS[1])
if entry then
  local waiting = redis.call('XRANGE', KEYS[2], entry, entry)[1]
  return waiting and waiting[2][2] or ''
end
entry = redis.call('XADD', KEYS[2], '*', 'event', ARGV[1])
redis.call('SET', KEYS[1], entry, 'EX', ARGV[2])
return ARGV[1]
