"""How the agents of the demo tell the display what they do just now: by a Unix socket. None of it is recorded."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Final, Literal, Self

State = Literal["ready", "working", "ended"]

_WAITING_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Report:
    """What an agent does just now, how many events it has published, and the files done of all, where it knows."""

    agent: str
    doing: str
    published: int
    state: State
    files_done: int = 0
    files: int = 0


def tell(folder: Path, report: Report) -> None:
    """Hands a report to the display of this folder; raises OSError where none listens there."""
    with Client(_address(folder), "AF_UNIX") as connection:
        connection.send_bytes(json.dumps(asdict(report)).encode())


class Reports:
    """Takes the reports of a folder's agents; to be used in a `with`, or closed."""

    def __init__(self, folder: Path) -> None:
        self._address = _address(folder)
        self._listener = Listener(self._address, "AF_UNIX", backlog=_WAITING_CONNECTIONS)
        self._reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._receive, name="reports", daemon=True)
        self._thread.start()

    def take(self, seconds: float) -> Report | None:
        """The oldest report; None where none came in time."""
        try:
            return self._reports.get(timeout=seconds)
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
                    self._reports.put(Report(**json.loads(connection.recv_bytes())))
                except (EOFError, ConnectionError):
                    continue  # an agent that was killed, or our own `close`


def _address(folder: Path) -> str:
    return str(folder / "reports.sock")
