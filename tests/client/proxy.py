"""A TCP proxy before Redis that spoils a connection at the moment an event travels."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum
from typing import Final, Self

_MARK: Final = b"XADD"


class Fault(Enum):
    """What happens to a request that holds an XADD."""

    REPLY_LOST = "it arrives; the connection is cut before the reply comes back"
    REQUEST_LOST = "the connection is cut before it arrives"
    SILENCE = "it arrives; the reply never comes back"


class Proxy:
    """Lets everything through, but for the first `times` requests that hold an XADD."""

    def __init__(self, host: str, port: int, fault: Fault, times: int) -> None:
        self._server = (host, port)
        self._fault = fault
        self._left = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.spoilt = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._open:
            _cut(opened)
        for thread in self._threads:
            thread.join()

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                self._run(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """Requests and replies in turn, which is how a client without pub/sub speaks."""
        with contextlib.suppress(OSError):
            while request := client.recv(65_536):
                spoil = _MARK in request and self._left > 0
                if spoil:
                    self._left -= 1
                    self.spoilt += 1
                    if self._fault is Fault.REQUEST_LOST:
                        break
                server.sendall(request)
                reply = server.recv(65_536)
                if spoil and self._fault is Fault.REPLY_LOST:
                    break
                if not spoil:
                    client.sendall(reply)
        _cut(client)
        _cut(server)


def _cut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
    opened.close()
