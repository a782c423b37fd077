"""Receives webhooks at POST /webhooks/{webhook id}: a WSGI application, without a framework.

REDIS_URL=redis://… DATABASE_URL=postgresql://… LEDGER_VAULT_KEY_FILE=… python examples/webhook.py 8080
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flowledger import errors, receive
from flowledger.domain.settings import Settings

PATH: Final = "/webhooks/"
UNREAD: Final = {
    HTTPStatus.LENGTH_REQUIRED: "length_required",
    HTTPStatus.BAD_REQUEST: "malformed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.REQUEST_TIMEOUT: "timeout",
}
"""Why a body is not read."""


class Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread of its own: a slow sender holds up nobody else."""

    daemon_threads = True


class Handler(WSGIRequestHandler):
    """Waits for a sender that sends nothing for 30 seconds at most."""

    timeout = 30


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request; several threads may call this at once."""
    status, answer = answer_to(environ)
    body = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append(("Retry-After", "5"))
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]


def answer_to(environ: dict[str, Any]) -> tuple[HTTPStatus, dict[str, Any]]:
    """Return the status and the JSON of the response."""
    path = environ.get("PATH_INFO", "")
    if environ["REQUEST_METHOD"] != "POST" or not path.startswith(PATH):
        return HTTPStatus.NOT_FOUND, {"reason": "not_found"}
    body = body_of(environ)
    if isinstance(body, HTTPStatus):
        return body, {"reason": UNREAD[body]}
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    webhook_id = path.removeprefix(PATH).encode("iso-8859-1").decode("utf-8", "replace")  # WSGI gives bytes as text
    try:
        received = receive(webhook_id, headers, body, environ.get("REMOTE_ADDR"))
    except errors.WebhookRefused as refused:
        return HTTPStatus(refused.http_status), {"reason": refused.reason, "detail": str(refused)}
    except (errors.DatabaseUnavailable, errors.PublishError):
        return HTTPStatus.SERVICE_UNAVAILABLE, {"reason": "unavailable"}  # the sender calls again: nothing is doubled
    return HTTPStatus.ACCEPTED, {"execution_id": received.execution_id}


def body_of(environ: dict[str, Any]) -> bytes | HTTPStatus:
    """Return the body as it came, for the signature is over these bytes; or the status of a body that is not read."""
    length = environ.get("CONTENT_LENGTH")
    if not length:
        return HTTPStatus.LENGTH_REQUIRED
    if not re.fullmatch("[0-9]{1,15}", length):
        return HTTPStatus.BAD_REQUEST
    if int(length) > most_bytes():
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    try:
        body: bytes = environ["wsgi.input"].read(int(length))
    except TimeoutError:
        return HTTPStatus.REQUEST_TIMEOUT
    return body if len(body) == int(length) else HTTPStatus.BAD_REQUEST


@cache
def most_bytes() -> int:
    """Return how large an event may be (LEDGER_MAX_EVENT_BYTES): more than that is not read."""
    return Settings.load().max_event_bytes


def main() -> None:
    with make_server("127.0.0.1", int(sys.argv[1]), application, Server, Handler) as server:
        print(f"webhooks are received at http://127.0.0.1:{server.server_port}{PATH}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
