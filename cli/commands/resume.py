"""`flowledger resume`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli.asked import AsJson
from flowledger.cli.asked import found as servers
from flowledger.cli.pausing import Shards, print_changed
from flowledger.cli.pausing import resume as run


def command(
    shard: Shards = None,
    source: Annotated[
        list[str] | None, typer.Option(help="A source that is set aside, as `status` names it; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on recording what was paused, by hand or by a fuse; a source that is set aside only if it is named."""
    print_changed(run(servers("redis_url"), shard or [], source or []), as_json=as_json)
