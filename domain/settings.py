"""All settings, read from the environment in one place, into one frozen object that is passed on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.envelope import DEFAULT_MAX_BYTES
from domain.errors import SettingsError


def default_home() -> Path:
    """Where the embedded servers keep their data: `LEDGER_HOME`, else the place the system has for such data."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/flowledger")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "flowledger"


class Settings(BaseSettings):
    """Settings of every process of Flowledger; each is an environment variable, `LEDGER_` and its name in capitals.

    `REDIS_URL` and `DATABASE_URL`, which choose the servers, go without the prefix. URLs may hold passwords, so they
    are secrets: they never show in logs or errors.
    """

    model_config = SettingsConfigDict(frozen=True, env_prefix="LEDGER_", extra="ignore", populate_by_name=True)

    redis_url: Annotated[SecretStr | None, Field(validation_alias="REDIS_URL")] = None
    database_url: Annotated[SecretStr | None, Field(validation_alias="DATABASE_URL")] = None
    home: Path = Field(default_factory=default_home)

    shards: Annotated[int, Field(ge=1, le=1024)] = 8
    max_event_bytes: Annotated[int, Field(ge=1024)] = DEFAULT_MAX_BYTES

    pool_size: Annotated[int, Field(ge=1)] = 20
    pool_max_overflow: Annotated[int, Field(ge=0)] = 40
    pool_timeout_seconds: Annotated[float, Field(gt=0)] = 30
    pool_recycle_seconds: Annotated[int, Field(gt=0)] = 3600
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

    @classmethod
    def load(cls, **given: Any) -> Self:
        """Settings from the environment, with those `given` instead; raises SettingsError that names what is wrong."""
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = str(first["loc"][0])
            variable = name if name.isupper() else f"LEDGER_{name.upper()}"
            raise SettingsError(f"{variable}: {first['msg']}") from None
