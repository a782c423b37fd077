#!lua flags=allow-oom
-- Mend keys of another type and streams whose ids are used up.
--
-- KEYS
--   1 ledger:idle
--   then ledger:events:{shard} of each shard
--   The keys ledger:strange:{key} are named by this script.
-- ARGV
--   1 how far an entry's id may be ahead of the clock, in ms
--   then for each other key of ours: its name and its type
--
-- Returns for each key that was mended: its name and its former type, or 'used up'.

local mended = {}
local latest = redis.call('TIME')[1] * 1000 + ARGV[1]

local function is_ahead(stream)
  local found = redis.call('XINFO', 'STREAM', stream)
  for place = 1, #found, 2 do
    if found[place] == 'last-generated-id' then return tonumber(string.match(found[place + 1], '^%d+')) > latest end
  end
end

for place, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'stream' then
    if (place == 1 or redis.call('XLEN', key) == 0) and is_ahead(key) then
      redis.call('DEL', key)
      mended[#mended + 1] = {key, 'used up'}
    end
  elseif kind ~= 'none' then
    if place == 1 then redis.call('DEL', key) else redis.call('RENAME', key, 'ledger:strange:' .. key) end
    mended[#mended + 1] = {key, kind}
  end
end
for place = 2, #ARGV, 2 do
  local key = ARGV[place]
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= ARGV[place + 1] then
    redis.call('DEL', key)
    mended[#mended + 1] = {key, kind}
  end
end
return mended
