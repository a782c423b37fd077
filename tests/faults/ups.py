"""`flowledger up` as a row starts it and kills it: on embedded servers of its own, in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, Self

import psutil
from pydantic import SecretStr

from flowledger.cli.processes import Process
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from tests.faults.ledgers import recorded
from tests.faults.trial import Trial

_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 60.0


class Up:
    """In a `with`; whatever it left running is killed at the end."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        folder = trial.world.folder / trial.name("up")
        self.home = folder / "home"
        self.accepted = folder / "accepted"
        self.accepted.mkdir(parents=True)
        inherited = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
        command = [sys.executable, "-m", "flowledger.cli.main", "up"]
        self._process = Process("up", command, inherited | {"LEDGER_HOME": str(self.home)}, folder / "up.log")
        self._known: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for process in self._left_over():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def start(self) -> None:
        """Returns when it says where everything is."""
        self._process.start()
        before, self._known = self._known, {}
        self._known = self._trial.wait(lambda: self._state(before), "a running up", _START_SECONDS)

    def _state(self, before: dict[str, Any]) -> dict[str, Any]:
        assert self._process.is_running(), self._process.log.read_text(errors="replace")[-300:]
        with suppress(OSError, ValueError):
            state: dict[str, Any] = json.loads((self.home / "servers.json").read_text())
            return state if state != before else {}
        return {}

    def settings(self) -> Settings:
        """Settings that name its servers."""
        urls = {name: SecretStr(self._known[name]) for name in ("redis_url", "database_url")}
        return self._trial.world.direct.model_copy(update=urls)

    def kill(self) -> None:
        """kill -9 of `up` alone: what it had started lives on."""
        os.kill(self._process.pid, signal.SIGKILL)
        psutil.Process(self._process.pid).wait(_STOP_SECONDS)
        self._process.is_running()

    def stop(self) -> None:
        self._process.signal(signal.SIGINT)
        self._process.wait(_STOP_SECONDS)

    def missing(self, ids: Iterable[str]) -> set[str]:
        engine = make_engine(self.settings())
        try:
            return set(ids) - recorded(engine)
        finally:
            engine.dispose()

    def left_over(self) -> list[str]:
        """The command lines of the processes at the head of those that have to do with this home, but `up`'s own."""
        found = self._left_over()
        pids = {process.pid for process in found}
        return [" ".join(process.cmdline()) for process in found if process.ppid() not in pids]

    def _left_over(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                words = " ".join(process.cmdline())
                is_ours = str(self.home) in words or process.environ().get("LEDGER_HOME") == str(self.home)
                if is_ours and process.pid not in (os.getpid(), self._process.pid) and " status" not in words:
                    found.append(process)
        return found
