"""`flowledger flower`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import flower as _flower  # noqa: F401 - so that a missing extra is named before anything else is done
import typer

from flowledger.cli.asked import found as servers
from flowledger.cli.flower import run

if find_spec("flower") is None:  # looked for, not imported: Flower reads the environment when it is imported
    raise ModuleNotFoundError("No module named 'flower'", name="flower")


def command(
    control: Annotated[
        bool, typer.Option("--control", help="Let Flower stop workers and call tasks; without it, it only shows.")
    ] = False,
) -> None:
    """Run Flower with the pages of the ledger, for whoever knows the password in FLOWER_BASIC_AUTH alone."""
    settings = servers("redis_url", "database_url")
    run(settings.model_copy(update={"flower_control": True}) if control else settings)
