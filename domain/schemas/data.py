"""The JSON Schema of an event's data: pydantic's, with its named types moved to definitions of their own.

In the data itself, null is the same as absent (CONTRACT §2), so every field that need not be there may be null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from flowledger.domain.kinds.base import EventData

Schema = dict[str, Any]

DEFINITIONS: Final = "#/$defs/"
_NULL: Final[Schema] = {"type": "null"}
_OF_SCHEMAS: Final = ("items", "additionalProperties", "propertyNames")
"""Keywords whose value is a schema, in what pydantic writes."""
_ORDER: Final = (
    "title", "description", "type", "const", "enum", "format", "minLength", "maxLength", "pattern", "minimum",
    "maximum", "default", "anyOf", "allOf", "$ref", "properties", "required", "if", "then", "else",
)  # fmt: skip
"""The order in which keywords are written; others follow."""


class _Generator(GenerateJsonSchema):
    """Makes no titles of the names of fields: a title is the name of a type."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def data_schema(model: type[EventData], definitions: dict[str, Schema]) -> Schema:
    """Return the schema of the data of one event type; the types that it refers to are added to `definitions`."""
    schema = model.model_json_schema(mode="validation", schema_generator=_Generator)
    for part in schema.pop("$defs", {}).values():
        _referred(part, definitions)
    del schema["title"]
    schema.pop("description", None)
    tidy = _tidied(schema, definitions)
    required = tidy.get("required", ())
    fields = tidy["properties"]
    tidy["properties"] = {
        name: field if name in required else nullable(field)
        for name, field in sorted(fields.items(), key=lambda field: (field[0] not in required, field[0] == "attempt"))
    }
    return ordered(tidy)


def reference(name: str) -> Schema:
    """Return the schema that refers to a definition."""
    return {"$ref": DEFINITIONS + name}


def nullable(schema: Schema) -> Schema:
    """Return the schema of the same values and null."""
    default = {"default": schema["default"]} if "default" in schema else {}
    plain = {keyword: value for keyword, value in schema.items() if keyword != "default"}
    if plain.keys() == {"allOf"}:
        plain = plain["allOf"][0]
    if not plain or _NULL in plain.get("anyOf", ()) or "null" in plain.get("type", ()):
        return schema
    if "type" not in plain:
        return {"anyOf": [plain, _NULL]} | default
    types = plain["type"] if isinstance(plain["type"], list) else [plain["type"]]
    values = {"enum": [*plain["enum"], None]} if "enum" in plain else {}
    return plain | {"type": [*types, "null"]} | values | default


def ordered(schema: Schema) -> Schema:
    """Return the schema with its keywords in the order in which people read them."""
    places = {keyword: place for place, keyword in enumerate(_ORDER)}
    return {keyword: schema[keyword] for keyword in sorted(schema, key=lambda one: places.get(one, len(places)))}


def _tidied(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Return a schema of pydantic's without defaults of null and other noise, and with references to named types."""
    if isinstance(schema.get("title"), str):
        return _referred(schema, definitions)
    tidy = {key: value for key, value in schema.items() if (key, value) not in _NOISE}
    for keyword in _OF_SCHEMAS:
        if isinstance(tidy.get(keyword), Mapping):
            tidy[keyword] = _tidied(tidy[keyword], definitions)
    if "properties" in tidy:
        tidy["properties"] = {name: _tidied(field, definitions) for name, field in tidy["properties"].items()}
    if "anyOf" in tidy:
        choices = [_tidied(one, definitions) for one in tidy["anyOf"]]
        if len(choices) == 2 and choices[1] == _NULL:
            del tidy["anyOf"]
            return ordered(nullable(choices[0] | tidy))
        tidy["anyOf"] = choices
    return ordered(tidy)


def _referred(schema: Schema, definitions: dict[str, Schema]) -> Schema:
    """Put a named type among the definitions, and return the reference to it, with the field's own default."""
    name = schema["title"]
    own = {key: value for key, value in schema.items() if key not in ("title", "default")}
    made = _tidied(own, definitions)
    if definitions.setdefault(name, made) != made:
        raise ValueError(f"two different types are called {name}")
    if schema.get("default") is None:
        return reference(name)
    return {"allOf": [reference(name)], "default": schema["default"]}


_NOISE: Final = (("default", None), ("additionalProperties", True))
"""What says nothing that is not so without it."""
