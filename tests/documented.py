"""Programs as the documentation shows them, so that they are tried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]


def block(file: str, language: str, mark: str) -> str:
    """The one block of code in this language that holds `mark`."""
    found = re.findall(rf"^```{language}\n(.*?)^```", (_ROOT / file).read_text(), re.DOTALL | re.MULTILINE)
    (program,) = (one for one in found if mark in one)
    assert isinstance(program, str)
    return program


def workers_grants() -> str:
    """The statements of `grants.sql` that give the workers' role its rights."""
    statements = (_ROOT / "deploy" / "postgresql" / "grants.sql").read_text()
    return "\n".join(line for line in statements.splitlines() if "flowledger_worker" in line)
