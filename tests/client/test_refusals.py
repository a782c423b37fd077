"""Refusals of Redis: those that pass by themselves are tried again, those that a person must mend are told at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
import redis

from flowledger.cli.embedded import EmbeddedValkey, free_port
from flowledger.client.plans.publishing import publishing
from flowledger.client.prepared import prepare
from flowledger.domain.errors import AccessDenied, BrokerUnavailable, LedgerError, PublishError, SettingsError
from tests.builders import event
from tests.client.agents import MakeAgent
from tests.client.looking import bodies
from tests.client.publishers import MakePublisher
from tests.client.test_faults import SHORT, spoilt, within
from tests.proxy import Fault
from tests.waiting import wait_until

LONG: Final = 30
SLOW_SCRIPT: Final = "while true do end"
PASSING: Final = {
    "READONLY": "READONLY You can't write against a read only replica.",
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "TRYAGAIN": "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN": "CLUSTERDOWN The cluster is down",
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write.",
    "too many": "ERR max number of clients reached",
    "too many of a cluster": "ERR max number of clients + cluster connections reached",
}


@pytest.fixture
def own_server(own_valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(own_valkey.url)) as client:
        yield client


def parsed(reply: str) -> Exception:
    """The error that the library makes of what the server says."""
    error: Exception = redis.connection.DefaultParser.parse_error(reply)  # type: ignore[no-untyped-call]
    return error


@contextmanager
def demoted(server: redis.Redis) -> Iterator[None]:
    """As in a failover: a replica, of a master that is not there."""
    server.execute_command("REPLICAOF", "127.0.0.1", free_port())
    try:
        yield
    finally:
        server.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def without_replicas(server: redis.Redis) -> Iterator[None]:
    server.config_set("min-replicas-to-write", "1")
    try:
        yield
    finally:
        server.config_set("min-replicas-to-write", "0")


@contextmanager
def busy(server: redis.Redis) -> Iterator[None]:
    """A script that does not end by itself."""
    server.config_set("busy-reply-threshold", "1")
    options = server.get_connection_kwargs()
    with closing(redis.Redis(options["host"], options["port"])) as other:

        def run() -> None:
            with suppress(redis.RedisError):
                other.eval(SLOW_SCRIPT, 0)

        script = threading.Thread(target=run)
        script.start()
        wait_until(lambda: _is_busy(server), what="a busy server")
        try:
            yield
        finally:
            server.script_kill()
            script.join()


def _is_busy(server: redis.Redis) -> bool:
    try:
        return not server.ping()
    except redis.ResponseError as error:
        return str(error).startswith("BUSY")


TROUBLES: Final[dict[str, Any]] = {"READONLY": demoted, "NOREPLICAS": without_replicas, "BUSY": busy}


@pytest.mark.parametrize("reply", PASSING)
def test_what_passes_by_itself_is_tried_again(reply: str) -> None:
    plan = publishing([prepare(event("task.started"), shards=1)], timeout_seconds=LONG)
    next(plan)
    for _ in range(3):
        plan.send([parsed(PASSING[reply])])
        plan.send(None)  # it has waited
    with pytest.raises(StopIteration) as done:
        plan.send([b"1-1"])
    assert done.value.value[0].entry_id == "1-1"


@pytest.mark.parametrize("reply", PASSING)
def test_what_does_not_pass_in_time_makes_redis_unavailable(reply: str) -> None:
    plan = publishing([prepare(event("task.started"), shards=1)], timeout_seconds=0.01)
    next(plan)
    with pytest.raises(BrokerUnavailable, match=r"event not confirmed: Redis .* within 0.01 s.*nothing is doubled"):
        plan.send([parsed(PASSING[reply])])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_publisher_waits_until_it_is_over(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, trouble: str
) -> None:
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=LONG)
    publisher.publish(event("task.started"))
    given = [publisher.prepare(event("task.logged")) for _ in range(3)]
    with TROUBLES[trouble](own_server):
        publishing = threading.Thread(target=publisher.publish_many, args=(given,))
        publishing.start()
        assert publishing.is_alive()
    publishing.join()
    assert {one.raw for one in given} <= set(bodies(own_server))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_it_is_unavailable_after_the_time_of_a_publisher(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, trouble: str
) -> None:
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=SHORT)
    with TROUBLES[trouble](own_server), within(10), pytest.raises(BrokerUnavailable, match=rf"\({trouble}\)"):
        publisher.publish(event("task.started"))


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_spool_keeps_events_meanwhile(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis, tmp_path: Path, trouble: str
) -> None:
    publisher = make_publisher(own_valkey.url, spool=tmp_path / "spool", publish_timeout_seconds=SHORT)
    with TROUBLES[trouble](own_server):
        assert publisher.publish(event("task.started")).spooled
    wait_until(lambda: publisher.spooled == 0, what="an empty spool")
    assert len(bodies(own_server)) == 1


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_mailbox_goes_on_after_it(
    make_agent: MakeAgent, own_valkey: EmbeddedValkey, own_server: redis.Redis, trouble: str
) -> None:
    agent = make_agent(url=own_valkey.url, publish_timeout_seconds=SHORT)
    with TROUBLES[trouble](own_server):
        for ask in (lambda: agent.send("sb_other", "a"), lambda: agent.receive(0)):
            with within(10), pytest.raises(BrokerUnavailable, match=rf"\({trouble}\)"):
                ask()
    agent.send("sb_other", "b")
    assert agent.receive(0) is None


def test_a_server_that_takes_no_more_clients_is_waited_for(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis
) -> None:
    own_server.config_set("maxclients", "1")
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=SHORT)
    with pytest.raises(BrokerUnavailable):
        publisher.publish(event("task.started"))
    own_server.config_set("maxclients", "1000")
    publisher.publish(event("task.started"))


def test_a_connection_that_is_reset_is_made_again(
    make_publisher: MakePublisher, redis_url: str, server: redis.Redis
) -> None:
    with spoilt(redis_url, Fault.REQUEST_LOST, times=0) as proxy:
        publisher = make_publisher(proxy.url)
        publisher.publish(event("task.started"))
        proxy.cut()
        proxy.mend()
        publisher.publish(event("task.started"))
    assert len(bodies(server)) == 2


def test_a_name_that_cannot_be_resolved_is_told(make_publisher: MakePublisher, tmp_path: Path) -> None:
    url = "redis://nosuch.invalid:6379/0"
    with pytest.raises(BrokerUnavailable, match=r"nosuch\.invalid"):
        make_publisher(url, publish_timeout_seconds=SHORT).publish(event("task.started"))
    spooling = make_publisher(url, spool=tmp_path / "spool", publish_timeout_seconds=SHORT)
    assert spooling.publish(event("task.started")).spooled


def test_what_can_be_no_name_of_a_host_is_told_at_once(make_publisher: MakePublisher) -> None:
    with pytest.raises(SettingsError, match="the host name is not valid"):
        make_publisher("redis://a..b:6379/0")


# --- only a person can help


def user(server: redis.Redis, url: str, name: str, password: str) -> str:
    """The URL with another user in it."""
    return url.replace("redis://", f"redis://{name}:{password}@")


@pytest.fixture
def strict(own_server: redis.Redis) -> redis.Redis:
    """A server with a user who may only read, called `reader`, and one who may do all, called `writer`."""
    own_server.execute_command("ACL", "SETUSER", "reader", "on", ">right", "~*", "+@read", "+@connection")
    own_server.execute_command("ACL", "SETUSER", "writer", "on", ">right", "~*", "+@all")
    return own_server


DENIED: Final = {
    "a wrong password": ("writer", "wrong", "does not let this user in .writer at 127.0.0.1:.*REDIS_URL"),
    "nobody of this name": ("nobody", "right", "does not let this user in .nobody at 127.0.0.1:.*REDIS_URL"),
    "no right to write": ("reader", "right", "does not let this user do it .reader at 127.0.0.1:.*`flowledger acl`"),
}


@pytest.mark.parametrize("what", DENIED)
def test_denied_access_is_told_at_once_and_in_words(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, strict: redis.Redis, what: str
) -> None:
    name, password, words = DENIED[what]
    publisher = make_publisher(user(strict, own_valkey.url, name, password), publish_timeout_seconds=LONG)
    for events in ([event("task.started")], [event("task.started"), event("task.completed")]):
        with within(10), pytest.raises(AccessDenied, match=words) as caught:
            publisher.publish_many(events)
        assert password not in str(caught.value).replace("REDIS_URL", "").replace("rights", "")


def test_a_server_that_wants_a_password_and_gets_none_is_told(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, own_server: redis.Redis
) -> None:
    own_server.execute_command("ACL", "SETUSER", "default", "resetpass", ">secret")
    publisher = make_publisher(own_valkey.url, publish_timeout_seconds=LONG)
    with within(10), pytest.raises(AccessDenied, match=r"does not let this user in .default at"):
        publisher.publish(event("task.started"))
    own_server.execute_command("ACL", "SETUSER", "default", "nopass")


@pytest.mark.parametrize("what", DENIED)
def test_a_mailbox_is_told_the_same(
    make_agent: MakeAgent, own_valkey: EmbeddedValkey, strict: redis.Redis, what: str
) -> None:
    name, password, words = DENIED[what]
    agent = make_agent(url=user(strict, own_valkey.url, name, password), is_open=False, publish_timeout_seconds=LONG)
    for ask in (lambda: agent.send("sb_other", "a"), agent.open, lambda: agent.receive(0)):
        with within(10), pytest.raises(AccessDenied, match=words):
            ask()


def test_a_spool_keeps_what_is_denied_until_somebody_has_mended_it(
    make_publisher: MakePublisher, own_valkey: EmbeddedValkey, strict: redis.Redis, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    publisher = make_publisher(user(strict, own_valkey.url, "reader", "right"), spool=tmp_path / "spool")
    assert publisher.publish(event("task.started")).spooled
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "does not let this user do it (reader at" in caplog.text
    with pytest.raises(AccessDenied, match="1 events wait in the spool"):
        publisher.flush_spool()
    strict.execute_command("ACL", "SETUSER", "reader", "+xadd", "+multi", "+exec")
    assert publisher.flush_spool() == 0
    assert len(bodies(strict)) == 1


def test_all_of_them_are_errors_of_publishing() -> None:
    assert issubclass(AccessDenied, PublishError)
    assert issubclass(PublishError, LedgerError)
