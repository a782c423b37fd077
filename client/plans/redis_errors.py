"""What an error of Redis means: whether it passes by itself, why it happened, and the error that a user gets.

Redis names the cause of a refusal by its first word (`READONLY You can't write against a read only replica.`); the
library keeps some of these words as `status_code`, and leaves the others in the text.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import Final, NamedTuple

from redis import exceptions as redis_errors

from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import AccessDenied, BrokerFull, BrokerUnavailable, PublishError

_UNREACHABLE: Final = (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)
_PASSING: Final = {
    "READONLY": "it is a replica now, as in a failover",
    "LOADING": "it is still reading its data from disk",
    "MASTERDOWN": "it is a replica that does not reach its master",
    "BUSY": "a script keeps it busy",
    "TRYAGAIN": "its cluster is moving keys",
    "CLUSTERDOWN": "its cluster is down",
    "NOREPLICAS": "too few of its replicas are there",
}
"""Refusals that pass by themselves, and what they say of the server."""
_MOVED: Final = frozenset({"READONLY", "MASTERDOWN", "CLUSTERDOWN"})
_TOO_MANY_CLIENTS: Final = "max number of clients"
_DENIED_IN_SCRIPT: Final = "ACL failure in script"
_ERRNO: Final = re.compile(r"\[Errno (\d+)\]")


class Retry(NamedTuple):
    """What a user can do after an error, and why that is safe if Redis has already executed the command."""

    what: str
    safely: str = ""


PUBLISH_AGAIN: Final = Retry("publish again", " with the same ids, nothing is doubled")


def publish_error(error: Exception, what: str, timeout_seconds: float, retry: Retry = PUBLISH_AGAIN) -> PublishError:
    """Return the error that a user gets: `what` was not done, at which address, why, and what to do."""
    kind, why, to_do = _understood(error, timeout_seconds, retry)
    found = kind(f"{what}: {why}{to_do}", why, _place(error))
    found.__cause__ = error
    return found


def is_passing(error: object) -> bool:
    """Whether Redis is unreachable, or refuses for now: the same command may well succeed later."""
    return not is_denied(error) and (
        isinstance(error, _UNREACHABLE)
        or (isinstance(error, Exception) and (_code(error) in _PASSING or _TOO_MANY_CLIENTS in str(error)))
    )


def is_denied(error: object) -> bool:
    """Whether Redis refuses this user, or this user's command; only a person can mend it."""
    return isinstance(error, redis_errors.AuthenticationError | redis_errors.NoPermissionError) or (
        isinstance(error, redis_errors.ResponseError)
        and (_code(error) in ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED") or _DENIED_IN_SCRIPT in str(error))
    )


def is_elsewhere(error: object) -> bool:
    """Whether another server may have this address by now: an open connection would still go to the old one."""
    return isinstance(error, Exception) and _code(error) in _MOVED


def with_address(error: Exception, address: BrokerAddress) -> Exception:
    """Return the error, which now knows the server that it is about."""
    error.broker_address = address  # type: ignore[attr-defined]
    return error


def reason(error: Exception) -> str:
    """Return why a connection failed, in a few words of the system's, or the library's where it has none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and (words := _words_of_system(cause)):
            return words
        cause = cause.__cause__ or cause.__context__
    words = str(error).strip().removesuffix(".") or type(error).__name__
    return words[0].lower() + words[1:]


def _understood(error: Exception, timeout_seconds: float, retry: Retry) -> tuple[type[PublishError], str, str]:
    """The kind of error, why it happened, and what to do."""
    redis = _named(error)
    if isinstance(error, redis_errors.OutOfMemoryError) or str(error).startswith("OOM"):
        to_do = f"; {retry.what} when the backlog is recorded, or give Redis more memory"
        return BrokerFull, f"{redis} is full (its maxmemory is used up)", to_do
    if str(error).startswith("MISCONF"):
        return BrokerFull, f"{redis} cannot write to its disk: {error}", f"; {retry.what} when it has room"
    if is_denied(error):
        return AccessDenied, *_why_denied(error)
    if is_passing(error):
        return BrokerUnavailable, _why_not_now(error, timeout_seconds), f"; {retry.what}{retry.safely}"
    return PublishError, f"{redis} refuses: {error}", ""


def _why_not_now(error: Exception, timeout_seconds: float) -> str:
    within = f" within {timeout_seconds:g} s" if timeout_seconds else ""
    known = _PASSING.get(_code(error))
    if known is not None:
        return f"{_named(error)} accepts nothing{within or ' for now'}: {known} ({_code(error)})"
    return f"{_named(error)} did not answer{within}: {reason(error)}"


def _why_denied(error: Exception) -> tuple[str, str]:
    address = _address(error)
    user = "" if address is None else f" ({address.username or 'default'} at {address.place})"
    said = str(error).strip().removesuffix(".")
    if isinstance(error, redis_errors.AuthenticationError) or _code(error) in ("NOAUTH", "WRONGPASS", "DENIED"):
        return f"Redis does not let this user in{user}: {said}", "; set the user and the password in REDIS_URL"
    to_do = "; give the user the rights that `flowledger acl` prints for its role"
    return f"Redis does not let this user do it{user}: {said}", to_do


def _words_of_system(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        why = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ").lower()
        return f"TLS failed: {why or error}"
    if isinstance(error, socket.gaierror):
        return f"the name of the host is not known ({error.strerror})"
    found = _ERRNO.search(str(error))  # asyncio tries several addresses, and tells of all errors in one text
    number = error.errno or (found and int(found[1]))
    return os.strerror(number).lower() if number else ""


def _address(error: Exception) -> BrokerAddress | None:
    return getattr(error, "broker_address", None)


def _place(error: Exception) -> str:
    address = _address(error)
    return "" if address is None else address.place


def _named(error: Exception) -> str:
    place = _place(error)
    return f"Redis at {place}" if place else "Redis"


def _code(error: Exception) -> str:
    code: str | None = getattr(error, "status_code", None)
    return code or str(error).partition(" ")[0]
