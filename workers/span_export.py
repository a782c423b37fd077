"""Where the spans of a worker go: set up by OpenTelemetry's own variables, in each process that records."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any, Final

from celery.signals import worker_process_shutdown

from flowledger.domain import traces
from flowledger.domain.errors import SettingsError

logger = logging.getLogger(__name__)

_EXPORTERS: Final = "opentelemetry_traces_exporter"
_OTLP: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_FLUSH_SECONDS: Final = 2.0
"""How long a process that ends waits until its last spans are exported."""


def set_up(environment: Mapping[str, str] = os.environ) -> None:
    """Make spans, and export them, if `OTEL_TRACES_EXPORTER` names exporters. Called after a process was forked.

    The SDK itself reads the other variables: sampler, limits, batches, the exporter's address. What is missing is
    logged, and this process makes no spans.
    """
    names = [
        name for name in environment.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip() not in ("", "none")
    ]
    if not names or environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or traces.is_on():
        return
    try:
        _export([_exporter(name.strip(), environment) for name in names], environment)
    except (ImportError, SettingsError, ValueError) as error:
        logger.error("no spans are made: %s; pip install 'flowledger[traces]', and the exporter", error)  # noqa: TRY400


def _export(exporters: list[Any], environment: Mapping[str, str]) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "flowledger"}))
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter()))
    trace.set_tracer_provider(provider)

    def flush(**_: Any) -> None:
        """Export the last spans; a collector that does not answer must not hold up the end of the process."""
        ending = threading.Thread(target=provider.shutdown, daemon=True)
        ending.start()
        ending.join(_FLUSH_SECONDS)

    worker_process_shutdown.connect(flush, weak=False)


def _exporter(name: str, environment: Mapping[str, str]) -> Any:
    """Return the class of an exporter. Raises SettingsError if none of this name is installed."""
    if name == "otlp":
        general = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        name = _OTLP.get(environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general), name)
    for found in entry_points(group=_EXPORTERS, name=name):
        return found.load()
    raise SettingsError(f"OTEL_TRACES_EXPORTER names {name}, and no such exporter is installed")
