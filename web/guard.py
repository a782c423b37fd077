"""Who may see Flower: each of its addresses asks for the password first, those of Flower itself as well as ours.

Flower's own check (2.2) fails for a password that is not ASCII, and leaves style sheets, unknown addresses, metrics
and OPTIONS open to everybody. So each handler is replaced by a subclass that asks; Flower's classes stay as they are.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from flower.options import options
from flower.utils.authentication import authenticate
from flower.views import BaseHandler
from flower.views.auth import LoginHandler
from flower.views.error import NotFoundErrorHandler
from flower.views.monitor import Healthcheck, Metrics
from tornado.util import import_object
from tornado.web import HTTPError, RequestHandler, StaticFileHandler, authenticated, url

from flowledger.web.seams import handler_of, keywords_of, name_of, pattern

OPEN: Final = frozenset({Healthcheck})
"""What answers everybody."""
_CHALLENGE: Final = 'Basic realm="flower", charset="UTF-8"'


def is_known(header: str, credentials: Iterable[str]) -> bool:
    """Return whether the header `Authorization` has one of these credentials, `user:password` in UTF-8 (RFC 7617)."""
    scheme, _, encoded = header.partition(" ")
    try:
        given = b64decode(encoded.strip(), validate=True)
    except ValueError:
        return False
    # Each is compared, so that the time tells nothing.
    matches = [hmac.compare_digest(bytes_of(one), given) for one in credentials]
    return scheme.lower() == "basic" and b":" in given and any(matches)


def bytes_of(credential: str) -> bytes:
    """Return what a browser sends of a credential; what the environment has that is not UTF-8 is sent as it is."""
    return credential.encode("utf-8", "surrogateescape")


def guarded(spec: Any) -> Any:
    """Return a line of a list of handlers with one that asks for the password."""
    handler: Any = handler_of(spec)
    return spec if handler in OPEN else url(pattern(spec), asking(handler), keywords_of(spec), name=name_of(spec))


@cache
def asking(handler: Any) -> type[RequestHandler]:
    """Return the handler that asks for the password, and then answers as this one."""
    if handler in _OWN:
        return _OWN[handler]
    return type(handler.__name__, (Guarded, handler), {"__module__": handler.__module__, "__doc__": handler.__doc__})


class Guarded(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """Answers 401 to whoever does not know the password, whatever was asked for, and whatever is wrong with it."""

    def prepare(self) -> Any:
        if not self._is_known():
            raise HTTPError(401)
        return super().prepare()

    def get_current_user(self) -> Any:
        """Return True, or with OAuth the user who has signed in; None if nobody has."""
        if not self._is_known():
            raise HTTPError(401)
        allowed = self.application.options.auth
        if not allowed:
            return True
        user = (self.get_secure_cookie("user") or b"").decode()
        return user if user and authenticate(allowed, user) else None

    def write_error(self, status_code: int, **given: Any) -> None:
        if self._is_known() and status_code != 401:
            super().write_error(status_code, **given)
            return
        self.set_status(401)
        self.set_header("WWW-Authenticate", _CHALLENGE)
        self.finish("Access denied")

    def _is_known(self) -> bool:
        """Return whether the password was given. Without one, OAuth alone decides (`authenticated`)."""
        credentials = self.application.options.basic_auth
        return not credentials or is_known(self.request.headers.get("Authorization", ""), credentials)


class StaticFiles(Guarded, StaticFileHandler):
    """Style sheets and scripts."""


class NotFound(Guarded, NotFoundErrorHandler):  # type: ignore[misc]
    """What there is not."""


class GuardedMetrics(Guarded, Metrics):  # type: ignore[misc]
    """The names of workers and tasks, which Flower shows to everybody."""

    get = authenticated(Metrics.get)


class Login(LoginHandler):  # type: ignore[misc]
    """The sign-in of OAuth, or what there is not: Flower makes the one that its settings name."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        handler: Any = import_object(options.auth_provider) if options.auth_provider else NotFoundErrorHandler
        return asking(handler)(*given, **named)


_OWN: Final = {
    StaticFileHandler: StaticFiles,
    NotFoundErrorHandler: NotFound,
    Metrics: GuardedMetrics,
    LoginHandler: Login,
}
SETTINGS: Final = {"static_handler_class": StaticFiles, "default_handler_class": NotFound}
"""What tornado answers by itself: files of `static_path`, and addresses that no handler has."""
