"""Dead letters as people and programs see them: the list; one with its exact bytes, and what was done with it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.text import Text

from flowledger.cli import screen
from flowledger.cli.layout import Cell, facts, indented, print_box, print_rows
from flowledger.domain.advice import advice
from flowledger.domain.hexdump import BYTES_SHOWN, hexdump
from flowledger.domain.records import DeadLetter, DeadLetterDeed, ListedDeadLetter
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letters import DeadLetterRepository
from flowledger.storage.paging import MAX_LIMIT
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.replay_outcome import Outcome, outcome_of

_TEXT_SHOWN: Final = 8_000
_LINE_SHOWN: Final = 160
_INDENT: Final = 4
_WIDE: Final = 80
"""Columns that a hexdump of 16 bytes a line needs, with a box."""
_STYLES: Final = {"open": "red", "replayed": "green", "discarded": "dim", "refused": "red", "recorded": "green"}


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one dead letter; `replay_of` is the one whose replay it came from."""

    letter: DeadLetter
    deeds: tuple[tuple[DeadLetterDeed, Outcome | None], ...]
    replay_of: str | None

    def as_json(self) -> dict[str, Any]:
        """For programs: bytes as `text` where they are UTF-8, as `base64` where not."""
        deeds = [
            asdict(deed) | {"raw": None if deed.raw is None else _json_bytes(deed.raw), "outcome": outcome}
            for deed, outcome in self.deeds
        ]
        letter = asdict(self.letter) | {"raw": _json_bytes(self.letter.raw), "size": len(self.letter.raw)}
        return {"dead_letter": letter, "replay_of": self.replay_of, "actions": deeds}


def find(storage: Storage, dead_letter_id: str, client: Any = None) -> Shown:
    """One dead letter, by its whole id; `client` is for `outcome_of`."""
    with storage.reading() as connection:
        letter = DeadLetterRepository(connection).get(dead_letter_id)
        assert letter is not None
        actions = DeadLetterActionRepository(connection)
        deeds = actions.of_dead_letter(dead_letter_id, limit=MAX_LIMIT).items
        origin = actions.that_sent(letter.stream, letter.entry_id)
    outcomes = [None if deed.entry_id is None else outcome_of(deed, letter.raw, storage, client) for deed in deeds]
    return Shown(letter, tuple(zip(deeds, outcomes, strict=True)), origin.dead_letter_id if origin else None)


def print_list(letters: Sequence[ListedDeadLetter], total: int, what: str, more: str | None) -> None:
    """Print a line for each letter, and below it what is wrong; then how many there are."""
    for letter in letters:
        status = "" if letter.status == "open" else f"  {letter.status}"
        line = f"{letter.id}  {screen.time(letter.first_seen)[:19]}  "
        screen.out.print(Text.assemble(line, (letter.reason + status, _STYLES[letter.status])), soft_wrap=True)
        origin = screen.words(" from ".join(part for part in (letter.type, letter.source) if part))
        detail = screen.words(letter.detail, limit=_LINE_SHOWN)
        print_rows([indented(Text(": ").join([origin, detail]) if origin else detail, _INDENT)])
    shown = f"; these are {len(letters):,}" if len(letters) < total else ""
    screen.out.print(f"{total:,} {what}{shown}" if total else f"no {what}", soft_wrap=True)
    if more:
        screen.out.print(f"the next ones: --after {more}", style="dim", soft_wrap=True)


def print_shown(shown: Shown) -> None:
    """Print the letter, its bytes, what was done with it and what came of that, and what may be done now."""
    letter = shown.letter
    names = ("reason", "field", "detail", "type", "source", "subject", "event_id", "stream", "entry_id")
    pairs: list[tuple[str, Cell]] = [
        (name, screen.words(getattr(letter, name))) for name in names if getattr(letter, name)
    ]
    pairs += [("first_seen", screen.time(letter.first_seen)), ("attempts", str(letter.attempts))]
    if shown.replay_of:
        pairs.append(("replay of", shown.replay_of))
    title = Text.assemble(
        "dead letter ", (screen.safe(letter.id), "bold"), " ", (letter.status, _STYLES.get(letter.status, ""))
    )
    print_box(title, facts(pairs))
    print_box(Text(f"{len(letter.raw):,} bytes"), [indented(_bytes(letter.raw), 0)])
    if shown.deeds:
        _print_trail(shown.deeds)
    screen.out.print(screen.words(f"to mend: {advice(letter)}", "dim"), soft_wrap=True)


def _bytes(raw: bytes) -> Text:
    """Return text with its control characters written out; else bytes, from where the first one is not UTF-8."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        begin = 0 if error.start < BYTES_SHOWN else error.start // 16 * 16 - 256
        left = len(raw) - begin - BYTES_SHOWN
        row = 16 if screen.out.width >= _WIDE else 8
        return _cut(Text(hexdump(raw, begin, row=row)), begin, left, "bytes")
    if not text:
        return Text("nothing", style="dim")
    return _cut(Text(screen.safe(text[:_TEXT_SHOWN])), 0, len(text) - _TEXT_SHOWN, "characters")


def _cut(shown: Text, before: int, behind: int, what: str) -> Text:
    if not before and behind <= 0:
        return shown
    words = f"\n… {before:,} {what} before and {max(behind, 0):,} behind are not shown: --raw writes all"
    return shown.append(words, style="dim")


def _print_trail(deeds: Sequence[tuple[DeadLetterDeed, Outcome | None]]) -> None:
    """Print each deed, what came of it, and what was sent as what."""
    rows = [indented(Text("What was done with it", style="bold"), 0)]
    for deed, outcome in deeds:
        did = deed.action if deed.raw is None else f"{deed.action}, changed to {len(deed.raw):,} bytes"
        style = _STYLES.get(deed.action if outcome is None else outcome.came, "")
        who = screen.words(deed.who, limit=40)
        rows.append(indented(Text.assemble(screen.time(deed.at), "  ", who, "  ", (did, style)), 0))
        came = deed.detail if outcome is None else outcome.words()
        if came:
            rows.append(indented(screen.words(came, style), _INDENT))
        if deed.entry_id:
            name = " ".join(screen.safe(part or "") for part in (deed.source, deed.event_id))
            rows.append(indented(Text(f"sent as {name}, entry {deed.entry_id} of {deed.stream}", "dim"), _INDENT))
    print_rows(rows)


def _json_bytes(raw: bytes) -> dict[str, str]:
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
