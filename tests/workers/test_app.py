"""Where Celery's bells go: to the broker that REDIS_URL names, or nowhere."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = "from flowledger.workers.app import app; print(app.connection_for_write().as_uri(include_password=False))"


def broker(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ASK]
    env = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)


@pytest.mark.parametrize("name", ["CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"])
def test_variables_of_another_celery_service_do_not_count(name: str) -> None:
    asked = broker(**{"REDIS_URL": "redis://ours:7000/3", name: "redis://theirs:6379/0"})
    assert asked.stdout == "redis://:**@ours:7000/3\n"


def test_an_address_that_is_not_supported_is_one_line() -> None:
    asked = broker(REDIS_URL="redis://host/0?protocol=3")
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr == "error: REDIS_URL: the option protocol is not supported; supported is db\n"
