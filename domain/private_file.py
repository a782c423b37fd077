"""Files that hold secrets: readable by their owner alone, replaced as a whole, changed by one process at a time.

Errors name the file and what is wrong with it, and quote nothing of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowledger.domain.errors import SettingsError

Mark = tuple[int, ...]
"""What a change of the file changes."""

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """A file with secrets; `what` is its name in errors, like `the key file`."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.what} {self.path}"

    def read(self) -> tuple[str, Mark]:
        """Return the text and its mark. Raises SettingsError if it cannot be read, or is open to others."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise SettingsError(f"{self} is not a file")
                if status.st_mode & _OTHERS:
                    mode = f"its mode is {stat.S_IMODE(status.st_mode):04o}"
                    raise SettingsError(f"{self} is open to others than its owner ({mode}): chmod 600 {self.path}")
                raw = file.read()
        except OSError as error:
            raise self.unreadable(error) from None
        try:
            return raw.decode(), _mark(status)
        except UnicodeDecodeError:
            raise self.broken("it is not JSON, for it is not UTF-8") from None

    def mark(self) -> Mark:
        """Return the mark of the file as it is now. Costs one `stat`. Raises OSError."""
        return _mark(self.path.stat())

    def write(self, text: str) -> None:
        """Replace the file, or make it, mode 0600: all or nothing. Raises SettingsError if it cannot be written."""
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8", errors="backslashreplace") as file:
                with contextlib.suppress(FileNotFoundError):  # the new file has the owner of the old one
                    os.fchown(opened, self.path.stat().st_uid, self.path.stat().st_gid)
                file.write(text)
                file.flush()
                os.fsync(opened)
            draft.replace(self.path)
            _flush_folder(self.path.parent)
        except OSError as error:
            raise self._unwritable(error) from None
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Admit one process at a time. The folder is locked, since the file itself is replaced."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def broken(self, words: str) -> SettingsError:
        """Return the error of a file whose content cannot be used; `words` quote nothing of it except names."""
        return SettingsError(f"{self} is broken: {words}")

    def unreadable(self, error: OSError) -> SettingsError:
        """Return the error of a file that the system does not let us read."""
        return SettingsError(f"{self} cannot be read: {_why(error)}")

    def _unwritable(self, error: OSError) -> SettingsError:
        return SettingsError(f"{self} cannot be written: {_why(error)}")


def _mark(status: os.stat_result) -> Mark:
    """Return what a change of the file changes; a new mode changes st_ctime alone."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino


def _flush_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__
