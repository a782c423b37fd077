"""`flowledger pause`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.pausing import Shards, print_changed
from flowledger.cli.pausing import pause as run


def command(
    shard: Shards = None,
    source: Annotated[
        list[str] | None, typer.Option(help="Set the entries of this source aside; may be repeated.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason, as `flowledger status` shows it.")] = "paused by hand",
    by: Annotated[str | None, typer.Option(help="Who pauses it; default: you.")] = None,
    as_json: AsJson = False,
) -> None:
    """Stop recording, of all shards, or some, or some sources: events wait in Redis until `flowledger resume`."""
    print_changed(run(servers("redis_url"), shard or [], source or [], why, by), as_json=as_json)
