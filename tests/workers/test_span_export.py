"""Exporters that cannot be had: a line in the log, and recording goes on (docs/contract/traces.md)."""

from __future__ import annotations

import logging

import pytest
from opentelemetry import trace

from flowledger.domain import traces
from flowledger.workers import span_export


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"OTEL_TRACES_EXPORTER": "nosuch"}, "nosuch"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp_proto_http"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "otlp_proto_grpc"),
        (
            {"OTEL_TRACES_EXPORTER": "none, otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "otlp_proto_http",
        ),
    ],
)
def test_an_exporter_that_is_not_installed_is_named(
    environment: dict[str, str], name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_export, "entry_points", lambda **_: ())
    with caplog.at_level(logging.ERROR):
        span_export.set_up(environment)
    assert f"OTEL_TRACES_EXPORTER names {name}, and no such exporter is installed" in caplog.text
    assert not traces.is_on()


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_TRACES_EXPORTER": "console", "OTEL_SDK_DISABLED": "True"}],
)
def test_unless_an_exporter_is_named_there_are_no_spans(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "set_tracer_provider", lambda _: pytest.fail("a provider was set"))
    span_export.set_up(environment)
    assert caplog.records == []
