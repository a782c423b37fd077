"""Celery's log is the service's log: one format for both, in all processes of a worker (docs/contract/logs.md)."""

from __future__ import annotations

import logging
import sys
import warnings
from importlib import import_module
from typing import Any

from billiard import current_process
from billiard.util import get_logger
from celery import current_task, signals
from celery.exceptions import CPendingDeprecationWarning

from flowledger.domain import logs
from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings

logger = logging.getLogger(__name__)

_node = ""


def install() -> None:
    """Set up logging when Celery would, by our settings alone. Processes of a pool inherit it."""
    signals.celeryd_init.connect(_begin_worker, weak=False)
    signals.setup_logging.connect(_set_up, weak=False)
    signals.beat_init.connect(_begin_beat, weak=False)
    signals.worker_ready.connect(_ignore_outlooks, weak=False)


def fill(record: logging.LogRecord) -> None:
    """Complete a record with the worker, its process, and the Celery task under way."""
    if _node:
        record.worker = _node
    record.processName = current_process().name
    if getattr(record, "celery_id", None) is None and current_task:
        record.celery_id = current_task.request.id


def _set_up(**_: Any) -> None:
    try:
        settings = Settings.load()
    except SettingsError as error:
        sys.exit(f"error: {error}")
    logs.install(settings, fill)
    pool = get_logger()
    pool.setLevel(logging.ERROR)
    pool.propagate = True


def _begin_worker(sender: str, instance: Any, **_: Any) -> None:
    """Name the worker, and log from now on: Celery warns before it sets up. Its banner of many lines is not printed."""
    _name(sender)
    instance.quiet = True
    program: Any = import_module("celery.apps.worker")
    program.safe_say = _say
    _set_up()


def _begin_beat(**_: Any) -> None:
    _name("beat")
    logger.info("beat is ready")


def _ignore_outlooks(**_: Any) -> None:
    """Ignore what Celery says, each time the broker was away, of changes to come in Celery."""
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)


def _name(name: str) -> None:
    global _node  # noqa: PLW0603 - a process is one worker
    _node = name


def _say(message: str, *_: Any) -> None:
    """Log what Celery prints while it stops, without advice for a keyboard. Called in handlers of signals."""
    if "Ctrl+C" not in message:
        logger.info("the worker stops: %s", message.removeprefix("worker: ").removesuffix(" (MainProcess)"))
