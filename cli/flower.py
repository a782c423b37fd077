"""`flowledger flower`: Flower, for whoever knows the password alone, on the loopback address unless told otherwise."""

from __future__ import annotations

import logging
import os

from flowledger.domain import logs
from flowledger.domain.broker_address import BrokerAddress
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings

logger = logging.getLogger(__name__)

_PASSWORDS = ("FLOWER_BASIC_AUTH", "FLOWER_AUTH")


def run(settings: Settings) -> None:
    """Run Flower with the pages of the ledger until it is ended; its own settings (`FLOWER_…`) are the environment's.

    Raises SettingsError if neither a password nor OAuth is set, or an empty password, for Flower would show nothing to
    anyone; or if no database is. Raises FlowerChanged if this Flower cannot be extended.
    """
    if not any(os.environ.get(name) for name in _PASSWORDS):
        raise SettingsError("Flower needs a password: set FLOWER_BASIC_AUTH=flowledger:PASSWORD")
    if not os.environ.get("FLOWER_BASIC_AUTH"):
        os.environ.pop("FLOWER_BASIC_AUTH", None)  # Flower would take an empty one as a user whom nobody can be
    _check(os.environ.get("FLOWER_BASIC_AUTH", ""))
    os.environ.setdefault("FLOWER_ADDRESS", "127.0.0.1")
    BrokerAddress.of(settings)  # one that cannot be used ends here, not in Celery
    if settings.redis_url is not None:
        os.environ["REDIS_URL"] = settings.redis_url.get_secret_value()
    if settings.database_url is None:
        raise SettingsError(
            "Flower needs a database to show the records of: set DATABASE_URL, by a role that only reads"
        )
    _install(settings)
    from flowledger.workers.app import app

    logs.install(settings, _name)
    logger.info("Flower listens at %s, port %s", os.environ["FLOWER_ADDRESS"], os.environ.get("FLOWER_PORT", "5555"))
    app.start(["--quiet", "flower"])


def _install(settings: Settings) -> None:
    from flowledger.web.seams import FlowerChanged

    try:
        from flowledger.web.install import install
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "flower":
            raise
        raise FlowerChanged(str(error)) from error
    install(settings)


def _name(record: logging.LogRecord) -> None:
    record.worker = "flower"


def _check(credentials: str) -> None:
    """Raise SettingsError if one of these is no name with a password; Flower splits them at commas."""
    if credentials and not all(password for _, _, password in (one.partition(":") for one in credentials.split(","))):
        raise SettingsError(
            "FLOWER_BASIC_AUTH must be USER:PASSWORD; the password has no comma, which separates several users"
        )
