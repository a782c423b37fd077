"""RFC 3339 with a zone, cut to the microsecond (contract, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.errors import Reason
from flowledger.domain.times import parse_time, sortable, sortable_text
from tests.builders import raw
from tests.domain.refusing import refusal

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31T12:00:00+00:00", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2026-01-31T14:30:00+02:30", NOON),
        ("2026-01-30T12:01:00-23:59", NOON),
        ("2026-02-01T11:59:00+23:59", NOON),
        ("2026-01-31T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-01-31T12:00:00.000001Z", NOON.replace(microsecond=1)),
        ("2026-01-31T12:00:00.0000019Z", NOON.replace(microsecond=1)),
        ("2026-01-31T12:00:00.999999999Z", NOON.replace(microsecond=999_999)),
        ("2026-01-31T12:00:00." + "9" * 1000 + "Z", NOON.replace(microsecond=999_999)),
        ("2024-02-29T12:00:00Z", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    assert parse_time(text) == moment
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-01-31",
        "12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+02",
        "2026-01-31T12:00:00+0200",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+02:60",
        "2026-01-31T12:00:00 Z",
        "2026-01-31T12:00:00Z\n",
        " 2026-01-31T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "2016-12-31T23:59:60Z",
        "2026-02-29T12:00:00Z",
        "2026-04-31T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-00-01T12:00:00Z",
        "2026-1-31T12:00:00Z",
        "26-01-31T12:00:00Z",
        "+2026-01-31T12:00:00Z",
        "12026-01-31T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "\uff12026-01-31T12:00:00Z",
        "20260131T120000Z",
        "1769860800",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert refusal(raw("task.started", time=text)) == (Reason.INVALID_ENVELOPE, "time")


@pytest.mark.parametrize("value", [0, 1769860800, 1.5, True, ["2026-01-31T12:00:00Z"], {}], ids=repr)
def test_a_time_is_a_text(value: Any) -> None:
    assert refusal(raw("task.started", time=value)) == (Reason.INVALID_ENVELOPE, "time")


_zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_moments = st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=_zones)


@given(_moments)
def test_every_moment_comes_back(moment: datetime) -> None:
    assert parse_time(moment.isoformat()) == moment


@given(_moments, _moments)
def test_sortable_text_sorts_as_the_moments_do(one: datetime, other: datetime) -> None:
    texts = [sortable(parse_time(moment.isoformat())) for moment in (one, other)]
    assert (texts[0] < texts[1], texts[0] == texts[1]) == (one < other, one == other)


_NEARLY = st.from_regex(
    r"[0-9]{3,5}-[0-9]{2}-[0-3][0-9][Tt ]?[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,9})?"
    r"([Zz]|[-+][0-2][0-9]:[0-5][0-9])?",
    fullmatch=True,
)


def _outcome(read: Callable[[str], str], text: str) -> str:
    try:
        return read(text)
    except ValueError as error:
        return f"refused: {error}"


@given(_moments.map(datetime.isoformat) | _moments.map(lambda one: f"{one:%4Y-%m-%dT%H:%M:%S.%f}Z") | _NEARLY)
def test_a_text_is_rearranged_or_refused_as_its_moment_is(text: str) -> None:
    assert _outcome(sortable_text, text) == _outcome(lambda one: sortable(parse_time(one)), text)
