"""What a service keeps in `LEDGER_HOME` from one start to the next: ports, and passwords of its own."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from flowledger.cli.embedded import free_port, is_free, write_secret

_PORTS = "ports.json"


def port(home: Path, name: str, tell: Callable[[str], None]) -> int:
    """The port that `name` had before, so that exported URLs and bookmarks live; another one where it is taken."""
    file = home / _PORTS
    ports: dict[str, int] = {}
    with suppress(OSError, ValueError):
        ports = {str(key): int(value) for key, value in json.loads(file.read_text()).items()}
    before = ports.get(name)
    if before is not None and is_free(before):
        return before
    ports[name] = free_port()
    if before is not None:
        tell(f"port {before} of {name} is taken by another process: {name} has port {ports[name]} from now on")
    file.write_text(json.dumps(ports))
    return ports[name]


def password(home: Path, name: str) -> str:
    """The password made at the first start, readable by its owner alone."""
    file = home / f"{name}-password"
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(16))
    return file.read_text().strip()
