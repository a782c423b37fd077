"""Webhooks: table, writes, look-ups (CONTRACT-RECORDS §1)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from flowledger.domain import events as say
from flowledger.domain.kinds.webhooks import Webhook
from flowledger.domain.statuses import Switch
from flowledger.storage.kinds.kind import Kind
from flowledger.storage.kinds.parts import Subject
from flowledger.storage.repository import SubjectRepository
from flowledger.storage.schema.columns import (
    ROOM_FOR_UPDATES,
    description_keys,
    indexes,
    metadata,
    short_name,
    status,
    subject_times,
)
from flowledger.storage.schema.types import Json, Name

TABLE: Final = Table(
    "webhooks",
    metadata,
    Column("id", Name, primary_key=True),
    *status(Switch, "switch"),
    *short_name(),
    Column("workflow_id", Name),
    Column("workspace_id", Name),
    Column("user_id", Name),
    Column("secret_names", Json),
    Column("allowed_ips", Json),
    Column("input_mapping", Json),
    Column("reason", Text),
    *subject_times(),
    *description_keys(),
    *indexes("webhooks", "name", "workflow_id", "workspace_id", "user_id", "status"),
    **ROOM_FOR_UPDATES,
)

WEBHOOK: Final = Subject(TABLE, say.WebhookCreated, "reason", times={"status_at": None})


class WebhookRepository(SubjectRepository[Webhook]):
    table = TABLE
    record = Webhook
    listed_by = ("workflow_id", "workspace_id", "user_id", "status")
    has_names = True


KIND: Final = Kind(
    "webhook",
    tables=(TABLE,),
    repository=WebhookRepository,
    events={
        say.WebhookCreated: (WEBHOOK.create,),
        say.WebhookUpdated: (WEBHOOK.update,),
        say.WebhookEnabled: (WEBHOOK.report,),
        say.WebhookDisabled: (WEBHOOK.report,),
        say.WebhookDeleted: (WEBHOOK.delete,),
        say.WebhookRestored: (WEBHOOK.restore,),
    },
)
