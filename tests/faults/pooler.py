"""PgBouncer before a PostgreSQL, as people set it up: `ignore_startup_parameters`, a pool by session or transaction."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from flowledger.cli.embedded import free_port
from tests.waiting import wait_until

PROGRAM: Final = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""
_SECONDS: Final = 20.0
_SOCKET: Final = ".s.PGSQL.5432"
_SETTINGS: Final = """\
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
ignore_startup_parameters = extra_float_digits,options
"""


@contextlib.contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The URL of the same database, which is reached by a Unix socket, by way of a pooler in this mode."""
    parsed = make_url(url)
    host = parsed.query["host"]
    assert isinstance(host, str)
    listen = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(_SETTINGS.format(host=host, listen=listen, mode=mode))
        file.chmod(0o644)
        log = (Path(folder) / "log").open("w")
        server = subprocess.Popen([PROGRAM, str(file)], stdout=log, stderr=log, user=_user(Path(host)))
        try:
            wait_until(lambda: _answers(listen) or server.poll() is not None, _SECONDS, "a running PgBouncer")
            assert server.poll() is None, (Path(folder) / "log").read_text()[-300:]
            yield f"postgresql://postgres@127.0.0.1:{listen}/{parsed.database}"
        finally:
            server.terminate()
            server.wait(_SECONDS)
            log.close()


def _user(folder: Path) -> int | None:
    """PgBouncer refuses to run as root: then it runs as the server does, who may use the socket."""
    return (folder / _SOCKET).stat().st_uid if os.geteuid() == 0 else None


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
