"""For producers and agents. Knows domain and Redis; never storage, never Celery."""

from flowledger.client.mailbox import AsyncMailbox, Mailbox
from flowledger.client.mailing import Sent
from flowledger.client.message import Message
from flowledger.client.publisher import AsyncPublisher, Publisher
from flowledger.client.publishing import Prepared, Published

__all__ = ["AsyncMailbox", "AsyncPublisher", "Mailbox", "Message", "Prepared", "Published", "Publisher", "Sent"]
