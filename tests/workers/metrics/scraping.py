"""Metrics as Prometheus reads them."""

from __future__ import annotations

import urllib.request
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Column, func, select

from flowledger.storage.unit_of_work import Storage
from flowledger.workers.metrics.exposition import Exposition, registry_of

Labels = frozenset[tuple[str, str]]


class Scrape(NamedTuple):
    """The samples of one exposition, by name and labels."""

    samples: dict[tuple[str, Labels], float]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]

    def by(self, name: str, label: str) -> dict[str, float]:
        """The samples of a metric that has one label, by it; those that are 0 left out."""
        found = ((dict(labels), value) for (own, labels), value in self.samples.items() if own == name)
        return {labels[label]: value for labels, value in found if value}

    def labels(self) -> dict[str, set[str]]:
        """The labels that each metric has."""
        found: dict[str, set[str]] = {}
        for name, labels in self.samples:
            found.setdefault(name, set()).update(label for label, _ in labels)
        return found


def scraped(exposition: Exposition) -> Scrape:
    """What an exposition tells now."""
    return _read(generate_latest(registry_of(exposition)).decode())


def fetched(port: int) -> Scrape:
    """What is served at that port; raises OSError if nothing is."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        return _read(reply.read().decode())


def counted(storage: Storage, column: Column[str]) -> dict[str, int]:
    """`SELECT column, count(*) … GROUP BY column`."""
    with storage.reading() as connection:
        rows = connection.execute(select(column, func.count()).group_by(column))
        return {row[0]: row[1] for row in rows}


def _read(text: str) -> Scrape:
    families: Iterable[Metric] = text_string_to_metric_families(text)
    samples = [(one.name, frozenset(one.labels.items()), one.value) for family in families for one in family.samples]
    assert not [key for key, count in Counter(sample[:2] for sample in samples).items() if count > 1]
    return Scrape({(name, labels): value for name, labels, value in samples})
