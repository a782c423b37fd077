"""Flower looks and does not touch, unless it is asked to."""

from __future__ import annotations

from typing import Final

import pytest

from flowledger.domain.settings import Settings
from tests.web.site import Site, served

COMMANDS: Final = [
    "/api/worker/shutdown/w", "/api/worker/pool/restart/w", "/api/worker/pool/grow/w", "/api/worker/pool/shrink/w",
    "/api/worker/pool/autoscale/w", "/api/worker/queue/add-consumer/w", "/api/worker/queue/cancel-consumer/w",
    "/api/task/apply/t", "/api/task/async-apply/t", "/api/task/send-task/t", "/api/task/abort/t",
    "/api/task/timeout/t", "/api/task/rate-limit/t", "/api/task/revoke/t",
]  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough here."""
    return sqlite_url


def test_no_command_is_carried_out(site: Site) -> None:
    for command in COMMANDS:
        assert site.ask("POST", command, signed_in=False).status == 401
        refused = site.ask("POST", command, body="{}")
        assert refused.status == 403
        assert "flowledger flower --control" in refused.text


def test_what_only_looks_answers(site: Site) -> None:
    for address in ("/api/tasks", "/api/task/types", "/api/workers"):
        assert site.get(address, signed_in=False).status == 401
        assert site.get(address).status == 200


def test_it_may_be_allowed_to(settings: Settings) -> None:
    with served(settings.model_copy(update={"flower_control": True})) as site:
        for command in COMMANDS[:7]:
            answered = site.ask("POST", command, body="{}")
            assert (answered.status, answered.text) == (404, "Unknown worker 'w'")
        assert site.ask("POST", COMMANDS[0], signed_in=False).status == 401
