"""`flowledger status`."""

from __future__ import annotations

from flowledger.cli import screen
from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.status_shown import print_status
from flowledger.workers.status.gather import status as run


def command(as_json: AsJson = False) -> None:
    """Show backlog per shard, rates, dead letters, messages that wait, workers and the database pool."""
    found = run(servers("redis_url", "database_url"))
    if as_json:
        screen.print_json(found)
    else:
        print_status(found)
