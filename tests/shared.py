"""Inputs that stand beside the project, in `../shared`; tests that need them are skipped where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parents[2] / "shared"


def findings(name: str) -> list[str]:
    """The lines of a file of events that outsiders found."""
    path = FOLDER / "findings" / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path.read_text().splitlines()
