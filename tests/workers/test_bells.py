"""Lines in Celery's queue, and messages on its channels, that are none: they are dropped, and the worker lives on."""

from __future__ import annotations

import base64
import bz2
import json
import zlib
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from flowledger.cli.processes import Process
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.bells import NoBell, bell_of, check
from tests.storage.recording import count
from tests.waiting import wait_until
from tests.workers.conftest import StartWorker
from tests.workers.draining import add, created

MEBIBYTE = 2**20


def bell(**changes: Any) -> dict[str, Any]:
    """A bell as Celery writes it, but for `changes`; None takes a part away."""
    whole: dict[str, Any] = {
        "body": base64.b64encode(b"[[3], {}, {}]").decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": "ledger.drain", "id": "one", "argsrepr": "[3]", "retries": 0},
        "properties": {
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": "ledger"},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "one",
        },
    } | changes
    return {name: part for name, part in whole.items() if part is not None}


def with_headers(**changes: Any) -> dict[str, Any]:
    return bell(headers=bell()["headers"] | changes)


def with_properties(**changes: Any) -> dict[str, Any]:
    return bell(properties=bell()["properties"] | changes)


def bomb(pack: Any, mebibytes: int) -> str:
    """Little that becomes much."""
    return base64.b64encode(pack(b" " * mebibytes * MEBIBYTE)).decode()


SHAPES: dict[str, Any] = {
    "a list": [1],
    "a number": 7,
    "nothing": None,
    "an empty object": {},
    "no headers": bell(headers=None),
    "headers that are text": bell(headers="text"),
    "no properties": bell(properties=None),
    "properties that are a list": bell(properties=[1]),
    "no delivery": with_properties(delivery_info=None),
    "no body": bell(body=None),
    "a body that is a list": bell(body=[1]),
    "another encoding of the body": with_properties(body_encoding="rot13"),
    "pickle": bell(**{"content-type": "application/x-python-serialize"}),
    "yaml": bell(**{"content-type": "application/x-yaml"}),
    "no type": bell(**{"content-type": None}),
    "another charset": bell(**{"content-encoding": "utf-16"}),
    "zlib": with_headers(compression="zlib") | {"body": "x"},
    "bzip2": with_headers(compression="application/x-bz2") | {"body": "x"},
    "another task": with_headers(task="celery.backend_cleanup"),
    "a task that is a list": with_headers(task=["ledger.drain"]),
    "no id": with_headers(id=None),
    "for later": with_headers(eta="2999-01-01T00:00:00+00:00"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_no_bell_is_told(name: str) -> None:
    def taken() -> None:
        check(SHAPES[name])
        bell_of(SHAPES[name])

    with pytest.raises(NoBell):
        taken()


@pytest.mark.parametrize(
    "body", [b"7", b"[[]]", b'[["x"], {}, {}]', b"[[3, 4]]", b"[[true]]", b"[[-1]]", b"\xff", b"{}"]
)
def test_a_bell_for_no_shard_is_told(body: bytes) -> None:
    with pytest.raises(NoBell):
        bell_of(bell(body=base64.b64encode(body).decode()))


def test_of_a_bell_nothing_is_taken_but_what_it_is_for() -> None:
    odd = with_headers(timelimit="odd", retries=[1], argsrepr={"a": 1}, stamps=7, expires="2999-01-01T00:00:00+00:00")
    plain = bell_of(odd)
    assert plain["headers"]["task"] == "ledger.drain"
    assert plain["headers"]["timelimit"] == [None, None]
    assert "stamps" not in plain["headers"]
    assert json.loads(base64.b64decode(plain["body"]))[:2] == [[3], {}]


def lines() -> list[bytes]:
    """Of each kind one, as anybody with the worker's rights may push it."""
    found = [json.dumps(shape).encode() for shape in SHAPES.values()]
    found += [b"x", b"\xff\xfe", b"", b"[" * 100_000, b'{"a":', b'{"__type__":"decimal","__value__":"1e999999999"}']
    found += [
        json.dumps(with_headers(compression=name) | {"body": bomb(pack, mebibytes)}).encode()
        for name, pack, mebibytes in (("bzip2", bz2.compress, 8), ("zlib", zlib.compress, 256))
    ]
    found += [
        json.dumps(bell(body=body)).encode()
        for body in ("no base64!", base64.b64encode(b"\xff").decode(), base64.b64encode(b"[" * 100_000).decode())
    ]
    found += [
        json.dumps(with_headers(**{name: odd})).encode()
        for name in ("expires", "timelimit", "retries", "argsrepr", "group", "origin", "root_id", "shadow")
        for odd in ("odd", [1], {"a": 1}, -1)
    ]
    found += [json.dumps(bell(body=base64.b64encode(args).decode())).encode() for args in (b"7", b'[["x"], {}, {}]')]
    return [*found, b'{"body":"' + b"x" * 32 * MEBIBYTE + b'"}']


def memory_of(worker: Process) -> int:
    parent = psutil.Process(worker.pid)
    return sum(process.memory_info().rss for process in (parent, *parent.children(recursive=True)))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_outlives_what_is_no_bell(
    settings: Settings, client: redis.Redis, storage: Storage, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = start_worker()
    add(client, *created(1, "before"))
    wait_until(lambda: count(storage, "tasks") == 1, 30)
    before, pid = memory_of(worker), worker.pid
    for line in lines():
        client.lpush("ledger", line)
        for channel in ("/0.celery.pidbox", "/0.celeryev/worker.heartbeat"):
            client.publish(channel, line[:MEBIBYTE])
    wait_until(lambda: client.llen("ledger") == 0, 60)
    client.lpush("ledger", json.dumps(bell()))
    wait_until(lambda: client.llen("ledger") == 0, 30)
    add(client, *created(8, "after"))
    wait_until(lambda: count(storage, "tasks") == 9, 30)
    assert worker.is_running()
    assert worker.pid == pid
    assert memory_of(worker) - before < 200 * MEBIBYTE
    log = (tmp_path / "worker-0.log").read_text()
    assert "a message that is not Celery's was dropped: its body is compressed" in log
    assert len(log) < 200_000
