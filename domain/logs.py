"""The log of a process that serves: worker, scheduler, Flower (docs/contract/logs.md)."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from flowledger.domain.log_lines import JsonLines, TextLines
from flowledger.domain.settings import Settings

logger = logging.getLogger("flowledger")

_STANDARD_ERROR: Final = 2
_CHATTY: Final = ("celery.app.trace", "celery.beat", "celery.worker.strategy", "tornado.access")
"""They log each Celery task, or each page, at INFO: that is shown at DEBUG alone."""
_QUIET: Final = {
    "sqlalchemy": logging.WARNING,  # below it logs statements with their values
    "celery.pool": logging.INFO,  # below it logs Celery's arguments
    "celery.bootsteps": logging.INFO,
    "kombu.transport.virtual.base": logging.ERROR,  # a bell that goes back at a stop does no harm
    "flower.inspector": logging.ERROR,  # it warns for each question that no worker answers
}

Fill = Callable[[logging.LogRecord], object]


class Lines(logging.Handler):
    """Writes each record at once and as a whole: the lines of processes that share a file do not mix."""

    def __init__(self, formatter: logging.Formatter, level: int, descriptor: int = _STANDARD_ERROR) -> None:
        super().__init__(level)
        self.setFormatter(formatter)
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        try:
            left = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            while left:
                left = left[os.write(self._descriptor, left) :]
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in the standard library
        """Drop the record: the standard library would print its message and its arguments."""


def install(settings: Settings, fill: Fill | None = None) -> None:
    """Write the records of this process, its warnings and what nobody catches to standard error, and nowhere else.

    `fill` completes each record with what this process knows, such as `worker` and `celery_id`.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    handler = Lines(JsonLines() if settings.log_format == "json" else TextLines(), level)
    if fill is not None:
        handler.addFilter(_filling(fill))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    quiet = _QUIET if level < logging.INFO else _QUIET | dict.fromkeys(_CHATTY, logging.WARNING)
    for name, least in quiet.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _filling(fill: Fill) -> Callable[[logging.LogRecord], bool]:
    def passing(record: logging.LogRecord) -> bool:
        fill(record)
        return True

    return passing


def _log_uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> Any:
    if issubclass(kind, KeyboardInterrupt):
        return sys.__excepthook__(kind, error, where)
    return logger.critical("this process ends by an exception", exc_info=(kind, error, where))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        logger.critical("a thread ended by an exception", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))
