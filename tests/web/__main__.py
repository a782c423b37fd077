"""`python -m tests.web`: the pictures in docs/images, taken by Chromium of the pages of a platform at work."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from sqlalchemy import text

from flowledger import migrations
from flowledger.cli.embedded import embedded_postgres_server, embedded_valkey_server
from flowledger.cli.leftovers import leave_nothing_running
from flowledger.domain.settings import Settings
from flowledger.storage.unit_of_work import Storage
from tests.web.browser import Browser, chromium
from tests.web.look import FAILED, FAILED_TASK, record_platform
from tests.web.site import PASSWORD, Site, served

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PICTURES: Final = (
    ("executions", "/ledger/executions?failed=1&since=1d", 760),
    ("timeline", f"/ledger/executions/{FAILED}", 1320),
    ("logs", f"/ledger/executions/{FAILED}?tab=logs", 800),
    ("task", f"/ledger/tasks/{FAILED_TASK}", 800),
    ("messages", "/ledger/messages", 520),
)
"""Name, address, height."""
_IN_TIME: Final = text("UPDATE events SET recorded_at = time + interval '20 milliseconds'")
_LATE: Final = text("UPDATE events SET recorded_at = time + interval '95 seconds' WHERE subject = 'task_4711_file_06'")


def main() -> None:
    """Take all pictures."""
    leave_nothing_running()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            embedded_postgres_server(folder / "postgresql") as database,
            embedded_valkey_server(folder / "valkey") as broker,
        ):
            _prepare(database.url)
            urls = {"database_url": SecretStr(database.url), "redis_url": SecretStr(broker.url)}
            with served(Settings.load(**urls)) as site, chromium() as browser:
                _take(site, browser)


def _prepare(url: str) -> None:
    """Record the platform's events as if workers had recorded them when they happened, but those of one task."""
    with Storage.open(url) as storage:
        migrations.upgrade(storage.engine)
        record_platform(storage)
        with storage.engine.begin() as connection:
            connection.execute(_IN_TIME)
            connection.execute(_LATE)


def _take(site: Site, browser: Browser) -> None:
    browser.sign_in_as("flowledger", PASSWORD)
    for name, path, height in PICTURES:
        browser.go(f"http://127.0.0.1:{site.port}{path}")
        file = IMAGES / f"{name}.png"
        browser.picture(file, height)
        print(f"{file}: {file.stat().st_size:,} bytes")
    assert browser.wrong == [], browser.wrong


if __name__ == "__main__":
    main()
