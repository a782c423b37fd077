"""When schedules are due: nights on which clocks change by hand, as Debian's cron(8) says; all others by an oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.domain.cron import check_expression
from flowledger.services.schedules import zones
from flowledger.services.schedules.missed import step
from flowledger.services.schedules.timing import Timing
from tests.services.schedules.oracle import times

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BERLIN, NEW_YORK, LORD_HOWE, SANTIAGO = (
    "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"
)  # fmt: skip


def timing(expression: str, zone: str = "UTC", **bounds: Any) -> Timing:
    given: dict[str, Any] = {
        "starts_at": None,
        "ends_at": None,
        "counts_from": bounds.get("starts_at") or LONG_AGO,
    } | bounds
    return Timing(expression, zone, **given)


def shown(expression: str, zone: str, first: str, last: str) -> list[str]:
    """The due times of these local days, with the offset from UTC that the clock has then."""
    place = zones.zone(zone)
    begin = datetime.fromisoformat(first).replace(tzinfo=place) - timedelta(microseconds=1)
    end = datetime.fromisoformat(last).replace(tzinfo=place) + timedelta(days=1, microseconds=-1)
    due = timing(expression, zone).between(begin.astimezone(UTC), end.astimezone(UTC))
    return [f"{time.astimezone(place):%d %H:%M %z}" for time in due]


NIGHTS = [
    # Fixed times that the clocks skip run at the change, once.
    (BERLIN, "30 2 * * *", "2026-03-28", "2026-03-30", ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"]),
    (BERLIN, "0 2 * * *", "2026-03-29", "2026-03-29", ["29 03:00 +0200"]),
    (BERLIN, "0,15,59 2 * * *", "2026-03-29", "2026-03-29", ["29 03:00 +0200"]),
    (BERLIN, "0,30 2-3 * * *", "2026-03-29", "2026-03-29", ["29 03:00 +0200", "29 03:30 +0200"]),
    (BERLIN, "59 1 * * *", "2026-03-29", "2026-03-29", ["29 01:59 +0100"]),
    (BERLIN, "30 2 29 3 *", "2026-03-28", "2026-03-30", ["29 03:00 +0200"]),
    (BERLIN, "30 2 * * 7", "2026-03-28", "2026-03-30", ["29 03:00 +0200"]),
    (NEW_YORK, "30 2 * * *", "2026-03-08", "2026-03-09", ["08 03:00 -0400", "09 02:30 -0400"]),
    (LORD_HOWE, "10 2 * * *", "2026-10-04", "2026-10-05", ["04 02:30 +1100", "05 02:10 +1100"]),
    (LORD_HOWE, "0-59/20 2 * * *", "2026-10-04", "2026-10-04", ["04 02:30 +1100", "04 02:40 +1100"]),
    (SANTIAGO, "0 0 * * *", "2026-09-05", "2026-09-07", ["05 00:00 -0400", "06 01:00 -0300", "07 00:00 -0300"]),
    (SANTIAGO, "30 0 6 9 *", "2026-09-05", "2026-09-07", ["06 01:00 -0300"]),
    # Wildcards go by the new time at once: what is skipped does not come.
    (BERLIN, "*/30 2 * * *", "2026-03-29", "2026-03-30", ["30 02:00 +0200", "30 02:30 +0200"]),
    (BERLIN, "30 */2 * * *", "2026-03-29", "2026-03-29",
     ["29 00:30 +0100", *(f"29 {hour:02}:30 +0200" for hour in range(4, 24, 2))]),
    (NEW_YORK, "*/30 1-3 * * *", "2026-03-08", "2026-03-08",
     ["08 01:00 -0500", "08 01:30 -0500", "08 03:00 -0400", "08 03:30 -0400"]),
    (LORD_HOWE, "*/15 2 * * *", "2026-10-04", "2026-10-04", ["04 02:30 +1100", "04 02:45 +1100"]),
    (LORD_HOWE, "0 */2 4 10 *", "2026-10-04", "2026-10-04",
     ["04 00:00 +1030", *(f"04 {hour:02}:00 +1100" for hour in range(4, 24, 2))]),
    (SANTIAGO, "* 0 6 9 *", "2026-09-05", "2026-09-07", []),
    (SANTIAGO, "*/30 0-1 6 9 *", "2026-09-05", "2026-09-07", ["06 01:00 -0300", "06 01:30 -0300"]),
    # Fixed times that come twice run the first time.
    (BERLIN, "30 2 * * *", "2026-10-24", "2026-10-26", ["24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"]),
    (BERLIN, "0 3 * * *", "2026-10-25", "2026-10-25", ["25 03:00 +0100"]),
    (BERLIN, "0,30 1-3 25 10 *", "2026-10-25", "2026-10-25",
     ["25 01:00 +0200", "25 01:30 +0200", "25 02:00 +0200", "25 02:30 +0200", "25 03:00 +0100", "25 03:30 +0100"]),
    (NEW_YORK, "30 1 * * *", "2026-11-01", "2026-11-02", ["01 01:30 -0400", "02 01:30 -0500"]),
    (LORD_HOWE, "45 1 * * *", "2026-04-05", "2026-04-06", ["05 01:45 +1100", "06 01:45 +1030"]),
    (LORD_HOWE, "0 2 * * *", "2026-04-05", "2026-04-05", ["05 02:00 +1030"]),
    (SANTIAGO, "30 23 * * *", "2026-04-04", "2026-04-05", ["04 23:30 -0300", "05 23:30 -0400"]),
    # Wildcards run at both.
    (BERLIN, "*/30 2 * * *", "2026-10-25", "2026-10-25",
     ["25 02:00 +0200", "25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100"]),
    (BERLIN, "0 * 25 10 *", "2026-10-25", "2026-10-25",
     [*(f"25 {hour:02}:00 +0200" for hour in range(3)), *(f"25 {hour:02}:00 +0100" for hour in range(2, 24))]),
    (NEW_YORK, "45 */1 1 11 *", "2026-11-01", "2026-11-01",
     ["01 00:45 -0400", "01 01:45 -0400", *(f"01 {hour:02}:45 -0500" for hour in range(1, 24))]),
    (LORD_HOWE, "*/15 1 * * *", "2026-04-05", "2026-04-05",
     [*(f"05 01:{minute:02} +1100" for minute in (0, 15, 30, 45)), "05 01:30 +1030", "05 01:45 +1030"]),
    (LORD_HOWE, "0 */2 5 4 *", "2026-04-05", "2026-04-05",
     ["05 00:00 +1100", *(f"05 {hour:02}:00 +1030" for hour in range(2, 24, 2))]),
    (SANTIAGO, "*/30 23 4 4 *", "2026-04-04", "2026-04-05",
     ["04 23:00 -0300", "04 23:30 -0300", "04 23:00 -0400", "04 23:30 -0400"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "expression", "first", "last", "due"), NIGHTS)
def test_a_night_on_which_the_clocks_change(zone: str, expression: str, first: str, last: str, due: list[str]) -> None:
    assert shown(expression, zone, first, last) == due


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("0 0 13 * 5", ["06", "13", "20", "27"]),  # neither field of days begins with *: either is enough
        ("0 0 13 3 */7", []),  # one does: both must match
        ("0 0 */13 * 5", ["27"]),
        ("0 0 1-7 * *", ["01", "02", "03", "04", "05", "06", "07"]),
        ("0 0 * mar Sun", ["01", "08", "15", "22", "29"]),
        ("0 0 * * 0", ["01", "08", "15", "22", "29"]),
        ("0 0 * * 7", ["01", "08", "15", "22", "29"]),
        ("0 0 * * 5-7/2", ["01", "06", "08", "13", "15", "20", "22", "27", "29"]),
    ],
)
def test_days_of_the_month_and_of_the_week_as_in_debians_cron(expression: str, due: list[str]) -> None:
    assert [one[:2] for one in shown(expression, "UTC", "2026-03-01", "2026-03-31")] == due


def test_an_interval_knows_no_clocks() -> None:
    start = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    days = timing("1d", BERLIN, starts_at=start).between(start - timedelta(days=9), start + timedelta(days=3))
    assert list(days) == [start + timedelta(days=day) for day in range(4)]


def test_bounds_begin_with_the_start_and_end_before_the_end() -> None:
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    bounded = timing("0 * * * *", starts_at=noon, ends_at=noon + timedelta(hours=2))
    assert list(bounded.between(LONG_AGO, noon + timedelta(days=1))) == [noon, noon + timedelta(hours=1)]
    created = timing("10m", counts_from=noon + timedelta(milliseconds=1))
    assert created.next(LONG_AGO) == noon + timedelta(minutes=10, seconds=1), "from the next whole second on"


@pytest.mark.parametrize("expression", ["9" * 500 + "d", "8000000s", "0 0 29 2 *"])
def test_the_end_of_time_is_the_end(expression: str) -> None:
    late = datetime(9999, 12, 31, 23, 0, tzinfo=UTC)
    assert timing(expression, "Asia/Tokyo", counts_from=late).next(late) is None


BEGIN, END = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Asia/Tokyo"])
@pytest.mark.parametrize("expression", ["* * * * *", "0 0 1 1 *", "0 3 * * *", "60s", "9" * 500 + "d"])
@pytest.mark.parametrize("moment", [BEGIN, BEGIN + timedelta(milliseconds=500), END.replace(microsecond=0), END])
@pytest.mark.parametrize("which", ["starts_at", "counts_from", "ends_at"])
def test_times_at_the_ends_of_the_calendar_are_bounds_as_others_are(
    which: str, moment: datetime, expression: str, zone: str
) -> None:
    due = timing(expression, zone, **{which: moment})
    begin = due.begin()
    assert BEGIN < begin <= END
    first = due.next(begin)
    is_soon = len(expression) < 100 and (moment > NOW if which == "ends_at" else moment < NOW)
    assert first is not None if is_soon else first in (None, moment)
    for policy in ("skip", "last", "all"):
        times, _ = step(due, min(begin, NOW), now=NOW, seen_since=NOW, missed=policy, most=10)
        assert all(max(due.starts_at or BEGIN, begin) <= one <= NOW for one in times)
        if policy != "skip":
            assert bool(times) == is_soon, "what was missed is made up for"


def test_a_yearly_schedule_since_the_first_year_has_due_times_in_every_zone() -> None:
    for zone in ("UTC", NEW_YORK, "Asia/Tokyo", "Pacific/Kiritimati"):
        since = timing("0 0 1 1 *", zone, starts_at=BEGIN)
        assert len(list(since.between(since.begin(), NOW))) in (2024, 2025)


def test_a_leap_day_is_found_over_a_century() -> None:
    assert timing("0 0 29 2 *").next(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, tzinfo=UTC)


def test_an_unknown_zone_is_said() -> None:
    with pytest.raises(LookupError, match="the time zone Mars/Base is not in the release 20"):
        timing("* * * * *", "Mars/Base").next(LONG_AGO)


def test_the_machines_zones_do_not_count(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if its file of Berlin is that of Tokyo."""
    import importlib.resources
    import zoneinfo

    (tmp_path / "Europe").mkdir()
    tokyo = importlib.resources.files("tzdata.zoneinfo.Asia").joinpath("Tokyo").read_bytes()
    (tmp_path / "Europe" / "Berlin").write_bytes(tokyo)
    zoneinfo.reset_tzpath([tmp_path])
    try:
        ZoneInfo.clear_cache()
        zones.zone.cache_clear()
        noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert noon.astimezone(ZoneInfo(BERLIN)).hour == 21
        assert noon.astimezone(zones.zone(BERLIN)).hour == 13
    finally:
        zoneinfo.reset_tzpath()
        ZoneInfo.clear_cache()


