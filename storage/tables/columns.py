"""What the tables are made of: columns with rules, owners' keys, descriptions, indexes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, MetaData, String, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import CreateDomainType, DropDomainType
from sqlalchemy.types import TypeEngine

from flowledger.domain.events import ExecutionCreated, SandboxCreated, TaskCreated, WorkspaceCreated
from flowledger.domain.statuses import Status
from flowledger.storage.tables.types import Name

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

FIRST_KEY: Final = ""
LAST_KEY: Final = "~"
"""No key is less than the first or greater than the last (keys begin with a digit or a letter)."""

DESCRIBED: Final[dict[str, tuple[str, ...]]] = {
    "executions": tuple(name for name in ExecutionCreated.model_fields if name != "attempt"),
    "tasks": tuple(name for name in TaskCreated.model_fields if name != "attempt"),
    "workspaces": tuple(name for name in WorkspaceCreated.model_fields if name != "attempt"),
    "sandboxes": tuple(name for name in SandboxCreated.model_fields if name != "attempt"),
}
"""The fields of a description, each of which has an owner, and so a key, of its own."""

_domains: Final[set[str]] = set()


def ruled(column: str, domain: str, base: TypeEngine[Any], rule: str, **options: Any) -> list[Any]:
    """A column and the rule that its values obey (`{}` in the rule is the value).

    A domain on PostgreSQL, a CHECK on SQLite. Measured: PostgreSQL reads a table's CHECKs anew for each statement, a
    fifth of what a recorded event cost it; what a domain checks it remembers.
    """
    rules = postgresql.DOMAIN(f"ledger_{domain}", base, check=rule.format("VALUE"), create_type=False)
    if domain not in _domains:
        _domains.add(domain)
        event.listen(metadata, "before_create", CreateDomainType(rules).execute_if(dialect="postgresql"))
        event.listen(metadata, "after_drop", DropDomainType(rules).execute_if(dialect="postgresql"))
    return [
        Column(column, base.with_variant(rules, "postgresql"), **options),
        CheckConstraint(rule.format(column), name=column).ddl_if(dialect="sqlite"),
    ]


def one_of(column: str, domain: str, base: TypeEngine[Any], values: Iterable[str], **options: Any) -> list[Any]:
    names = ", ".join(f"'{value}'" for value in values)
    return ruled(column, domain, base, f"{{}} IN ({names})", **options)


def attempt(*, primary_key: bool = False) -> list[Any]:
    default = None if primary_key else "1"
    return ruled(
        "attempt", "attempt", BigInteger(), "{} >= 1", primary_key=primary_key, nullable=False, server_default=default
    )


def status(statuses: type[StrEnum] = Status, domain: str = "status") -> list[Any]:
    """A status, which is the first of them until something is reported."""
    first = next(iter(statuses)).value
    return one_of("status", domain, String(16), statuses, nullable=False, server_default=first)


def key(name: str, *, least: bool = False) -> Column[str]:
    """The owner's key of a column group; without an owner, one that loses against every other."""
    return Column(name, Name, nullable=False, server_default=LAST_KEY if least else FIRST_KEY)


def keys(table: str) -> list[Column[str]]:
    return [key(f"{field}_key") for field in DESCRIBED[table]]


def index_where_given(table: str, column: str, *others: str) -> list[Index]:
    """An index of the rows that have `column` at all: the others cost it nothing."""
    given = text(f"{column} IS NOT NULL")
    return [Index(f"ix_{table}_{column}", column, *others, postgresql_where=given, sqlite_where=given)]


ROOM_FOR_UPDATES: Final[dict[str, Any]] = {"postgresql_with": {"fillfactor": 70}}
"""Rows that change a few times: with room on their page, PostgreSQL leaves the indexes alone (HOT updates)."""
