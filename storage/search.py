"""Search: records are found by the words of some of their fields (docs/contract/search.md).

The words of a field stand in a column beside it, which belongs to the field's owner, so they follow from the set of
events as the field does. An index of these columns finds the rows: GIN on PostgreSQL, FTS5 on SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import ClassVar, Final

from sqlalchemy import Column, ColumnElement, Connection, Index, Table, bindparam, cast, func, literal_column
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from flowledger.domain.words import Term, terms_of, words_of
from flowledger.storage.merge.description import Derived
from flowledger.storage.paging import Order, Page
from flowledger.storage.repository import Record, SubjectRepository
from flowledger.storage.schema import fts5
from flowledger.storage.schema.types import Words

_MOST_WORDS: Final = 4_000
"""Words of a row: of 64 characters of 4 bytes each they are less than 1 MiB, as much as a `tsvector` holds."""
_NONE: Final[ColumnElement[str]] = literal_column("''::tsvector", TSVECTOR())


class Search:
    """The search in some fields of a table's description: the columns of their words, and an index of these."""

    def __init__(self, table: Table, *, beginnings: bool = False, **fields: int) -> None:
        """Add columns and index to `table`; `fields` are the fields' names, with how many of their words count.

        With `beginnings`, each word of a search is the beginning of a word.
        """
        assert sum(fields.values()) <= _MOST_WORDS
        self._table = table
        self._beginnings = beginnings
        self.derived = tuple(
            Derived(f"{name}_words", name, partial(words_of, most=most)) for name, most in fields.items()
        )
        names = [one.column for one in self.derived]
        for name in names:
            table.append_column(Column(name, Words))
        self._words = _all_words(table, names)
        Index(f"ix_{table.name}_words", self._words, postgresql_using="gin").ddl_if(dialect="postgresql")
        fts5.make_index(table, names)

    def matches(self, connection: Connection, search: str) -> ColumnElement[bool]:
        """Return the condition that a row has all words of a search. Raises NotASearch (`domain.words.terms_of`)."""
        terms = terms_of(search, beginnings=self._beginnings)
        if connection.dialect.name == "sqlite":
            return fts5.matches(self._table, terms)
        return self._words.op("@@")(cast(bindparam(None, _query(terms)), TSQUERY))


class SearchedRepository(SubjectRepository[Record]):
    """Reads the records of subjects that are found by words."""

    search_in: ClassVar[Search]

    def search(
        self,
        text: str,
        *,
        limit: int = 50,
        offset: int = 0,
        after: str | None = None,
        deleted: bool = False,
        **of: str | None,
    ) -> Page[Record]:
        """Return a page of the records that have all words of `text`, newest first; `word*` is the beginning of a word.

        In names and e-mails, every word is a beginning. Case, accents, width and the script of digits do not count.
        Other values may be required as in `newest`.

        Raises NotASearch, a ValueError, for a text without a letter or a digit, or with too many words.
        """
        id_ = self.table.c.id
        order = Order((self.table.c.created_at, id_), descending=True)
        found = self._listed(deleted, of).where(self.search_in.matches(self.connection, text)).with_only_columns(id_)
        # Ids are sorted, not records with their texts: SQLite would copy each record that has the words.
        page = order.page(found, limit, offset, after).correlate(None)
        return self._page(self._select().where(id_.in_(page)), order, limit, 0, None)


def _all_words(table: Table, names: Sequence[str]) -> ColumnElement[str]:
    """Return the words of all these columns, as they are indexed on PostgreSQL."""
    return reduce(lambda one, other: one.op("||")(other), (func.coalesce(table.c[name], _NONE) for name in names))


def _query(terms: Sequence[Term]) -> str:
    return " & ".join(f"'{term.word}'{':*' if term.is_beginning else ''}" for term in terms)
