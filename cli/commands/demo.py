"""`flowledger demo`."""

from __future__ import annotations

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.demo import run_demo


def command(as_json: AsJson = False) -> None:
    """Watch agents do real work on embedded servers, recorded live; ends by itself."""
    run_demo(screen.out, as_json=as_json)
