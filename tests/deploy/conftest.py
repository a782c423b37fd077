"""One deployment for all tests of this folder that need one: it takes some ten seconds to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.deployment import Deployment, deployed


@pytest.fixture(scope="package")
def deployment(quick_folder: Path) -> Iterator[Deployment]:
    """The services of `docker-compose.yml`, up and healthy."""
    folder = quick_folder / "deployment"
    folder.mkdir()
    with deployed(folder) as running:
        yield running
