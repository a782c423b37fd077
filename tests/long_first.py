"""The order in which a run does its tests."""

from __future__ import annotations

from typing import Final

import pytest

_LONG: Final = (
    "tests/faults/", "tests/year/", "tests/bench/", "tests/web/test_browser.py", "tests/cli/test_up.py",
    "tests/cli/test_demo.py", "tests/cli/test_acl_roles.py", "tests/workers/test_worker.py", "tests/test_packaging.py",
    "tests/services/webhooks/test_once.py", "tests/services/schedules/test_worker.py", "tests/test_shared_data.py",
    "tests/workers/test_repair_meets_workers.py", "tests/workers/test_sources.py", "tests/acceptance/test_settings.py",
)  # fmt: skip
"""Where the tests are that take longest, mostly because they wait."""


def long_first(items: list[pytest.Item], processes: int) -> list[pytest.Item]:
    """Return the tests so that half of the processes begin with the long ones, and at the end all have work.

    Long tests start processes of their own: more of them at once would starve each other. The scheduler (`worksteal`)
    gives each process as many tests as the others, in order; who has none left takes half of another's.
    """
    half = max(1, processes // 2)
    long = [item for item in items if item.nodeid.startswith(_LONG)]
    others = [item for item in items if not item.nodeid.startswith(_LONG)]
    ordered: list[pytest.Item] = []
    for number in range(processes):
        share = long[number::half] if number < half else []
        length = max(0, (len(items) - len(ordered)) // (processes - number) - len(share))
        ordered += share + others[:length]
        del others[:length]
    return ordered + others
