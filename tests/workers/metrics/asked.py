"""What the dashboard and the alerts of `deploy` ask of Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

_DEPLOY: Final = Path(__file__).parents[3] / "deploy"
DASHBOARD: Final = _DEPLOY / "grafana" / "ledger.json"
ALERTS: Final = _DEPLOY / "prometheus" / "alerts.yml"

OF_TARGETS: Final = frozenset({"job", "instance", "le"})
"""Labels that Prometheus adds, and that of buckets."""

_COMPARED: Final = re.compile(r" (==|!=|>=|<=|<|>) (?=[0-9.]+$)")
_SUFFIXES: Final = re.compile(r"_(total|bucket|count|sum)$")


def queries() -> list[str]:
    """Every query of a panel, and every expression of an alert."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    of_panels = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return of_panels + re.findall(r"^ +expr: (.+)$", ALERTS.read_text(), re.MULTILINE)


def metrics(query: str) -> set[str]:
    """The names of metrics in a query; not `up`, which is Prometheus's own."""
    return set(re.findall(r"\b(?:ledger|process)_\w+", query))


def labels(query: str) -> set[str]:
    """The labels by which a query chooses or groups."""
    grouped = {name for names in re.findall(r"\b(?:by|without) \(([^)]*)\)", query) for name in names.split(",")}
    return {name.strip() for name in grouped} | set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", query))


def without_suffix(name: str) -> str:
    """The name of the metric that a sample belongs to, as it is documented: counters with their `_total`."""
    return name if name.endswith("_total") else _SUFFIXES.sub("", name)


def runnable(query: str) -> str:
    """The query as Prometheus can run it. Of an alert's condition its truth, 0 or 1: it has no answer while it is
    false."""
    return _COMPARED.sub(r" \1 bool ", query.replace("$__rate_interval", "30s"))
