"""The contract for every language: JSON Schema of the events, and AsyncAPI of streams and inboxes, from the models.

What is checked stands at the models (`domain.kinds`, `domain.attributes`); here it is only written down in other words.
Only keywords that mean the same in JSON Schema 2020-12 and draft-07 are used, and nothing stands beside a `$ref`, so
the tools of AsyncAPI read the same schemas. What a schema cannot say: docs/contract/schema.md.
"""

from __future__ import annotations

from flowledger.domain.schemas.asyncapi import asyncapi as asyncapi
from flowledger.domain.schemas.events import event_schema as event_schema
from flowledger.domain.schemas.events import events_schema as events_schema
