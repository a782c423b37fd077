"""`make bench-mail`: the time from an agent's `send` to another's `receive`, compared with plain Redis pub/sub.

It is measured idle, and while another process publishes 1,000 other events per second, in turns on the same servers.
Pub/sub is the lower bound: it stores nothing, and reports no delivery.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import redis
from rich.console import Console
from rich.table import Table

from bench import workload
from bench.figures import latency
from bench.servers import running_servers
from flowledger.cli import processes
from flowledger.cli.processes import Process
from flowledger.client import Mailbox, Publisher
from flowledger.domain.settings import Settings

LOAD: Final = 1_000
"""Events per second."""
_BATCHES: Final = 100
"""Batches of events per second."""
_PER_SECOND: Final = 20
_RESULTS: Final = Path(__file__).parent / "mail.json"
_LOST_SECONDS: Final = 10.0
console: Final = Console(highlight=False)

Send = Callable[[], float]
"""Sends one message, waits until it is received, and returns the seconds."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--probes", type=int, default=500, help="messages for each figure, and each turn")
    arguments.add_argument("--rounds", type=int, default=3, help="turns of each")
    arguments.add_argument("--messages", type=int, default=5_000, help="messages of the throughput's turn")
    options = arguments.parse_args()
    found: dict[str, list[float]] = {}
    with _service() as settings, _agents(settings) as ways:
        for _ in range(options.rounds):
            for name, send in ways.items():
                found.setdefault(f"{name}, idle", []).extend(_probe(name, send, options.probes))
            with _load(settings, len(ways) * options.probes * 0.2):
                for name, send in ways.items():
                    found.setdefault(f"{name}, {LOAD:,} events/s", []).extend(_probe(name, send, options.probes))
        rate = _throughput(settings, options.messages)
    results = {name: latency(seen) for name, seen in found.items()}
    _RESULTS.write_text(json.dumps(results | {"messages_per_second": rate}, indent=2) + "\n")
    _print(results, rate)


@contextmanager
def _service() -> Iterator[Settings]:
    """Run a database, a broker and a worker. Yield the settings."""
    with running_servers() as servers:
        settings = Settings.load(redis_url=servers.redis_url, database_url=servers.database_url)
        environment = processes.worker_environment(settings)
        worker = Process("worker", processes.worker_command(2), environment, servers.folder / "worker.log")
        worker.start()
        try:
            yield settings
        finally:
            worker.stop()


@contextmanager
def _agents(settings: Settings) -> Iterator[dict[str, Send]]:
    """Yield two ways to send: between two agents, one of which receives in a thread of its own, and by pub/sub."""
    received: queue.SimpleQueue[float] = queue.SimpleQueue()
    assert settings.redis_url is not None
    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    with (
        Mailbox("alice", settings=settings) as alice,
        Mailbox("bob", settings=settings) as bob,
        closing(client),
        closing(client.pubsub(ignore_subscribe_messages=True)) as channel,
    ):
        channel.subscribe("bob")
        threading.Thread(target=_receive, args=(bob, received), daemon=True).start()
        threading.Thread(target=_listen, args=(channel, received), daemon=True).start()
        content = {"text": "Revenue grew by four per cent, costs by two; the outlook is unchanged."}
        ways: dict[str, Callable[[], object]] = {
            "Flowledger": lambda: alice.send("bob", content),
            "Redis pub/sub": lambda: client.publish("bob", json.dumps(content)),
        }

        def timed(send: Callable[[], object]) -> Send:
            def probe() -> float:
                began = time.perf_counter()
                send()
                return received.get(timeout=_LOST_SECONDS) - began

            return probe

        for way in ways.values():
            way()  # until the worker is running
            received.get(timeout=60)
        yield {name: timed(way) for name, way in ways.items()}


def _receive(bob: Mailbox, received: queue.SimpleQueue[float]) -> None:
    for message in bob:
        received.put(time.perf_counter())
        bob.ack(message)


def _listen(channel: Any, received: queue.SimpleQueue[float]) -> None:
    with suppress(redis.ConnectionError):  # the connection is closed at the end
        for _ in channel.listen():
            received.put(time.perf_counter())


def _probe(name: str, send: Send, count: int) -> list[float]:
    console.print(f"[dim]{name}: {count} messages[/dim]")
    seen = []
    for _ in range(count):
        seen.append(send() * 1000)
        time.sleep(random.uniform(0, 2 / _PER_SECOND))
    return seen


@contextmanager
def _load(settings: Settings, seconds: float) -> Iterator[None]:
    """Publish other events from another process, steadily in small batches, for at most `seconds`."""
    assert settings.redis_url is not None
    context = multiprocessing.get_context("spawn")
    ready, ending = context.Event(), context.Event()
    given = (settings.redis_url.get_secret_value(), seconds, ready, ending)
    process = context.Process(target=_publish, args=given, daemon=True)
    process.start()
    ready.wait()
    try:
        yield
    finally:
        ending.set()
        process.join()


def _publish(redis_url: str, seconds: float, ready: Any, ending: Any) -> None:
    """Publish events steadily. They are made and checked before the first one, so that this takes no time later."""
    with Publisher(redis_url) as publisher:
        events = [publisher.prepare(event) for event in workload.events(f"load{time.time_ns()}", int(LOAD * seconds))]
        ready.set()
        began, per_batch = time.monotonic(), LOAD // _BATCHES
        for batch, first in enumerate(range(0, len(events), per_batch)):
            if ending.wait(max(0.0, began + batch / _BATCHES - time.monotonic())):
                return
            publisher.publish_many(events[first : first + per_batch])


def _throughput(settings: Settings, count: int) -> float:
    """Return messages per second, sent by one agent, received and acknowledged by another."""
    console.print(f"[dim]{count:,} messages, as fast as possible[/dim]")
    with Mailbox("carol", settings=settings) as carol, Mailbox("dave", settings=settings) as dave:
        sender = threading.Thread(target=lambda: [carol.send("dave", place) for place in range(count)], daemon=True)
        began, done = time.monotonic(), 0
        sender.start()
        while done < count:
            messages = dave.receive_many(100, timeout=_LOST_SECONDS)
            dave.ack_many(messages)
            done += len(messages)
        return count / (time.monotonic() - began)


def _print(results: dict[str, dict[str, float]], rate: float) -> None:
    table = Table("send to receive, ms", "p50", "p99", "max", "messages", box=None)
    for name, figures in results.items():
        table.add_row(name, *(f"{figures[part]:.1f}" for part in ("p50", "p99", "max")), f"{figures['n']:,.0f}")
    console.print(table)
    console.print(f"{rate:,.0f} messages/s from one agent to another, sent, received and acknowledged one by one")


if __name__ == "__main__":
    main()
