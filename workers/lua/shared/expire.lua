-- End a message whose time is over. KEYS, ARGV and the reply: workers/lua/post/expire.lua.
-- Needs `now`, `expire_if_empty`, `refused` and `publish`.
local mark, inbox, consumers, expiries, first, second = unpack(KEYS)
local member, waits, alive, kept, quiet, expired = unpack(ARGV)
local function later(why)
  if waits == '0' then redis.pcall('ZADD', expiries, now() + 60000, member) end
  return {0, why}
end
local entry = redis.pcall('GET', mark)
if refused(entry) then return later(entry.err .. ' (' .. mark .. ')') end
local there = entry and entry ~= '' and redis.pcall('XRANGE', inbox, entry, entry) or {}
if refused(there) then return later(there.err .. ' (' .. inbox .. ')') end
if entry == '' or (not entry and waits == '0') or (entry and #there == 0) then
  redis.pcall('ZREM', expiries, member)
  return {0, ''}
end
if entry then
  local held = redis.pcall('XPENDING', inbox, 'mailbox', entry, entry, 1)
  if not held.err and held[1] then
    -- An agent's own hash may hold anything: a text that is no time is no sign of life.
    local sign = redis.pcall('HGET', consumers, held[1][2])
    local seen = type(sign) == 'string' and tonumber(sign:match('^%d+'))
    if seen and now() - seen < tonumber(alive) then
      redis.pcall('ZADD', expiries, now() + alive, member)
      return {0, ''}
    end
  end
end
local told = publish(first, second, expired)
if refused(told) then return later(told.err .. ' (' .. first .. ')') end
if entry then
  redis.pcall('XACK', inbox, 'mailbox', entry)
  redis.call('XDEL', inbox, entry)
  expire_if_empty(inbox, quiet)
end
redis.call('SET', mark, '', 'PX', kept)
redis.pcall('ZREM', expiries, member)
return {1, ''}
