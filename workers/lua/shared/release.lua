-- Delete a key if it still names `owner`.
local function release(key, owner)
  if redis.call('GET', key) == owner then redis.call('DEL', key) end
end
