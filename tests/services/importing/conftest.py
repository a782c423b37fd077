"""Redis and schedulers, as the tests of schedules have them."""

from __future__ import annotations

from tests.services.schedules.conftest import client, world

__all__ = ["client", "world"]
