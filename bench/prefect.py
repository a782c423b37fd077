"""The peer Prefect: its event persister, which moves events from a Redis stream to PostgreSQL.

It has an environment of its own, in `.venv/prefect`, made from wheels at the first run: its requirements are not
Flowledger's. The persister is as `prefect server` starts it, with its own settings (20 events a transaction, a flush
at least every 5 s), in as many processes as the other contenders have, on the broker of the package prefect-redis.
Events are added to its stream by pipelined XADD in its own format: its own publisher sends them one by one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import redis
from sqlalchemy import make_url

from bench.contender import PROCESSES, Contender

PACKAGES: Final = ("prefect==3.9.1", "prefect-redis==0.3.0")
_ENVIRONMENT: Final = Path(sys.prefix) / "prefect"
_STREAM: Final = "events"
_PERSISTER: Final = Path(__file__).parent / "peers" / "prefect_persister.py"


class Prefect(Contender):
    name, title = "prefect", "Prefect's event persister on a Redis stream, 20 events a commit"

    @staticmethod
    def download() -> None:
        """Make the environment, unless it is there with these versions. Raises CalledProcessError."""
        installed = _ENVIRONMENT / "installed"
        wanted = " ".join(PACKAGES)
        if installed.exists() and installed.read_text() == wanted:
            return
        python = str(_ENVIRONMENT / "bin" / "python")
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        for command in ([sys.executable, "-m", "venv", str(_ENVIRONMENT)], [*pip, *PACKAGES]):
            subprocess.run(command, check=True, capture_output=True, text=True)
        installed.write_text(wanted)

    def install(self) -> None:
        subprocess.run(
            [str(_ENVIRONMENT / "bin" / "prefect"), "server", "database", "upgrade", "--yes"],
            env=self._variables(), check=True, capture_output=True,
        )  # fmt: skip

    def command(self) -> tuple[list[str], dict[str, str]]:
        python = str(_ENVIRONMENT / "bin" / "python")
        return [python, "-P", str(_PERSISTER), str(PROCESSES)], self._variables()

    def prepare(self, events: Sequence[bytes]) -> list[Any]:
        """Return events as Prefect has them, with the attributes that it sends along."""
        return [self._entry(event) for event in events]

    def publish(self, events: list[Any]) -> None:
        with redis.Redis.from_url(self.servers.redis_url) as client, client.pipeline(transaction=False) as pipeline:
            for entry in events:
                pipeline.xadd(_STREAM, entry)
            pipeline.execute()

    def key(self, event: bytes) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, super().key(event)))

    def _entry(self, event: bytes) -> dict[str, str]:
        ours = json.loads(event)
        theirs = {
            "id": self.key(event),
            "event": ours["type"],
            "occurred": ours["time"],
            "received": ours["time"],
            "resource": {"prefect.resource.id": ours["subject"]},
            "payload": ours["data"],
        }
        attributes = {"id": theirs["id"], "event": theirs["event"]}
        return {"data": json.dumps(theirs), "attributes": json.dumps(attributes)}

    def _variables(self) -> dict[str, str]:
        database = make_url(self.servers.database_url).set(drivername="postgresql+asyncpg")
        return os.environ | {
            "PREFECT_HOME": str(self.servers.folder / "prefect"),
            "PREFECT_API_DATABASE_CONNECTION_URL": database.render_as_string(hide_password=False),
            "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_REDIS_MESSAGING_URL": self.servers.redis_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
