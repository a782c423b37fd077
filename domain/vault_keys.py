"""The keys that the vault seals with: several versions, one of them current.

    {"current": 2, "keys": {"1": "base64 of 32 bytes", "2": "…"}}

The file is its owner's alone. No error, log line or `repr` ever holds a key. `VaultKeys` is what the vault asks for: a
KMS fills it by keeping each version's data key wrapped, and unwrapping it when it is asked for.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from pydantic import SecretBytes

from flowledger.domain import json_text
from flowledger.domain.errors import LedgerError, SettingsError
from flowledger.domain.private_file import Mark, PrivateFile
from flowledger.domain.settings import Settings

logger = logging.getLogger(__name__)

KEY_BYTES: Final = 32
"""AES-256."""
MOST_VERSIONS: Final = 2**31 - 1

_NO_FILE: Final = "LEDGER_VAULT_KEY_FILE is not set: it names the file with the vault's keys"
_MAKE: Final = "make one with `flowledger vault key`"


class UnknownKeyVersion(LedgerError):
    """The keys have no key of a version that something was sealed with; `version` is that version."""

    def __init__(self, version: int, where: str) -> None:
        self.version = version
        super().__init__(
            f"{where} has no key of version {version}, with which this was sealed: put that key back from a backup"
        )


class VaultKeys(Protocol):
    """A store of the vault's keys: a file (`VaultKeyFile`), or a key management service."""

    def current(self) -> int:
        """Return the version to seal with."""
        ...

    def key(self, version: int) -> SecretBytes:
        """Return the key of a version, 32 bytes. Raises UnknownKeyVersion, after it has looked for new ones."""
        ...


@dataclass(slots=True)
class Versions:
    """The content of a vault's key file; `current` is 0 while there are no keys."""

    current: int = 0
    keys: dict[int, SecretBytes] = field(default_factory=dict)

    def add(self, *, current: bool = True) -> int:
        """Add a fresh key, as the current one if it is to be, or if there is no other. Return its version."""
        version = max(self.keys, default=0) + 1
        self.keys[version] = SecretBytes(secrets.token_bytes(KEY_BYTES))
        if current or not self.current:
            self.current = version
        return version


class VaultKeyFile:
    """The keys of a file, which is read again when it has changed.

    If a file that was read before becomes unusable, the keys read before stay in use, and this is logged once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises SettingsError if the file cannot be used; the message tells what is wrong and what to do."""
        self.path = Path(path)
        self._file = _file(self.path)
        self._versions, self._mark = _read(self._file)
        self._trouble = ""

    @classmethod
    def of(cls, settings: Settings) -> VaultKeyFile:
        """Return the keys of the file that the settings name. Raises SettingsError."""
        return cls(path_of(settings))

    def current(self) -> int:
        self._refresh()
        return self._versions.current

    def key(self, version: int) -> SecretBytes:
        if version not in self._versions.keys:
            self._refresh()
        found = self._versions.keys.get(version)
        if found is None:
            raise UnknownKeyVersion(version, f"{self._file} (LEDGER_VAULT_KEY_FILE)")
        return found

    def _refresh(self) -> None:
        """Read the file again if it has changed. Costs one `stat`."""
        trouble = ""
        try:
            if self._file.mark() != self._mark:
                self._versions, self._mark = _read(self._file)
                logger.info("%s has changed, and was read again", self._file)
        except OSError as error:
            trouble = str(self._file.unreadable(error))
        except SettingsError as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            logger.error("the keys that were read before stay in use: %s", trouble)
        self._trouble = trouble

    def __repr__(self) -> str:
        return f"VaultKeyFile({str(self.path)!r})"


class NoKeys:
    """No keys at all: enough to list and to delete."""

    def current(self) -> int:
        raise SettingsError(_NO_FILE)

    def key(self, version: int) -> SecretBytes:  # noqa: ARG002 - as in `VaultKeys`
        raise SettingsError(_NO_FILE)


def path_of(settings: Settings) -> Path:
    """Return the path of the vault's key file. Raises SettingsError if the settings name none."""
    if settings.vault_key_file is None:
        raise SettingsError(_NO_FILE)
    return settings.vault_key_file


@contextlib.contextmanager
def changed_versions(path: Path) -> Iterator[Versions]:
    """Yield the keys of a file, to be changed. At the end of the `with` they are written, all or nothing, mode 0600.

    Without a file there are no keys yet. One process at a time changes the keys. Raises SettingsError if the file
    cannot be used or written. After an exception within the `with` the file is unchanged.
    """
    path = path.resolve()
    file = _file(path)
    with file.alone():
        versions = _read(file)[0] if path.exists() else Versions()
        yield versions
        file.write(_written(versions))


def _file(path: Path) -> PrivateFile:
    return PrivateFile(path, "the vault's key file")


def _written(versions: Versions) -> str:
    keys = {str(version): base64.b64encode(key.get_secret_value()).decode() for version, key in versions.keys.items()}
    lines = ",\n".join(f"{json_text.dumps(version)}: {json_text.dumps(key)}" for version, key in keys.items())
    return f'{{"current": {versions.current}, "keys": {{\n{lines}}}}}\n'


def _read(file: PrivateFile) -> tuple[Versions, Mark]:
    if not file.path.exists():
        raise SettingsError(f"there is no file {file.path}, which is to hold the vault's keys: {_MAKE}")
    text, mark = file.read()
    try:
        return _versions(json_text.loads(text)), mark
    except ValueError as error:
        # The JSON reader's error quotes the text, which might be a key.
        words = str(error) if isinstance(error, _Broken) else "it is not JSON, or has a name twice"
        raise file.broken(words) from None


class _Broken(ValueError):
    """A fault of a key file; the message quotes nothing of the file except versions."""


def _versions(value: object) -> Versions:
    if not isinstance(value, dict) or not isinstance(value.get("keys"), dict):
        raise _Broken('it is not a JSON object with "current" and "keys"')
    keys = {_version(text): _key(key, place) for place, (text, key) in enumerate(value["keys"].items(), 1)}
    current = value.get("current")
    if not isinstance(current, int) or isinstance(current, bool) or current not in keys:
        raise _Broken('"current" is not the version of one of its keys')
    return Versions(current, keys)


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 10 and int(text) <= MOST_VERSIONS):
        raise _Broken(f"a version is not a number from 1 to {MOST_VERSIONS}")
    return int(text)


def _key(value: object, place: int) -> SecretBytes:
    try:
        key = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise _Broken(f"key {place} is not base64 of {KEY_BYTES} bytes")
    return SecretBytes(key)
