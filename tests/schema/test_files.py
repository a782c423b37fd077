"""The files of docs/schema are current, and are what they say they are, by the standards' own schemas."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import jsonschema_rs
import pytest

from flowledger.domain.attributes import KNOWN
from flowledger.domain.envelope import parse
from flowledger.domain.events import EVENT_TYPES
from flowledger.domain.schemas import asyncapi, event_schema, events_schema
from flowledger.domain.schemas.pretty import pretty
from flowledger.domain.time_zones import time_zones
from tests.builders import to_bytes
from tests.schema.files import FOLDER, RENEW, contents
from tests.schema.generated import SCHEMA
from tests.vocabulary import FIELDS

Json = Any

_OLD_AND_NEW: Final = {
    "$defs", "$id", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "description",
    "else", "enum", "examples", "format", "if", "items", "maxItems", "maxLength", "maxProperties", "maximum",
    "minItems", "minLength", "minimum", "pattern", "properties", "propertyNames", "required", "then", "title", "type",
}  # fmt: skip
"""Keywords that mean the same in draft-07, which AsyncAPI reads; `$defs` is for 2020-12 alone."""


@pytest.mark.parametrize("name", ["events.json", "asyncapi.json", "README.md"])
def test_a_file_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == contents()[name], f"docs/schema/{name} is not current: run `{RENEW}`"


def test_there_are_no_other_files() -> None:
    assert {path.name for path in FOLDER.iterdir()} == contents().keys()


def test_the_schema_of_a_type_is_right_and_accepts_its_example() -> None:
    for type_ in EVENT_TYPES:
        schema = event_schema(type_)
        jsonschema_rs.meta.validate(schema)
        (example,) = schema["examples"]
        assert jsonschema_rs.Draft202012Validator(schema).is_valid(example), type_
        assert parse(to_bytes(example)).type == type_
        assert FIELDS[type_].keys() <= schema["properties"]["data"]["properties"].keys()


def test_an_example_has_a_value_for_each_field() -> None:
    left_out = {"attempt", "broadcast"}
    for type_ in EVENT_TYPES:
        data = event_schema(type_)["examples"][0]["data"]
        if type_.endswith(".updated"):
            assert list(data.values())[1:] == [None], type_
        else:
            assert data.keys() - left_out == FIELDS[type_].keys() - left_out, type_
            assert None not in data.values(), type_


def test_the_schema_of_all_types_is_right() -> None:
    jsonschema_rs.meta.validate(events_schema())


def test_every_attribute_of_an_envelope_is_described() -> None:
    assert set(SCHEMA["$defs"]["Envelope"]["properties"]) == KNOWN - {"dataschema", "baggage", "b3"}


def test_all_names_of_time_zones_have_the_form_of_one() -> None:
    pattern = re.compile(SCHEMA["$defs"]["TimeZone"]["pattern"])
    assert [name for name in time_zones() if not pattern.fullmatch(name)] == []


def test_nothing_stands_beside_a_reference_and_all_keywords_are_old_ones() -> None:
    for schema in subschemas(SCHEMA):
        assert schema.keys() <= _OLD_AND_NEW
        assert "$ref" not in schema or schema.keys() == {"$ref"}


def test_the_asyncapi_document_refers_only_to_what_it_holds() -> None:
    document = asyncapi()
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        found: Json = document
        for name in reference.split("/"):
            found = found[name]
        assert found


def test_pretty_text_is_the_same_value_in_short_lines() -> None:
    text = pretty(SCHEMA)
    assert json.loads(text) == SCHEMA
    assert [line for line in text.splitlines() if len(line) > 120 and not line.strip().startswith('"')] == []
    assert text.isascii()


def subschemas(schema: Json) -> list[Json]:
    """The schema, and all that are in it."""
    inner = [schema[name] for name in ("items", "propertyNames", "if", "then", "else") if name in schema]
    inner += [one for name in ("allOf", "anyOf") for one in schema.get(name, ())]
    inner += [one for name in ("properties", "$defs") for one in schema.get(name, {}).values()]
    inner += [schema["additionalProperties"]] if "additionalProperties" in schema else []
    return [schema, *(deeper for one in inner for deeper in subschemas(one))]
