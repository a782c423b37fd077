-- Add an event to the first stream, or to the second one if the first refuses it: rows do not depend on the shard.
-- Needs `refused`. Returns the entry's id, or the first refusal.
local function publish(first, second, event)
  local entry = redis.pcall('XADD', first, '*', 'event', event)
  if refused(entry) then
    local other = redis.pcall('XADD', second, '*', 'event', event)
    if not refused(other) then return other end
  end
  return entry
end
