"""Warnings of names that Flowledger does not know: their values are kept in the journal, and in no table."""

from __future__ import annotations

import logging
from typing import Any, Final

from flowledger.domain.attributes import KNOWN
from flowledger.domain.events import EVENT_TYPES, EventData
from flowledger.domain.likeness import did_you_mean, is_news, nearest

logger = logging.getLogger(__name__)

_FIELDS: Final = {model: frozenset(model.model_fields) for model in EVENT_TYPES.values()}
_LONGEST_NAME: Final = 60


def warn_of_unknown(model: type[EventData], attributes: dict[str, Any]) -> None:
    """Warn, once each, of unknown fields of the data, and of attributes that are probably misspelt.

    Other attributes are extensions: CloudEvents allows any. A known name that the event has is never suggested.
    """
    if not attributes.keys() <= KNOWN:
        for name in sorted(attributes.keys() - KNOWN):
            meant = nearest(name, KNOWN - attributes.keys()) if is_news(("attribute", name)) else None
            if meant is not None:
                logger.warning("%s is no attribute that Flowledger knows%s", _shown(name), did_you_mean(meant))
    data = attributes.get("data")
    if isinstance(data, dict) and not data.keys() <= _FIELDS[model]:
        for name in sorted(data.keys() - _FIELDS[model]):
            if is_news((model, name)):
                meant = nearest(name, _FIELDS[model] - data.keys())
                hint = did_you_mean(None if meant is None else f"data.{meant}")
                words = "data.%s is no field of %s, and stands in the journal alone%s"
                logger.warning(words, _shown(name), model.event_type, hint)


def _shown(name: str) -> str:
    return ascii(name[:_LONGEST_NAME])[1:-1]
