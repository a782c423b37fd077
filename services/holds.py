"""Holds: what must stay is named, listed and released; each act leaves an audit line (docs/contract/retention.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import CTE, Connection, exists, func, select, union

from flowledger.domain.errors import InvalidArgument, LedgerError
from flowledger.domain.json_text import is_plain
from flowledger.domain.keeping import NEVER_HELD
from flowledger.domain.limits import DEFAULT_LIMITS, BeyondLimit, Limits
from flowledger.domain.times import now
from flowledger.services.acts import log_act
from flowledger.services.erasing.acts import owned, ownerless
from flowledger.storage.kinds.executions import TABLE as EXECUTIONS
from flowledger.storage.kinds.workspaces import TABLE as WORKSPACES
from flowledger.storage.ledger.journal import TABLE as EVENTS
from flowledger.storage.paging import Page
from flowledger.storage.retention import horizons
from flowledger.storage.retention.aged import due_rows, due_texts, gone_texts
from flowledger.storage.retention.belonging import ATTACHED, IN_WORKSPACES
from flowledger.storage.retention.erasures import TABLE as ERASURES
from flowledger.storage.retention.erasures import ErasureRepository
from flowledger.storage.retention.holds import (
    AUDIT_SOURCE,
    HELD,
    Held,
    Hold,
    HoldRepository,
    audited_as,
    extend,
    following,
    lock_holds,
    refresh,
)
from flowledger.storage.transactions import changing
from flowledger.storage.unit_of_work import Storage

_TOLD: Final = 100
_NAMED: Final = 5
_NAMED_BY: Final = {
    Held.WORKSPACE: WORKSPACES.c.id, Held.EXECUTION: EXECUTIONS.c.id, Held.SUBJECT: EVENTS.c.subject
}  # fmt: skip


class UnknownHold(LedgerError):
    """There is no such hold."""

    def __init__(self, what: Held, id_: str) -> None:
        self.what = what
        self.id = id_
        super().__init__(f"there is no hold of the {what} {id_[:_TOLD]!a}; see `flowledger hold list`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """A hold that stands; not `is_new` if it stood before.

    `is_recorded` is whether anything is recorded of what it names. `subjects` counts all that it keeps, `texts_gone`
    those of their events that had lost their texts before (to `storage.retention.aged.MOST`). Parts from before
    `rows_gone_before` may not be found (`storage.retention.horizons.rows_gone_before`).
    """

    hold: Hold
    is_new: bool
    is_recorded: bool
    subjects: int
    texts_gone: int
    rows_gone_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What no hold keeps any more: `subjects`, and what is old enough to go.

    `goes` is whether rounds let go anything that a hold keeps: a horizon of texts, rows, log lines, points, audit lines
    or names stands. `texts` and `rows` are counted to `storage.retention.aged.MOST`; not all `rows` need go.
    """

    subjects: int
    texts: int
    rows: int
    goes: bool


class Holds:
    """The holds of a ledger. Threads may share it.

    What is not recorded can be held if its id is within the `limits`: others never will be recorded.
    """

    def __init__(self, storage: Storage, clock: Callable[[], datetime] = now, limits: Limits = DEFAULT_LIMITS) -> None:
        self._storage = storage
        self._clock = clock
        self._limits = limits

    def add(self, what: Held, ids: Sequence[str], *, why: str, by: str) -> list[Added]:
        """Hold all of these. Nothing of them that is there when this returns goes.

        Raises InvalidArgument, also if any of it is being erased, or all of it is erased.
        """
        reason = _checked(why, "the reason of a hold")
        with changing(self._storage) as connection:
            lock_holds(connection)
            added = [self._added(connection, what, _checked(id_, "an id"), reason, by) for id_ in dict.fromkeys(ids)]
            extend(connection)
            return added

    def remove(self, what: Held, ids: Sequence[str], *, by: str) -> Released:
        """End all of these holds, or raise UnknownHold. What is old enough goes at the next round."""
        with changing(self._storage) as connection:
            lock_holds(connection)
            holds = HoldRepository(connection)
            for id_ in dict.fromkeys(ids):
                hold = holds.get(what, id_) if is_plain(id_) else None
                if hold is None:
                    raise UnknownHold(what, id_)
                holds.remove(what, id_)
                _log(connection, "hold.removed", hold, by)
            wanted = following(connection)
            is_wanted = exists().where(wanted.c.subject == HELD.c.subject)
            released = select(HELD.c.subject).where(~is_wanted).cte("released")
            found = Released(
                subjects=_count(connection, released),
                texts=due_texts(connection, released),
                rows=due_rows(connection, released),
                goes=not horizons.read(connection).keys() <= NEVER_HELD,
            )
            refresh(connection)
            return found

    def list(self, *, limit: int = 50, after: str | None = None) -> Page[Hold]:
        """Return a page of holds, the oldest first."""
        with self._storage.reading() as connection:
            return HoldRepository(connection).oldest(limit=limit, after=after)

    def _added(self, connection: Connection, what: Held, id_: str, why: str, by: str) -> Added:
        holds = HoldRepository(connection)
        asked = Hold(what=what, id=id_, why=why, added_by=by, added_at=self._clock())
        is_new = holds.add(asked)
        hold = holds.get(what, id_) or asked
        subjects = following(connection, hold)
        is_recorded = _is_recorded(connection, what, id_)
        erasure = ErasureRepository(connection).get(id_)
        if going := _being_erased(connection, hold, subjects):
            raise _cannot(hold, f"{going} being erased; `flowledger erase` ends that, then hold what is left")
        if not _has_living_parts(connection, hold, subjects):
            if erasure is not None:
                raise _cannot(hold, f"{erasure}; nothing of it is recorded any more")
            if not is_recorded:
                self._check_length(hold)
        if is_new:
            _log(connection, "hold.added", hold, by)
        return Added(
            hold=hold,
            is_new=is_new,
            is_recorded=is_recorded or erasure is not None,
            subjects=_count(connection, subjects),
            texts_gone=gone_texts(connection, subjects),
            rows_gone_before=horizons.rows_gone_before(connection),
        )

    def _check_length(self, hold: Hold) -> None:
        size, most = len(hold.id.encode()), self._limits.max_id_bytes
        if size > most:
            beyond = BeyondLimit("id", f"the id has {size:,} bytes of UTF-8", most, "max_id_bytes")
            raise _cannot(hold, f"nothing of it is recorded, nor can be: {beyond}")


