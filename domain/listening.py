"""Addresses to listen on, as people write them: `127.0.0.1:9500`, `[::1]:9500`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:\[\]/@]+)):([0-9]{1,5})")
_HIGHEST: Final = 65_535


class ListeningAddress(NamedTuple):
    """A host name or an IP address, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ListeningAddress:
        """Return the address. Raises ValueError if it is not HOST:PORT with a port from 1 to 65535."""
        match = _ADDRESS.fullmatch(text)
        if match is None or not 1 <= int(match[3]) <= _HIGHEST:
            raise ValueError("an address to listen on is HOST:PORT, as 127.0.0.1:9500")
        return cls(match[1] or match[2], int(match[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
