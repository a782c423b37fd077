"""`flowledger flower`."""

from __future__ import annotations

from flowledger.cli.asked import found as servers
from flowledger.cli.flower import run


def command() -> None:
    """Run Flower, for whoever knows the password in FLOWER_BASIC_AUTH alone."""
    run(servers("redis_url"))
