"""The AsyncAPI 3.0 document: the streams of events and the inboxes in Redis (CONTRACT §1, §8), for their users."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any, Final

from flowledger.domain import streams
from flowledger.domain.events import EVENT_TYPES, EventData
from flowledger.domain.schemas.data import DEFINITIONS, Schema
from flowledger.domain.schemas.events import all_definitions, summary
from flowledger.domain.schemas.examples import event_example

_SCHEMAS: Final = "#/components/schemas/"
_CONTENT_TYPE: Final = "application/cloudevents+json"
_EVENTS: Final = "events"
_INBOX: Final = "inbox"
_INBOX_MESSAGE: Final = "inbox.message.sent"
_CONTRACT: Final = "https://github.com/flowledger/flowledger/blob/main/docs/contract.md"


def asyncapi() -> dict[str, Any]:
    """Return the document, which needs no other."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:flowledger",
        "info": {
            "title": "Flowledger",
            "version": version("flowledger"),
            "description": (
                "Producers and agents write events to streams of Redis or Valkey, and agents read messages from their "
                "inboxes. An event is a CloudEvent 1.0 in structured mode: the value of the field `event` of an entry. "
                "The operations are those of producers and agents; the ledger does the opposite."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "externalDocs": {"description": "The contract", "url": _CONTRACT},
        },
        "defaultContentType": _CONTENT_TYPE,
        "servers": {"redis": _server()},
        "channels": {_EVENTS: _events_channel(), _INBOX: _inbox_channel()},
        "operations": _operations(),
        "components": {
            "securitySchemes": {
                "user": {"type": "userPassword", "description": "A user of Redis: see `flowledger acl`."}
            },
            "messages": {type_: _message(model) for type_, model in EVENT_TYPES.items()}
            | {_INBOX_MESSAGE: _inbox_message()},
            "schemas": _for_components(all_definitions()),
        },
    }


def _server() -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": "redis",
        "description": "Redis 7 or Valkey, which `REDIS_URL` names.",
        "variables": {"host": {"default": "127.0.0.1"}, "port": {"default": "6379"}},
        "security": [{"$ref": "#/components/securitySchemes/user"}],
        "bindings": {"redis": {}},
    }


def _events_channel() -> dict[str, Any]:
    return {
        "address": streams.stream(0).replace("0", "{shard}"),
        "title": "The streams of events",
        "description": (
            f"`XADD ledger:events:{{shard}} * {streams.FIELD} JSON`. An entry is deleted when it is recorded: these "
            "streams are for the ledger alone to read."
        ),
        "parameters": {
            "shard": {
                "description": (
                    "crc32(utf8(key)) mod LEDGER_SHARDS, 8 unless set. The key is `partitionkey`, or without it "
                    "`data.from_sandbox_id` of `message.sent`, `subject` of every other type. A producer "
                    "that does not need an order may write to any shard."
                ),
                "examples": [str(shard) for shard in range(8)],
            }
        },
        "messages": {type_: {"$ref": f"#/components/messages/{type_}"} for type_ in EVENT_TYPES},
        "bindings": {"redis": {}},
    }


def _inbox_channel() -> dict[str, Any]:
    return {
        "address": streams.inbox("{sandbox}"),
        "title": "The inbox of a sandbox",
        "description": (
            f"The messages that wait for a sandbox; the consumer group is `{streams.MAILBOX_GROUP}`. How to make it, "
            "to share it and to give signs of life: section 8 of the contract."
        ),
        "parameters": {"sandbox": {"description": "The id of the sandbox.", "examples": ["sb_reader"]}},
        "messages": {"message.sent": {"$ref": f"#/components/messages/{_INBOX_MESSAGE}"}},
        "bindings": {"redis": {}},
    }


def _operations() -> dict[str, Any]:
    by_ledger = [type_ for type_, model in EVENT_TYPES.items() if model.by_ledger]
    of_messages = ["message.sent", "message.delivered", "message.failed"]
    others = [type_ for type_ in EVENT_TYPES if type_ not in {*by_ledger, *of_messages}]
    return {
        "publish": _operation("send", _EVENTS, others, "Publish an event", "`XADD`: it is recorded, once in effect."),
        "sendMessage": _operation(
            "send",
            _EVENTS,
            ["message.sent"],
            "Send a message",
            "To sandboxes by name or to all of a workspace, with the source `/sandboxes/{sandbox}`. A response has the "
            "`correlationid` of its request, and the request's id in `in_reply_to`.",
        ),
        "receiveMessage": _operation(
            "receive",
            _INBOX,
            ["message.sent"],
            "Receive a message",
            "`XREADGROUP GROUP mailbox CONSUMER`: at least once, and again until it is acknowledged.",
        ),
        "acknowledgeMessage": _operation(
            "send",
            _EVENTS,
            ["message.delivered"],
            "Acknowledge a message",
            "In one script with `XACK` and `XDEL` of the entry in the inbox: section 8 of the contract has it.",
        ),
        "rejectMessage": _operation(
            "send",
            _EVENTS,
            ["message.failed"],
            "Reject a message",
            "As to acknowledge it, with the reason why it cannot be handled.",
        ),
        "reportByLedger": _operation(
            "send",
            _EVENTS,
            by_ledger,
            "What the ledger itself reports",
            "Producers do not publish these: a message was put into an inbox, or expired; a schedule fired.",
        ),
    }


def _operation(action: str, channel: str, types: list[str], title: str, description: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "title": title,
        "description": description,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{type_}"} for type_ in types],
        "bindings": {"redis": {}},
    }


def _message(model: type[EventData]) -> dict[str, Any]:
    type_ = model.event_type
    return {
        "name": type_,
        "title": type_,
        "summary": summary(model),
        "contentType": _CONTENT_TYPE,
        "payload": {"$ref": _SCHEMAS + type_},
        "tags": [{"name": type_.partition(".")[0]}],
        "examples": [{"payload": event_example(model)}],
    }


def _inbox_message() -> dict[str, Any]:
    model = EVENT_TYPES["message.sent"]
    return _message(model) | {
        "correlationId": {"location": "$message.payload#/correlationid"},
        "summary": "A message to this sandbox: `data.to_sandbox_ids` names it alone.",
        "headers": {
            "description": "The other fields of the entry.",
            "type": "object",
            "properties": {
                streams.MESSAGE_ID: {"description": "The id of the message.", "type": "string"},
                streams.EXPIRES: {
                    "description": "If it expires: when, in ms since the epoch.",
                    "type": "string",
                    "pattern": "^[0-9]+$",
                },
            },
            "required": [streams.MESSAGE_ID],
        },
        "examples": [
            {"headers": {streams.MESSAGE_ID: "sb_writer/msg_41"}, "payload": event_example(model)},
        ],
    }


def _for_components(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Return the same definitions with references to components."""
    text = json.dumps(definitions).replace(f'"$ref": "{DEFINITIONS}', f'"$ref": "{_SCHEMAS}')
    components: dict[str, Schema] = json.loads(text)
    return components
