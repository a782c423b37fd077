"""The address at which Prometheus finds the metrics."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server

from flowledger.domain.listening import ListeningAddress
from flowledger.workers.alarms import tell_once
from flowledger.workers.background import BackgroundThread
from flowledger.workers.metrics.exposition import Exposition

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 5.0


@contextmanager
def serving(registry: CollectorRegistry, address: ListeningAddress) -> Iterator[None]:
    """Serve the metrics in threads of their own for as long as this lasts.

    Raises OSError if the address is taken, or none of this machine.
    """
    try:
        server, thread = start_http_server(address.port, address.host, registry)
    except UnicodeError:  # a label that is empty or too long
        raise OSError("not a name of a host") from None
    os.register_at_fork(after_in_child=server.socket.close)  # a process of the pool must not keep the port
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MetricsThread(BackgroundThread):
    """Serves the metrics beside the worker, and counts the journal for the first time.

    If the address is taken, that is logged once, and tried again until it is free. Recording goes on in any case.
    """

    def __init__(self, registry: CollectorRegistry, exposition: Exposition, address: ListeningAddress) -> None:
        super().__init__("metrics", self._run, join_seconds=1.0)
        self._registry = registry
        self._exposition = exposition
        self._address = address

    def _run(self, stopping: threading.Event) -> None:
        is_taken = False
        while not stopping.is_set():
            try:
                with serving(self._registry, self._address):
                    if is_taken:
                        logger.warning("the metrics are at %s now", self._address)
                    self._exposition.count()
                    stopping.wait()
            except OSError as error:
                tell_once(f"no metrics: {self._address} cannot be listened on: {error.strerror or error}")
                is_taken = True
                stopping.wait(_RETRY_SECONDS)
        self._exposition.close()
