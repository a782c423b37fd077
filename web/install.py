"""Puts our pages into Flower, before its application is built."""

from __future__ import annotations

import os
from typing import Any

from flower import urls
from flower.options import options

from flowledger.domain.settings import Settings
from flowledger.web import control, guard, seams
from flowledger.web.ledger import KEY, Ledger
from flowledger.web.routes import PAGES


def install(settings: Settings) -> Ledger:
    """Let Flower serve our pages, find our templates first, ask for the password at each address, and control nothing
    unless `settings` say so.

    Call it once in a process, before Flower's command runs. Raises SettingsError if a URL is missing, FlowerChanged if
    this Flower cannot be extended.
    """
    ledger = Ledger.of(settings)
    extend(urls.handlers, urls.settings, options, ledger)
    os.environ["FLOWER_READ_ONLY"] = str(not ledger.control)  # Flower leaves out its buttons, then, too
    os.environ.setdefault("FLOWER_TASKS_COLUMNS", "name,state,result,received,runtime,worker,uuid")
    return ledger


def extend(handlers: list[Any], flower_settings: dict[str, Any], flower_options: Any, ledger: Ledger) -> None:
    """Change Flower's list of handlers, and its settings, in place. Raises FlowerChanged before anything is changed."""
    seams.check(handlers, flower_settings, flower_options)
    refusing = [] if ledger.control else control.refusing(handlers)
    handlers[:] = map(guard.guarded, [*PAGES, *refusing, *handlers])
    flower_settings |= guard.SETTINGS
    flower_settings["template_loader"] = seams.Templates(flower_settings["template_path"])
    flower_settings[KEY] = ledger
