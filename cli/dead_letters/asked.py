"""What is asked of `flowledger dead-letters`: options, and what they mean; the servers, and who asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from typing import Annotated, Final

import redis
import typer
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowledger.cli.asked import found
from flowledger.cli.moments import moment_of
from flowledger.cli.schema import check_schema
from flowledger.domain.errors import Reason
from flowledger.domain.settings import Settings
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.ledger.dead_letters import DeadLetterFilter, DeadLetterRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.bond import Bond
from flowledger.workers.connections import connect
from flowledger.workers.replay import Replayer


class Which(StrEnum):
    """Dead letters in one status, or all."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ALL = "all"


Id = Annotated[str, typer.Argument(metavar="ID", help="The id, or as much of its beginning as no other has.")]
Ids = Annotated[
    list[str] | None, typer.Argument(metavar="[ID]…", help="Ids, or their beginnings. Or --all with filters.")
]
All = Annotated[bool, typer.Option("--all", help="All open ones that the filters below leave.")]
OfReason = Annotated[Reason | None, typer.Option("--reason", help="Refused for this reason.")]
OfType = Annotated[str | None, typer.Option("--type", help="Of this event type.")]
OfSource = Annotated[str | None, typer.Option("--source", help="From this source.")]
OfSubject = Annotated[str | None, typer.Option("--subject", metavar="ID", help="About this id.")]
_TIME: Final = "a time with a zone, a date, or how long ago, as 2h"
Since = Annotated[str | None, typer.Option("--since", help=f"First seen then or later: {_TIME}.")]
Until = Annotated[str | None, typer.Option("--until", help=f"First seen before: {_TIME}.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it, for the audit trail; default: the user's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Report as one JSON document.")]


def chosen(
    ids: list[str] | None,
    *,
    all_: bool,
    reason: Reason | None,
    type_: str | None,
    source: str | None,
    subject: str | None,
    since: str | None,
    until: str | None,
) -> DeadLetterFilter:
    """The filter; raises BadParameter where not exactly one of ids and --all is given, or filters without --all."""
    if bool(ids) == all_:
        raise typer.BadParameter("give ids, or --all with filters", param_hint="ID")
    if not all_ and any(value is not None for value in (reason, type_, source, subject, since, until)):
        raise typer.BadParameter("filters go with --all, not with ids", param_hint="ID")
    return filter_of(Which.OPEN, reason=reason, type_=type_, source=source, subject=subject, since=since, until=until)


def filter_of(
    status: Which,
    *,
    reason: Reason | None,
    type_: str | None,
    source: str | None,
    subject: str | None,
    since: str | None,
    until: str | None,
) -> DeadLetterFilter:
    """The dead letters that options mean; raises BadParameter for a time that is none."""
    return DeadLetterFilter(
        status=None if status is Which.ALL else DeadLetterStatus(status.value),
        reason=reason,
        type=type_,
        source=source,
        subject=subject,
        since=moment_of(since, "--since"),
        until=moment_of(until, "--until"),
    )


def full_ids(storage: Storage, beginnings: Sequence[str]) -> list[str]:
    """The whole ids; raises NoDeadLetter where one is nobody's, or several begin so."""
    with storage.reading() as connection:
        letters = DeadLetterRepository(connection)
        return [letters.full_id(beginning) for beginning in beginnings]


def _settings(*needed: str) -> Settings:
    settings = found(*needed)
    check_schema(settings)
    return settings


@contextmanager
def open_storage() -> Iterator[tuple[Settings, Storage]]:
    """The database; the settings may name Redis, or not."""
    settings = _settings("database_url")
    with Storage(make_engine(settings)) as storage:
        yield settings, storage


@contextmanager
def open_redis(settings: Settings) -> Iterator[redis.Redis]:
    """Redis, asked once, and waited for as long as a publisher does: dead letters may be locked meanwhile."""
    with closing(connect(settings, socket_timeout=settings.publish_timeout_seconds)) as client:
        client.set_retry(Retry(NoBackoff(), 0))
        yield client


@contextmanager
def open_replayer() -> Iterator[tuple[Storage, Replayer]]:
    """The database, and what replays over it and Redis."""
    settings = _settings("database_url", "redis_url")
    with open_redis(settings) as client, Storage(make_engine(settings)) as storage:
        Bond(client, settings, storage).check()
        yield storage, Replayer(settings, storage, client)
