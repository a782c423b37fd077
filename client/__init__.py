"""For producers and agents. Knows domain and Redis; never storage, never Celery."""

from client.publisher import AsyncPublisher, Publisher
from client.publishing import Prepared, Published

__all__ = ["AsyncPublisher", "Prepared", "Published", "Publisher"]
