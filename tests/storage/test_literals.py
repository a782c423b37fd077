"""Values as SQL literals: the server reads what was written, and what psycopg2 refuses is refused in its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.errors import Reason
from flowledger.storage.engines.literals import literals
from tests.postgresql import PostgresqlServer

_AWKWARD: Final = st.text(alphabet="'\\\"%$E;-\n\t\u2028\xad\U0001f600ä /*", max_size=12)
_TEXTS: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | _AWKWARD
_INTEGERS: Final = st.integers(-(2**63), 2**63 - 1)
_VALUES: Final = st.none() | _TEXTS | _INTEGERS | st.binary() | st.booleans()


@pytest.fixture(scope="module", params=["on", "off"])
def cursor(request: pytest.FixtureRequest, postgresql_server: PostgresqlServer) -> Iterator[Any]:
    """A session with either meaning of a backslash in a text, set when it connects."""
    options = f"-c standard_conforming_strings={request.param} -c escape_string_warning=off"
    url = postgresql_server.url.set(drivername="postgresql", database=postgresql_server.template)
    connection = psycopg2.connect(url.render_as_string(hide_password=False), options=options)
    connection.set_client_encoding("UTF8")
    with connection.cursor() as cursor:
        yield cursor
    connection.close()


@given(values=st.lists(_VALUES, min_size=1, max_size=30))
@settings(max_examples=200)
def test_the_server_reads_what_was_written(cursor: Any, values: list[Any]) -> None:
    cursor.execute(b"SELECT " + literals(cursor, values))
    read = [bytes(one) if isinstance(one, memoryview) else one for one in cursor.fetchone()]
    assert [(type(one), one) for one in read] == [(type(one), one) for one in values]


@given(value=st.floats() | st.decimals())
def test_other_values_are_written_as_by_the_driver(cursor: Any, value: Any) -> None:
    assert literals(cursor, [value]) == cursor.mogrify("%s", (value,))


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "ä'\udfff\\"])
def test_what_postgresql_cannot_hold_is_refused_as_by_the_driver(cursor: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogates") as by_driver:
        cursor.mogrify("%s", (text,))
    with pytest.raises(ValueError, match=re.escape(str(by_driver.value))):
        literals(cursor, ["before", None, text, 3])


def test_a_member_of_an_enum_is_its_value(cursor: Any) -> None:
    assert literals(cursor, [Reason.CONFLICT]) == b"'conflict'"
