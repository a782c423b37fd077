"""`flowledger top`: what it shows at every size, what it says of servers that are away, and that keys work."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from flowledger.cli import processes
from flowledger.cli.embedded import free_port
from flowledger.cli.top import run as top
from flowledger.cli.top.looking import Looker, of_servers
from flowledger.cli.top.page import page
from flowledger.cli.top.seen import Away, FromChecks, FromDatabase, FromRedis, Seen
from flowledger.domain import streams
from flowledger.domain.records import ListedDeadLetter
from flowledger.domain.settings import Settings
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.checks import Finding, Severity
from flowledger.workers.connections import connect
from flowledger.workers.health.alive import Alive
from flowledger.workers.pauses import Pause
from flowledger.workers.status.gather import OfDatabase, OfRedis
from flowledger.workers.status.schedules import Schedules
from tests.builders import ABSENT, raw
from tests.cli.calling import Run
from tests.storage.recording import record
from tests.waiting import wait_until

SHARDS: Final = 16
NOW: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)
SIZES: Final = [(80, 24), (100, 12), (120, 40), (200, 50), (80, 5), (40, 80)]


def letter(number: int) -> ListedDeadLetter:
    return ListedDeadLetter(
        id=f"dead_{number}", stream="s", entry_id="1-0", size=1, reason="invalid_data", field="data.progress",
        detail="data.progress: must be at most 1 \x1b[2J", type="task.progressed", source="/a",
        subject=f"task_{number}", event_id="e", first_seen=NOW, attempts=1, status="open",
    )  # fmt: skip


BROKER: Final = FromRedis(
    OfRedis(
        backlog={shard: shard * 10 for shard in range(SHARDS)}, oldest_seconds={15: 12.5, 1: 0.1}, draining=[1, 2],
        paused={"3": Pause("a slow disk", "jo", "")}, held=None, totals={}, last=[{"recorded": 100}] * 6, strays={},
        set_aside=[], dying=7,
    ),
    [Alive("ledger-1@host", "host", 7, 2, "prefork", 0.1)], [float(n) for n in range(59)], ["postman"],
)  # fmt: skip
LEDGER: Final = FromDatabase(
    OfDatabase({"open": 30}, 2**20, 5, NOW, Schedules(1, NOW, 2, 0, []), {"kind": "sqlite"}, None),
    {f"task.type_{n}": 100.0 - n for n in range(20)}, [letter(n) for n in range(30)],
)  # fmt: skip
FOUND: Final = Finding("redis", "aof_enabled", "0", "1", Severity.WARN, "a restart of Redis loses what it had accepted")
SEEN: Final = Seen(NOW.timestamp() + 90, BROKER, LEDGER, FromChecks([FOUND], []))


def text_of(seen: Seen, width: int, height: int, **options: bool) -> str:
    return "\n".join(line.plain for line in page(seen, width, height, **options))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("seen", [SEEN, Seen(NOW.timestamp()), replace(SEEN, redis=None), replace(SEEN, database=None)])
def test_the_page_fits_at_every_size(seen: Seen, width: int, height: int) -> None:
    lines = page(seen, width, height)
    assert len(lines) <= height
    assert all(line.cell_len <= width for line in lines)
    assert "\x1b" not in "".join(line.plain for line in lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 50)])
def test_what_matters_is_there_at_usual_sizes(width: int, height: int) -> None:
    shown = text_of(SEEN, width, height)
    for words in (
        "events 10.0/s", "waiting 1,200, 12.5 s", "dead 7/min", "paused by jo: a slow disk", "task.type_0",
        "invalid_data data.progress", "draining 1, 2; postman", "ledger-1@host", "5 messages wait", "2 late",
    ):  # fmt: skip
        assert words in shown
    assert "█" in shown


def test_what_somebody_must_know_comes_first() -> None:
    now = BROKER.now._replace(held="the disk is full", paused={"all": Pause("a test", "jo", "today")})
    lines = text_of(replace(SEEN, redis=replace(BROKER, now=now, workers=[])), 120, 40).splitlines()
    assert lines[1:4] == [
        "nothing is recorded for now: the disk is full",
        "no worker is alive: nothing is recorded until one is started",
        "all shards are paused by jo today: a test",
    ]
    away = replace(SEEN, away={"Redis": Away(NOW.timestamp(), "refused")})
    assert text_of(away, 80, 24).splitlines()[1] == "Redis does not answer since 12:00:00: refused"
    assert "waiting 1,200" in text_of(away, 80, 24)
    assert [line.split()[0] for line in text_of(away, 80, 24).splitlines() if line.endswith("  old")] == [
        "Backlog",
        "Workers",
    ]


def test_dead_letters_alone_fill_the_screen() -> None:
    lines = text_of(SEEN, 100, 24, only_letters=True).splitlines()
    assert sum("invalid_data" in line for line in lines) > 15
    assert "Backlog" not in "\n".join(lines)


def test_the_tail_counts_types(storage: Storage) -> None:
    tail = Tail(storage, Wanted())
    record(storage, raw("task.created"))
    assert tail.by_type() == {}
    record(storage, raw("task.started"), raw("task.logged"), raw("task.logged"))
    assert tail.by_type() == {"task.started": 1, "task.logged": 2}
    assert tail.by_type() == {}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_screen_is_printed_on_a_pipe(run: Run, storage: Storage) -> None:
    record(storage, raw("task.progressed", progress=2))
    shown = run("top")
    assert shown.code == 0
    assert "no worker is alive" in shown.out
    assert "invalid_data data.progress" in shown.out


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_that_is_away_is_told_and_the_other_is_shown(run: Run, storage: Storage) -> None:
    record(storage, raw("task.failed", error=ABSENT))
    shown = run("top", "--once", REDIS_URL=f"redis://:secret-word@127.0.0.1:{free_port()}/0")
    assert shown.code == 1
    assert "Redis does not answer since" in shown.out
    assert "invalid_data" in shown.out
    assert "secret-word" not in shown.out + shown.err


def test_a_silent_server_is_told_before_its_client_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowledger.cli.top.looking._ANSWER_SECONDS", 0.05)
    release, changed = threading.Event(), threading.Event()
    looker: Looker[bool] = Looker("Redis", lambda: release.wait(20), 0.01, changed)
    with looker:
        wait_until(lambda: looker.away is not None, 10)
        assert looker.away is not None
        assert looker.away.words == "it is silent"
        release.set()
        wait_until(lambda: looker.told is True and looker.away is None, 10)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_history_is_read_once(settings: Settings) -> None:
    broker, *_ = of_servers(settings, threading.Event())
    period = int(time.time()) // streams.RATE_SECONDS - 3
    with closing(connect(settings)) as client:
        client.hset(f"ledger:rate:{period}", mapping={"recorded": 20, "dead": 10, "posted": 99})
        client.expire(f"ledger:rate:{period}", 600)
        broker.look()
        assert broker.told is not None
        assert max(broker.told.history) == 3.0
        client.delete(f"ledger:rate:{period}")
        broker.look()
        assert broker.told is not None
        assert max(broker.told.history) == 3.0


class Terminal:
    """A command on a terminal of its own, of 100 columns and 30 rows."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._end, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=end, stdout=end, stderr=end, env=environment, start_new_session=True
        )
        os.close(end)
        os.set_blocking(self._end, False)
        self.shown = ""

    def shows(self, words: str) -> Callable[[], bool]:
        def shows() -> bool:
            with suppress(OSError):
                self.shown += os.read(self._end, 65_536).decode("utf-8", "replace")
            return words in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown)

        return shows

    def press(self, key: str) -> None:
        self.shown = ""
        os.write(self._end, key.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._end)


@pytest.fixture
def terminal(settings: Settings, tmp_path: Path) -> Iterator[Terminal]:
    environment = processes.environment(settings) | {"TERM": "xterm", "LEDGER_HOME": str(tmp_path / "home")}
    environment.pop("COLUMNS", None)
    opened = Terminal([sys.executable, "-m", "flowledger.cli.main", "top"], environment)
    yield opened
    opened.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_keys_and_the_end_on_a_terminal(terminal: Terminal, storage: Storage) -> None:
    wait_until(terminal.shows("Recorded now, by type"), 30)
    record(storage, raw("task.progressed", progress=2))
    wait_until(terminal.shows("invalid_data"), 10)
    terminal.press("p")
    wait_until(terminal.shows("stands still"), 10)
    terminal.press("d")
    wait_until(terminal.shows("Dead letters"), 10)
    terminal.press("q")
    wait_until(lambda: terminal.process.poll() == 0, 10)
    assert "Traceback" not in terminal.shown


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ctrl_c_ends_it_quietly(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(top, "pressed", interrupted)
    top.watch(settings)
