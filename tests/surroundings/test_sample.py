"""Some of the settings that `make surroundings` tries, and what shows that a trial can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.surroundings.ground import Ground
from tests.surroundings.run import SETTINGS, open_folder, plain_ground, reference, verdict
from tests.surroundings.settings import Setting, Wanted
from tests.surroundings.trial import Rows

SAMPLE: Final = (
    "ALTER ROLE … SET timezone TO 'Asia/Kathmandu'",
    "?options=--search-path=flow -c timezone=Asia/Tokyo",
    "encoding SQL_ASCII",
    "maxmemory-policy allkeys-lru",
    "?protocol=3",
    "pool_mode = session, database in Europe/Berlin",
    "pool_mode = transaction",
)


@dataclass(frozen=True)
class Tried:
    ground: Ground
    folder: Path
    right: Rows


@pytest.fixture(scope="module")
def tried() -> Iterator[Tried]:
    with open_folder() as folder, plain_ground(folder / "plain") as ground:
        yield Tried(ground, folder, reference(ground, folder / "reference"))


def setting(name: str) -> Setting:
    [found] = [one for one in SETTINGS if one.name == name]
    return found


@pytest.mark.parametrize("place", range(len(SAMPLE)), ids=SAMPLE)
def test_right_rows_or_a_clear_refusal(tried: Tried, place: int) -> None:
    seen = verdict(setting(SAMPLE[place]), tried.ground, tried.folder / str(place), tried.right)
    if seen.skipped:
        pytest.skip(seen.skipped)
    assert seen.wrong == ""


def test_other_rows_are_seen(tried: Tried) -> None:
    """One letter of one task, as a wrong encoding would change it."""
    tasks = [{**row, "name": str(row["name"]).replace("é", "e")} for row in tried.right["tasks"]]
    other = {**tried.right, "tasks": tasks}
    plain = setting("a database of one's own, nothing set")
    assert verdict(plain, tried.ground, tried.folder / "other", other).wrong == "other rows in tasks"


def test_a_refusal_that_does_not_come_is_seen(tried: Tried) -> None:
    wanted = setting("?protocol=3")._replace(wanted=Wanted.ROWS)
    assert "the option protocol" in verdict(wanted, tried.ground, tried.folder / "refused", tried.right).wrong


def test_names_of_settings_are_their_own() -> None:
    assert len({(one.area, one.name) for one in SETTINGS}) == len(SETTINGS)
