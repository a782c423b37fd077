"""`flowledger verify`: does every row say what the journal says?"""

from __future__ import annotations

from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import facts, indented, print_rows
from flowledger.domain.limits import RANGES
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.recompute import Column, Difference, Kind
from flowledger.workers.verify import Report
from flowledger.workers.verify import verify as run

_VALUE: Final = 60
"""Characters that are shown of a value."""

_KEY: Final = 4 * RANGES["max_id_bytes"].highest

_WORDS: Final = {
    Kind.MISSING: "the row is missing",
    Kind.UNEXPECTED: "no event of the journal makes this row",
    Kind.DAMAGED: "the journal is damaged: ",
    Kind.UNDECIDED: "what it should say is not known: an event about it is damaged",
}


def verify(settings: Settings, *, repair: bool, most: int, quiet: bool) -> Report:
    """Verify with a progress bar on standard error, unless `quiet` or nobody sees it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        Storage(make_engine(settings)) as storage,
        Progress(*columns, console=screen.err, disable=quiet or not screen.err.is_terminal) as progress,
    ):
        bars: dict[str, TaskID] = {}

        def tell(phase: str, done: int, total: int) -> None:
            if phase not in bars:
                bars[phase] = progress.add_task(phase, total=total)
            progress.update(bars[phase], completed=done, total=total)

        return run(storage, mend=repair, most=most, tell=tell)


def as_document(report: Report) -> dict[str, Any]:
    """The report as one JSON document; values of columns as they are in the tables."""
    return {
        "clean": report.differences == 0,
        "events": report.events,
        "rows": report.rows,
        "aged": report.aged,
        "gone": {"events": report.gone, "subjects": report.gone_subjects, "erased": report.erased},
        "differences": report.differences,
        "by_table": report.by_table,
        "first": report.first,
        "mended": report.mended,
        "seconds": report.seconds,
    }


def print_report(report: Report) -> None:
    """Print what was compared, what differs, and what became of it."""
    events = f"{report.events - report.gone:,} events recomputed"
    screen.out.print(f"{events}, {report.rows:,} rows compared, {report.seconds:.1f} s")
    if report.gone:
        gone = f"the texts of {report.gone:,} events are gone"
        if report.erased:
            gone = f"{gone}, {report.erased:,} of them erased"
        words = f"{gone}: the rows of {report.gone_subjects:,} subjects cannot be recomputed, and are not judged"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)
    if report.aged:
        words = f"{report.aged:,} rows differ that may have gone by age (LEDGER_KEEP_…), and are not judged"
        screen.out.print(Text(words, style="yellow"), soft_wrap=True)
    if report.differences == 0:
        rest = "every other row" if report.gone or report.aged else "every row"
        screen.out.print(Text(f"{rest} is what the journal says", style="green"))
        return
    for difference in report.first:
        _print_difference(difference)
    if report.differences > len(report.first):
        screen.out.print(Text(f"… and {report.differences - len(report.first):,} more (--most)", style="dim"))
    counts = ", ".join(f"{count:,} in {table}" for table, count in report.by_table.items())
    screen.out.print(Text(f"{report.differences:,} rows differ: {counts}", style="red"))
    _print_repair(report)


def _print_repair(report: Report) -> None:
    if report.mended is None:
        screen.out.print("flowledger verify --repair makes them say what the journal says")
        return
    screen.out.print(Text(f"mended {report.mended.rows:,} rows", style="green"))
    if report.mended.left:
        screen.out.print(
            Text(
                f"left {report.mended.left:,} as they are: events that can no longer be read, and rows that depend on "
                "them; put back their texts from a backup of the table event_texts",
                style="yellow",
            )
        )


def _print_difference(difference: Difference) -> None:
    """Print one row: its table and key, and how it differs."""
    key = screen.words(" ".join(str(part) for part in difference.key), "bold", limit=_KEY)
    screen.out.print(Text.assemble(difference.table, " ", key), soft_wrap=True)
    if difference.columns:
        print_rows(facts([(column.name, _values(column)) for column in difference.columns], indent=2))
    else:
        told = Text.assemble(_WORDS[difference.kind], screen.words(difference.detail, limit=200))
        print_rows([indented(told, 2)])


def _values(column: Column) -> Text:
    found, expected = (
        Text("null", style="dim") if value is None else screen.words(str(value), limit=_VALUE)
        for value in (column.found, column.expected)
    )
    return Text.assemble(("is ", "red"), found, ("  should be ", "green"), expected)
