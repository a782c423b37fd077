"""For producers and agents. Knows domain and Redis; never storage, never Celery."""

from client.mailbox import AsyncMailbox, Mailbox
from client.mailing import Sent
from client.message import Message
from client.publisher import AsyncPublisher, Publisher
from client.publishing import Prepared, Published

__all__ = ["AsyncMailbox", "AsyncPublisher", "Mailbox", "Message", "Prepared", "Published", "Publisher", "Sent"]
