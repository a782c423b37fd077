"""For producers and agents. Knows domain and Redis; never storage, never Celery."""

from flowledger.client.mailbox import AsyncMailbox, Mailbox
from flowledger.client.message import Message
from flowledger.client.plans.outgoing import Sent
from flowledger.client.plans.publishing import Published
from flowledger.client.prepared import Prepared
from flowledger.client.publisher import AsyncPublisher, Publisher

__all__ = ["AsyncMailbox", "AsyncPublisher", "Mailbox", "Message", "Prepared", "Published", "Publisher", "Sent"]
