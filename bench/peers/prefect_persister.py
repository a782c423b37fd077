"""Prefect's event persister in several processes: `python -P prefect_persister.py PROCESSES`, in its environment."""

import asyncio
import multiprocessing
import signal
import sys

from prefect.server.events.services.event_persister import EventPersister  # type: ignore[import-not-found]


def persist() -> None:
    asyncio.run(EventPersister().start())


def end(*_: object) -> None:
    for process in processes:
        process.terminate()


if __name__ == "__main__":
    processes = [multiprocessing.Process(target=persist) for _ in range(int(sys.argv[1]))]
    for process in processes:
        process.start()
    signal.signal(signal.SIGTERM, end)
    for process in processes:
        process.join()
