"""The input of an execution, from the call of a webhook: its body, or what `input_mapping` takes from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flowledger.domain import json_text
from flowledger.domain.errors import CallRefusal, WebhookRefused
from flowledger.domain.limits import BeyondLimit, Limits
from flowledger.services.webhooks.call import Call

ABSENT: Final = object()
"""A pointer finds nothing; null is a value."""

_INDEX: Final = re.compile("0|[1-9][0-9]*")


def body_of(call: Call, limits: Limits) -> Any:
    """Return the JSON value of the body. Raises WebhookRefused, `invalid_body`, which quotes nothing of the body."""
    try:
        return json_text.loads(call.body.decode("utf-8"), limits)
    except UnicodeDecodeError as error:
        raise _invalid(f"the body is not UTF-8 at byte {error.start}") from None
    except BeyondLimit as error:
        raise _invalid(f"the body is beyond a limit: {error}") from None
    except ValueError:
        words = "the body is not JSON (RFC 8259); NaN, Infinity and a name twice in one object are not"
        raise _invalid(words) from None


def input_of(call: Call, body: Any, mapping: Mapping[str, Any] | None) -> Any:
    """Return the whole body without a mapping, else an object of what the mapping finds.

    A name whose pointer, or header, is not there is absent from it. Raises WebhookRefused if such a header occurs
    twice.
    """
    if mapping is None:
        return body
    found = ((name, _origin(call, body, origin)) for name, origin in mapping.items())
    return {name: value for name, value in found if value is not ABSENT}


def value_at(body: Any, pointer: str) -> Any:
    """Return the value at a JSON pointer (RFC 6901); ABSENT if there is none."""
    value = body
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name, ABSENT)
        elif isinstance(value, list) and _INDEX.fullmatch(name) and len(name) < 20 and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


def _origin(call: Call, body: Any, origin: Any) -> Any:
    if isinstance(origin, str):
        return value_at(body, origin)
    if "value" in origin:
        return origin["value"]
    value = call.header(origin["header"])
    return ABSENT if value is None else value


def _invalid(words: str) -> WebhookRefused:
    return WebhookRefused(CallRefusal.INVALID_BODY, words)
