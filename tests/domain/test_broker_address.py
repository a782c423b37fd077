"""REDIS_URL: one reading for all processes; what is not supported is refused in one line that shows no password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from kombu.connection import Connection
from kombu.transport.redis import Channel as KombuChannel

from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings

SECRET = "canary-1f0c"


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("redis://host", BrokerAddress("host")),
        ("redis://", BrokerAddress()),
        (" redis://host:7000/3\n", BrokerAddress("host", 7000, database=3)),
        ("REDIS://Host/?db=4", BrokerAddress("host", database=4)),
        ("redis://[::1]:7000/0", BrokerAddress("::1", 7000)),
        ("redis://:pass@host", BrokerAddress("host", password="pass")),
        ("redis://me:p%40%2F%3F%23%3B%25@host/1", BrokerAddress("host", database=1, username="me", password="p@/?#;%")),
        ("unix:///run/redis/r.sock?db=2", BrokerAddress(socket="/run/redis/r.sock", database=2)),
        ("unix://me:pass@/r.sock", BrokerAddress(socket="/r.sock", username="me", password="pass")),
        ("rediss://host", BrokerAddress("host", tls={"ssl_cert_reqs": "required", "ssl_check_hostname": True})),
        (
            "rediss://host?ssl_cert_reqs=CERT_NONE",
            BrokerAddress("host", tls={"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ),
        (
            "rediss://host?ssl_check_hostname=false",
            BrokerAddress("host", tls={"ssl_cert_reqs": "required", "ssl_check_hostname": False}),
        ),
    ],
)
def test_an_address_is_read_alike_by_redis_and_by_celery(url: str, wanted: BrokerAddress) -> None:
    address = BrokerAddress.read(url)
    assert address == wanted
    redis.asyncio.Redis(**address.client_options())
    ours = redis.Redis(**address.client_options()).connection_pool
    options = address.celery_options()
    use_ssl = options.get("broker_use_ssl", False)
    with Connection(options["broker_url"], ssl=use_ssl) as connection:  # type: ignore[no-untyped-call]
        asked: Any = _Channel(connection, KombuChannel)
        params = KombuChannel._connparams(asked)  # type: ignore[no-untyped-call]
    names = ("host", "port", "db", "username", "password", "path", *(wanted.tls or ()))
    theirs = {name: params.get(name) for name in names}
    assert theirs == {name: ours.connection_kwargs.get(name) for name in names}


class _Channel:
    """As much of kombu's channel as it takes to ask which connection it would make."""

    max_connections = socket_timeout = socket_connect_timeout = socket_keepalive = socket_keepalive_options = None
    health_check_interval = retry_on_timeout = client_name = None

    def __init__(self, connection: Connection, kind: object) -> None:
        self.connection = type("transport", (), {"client": connection, "default_port": 6379})
        self._kind = kind

    def __getattr__(self, name: str) -> object:
        found = getattr(self._kind, name)
        return found.__get__(self) if callable(found) and not isinstance(found, type) else found


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host/0?protocol=3", "the option protocol is not supported; supported is db"),
        ("redis://host/0?socket_timeout=1", "LEDGER_CONNECT_TIMEOUT_SECONDS"),
        ("redis://host/0?decode_responses=True", "the option decode_responses is not supported"),
        ("redis://host/0?virtual_host=3", "the option virtual_host is not supported"),
        ("redis://host?ssl_cert_reqs=none", "and with rediss://"),
        ("redis://host?db=1&db=2", "twice"),
        ("redis://host/1?db=2", "twice"),
        ("redis://host/one", "is a number"),
        ("redis://host?db=-1", "is a number"),
        ("redis://host/0/1", "is a number"),
        ("redis://host:99999/0", "not a URL like"),
        ("redis://a;redis://b", "REDIS_URL: "),
        ("redis://a;b/0", "the host name is not valid"),
        (
            "sentinel://host:26379/0",
            "sentinel:// is not supported; supported are redis://, rediss:// (TLS) and unix://",
        ),
        ("redis+sentinel://host/0", "supported are redis://"),
        ("amqp://host", "amqp:// is not supported"),
        ("host:6379", "supported are"),
        ("redis:host", "supported are"),
        ("", "supported are"),
        (f"redis://me:{SECRET}/x@host/0", "%40"),
        (f"redis://me:{SECRET}?x@host/0", "%40"),
        (f"redis://me:{SECRET}#x@host/0", "%40"),
        (f"redis://me:12?{SECRET}@host/0", "unknown option"),
        (f"redis://me:{SECRET} x@host/0", "a blank"),
        ("rediss://host?ssl_ca_certs=/no/such/file", "there is no file '/no/such/file'"),
        ("rediss://host?ssl_cert_reqs=perhaps", "ssl_cert_reqs is one of"),
        ("rediss://host?ssl_check_hostname=perhaps", "true or false"),
        ("rediss://host?ssl_ca_data=x", "the option ssl_ca_data is not supported; supported are db, ssl_cert_reqs"),
        ("unix://host/r.sock", "absolute path"),
        ("unix://", "absolute path"),
    ],
)
def test_what_is_not_supported_is_refused_in_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        BrokerAddress.of(Settings.load(redis_url=url))
    said = str(refused.value)
    assert said.startswith("REDIS_URL: ")
    assert words in said
    assert "\n" not in said
    assert SECRET not in said


def test_files_of_tls_are_named(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    address = BrokerAddress.read(f"rediss://host?ssl_ca_certs={file}&ssl_certfile={file}&ssl_keyfile={file}")
    assert address.celery_options()["broker_use_ssl"]["ssl_ca_certs"] == str(file)


def test_an_address_does_not_show_its_password() -> None:
    assert SECRET not in repr(BrokerAddress.read(f"redis://me:{SECRET}@host"))
