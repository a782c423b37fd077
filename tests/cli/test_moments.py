"""Moments as people write them on a command line."""

from __future__ import annotations

import pytest

from flowledger.domain.moments import moment
from flowledger.domain.times import now


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("2h", 7200), ("1d12h", 129_600), ("1w", 604_800)])
def test_a_span_is_so_long_ago(text: str, seconds: int) -> None:
    assert abs((now() - moment(text)).total_seconds() - seconds) < 60


def test_a_date_begins_at_midnight_in_utc() -> None:
    assert moment("2026-01-31") == moment("2026-01-31T00:00:00Z") == moment("2026-01-31T01:00:00+01:00")


@pytest.mark.parametrize("text", ["", "h", "2", "2h ", "-2h", "2026-13-01", "2026-01-31T12:00:00", "999999999w", "٢h"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|longer ago"):
        moment(text)
