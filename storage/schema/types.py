"""Column types whose Python values are the same for both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from flowledger.domain import json_text


class UtcTime(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, UTC text on SQLite; always aware, in UTC, in Python."""

    impl = DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON as text, for SQLite: its own type JSON makes floats of whole numbers that 64 bits cannot hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json_text.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json_text.stored(value)


class DecimalText(TypeDecorator[Decimal]):
    """A decimal as text, for SQLite, in the form of `domain.decimals`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(value)


class WordsText(TypeDecorator[str]):
    """Words as text, for SQLite, in the form of `domain.words.words_of`."""

    impl = Text
    cache_ok = True


class CurrentTransaction(ColumnElement[int]):
    """The number of the transaction, on PostgreSQL; null on SQLite."""

    inherit_cache = True


@compiles(CurrentTransaction, "postgresql")
def _on_postgresql(*_: Any, **__: Any) -> str:
    return "(pg_current_xact_id()::text)::bigint"


@compiles(CurrentTransaction, "sqlite")
def _on_sqlite(*_: Any, **__: Any) -> str:
    return "NULL"


class Folded(FunctionElement[str]):
    """A text in which upper and lower case of ASCII letters are the same; its collation must be that of `Name`."""

    inherit_cache = True
    type = Text()


@compiles(Folded, "postgresql")
def _folded_on_postgresql(element: Folded, compiler: Any, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(Folded, "sqlite")
def _folded_on_sqlite(element: Folded, compiler: Any, **options: Any) -> str:
    return f"{compiler.process(element.clauses, **options)} COLLATE NOCASE"


Name = Text().with_variant(Text(collation="C"), "postgresql")
"""Ids, sources, keys: text that is compared."""

Exact = DecimalText().with_variant(Numeric(), "postgresql")
"""A number that is not rounded, of any size."""

Words = WordsText().with_variant(TSVECTOR(), "postgresql")
"""The words of a text, for an index of them."""

Json = JsonText().with_variant(JSONB(none_as_null=True), "postgresql")
"""Any JSON value; None is SQL's NULL. On PostgreSQL the engine reads it (`storage.engines.engine`)."""
