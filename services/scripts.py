"""What services say to Redis in one script. The texts, with their keys, stand in `lua/`; what the keys mean:
`domain.streams`.
"""

from typing import Final

from flowledger.domain.lua_files import read_lua

PUBLISH_ONCE: Final = read_lua("services/lua/publish_once.lua")
INBOX_ENTRIES: Final = read_lua("services/lua/inbox_entries.lua")
ERASE_MESSAGES: Final = read_lua("services/lua/erase_messages.lua")
REWRITE_INBOX: Final = read_lua("services/lua/rewrite_inbox.lua")
