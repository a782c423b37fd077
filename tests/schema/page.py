"""docs/schema/README.md: the schemas as a page for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from flowledger.domain.events import EVENT_TYPES, EventData, MessageSent
from flowledger.domain.schemas.events import ENVELOPE, all_definitions
from flowledger.domain.schemas.examples import SUBJECTS, event_example, is_update
from flowledger.domain.schemas.pretty import pretty

Json = Any

_LARGE: Final = 1_000_000
"""Bounds beyond this are those of what a machine can hold, and are not shown."""

_DEFINITIONS: Final = all_definitions()
_FIELD_TYPES: Final = [name for name in _DEFINITIONS if name not in EVENT_TYPES and name != ENVELOPE]
_TITLES: Final = {
    "execution": "Executions",
    "node": "Node runs of an execution",
    "task": "Tasks",
    "message": "Messages",
    "workspace": "Workspaces",
    "sandbox": "Sandboxes",
    "agent": "Agents",
    "workflow": "Workflows",
    "user": "Users",
    "custom_node": "Custom nodes",
    "mcp_server": "MCP servers",
    "webhook": "Webhooks",
    "schedule": "Schedules",
    "collaboration": "Collaborations",
    "knowledge": "Knowledge",
    "metric": "Metrics",
    "audit": "Audit log",
}
_SUBJECTS: Final = {
    "node": "the execution",
    "metric": "what was measured",
    "audit": "what it was done to",
    "mcp_server": "the MCP server",
}
"""What the subject of an event is, if it is not the record that the kind is called after."""
_HEAD: Final = Path(__file__).with_name("head.md")


def page() -> str:
    """Return the page."""
    return "\n".join(line.rstrip() for line in _lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.read_text()
    yield "\nKinds: " + " · ".join(f"[{title}](#{_anchor(title)})" for title in _TITLES.values())
    yield from _of_envelope()
    for kind, title in _TITLES.items():
        subject = _SUBJECTS.get(kind, f"the {kind.replace('_', ' ')}")
        yield from ("", f"## {title}", "", f"`subject`: {subject}.")
        yield ""
        yield from _of_kind([type_ for type_ in EVENT_TYPES if type_.partition(".")[0] == kind])
    yield from _of_field_types()


def _of_envelope() -> Iterator[str]:
    envelope = _DEFINITIONS[ENVELOPE]
    yield from ("", "## Every event", "", "```json", pretty(event_example(EVENT_TYPES["task.completed"])), "```", "")
    yield from ("| attribute | type | required | |", "| --- | --- | --- | --- |")
    for name, attribute in envelope["properties"].items():
        needed = "yes" if name in envelope["required"] else "by most types" if name == "data" else ""
        yield f"| `{name}` | {_type(attribute)} | {needed} | {attribute['description']} |"
    yield ""
    yield "Further attributes, and further fields of `data`, are kept in the journal. In `data`, null is the same as"
    yield "absent unless something else is said. Every `data` may have `attempt`, which is listed if it is required:"
    yield f"an {_link('Attempt')}, 1 unless given. Required fields are **bold**."


def _of_kind(types: list[str]) -> Iterator[str]:
    yield from ("| type | status | what it says | `data` |", "| --- | --- | --- | --- |")
    for type_ in types:
        model = EVENT_TYPES[type_]
        status = "" if model.status is None else model.status.value
        yield f"| `{type_}` | {status} | {_told(model)} | {_names(model)} |"
    if rows := _field_rows(types):
        yield from ("", "The types of these fields:", "", "| type | fields |", "| --- | --- |")
        for shown in dict.fromkeys(shown for _, shown in rows):
            names = [f"`{name}`{_within(rows, name, shown)}" for name, other in rows if other == shown]
            yield f"| {shown} | {', '.join(names)} |"
    yield from ("", "<details><summary>An example of each</summary>", "", "```json")
    for type_ in types:
        example = event_example(EVENT_TYPES[type_])
        yield pretty({name: example[name] for name in ("type", "subject", "data") if example[name] != {}})
    yield from ("```", "", "</details>")


def _told(model: type[EventData]) -> str:
    source = "" if model.only_source is None else f" Its only source is `{model.only_source}`."
    by_ledger = " The ledger alone reports it." if model.by_ledger and not source else ""
    return f"{_DEFINITIONS[model.event_type]['description']}{by_ledger}{source}"


def _names(model: type[EventData]) -> str:
    """Return the names of the fields of an event; those that are required are bold."""
    data = _DEFINITIONS[model.event_type]["properties"]["data"]
    required = data.get("required", ())
    if is_update(model):
        return f"any field of `{model.event_type.replace('updated', 'created')}`; null clears it"
    names = [name for name in data["properties"] if name != "attempt" or name in required]
    words = [f"**{name}**" if name in required else name for name in names]
    if model is MessageSent:
        words[words.index("to_sandbox_ids")] = "**to_sandbox_ids** (or **broadcast** with **workspace_id**)"
        words.remove("broadcast")
    return ", ".join(words)


def _field_rows(types: list[str]) -> dict[tuple[str, str], list[str]]:
    """Return the fields of a kind, each as name and type, and which events have them so."""
    rows: dict[tuple[str, str], list[str]] = {}
    for model in (EVENT_TYPES[type_] for type_ in types):
        data = _DEFINITIONS[model.event_type]["properties"]["data"]
        for name, field in data["properties"].items():
            if not is_update(model) and (name != "attempt" or name in data.get("required", ())):
                given = f", {pretty(field['default'])} unless given" if "default" in field and name != "attempt" else ""
                null = "; null is a value of its own" if name in model.keeps_null else ""
                rows.setdefault((name, _type(field) + given + null), []).append(model.event_type)
    return rows


def _within(rows: dict[tuple[str, str], list[str]], name: str, shown: str) -> str:
    """Return in which events a field is so, if it is different in others of the kind."""
    if sum(other == name for other, _ in rows) == 1:
        return ""
    return f" ({', '.join(rows[name, shown])})"


def _of_field_types() -> Iterator[str]:
    yield from ("", "## Types of fields", "", "| type | JSON | |", "| --- | --- | --- |")
    plain = [name for name in _FIELD_TYPES if "properties" not in _DEFINITIONS[name]]
    for name in plain:
        schema = _DEFINITIONS[name]
        examples = ", ".join(f"`{pretty(one)}`" for one in schema.get("examples", ()))
        told = schema["description"] + (f" For example {examples}" if examples else "")
        yield f'| <a id="{name.lower()}"></a>{name} | {_type(schema)} | {told} |'
    for name in _FIELD_TYPES:
        if name not in plain:
            yield from ("", f"### {name}", "", _DEFINITIONS[name]["description"], "")
            yield from ("Further fields are kept.", "", "| field | type | required |", "| --- | --- | --- |")
            for field, schema in _DEFINITIONS[name]["properties"].items():
                needed = "yes" if field in _DEFINITIONS[name].get("required", ()) else ""
                yield f"| `{field}` | {_type(schema)} | {needed} |"


def _type(schema: Json) -> str:
    """Return the type of a field in words, without null."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return f"`{pretty(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    choices = [*schema.get("anyOf", ()), *schema.get("allOf", ())]
    if choices:
        return " or ".join(_type(choice) for choice in choices if choice != {"type": "null"})
    types = schema.get("type", [])
    words = [_WORDS[one] for one in ([types] if isinstance(types, str) else types) if one != "null" or types == "null"]
    items = f" of {_type(schema['items'])}" if schema.get("items") else ""
    values = schema.get("additionalProperties")
    of = f" of {_type(values)}" if isinstance(values, dict) and "type" in values else ""
    return " or ".join(words) + items + of + _bounds(schema) if words else "any"


def _bounds(schema: Json) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if most is not None and most < _LARGE:
        return f", {least} to {most}"
    return "" if least is None or least < 0 else f", {least} or more"


_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "array": "list",
    "null": "absent",
}


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


assert set(SUBJECTS) == set(_TITLES)  # a new kind needs a title here, and a subject there
