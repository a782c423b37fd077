"""In a browser: a failed execution is found by filters, read, and still there after everything was restarted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
import redis

from flowledger.cli.service import Running, running
from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from tests.builders import event, to_bytes
from tests.conftest import settings_for
from tests.storage.recording import record
from tests.waiting import wait_until
from tests.web.browser import CHROMIUM, Browser, chromium
from tests.web.look import FAILED, FAILED_TASK, LAST_LINE, broken_event, platform_events
from tests.web.run import RUN, at, record_run
from tests.web.site import PASSWORD, served

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]


def test_a_failed_execution_is_found_and_read_and_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home")
    with chromium() as browser:
        with running(settings, concurrency=1) as service:
            _publish(service)
            browser.go(f"{service.flower_url}ledger/executions/{FAILED}")
            assert "What failed" not in browser.text()  # nobody has signed in
            browser.wrong.clear()
            before = _read(browser, service)
        with running(settings, concurrency=1) as service:
            assert _read(browser, service) == before
        icon = f"{service.flower_url}favicon.ico"  # of the page that nobody had signed in for: asked for later
        assert [one for one in browser.wrong if not one.endswith(icon)] == []


def test_a_log_follows_by_itself(sqlite_url: str, redis_url: str) -> None:
    settings = settings_for(sqlite_url, redis_url)
    with served(settings) as site, Storage(make_engine(settings)) as storage, chromium() as browser:
        record_run(storage)
        browser.sign_in_as("flowledger", PASSWORD)
        browser.go(f"http://127.0.0.1:{site.port}/ledger/executions/{RUN}?tab=logs")
        browser.run("document.querySelector('[data-run-live] input').click()")
        for number in range(2):
            words = f"<b>later</b> {number}"
            record(
                storage,
                event("execution.logged", subject=RUN, time=at(60 + number), message=words),
                start=2000 + number,
            )
            wait_until(lambda words=words: words in browser.text(".run-log"), 30, "the new line")  # type: ignore[misc]
        assert browser.text(".run-log").count("later") == 2
        assert browser.wrong == []


def _publish(service: Running) -> None:
    """Put events into a stream as any producer does, one of them with a fault, and wait until all are recorded."""
    events = [*platform_events(executions=3), broken_event()]
    with closing(redis.Redis.from_url(service.url("redis"))) as client:
        with client.pipeline() as pipeline:
            for one in events:
                pipeline.xadd(streams.stream(0), {streams.FIELD: to_bytes(one)})
            pipeline.execute()
        wait_until(lambda: client.xlen(streams.stream(0)) == 0, 60, "all events recorded")


def _read(browser: Browser, service: Running) -> list[str]:
    """What a person reads on the way from the list to the failing task and its dead letter."""
    assert service.flower_url is not None
    assert service.flower_password is not None
    browser.sign_in_as("flowledger", service.flower_password)
    browser.go(f"{service.flower_url}ledger/executions")
    browser.fill_in("failed", "1")
    browser.fill_in("workflow_id", "wf_review")
    browser.click(".ledger-filters button")
    assert "failed=1" in browser.run("location.search")
    read = [browser.text(".ledger-table")]
    browser.follow(FAILED)
    read += [browser.text(".run-failures"), browser.text(".run-line:last-of-type")]
    assert read[1].index("ToolTimeout") < read[1].index(LAST_LINE) < read[1].index("dead letter")
    browser.follow("run the tests")
    read += [browser.text(".run-failures"), browser.text(".run-log tr:last-child")]
    assert LAST_LINE in read[-1]
    browser.follow("task.progressed")
    read += [browser.text("h1"), browser.text(".ledger-facts")]
    assert "must be at most 1, not 101" in browser.text(".ledger")
    assert FAILED_TASK in browser.text(".ledger")
    return read
