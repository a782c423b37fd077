"""For producers and agents. Knows domain and Redis; never storage, never Celery."""

from client.publisher import AsyncPublisher, Published, Publisher

__all__ = ["AsyncPublisher", "Published", "Publisher"]
