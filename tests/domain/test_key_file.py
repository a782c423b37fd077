"""The key file: for its owner alone, read again when it changes, kept when it breaks, silent about what it holds."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from flowledger.domain.envelope import Envelope
from flowledger.domain.errors import SettingsError
from flowledger.domain.events import MessageDelivered
from flowledger.domain.key_file import KeyFile, changed_keys, new_key, read_keys, write_keys
from flowledger.domain.settings import Settings
from flowledger.domain.signing import signer_of

SECRET: Final = base64.b64encode(b"canary-0123456789abcdef").decode()
GOOD: Final = {"sb_1": {"k1": SECRET}}


def written(path: Path, value: Any = GOOD, mode: int = 0o600) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_keys_are_known_by_name_and_id(path: Path) -> None:
    keys = KeyFile(written(path, {"sb_1": {"k1": SECRET, "k2": SECRET}, 'sb "é': {}}))
    assert list(keys.keys_of("sb_1")) == ["k1", "k2"]
    assert keys.keys_of("sb_1")["k1"].get_secret_value() == b"canary-0123456789abcdef"
    assert keys.keys_of('sb "é') == keys.keys_of("nobody") == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o610, 0o777])
def test_a_file_that_is_open_to_others_is_refused(path: Path, mode: int) -> None:
    with pytest.raises(SettingsError, match=f"is open to others than its owner .its mode is {mode:04o}.: chmod 600"):
        KeyFile(written(path, mode=mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_is_taken(path: Path, mode: int) -> None:
    assert KeyFile(written(path, mode=mode)).keys_of("sb_1")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "it is not JSON, or has a name twice"),
        ('{"sb_1":', "it is not JSON, or has a name twice"),
        (f'{{"sb_1":{{"k1":"{SECRET}"}},"sb_1":{{}}}}', "it is not JSON, or has a name twice"),
        (f'{{"sb_1":{{"{SECRET}":"a","{SECRET}":"b"}}}}', "it is not JSON, or has a name twice"),
        ([SECRET], "it is not a JSON object of names"),
        ({"sb_1": SECRET}, "the value of 'sb_1' is not an object of key ids"),
        ({"sb_1": {"k1": SECRET, SECRET: "k2"}}, "the id of key 2 of 'sb_1' is not 1 to 64 of the characters"),
        ({"sb_1": {"": SECRET}}, "the id of key 1 of 'sb_1' is not 1 to 64 of the characters"),
        ({"sb_1": {"k1": SECRET[:-1]}}, "key 1 of 'sb_1' is not base64 of at least 16 bytes"),
        ({"sb_1": {"k1": SECRET + "!"}}, "key 1 of 'sb_1' is not base64 of at least 16 bytes"),
        ({"sb_1": {"k1": base64.b64encode(b"short").decode()}}, "key 1 of 'sb_1' is not base64 of at least 16 bytes"),
        ({"sb_1": {"k1": None}}, "key 1 of 'sb_1' is not base64 of at least 16 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_without_what_it_holds(path: Path, value: Any, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        KeyFile(written(path, value))
    assert words in str(refused.value)
    assert str(path) in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_file_that_is_not_utf8_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="it is not JSON"):
        KeyFile(path)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir])
def test_what_is_no_file_is_refused(path: Path, make: Callable[[Path], object]) -> None:
    make(path)
    with pytest.raises(SettingsError, match="cannot be read: "):
        KeyFile(path)


# --- changes


def test_a_changed_file_is_read_again(path: Path) -> None:
    keys = KeyFile(written(path))
    with changed_keys(path) as changing:
        key_id = new_key(changing, "sb_2")
    assert keys.keys_of("sb_2") == {}
    keys.refresh()
    assert list(keys.keys_of("sb_2")) == [key_id]
    assert "k1" in keys.keys_of("sb_1")


def test_a_file_edited_in_place_at_the_same_size_is_read_again(path: Path) -> None:
    keys = KeyFile(written(path))
    status = path.stat()
    written(path, {"sb_9": {"k1": SECRET}})
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    keys.refresh()
    assert keys.keys_of("sb_9")


def test_an_unchanged_file_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KeyFile(written(path))
    monkeypatch.setattr("flowledger.domain.key_file.read_keys", lambda path: pytest.fail("it was read"))
    keys.refresh()
    assert keys.keys_of("sb_1")


Break = Callable[[Path], object]


@pytest.mark.parametrize(
    "spoil",
    [lambda path: path.write_text("{"), Path.unlink, lambda path: path.chmod(0o644)],
    ids=["broken", "gone", "readable by others"],
)
def test_a_file_that_breaks_leaves_the_keys_read_before_and_is_told_of_once(
    path: Path, caplog: pytest.LogCaptureFixture, spoil: Break
) -> None:
    keys = KeyFile(written(path))
    spoil(path)
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            keys.refresh()
            assert keys.keys_of("sb_1")
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(f"the keys that were read before stay in use: the key file {path} ")
    caplog.clear()
    path.unlink(missing_ok=True)
    written(path, {"sb_2": {"k1": SECRET}})
    keys.refresh()
    assert keys.keys_of("sb_2")
    spoil(path)
    keys.refresh()
    assert "ERROR" in {record.levelname for record in caplog.records}, "another breakage is told of, too"


def test_no_secret_shows(path: Path) -> None:
    keys = KeyFile(written(path))
    shown = repr(keys) + str(keys) + repr(keys.keys_of("sb_1")) + repr(read_keys(path)) + repr(vars(keys))
    shown += repr(signer_of(keys, "sb_1"))
    assert "canary" not in shown
    assert SECRET not in shown


# --- writing


def test_a_new_file_is_for_its_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        with changed_keys(path) as keys:
            new_key(keys, "sb_1")
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    ((_, secret),) = read_keys(path).keys["sb_1"].items()
    assert len(secret.get_secret_value()) == 32
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_what_is_written_is_what_is_read(path: Path) -> None:
    keys = read_keys(written(path, GOOD | {'sb\n"é\ud800': {"a.b-C_9": SECRET}})).keys
    write_keys(path, keys)
    assert read_keys(path).keys == keys


def test_a_change_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    before = written(path).read_bytes()
    with pytest.raises(KeyError), changed_keys(path) as keys:
        del keys["sb_1"], keys["nobody"]
    assert path.read_bytes() == before


def test_a_broken_file_is_not_written_over(path: Path) -> None:
    written(path, "{")
    with pytest.raises(SettingsError, match="broken"), changed_keys(path):
        pass
    assert path.read_text() == "{"


def test_a_link_goes_on_pointing_to_the_file(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(written(path))
    with changed_keys(link) as keys:
        new_key(keys, "sb_2")
    assert link.is_symlink()
    assert "sb_2" in read_keys(path).keys


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written: No such file"), changed_keys(tmp_path / "no" / "keys"):
        pass


def test_many_who_add_keys_at_once_lose_none(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from flowledger.domain.key_file import changed_keys, new_key\n"
        "for number in range(20):\n"
        "    with changed_keys(Path(sys.argv[1])) as keys: new_key(keys, sys.argv[2])\n"
    )
    adding = [subprocess.Popen([sys.executable, "-c", program, str(path), f"sb_{name}"]) for name in range(3)]
    assert [one.wait(60) for one in adding] == [0, 0, 0]
    assert {name: len(keys) for name, keys in read_keys(path).keys.items()} == {"sb_0": 20, "sb_1": 20, "sb_2": 20}


# --- signers


def test_a_signer_uses_the_newest_key_also_where_it_was_made_later(path: Path) -> None:
    settings = Settings.load(key_file=written(path))
    signer = signer_of(settings, "sb_1")
    envelope = Envelope.of(MessageDelivered(to_sandbox_id="sb_1"), source="/sandboxes/sb_1", subject="m")
    assert signer(envelope).extensions["signature"].startswith("v1:k1:")
    with changed_keys(path) as keys:
        key_id = new_key(keys, "sb_1")
    assert signer(envelope).extensions["signature"].startswith(f"v1:{key_id}:")


def test_a_signer_without_a_key_is_none(path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no key of 'sb_2'"):
        signer_of(KeyFile(written(path)), "sb_2")


def test_a_signer_without_a_key_file_is_none() -> None:
    with pytest.raises(SettingsError, match="LEDGER_KEY_FILE is not set"):
        signer_of(Settings.load(), "sb_1")
