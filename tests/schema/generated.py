"""Events made from their JSON Schema, which keep to the rules that a schema cannot say (docs/contract/schema.md).

Only the keywords that our schemas have are known here: another one is a KeyError.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import jsonschema_rs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from flowledger.domain.cron import check_expression
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.schemas import events_schema
from flowledger.domain.secrets import secrets_in
from flowledger.domain.time_zones import time_zones

Json = Any
Strategy = st.SearchStrategy[Json]

SCHEMA: Final = events_schema()
VALIDATOR: Final = jsonschema_rs.Draft202012Validator(SCHEMA)
_DEFINITIONS: Final[dict[str, Json]] = SCHEMA["$defs"]
_MOST_CHARACTERS: Final = 12
_ANNOTATIONS: Final = {"title", "description", "default", "examples", "format"}

_any: Final[Strategy] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)
_UNKNOWN: Final = st.dictionaries(st.sampled_from(["x_new", "x-other", "später"]), _any, max_size=2)
"""Attributes and fields that the schemas do not name."""


def events(count: int, number: int) -> list[dict[str, Json]]:
    """Return as many events; the same `number` gives the same ones."""
    found: list[dict[str, Json]] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(list(EVENT_TYPES)).flatmap(_definition))
    def collect(event: dict[str, Json]) -> None:
        found.append(event)

    collect()
    return found[:count]


# --- rules that a schema cannot say


def _fits(most_bytes: int) -> Callable[[str], bool]:
    return lambda text: len(text.encode()) <= most_bytes


def _is_instant(text: str) -> bool:
    """Return whether there is such a day, and the instant is in the years 1 to 9999 in UTC."""
    zone = 0 if text[-1] in "Zz" else int(text[-6] + "1") * (int(text[-5:-3]) * 60 + int(text[-2:]))
    with suppress(ValueError, OverflowError):
        local = datetime.fromisoformat(text[:10].upper() + "T" + text[11:19]).replace(tzinfo=UTC)
        return (local - timedelta(minutes=zone)).year >= 1
    return False


def _is_due(text: str) -> bool:
    with suppress(ValueError):
        return bool(check_expression(text))
    return False


def _has_no_secret(value: Json) -> bool:
    return next(secrets_in(value), None) is None


def _networks() -> Strategy:
    def within(address: ipaddress.IPv4Address | ipaddress.IPv6Address, length: int) -> str:
        return str(ipaddress.ip_network(f"{address}/{min(length, address.max_prefixlen)}", strict=False))

    return st.ip_addresses().map(str) | st.builds(within, st.ip_addresses(), st.integers(0, 128))


_KEPT: Final[dict[str, Callable[[Strategy], Strategy]]] = {
    "Id": lambda made: made.filter(_fits(512)),
    "Time": lambda made: made.filter(_is_instant),
    "Expression": lambda made: made.filter(_is_due),
    "TimeZone": lambda _: st.sampled_from(sorted(time_zones())),
    "Network": lambda _: _networks(),
    "AgentConfig": lambda made: made.filter(_has_no_secret),
    "Connection": lambda made: made.filter(_has_no_secret),
    "UnclassifiedText": lambda made: made.filter(_has_no_secret),
    "UnclassifiedTexts": lambda made: made.filter(_has_no_secret),
    "UnclassifiedObject": lambda made: made.filter(_has_no_secret),
}
"""For a definition: its values that keep to the rules."""


# --- values of a schema


@cache
def _definition(name: str) -> Strategy:
    made = _values(_DEFINITIONS[name])
    return _KEPT[name](made) if name in _KEPT else made


def _values(schema: Json) -> Strategy:
    """Return the values that a schema accepts."""
    said = schema.keys() - _ANNOTATIONS
    if not said:
        return _any
    if said == {"$ref"}:
        return st.deferred(lambda: _definition(schema["$ref"].removeprefix("#/$defs/")))
    if "if" in schema:
        return _branches(schema)
    if "allOf" in schema:
        return _all_of(schema)
    if said == {"anyOf"}:
        return st.one_of(*map(_values, schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema.get("type", "object")
    return st.one_of(*(_OF_TYPES[one](schema) for one in ([types] if isinstance(types, str) else types)))


def _branches(schema: Json) -> Strategy:
    """Return the values that match `if` and `then`, and those that match `else`."""
    plain = {keyword: value for keyword, value in schema.items() if keyword not in ("if", "then", "else")}
    return _merged(plain, schema["if"], schema["then"]) | _merged(plain, schema["else"]).filter(_matches(schema))


def _all_of(schema: Json) -> Strategy:
    rest = {keyword: value for keyword, value in schema.items() if keyword != "allOf" and keyword not in _ANNOTATIONS}
    parts = [_DEFINITIONS[part["$ref"].removeprefix("#/$defs/")] if rest else part for part in schema["allOf"]]
    return _merged(*parts, rest) if rest else _values(*parts)


def _merged(*schemas: Json) -> Strategy:
    """Return the objects that match all of these schemas of objects."""
    fields: dict[str, list[Json]] = {}
    for schema in schemas:
        for name, field in schema.get("properties", {}).items():
            fields.setdefault(name, []).append(field)
    required = {name for schema in schemas for name in schema.get("required", ())}
    made = {name: _both(several) for name, several in fields.items()}
    return _objects_of(made, required)


def _both(schemas: list[Json]) -> Strategy:
    """Return the values of the last schema that the others accept, too: the last is the narrowest one."""
    *others, last = schemas
    if last.keys() == {"type"} and last["type"] != "null":  # a type alone narrows what another one says
        others, last = [last], others[-1]
    return _values(last).filter(lambda value: all(_matches(other)(value) for other in others))


def _matches(schema: Json) -> Callable[[Json], bool]:
    return _validator(repr(schema), lambda: schema).is_valid


_validators: Final[dict[str, jsonschema_rs.Draft202012Validator]] = {}


def _validator(key: str, schema: Callable[[], Json]) -> jsonschema_rs.Draft202012Validator:
    if key not in _validators:
        _validators[key] = jsonschema_rs.Draft202012Validator({**schema(), "$defs": _DEFINITIONS})
    return _validators[key]


def _objects(schema: Json) -> Strategy:
    if "propertyNames" in schema:
        names = _values({"type": "string", **schema["propertyNames"]})
        return st.dictionaries(names, _values(schema["additionalProperties"]), max_size=3)
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(max_size=8), _values(schema["additionalProperties"]), max_size=3)
    if schema.get("maxProperties") == 1:
        fields = {name: _any for name in schema["required"]}
        fields |= {name: _values(field) for name, field in schema.get("properties", {}).items()}
        return st.fixed_dictionaries(fields)
    made = {name: _values(field) for name, field in schema.get("properties", {}).items()}
    return _objects_of(made, set(schema.get("required", ())))


def _objects_of(made: dict[str, Strategy], required: set[str]) -> Strategy:
    needed = {name: made.get(name, _any) for name in required}
    others = {name: values for name, values in made.items() if name not in required}
    known = st.fixed_dictionaries(needed, optional=others)
    return st.builds(lambda unknown, fields: unknown | fields, _UNKNOWN, known) | known


def _strings(schema: Json) -> Strategy:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    pattern = schema.get("pattern")
    longest = _MOST_CHARACTERS if most is None else min(most, _MOST_CHARACTERS)
    if pattern is None or not pattern.startswith("^"):
        made = st.text(min_size=least, max_size=longest)
        made = made if most is None else made | st.sampled_from(["x", "é"]).map(lambda one: one * most)
        return made if pattern is None else made.filter(lambda text: re.search(pattern, text) is not None)
    made = st.from_regex(pattern.removeprefix("^").removesuffix("$"), fullmatch=True)
    return made.filter(lambda text: least <= len(text) <= (len(text) if most is None else most))


def _numbers(schema: Json) -> Strategy:
    least, most = schema.get("minimum"), schema.get("maximum")
    whole = st.integers(None if least is None else int(least), None if most is None else int(most))
    return whole | st.floats(least, most, allow_nan=False, allow_infinity=False)


def _arrays(schema: Json) -> Strategy:
    items = _values(schema.get("items", {}))
    return st.lists(items, min_size=schema.get("minItems", 0), max_size=4)


_OF_TYPES: Final[dict[str, Callable[[Json], Strategy]]] = {
    "null": lambda _: st.none(),
    "boolean": lambda _: st.booleans(),
    "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
    "number": _numbers,
    "string": _strings,
    "array": _arrays,
    "object": _objects,
}


def of_types(types: Sequence[str], made: Sequence[dict[str, Json]]) -> set[str]:
    """Return which of the types none of the events has."""
    return set(types) - {event["type"] for event in made}
