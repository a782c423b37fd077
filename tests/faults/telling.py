"""Events that a row tells by itself, written down as a producer's are; and users of Redis by `flowledger acl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from pydantic import SecretStr

from flowledger.cli.acl import Role, rules
from flowledger.client.publisher import Publisher
from flowledger.domain.settings import Settings
from tests.faults.accepted import AcceptedLog
from tests.faults.histories import SOURCE
from tests.faults.trial import Trial

_PASSWORD = "canary-0cc175b9c0"


def tell(
    trial: Trial, events: Iterable[Mapping[str, Any]], settings: Settings | None = None, accepted: Path | None = None
) -> list[str]:
    """Publishes these events, of the harness's source unless they say another; returns their ids.

    `settings` name another broker than the world's; what it accepts is written down in a folder of its own.
    """
    name = trial.name("told")
    settings = settings or trial.world.direct
    log_file = (accepted or trial.accepted_folder) / f"{name}.log"
    with Publisher(settings=settings) as publisher, AcceptedLog(log_file) as log:
        numbered = ({"id": f"{name}-{number}", "source": SOURCE} | dict(event) for number, event in enumerate(events))
        prepared = [publisher.prepare(event) for event in numbered]
        log.sent((event.id, event.raw) for event in prepared)
        log.accepted(event.id for event in publisher.publish_many(prepared))
    return [event.id for event in prepared]


def event(type_: str, subject: str, **data: Any) -> dict[str, Any]:
    """An event for `tell`."""
    return {"type": type_, "subject": subject, "data": data}


def user_settings(trial: Trial, role: Role, sandbox: str = "") -> Settings:
    """The world's settings with a Redis user who has the rights of this role, and nothing else."""
    admin: Any = trial.world.redis
    name = f"harness-{role}-{sandbox}"
    admin.execute_command("ACL", "SETUSER", name, "reset", "on", f">{_PASSWORD}", *rules(role, sandbox))
    assert trial.world.direct.redis_url is not None
    address = urlsplit(trial.world.direct.redis_url.get_secret_value())
    url = urlunsplit(address._replace(netloc=f"{name}:{_PASSWORD}@{address.hostname}:{address.port}"))
    return trial.world.direct.model_copy(update={"redis_url": SecretStr(url)})


def client_of(settings: Settings) -> Any:
    """A client of Redis for these settings."""
    assert settings.redis_url is not None
    return redis.Redis.from_url(settings.redis_url.get_secret_value(), protocol=2)
