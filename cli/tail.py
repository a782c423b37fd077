"""`flowledger tail`: events as they are recorded, live."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.exchange import exchange_line
from flowledger.domain import json_text
from flowledger.domain.errors import DatabaseDenied, DatabaseUnavailable
from flowledger.domain.limits import RANGES
from flowledger.domain.records import RecordedEvent
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.tail import Tail, Wanted
from flowledger.storage.unit_of_work import Storage

LOOK_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 1.0

_TELLING: Final = ("message", "error", "reason", "output", "name", "content", "progress", "state", "input", "worker")
"""The field of the data that says most, the first of these that an event has."""
_TELLING_OF_PLACES: Final = (
    "health", "connection", "agent_config", "resource_limits", "settings", "description", "container_id", "agent_id",
    "workspace_id", "user_id",
)  # fmt: skip
"""The same of workspaces and sandboxes, behind those; here the name of the field is told as well."""

_STYLES: Final = {
    "completed": "green", "delivered": "green", "started": "cyan", "sent": "cyan", "dispatched": "cyan",
    "failed": "red", "timed_out": "red", "cancelled": "yellow", "expired": "yellow", "retrying": "yellow",
    "paused": "yellow", "skipped": "dim", "logged": "dim", "provisioning": "cyan", "starting": "cyan",
    "stopping": "yellow", "stopped": "dim", "archived": "dim",
}  # fmt: skip


def tail(settings: Settings, wanted: Wanted, since: datetime | None, show: Callable[[RecordedEvent], None]) -> None:
    """Shows events until Ctrl-C. A database that is away is waited for, unless it leaves in the middle of a look."""
    with Storage(make_engine(settings)) as storage:
        journal = Tail(storage, wanted, since)
        was_away = False
        while True:
            shown = 0
            try:
                with closing(journal.look()) as new:
                    for event in new:
                        show(event)
                        shown += 1
            except DatabaseUnavailable as error:
                if shown or isinstance(error, DatabaseDenied):
                    raise
                if not was_away:
                    screen.err.print(screen.words(f"waiting for the database: {error}", "yellow"), soft_wrap=True)
                was_away = True
                time.sleep(_AGAIN_SECONDS)
                continue
            was_away = False
            time.sleep(LOOK_SECONDS)


def json_line(event: RecordedEvent) -> None:
    """The row of the journal as one line of JSON; `raw` is text, for it may have lines of its own."""
    row = {name: _plain(value) for name, value in dataclasses.asdict(event).items()}
    print(json.dumps(row), flush=True)


def lines(*, messages: bool) -> Callable[[RecordedEvent], None]:
    """Shows an event as one line for people, with the day above the first of each day."""
    day = ""

    def show(event: RecordedEvent) -> None:
        nonlocal day
        moment = screen.time(event.recorded_at)
        if moment[:10] != day:
            day = moment[:10]
            screen.out.print(Text(f"{day} UTC", style="dim"))
        line = exchange_line(event, _data(event)) if messages else _line(event)
        screen.out.print(Text.assemble((moment[11:], "dim"), "  ", line), soft_wrap=True)

    return show


def _line(event: RecordedEvent) -> Text:
    style = _STYLES.get(event.type.partition(".")[2], "")
    return Text.assemble(
        screen.words(event.type.ljust(22), style), " ",
        screen.words(event.subject, "bold", limit=RANGES["max_id_bytes"].highest), "  ",
        *_telling(event.type, _data(event)),
    )  # fmt: skip


def _telling(type_: str, data: dict[str, Any]) -> Iterator[Text]:
    if "node" in data:
        yield screen.words(data["node"], limit=40).append("  ")
    places = _TELLING_OF_PLACES if type_.startswith(("workspace.", "sandbox.")) else ()
    for name in (*_TELLING, *places):
        value = data.get(name)
        if value is not None:
            if name in places:
                yield screen.words(f"{name} ", "dim")
            yield screen.words(_short(name, value), limit=100)
            return


def _short(name: str, value: object) -> object:
    """What an error says, and how healthy a sandbox is, in words; all else as it is."""
    parts = {"error": ("message",), "health": ("status", "message")}.get(name)
    if parts is None or not isinstance(value, dict):
        return value
    return ": ".join(str(value[part]) for part in parts if value.get(part) is not None) or value


def _data(event: RecordedEvent) -> dict[str, Any]:
    """The data as it came; nothing if the text is gone, or is no event any more."""
    if event.raw is None:
        return {}
    try:
        data = json_text.loads(event.raw).get("data")
    except (ValueError, AttributeError):
        return {}
    return data if isinstance(data, dict) else {}


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
