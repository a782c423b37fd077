"""What an error of Redis means: whether it passes by itself, and why in words.

Redis names the cause of a refusal by its first word (`READONLY You can't write against a read only replica.`); the
library keeps that of some as `status_code`, and leaves it in the text of the others.
"""

from __future__ import annotations

from typing import Final

from redis import exceptions as redis_errors

_AWAY: Final = (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)
_PASSING: Final = {
    "READONLY": "it is a replica now, as in a failover",
    "LOADING": "it is still reading its data from disk",
    "MASTERDOWN": "it is a replica that does not reach its master",
    "BUSY": "a script keeps it busy",
    "TRYAGAIN": "its cluster is moving keys",
    "CLUSTERDOWN": "its cluster is down",
    "NOREPLICAS": "too few of its replicas are there",
}
"""Refusals that pass without anybody's help, and what they say of the server."""
_MOVED: Final = frozenset({"READONLY", "MASTERDOWN", "CLUSTERDOWN"})
_TOO_MANY_CLIENTS: Final = "max number of clients"
_DENIED_IN_SCRIPT: Final = "ACL failure in script"


def passes(error: object) -> bool:
    """Whether Redis is away, or refuses for now: the same again may well be taken."""
    return not is_denied(error) and (
        isinstance(error, _AWAY)
        or (isinstance(error, Exception) and (_code(error) in _PASSING or _TOO_MANY_CLIENTS in str(error)))
    )


def is_denied(error: object) -> bool:
    """Whether Redis does not let this user in, or not do this; only a person can help."""
    return isinstance(error, redis_errors.AuthenticationError | redis_errors.NoPermissionError) or (
        isinstance(error, redis_errors.ResponseError)
        and (_code(error) in ("NOAUTH", "WRONGPASS", "NOPERM", "DENIED") or _DENIED_IN_SCRIPT in str(error))
    )


def is_elsewhere(error: object) -> bool:
    """Whether the server of this address may be another one by now: a connection that stands still goes to the old."""
    return isinstance(error, Exception) and _code(error) in _MOVED


def why_not_now(error: Exception, timeout_seconds: float) -> str:
    """Why Redis did not do it in time, for an error that passes."""
    within = f" within {timeout_seconds:g} s" if timeout_seconds else ""
    known = _PASSING.get(_code(error))
    if known is not None:
        return f"Redis takes nothing{within or ' for now'}: {known} ({_code(error)})"
    said = str(error).strip().removesuffix(".")
    return f"Redis did not answer{within} ({type(error).__name__}{': ' if said else ''}{said})"


def why_denied(error: Exception) -> tuple[str, str]:
    """Why Redis does not let this user do it, and what to do about it."""
    where = "".join(f" ({note})" for note in getattr(error, "__notes__", ())[:1])
    said = str(error).strip().removesuffix(".")
    if isinstance(error, redis_errors.AuthenticationError) or _code(error) in ("NOAUTH", "WRONGPASS", "DENIED"):
        return f"Redis does not let this user in{where}: {said}", "; set the user and the password in REDIS_URL"
    to_do = "; give the user the rights that `flowledger acl` prints for its role"
    return f"Redis does not let this user do it{where}: {said}", to_do


def _code(error: Exception) -> str:
    code: str | None = getattr(error, "status_code", None)
    return code or str(error).partition(" ")[0]
