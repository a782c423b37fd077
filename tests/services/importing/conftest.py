"""Small batches; Redis and schedulers, as the tests of schedules have them."""

from __future__ import annotations

import pytest

from flowledger.domain.settings import Settings
from tests.services.importing.importing import BATCH
from tests.services.schedules.conftest import client, world

__all__ = ["client", "world"]


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few lines are many batches."""
    monkeypatch.setattr("flowledger.services.importing.batches.BATCH", BATCH)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"fuse_entries": BATCH // 2})
