"""Moments on a command line."""

from __future__ import annotations

from datetime import datetime

import typer

from flowledger.domain.moments import moment


def moment_of(text: str | None, option: str) -> datetime | None:
    """The moment that an option names, where it is given; raises BadParameter that names the option."""
    try:
        return None if text is None else moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
