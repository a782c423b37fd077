"""The key file: the secrets of signers (`domain.signatures`), readable by the file's owner alone.

    {"/flowledger": {"key_01m8…": "base64 of 32 bytes"}, "sb_1": {"key_01m7…": "…", "key_01m9…": "…"}}

A name may have several keys, so that keys can be rotated: signers use the last one, and a signature with any of them is
accepted. No error, log line or `repr` ever holds a secret, or a value in the wrong place that might be one.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import SecretBytes

from flowledger.domain import json_text
from flowledger.domain.errors import SettingsError
from flowledger.domain.ids import new_id
from flowledger.domain.private_file import Mark, PrivateFile
from flowledger.domain.signatures import KEY_ID, told

logger = logging.getLogger(__name__)

KeysByName = dict[str, dict[str, SecretBytes]]

_SECRET_BYTES: Final = 32
_LEAST_BYTES: Final = 16


class KeyFile:
    """The keys of a file, which is read again if it has changed.

    If a file that was read before becomes unusable, the keys read before stay in use, and this is logged once.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises SettingsError if the file cannot be used; the message tells what is wrong and what to do."""
        self.path = Path(path)
        self._read = read_keys(self.path)
        self._trouble = ""

    def keys_of(self, name: str) -> Mapping[str, SecretBytes]:
        """Return the secrets of a name by key id, the one to sign with last; empty if the name is unknown."""
        return self._read.keys.get(name, {})

    def refresh(self) -> None:
        """Read the file again if it has changed. Costs one `stat`."""
        trouble = ""
        file = _file(self.path)
        try:
            if file.mark() != self._read.mark:
                self._read = read_keys(self.path)
                logger.info("%s has changed, and was read again", self.path)
        except OSError as error:
            trouble = str(file.unreadable(error))
        except SettingsError as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            logger.error("the keys that were read before stay in use: %s", trouble)
        self._trouble = trouble

    def __repr__(self) -> str:
        return f"KeyFile({str(self.path)!r})"


class ReadKeys(NamedTuple):
    """The keys of a key file, and the mark by which a later change is detected."""

    keys: KeysByName
    mark: Mark


def read_keys(path: Path) -> ReadKeys:
    """Return the keys of a key file. Raises SettingsError if it is broken, or open to others than its owner."""
    file = _file(path)
    text, mark = file.read()
    try:
        return ReadKeys(_keys(json_text.loads(text)), mark)
    except ValueError as error:
        # The JSON reader's error quotes the text, which might be a secret.
        words = str(error) if isinstance(error, _Broken) else "it is not JSON, or has a name twice"
        raise file.broken(words) from None


@contextlib.contextmanager
def changed_keys(path: Path) -> Iterator[KeysByName]:
    """Yield the keys of a file, to be changed. At the end of the `with` they are written, all or nothing, mode 0600.

    Without a file there are no keys yet. One process at a time changes the keys. Raises SettingsError if the file
    cannot be used or written. After an exception within the `with` the file is unchanged.
    """
    path = path.resolve()
    with _file(path).alone():
        keys = read_keys(path).keys if path.exists() else {}
        yield keys
        write_keys(path, keys)


def write_keys(path: Path, keys: KeysByName) -> None:
    """Write a key file, mode 0600, or replace it. Raises SettingsError if it cannot be written."""
    written = {
        name: {key_id: base64.b64encode(secret.get_secret_value()).decode() for key_id, secret in of_name.items()}
        for name, of_name in keys.items()
    }
    lines = ",\n".join(f"{json_text.dumps(name)}: {json_text.dumps(of_name)}" for name, of_name in written.items())
    _file(path).write(f"{{{lines}}}\n")


def new_key(keys: KeysByName, name: str) -> str:
    """Add a new key to those of `name`, as the one to sign with. Return its id."""
    key_id = new_id("key")
    keys.setdefault(name, {})[key_id] = SecretBytes(secrets.token_bytes(_SECRET_BYTES))
    return key_id


class _Broken(ValueError):
    """A fault of a key file; the message quotes nothing of the file except names."""


def _keys(value: object) -> KeysByName:
    if not isinstance(value, dict):
        raise _Broken("it is not a JSON object of names")
    return {name: _keys_of_name(name, keys) for name, keys in value.items()}


def _keys_of_name(name: str, value: object) -> dict[str, SecretBytes]:
    if not isinstance(value, dict):
        raise _Broken(f"the value of {told(name)} is not an object of key ids")
    found = {}
    for place, (key_id, secret) in enumerate(value.items(), 1):
        which = f"key {place} of {told(name)}"
        if not KEY_ID.fullmatch(key_id):
            raise _Broken(f"the id of {which} is not 1 to 64 of the characters A-Z a-z 0-9 _ . -")
        found[key_id] = SecretBytes(_secret(secret, which))
    return found


def _secret(value: object, which: str) -> bytes:
    try:
        secret = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except ValueError:
        secret = b""
    if len(secret) < _LEAST_BYTES:
        raise _Broken(f"{which} is not base64 of at least {_LEAST_BYTES} bytes")
    return secret


def _file(path: Path) -> PrivateFile:
    return PrivateFile(path, "the key file")