def _cannot(hold: Hold, why: str) -> InvalidArgument:
    return InvalidArgument(f"{hold.what} {hold.id[:_TOLD]!a} cannot be held: {why}; nothing is held")


def _checked(text: str, what: str) -> str:
    if not text.strip() or not is_plain(text):
        raise InvalidArgument(f"{what} has characters that are not white space, and no U+0000")
    return text


def _count(connection: Connection, subjects: CTE) -> int:
    return connection.execute(select(func.count()).select_from(subjects)).scalar_one()


def _has_living_parts(connection: Connection, hold: Hold, subjects: CTE) -> bool:
    """Return whether anything beside what a hold names follows from it, and is not erased.

    Of what is erased, what is recorded later may: what is in an erased workspace, say.
    """
    is_erased = exists().where(ERASURES.c.subject == subjects.c.subject)
    living = select(subjects.c.subject).where(subjects.c.subject != hold.id, ~is_erased)
    return bool(connection.execute(select(living.exists())).scalar_one())


def _being_erased(connection: Connection, hold: Hold, subjects: CTE) -> str:
    """Return in words what is erased and not gone yet, of these subjects or named by rows of theirs that go with it.

    A credential whose owner is not known any more is taken for one of what is not gone yet.
    """
    if ErasureRepository(connection).first_unfinished() is None:
        return ""
    found = [select(ERASURES.c.subject).join(subjects, subjects.c.subject == ERASURES.c.subject)]
    for one in (*ATTACHED, owned(connection)):
        of_these = one.subject == subjects.c.subject
        found.append(select(ERASURES.c.subject).where(one.named == ERASURES.c.subject, of_these))
    for what in Held:
        found.append(select(ERASURES.c.subject).where(subjects.c.subject == audited_as(what, ERASURES.c.subject)))
    is_left = ERASURES.c.done_at.is_(None)
    going = union(*(one.where(is_left) for one in found), ownerless(subjects)).cte("going")
    if not (count := _count(connection, going)):
        return ""
    subject = going.c[0]
    first = select(subject).order_by(subject != hold.id, subject).limit(_NAMED)
    words = ", ".join(ascii(one) for one in connection.execute(first).scalars())
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    return f"{words}{more} {'is' if count == 1 else 'are'}"


def _is_recorded(connection: Connection, what: Held, id_: str) -> bool:
    inside = [table.c.workspace_id for table in IN_WORKSPACES] if what is Held.WORKSPACE else []
    looks = (select(exists().where(column == id_)) for column in (_NAMED_BY[what], *inside))
    return any(connection.execute(look).scalar_one() for look in looks)


def _log(connection: Connection, action: str, hold: Hold, by: str) -> None:
    """Log it as about the hold: an event about what it names would make that younger."""
    told = {"what": hold.what, "id": hold.id, "why": hold.why}
    id_ = audited_as(hold.what, hold.id)
    log_act(connection, AUDIT_SOURCE, action, resource_type="hold", resource_id=id_, by=by, details=told)
