"""Settings: one validated object, from the environment."""

from __future__ import annotations

import pytest

from domain.errors import SettingsError
from domain.settings import Settings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_SHARDS", "3")
    monkeypatch.setenv("REDIS_URL", "redis://host/1")
    settings = Settings.load()
    assert settings.redis_url is not None
    assert (settings.shards, settings.redis_url.get_secret_value(), settings.database_url) == (
        3,
        "redis://host/1",
        None,
    )


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_SHARDS", "3")
    assert Settings.load(shards=5).shards == 5


def test_the_defaults_are_the_contracts() -> None:
    settings = Settings.load()
    assert (settings.shards, settings.max_event_bytes) == (8, 2**20)
    pool = (
        settings.pool_size,
        settings.pool_max_overflow,
        settings.pool_timeout_seconds,
        settings.pool_recycle_seconds,
    )
    assert pool == (20, 40, 30, 3600)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEDGER_SHARDS", "0"),
        ("LEDGER_SHARDS", "many"),
        ("LEDGER_MAX_EVENT_BYTES", "10"),
        ("LEDGER_LEASE_SECONDS", "0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_as_it_was_set(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name}: "):
        Settings.load()


def test_passwords_do_not_show() -> None:
    settings = Settings.load(redis_url="redis://:hunter2@host/0", database_url="postgresql://me:hunter2@host/db")
    assert "hunter2" not in repr(settings) + str(settings) + str(settings.model_dump())


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().shards = 3  # type: ignore[misc]
