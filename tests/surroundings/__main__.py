"""`make surroundings`: every setting of `tests.surroundings`, tried; a table in docs/surroundings.md."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from flowledger.cli.leftovers import leave_nothing_running
from tests.surroundings.run import SETTINGS, Verdict, open_folder, plain_ground, reference, verdict
from tests.surroundings.settings import Setting
from tests.surroundings.trial import Seen

PAGE: Final = Path(__file__).parents[2] / "docs" / "surroundings.md"
BEGIN: Final = "<!-- surroundings: written by make surroundings -->"
END: Final = "<!-- end of surroundings -->"
console: Final = Console(highlight=False)


def main() -> None:
    options = _options()
    leave_nothing_running()
    for name in list(os.environ):
        if name.startswith(("LEDGER_", "PG")) or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    chosen = [place for place, one in enumerate(SETTINGS) if re.search(options.only, f"{one.area} {one.name}")]
    shares = [chosen[first :: options.jobs] for first in range(min(options.jobs, len(chosen)))]
    with multiprocessing.get_context("fork").Pool(options.jobs) as pool:
        tried = {place: one for share in pool.imap_unordered(_try_share, shares) for place, one in share}
        pool.close()
        pool.join()
    found = [Verdict(SETTINGS[place], *tried[place]) for place in chosen]
    wrong, skipped = sum(bool(one.wrong) for one in found), sum(bool(one.skipped) for one in found)
    console.print(f"{len(found)} settings: {len(found) - wrong - skipped} as wanted, {wrong} not, {skipped} not tried")
    write(found)
    console.print(f"written to {PAGE}")
    sys.exit(1 if wrong or not found else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.surroundings", description=__doc__)
    parser.add_argument(
        "--only",
        metavar="REGEX",
        default="",
        help="settings whose area and name have it; the page keeps the other rows",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at once, each with its servers")
    return parser.parse_args()


def _try_share(places: Sequence[int]) -> list[tuple[int, tuple[Seen, str, str]]]:
    """The settings at these places, one after the other, on servers of their own; what makes their verdicts."""
    tried = []
    with open_folder() as folder, plain_ground(folder / "plain") as ground:
        right = reference(ground, folder / "reference")
        for place in places:
            one = verdict(SETTINGS[place], ground, folder / str(place), right)
            _tell(one)
            tried.append((place, (one.seen, one.wrong, one.skipped)))
    return tried


def write(found: Sequence[Verdict]) -> None:
    """Puts what was tried into the table between the markers of the page; what was not tried this time stays."""
    before, rest = PAGE.read_text().split(BEGIN)
    table, after = rest.split(END)
    rows = {_head(one.setting): f"{_head(one.setting)} {_cell(_steady(one.words))} |" for one in found}
    known = {_head(one): line for one in SETTINGS for line in table.splitlines() if line.startswith(_head(one))}
    lines = [(known | rows)[_head(one)] for one in SETTINGS if _head(one) in known | rows]
    PAGE.write_text(
        before + "\n".join([BEGIN, "", "| | setting | outcome |", "| --- | --- | --- |", *lines, "", END]) + after
    )


def _head(setting: Setting) -> str:
    return f"| {setting.area} | `{_cell(setting.name).replace('`', '')}` |"


def _tell(one: Verdict) -> None:
    style = "red" if one.wrong else "yellow" if one.skipped else ""
    console.print(Text(f"{one.setting.area}: {one.setting.name}: {one.words[:1500]}", style=style), soft_wrap=True)


def _steady(words: str) -> str:
    """Without what is another at each run: names of databases, ports, folders."""
    words = re.sub(r"flow_[0-9a-f]{8}", "…", words)
    words = re.sub(r"(127\.0\.0\.1)(:| port )[0-9]+|port [0-9]+", r"\1", words)
    return re.sub(r"/[^ ]*flowledger-surroundings-[^ \"'`,;]*", "…", words)


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())


if __name__ == "__main__":
    main()
