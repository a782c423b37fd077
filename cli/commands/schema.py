"""`flowledger schema`."""

from __future__ import annotations

from typing import Annotated

import typer

from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.likeness import did_you_mean, nearest
from flowledger.domain.schemas import asyncapi, event_schema, events_schema
from flowledger.domain.schemas.pretty import pretty


def _types(incomplete: str) -> list[str]:
    return [type_ for type_ in EVENT_TYPES if type_.startswith(incomplete)]


def command(
    type_: Annotated[
        str | None,
        typer.Argument(
            metavar="TYPE", help="An event type, like task.created: its JSON Schema.", autocompletion=_types
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="One JSON Schema for the events of all types.")] = False,
) -> None:
    """Print the contract for other languages: AsyncAPI, or the JSON Schema of an event type."""
    if type_ is not None and every:
        raise typer.BadParameter("give TYPE or --all, not both", param_hint="--all")
    if type_ is not None and type_ not in EVENT_TYPES:
        hint = did_you_mean(nearest(type_, EVENT_TYPES))
        raise typer.BadParameter(f"no event type is called {type_[:100]!a}{hint}", param_hint="TYPE")
    schema = events_schema() if every else asyncapi() if type_ is None else event_schema(type_)
    print(pretty(schema))
