"""What a setting is tried on: the ground, which is where the service is told to work and where the truth is read."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Final

import psycopg2
import redis
from psycopg2 import sql
from sqlalchemy import make_url

PLAIN: Final = make_url("postgresql://")


@dataclass(frozen=True)
class Ground:
    """Where the service works (`database_url`, `redis_url`, `environment`), and the plain ways for whoever looks.

    `direct_url` leads to the same database as its superuser, `direct_redis` to the same keys as an administrator.
    """

    database_url: str
    redis_url: str
    direct_url: str
    direct_redis: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def at(self, **changed: str) -> Ground:
        return replace(self, **changed)  # type: ignore[arg-type]

    def with_variable(self, name: str, value: str) -> Ground:
        return replace(self, environment={**self.environment, name: value})

    def with_parameter(self, **query: str) -> Ground:
        """The same with more parameters in DATABASE_URL."""
        return self.at(database_url=changed(self.database_url, query=query))


Change = Callable[[Ground], AbstractContextManager[Ground]]
"""Prepares a ground so that a setting is in force on it, and takes it back at the end."""


def changed(url: str, *, query: Mapping[str, str] | None = None, **parts: str | int | None) -> str:
    """A URL of PostgreSQL with other parts, and more parameters."""
    new = make_url(url).set(**parts)  # type: ignore[arg-type]
    return new.update_query_dict(dict(query or {})).render_as_string(hide_password=False)


@contextlib.contextmanager
def administering(url: str) -> Iterator[psycopg2.extensions.cursor]:
    """A cursor of a superuser, each statement by itself."""
    with contextlib.closing(psycopg2.connect(url.replace("postgresql+psycopg2:", "postgresql:"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


@contextlib.contextmanager
def fresh_database(ground: Ground, options: str = "") -> Iterator[Ground]:
    """A database of its own, made with `options`, and a role that owns it and has a password."""
    name, password = f"flow_{secrets.token_hex(4)}", secrets.token_hex(8)
    maintenance = changed(ground.direct_url, database="postgres")
    with administering(maintenance) as cursor:
        one = sql.Identifier(name)
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(one, sql.Literal(password)))
        made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ").format(one, one)
        cursor.execute(made + sql.SQL(options))
    try:
        yield ground.at(
            database_url=changed(ground.direct_url, database=name, username=name, password=password),
            direct_url=changed(ground.direct_url, database=name),
        )
    finally:
        with administering(maintenance) as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(one))
            cursor.execute(sql.SQL("DROP ROLE {}").format(one))


def user_of(ground: Ground) -> sql.Identifier:
    """The role of the service; its database has the same name."""
    return sql.Identifier(str(make_url(ground.database_url).username))


@contextlib.contextmanager
def admin_of(ground: Ground) -> Iterator[redis.Redis]:
    with contextlib.closing(redis.Redis.from_url(ground.direct_redis)) as client:
        yield client


def is_root() -> bool:
    return os.geteuid() == 0
