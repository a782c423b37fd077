"""Values as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flowledger.web.charts import Series, bars, lines
from flowledger.web.totals import Total
from flowledger.web.words import ago, many, safe, url_with, when

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.0 s ago"), (59, "59 s ago"), (60, "1 minute ago"), (7_200, "2 hours ago"), (-90_000, "in 1 day")],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(AT - timedelta(seconds=seconds), AT) == words


def test_times_are_in_utc_to_the_millisecond() -> None:
    local = datetime(2026, 1, 31, 14, 30, 0, 7_600, tzinfo=UTC).astimezone(None)
    assert ">2026-01-31 14:30:00.007</time>" in when(local)
    assert ">0001-01-01 00:00:00.000</time>" in when(datetime(1, 1, 1, tzinfo=UTC))
    assert "&ndash;" in when(None)


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200f", "\u061c", "\x00", "\x1b", "\x9b", "\u2028"])
def test_what_moves_or_hides_text_is_written_out(mark: str) -> None:
    assert mark not in safe(f"a{mark}b")
    assert safe(f"a{mark}b").isprintable()


def test_other_text_stays() -> None:
    assert safe("naïve 数据 🙂\n\tx") == "naïve 数据 🙂\n\tx"
    assert safe(None) == ""


def test_totals_are_exact_to_ten_thousand() -> None:
    assert (many(1_234), many(Total(9_999)), many(Total(10_000, is_more=True))) == (
        "1,234",
        "9,999",
        "more than 10,000",
    )


def test_addresses_keep_their_other_arguments() -> None:
    given = {"status": "open", "source": "/a b&c"}
    assert url_with("/ledger", given, {"status": None, "after": "x="}) == "/ledger?source=%2Fa+b%26c&after=x%3D"
    assert url_with("/ledger", {"a": "b"}, {"a": ""}) == "/ledger"


def test_charts_hold_what_they_are_given() -> None:
    drawn = bars([Series("a", "x", [0, 5, 10]), Series("b", "y", [0, 5, 0])], ["<1>", "2", "3"], "a & b")
    assert drawn.count('class="x"') == 2
    assert drawn.count('class="y"') == 1
    assert "&lt;1&gt;" in drawn
    assert "a &amp; b" in drawn
    line = lines([Series("a", "x", [1, None, 2, 3])], ["1", "2", "3", "4"], "c")
    assert line.count("M") == 2
    assert line.count("L") == 1
    assert bars([], [], "nothing").endswith("</svg>")
