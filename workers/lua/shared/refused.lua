-- What Redis said if it refused a command run by `redis.pcall`.
local function refused(reply) return type(reply) == 'table' and reply.err end
