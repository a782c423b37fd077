"""`flowledger health`: the answers for people and programs. What a question needs is imported when it is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flowledger.cli.asked import found, settings_of
from flowledger.domain.errors import LedgerError


@dataclass(frozen=True, slots=True)
class Answer:
    """`lines` say what is well, `reasons` what is not: without any, the exit status is 0."""

    lines: tuple[str, ...]
    reasons: tuple[str, ...]
    document: dict[str, Any]


def ready(seconds: float) -> Answer:
    """Answer whether events published now would be recorded."""
    from flowledger.workers.health.readiness import Readiness, Reason, readiness

    try:
        answer = readiness(found("redis_url", "database_url", may_be_missing=True), seconds)
    except LedgerError as error:
        answer = Readiness((Reason("settings", str(error)),), (), ())
    names = ", ".join(f"{one.name} ({one.processes} {one.pool})" for one in answer.workers)
    well = (f"events published now would be recorded; workers: {names}",) if answer.is_ready else ()
    document = {"ready": answer.is_ready, **asdict(answer)}
    return Answer((*well, *answer.notes), tuple(reason.words for reason in answer.reasons), document)


def live() -> Answer:
    """Answer whether the workers of this host turn."""
    from flowledger.workers.health.liveness import signs

    home = settings_of().home
    some = signs(home)
    lines = tuple(f"{one.name} turns: its last sign is {one.seconds:.1f} s old" for one in some if not one.hangs)
    reasons = [
        f"{one.name} (process {one.pid}) hangs: its last sign is {one.seconds:.0f} s old" for one in some if one.hangs
    ]
    if not some:
        reasons.append(f"no worker lives on this host that leaves its signs in {home} (LEDGER_HOME)")
    workers = [asdict(one) | {"hangs": one.hangs} for one in some]
    return Answer(lines, tuple(reasons), {"live": not reasons, "reasons": reasons, "workers": workers})
