"""The postman: delivers what drains left in the outbox, and ends messages whose time is over (docs/decisions/0027).

One at a time in all workers, under a lease that a dead one loses. It works in small steps and lets drains go first:
each message it delivers publishes an event, and a backlog of these would hold up the events behind them.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypedDict

import redis

from flowledger.domain import json_text, streams
from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.settings import Settings
from flowledger.workers import scripts
from flowledger.workers.post import PostOffice
from flowledger.workers.post_bell import BELL_MS, PostBell

logger = logging.getLogger(__name__)

_KEYS: Final = (streams.POSTMAN, streams.POST_BELL, streams.WALK)
_MOST_BACKLOG: Final = 20
"""While more events than this wait to be recorded, the next step waits, so that other producers are not held up."""
_PATIENCE_SECONDS: Final = 0.25
"""How long a step waits for a backlog that does not fall."""
_LOOK_SECONDS: Final = 0.005
_LARGE: Final = 1_000
"""A delivery of this many messages is logged."""


class PostResult(TypedDict, total=False):
    """What a turn did, as Flower shows it."""

    put: int
    expired: int
    seconds: float
    waiting: str


class _Walk(NamedTuple):
    """A walk through the outbox: `put` messages were delivered, to all recipients up to `after`."""

    after: str
    put: int


class Postman:
    """One turn of the postman."""

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

    def run(self) -> PostResult:
        """Continue the walk through the outbox where the turn before ended, or begin one."""
        try:
            walk = self._begin()
            if walk is None:
                return {"waiting": "another postman has the turn"}
            left: _Walk | None = None
            try:
                left = self._work(walk)
            finally:
                again = self._end(left)
            if again:
                self._bell.send()
            return self._result("")
        except DatabaseUnavailable as error:
            return self._result(f"the database: {error}")
        except (redis.ConnectionError, redis.TimeoutError) as error:
            return self._result(f"the broker: {type(error).__name__}")

    def _work(self, walk: _Walk) -> _Walk | None:
        """Deliver step by step. Return None if nothing is left, or where to continue if the turn is over."""
        if not walk.after:
            for expired in self._post.expire():
                self._expired += expired
                if not self._goes_on():
                    break
        for step in self._post.walk(walk.after):
            self._put += step.put
            if not self._goes_on():
                return self._left(walk, step.after)
        if walk.put + self._put >= _LARGE:
            logger.warning("the large delivery is done: %s messages", f"{walk.put + self._put:,}")
        return None

    def _left(self, walk: _Walk, after: str) -> _Walk:
        left = _Walk(after, walk.put + self._put)
        if walk.put < _LARGE <= left.put:
            words = "a large delivery is under way: %s messages are in their inboxes, %s wait"
            logger.warning(words, f"{left.put:,}", f"{self._post.waiting():,}")
        return left

    def _goes_on(self) -> bool:
        """Return whether the turn may continue, after waiting until few events wait to be recorded."""
        return not self._is_over() and self._keeps() and self._waited_for_drains()

    def _is_over(self) -> bool:
        return self._is_stopping() or time.monotonic() - self._began >= self._settings.drain_seconds

    def _waited_for_drains(self) -> bool:
        """Wait for the backlog to fall. Return False if it does not: this process may be the only one for a drain."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while sum(self._backlog()) > _MOST_BACKLOG:
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

    def _begin(self) -> _Walk | None:
        reply = self._client.eval(scripts.BEGIN_TURN, len(_KEYS), *_KEYS, self._owner, self._lease_ms)
        if reply is None:
            return None
        return _Walk(*json_text.loads(reply.decode())) if reply else _Walk("", 0)

    def _keeps(self) -> bool:
        return bool(self._client.eval(scripts.KEEP_TURN, 1, streams.POSTMAN, self._owner, self._lease_ms))

    def _end(self, left: _Walk | None) -> bool:
        """End the turn. Return whether another one is to follow."""
        walk = "" if left is None else json_text.dumps(list(left))
        return bool(self._client.eval(scripts.END_TURN, len(_KEYS), *_KEYS, self._owner, walk, str(BELL_MS)))

    @property
    def _lease_ms(self) -> str:
        return str(int(self._settings.lease_seconds * 1000))

    def _result(self, waiting: str) -> PostResult:
        result = PostResult(put=self._put, expired=self._expired, seconds=round(time.monotonic() - self._began, 3))
        return result | PostResult(waiting=waiting) if waiting else result
