"""One agent's process: `python -m cli.demo.one_agent FOLDER NAME`; Redis and the database are in the environment."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Final

from flowledger.cli.demo import fleet
from flowledger.cli.demo.agent import Agent
from flowledger.cli.demo.fleet import Fleet

_CLASSES: Final = {
    fleet.COORDINATOR: ("flowledger.cli.demo.coordinator", "Coordinator"),
    fleet.REVIEWER: ("flowledger.cli.demo.reviewer", "Reviewer"),
    fleet.SUMMARISER: ("flowledger.cli.demo.summariser", "Summariser"),
    fleet.WATCHER: ("flowledger.cli.demo.watcher", "Watcher"),
} | dict.fromkeys(fleet.SURVEYORS, ("flowledger.cli.demo.surveyor", "Surveyor"))
"""Imported by name: the watcher alone needs the database's libraries, which take as long to load as all the rest."""


def main(folder: str, name: str) -> None:
    """Runs the agent of that name until its fleet has no more work."""
    module, class_name = _CLASSES[name]
    kind: type[Agent] = getattr(importlib.import_module(module), class_name)
    with kind(Fleet.read(Path(folder)), name) as agent:
        agent.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
