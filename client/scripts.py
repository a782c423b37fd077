"""What a mailbox says to Redis in one script: what it frees is allowed while the memory is full (contract, section 8).

The texts, with their keys, stand in `lua/`; what the keys mean: `domain.streams`.
"""

from typing import Final

from flowledger.domain.lua_files import read_lua

CREATE: Final = read_lua("client/lua/create.lua")
SIGN: Final = read_lua("client/lua/sign.lua")
LEAVE: Final = read_lua("client/lua/leave.lua")
ACKNOWLEDGE: Final = read_lua("client/lua/acknowledge.lua")
