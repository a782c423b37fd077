"""`/ledger/drains`: the turns in which workers recorded, past and present; one of them with what it measured."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select
from tornado.web import HTTPError

from flowledger.domain.json_text import plain
from flowledger.domain.measures import Histogram, Measures
from flowledger.domain.records import DrainRecord
from flowledger.storage.ledger.drains import TABLE, DrainRepository
from flowledger.storage.paging import Page
from flowledger.web import charts, memory
from flowledger.web.drain_states import result_of, state_of
from flowledger.web.handler import LedgerHandler
from flowledger.web.history import quantile
from flowledger.web.totals import Total, total

_PAGE: Final = 50


class Drains(LedgerHandler):
    """A list, newest first, by filters in the URL; those under way stand on its first page. Two queries."""

    section = "drains"

    async def page(self) -> None:
        """Write the list."""
        worker, after = self.wanted("worker"), self.wanted("after")
        dead, waited = self.wanted("dead") is not None, self.wanted("waited") is not None

        def found(connection: Connection) -> tuple[Total, Page[DrainRecord]]:
            page = DrainRepository(connection).newest(worker=worker, dead=dead, waited=waited, limit=_PAGE, after=after)
            return _total(connection, worker, dead=dead, waited=waited), page

        count, page = await self.read(found)
        is_first = after is None and not (dead or waited)
        running = memory.running(self.application.events, time.time()) if is_first else []
        self.show(
            "drains",
            total=count,
            page=page,
            after=after,
            running=[(one, datetime.fromtimestamp(one.started, UTC)) for one in running],
            given=self.wanted_all("worker", "dead", "waited"),
            state_of=state_of,
            result_of=result_of,
        )


def _total(connection: Connection, worker: str | None, *, dead: bool, waited: bool) -> Total:
    statement = select(TABLE.c.id)
    if worker is not None:
        statement = statement.where(TABLE.c.worker == plain(worker))
    if dead:
        statement = statement.where(TABLE.c.dead > 0)
    return total(connection, statement.where(TABLE.c.why.is_not(None)) if waited else statement)


class Measured(NamedTuple):
    """A histogram in words and as bars."""

    title: str
    counted: int
    mean: str
    quantiles: list[tuple[str, str]]
    chart: str


class Drain(LedgerHandler):
    """One drain, by one query; one that is not over yet leads to Flower's own page of its task."""

    section = "drains"

    async def page(self, id_: str) -> None:
        """Write the page; 404 if neither the database nor Flower knows the drain."""
        drain = await self.read(lambda connection: DrainRepository(connection).get(id_))
        if drain is not None:
            self.show("drain", drain=drain, state=state_of(drain), result=result_of(drain), measured=measured(drain))
            return
        if self.application.events.state.tasks.get(id_) is None:
            raise HTTPError(404, "no drain has this id")
        self.redirect(self.reverse_url("task", id_))


def measured(drain: DrainRecord) -> list[Measured]:
    """Return what the drain measured."""
    measures = Measures()
    measures.add_json(drain.measures)
    return [
        _measured("entries in a batch", measures.batch_entries, lambda value: f"{value:,.0f}"),
        _measured("seconds a batch waited for the database", measures.commit_seconds, _span),
        _measured("seconds from Redis to the commit", measures.latency_seconds, _span),
    ]


def _measured(title: str, histogram: Histogram, words: Any) -> Measured:
    count = sum(histogram.counts)
    names = [f"up to {bound:g}" for bound in histogram.bounds] + [f"above {histogram.bounds[-1]:g}"]
    titles = [f"{name}: {number:,}" for name, number in zip(names, histogram.counts, strict=True)]
    found = ((f"{share:.0%}", quantile(histogram, share)) for share in (0.5, 0.9, 0.99))
    return Measured(
        title=title,
        counted=count,
        mean=words(histogram.sum / count) if count else "",
        quantiles=[(name, words(value)) for name, value in found if value is not None],
        chart=charts.bars([charts.Series(title, "ledger-bar", histogram.counts)], titles, title),
    )


def _span(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"
