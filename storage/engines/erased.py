"""What a flush leaves out: of an event about what is erased, only its name is recorded (docs/contract/erase.md).

On PostgreSQL the first statement of a batch takes the shared lock of `storage.retention.erasures`, for all of the
batch, and the second one fails if anything that the batch is about is erased. Then, and only then, the batch is sent
again by `Kept`. So an event costs nothing for it. Measured: a look-up in the event's own statement, as an event's
conditions have it, is 6 % of PostgreSQL's work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from flowledger.storage.engines.pipeline import Transaction
from flowledger.storage.ledger.journal import COLUMNS
from flowledger.storage.merge.writes import Write
from flowledger.storage.retention.erasures import LOCK
from flowledger.storage.retention.erasures import TABLE as ERASURES

SUBJECT: Final = COLUMNS.index("subject")
_TYPE: Final = COLUMNS.index("type")
RECORDED_AT: Final = COLUMNS.index("recorded_at")
BLANK: Final = b""
"""The meaning of an event of which only the name is kept: nothing can be guessed from it."""

NOTHING: Final = Transaction(None, ())
"""What is left of a dead letter about what is erased."""

LOCKED: Final = f"SELECT pg_advisory_lock_shared({LOCK});"
LOCKED_WITHIN: Final = f"SELECT pg_advisory_xact_lock_shared({LOCK});"
UNLOCKED: Final = f"pg_advisory_unlock_shared({LOCK})"
CHECK: Final = (
    "SELECT 1 / CASE WHEN EXISTS (SELECT FROM erasures) AND EXISTS (SELECT FROM erasures WHERE subject = ANY ($1)) "
    "THEN 0 ELSE 1 END"
)
"""It fails with a division by zero if one of the ids `$1` is erased. Nothing else of a batch divides."""
_TAKEN: Final = (
    "SELECT EXISTS (SELECT 1 FROM held WHERE subject = {0}) OR EXISTS (SELECT 1 FROM events WHERE subject = {0} "
    "AND type NOT LIKE {0} AND type NOT IN ('metric.recorded', 'audit.logged')) "
    "OR EXISTS (SELECT 1 FROM tasks one WHERE id = {0} AND execution_id IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM erasures WHERE subject = one.execution_id)) "
    "OR EXISTS (SELECT 1 FROM messages one WHERE id = {0} AND coalesce(execution_id, task_id) IS NOT NULL "
    "AND NOT EXISTS (SELECT 1 FROM erasures WHERE subject = coalesce(one.execution_id, one.task_id)))"
)
_FOUND: Final = "SELECT subject, coalesce(erased_with, subject), why, erased_by FROM erasures WHERE subject"


class Erased(NamedTuple):
    """With what a subject was erased, why, and by whom."""

    erased_with: str
    why: str
    erased_by: str


def names(transactions: Iterable[Transaction]) -> set[str]:
    """Return the ids of which one that is erased matters to these transactions."""
    found: set[Any] = {one.journal[SUBJECT] for one in transactions if one.journal is not None}
    for one in transactions:
        if one.named:
            found.update(one.named)
    found.discard(None)
    return found


def as_array(ids: Iterable[str]) -> str:
    """Return an array of texts as PostgreSQL reads it."""
    texts = [*ids]
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') != 2 * max(len(texts) - 1, 0):
        joined = '","'.join([one.replace("\\", "\\\\").replace('"', '\\"') for one in texts])
    return f'{{"{joined}"}}' if texts else "{}"


def found_on_postgresql(cursor: Any, ids: Iterable[str]) -> dict[str, Erased]:
    """Return those of `ids` that are erased."""
    cursor.execute(f"{_FOUND} = ANY (%s)", (list(ids),))
    return {subject: Erased(*erased) for subject, *erased in cursor}


def found_on_sqlite(driver: Any, ids: Iterable[str]) -> dict[str, Erased]:
    """Return the same, in a transaction that is the only one to write."""
    rows = [driver.execute(f"{_FOUND} = ?", (one,)).fetchone() for one in ids]
    return {row[0]: Erased(*row[1:]) for row in rows if row is not None}


def taken_on_postgresql(cursor: Any, journal: Sequence[Any]) -> bool:
    """Return whether the id of what an event begins is held, is known as something of another kind, or as a part of
    something that is not erased.
    """
    cursor.execute(_TAKEN.format("%s"), _asked(journal))
    return bool(cursor.fetchone()[0])


def taken_on_sqlite(driver: Any, journal: Sequence[Any]) -> bool:
    """Return the same."""
    return bool(driver.execute(_TAKEN.format("?"), _asked(journal)).fetchone()[0])


def _asked(journal: Sequence[Any]) -> tuple[str, ...]:
    subject = journal[SUBJECT]
    return subject, subject, journal[_TYPE].partition(".")[0] + ".%", subject, subject


def without_erased(
    transaction: Transaction, erased: dict[str, Erased], is_taken: Callable[[Sequence[Any]], bool]
) -> Transaction:
    """Return the transaction with what may be kept: all of it, the event's name, or nothing of a dead letter.

    An event that begins a part of what is erased makes its subject erased as well: those that follow need not say what
    they belong to. But nobody can have an id erased that `is_taken` by saying so, nor by an event that must not be
    recorded: its conditions stand.
    """
    if not erased:
        return transaction
    subject = () if transaction.journal is None else (transaction.journal[SUBJECT],)
    ids: Sequence[Any] = (*subject, *transaction.named)
    of = next((erased[one] for one in ids if one in erased), None)
    if of is None:
        return transaction
    if transaction.journal is None:
        return NOTHING
    is_new_part = transaction.is_part and ids[0] not in erased and not is_taken(transaction.journal)
    name = (*transaction.journal[: len(COLUMNS) - 1], BLANK, None)
    if not is_new_part:
        return Transaction(name, ())
    return Transaction(name, [_part(transaction.journal, of)], transaction.conditions)


def _part(journal: Sequence[Any], of: Erased) -> Write:
    return Write(ERASURES, subject=journal[SUBJECT], **of._asdict(), erased_at=journal[RECORDED_AT])


class Kept:
    """The transactions of a batch, one after the other, with what may be kept of each; the lock is held."""

    def __init__(self, cursor: Any, transactions: Sequence[Transaction], execute: Callable[[], object]) -> None:
        """`execute` has those executed that were given before: what they write may matter for the next."""
        self._cursor = cursor
        self._transactions = transactions
        self._execute = execute
        self._names = names(transactions)
        self.adds_a_part = False
        """Whether what follows must be asked for again, after the last transaction was executed."""

    def __iter__(self) -> Iterator[Transaction]:
        erased = found_on_postgresql(self._cursor, self._names)
        for transaction in self._transactions:
            kept = without_erased(transaction, erased, self._is_taken)
            self.adds_a_part = kept is not transaction and bool(kept.writes)
            yield kept
            if self.adds_a_part:
                erased = found_on_postgresql(self._cursor, self._names)

    def _is_taken(self, journal: Sequence[Any]) -> bool:
        self._execute()
        return taken_on_postgresql(self._cursor, journal)
