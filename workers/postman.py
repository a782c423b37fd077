"""The postman: delivers what drains left in the outbox, and ends messages whose time is over (docs/decisions/0027).

One at a time in all workers, under a lease that a dead one loses. It goes in small steps and stays behind the drains:
what it puts into inboxes is said in events, and if they wait to be recorded, so does everybody behind them.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Final, TypedDict

import redis

from domain import streams
from domain.errors import DatabaseUnavailable
from domain.settings import Settings
from workers import post_scripts
from workers.post import PostOffice
from workers.post_bell import PostBell

logger = logging.getLogger(__name__)

MOST_BACKLOG: Final = 100
"""While more events wait to be recorded, the next step waits: an event behind them is some 20 ms late."""
_PATIENCE_SECONDS: Final = 0.25
"""Behind a backlog that does not fall, so long for each step."""
_LOOK_SECONDS: Final = 0.005
_LARGE: Final = 1_000
"""A delivery of so many messages is told of in the log."""


class PostResult(TypedDict, total=False):
    """What a turn did, as Flower shows it."""

    put: int
    expired: int
    seconds: float
    waiting: str


class Postman:
    """One turn."""

    def __init__(
        self,
        client: redis.Redis,
        settings: Settings,
        post: PostOffice,
        bell: PostBell,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._client = client
        self._settings = settings
        self._post = post
        self._bell = bell
        self._is_stopping = is_stopping
        self._owner = uuid.uuid4().hex
        self._began = time.monotonic()
        self._put = self._expired = 0

    def run(self, after: str = "", before: int = 0) -> PostResult:
        """Delivers what waits for recipients behind `after`; `before` are the messages that earlier turns delivered."""
        try:
            if not self._begins():
                return {"waiting": "another postman has the turn"}
            try:
                left = self._work(after, before)
            except BaseException:
                self._end()
                raise
            self._ring(left, self._end(), before + self._put)
            return self._result("")
        except DatabaseUnavailable as error:
            return self._result(f"the database: {error}")
        except (redis.ConnectionError, redis.TimeoutError) as error:
            return self._result(f"the broker: {type(error).__name__}")

    def _work(self, after: str, before: int) -> str | None:
        """Step by step, until nothing is left, or the turn is over; then, behind which recipient to go on."""
        if not after:
            self._tell_of_large()
            for expired in self._post.expire():
                self._expired += expired
                if not self._goes_on():
                    return ""
        for step in self._post.walk(after):
            self._put += step.put
            if not self._goes_on():
                return step.after
        if before + self._put >= _LARGE:
            logger.warning("%s messages have been delivered", f"{before + self._put:,}")
        return None

    def _tell_of_large(self) -> None:
        waiting = self._post.waiting()
        if waiting >= _LARGE:
            logger.warning("%s messages wait to be delivered", f"{waiting:,}")

    def _goes_on(self) -> bool:
        """Whether the turn may go on; waits before that until few events wait to be recorded."""
        return not self._is_over() and self._keeps() and self._waited_for_drains()

    def _is_over(self) -> bool:
        return self._is_stopping() or time.monotonic() - self._began >= self._settings.drain_seconds

    def _waited_for_drains(self) -> bool:
        """False if the backlog does not fall, as when this process is the only one: then a drain gets it first."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while sum(self._backlog()) > MOST_BACKLOG:
            if time.monotonic() >= end:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _backlog(self) -> Iterator[int]:
        with self._client.pipeline(transaction=False) as pipeline:
            for shard in range(self._settings.shards):
                pipeline.xlen(streams.stream(shard))
            replies = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, redis.ConnectionError | redis.TimeoutError):
                raise reply
            yield reply if isinstance(reply, int) else 0

    def _begins(self) -> bool:
        keys = (streams.POSTMAN, streams.POST_BELL)
        return bool(self._client.eval(post_scripts.BEGIN, len(keys), *keys, self._owner, self._lease_ms))

    def _keeps(self) -> bool:
        return bool(self._client.eval(post_scripts.KEEP, 1, streams.POSTMAN, self._owner, self._lease_ms))

    def _end(self) -> bool:
        """Gives the turn back; whether somebody rang meanwhile."""
        keys = (streams.POSTMAN, streams.POST_BELL)
        return bool(self._client.eval(post_scripts.END, len(keys), *keys, self._owner))

    def _ring(self, left: str | None, rung: bool, put: int) -> None:
        """If there is more to do, another turn does it, when others had the process."""
        if rung:  # for somebody who may stand before those that are left
            self._client.delete(streams.POST_BELL)
            self._bell.ring("", put)
        elif left is not None:
            self._bell.ring(left, put)

    @property
    def _lease_ms(self) -> str:
        return str(int(self._settings.lease_seconds * 1000))

    def _result(self, waiting: str) -> PostResult:
        result = PostResult(put=self._put, expired=self._expired, seconds=round(time.monotonic() - self._began, 3))
        return result | PostResult(waiting=waiting) if waiting else result
