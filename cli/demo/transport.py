"""How the agents of the demo reach each other: a Unix socket each, in the fleet's folder.

Platforms have a transport of their own; the ledger records what it carries, and is not it.
"""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, Final, Literal, Self

MessageType = Literal["request", "response", "notification", "command"]

REPORTS: Final = "reports"
"""The address of the display."""
_WAITING_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it travels: `id` is the id under which the ledger knows it, `sender` a member's name."""

    id: str
    sender: str
    message_type: MessageType
    thread_id: str
    execution_id: str
    content: dict[str, Any]
    in_reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent tells the display: what it does just now, how many events it has published, files done of all."""

    agent: str
    doing: str
    published: int
    state: Literal["ready", "working", "ended"] = "working"
    done: int = 0
    total: int = 0


def post(folder: Path, name: str, parcel: Letter | Report) -> None:
    """Hands a parcel to the inbox of that name; raises OSError where nobody listens there."""
    with Client(_address(folder, name), "AF_UNIX") as connection:
        connection.send_bytes(json.dumps(asdict(parcel)).encode())


class Inbox:
    """Takes what is posted to one address; to be used in a `with`, or closed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._address = _address(folder, name)
        self._listener = Listener(self._address, "AF_UNIX", backlog=_WAITING_CONNECTIONS)
        self._parcels: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._receive, name=f"inbox {name}", daemon=True)
        self._thread.start()

    def take(self, seconds: float) -> dict[str, Any] | None:
        """The oldest parcel, as a dict of its fields; None where none came in time."""
        try:
            return self._parcels.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._closing = True
        Client(self._address, "AF_UNIX").close()  # wakes the thread
        self._thread.join()
        self._listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self) -> None:
        while not self._closing:
            with self._listener.accept() as connection:
                try:
                    self._parcels.put(json.loads(connection.recv_bytes()))
                except (EOFError, ConnectionError):
                    continue  # a sender that was killed, or our own `close`


def _address(folder: Path, name: str) -> str:
    return str(folder / f"{name}.sock")
