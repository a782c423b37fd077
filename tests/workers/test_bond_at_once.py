"""The bond between a ledger and its broker, looked at and made anew by several processes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
import redis

from flowledger.domain import streams
from flowledger.domain.errors import BrokerUnsettled
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.bond import Bond
from flowledger.workers.connections import text
from flowledger.workers.watch import Watch, check_at_start
from tests.workers.bonds import alarms, go_back, ledger_of
from tests.workers.draining import add, created, drain


def before(where: Any, name: str, step: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process does `step`, once, before this method of that object."""
    method = getattr(where, name)

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        step()
        return method(*arguments, **options)

    monkeypatch.setattr(where, name, meanwhile)


def text_of(client: redis.Redis) -> str:
    return text(client.get(streams.BROKER) or "")


def emptied(client: redis.Redis, _storage: Storage) -> None:
    client.flushdb()


def restored(_client: redis.Redis, storage: Storage) -> None:
    go_back(storage, batches=1, broker=ledger_of(storage).broker)


CHANGES: Final = pytest.mark.parametrize("change", [emptied, restored])


@CHANGES
def test_who_looks_while_another_makes_the_bond_anew_does_not_take_it_for_anothers(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[redis.Redis, Storage], None],
) -> None:
    for place in range(3):
        add(client, *created(1, f"t{place}"))
        drain(settings, client, storage)
    own = Storage(storage.engine)
    one, watch = Bond(client, settings, own), Watch(settings, lambda _: None)
    change(client, storage)
    before(own, "looking", watch.look, monkeypatch)
    one.meet()
    watch.look()
    assert one.text == ledger_of(storage).broker == text_of(client)
    assert len(alarms(caplog)) == 1
    watch.close()


@CHANGES
def test_who_comes_late_with_a_text_does_not_write_it(
    settings: Settings,
    client: redis.Redis,
    storage: Storage,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[redis.Redis, Storage], None],
) -> None:
    """It was stopped for so long that another one makes the bond anew, and goes on between the two steps of that."""
    for place in range(3):
        add(client, *created(1, f"t{place}"))
        drain(settings, client, storage)
    change(client, storage)
    late, other = Bond(client, settings, storage), Bond(client, settings, storage)
    written: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    with monkeypatch.context() as patch:
        patch.setattr(late, "_pair_redis", lambda *arguments, **options: written.append((arguments, options)))
        late.meet()
    ((arguments, options),) = written

    def go_on() -> None:
        with pytest.raises(BrokerUnsettled):
            Bond._pair_redis(late, *arguments, **options)

    before(other, "_pair_redis", go_on, monkeypatch)
    other.meet()
    late.meet()
    assert late.text == other.text == ledger_of(storage).broker == text_of(client)


def test_who_starts_while_another_makes_the_bond_anew_is_let_pass(
    settings: Settings, client: redis.Redis, storage: Storage
) -> None:
    Bond(client, settings, storage).meet()
    held = client.get(streams.BROKER)
    Bond(client, settings, storage).adopt()
    client.set(streams.BROKER, held or b"")  # it is written to the database, and not to Redis yet
    check_at_start(settings)


def test_two_workers_that_find_it_at_once_are_no_copies(
    settings: Settings, client: redis.Redis, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    for place in range(3):
        add(client, *created(1, f"t{place}"))
        drain(settings, client, storage)
    go_back(storage, batches=1, broker=ledger_of(storage).broker)
    one, other = Bond(client, settings, storage), Bond(client, settings, storage)
    looked = other._look()
    one.meet()
    with pytest.raises(BrokerUnsettled):
        other._start_anew(looked[0], looked[1])
    other.meet()
    assert one.text == other.text
    assert len(alarms(caplog)) == 1


def test_a_pairing_that_was_cut_short_is_finished(settings: Settings, client: redis.Redis, storage: Storage) -> None:
    Bond(client, settings, storage).meet()
    before = client.get(streams.BROKER)
    Bond(client, settings, storage).adopt()
    client.set(streams.BROKER, before or b"")  # it was written to the database, and not to Redis
    Bond(client, settings, storage).meet()
    assert client.get(streams.BROKER) == (ledger_of(storage).broker or "").encode()
