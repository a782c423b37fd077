"""Messages about a broker and a ledger that do not belong together. Servers are named without passwords."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import make_url

from flowledger.domain.settings import Settings
from flowledger.domain.times import written_time
from flowledger.storage.ledger.identity import Ledger


def servers(settings: Settings) -> tuple[str, str]:
    """Return the URLs of Redis and of the database, without passwords."""
    return redis_place(settings), database_place(settings)


def redis_place(settings: Settings) -> str:
    """Return the URL of Redis without user and password."""
    assert settings.redis_url is not None
    url = urlsplit(settings.redis_url.get_secret_value())
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()


def database_place(settings: Settings) -> str:
    """Return the URL of the database without password and options."""
    assert settings.database_url is not None
    url = make_url(settings.database_url.get_secret_value())
    hosts = {name: value for name, value in url.query.items() if name == "host"}
    return url.set(drivername=url.get_backend_name(), password=None, query=hosts).render_as_string().replace("%2F", "/")


def of_another_ledger(settings: Settings, ledger: Ledger, owner: str) -> str:
    redis_url, database_url = servers(settings)
    return (
        f"the Redis {redis_url} is the broker of another ledger, {owner}; the database {database_url} is ledger "
        f"{ledger.id}. Nothing is taken from it. Name another Redis (REDIS_URL) or database (DATABASE_URL). If this "
        "Redis is to be this ledger's from now on, with all that waits in it, say "
        f"`flowledger adopt --from {owner}`, or, to start with it, `flowledger up --adopt {owner}`"
    )


def another_of_this_ledger(settings: Settings, ledger: Ledger) -> str:
    redis_url, database_url = servers(settings)
    return (
        f"the Redis {redis_url} is not the broker of ledger {ledger.id} (database {database_url}): that is another "
        f"Redis, which was served {_seen(ledger)}. Nothing is taken from it. Name that Redis (REDIS_URL). If this one "
        f"is to take its place, say `flowledger adopt`, or, to start with it, `flowledger up --adopt {ledger.id}`"
    )


def twin(settings: Settings, ledger: Ledger) -> str:
    redis_url, database_url = servers(settings)
    return (
        f"two databases that are copies of one ledger, {ledger.id}, record from the Redis {redis_url}. One of them is "
        f"{database_url}; nothing is recorded in it any more. Stop the workers of one of them. To go on with this one, "
        "say `flowledger adopt`"
    )


def unsettled(settings: Settings, ledger: Ledger) -> str:
    redis_url, _ = servers(settings)
    return (
        f"the Redis {redis_url} is empty, and ledger {ledger.id} had another broker, which was served {_seen(ledger)}: "
        "waiting some seconds to see whether it still is"
    )


def emptied(recorded_at: datetime | None) -> str:
    return (
        "the broker has lost its data: what it had accepted and was not recorded yet is gone; the last entry was "
        f"recorded at {_time(recorded_at)}; publish again what was published since, with the same ids, and nothing is "
        "doubled; `flowledger redeliver` puts into inboxes again what stood there"
    )


def broker_went_back(stream: str, recorded: str, end: str, recorded_at: datetime) -> str:
    return (
        f"the broker has gone back to an earlier state: entry {recorded} of {stream}, recorded at "
        f"{written_time(recorded_at)}, was its last, and now {end} is; what it had accepted after its earlier state, "
        "and was not recorded yet, is gone; publish again what was published since, with the same ids, and nothing is "
        "doubled; `flowledger redeliver` puts into inboxes again what stood there"
    )


def database_went_back(ledger: Ledger, until: datetime | None) -> str:
    return (
        f"the database has gone back to an earlier state, of {_time(ledger.seen_at)} or a few seconds later: events "
        f"that were recorded since then, until {_time(until)}, are gone from it; publish them again, with the same "
        "ids: what it has is not doubled, and messages are put into inboxes again"
    )


def _seen(ledger: Ledger) -> str:
    return "at no time" if ledger.seen_at is None else f"at {written_time(ledger.seen_at)}"


def _time(time: datetime | None) -> str:
    return "no known time" if time is None else written_time(time)
