"""The Celery task of the scheduler; `workers` calls it by its name."""

from __future__ import annotations

import os
from functools import cache

from flowledger.client.publisher import Publisher
from flowledger.services.schedules.scheduler import Scheduler, ScheduleResult
from flowledger.workers.app import app, process
from flowledger.workers.authority import own_signer
from flowledger.workers.bootstep import is_stopping


@app.task(name="ledger.schedules")  # type: ignore[untyped-decorator]
def schedules() -> ScheduleResult:
    """Fire the schedules that are due, for one turn."""
    settings, client, storage, *_ = process()
    sign = own_signer(settings)
    return Scheduler(client, settings, storage, _publisher_of(os.getpid()), sign, is_stopping=is_stopping).run()


@cache
def _publisher_of(_pid: int) -> Publisher:
    """Return this process's publisher. Connections must not be shared with processes forked later."""
    return Publisher(settings=process().settings)
