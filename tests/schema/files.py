"""The files of docs/schema, which are written from the models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from flowledger.domain.schemas import asyncapi, events_schema
from flowledger.domain.schemas.pretty import pretty
from tests.schema.page import page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "schema"
RENEW: Final = "make schema-files"


@cache
def contents() -> dict[str, str]:
    """Return what each file must hold."""
    return {
        "events.json": pretty(events_schema()) + "\n",
        "asyncapi.json": pretty(asyncapi()) + "\n",
        "README.md": page(),
    }


def write() -> None:
    """Write all files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in contents().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    write()
