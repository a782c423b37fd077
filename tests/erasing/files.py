"""What servers put into files: PostgreSQL's dump, and Redis's own files when it has written them anew."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import make_url

from bench.pgbench import program
from tests.services.erasing.canaries import CANARY
from tests.waiting import wait_until

_CHUNK: Final = 2**20
_REWRITE_SECONDS: Final = 120.0


def is_in_dump(database_url: str, said: str = CANARY) -> bool:
    """Whether `pg_dump` of the embedded server's database holds the text, in letters or as bytes of a `bytea`."""
    forms = (said.encode(), said.encode().hex().encode())
    keep = max(map(len, forms))
    address = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    with subprocess.Popen([program("pg_dump"), address], stdout=subprocess.PIPE) as dump:
        assert dump.stdout is not None
        end, found, size = b"", False, 0
        while chunk := dump.stdout.read(_CHUNK):
            found = found or any(form in end + chunk for form in forms)
            end, size = chunk[-keep:], size + len(chunk)
    assert dump.returncode == 0
    assert size > 0
    return found


def found_in_files(client: redis.Redis, said: str = CANARY) -> list[str]:
    """The files of Redis that hold the text after a rewrite, without compression."""
    client.config_set("rdbcompression", "no")
    client.bgrewriteaof()
    wait_until(lambda: _is_rewritten(client), _REWRITE_SECONDS, "Redis's files")
    settings: Any = client.config_get("*dir*")
    folder = Path(settings["dir"]) / settings["appenddirname"]
    files = [file for file in folder.iterdir() if file.stat().st_size]
    assert files
    return [file.name for file in files if said.encode() in file.read_bytes()]


def _is_rewritten(client: redis.Redis) -> bool:
    told: Any = client.info("persistence")
    assert told["aof_last_bgrewrite_status"] == "ok"
    return not (told["aof_rewrite_in_progress"] or told["aof_rewrite_scheduled"])