@pytest.mark.parametrize("expression", ["*/7 * * * *", "13s", "0 3 1 * *", "59 23 31 12 *", "0 0 1 jan *"])
@pytest.mark.parametrize("most", [1, 3, 40])
def test_the_last_ones_are_the_last_ones(expression: str, most: int) -> None:
    until = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
    since = until - timedelta(days=2 if expression in ("13s", "*/7 * * * *") else 3000)
    due = timing(expression, BERLIN)
    assert due.last(since, until, most) == list(due.between(since, until))[-most:]


FIELDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


@st.composite
def _expressions(draw: st.DrawFn) -> str:
    fields = []
    for least, greatest in FIELDS:
        number = st.integers(least, greatest)
        one = number.map(str)
        span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
        step = st.tuples(st.sampled_from(["*", f"{least}-{greatest}"]), st.integers(1, 30)).map("{0[0]}/{0[1]}".format)
        items = st.lists(st.one_of(one, span, step), min_size=1, max_size=3).map(",".join)
        fields.append(draw(st.one_of(st.just("*"), st.just("*"), one, items)))
    return " ".join(fields)


@st.composite
def _moments(draw: st.DrawFn) -> datetime:
    """Half of them near a change of the clocks."""
    changes = [
        datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 3, 8, 7), datetime(2026, 11, 1, 6),
        datetime(2026, 4, 4, 15), datetime(2026, 10, 3, 15, 30), datetime(2026, 4, 5, 3), datetime(2026, 9, 6, 4),
    ]  # fmt: skip
    any_minute = st.integers(0, 525_000).map(lambda minute: datetime(2026, 1, 1) + timedelta(minutes=minute))
    near = st.tuples(st.sampled_from(changes), st.integers(-400, 400)).map(
        lambda one: one[0] + timedelta(minutes=one[1])
    )
    return draw(st.one_of(near, any_minute)).replace(tzinfo=UTC)


@settings(max_examples=15)
@given(_expressions(), st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, SANTIAGO, "UTC"]), _moments())
def test_due_times_are_those_of_cron_stepping_through_every_minute(expression: str, zone: str, begin: datetime) -> None:
    try:
        check_expression(expression)
    except ValueError:
        return
    end = begin + timedelta(hours=30)
    assert list(timing(expression, zone).between(begin, end)) == times(expression, zone, begin, end)
