"""Which objects of a database Alembic compares with the declared ones."""

from __future__ import annotations

from flowledger.storage.schema import fts5, partitions


def is_declared(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Return whether the metadata declare an object: not the tables of an index of words, nor partitions.

    Indexes of age are only on SQLite, and left out.
    """
    if kind == "index":
        return not partitions.is_index_of_age(name or "")
    return kind != "table" or not (fts5.is_of_index(name or "") or partitions.is_partition(name or ""))
