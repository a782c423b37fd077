"""The JSON Schema of whole events: the attributes of CloudEvents 1.0, and the data of the type (CONTRACT §2, §4)."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from flowledger.domain.attributes import JSON_CONTENT_PATTERN, KEPT_TEXTS
from flowledger.domain.events import EVENT_TYPES, EventData
from flowledger.domain.kinds.fields import Id, Time
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.domain.patterns import NO_NUL
from flowledger.domain.schemas.data import Schema, data_schema, nullable, ordered, reference
from flowledger.domain.schemas.examples import event_example

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "Envelope"
_REQUIRED: Final = ["specversion", "id", "source", "type", "subject"]


def event_schema(type_: str) -> Schema:
    """Return the schema of the events of one type, which needs no other document. Raises KeyError for no type."""
    model = EVENT_TYPES[type_]
    definitions = _envelope_definitions()
    event = event_definition(model, definitions)
    return {
        "$schema": DIALECT,
        "$id": f"urn:flowledger:event:{type_}",
        **event,
        "$defs": dict(sorted(definitions.items())),
    }


def events_schema() -> Schema:
    """Return the schema of all events, with a definition for each type (`#/$defs/task.created`)."""
    definitions = all_definitions()
    return {
        "$schema": DIALECT,
        "$id": "urn:flowledger:events",
        "title": "An event of Flowledger",
        "description": "Any event: its `type` says which of the definitions it must match.",
        "type": "object",
        "properties": {"type": {"enum": list(EVENT_TYPES)}},
        "required": ["type"],
        "allOf": [{"if": _is_of(type_), "then": reference(type_)} for type_ in EVENT_TYPES],
        "$defs": definitions,
    }


def all_definitions() -> dict[str, Schema]:
    """Return the definitions of all types of fields and then of all events, by their names."""
    types = _envelope_definitions()
    events = {type_: event_definition(model, types) for type_, model in EVENT_TYPES.items()}
    return dict(sorted(types.items())) | events


def summary(model: type[EventData]) -> str:
    """Return what an event type says, from the docstring of its class or of the nearest base that has one."""
    docs = (base.__doc__ for base in model.__mro__ if base is not EventData and issubclass(base, EventData))
    return next((" ".join(doc.split()) for doc in docs if doc), "")


def event_definition(model: type[EventData], definitions: dict[str, Schema]) -> Schema:
    """Return the schema of the events of one type; the types that it refers to are added to `definitions`."""
    type_ = model.event_type
    data = data_schema(model, definitions)
    needs_data = bool(data.get("required"))
    source = {} if model.only_source is None else {"source": {"const": model.only_source}}
    return {
        "title": type_,
        "description": summary(model),
        "allOf": [reference(ENVELOPE)],
        "properties": {**source, "type": {"const": type_}, "data": data if needs_data else nullable(data)},
        "required": ["type", "data"] if needs_data else ["type"],
        "examples": [event_example(model)],
    }


def _is_of(type_: str) -> Schema:
    return {"properties": {"type": {"const": type_}}, "required": ["type"]}


def _envelope_definitions() -> dict[str, Schema]:
    return {ENVELOPE: _envelope(), "Id": _named(Id), "Source": _SOURCE, "Time": _named(Time)}


def _named(type_: Any) -> Schema:
    """Return the definition of a type of a field."""
    schema = TypeAdapter(type_).json_schema()
    del schema["title"]
    return ordered(schema)


def _envelope() -> Schema:
    described = {
        "specversion": {"description": "The version of CloudEvents.", "const": "1.0"},
        "id": {
            "description": "With `source` the name of the event: the same pair again changes nothing.",
            "allOf": [reference("Id")],
        },
        "source": {"description": "Who publishes it.", "allOf": [reference("Source")]},
        "type": {"description": "What happened.", "type": "string", "minLength": 1},
        "subject": {"description": "The id of what it happened to.", "allOf": [reference("Id")]},
        "time": {"description": "When it happened.", **nullable(reference("Time"))},
        "sequence": {
            "description": "Its place among the events of the subject: it goes before the clock.",
            "type": ["string", "number", "null"],
            "minLength": 1,
        },
        **{name: {"description": _KEPT[name], "type": ["string", "null"]} for name in KEPT_TEXTS},
        "signature": {"description": "`v1:KEY_ID:MAC`, if signatures are required."},
        "datacontenttype": {
            "description": "Absent, or `application/json`, with no charset or UTF-8.",
            "type": ["string", "null"],
            "pattern": JSON_CONTENT_PATTERN,
        },
        "data_base64": {"description": "Refused: the data are a JSON object in `data`.", "type": "null"},
        "data": {"description": "What the type requires.", "type": ["object", "null"]},
    }
    return {
        "description": "The attributes of a CloudEvent 1.0. Others are kept in the journal.",
        "type": "object",
        "properties": described,
        "required": _REQUIRED,
    }


_SOURCE: Final = {
    "description": "A text of 1 to 1,024 bytes of UTF-8, without U+0000.",
    "type": "string",
    "minLength": 1,
    "maxLength": DEFAULT_LIMITS.max_source_bytes,
    "pattern": NO_NUL,
}
_KEPT: Final = {
    "partitionkey": "What decides the shard in place of `subject`.",
    "traceparent": "W3C Trace Context.",
    "tracestate": "W3C Trace Context.",
    "correlationid": "Of a request and its response: the same.",
    "causationid": "The event that caused this one.",
}
