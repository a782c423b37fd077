"""Sessions with PostgreSQL: what they need is set, whatever the role, the database, the URL or the environment say."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psycopg2
import pytest
from sqlalchemy import make_url, text

from flowledger.domain.errors import DatabaseUnavailable, DatabaseUnfit, SettingsError
from flowledger.domain.settings import Settings
from flowledger.storage.engines import statements
from flowledger.storage.engines.address import DatabaseAddress
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.engines.session import SessionSetUp
from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.conftest import settings_for
from tests.postgresql import PostgresqlServer
from tests.storage.recording import record

SECRET = "canary-77aa"


def shown(settings: Settings, *names: str) -> list[str]:
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]
    finally:
        engine.dispose()


def with_query(url: str, **query: str) -> str:
    return make_url(url).update_query_dict(query).render_as_string(hide_password=False)


def set_for_database(url: str, *settings: str) -> None:
    engine = make_engine(settings_for(url))
    with engine.begin() as connection:
        for setting in settings:
            connection.execute(text(f'ALTER DATABASE "{engine.url.database}" SET {setting}'))
    engine.dispose()


def test_what_the_rows_depend_on_goes_before_what_the_database_says(postgresql_url: str) -> None:
    set_for_database(
        postgresql_url, "timezone TO 'Europe/Berlin'", "datestyle TO 'SQL, DMY'", "client_encoding TO 'LATIN1'",
        "default_transaction_isolation TO serializable", "transform_null_equals TO on", "synchronous_commit TO off",
    )  # fmt: skip
    names = ("timezone", "datestyle", "client_encoding", "transaction_isolation", "transform_null_equals")
    seen = shown(settings_for(postgresql_url), *names, "synchronous_commit", "row_security")
    assert seen == ["UTC", "ISO, MDY", "UTF8", "read committed", "off", "on", "off"]


@pytest.mark.parametrize(
    ("set_to", "wanted"), [("off", "on"), ("on", "on"), ("local", "local"), ("remote_write", "remote_write")]
)
def test_a_batch_ends_with_a_commit_that_is_on_the_disk(postgresql_url: str, set_to: str, wanted: str) -> None:
    set_for_database(postgresql_url, f"synchronous_commit TO {set_to}")
    with Storage(make_engine(settings_for(postgresql_url))) as storage:
        record(storage, event("task.created"))
        with storage.reading() as connection:  # the connection that the batch gave back
            assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == wanted


def test_options_of_the_url_are_honoured(postgresql_url: str) -> None:
    url = with_query(
        postgresql_url, options=r"-c search_path=a,\ b --lock-timeout=7s -ctimezone=Asia/Tokyo", application_name="x"
    )
    names = ("search_path", "lock_timeout", "timezone", "application_name")
    assert shown(settings_for(url), *names) == ["a, b", "7s", "UTC", "x"]


def test_pgoptions_are_honoured_where_the_url_has_none(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-csearch_path=flow")
    assert shown(settings_for(postgresql_url), "search_path") == ["flow"]
    assert shown(settings_for(with_query(postgresql_url, options="-csearch_path=wolf")), "search_path") == ["wolf"]


def test_without_a_name_sessions_are_called_flowledger(postgresql_url: str) -> None:
    assert shown(settings_for(postgresql_url), "application_name") == ["flowledger"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u@h/d?no_such=1", "no_such"),
        ("postgresql://u@h/d?async=1", "async"),
        ("postgresql://u@h/d?options=-d5", "-c NAME=VALUE"),
        ("postgresql://u@h/d?options=-c", "-c NAME=VALUE"),
        (f"postgresql://u:x@{SECRET}@h:port/d", "not a URL"),
        (f"postgresql://u@h/d?{SECRET}=1", "unknown parameter"),
        ("mysql://u@h/d", "it names mysql"),
        ("postgresql+asyncpg://u@h/d", "it names postgresql+asyncpg"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite:///f.db?mode=ro", "no options"),
        ("postgresql://u%00@h/d", "U+0000"),
        (f"postgresql://u:\udcff{SECRET}@h/d", "not UTF-8"),
        ("nonsense", "not a URL"),
        ("", "not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line_without_the_password(url: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        DatabaseAddress.of(Settings.load(database_url=url))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


def test_an_option_that_the_server_does_not_know_is_refused(postgresql_url: str) -> None:
    engine = make_engine(settings_for(with_query(postgresql_url, options="-cno_such_setting=1")))
    with pytest.raises(DatabaseUnfit, match="no_such_setting"):
        engine.connect()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "EUC_JP"])
def test_a_database_that_cannot_hold_every_text_is_refused(postgresql_server: PostgresqlServer, encoding: str) -> None:
    name = f"{postgresql_server.prefix}_{encoding.lower()}"
    with postgresql_server.admin.connect() as connection:
        options = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        connection.execute(text(f'CREATE DATABASE "{name}" {options}'))
    try:
        with pytest.raises(DatabaseUnfit, match=f"the encoding {encoding}.*ENCODING 'UTF8'"):
            make_engine(settings_for(postgresql_server.url_of(name))).connect()
    finally:
        postgresql_server.drop(name)


def test_rows_that_a_policy_hides_are_an_error_not_missing(postgresql_url: str) -> None:
    engine = make_engine(settings_for(postgresql_url))
    role = f"hidden_{make_url(postgresql_url).database}"[:60]
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text(f"GRANT SELECT ON tasks TO {role}"))
        connection.execute(text("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY"))
    hidden = make_engine(
        settings_for(make_url(postgresql_url).set(username=role).render_as_string(hide_password=False))
    )
    try:
        with hidden.connect() as connection, pytest.raises(Exception, match="row-level security"):
            connection.execute(text("SELECT * FROM tasks"))
    finally:
        hidden.dispose()
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
        engine.dispose()


def test_a_server_that_is_away_is_away_not_unfit(tmp_path: Path) -> None:
    engine = make_engine(settings_for(f"postgresql://u@/d?host={tmp_path}"))
    with pytest.raises(psycopg2.OperationalError):
        engine.raw_connection()


def test_an_old_server_is_refused() -> None:
    class Old:
        server_version = 130_021
        info = SimpleNamespace(parameter_status=lambda _: "13.21")
        closed = False

        def close(self) -> None:
            self.closed = True

    old = Old()
    with pytest.raises(DatabaseUnfit, match=r"PostgreSQL 13\.21 is too old"):
        SessionSetUp({}, psycopg2.connect)(old, SimpleNamespace(info={}))
    assert old.closed


def test_a_session_that_lost_its_statements_says_what_may_be_the_reason(postgresql_url: str) -> None:
    """As a pooler would do it that was switched to transactions while a worker runs."""
    with Storage(make_engine(settings_for(postgresql_url))) as storage:
        record(storage, event("task.created"))
        with storage.looking() as connection:
            connection.execute(text("DEALLOCATE ALL"))
        with pytest.raises(DatabaseUnavailable, match="a pooler that shares connections by transaction"):
            record(storage, event("task.created", subject="another"))
        assert record(storage, event("task.created", subject="another")).recorded == 1


def test_a_prepared_statement_is_named_after_what_it_says(postgresql_url: str) -> None:
    """Another process has prepared it in a session that was handed on: the name means the same there."""
    names = []
    for _ in range(2):
        with Storage(make_engine(settings_for(postgresql_url))) as storage:
            record(storage, event("task.created"))
            with storage.reading() as connection:
                prepared = connection.execute(text("SELECT name, statement FROM pg_prepared_statements ORDER BY name"))
                names.append([tuple(row) for row in prepared])
        statements._statement.cache_clear()  # as in a new process
    assert names[0] == names[1] != []
