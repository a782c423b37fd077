"""The commands that people call afterwards: they must work, whatever is recorded."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from flowledger.cli import processes
from flowledger.domain.settings import Settings
from tests.faults.trial import Trial

_SECONDS: Final = 60.0
_LETTERS: Final = 1


def call(trial: Trial, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`flowledger …` on the servers of the world, or others; what does not end in time has failed."""
    env = processes.environment(trial.world.direct) | {"COLUMNS": "100"} | environment
    command = [sys.executable, "-m", "flowledger.cli.main", *arguments]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, errors="replace", check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        done = subprocess.CompletedProcess(command, -1, "", f"no end within {_SECONDS:g} s")
    trial.tell(f"flowledger {' '.join(arguments)[:60]}: {time.monotonic() - began:.1f} s")
    return done


def document(trial: Trial, *arguments: str) -> Any:
    """What `flowledger … --json` reports."""
    done = call(trial, *arguments, "--json")
    assert done.returncode == 0, f"flowledger {arguments[0]}: {done.stderr[-300:]}"
    return json.loads(done.stdout)


def status(trial: Trial, settings: Settings | None = None) -> str:
    """All that `flowledger status` tells, of the world or of other servers; as JSON, in which no line is broken."""
    done = call(trial, "status", "--json", **({} if settings is None else urls(settings)))
    return done.stdout + done.stderr


def urls(settings: Settings) -> dict[str, str]:
    """The environment that names these servers."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
    }


def work_afterwards(trial: Trial, subjects: Sequence[str]) -> None:
    """`verify` is clean, `dead-letters` lists and shows, `show` shows each of these."""
    _say(trial, "verify", call(trial, "verify", "--json"))
    ids = [letter["id"] for letter in document(trial, "dead-letters", "list", "--limit", "500")["dead_letters"]]
    for letter in trial.random.sample(ids, min(_LETTERS, len(ids))):
        _say(trial, f"dead-letters show {letter}", call(trial, "dead-letters", "show", letter))
    for subject in subjects:
        _say(trial, f"show {subject[:60]!a}", call(trial, "show", "--", subject))


def _say(trial: Trial, what: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).split())[-200:]
        trial.outcome.verdict.say("commands that do not work", [f"{what}: {words}"], 1)
