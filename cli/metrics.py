"""The metrics of the service, printed once or served, without a worker."""

from __future__ import annotations

import sys
import threading
from contextlib import closing, suppress

import typer
from prometheus_client import generate_latest

from flowledger.cli import screen
from flowledger.domain.errors import LedgerError
from flowledger.domain.listening import ListeningAddress
from flowledger.domain.settings import Settings
from flowledger.workers.metrics.endpoint import serving
from flowledger.workers.metrics.exposition import Exposition, registry_of


def print_metrics(settings: Settings) -> None:
    """Print the metrics of this moment."""
    with closing(Exposition(settings)) as exposition:
        sys.stdout.write(generate_latest(registry_of(exposition)).decode())


def address_of(listen: str) -> ListeningAddress:
    """Return where `--listen` says. Raises BadParameter if it is no address."""
    try:
        return ListeningAddress.parse(listen)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, not {listen[:100]!a}", param_hint="--listen") from None


def serve_metrics(settings: Settings, address: ListeningAddress) -> None:
    """Serve the metrics until Ctrl-C. Raises LedgerError if the address cannot be used."""
    with closing(Exposition(settings)) as exposition:
        try:
            with serving(registry_of(exposition), address):
                screen.err.print(screen.words(f"metrics at http://{address}/metrics, until Ctrl-C"))
                with suppress(KeyboardInterrupt):
                    threading.Event().wait()
        except OSError as error:
            raise LedgerError(f"{address} cannot be listened on: {error.strerror or error}") from None
