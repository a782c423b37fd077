"""What is asked of `flowledger dead-letters`: options, and what they mean; the servers, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final, get_type_hints

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
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, or their beginnings. Or --all with filters.")]
All = Annotated[bool, typer.Option("--all", help="All open ones that the filters below leave.")]
By = Annotated[str | None, typer.Option("--by", help="Who does it, for the audit trail; default: the user's name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Report as one JSON document.")]
_TIME: Final = "a time with a zone, a date, or how long ago, as 2h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The options that leave some dead letters of all (`with_filters`), as they were given."""

    reason: Annotated[Reason | None, typer.Option("--reason", help="Refused for this reason.")] = None
    at: Annotated[str | None, typer.Option("--at", metavar="FIELD", help="Refused for this field.")] = None
    type_: Annotated[str | None, typer.Option("--type", help="Of this event type.")] = None
    source: Annotated[str | None, typer.Option("--source", help="From this source.")] = None
    subject: Annotated[str | None, typer.Option("--subject", metavar="ID", help="About this id.")] = None
    since: Annotated[str | None, typer.Option("--since", help=f"First seen then or later: {_TIME}.")] = None
    until: Annotated[str | None, typer.Option("--until", help=f"First seen before: {_TIME}.")] = None

    def of(self, status: Which) -> DeadLetterFilter:
        """Return the dead letters in this status that these options mean; raises BadParameter for a bad time."""
        return DeadLetterFilter(
            status=None if status is Which.ALL else DeadLetterStatus(status.value),
            reason=self.reason,
            field=self.at,
            type=self.type_,
            source=self.source,
            subject=self.subject,
            since=moment_of(self.since, "--since"),
            until=moment_of(self.until, "--until"),
        )


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `Filters` in the place of its parameter `filters`, for typer reads signatures."""
    hints = get_type_hints(Filters, include_extras=True)
    options = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name])
        for field in fields(Filters)
    ]
    parameters: list[Parameter] = []
    for parameter in signature(command, eval_str=True).parameters.values():
        parameters += options if parameter.name == "filters" else [parameter]

    @wraps(command)
    def called(**given: Any) -> None:
        filters = Filters(**{option.name: given.pop(option.name) for option in options})
        command(**given, filters=filters)

    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def chosen(ids: list[str] | None, filters: Filters, *, all_: bool) -> DeadLetterFilter:
    """Return what `--all` means; raises BadParameter unless either ids or `--all` are given, the filters with it."""
    if bool(ids) == all_:
        raise typer.BadParameter("give ids, or --all with filters", param_hint="ID")
    if not all_ and filters != Filters():
        raise typer.BadParameter("filters go with --all, not with ids", param_hint="ID")
    return filters.of(Which.OPEN)


def full_ids(storage: Storage, beginnings: Sequence[str]) -> list[str]:
    """Return the whole ids; raises NoDeadLetter if no dead letter, or more than one, begins so."""
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
