#!lua
-- Put messages into an inbox, in order, and publish of each that it was dispatched. It stops at the first message that
-- finds no room or that Redis refuses. What was put or acknowledged before the database went back to an earlier state
-- is unknown there: it is put again. If Redis was emptied since the messages were read from the database, nothing is
-- put: their marks are gone, and some may have been acknowledged in the meantime.
--
-- A mark holds the id of its message's entry in the inbox. It is empty when the message has come to its end.
--
-- KEYS
--   1 ledger:inbox:{sandbox}  the messages that wait
--   2 ledger:taken:{sandbox}  messages acknowledged lately
--   3 ledger:expiries         messages in inboxes that expire
--   4 ledger:counters         totals
--   5 ledger:rate:{10 s}      the same of these ten seconds
--   6 ledger:restored         when the database was found to have gone back
--   7 ledger:broker           whose broker this is
--   then for each message: its mark ledger:posted:{n}:{message}:{sandbox}; ledger:events:{shard}, and another one
-- ARGV
--   1 most messages of an inbox
--   2 most bytes of an inbox
--   3 ms for which an empty inbox is kept
--   4 seconds for which a rate is kept
--   5 what ledger:broker held before the messages were read, or ''
--   then for each message: its id; the event that sent it; the ms at which it expires, or ''; its name in
--     ledger:expiries; the event that says it was dispatched
--
-- Returns how many messages, from the first on, are or have been in the inbox; and what Redis refused, or ''.

-- include domain/lua/expire_if_empty.lua
-- include workers/lua/shared/refused.lua
-- include workers/lua/shared/publish.lua

local inbox, taken, expiries = KEYS[1], KEYS[2], KEYS[3]
local most, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
if ARGV[5] ~= '' and redis.call('GET', KEYS[7]) ~= ARGV[5] then return {0, ''} end
local length, bytes
for _, command in ipairs({{'ZCARD', taken}, {'ZCARD', expiries}, {'XLEN', inbox}}) do
  length = redis.pcall(unpack(command))
  if refused(length) then return {0, length.err .. ' (' .. command[2] .. ')'} end
end

local restored = tonumber(redis.call('GET', KEYS[6]) or '0')
-- An empty mark, of an end, does not say when it was made: it expires after two minutes.
local function is_put(mark)
  local entry = redis.pcall('GET', mark)
  if type(entry) ~= 'string' then return refused(entry) end
  return tonumber(string.match(entry, '^%d+') or redis.call('TIME')[1] * 1000 - 120000) > restored
end
local function is_taken(message)
  local at = redis.call('ZSCORE', taken, message)
  if at and tonumber(at) <= restored then
    redis.call('ZREM', taken, message)
    return false
  end
  return at
end

local messages, place, put, why = (#KEYS - 7) / 3, 0, 0, ''
while place < messages do
  local mark, first, second = unpack(KEYS, 8 + 3 * place, 10 + 3 * place)
  local message, sent, expires, member, dispatched = unpack(ARGV, 6 + 5 * place, 10 + 5 * place)
  if not is_put(mark) and not is_taken(message) then
    bytes = bytes or redis.call('MEMORY', 'USAGE', inbox, 'SAMPLES', 0) or 0
    if length >= most or (length > 0 and bytes + #sent > most_bytes) then break end
    local fields = {'event', sent, 'message_id', message}
    if expires ~= '' then fields[5], fields[6] = 'expires_at', expires end
    local entry = redis.pcall('XADD', inbox, '*', unpack(fields))
    if refused(entry) then why = entry.err .. ' (' .. inbox .. ')' break end
    local told = publish(first, second, dispatched)
    if refused(told) then
      redis.call('XDEL', inbox, entry)
      why = told.err .. ' (' .. first .. ')'
      break
    end
    redis.call('SET', mark, entry)
    if expires ~= '' then redis.call('ZADD', expiries, expires, member) end
    length, bytes, put = length + 1, bytes + #sent + #message, put + 1
  end
  place = place + 1
end
if put > 0 then
  redis.call('PERSIST', inbox)
  redis.pcall('HINCRBY', KEYS[4], 'posted', put)
  redis.pcall('HINCRBY', KEYS[5], 'posted', put)
  redis.call('EXPIRE', KEYS[5], ARGV[4])
elseif why ~= '' then
  expire_if_empty(inbox, ARGV[3])
end
return {place, why}
