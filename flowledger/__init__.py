"""Flowledger: the ledger and the post office of an agent platform.

The names that a service or an agent needs are here, and are loaded at first use:

    from flowledger import Envelope, Mailbox, Publisher, events

The rooms of the project (`flowledger.domain`, `flowledger.client` …) are the folders beside this one; README.md
describes each.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from flowledger.client import (
        AsyncMailbox,
        AsyncPublisher,
        Mailbox,
        Message,
        Prepared,
        Published,
        Publisher,
        Sent,
    )
    from flowledger.domain import errors, events
    from flowledger.domain.envelope import Envelope
    from flowledger.domain.ids import new_id
    from flowledger.domain.json_values import json_value
    from flowledger.domain.key_file import KeyFile
    from flowledger.domain.signing import Signer, signer_of
    from flowledger.services.webhooks import WebhookReceiver, receive
    from flowledger.storage import lookups
    from flowledger.storage.async_storage import AsyncStorage
    from flowledger.storage.unit_of_work import Storage

__all__ = [
    "AsyncMailbox",
    "AsyncPublisher",
    "AsyncStorage",
    "Envelope",
    "KeyFile",
    "Mailbox",
    "Message",
    "Prepared",
    "Published",
    "Publisher",
    "Sent",
    "Signer",
    "Storage",
    "WebhookReceiver",
    "errors",
    "events",
    "json_value",
    "lookups",
    "new_id",
    "receive",
    "signer_of",
]

_HOMES: Final = {
    "AsyncMailbox": "client.mailbox",
    "AsyncPublisher": "client.publisher",
    "AsyncStorage": "storage.async_storage",
    "Envelope": "domain.envelope",
    "KeyFile": "domain.key_file",
    "Mailbox": "client.mailbox",
    "Message": "client.message",
    "Prepared": "client.prepared",
    "Published": "client.plans.publishing",
    "Publisher": "client.publisher",
    "Sent": "client.plans.outgoing",
    "Signer": "domain.signing",
    "Storage": "storage.unit_of_work",
    "WebhookReceiver": "services.webhooks",
    "errors": "domain.errors",
    "events": "domain.events",
    "json_value": "domain.json_values",
    "lookups": "storage.lookups",
    "new_id": "domain.ids",
    "receive": "services.webhooks",
    "signer_of": "domain.signing",
}
"""The module that holds each name, or that is meant by it."""
_RECORDING: Final = "services."
"""How the homes of names begin that need the extra `worker`."""


def __getattr__(name: str) -> Any:
    """Load `name` at its first use: `import flowledger` alone takes a millisecond, and connects to nothing.

    Raises ImportError, which tells what to install, for a name that needs more than the client.
    """
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    try:
        module = import_module(f"{__name__}.{home}")
    except ModuleNotFoundError as error:
        if not home.startswith(_RECORDING) or (error.name or "").startswith(__name__):
            raise
        words = f"{__name__}.{name} needs more than the client ({error.name} is not installed)"
        raise ImportError(f"{words}: pip install 'flowledger[worker]'", name=error.name) from None
    value = module if home.rpartition(".")[2] == name else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
