"""`flowledger …`: what a command prints, and how it ends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from cli.main import main


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Flowledger = Callable[..., Ended]


@pytest.fixture
def flowledger(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Flowledger:
    """Runs `flowledger …` with the environment's settings; `apart` where it asks Celery, which knows one broker."""
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str, input: bytes = b"", apart: bool = False) -> Ended:
        if apart:
            command = [sys.executable, "-m", "cli.main", *arguments]
            done = subprocess.run(command, input=input, capture_output=True, check=False, timeout=60)
            return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
        monkeypatch.setattr(sys, "argv", ["flowledger", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input)))
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ended(code, *capfd.readouterr())

    return run
