"""What `flowledger why` has found, as a person wants to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Row, facts, indented, print_rows
from flowledger.cli.why import LISTS
from flowledger.workers.provenance.claims import Claim
from flowledger.workers.provenance.owners import Group, OwnedRow, Provenance

_LOST: Final = 5
"""Of the events that lost, how many are shown of each group; `--limit` and `--json` show more."""


def print_why(found: Provenance, rows: Sequence[tuple[OwnedRow, list[Group]]], *, most: int | None) -> None:
    """Print each row: its groups, the owner of each, and which events lost to it, `most` of them."""
    for row, groups in rows:
        _print_row(row)
        for group in _merged(groups):
            print_rows(_group(group, _LOST if most is None else most))
        nobody = [name for group in groups if group.owner is None and not group.adds for name in group.columns]
        if nobody and not found.unreadable:
            print_rows(facts([("nobody set", screen.words(" ".join(nobody)))]))
        if not groups:
            print_rows([indented(Text("it names the row: no event owns it", style="dim"), 2)])
    if found.unreadable:
        _print_unreadable(found)


def print_hint(found: Provenance) -> None:
    """Print how to see the rows that belong to the subject."""
    kinds = {row.kind.name: row.kind for row in found.rows}.values()
    tables = {table.name for kind in kinds for table in kind.tables}
    lists = {listed.name for kind in kinds for listed in kind.lists}
    names = [name for name, table in LISTS.items() if name in lists or table in tables]
    if names:
        screen.out.print(screen.words(f"rows that belong to it: --of {', --of '.join(names)}", "dim"), soft_wrap=True)


def _print_row(row: OwnedRow) -> None:
    key = row.named_key()
    single = len(key) == 1
    words = next(iter(key.values())) if single else ", ".join(f"{name} {value}" for name, value in key.items())
    name = row.kind.name if row.table is row.kind.table else row.table.name
    title = Text.assemble(f"{name} ", (screen.safe(str(words)), "bold"))
    if isinstance(status := row.values.get("status"), str):
        title.append(" ").append_text(screen.status(status))
    screen.out.print(title, soft_wrap=True)
    if row.difference is not None:
        columns = ", ".join(column.name for column in row.difference.columns)
        words = f"the row is not as the journal says ({row.difference.kind}{': ' if columns else ''}{columns}): "
        screen.out.print(screen.words(f"{words}flowledger verify --repair", "bold red"), soft_wrap=True)


def _merged(groups: Sequence[Group]) -> Iterator[Group]:
    """Yield the groups that somebody owns, or adds to; those with the same owner and the same losers as one."""
    alike: dict[Any, list[Group]] = {}
    for group in groups:
        if group.owner is not None or group.adds:
            alike.setdefault((group.owner, group.lost, group.adds), []).append(group)
    for first, *others in alike.values():
        columns = tuple(name for one in (first, *others) for name in one.columns)
        yield replace(first, columns=columns)


def _group(group: Group, most: int) -> Iterator[Row]:
    yield indented(screen.words(" ".join(group.columns), "bold"), 2)
    if group.owner is not None:
        yield Row(Text("    owner  ", style="green"), _event(group.owner))
        for lost in group.lost[:most]:
            yield Row(Text("    lost   ", style="dim"), _event(lost.event))
            yield indented(screen.words(lost.reason, "yellow"), 13)
        if len(group.lost) > most:
            more = len(group.lost) - most
            yield indented(screen.words(f"and {more:,} more lost: --limit {len(group.lost)}", "dim"), 11)
    for claim in group.adds[:most]:
        yield Row(Text("    added  ", style="green"), _event(claim))
    if len(group.adds) > most:
        more = len(group.adds) - most
        yield indented(screen.words(f"and {more:,} more are added: --limit {len(group.adds)}", "dim"), 11)


def _event(claim: Claim) -> Text:
    """Return what names an event, and the parts of its key."""
    teller = claim.teller
    parts = [f"attempt {teller.attempt}"] if teller.attempt != 1 else []
    parts += [f"sequence {teller.sequence}"] if teller.sequence is not None else []
    parts.append(f"no time, recorded {_time(teller.recorded_at)}" if teller.time is None else _time(teller.time))
    return Text.assemble(
        screen.words(teller.type, "cyan"), "  ", screen.words(teller.source), " ",
        screen.words(teller.id, "bold"), "  ", screen.words(", ".join(parts), "dim"),
    )  # fmt: skip


def _time(text: str) -> str:
    """Return a time without the zeros at its end."""
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _print_unreadable(found: Provenance) -> None:
    source, id_ = found.unreadable[0]
    count = len(found.unreadable)
    words = (
        f"the texts of {count:,} of {found.events:,} events are gone or damaged ({source} {id_}"
        f"{' and others' if count > 1 else ''}): what they owned cannot be computed any more"
    )
    screen.out.print(screen.words(words, "yellow"), soft_wrap=True)
