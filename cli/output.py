"""Standard output: what cannot be written to it is an error in one line, whoever writes."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any

from flowledger.domain.errors import LedgerError


class OutputFailed(LedgerError):
    """Standard output is closed, or fails. What the command was to do may be done: only the report is missing."""


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Raise OutputFailed, inside and at the end, if standard output cannot be written.

    If nobody reads a pipe any more, that is no error to tell: the command ends with 1, as its printing does.
    """
    before = sys.stdout
    output = _Output(None if before is None else before.fileno())
    guarded = io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=getattr(before, "encoding", None),
        errors=getattr(before, "errors", None),
        line_buffering=output.isatty(),
    )
    sys.stdout = guarded
    try:
        yield
    finally:
        sys.stdout = before
        try:
            guarded.flush()
        except BrokenPipeError:
            output.give_up()
            raise SystemExit(1) from None


class _Output(io.RawIOBase):
    """The bytes of standard output; `number` is that of its file, None if it is closed."""

    def __init__(self, number: int | None) -> None:
        super().__init__()
        self._number = number
        self._is_given_up = False

    def give_up(self) -> None:
        """Take what is left without a word: it was told that it cannot be written."""
        self._is_given_up = True

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._number is not None and os.isatty(self._number)

    def fileno(self) -> int:
        return super().fileno() if self._number is None else self._number

    def write(self, piece: Any, /) -> int:
        if self._is_given_up:
            return len(piece)
        if self._number is None:
            raise self._failed("it is closed")
        try:
            return os.write(self._number, piece)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    def _failed(self, why: str) -> OutputFailed:
        self.give_up()
        return OutputFailed(f"standard output cannot be written: {why}")
