"""`flowledger metrics`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.cli.asked import Database
from flowledger.cli.asked import found as servers
from flowledger.cli.metrics import address_of, print_metrics, serve_metrics

_HELP = "Serve the metrics at this address until Ctrl-C: HOST:PORT, as 127.0.0.1:9500."


def command(
    database: Database = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help=_HELP)] = None,
) -> None:
    """Print the metrics of the service for Prometheus, once, or serve them."""
    address = None if listen is None else address_of(listen)
    settings = servers("redis_url", "database_url", database=database)
    if address is None:
        print_metrics(settings)
    else:
        serve_metrics(settings, address)
