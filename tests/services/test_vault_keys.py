"""The vault's key file: versions, one of them current; its owner's alone; read again when it changes."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path

import pytest

from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.domain.vault_keys import UnknownKeyVersion, VaultKeyFile, Versions, changed_versions
from tests.services.conftest import add_key

KEY = base64.b64encode(bytes(range(32))).decode()


def test_a_fresh_key_has_32_random_bytes(key_path: Path) -> None:
    assert add_key(key_path) == 2
    keys = VaultKeyFile(key_path)
    one, two = (keys.key(version).get_secret_value() for version in (1, 2))
    assert len(one) == len(two) == 32
    assert one != two
    assert keys.current() == 2
    assert key_path.stat().st_mode & 0o777 == 0o600


def test_a_key_for_later_is_there_and_not_used(key_path: Path) -> None:
    keys = VaultKeyFile(key_path)
    assert add_key(key_path, current=False) == 2
    assert keys.current() == 1
    assert keys.key(2) != keys.key(1)


def test_a_version_is_never_given_twice(key_path: Path) -> None:
    with changed_versions(key_path) as versions:
        versions.add()
        del versions.keys[1]
    assert add_key(key_path) == 3


def test_the_form_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"current": 7, "keys": {"7": KEY}}))
    path.chmod(0o600)
    keys = VaultKeyFile(path)
    assert (keys.current(), keys.key(7).get_secret_value()) == (7, bytes(range(32)))
    with changed_versions(path):
        pass
    assert json.loads(path.read_text()) == {"current": 7, "keys": {"7": KEY}}


def test_new_keys_are_found_while_the_vault_is_used(key_path: Path) -> None:
    keys = VaultKeyFile(key_path)
    assert keys.current() == 1
    add_key(key_path)
    assert keys.key(2).get_secret_value()
    assert keys.current() == 2


def test_an_unknown_version_is_named_with_file_and_setting(key_path: Path) -> None:
    with pytest.raises(UnknownKeyVersion) as caught:
        VaultKeyFile(key_path).key(9)
    assert caught.value.version == 9
    assert str(key_path) in str(caught.value)
    assert "no key of version 9" in str(caught.value)
    assert "LEDGER_VAULT_KEY_FILE" in str(caught.value)


def test_a_missing_file_and_a_missing_setting_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no file .*none\.json.*flowledger vault key"):
        VaultKeyFile(tmp_path / "none.json")
    with pytest.raises(SettingsError, match="LEDGER_VAULT_KEY_FILE is not set"):
        VaultKeyFile.of(Settings.load())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_is_open_to_others_is_refused(key_path: Path, mode: int) -> None:
    key_path.chmod(mode)
    with pytest.raises(SettingsError, match=f"chmod 600 {key_path}"):
        VaultKeyFile(key_path)
    with pytest.raises(SettingsError, match="chmod 600"):
        add_key(key_path)


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", f'{{"keys": {{"1": "{KEY}"}}}}', f'{{"current": 2, "keys": {{"1": "{KEY}"}}}}',
        f'{{"current": true, "keys": {{"1": "{KEY}"}}}}', f'{{"current": "1", "keys": {{"1": "{KEY}"}}}}',
        '{"current": 1, "keys": {"1": "c2hvcnQ="}}', f'{{"current": 1, "keys": {{"1": "{KEY}!"}}}}',
        f'{{"current": 1, "keys": {{"1": "{KEY}", "01": "{KEY}"}}}}', f'{{"current": 0, "keys": {{"0": "{KEY}"}}}}',
        f'{{"current": 1, "keys": {{"1": "{KEY}", "{2**31}": "{KEY}"}}}}', f'{{"current": 1, "keys": "{KEY}"}}',
        f'{{"current": 1, "keys": {{"1": "{KEY}", "": "{KEY}"}}}}', f'{{"current": 1, "keys": {{"1": "{KEY}"}}',
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_without_its_keys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="is broken") as caught:
        VaultKeyFile(path)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_breaks_later_leaves_the_keys_in_use_and_is_logged_once(
    key_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = VaultKeyFile(key_path)
    key_path.write_text("broken")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert keys.current() == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "stay in use" in caplog.text


def test_after_an_exception_the_file_is_unchanged(key_path: Path) -> None:
    before = key_path.read_bytes()

    def fail() -> None:
        with changed_versions(key_path) as versions:
            versions.add()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert key_path.read_bytes() == before


def test_no_key_is_shown(key_path: Path) -> None:
    keys = VaultKeyFile(key_path)
    secret = json.loads(key_path.read_text())["keys"]["1"]
    with changed_versions(key_path) as versions:
        shown = [repr(versions), str(versions), repr(keys), str(keys), repr(keys.key(1)), str(keys.key(1))]
    raw = repr(base64.b64decode(secret))[2:-1]
    assert not any(secret in text or raw in text for text in shown)
    assert isinstance(versions, Versions)
