"""The loop of `flowledger top`: looks in threads, keys here, and a screen that is drawn when something has changed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.top.keys import pressed, unbuffered
from flowledger.cli.top.looking import Looker, of_servers
from flowledger.cli.top.page import page
from flowledger.cli.top.seen import Seen
from flowledger.domain.settings import Settings

_KEY_SECONDS: Final = 0.2
_DRAW_SECONDS: Final = 1.0
_ONCE_SECONDS: Final = 1.0
_ONCE_ROWS: Final = 60


def once(settings: Settings) -> bool:
    """Print one screen, of as many rows as there are lines; return whether both servers answered."""
    lookers = of_servers(settings, threading.Event())
    for looker in lookers:
        looker.look()
    time.sleep(_ONCE_SECONDS)  # what is recorded now, by type, is what came since
    lookers[1].look()
    seen = seen_by(lookers)
    for line in page(seen, screen.out.width, _ONCE_ROWS):
        screen.out.print(line, soft_wrap=True)
    return not seen.away


def watch(settings: Settings) -> None:
    """Show the screen until q or Ctrl-C is pressed."""
    changed = threading.Event()
    lookers = of_servers(settings, changed)
    with ExitStack() as stack:
        for looker in lookers:
            stack.enter_context(looker)
        stack.enter_context(unbuffered())
        live = stack.enter_context(Live(console=screen.out, screen=True, auto_refresh=False, redirect_stderr=False))
        try:
            _watch(lookers, changed, live)
        except KeyboardInterrupt:
            return


def _watch(lookers: Sequence[Looker[Any]], changed: threading.Event, live: Live) -> None:
    stands: Seen | None = None
    only_letters = False
    drawn_at, size = 0.0, screen.out.size
    while True:
        key = pressed(_KEY_SECONDS)
        if key == "q":
            return
        if key == "p":
            stands = None if stands is not None else replace(seen_by(lookers), is_paused=True)
        only_letters ^= key == "d"
        if not (key or changed.is_set() or size != screen.out.size or time.monotonic() - drawn_at > _DRAW_SECONDS):
            continue
        changed.clear()
        size = screen.out.size
        lines = page(stands or seen_by(lookers), size.width, size.height, only_letters=only_letters)
        live.update(Group(*map(_line, lines)), refresh=True)
        drawn_at = time.monotonic()


def seen_by(lookers: Sequence[Looker[Any]]) -> Seen:
    """Return what is known now."""
    broker, ledger, checked = lookers
    away = {looker.name: looker.away for looker in (broker, ledger) if looker.away is not None}
    return Seen(time.time(), broker.told, ledger.told, checked.told, away)


def _line(line: Text) -> Text:
    line.no_wrap = True
    return line


def is_terminal() -> bool:
    """Return whether there is a screen to draw on, and a keyboard."""
    return screen.out.is_terminal and screen.is_terminal(sys.stdin)
