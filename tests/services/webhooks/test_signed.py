"""With signatures required the ledger signs the events of webhooks, and nobody else can use their sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from flowledger.domain.errors import SettingsError
from flowledger.domain.settings import Settings
from flowledger.services.once import Once
from flowledger.services.webhooks import WebhookReceiver
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.services.webhooks.calling import Kept, call, record_waiting, refused, set_up, with_settings
from tests.signing import key_file
from tests.storage.recording import dead_letters


def test_with_signatures_required_the_ledger_signs(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept, tmp_path: Path
) -> None:
    set_up(storage)
    required = with_settings(settings, signatures="required", key_file=key_file(tmp_path / "keys.json"))
    with WebhookReceiver(required, storage, kept) as receiver:
        received = call(receiver)
        refused(receiver, {})
    assert json.loads(received.raw)["signature"].startswith("v1:k1:")
    assert record_waiting(required, client, storage) == 2
    assert dead_letters(storage) == []


def test_nobody_else_can_take_an_execution_s_id(
    settings: Settings, storage: Storage, client: redis.Redis, kept: Kept, tmp_path: Path
) -> None:
    set_up(storage)
    required = with_settings(settings, signatures="required", key_file=key_file(tmp_path / "keys.json"))
    client.xadd("ledger:events:0", {"event": raw("execution.created", source="/webhooks/hook_1", id="msg_1")})
    assert record_waiting(required, client, storage) == 0
    assert [letter.reason for letter in dead_letters(storage)] == ["forged"]
    with WebhookReceiver(required, storage, kept) as receiver:
        assert not call(receiver).repeated
    assert record_waiting(required, client, storage) == 1


def test_signatures_without_a_key_are_a_wrong_setting(settings: Settings, storage: Storage) -> None:
    with pytest.raises(SettingsError, match="LEDGER_KEY_FILE"):
        Once(with_settings(settings, signatures="required"), storage)


@pytest.mark.parametrize(
    ("source", "reasons"), [("/elsewhere", ["conflict"]), ("/webhooks", ["conflict"]), ("/webhooks/x", [])]
)
def test_only_of_the_ledger_s_own_sources_another_content_is_a_repeat(
    settings: Settings, storage: Storage, client: redis.Redis, source: str, reasons: list[str]
) -> None:
    for subject in ("one", "two"):
        client.xadd("ledger:events:0", {"event": raw("execution.created", source=source, id="1", subject=subject)})
    assert record_waiting(settings, client, storage) == 1
    assert [letter.reason for letter in dead_letters(storage)] == reasons
