"""What workers say to Redis in one script: what belongs together happens as a whole, in one round trip and one flush.

The texts, with their keys, stand in `lua/`; what the keys mean: `domain.streams`. Scripts with the flag `allow-oom` may
write while the broker's memory is full: what they write is small, and makes room.

A command that Redis refuses (a key of another type, a stream whose last id is used up) ends no script half-way: what
can be asked is asked before anything is written, and an entry whose companion was refused is taken back.
"""

from typing import Final

from flowledger.domain.lua_files import read_lua

# A drain (`workers.shards`).
TAKE: Final = read_lua("workers/lua/drain/take.lua")
DONE: Final = read_lua("workers/lua/drain/done.lua")
HOLD: Final = read_lua("workers/lua/drain/hold.lua")
RENEW: Final = read_lua("workers/lua/drain/renew.lua")
LEAVE: Final = read_lua("workers/lua/drain/leave.lua")

# The broker itself (`workers.broker`, `workers.bond`); a drain releases its leases so, too.
PAIR: Final = read_lua("workers/lua/broker/pair.lua")
CLAIM: Final = read_lua("workers/lua/broker/claim.lua")
RELEASE: Final = read_lua("workers/lua/broker/release.lua")
LIFT: Final = read_lua("workers/lua/broker/lift.lua")

# The pump (`workers.pump`, `workers.tending`).
RING: Final = read_lua("workers/lua/pump/ring.lua")
TEND: Final = read_lua("workers/lua/pump/tend.lua")

# Signs of life (`workers.health.life`).
BEAT: Final = read_lua("workers/lua/life/beat.lua")

# What people stop and resume (`workers.pauses`, `workers.asides`).
PAUSE: Final = read_lua("workers/lua/pauses/pause.lua")
RESUME: Final = read_lua("workers/lua/asides/resume.lua")
CHANGE: Final = read_lua("workers/lua/asides/change.lua")

# The post office (`workers.inboxes`, `workers.postman`).
PUT: Final = read_lua("workers/lua/post/put.lua")
SETTLE: Final = read_lua("workers/lua/post/settle.lua")
EXPIRE: Final = read_lua("workers/lua/post/expire.lua")
EXPIRE_WAITING: Final = read_lua("workers/lua/post/expire_waiting.lua")
BEGIN_TURN: Final = read_lua("workers/lua/post/begin_turn.lua")
KEEP_TURN: Final = read_lua("workers/lua/post/keep_turn.lua")
END_TURN: Final = read_lua("workers/lua/post/end_turn.lua")
