"""Settings: one validated object, from the environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from flowledger.domain.errors import SettingsError
from flowledger.domain.likeness import forget_what_was_told
from flowledger.domain.limits import variable
from flowledger.domain.settings import Settings


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for one in get_args(annotation):
        yield from _types(one)


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


NUMBERS = [name for name, field in Settings.model_fields.items() if {int, float} & {*_types(field.annotation)}]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400"])
def test_a_number_is_finite_in_every_setting(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(SettingsError, match=f"^{variable(name)}: must be a (finite|whole) number, not '{value}'$"):
        Settings.load()
    with pytest.raises(SettingsError, match=f"^{name}: must be a (finite|whole) number, not {float(value)}$"):
        Settings(**{name: float(value)})


@pytest.mark.parametrize("name", [name for name in NUMBERS if name.endswith(("_seconds", "_days"))])
def test_a_span_is_one_that_clocks_and_sockets_can_count(name: str) -> None:
    for value in (1e11, 10**30):
        with pytest.raises(SettingsError, match=f"^{name}: must be a"):
            Settings(**{name: value})


@pytest.mark.parametrize("make", [Settings, Settings.load])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shards": "x"}, "shards: must be a whole number, not 'x'"),
        ({"shards": 0}, "shards: must be at least 1, not 0"),
        ({"shards": 1.5}, "shards: must be a whole number, not 1.5"),
        ({"shards": None}, "shards: must be a whole number, not null"),
        ({"pool_timeout_seconds": "soon"}, "pool_timeout_seconds: must be a number, not 'soon'"),
        ({"inbox_memory_share": 2}, "inbox_memory_share: must be at most 1, not 2"),
        ({"signatures": "perhaps"}, "signatures: must be 'off' or 'required', not 'perhaps'"),
        ({"redis_url": ["redis://:hunter2@h"]}, "redis_url: must be a string, not a list"),
        ({"home": 3}, "home: must be a path, not 3"),
    ],
)
def test_what_is_given_and_cannot_be_used_is_told_in_our_words(
    make: Callable[..., Settings], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        make(**given)
    assert str(caught.value) == words


def test_passwords_do_not_show() -> None:
    settings = Settings.load(redis_url="redis://:hunter2@host/0", database_url="postgresql://me:hunter2@host/db")
    assert "hunter2" not in repr(settings) + str(settings) + str(settings.model_dump())


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load().shards = 3  # type: ignore[misc]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """The warnings of a process that has given none yet."""
    forget_what_was_told()
    yield caplog
    forget_what_was_told()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LEDGER_SHARD", "LEDGER_SHARDS"),
        ("ledger_shard", "LEDGER_SHARDS"),
        ("LEDGER_MAX_EVENTS_BYTES", "LEDGER_MAX_EVENT_BYTES"),
        ("LEDGER_PUBLISH_TIMEOUT_SECOND", "LEDGER_PUBLISH_TIMEOUT_SECONDS"),
        ("LEDGER_KEYFILE", "LEDGER_KEY_FILE"),
        ("LEDGER_REDIS_URL", "REDIS_URL"),
    ],
)
def test_a_variable_that_is_misspelt_is_told_once(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    monkeypatch.setenv(variable, "4")
    for _ in range(2):
        assert Settings.load().shards == 8
    assert [record.getMessage() for record in told.records] == [
        f"{variable} is not a setting, and has no effect; did you mean {meant}?"
    ]


@pytest.mark.parametrize("variable", ["LEDGER_FILE", "LEDGER_PRICE_DB", "LEDGER_SHARDS", "LEDGERSHARD"])
def test_a_variable_of_somebody_else_is_no_matter(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "8")
    Settings.load()
    assert not told.records


def test_what_is_given_and_no_setting_is_told(told: pytest.LogCaptureFixture) -> None:
    Settings.load(shard=4, colour="red", redis_url="redis://h", DATABASE_URL="sqlite://")
    assert sorted(record.getMessage() for record in told.records) == [
        "colour is not a setting, and has no effect",
        "shard is not a setting, and has no effect; did you mean shards?",
    ]
