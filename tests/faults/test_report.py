"""`docs/reliability.md`: a run rewrites the page, and the list of full runs goes on."""

from __future__ import annotations

from pathlib import Path

from tests.faults import report, running_total
from tests.faults.judge import Verdict
from tests.faults.report import PAGE, Run
from tests.faults.running_total import FullRun
from tests.faults.trial import Outcome

OUTCOMES = [
    Outcome(0, "control", lost_is_right=True, faults=9, verdict=Verdict(accepted=50, lost=3, is_given=True)),
    Outcome(2, "kills", lost_is_right=False, faults=7, kills=6, verdict=Verdict(accepted=1_200, is_given=True)),
    Outcome(3, "stops", lost_is_right=False, faults=5, kills=4, failed="it did not come to the judge"),
]


def test_a_full_run_adds_a_line_and_keeps_the_others(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    before = running_total.read(page)
    report.write(OUTCOMES, Run(17, "python -m tests.faults", "servers", 120.0, 1.0, is_full=True), page)
    *kept, new = running_total.read(page)
    assert kept == before
    assert len(kept) >= 2
    assert (new.seed, new.minutes, new.events, new.faults, new.kills) == (17, 2, 1_200, 7, 6)
    assert (new.lost, new.doubled, new.held) == (0, 0, "2 of 3")


def test_a_run_of_some_rows_adds_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text())
    before = running_total.read(page)
    report.write(OUTCOMES, Run(17, "python -m tests.faults --rows 2", "servers", 120.0, 1.0), page)
    assert running_total.read(page) == before


def test_the_kills_add_up_and_a_loss_is_told() -> None:
    run = FullRun("2026-01-31", "0a1b2c3", 1, 30, 1_000, 20, 100, 0, 0, "19 of 19")
    assert "200 processes killed" in running_total.section([run, run])
    assert "3/N = 1.50%" in running_total.section([run, run])
    lossy = running_total.section([run, run._replace(lost=2)])
    assert "2 events lost" in lossy
    assert "3/N" not in lossy
