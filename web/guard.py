"""Who may see Flower: each of its addresses asks for the password first, those of Flower itself as well as ours.

Flower's own check (2.2) fails for a password that is not ASCII, and leaves style sheets, unknown addresses, metrics
and OPTIONS open to everybody. So each handler is replaced by a subclass that asks; Flower's classes stay as they are.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar, Final

from celery.utils.imports import symbol_by_name
from flower.options import options
from flower.utils.authentication import authenticate
from flower.views import BaseHandler
from flower.views.auth import LoginHandler
from flower.views.error import NotFoundErrorHandler
from flower.views.monitor import Healthcheck
from tornado.web import HTTPError, RequestHandler, StaticFileHandler, authenticated, url

from flowledger.web.seams import handler_of, keywords_of, name_of, pattern

OPEN: Final = frozenset({Healthcheck})
"""What answers everybody."""
_CHALLENGE: Final = 'Basic realm="flower", charset="UTF-8"'


def is_known(header: str, credentials: Iterable[str]) -> bool:
    """Return whether the header `Authorization` has one of these credentials, `user:password` in UTF-8 (RFC 7617).

    One without a password is none.
    """
    scheme, _, encoded = header.partition(" ")
    try:
        given = b64decode(encoded.strip(), validate=True)
    except ValueError:
        return False
    # Each is compared, so that the time tells nothing.
    matches = [hmac.compare_digest(bytes_of(one), given) for one in credentials if one.partition(":")[2]]
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
    return _joined(Guarded, handler)


@cache
def signing_in(handler: Any) -> type[RequestHandler]:
    """Return the handler that asks for the password, if there is one, and then signs in with OAuth as this one."""
    return _joined(SignIn, handler)


def _joined(guard: type[RequestHandler], handler: Any) -> type[RequestHandler]:
    return type(handler.__name__, (guard, handler), {"__module__": handler.__module__, "__doc__": handler.__doc__})


class Guarded(BaseHandler):  # type: ignore[misc]  # Flower has no types
    """Answers 401 to whoever does not know the password, whatever was asked for, and whatever is wrong with it.

    With OAuth, whoever has not signed in is led to the sign-in by GET and HEAD, and gets 403 for anything else. If
    Flower's settings have neither, nobody is known.
    """

    leads_to_sign_in: ClassVar[bool] = True
    """Whether a browser that asks for it may be sent to the sign-in of OAuth."""

    def prepare(self) -> Any:
        if not self._is_known():
            raise HTTPError(401)
        if not self.leads_to_sign_in and not self.current_user:
            raise HTTPError(403)
        return self._prepare_signed_in()

    @authenticated
    def _prepare_signed_in(self) -> Any:
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
        if not self._is_known() or status_code == 401:
            self.set_status(401)
            self.set_header("WWW-Authenticate", _CHALLENGE)
            self.finish("Access denied")
        elif not self.current_user:
            self.set_status(403)
            self.finish("Access denied")
        else:
            super().write_error(status_code, **given)

    def _is_known(self) -> bool:
        """Return whether the password was given. If none is set, OAuth alone decides (`get_current_user`)."""
        asked = self.application.options
        if not asked.basic_auth:
            return bool(asked.auth)
        return is_known(self.request.headers.get("Authorization", ""), asked.basic_auth)


class SignIn(Guarded):
    """The sign-in of OAuth, for whoever knows the password, if there is one."""

    def prepare(self) -> Any:
        if not self._is_known():
            raise HTTPError(401)
        return super(Guarded, self).prepare()

    def write_error(self, status_code: int, **given: Any) -> None:
        if self._is_known() and status_code != 401:
            super(Guarded, self).write_error(status_code, **given)
        else:
            super().write_error(status_code, **given)


class StaticFiles(Guarded, StaticFileHandler):
    """Style sheets and scripts."""

    leads_to_sign_in = False


class NotFound(Guarded, NotFoundErrorHandler):  # type: ignore[misc]
    """What there is not."""

    leads_to_sign_in = False


class Login(LoginHandler):  # type: ignore[misc]
    """The sign-in of OAuth, or what there is not: Flower makes the one that its settings name."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        return signing_in(symbol_by_name(options.auth_provider or NotFoundErrorHandler))(*given, **named)


_OWN: Final = {
    StaticFileHandler: StaticFiles,
    NotFoundErrorHandler: NotFound,
    LoginHandler: Login,
}
SETTINGS: Final = {"static_handler_class": StaticFiles, "default_handler_class": NotFound}
"""What tornado answers by itself: files of `static_path`, and addresses that no handler has."""
