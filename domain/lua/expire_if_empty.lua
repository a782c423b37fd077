-- An inbox is kept for `ms` after its last message.
local function expire_if_empty(inbox, ms)
  if redis.call('XLEN', inbox) == 0 then redis.call('PEXPIRE', inbox, ms) end
end
