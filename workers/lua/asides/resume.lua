#!lua flags=allow-oom
-- Put some entries of a source that is set aside back into their shards, in order, each with a mark that lets it pass.
-- The last step ends the source's being set aside.
--
-- KEYS
--   1 ledger:aside                 the sources that are set aside
--   2 ledger:aside-sizes           entries and bytes of all that is set aside
--   3 ledger:aside:{source's key}  the source's entries
--   The streams ledger:events:{shard} are named by this script.
-- ARGV
--   1 the source's key
--   2 its JSON
--   3 most entries of a step
--   4 most bytes of a step
--   5 number of shards
--   6 the field of the mark
--   7 the mark
--
-- Returns how many entries went back; and how many are left, or -1 if the source was set aside anew or is not set
-- aside.

if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return {0, -1} end
local most, room, shards = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local went = 0
while went < most and room > 0 do
  local entry = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1]
  if not entry then break end
  local id, fields = entry[1], entry[2]
  local stream, bytes = 'ledger:events:' .. fields[2] % shards, 0
  for place = 5, #fields do bytes = bytes + #fields[place] end
  local words = {stream, '*'}
  for place = 5, #fields do words[#words + 1] = fields[place] end
  words[#words + 1], words[#words + 2] = ARGV[6], ARGV[7]
  redis.call('XADD', unpack(words))
  redis.call('XDEL', KEYS[3], id)
  redis.call('HINCRBY', KEYS[2], 'entries', -1)
  redis.call('HINCRBY', KEYS[2], 'bytes', -bytes)
  redis.call('HINCRBY', KEYS[2], 'bytes:' .. ARGV[1], -bytes)
  went, room = went + 1, room - bytes
end
local left = redis.call('XLEN', KEYS[3])
if left == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], 'bytes:' .. ARGV[1])
  redis.call('DEL', KEYS[3])
  if redis.call('HLEN', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
end
return {went, left}
