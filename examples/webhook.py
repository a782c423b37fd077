"""Receives webhooks at POST /webhooks/{webhook id}: a WSGI application, without a framework.

REDIS_URL=redis://… DATABASE_URL=postgresql://… LEDGER_VAULT_KEY_FILE=… python examples/webhook.py 8080
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from wsgiref.simple_server import make_server

from flowledger import errors, receive

PATH: Final = "/webhooks/"
MOST_BYTES: Final = 2**20
"""More than any event can hold is not read."""


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
    size = int(environ.get("CONTENT_LENGTH") or 0)
    if size > MOST_BYTES:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"reason": "too_large"}
    # The body as it came: the signature is over these bytes, not over what JSON makes of them.
    body = environ["wsgi.input"].read(size)
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    webhook_id = path.removeprefix(PATH).encode("iso-8859-1").decode("utf-8", "replace")  # WSGI gives bytes as text
    try:
        received = receive(webhook_id, headers, body, environ.get("REMOTE_ADDR"))
    except errors.WebhookRefused as refused:
        return HTTPStatus(refused.http_status), {"reason": refused.reason, "detail": str(refused)}
    except (errors.DatabaseUnavailable, errors.PublishError):
        return HTTPStatus.SERVICE_UNAVAILABLE, {"reason": "unavailable"}  # the sender calls again: nothing is doubled
    return HTTPStatus.ACCEPTED, {"execution_id": received.execution_id}


def main() -> None:
    with make_server("127.0.0.1", int(sys.argv[1]), application) as server:
        print(f"webhooks are received at http://127.0.0.1:{server.server_port}{PATH}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
