"""`/ledger/dead-letters`: what could not be recorded, grouped by what is wrong; one of them with its bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, select
from tornado.web import HTTPError

from flowledger.domain.advice import advice, of_group
from flowledger.domain.errors import InvalidArgument, Reason
from flowledger.domain.hexdump import BYTES_SHOWN, hexdump
from flowledger.domain.records import DeadLetter, DeadLetterDeed, ListedDeadLetter
from flowledger.domain.statuses import DeadLetterStatus
from flowledger.domain.times import parse_time
from flowledger.storage.ledger.dead_letter_actions import DeadLetterActionRepository
from flowledger.storage.ledger.dead_letter_groups import MOST_LETTERS, DeadLetterGroup, groups
from flowledger.storage.ledger.dead_letters import TABLE, DeadLetterFilter, DeadLetterRepository
from flowledger.storage.paging import Page
from flowledger.web.handler import LedgerHandler
from flowledger.web.totals import Total, total
from flowledger.web.words import subject_route
from flowledger.workers.replay_outcome import Outcome, outcome_of

PAGE: Final = 50
WHOLE: Final = "-"
"""In the URL, for the field of what is refused as a whole: an empty argument is none."""
_TEXT_SHOWN: Final = 20_000
_DEEDS: Final = 50


class Found(NamedTuple):
    """What the list shows; `groups` stand on its first page alone."""

    total: Total
    groups: list[DeadLetterGroup]
    page: Page[ListedDeadLetter]


class DeadLetters(LedgerHandler):
    """The groups, and a list, newest first; all by one filter in the URL. At most four queries."""

    section = "dead-letters"

    async def page(self) -> None:
        """Write the list."""
        only, after = self._filter(), self.wanted("after")
        found = await self.read(lambda connection: _found(connection, only, after))
        given = self.wanted_all("status", "reason", "field", "type", "source", "subject", "since", "until")
        self.show(
            "dead_letters",
            only=only,
            found=found,
            given=given,
            after=after,
            reasons=[*Reason],
            statuses=[*DeadLetterStatus],
            most=MOST_LETTERS,
            group_url=self._group_url,
            advice=advice,
            of_group=of_group,
        )

    def _filter(self) -> DeadLetterFilter:
        try:
            status = DeadLetterStatus(self.wanted("status") or DeadLetterStatus.OPEN)
            reason = None if (name := self.wanted("reason")) is None else Reason(name)
        except ValueError as error:
            raise InvalidArgument(str(error)) from None
        field = self.wanted("field")
        return DeadLetterFilter(
            status=status,
            reason=reason,
            field="" if field == WHOLE else field,
            type=self.wanted("type"),
            source=self.wanted("source"),
            subject=self.wanted("subject"),
            since=self._time("since"),
            until=self._time("until"),
        )

    def _time(self, name: str) -> datetime | None:
        text = self.wanted(name)
        try:
            return None if text is None else parse_time(text.strip())
        except ValueError as error:
            raise InvalidArgument(f"{name}: {error}") from None

    def _group_url(self, group: DeadLetterGroup) -> str:
        return self.url_with(reason=group.reason, field=group.field or WHOLE, after=None)


def _found(connection: Connection, only: DeadLetterFilter, after: str | None) -> Found:
    count = total(connection, select(TABLE.c.id).where(*only.clauses()))
    grouped = groups(connection, only) if after is None and count.count else []
    return Found(count, grouped, DeadLetterRepository(connection).newest(only, limit=PAGE, after=after))


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: the deeds on it with what came of each, and the dead letter whose replay it came from."""

    letter: DeadLetter
    deeds: list[tuple[DeadLetterDeed, Outcome | None]]
    more_deeds: bool
    replay_of: str | None
    about: list[ListedDeadLetter]


class DeadLetterPage(LedgerHandler):
    """One dead letter. At most four queries, and two for each replay of it that is shown."""

    section = "dead-letters"

    async def page(self, id_: str) -> None:
        """Write the page; 404 if no dead letter has this id."""
        found = await self.work(lambda: self._letter(id_))
        if found is None:
            raise HTTPError(404, "no dead letter has this id")
        letter = found.letter
        text, cut = shown_bytes(letter.raw)
        route = subject_route(letter.type, letter.subject)
        self.show(
            "dead_letter",
            found=found,
            letter=letter,
            text=text,
            cut=cut,
            advice=advice(letter),
            subject_url=None if route is None else self.route_to(*route),
        )

    def _letter(self, id_: str) -> Letter | None:
        storage = self.ledger.reader.storage
        with storage.looking() as connection:
            letter = DeadLetterRepository(connection).get(id_)
            if letter is None:
                return None
            actions = DeadLetterActionRepository(connection)
            deeds = actions.of_dead_letter(id_, limit=_DEEDS)
            origin = actions.that_sent(letter.stream, letter.entry_id)
            others = DeadLetterRepository(connection).about(letter.subject, limit=10) if letter.subject else []
        client = self.ledger.redis
        outcomes = [
            (deed, None if deed.entry_id is None else outcome_of(deed, letter.raw, storage, client))
            for deed in deeds.items
        ]
        about = [other for other in others if other.id != id_]
        replay_of = None if origin is None else origin.dead_letter_id
        return Letter(letter, outcomes, deeds.cursor is not None, replay_of, about)


def shown_bytes(raw: bytes) -> tuple[str, str]:
    """Return the bytes as text, or as a hexdump from about where the first one is not UTF-8; and what is left out."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        begin = 0 if error.start < BYTES_SHOWN else error.start // 16 * 16 - 256
        left = len(raw) - begin - BYTES_SHOWN
        return hexdump(raw, begin), _left_out(begin, left, "bytes")
    return text[:_TEXT_SHOWN], _left_out(0, len(text) - _TEXT_SHOWN, "characters")


def _left_out(before: int, behind: int, what: str) -> str:
    if not before and behind <= 0:
        return ""
    return f"{before:,} {what} before and {max(behind, 0):,} behind are not shown"
