"""Time zones by the package `tzdata` alone, so that a schedule is due at the same moment on every machine.

`zoneinfo.ZoneInfo(name)` would read the machine's files first.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import tzdata

from flowledger.domain.time_zones import time_zones

RELEASE: Final[str] = tzdata.IANA_VERSION
"""The release of the time zones, like 2026f: a later one is the greater text."""


@cache
def zone(name: str) -> ZoneInfo:
    """Return a time zone. Raises LookupError if this release has none of this name."""
    if name not in time_zones():
        raise LookupError(f"the time zone {name} is not in the release {RELEASE} of tzdata")
    package, _, file = f"tzdata.zoneinfo/{name}".rpartition("/")
    with resources.files(package.replace("/", ".")).joinpath(file).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)
