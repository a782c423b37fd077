"""All settings, read from the environment in one place, into one frozen object that is passed on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import SettingsError
from domain.limits import DEFAULT_LIMITS, RANGES, Limits, variable


def default_home() -> Path:
    """Where the embedded servers keep their data: `LEDGER_HOME`, else the place the system has for such data."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/flowledger")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "flowledger"


def _within(limit: str) -> Any:
    return Field(ge=RANGES[limit].least, le=RANGES[limit].highest)


class Settings(BaseSettings):
    """Settings of every process of Flowledger; each is an environment variable, `LEDGER_` and its name in capitals.

    `REDIS_URL` and `DATABASE_URL`, which choose the servers, go without the prefix. URLs may hold passwords, so they
    are secrets: they never show in logs or errors.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="LEDGER_", extra="ignore", populate_by_name=True)

    redis_url: Annotated[SecretStr | None, Field(validation_alias="REDIS_URL")] = None
    database_url: Annotated[SecretStr | None, Field(validation_alias="DATABASE_URL")] = None
    pg_options: Annotated[str, Field(validation_alias="PGOPTIONS")] = ""
    """libpq's own variable: what sessions with PostgreSQL are set to, unless the URL has `options`."""
    home: Path = Field(default_factory=default_home)

    shards: Annotated[int, Field(ge=1, le=1024)] = 8

    max_event_bytes: Annotated[int, _within("max_event_bytes")] = DEFAULT_LIMITS.max_event_bytes
    max_depth: Annotated[int, _within("max_depth")] = DEFAULT_LIMITS.max_depth
    max_digits: Annotated[int, _within("max_digits")] = DEFAULT_LIMITS.max_digits
    max_id_bytes: Annotated[int, _within("max_id_bytes")] = DEFAULT_LIMITS.max_id_bytes
    max_source_bytes: Annotated[int, _within("max_source_bytes")] = DEFAULT_LIMITS.max_source_bytes

    pool_size: Annotated[int, Field(ge=1)] = 20
    pool_max_overflow: Annotated[int, Field(ge=0)] = 40
    pool_timeout_seconds: Annotated[float, Field(gt=0)] = 30
    pool_recycle_seconds: Annotated[int, Field(gt=0)] = 3600
    answer_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long a worker waits for an answer of PostgreSQL, before it takes it for gone and does the batch again."""
    connect_timeout_seconds: Annotated[int, Field(ge=1)] = 5

    batch_entries: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Entries that a drain reads at a time."""
    drain_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How long a drain keeps its Celery process, before it lets others have a turn."""
    linger_seconds: Annotated[float, Field(ge=0)] = 5.0
    """How long a drain that found nothing left waits for what comes next."""
    fuse_entries: Annotated[int, Field(ge=0)] = 200
    """So many of a shard's entries may fail, if they are most of the last ones, before it is paused; 0: any number."""
    lease_seconds: Annotated[float, Field(ge=1)] = 5.0
    """How long a shard waits for a drain that was killed."""
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    """How often the pump looks at every shard, whether or not it was woken."""
    publish_timeout_seconds: Annotated[float, Field(gt=0)] = 5.0
    """How long a publisher waits for Redis."""

    inbox_messages: Annotated[int, Field(ge=1)] = 1_000
    """So many messages an inbox holds in Redis; the rest waits in the database."""
    mailbox_lease_seconds: Annotated[float, Field(ge=1)] = 10.0
    """How long another consumer of an inbox waits for one that gives no sign of life, before it takes its messages."""
    post_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often somebody looks for messages that wait in the database, and for those whose time is over."""

    signatures: Literal["off", "required"] = "off"
    """Whether messages, and what becomes of them, must be signed by the sandbox that speaks (`domain.signatures`)."""
    key_file: Path | None = None
    """The file with the keys of sandboxes; readable by its owner alone."""
    signature_age_seconds: Annotated[float, Field(gt=0)] = 86_400.0
    """A signed event that came to Redis so long after its `time` is taken for a replayed one."""
    replay_seconds: Annotated[float, Field(ge=0)] = 1.0
    """A signed event that is known, and came again so long after its `time`, is taken for a replayed one."""

    spool_max_bytes: Annotated[int, Field(ge=1024)] = 2**30
    """How large a publisher's spool may become (`client.spool`)."""

    @property
    def limits(self) -> Limits:
        """How large an event may be."""
        return Limits(**{name: getattr(self, name) for name in RANGES})

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Settings from the environment, with those `given` instead; raises SettingsError that names what is wrong."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0])
            named = name if name.isupper() else variable(name)
            raise SettingsError(f"{named}: {first['msg']}") from None
