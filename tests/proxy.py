"""A TCP proxy before a server (Redis, PostgreSQL) that does to connections what bad networks do.

Faults of one request (`spoil`) strike those that hold a mark, as `XADD` or `COMMIT`; faults of the network (`cut`,
`hold`, `forget`, `reset_after`) strike every connection, until `mend`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from enum import Enum
from random import Random
from typing import Final, Self

Address = tuple[str, int] | str
"""A host and a port, or the path of a Unix socket."""

_CHUNK: Final = 65_536
_JOIN_SECONDS: Final = 5.0


class Fault(Enum):
    """What happens to a request that holds the mark."""

    REPLY_LOST = "it arrives; the connection is cut before the reply comes back"
    REQUEST_LOST = "the connection is cut before it arrives"
    SILENCE = "it arrives; the reply never comes back"


class Proxy:
    """Listens on a free port of the loopback address; lets everything through until it is told otherwise."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._threads: list[threading.Thread] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._is_cut = False
        self._forgets = False
        self._budget: tuple[Random, int] | None = None
        self._fault, self._mark, self._left = Fault.REPLY_LOST, b"", 0
        self.spoilt = 0
        """How many requests were spoilt so far."""

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Its URL, where the server speaks Redis."""
        return f"redis://127.0.0.1:{self.port}/0"

    def spoil(self, fault: Fault, times: int = 1, mark: bytes = b"XADD") -> None:
        """The next `times` requests that hold `mark` meet this fault."""
        with self._lock:
            self._fault, self._mark, self._left = fault, mark, times

    def cut(self) -> None:
        """Resets every connection, and each new one, until `mend`."""
        self._is_cut = True
        self.reset()

    def reset(self) -> None:
        """Resets the connections of now; new ones go through."""
        for link in self._open_links():
            link.cut()

    def hold(self) -> None:
        """Nothing gets through and nothing is closed, until `mend`: then all that was held arrives."""
        self._flowing.clear()

    def forget(self) -> None:
        """Half-open: connections of now, and those made until `mend`, never hear anything again, and are not told."""
        self._forgets = True
        for link in self._open_links():
            link.forgotten = True

    def reset_after(self, random: Random, most: int) -> None:
        """Each connection made until `mend` is reset after a random number of bytes, `most` at the most."""
        self._budget = (random, most)

    def mend(self) -> None:
        """A good network from here on; connections that were forgotten stay so."""
        self._is_cut = self._forgets = False
        self._budget = None
        with self._lock:
            self._left = 0
        self._flowing.set()

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._listener)
        self.mend()
        self.reset()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)

    def takes(self, request: bytes) -> Fault | None:
        """The fault that a request meets, if any; counts it."""
        with self._lock:
            if self._left <= 0 or self._mark not in request:
                return None
            self._left -= 1
            self.spoilt += 1
            return self._fault

    def wait_until_it_flows(self) -> None:
        self._flowing.wait()

    def _open_links(self) -> list[_Link]:
        with self._lock:
            self._links = {link for link in self._links if not link.ended}
            return list(self._links)

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads = [known for known in self._threads if known.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    _reset(client)
                    continue
                self._link(client)

    def _link(self, client: socket.socket) -> None:
        try:
            server = _connect(self._server)
        except OSError:
            _reset(client)
            return
        budget = None if self._budget is None else self._budget[0].randrange(1, self._budget[1])
        link = _Link(self, client, server, budget)
        link.forgotten = self._forgets
        with self._lock:
            self._links.add(link)
        self._run(link.carry_requests)
        self._run(link.carry_replies)


class _Link:
    """One connection of a client, and its counterpart to the server."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket, budget: int | None) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._budget = budget
        self._spoils: Fault | None = None
        self.forgotten = False
        self.ended = False

    def carry_requests(self) -> None:
        with contextlib.suppress(OSError):
            while request := self._client.recv(_CHUNK):
                fault = self._proxy.takes(request)
                if fault is Fault.REQUEST_LOST:
                    break
                self._spoils = fault or self._spoils
                if not self._pass_on(self._server, request):
                    break
        self.cut()

    def carry_replies(self) -> None:
        with contextlib.suppress(OSError):
            while reply := self._server.recv(_CHUNK):
                if self._spoils is Fault.REPLY_LOST:
                    break
                if self._spoils is Fault.SILENCE:
                    self._spoils = None
                elif not self._pass_on(self._client, reply):
                    break
        self.cut()

    def cut(self) -> None:
        """Resets both sides."""
        self.ended = True
        _reset(self._client)
        _reset(self._server)

    def _pass_on(self, target: socket.socket, data: bytes) -> bool:
        """Whether the connection goes on."""
        self._proxy.wait_until_it_flows()
        if self.forgotten:
            return True
        if self._budget is not None:
            allowed, self._budget = data[: self._budget], self._budget - len(data)
            if self._budget < 0:
                target.sendall(allowed)
                return False
        target.sendall(data)
        return True


def _connect(server: Address) -> socket.socket:
    if not isinstance(server, str):
        return socket.create_connection(server)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(server)
    except OSError:
        connection.close()
        raise
    return connection


def _reset(opened: socket.socket) -> None:
    """Ends a connection as a router would: with a reset, whoever is reading from it."""
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        opened.shutdown(socket.SHUT_RD)
    opened.close()


def _close(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
