"""What the drivers of plans do beyond their steps, which the suites of publishers and mailboxes go through."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flowledger.client.drivers import AsyncDriver
from flowledger.client.plans.steps import Plan, Sleep, Step
from flowledger.domain.settings import Settings


class Deaf(AsyncDriver):
    """Its steps swallow that they are cancelled, as `asyncio.wait_for` does on Python 3.11 where it is done as well."""

    async def _take(self, step: Step, *arguments: Any) -> Any:
        try:
            return await super()._take(step, *arguments)
        except asyncio.CancelledError:
            return None


def test_a_task_that_is_cancelled_ends_although_a_step_swallowed_it() -> None:
    ended: list[str] = []

    def plan() -> Plan[None]:
        try:
            while True:
                yield Sleep(0.01)
        finally:
            ended.append("plan")

    async def cancelled() -> None:
        driver = Deaf(Settings.load(redis_url="redis://127.0.0.1:1/0"))
        following = asyncio.ensure_future(driver.follow(plan()))
        await asyncio.sleep(0)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(following, 5)
        await driver.close()

    asyncio.run(cancelled())
    assert ended == ["plan"]
