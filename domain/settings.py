"""All settings, read from the environment in one place, into one frozen object that is passed in."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from flowledger.domain.errors import SettingsError
from flowledger.domain.keeping import Keeping
from flowledger.domain.likeness import did_you_mean, is_news, nearest
from flowledger.domain.limits import DEFAULT_LIMITS, RANGES, Limits, variable
from flowledger.domain.listening import ListeningAddress
from flowledger.domain.validation import first_fault

logger = logging.getLogger(__name__)

_PREFIX: Final = "LEDGER_"
_URLS: Final = {"redis_url": "REDIS_URL", "database_url": "DATABASE_URL"}
_FIELDS: Final = {variable: field for field, variable in _URLS.items()} | {"PGOPTIONS": "pg_options"}


def default_home() -> Path:
    """Return where the embedded servers keep their data without `LEDGER_HOME`: the system's place for such data."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/flowledger")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "flowledger"


def _in_capitals(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _within(limit: str) -> Any:
    return Field(ge=RANGES[limit].least, le=RANGES[limit].highest)


_LONGEST_WAIT: Final = 1_000_000
"""Seconds that every socket, lock and server can wait: they count milliseconds in 32 bits."""
_LONGEST_SPAN: Final = 10_000_000_000
"""Seconds, some 317 years, by which a time can be early or late."""
KeptDays = Annotated[float | None, Field(gt=0, le=100_000)]


def _listened(address: str | None) -> str | None:
    return address if address is None else str(ListeningAddress.parse(address))


class Settings(BaseSettings):
    """Settings of every process of Flowledger; each is an environment variable, `LEDGER_` and its name in capitals.

    `REDIS_URL` and `DATABASE_URL`, which choose the servers, go without the prefix. URLs may hold passwords, so they
    are secrets: they never show in logs or errors.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_prefix=_PREFIX, extra="ignore", populate_by_name=True, allow_inf_nan=False
    )

    redis_url: Annotated[SecretStr | None, Field(validation_alias=_URLS["redis_url"])] = None
    database_url: Annotated[SecretStr | None, Field(validation_alias=_URLS["database_url"])] = None
    pg_options: Annotated[str, Field(validation_alias="PGOPTIONS")] = ""
    """libpq's own variable: the options of sessions with PostgreSQL, unless the URL has `options`."""
    home: Path = Field(default_factory=default_home)

    shards: Annotated[int, Field(ge=1, le=1024)] = 8

    log_format: Literal["text", "json"] = "text"
    """How workers, beat and Flower write their logs (`domain.log_lines`): for people, or a JSON object a line."""
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_in_capitals)] = (
        "INFO"
    )

    max_event_bytes: Annotated[int, _within("max_event_bytes")] = DEFAULT_LIMITS.max_event_bytes
    max_depth: Annotated[int, _within("max_depth")] = DEFAULT_LIMITS.max_depth
    max_digits: Annotated[int, _within("max_digits")] = DEFAULT_LIMITS.max_digits
    max_number_bytes: Annotated[int, _within("max_number_bytes")] = DEFAULT_LIMITS.max_number_bytes
    max_id_bytes: Annotated[int, _within("max_id_bytes")] = DEFAULT_LIMITS.max_id_bytes
    max_source_bytes: Annotated[int, _within("max_source_bytes")] = DEFAULT_LIMITS.max_source_bytes
    max_recipients: Annotated[int, _within("max_recipients")] = DEFAULT_LIMITS.max_recipients

    pool_size: Annotated[int, Field(ge=1)] = 20
    pool_max_overflow: Annotated[int, Field(ge=0)] = 40
    pool_timeout_seconds: Annotated[float, Field(gt=0, le=_LONGEST_WAIT)] = 30
    pool_recycle_seconds: Annotated[int, Field(gt=0, le=_LONGEST_SPAN)] = 3600
    answer_timeout_seconds: Annotated[float, Field(gt=0, le=_LONGEST_WAIT)] = 30.0
    """How long a worker waits for a reply of PostgreSQL, before it closes the connection and retries the batch."""
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=_LONGEST_WAIT)] = 5

    batch_entries: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Entries that a drain reads at a time."""
    drain_seconds: Annotated[float, Field(gt=0, le=_LONGEST_WAIT)] = 5.0
    """How long a drain keeps its Celery process before other Celery tasks get a turn."""
    linger_seconds: Annotated[float, Field(ge=0, le=_LONGEST_WAIT)] = 5.0
    """How long a drain that found nothing left waits for new entries."""
    fuse_entries: Annotated[int, Field(ge=0)] = 200
    """How many of a source's entries may fail, if they are most of the last ones, before the source is set aside; and
    how many of a shard's by a fault of Flowledger or the database, before the shard is paused. 0: any number."""
    aside_entries: Annotated[int, Field(ge=0)] = 100_000
    """Most entries that wait in Redis for all sources that are set aside."""
    aside_bytes: Annotated[int, Field(ge=0)] = 256 * 2**20
    """Most bytes of these entries together."""
    max_dead_letter_bytes: Annotated[int, Field(ge=2**20, le=64 * 2**20)] = 4 * 2**20
    """Of a larger entry, a dead letter keeps the beginning, the size and a hash."""
    dead_letter_alarm_bytes: Annotated[int, Field(ge=0)] = 2**30
    """If all open dead letters together are larger, an alarm is raised; 0: never."""
    dead_letter_alarm_per_minute: Annotated[int, Field(ge=0)] = 1_000
    """If there are more new dead letters in a minute, an alarm is raised; 0: never."""
    lease_seconds: Annotated[float, Field(ge=1, le=_LONGEST_WAIT)] = 5.0
    """How long a lease lasts, so how long a shard waits after its drain was killed."""
    poll_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    """How often the pump checks every shard, even if it was not woken."""
    publish_timeout_seconds: Annotated[float, Field(gt=0, le=_LONGEST_WAIT)] = 5.0
    """How long a publisher waits for a reply of Redis."""

    inbox_messages: Annotated[int, Field(ge=1)] = 1_000
    """Most messages of an inbox in Redis; the rest waits in the database."""
    inbox_bytes: Annotated[int, Field(ge=1024)] = 8 * 2**20
    """Most memory of an inbox in Redis; the rest waits in the database. A single message always has room."""
    inbox_memory_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """While Redis uses more than this share of its `maxmemory`, messages wait in the database."""
    inbox_quiet_seconds: Annotated[int, Field(ge=60, le=_LONGEST_SPAN)] = 7 * 86_400
    """How long after its last use an empty inbox expires, and with it the ids of acknowledged messages."""
    mailbox_lease_seconds: Annotated[float, Field(ge=1, le=_LONGEST_WAIT)] = 10.0
    """How long a consumer of an inbox may give no sign of life before another consumer takes its messages."""
    post_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """How often the post office checks for messages that wait in the database, and for messages that have expired."""
    schedule_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    """How often the scheduler looks for schedules that are due."""

    keep_texts_days: KeptDays = None
    keep_rows_days: KeptDays = None
    keep_unfinished_days: KeptDays = None
    keep_names_days: KeptDays = None
    keep_logs_days: KeptDays = None
    keep_metrics_days: KeptDays = None
    keep_audit_days: KeptDays = None
    keep_drains_days: KeptDays = 90.0
    keep_dead_letters_days: KeptDays = None
    keep_sessions_days: KeptDays = 30.0
    """For how many days each is kept (`domain.keeping`); None: for ever, but log lines, points of metrics and audit
    lines as long as rows."""
    maintain_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """How often what is too old goes."""

    metrics_address: Annotated[str | None, AfterValidator(_listened)] = None
    """Where a worker serves metrics for Prometheus: HOST:PORT. None: nowhere."""

    signatures: Literal["off", "required"] = "off"
    """Whether messages and acknowledgements must be signed by the sandbox that reports them (`domain.signatures`)."""
    key_file: Path | None = None
    """The file with the signers' keys; readable by its owner alone (`domain.key_file`)."""
    signature_age_seconds: Annotated[float, Field(gt=0, le=_LONGEST_SPAN)] = 86_400.0
    """A signed event that reached Redis longer than this after its `time` is refused as replayed."""
    replay_seconds: Annotated[float, Field(ge=0, le=_LONGEST_SPAN)] = 1.0
    """A signed event that is recorded already, and came again longer than this after its `time`, counts as replayed."""

    vault_key_file: Path | None = None
    """The file with the vault's keys; readable by its owner alone (`domain.vault_keys`)."""
    session_seconds: Annotated[float, Field(gt=0, le=_LONGEST_SPAN)] = 7 * 86_400.0
    """How long after the sign-in a user's session ends."""

    flower_control: bool = False
    """Whether Flower may stop workers and call tasks (`flowledger flower --control`); otherwise it only shows."""

    spool_max_bytes: Annotated[int, Field(ge=1024)] = 2**30
    """How large a publisher's spool may become (`client.spool`)."""

    def __init__(self, **given: Any) -> None:
        """Raises SettingsError that names the setting at fault, as it was given or by its variable."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            (name, *_), words = first_fault(error, show_text=True)
            if name in _URLS or name in _URLS.values():
                (name, *_), words = first_fault(error)
            named = name if name in given or name.isupper() else variable(name)
            raise SettingsError(f"{named}: {words}") from None

    @property
    def limits(self) -> Limits:
        """How large an event may be."""
        return Limits(**{name: getattr(self, name) for name in RANGES})

    @property
    def keeping(self) -> Keeping:
        """How long the ledger keeps what."""
        rows = self.keep_rows_days
        return Keeping(
            texts=self.keep_texts_days,
            rows=rows,
            unfinished=self.keep_unfinished_days,
            names=self.keep_names_days,
            logs=self.keep_logs_days or rows,
            metrics=self.keep_metrics_days or rows,
            audit=self.keep_audit_days or rows,
            drains=self.keep_drains_days,
            dead_letters=self.keep_dead_letters_days,
            sessions=self.keep_sessions_days,
        )

    @property
    def max_entry_bytes(self) -> int:
        """The largest entry that is read as a whole."""
        return max(self.max_dead_letter_bytes, self.max_event_bytes)

    @classmethod
    def load(cls, settings: Self | None = None, /, **given: Any) -> Self:
        """Return `settings`, or else those of the environment, with those `given` in their place.

        Raises SettingsError that names the setting at fault. Logs a warning for names that are not settings.
        """
        cls._warn_of_unknown(given)
        if settings is None:
            return cls(**given)
        if not given:
            return settings
        named = {_FIELDS.get(name, name): value for name, value in given.items()}
        return cls(**{name: getattr(settings, name) for name in cls.model_fields} | named)

    @classmethod
    def _warn_of_unknown(cls, given: Mapping[str, Any]) -> None:
        """Warn, once each, of variables that are probably misspelt, and of any `given` name that is not a setting."""
        names = {name: _URLS.get(name, variable(name)) for name in cls.model_fields}
        for name in os.environ:
            short = name.upper().removeprefix(_PREFIX)
            if short == name.upper() or name.upper() in names.values():
                continue
            meant = nearest(short, names)
            if meant is not None and is_news(name):
                logger.warning("%s is not a setting, and has no effect%s", name, did_you_mean(names[meant]))
        for name in filter(is_news, given.keys() - names.keys() - set(_URLS.values())):
            logger.warning("%s is not a setting, and has no effect%s", name, did_you_mean(nearest(name, names)))
