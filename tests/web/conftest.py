"""A served Flower on an empty ledger of each kind of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowledger.domain.settings import Settings
from tests.web.site import Site, served


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    """Flower with our pages; `storage` writes to the same database."""
    with served(settings) as site:
        yield site
