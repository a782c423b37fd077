"""The postman: delivers what drains left in the outbox, and ends messages whose time is over (docs/decisions/0027).

One at a time in all workers, under a lease that a dead one loses. It goes in small steps and stays behind the drains:
what it puts into inboxes is said in events, and if they wait to be recorded, so does everybody behind them.
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
"""While more events wait to be recorded, the next step waits: so those of other producers come through at once."""
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


class _Walk(NamedTuple):
    """A walk through the outbox: all recipients up to `after` were served, `put` messages went."""

    after: str
    put: int


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

    def run(self) -> PostResult:
        """Goes on with the walk through the outbox where the turn before ended, or begins one."""
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
        """Step by step, until nothing is left, or the turn is over; then, where to go on."""
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
        """Whether the turn may go on; waits before that until few events wait to be recorded."""
        return not self._is_over() and self._keeps() and self._waited_for_drains()

    def _is_over(self) -> bool:
        return self._is_stopping() or time.monotonic() - self._began >= self._settings.drain_seconds

    def _waited_for_drains(self) -> bool:
        """False if the backlog does not fall, as when this process is the only one: then a drain gets it first."""
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
        """Gives the turn back; whether there is more to do, when others had the process."""
        walk = "" if left is None else json_text.dumps(list(left))
        return bool(self._client.eval(scripts.END_TURN, len(_KEYS), *_KEYS, self._owner, walk, str(BELL_MS)))

    @property
    def _lease_ms(self) -> str:
        return str(int(self._settings.lease_seconds * 1000))

    def _result(self, waiting: str) -> PostResult:
        result = PostResult(put=self._put, expired=self._expired, seconds=round(time.monotonic() - self._began, 3))
        return result | PostResult(waiting=waiting) if waiting else result
