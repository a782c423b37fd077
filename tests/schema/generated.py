"""Events made at random from their JSON Schema, which keep to the rules that a schema cannot say.

The rules: docs/contract/schema.md. Only the keywords that our schemas have are known here.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jsonschema_rs

from flowledger.domain.cron import check_expression
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.schemas import events_schema
from flowledger.domain.secrets import secrets_in
from flowledger.domain.time_zones import time_zones
from tests.schema.texts import CHARACTERS, any_text, text_of

Json = Any

SCHEMA: Final = events_schema()
VALIDATOR: Final = jsonschema_rs.Draft202012Validator(SCHEMA)
_DEFINITIONS: Final[dict[str, Json]] = SCHEMA["$defs"]
_ANNOTATIONS: Final = {"title", "description", "default", "examples", "format"}
_UNKNOWN: Final = ("x_new", "x-other", "später")
"""Names of attributes and fields that no schema has."""
_MOST_TRIES: Final = 1000
_VALIDATORS: Final[dict[int, jsonschema_rs.Draft202012Validator]] = {}
"""Of schemas in `SCHEMA`, by their identity."""


def events(count: int, number: int) -> list[dict[str, Json]]:
    """Return as many events, of all types in turn; the same `number` gives the same ones."""
    rng = random.Random(number)
    types = list(EVENT_TYPES)
    return [_defined(types[place % len(types)], rng) for place in range(count)]


# --- rules that a schema cannot say


def _is_instant(text: str) -> bool:
    """Return whether there is such a day, and the instant is in the years 1 to 9999 in UTC."""
    zone = 0 if text[-1] in "Zz" else int(text[-6] + "1") * (int(text[-5:-3]) * 60 + int(text[-2:]))
    with suppress(ValueError, OverflowError):
        local = datetime.fromisoformat(f"{text[:10]}T{text[11:19]}").replace(tzinfo=UTC)
        return (local - timedelta(minutes=zone)).year >= 1
    return False


def _is_due(text: str) -> bool:
    with suppress(ValueError):
        return bool(check_expression(text))
    return False


def _has_no_secret(value: Json) -> bool:
    return next(secrets_in(value), None) is None


def _network(rng: random.Random) -> str:
    bits = rng.choice((32, 128))
    address = ipaddress.ip_address(rng.getrandbits(bits) if bits == 128 else ipaddress.IPv4Address(rng.getrandbits(32)))
    network = ipaddress.ip_network(f"{address}/{rng.randint(0, bits)}", strict=False)
    return str(rng.choice((address, network)))


_RULES: Final[dict[str, Callable[[Json], bool]]] = {
    "Id": lambda text: len(text.encode()) <= 512,
    "Source": lambda text: len(text.encode()) <= 1024,
    "Time": _is_instant,
    "Expression": _is_due,
    "AgentConfig": _has_no_secret,
    "Connection": _has_no_secret,
    "UnclassifiedText": _has_no_secret,
    "UnclassifiedTexts": _has_no_secret,
    "UnclassifiedObject": _has_no_secret,
}
"""For a definition: whether one of its values keeps to the rules."""
_MADE: Final[dict[str, Callable[[random.Random], Json]]] = {
    "TimeZone": lambda rng: rng.choice(sorted(time_zones())),
    "Network": _network,
}
"""Definitions of which hardly any value keeps to the rules: how one that does is made."""


# --- values of a schema


def _defined(name: str, rng: random.Random) -> Json:
    if name in _MADE:
        return _MADE[name](rng)
    return _kept(lambda: _value(_DEFINITIONS[name], rng), _RULES.get(name, lambda _: True))


def _kept(make: Callable[[], Json], is_kept: Callable[[Json], bool]) -> Json:
    """Return the first value that keeps to a rule."""
    return next(value for value in (make() for _ in range(_MOST_TRIES)) if is_kept(value))


def _value(schema: Json, rng: random.Random) -> Json:
    """Return a value that a schema accepts."""
    said = schema.keys() - _ANNOTATIONS
    if not said:
        return _any_value(rng)
    if said == {"$ref"}:
        return _defined(_target(schema), rng)
    if said == {"anyOf"}:
        return _value(rng.choice(schema["anyOf"]), rng)
    if "allOf" in said or "if" in said:
        return _all_of(schema, rng)
    if "const" in said:
        return schema["const"]
    if "enum" in said:
        return rng.choice(schema["enum"])
    types = schema.get("type", "object")
    return _OF_TYPES[types if isinstance(types, str) else rng.choice(types)](schema, rng)


def _all_of(schema: Json, rng: random.Random) -> Json:
    """Return a value of each of the schemas that apply together: those of `allOf`, the rest, and a branch of `if`."""
    branches = (("if", "then"), ("else",)) if "if" in schema else ((),)
    rest = {keyword: value for keyword, value in schema.items() if keyword not in ("allOf", "if", "then", "else")}
    parts = [part if part.keys() != {"$ref"} else _DEFINITIONS[_target(part)] for part in schema.get("allOf", ())]
    if not rest.keys() - _ANNOTATIONS:
        return _value(schema["allOf"][0], rng)
    objects = [*parts, rest, *(schema[keyword] for keyword in rng.choice(branches))]
    if id(schema) not in _VALIDATORS:
        _VALIDATORS[id(schema)] = jsonschema_rs.Draft202012Validator({**schema, "$defs": _DEFINITIONS})
    return _kept(lambda: _object({"all": objects}, rng), _VALIDATORS[id(schema)].is_valid)


def _target(schema: Json) -> str:
    name: str = schema["$ref"].removeprefix("#/$defs/")
    return name


def _object(schema: Json, rng: random.Random) -> dict[str, Json]:
    """Return an object; `all` are schemas that hold for it together, of which the last to name a field is narrowest."""
    schemas = schema.get("all", [schema])
    fields = {name: field for one in schemas for name, field in one.get("properties", {}).items()}
    required = dict.fromkeys(name for one in schemas for name in one.get("required", ()))
    made = {name: _value(fields.get(name, {}), rng) for name in required}
    if schema.get("maxProperties") == 1:
        return made
    if "additionalProperties" in schema:
        names = {"type": "string", **schema.get("propertyNames", {})}
        return {_value(names, rng): _value(schema["additionalProperties"], rng) for _ in range(rng.randrange(4))}
    share = rng.random()
    made |= {name: _value(field, rng) for name, field in fields.items() if name not in made and rng.random() < share}
    if rng.random() < 0.3:
        made[rng.choice(_UNKNOWN)] = _any_value(rng)
    return dict(rng.sample(list(made.items()), len(made)))


def _text(schema: Json, rng: random.Random) -> Json:
    least, most = schema.get("minLength", 0), schema.get("maxLength", 12)
    pattern: str = schema.get("pattern", "")
    if rng.random() < 0.05 and "maxLength" in schema:
        made = rng.choice("xé") * most
        if re.search(pattern, made):
            return made
    if pattern.startswith("^") and len(pattern) > len("^[^x]*$"):
        return _kept(lambda: text_of(pattern, rng), lambda text: least <= len(text))
    return _kept(lambda: any_text(rng, least, min(most, 12)), lambda text: re.search(pattern, text) is not None)


def _number(schema: Json, rng: random.Random) -> float:
    least, most = schema.get("minimum", -1e9), schema.get("maximum", 1e9)
    inside = rng.uniform(max(least, -1e9), min(most, 1e9))
    whole = rng.randint(int(max(least, -(2**70))), int(min(most, 2**70)))
    return rng.choice((inside, whole, least, most, min(most, max(least, 5e-324))))


def _whole(schema: Json, rng: random.Random) -> int:
    least, most = schema["minimum"], schema["maximum"]
    return rng.choice((least, most, rng.randint(least, most), max(least, min(most, rng.randrange(100)))))


def _list(schema: Json, rng: random.Random) -> list[Json]:
    least = schema.get("minItems", 0)
    most = schema.get("maxItems", 4) if rng.random() < 0.1 else least + 3
    return [_value(schema.get("items", {}), rng) for _ in range(rng.randint(least, most))]


def _any_value(rng: random.Random, depth: int = 0) -> Json:
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 6:
        real = rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)
        whole = rng.getrandbits(80) - 2**79
        return (None, rng.random() < 0.5, whole, real, any_text(rng, 0, 12), rng.choice(CHARACTERS))[kind]
    size = range(rng.randrange(4))
    if kind == 6:
        return [_any_value(rng, depth + 1) for _ in size]
    return {any_text(rng, 0, 8): _any_value(rng, depth + 1) for _ in size}


_OF_TYPES: Final[dict[str, Callable[[Json, random.Random], Json]]] = {
    "null": lambda _, __: None,
    "boolean": lambda _, rng: rng.random() < 0.5,
    "integer": _whole,
    "number": _number,
    "string": _text,
    "array": _list,
    "object": _object,
}
