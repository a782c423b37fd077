"""Where metrics are served: by workers beside their work, and by `flowledger metrics`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from flowledger.cli import processes
from flowledger.cli.embedded import free_port
from flowledger.domain.errors import SettingsError
from flowledger.domain.listening import ListeningAddress
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.metrics import endpoint
from flowledger.workers.metrics.endpoint import MetricsThread
from flowledger.workers.metrics.exposition import Exposition, registry_of
from tests.builders import raw
from tests.conftest import settings_for
from tests.storage.recording import record
from tests.waiting import wait_until
from tests.workers.metrics.scraping import Scrape, fetched


@pytest.fixture
def on_sqlite(sqlite_url: str, redis_url: str, tmp_path: Path) -> Settings:
    """For commands in processes of their own, which are slow to start: one kind of database is enough."""
    return settings_for(sqlite_url, redis_url, home=tmp_path / "home")


def command(*options: str) -> list[str]:
    return [sys.executable, "-P", "-m", "flowledger.cli.main", "metrics", *options]


def environment(settings: Settings) -> dict[str, str]:
    return processes.environment(settings) | {"COLUMNS": "200"}


def answered(port: int) -> Scrape | None:
    """What is served there; None if nothing is."""
    try:
        return fetched(port)
    except OSError:
        return None


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9500", ("127.0.0.1", 9500)), ("[::1]:80", ("::1", 80)), ("ledger-1:65535", ("ledger-1", 65_535))],
)
def test_an_address_is_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert ListeningAddress.parse(text) == address
    assert str(ListeningAddress.parse(text)) == text
    assert Settings.load(metrics_address=text).metrics_address == text


@pytest.mark.parametrize("text", ["9500", ":9500", "::1:9500", "127.0.0.1:", "127.0.0.1:0", "a:65536", "http://a:80"])
def test_anything_else_is_refused_by_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_METRICS_ADDRESS", text)
    with pytest.raises(SettingsError, match=r"LEDGER_METRICS_ADDRESS: .*HOST:PORT"):
        Settings.load()


def test_an_address_that_is_taken_is_reported_and_used_once_it_is_free(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(endpoint, "_RETRY_SECONDS", 0.05)
    exposition = Exposition(settings)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = ListeningAddress("127.0.0.1", taken.getsockname()[1])
        thread = MetricsThread(registry_of(exposition), exposition, address)
        thread.start()
        wait_until(lambda: f"no metrics: {address} cannot be listened on: Address already in use" in caplog.text)
    try:
        found = wait_until(lambda: answered(address.port))
        assert found is not None
        assert found.value("ledger_up", server="database") == 1
    finally:
        thread.stop()
    assert answered(address.port) is None


def test_the_command_prints_the_metrics_once(on_sqlite: Settings) -> None:
    with Storage(make_engine(on_sqlite)) as storage:
        record(storage, raw("task.created"), raw("task.started"))
    ended = subprocess.run(command(), env=environment(on_sqlite), capture_output=True, text=True, check=True)
    assert '\nledger_events_total{type="task.created"} 1.0\n' in ended.stdout
    assert '\nledger_up{server="redis"} 1.0\n' in ended.stdout
    assert ended.stderr == ""


def test_the_command_serves_the_metrics_until_ctrl_c(on_sqlite: Settings, tmp_path: Path) -> None:
    port = free_port()
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(command("--listen", f"127.0.0.1:{port}"), env=environment(on_sqlite), stderr=said) as served,
    ):
        try:
            found = wait_until(lambda: answered(port))
            assert found is not None
            assert found.value("ledger_up", server="redis") == 1
            again = subprocess.run(
                command("--listen", f"127.0.0.1:{port}"), env=environment(on_sqlite), capture_output=True, check=False
            )
            assert again.returncode == 1
            assert b"cannot be listened on: Address already in use" in again.stderr
        finally:
            served.send_signal(signal.SIGINT)
        assert served.wait(10) == 0
    assert f"metrics at http://127.0.0.1:{port}/metrics" in (tmp_path / "said").read_text()
