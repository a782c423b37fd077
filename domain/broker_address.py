"""REDIS_URL, read the same way by every process: publishers, mailboxes, workers, Celery, Flower and the commands.

    redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]      redis:// is redis://localhost:6379/0
    rediss://…?ssl_ca_certs=FILE                          the same over TLS
    unix://[USER[:PASSWORD]@]/PATH[?db=DATABASE]          a socket of this machine

Each library would read options of its own from the URL: then a publisher could reach a server that a worker does not.
So every option that is not listed here is refused. `@ / ? # %` in names and passwords are written as `%40` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings

_SCHEMES: Final = ("redis", "rediss", "unix")
_CHECKED: Final = ("required", "optional", "none")
_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS: Final = ("ssl_cert_reqs", "ssl_check_hostname", *_FILES)
_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TIMEOUTS: Final = ("socket_timeout", "socket_connect_timeout", "timeout")

_NAME: Final = re.compile(r"[a-z_]{1,40}", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]+", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_FORM: Final = "not a URL like redis://user:password@host:6379/0"
_ESCAPE: Final = "; write @ / ? # and % in a name or password as %40 %2F %3F %23 and %25"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """The address of Redis, and the user to connect as; `tls` holds the options of a TLS connection, None without."""

    host: str = "localhost"
    port: int = 6379
    socket: str | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Mapping[str, str | bool] | None = None

    @classmethod
    def of(cls, settings: Settings) -> BrokerAddress:
        """Return the address that the settings name. Raises SettingsError, which never shows a password."""
        if settings.redis_url is None:
            raise SettingsError("no broker: set REDIS_URL, or start `flowledger up`")
        return cls.read(settings.redis_url.get_secret_value())

    @classmethod
    def read(cls, url: str) -> BrokerAddress:
        """Read a URL. Raises SettingsError if it is not one, or has an option that is not listed above."""
        url = url.strip()
        if not url.isprintable() or " " in url:
            raise _error(f"{_FORM}: it has a blank or a control character")
        try:
            parts = urlsplit(url)
            port = parts.port or 6379
        except ValueError:
            raise _error(_FORM + _ESCAPE) from None
        if parts.scheme not in _SCHEMES or not url[len(parts.scheme) :].startswith("://"):
            scheme = f"{parts.scheme}:// is not supported" if _NAME.fullmatch(parts.scheme) else _FORM
            raise _error(f"{scheme}; supported are redis://, rediss:// (TLS) and unix://")
        if parts.fragment:
            raise _error(_FORM + _ESCAPE)
        options = _options(parts)
        given: dict[str, Any] = {"tls": _tls(options)} if parts.scheme == "rediss" else {}
        if parts.scheme == "unix":
            given |= {"socket": _socket(parts), "database": _database("", options)}
        else:
            given |= {"host": _host(parts), "port": port, "database": _database(parts.path, options)}
        return cls(username=_text(parts.username), password=_text(parts.password), **given)

    @property
    def place(self) -> str:
        """Where the server is, for a person to read: `host:port`, or the path of its socket; never a password."""
        return self.socket or f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def client_options(self) -> dict[str, Any]:
        """Return the arguments of `redis.Redis` and `redis.asyncio.Redis`."""
        where: dict[str, Any] = {"host": self.host, "port": self.port}
        if self.socket is not None:
            where = {"unix_socket_path": self.socket}
        if self.tls is not None:
            where |= {"ssl": True, **self.tls}
        return where | {"db": self.database, "username": self.username, "password": self.password}

    def celery_options(self) -> dict[str, Any]:
        """Return the settings of Celery, which Flower uses too."""
        user = quote(self.username or "", safe="")
        if self.password is not None:
            user += ":" + quote(self.password, safe="")
        user += "@" if user else ""
        if self.socket is not None:
            return {"broker_url": f"redis+socket://{user}{quote(self.socket)}?virtual_host={self.database}"}
        url = f"://{user}{self.place}/{self.database}"
        if self.tls is None:
            return {"broker_url": "redis" + url}
        return {"broker_url": "rediss" + url, "broker_use_ssl": dict(self.tls)}


def _options(parts: SplitResult) -> dict[str, str]:
    supported = ("db", *_TLS) if parts.scheme == "rediss" else ("db",)
    options: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in supported:
            words = f"the option {name} is not supported" if _NAME.fullmatch(name) else "it has an unknown option"
            words += f"; supported are {', '.join(supported)}" if len(supported) > 1 else "; supported is db"
            words += ", and with rediss:// those of TLS" if name in _TLS else ""
            if name in _TIMEOUTS:
                words += "; timeouts are LEDGER_CONNECT_TIMEOUT_SECONDS and LEDGER_PUBLISH_TIMEOUT_SECONDS"
            raise _error(words)
        if name in options:
            raise _error(f"the option {name} is given twice")
        options[name] = value
    return options


def _tls(options: Mapping[str, str]) -> dict[str, str | bool]:
    """Return the TLS options. Certificates and host names are checked unless the URL disables it."""
    checked = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if checked not in _CHECKED:
        raise _error(f"ssl_cert_reqs is one of {', '.join(_CHECKED)}")
    names = _BOOLEANS.get(options.get("ssl_check_hostname", "true").lower())
    if names is None:
        raise _error("ssl_check_hostname is true or false")
    files = {name: options[name] for name in _FILES if name in options}
    for name, file in files.items():
        if not Path(file).is_file():
            raise _error(f"{name}: there is no file {file!a}")
    return {"ssl_cert_reqs": checked, "ssl_check_hostname": names and checked != "none", **files}


def _database(path: str, options: Mapping[str, str]) -> int:
    named = path.removeprefix("/")
    if named and "db" in options:
        raise _error("it names a database twice, after the host and as db")
    number = options.get("db", named or "0")
    if not _NUMBER.fullmatch(number):
        raise _error("the database after the host, or db, is a number" + _ESCAPE)
    return int(number)


def _host(parts: SplitResult) -> str:
    host = unquote(parts.hostname or "") or "localhost"
    try:
        host.encode("idna")  # an empty label, or one that is too long, would only fail when connecting
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise _error(f"{_FORM}: the host name is not valid" + _ESCAPE)
    return host


def _socket(parts: SplitResult) -> str:
    if parts.hostname or not parts.path.strip("/"):
        raise _error("a socket is given by its absolute path: unix:///run/redis/redis.sock")
    return unquote(parts.path)


def _text(escaped: str | None) -> str | None:
    return unquote(escaped) if escaped else None


def _error(words: str) -> SettingsError:
    return SettingsError(f"REDIS_URL: {words}")
