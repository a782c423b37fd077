"""Who shares an inbox: its consumers, and their signs of life in `ledger:consumers:{sandbox}` (contract, section 8).

A consumer without a name of its own takes the first slot, `1`, `2` …, whose consumer does not live: so one that is
started again finds what the one before had in its hands.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

from flowledger.client import scripts
from flowledger.client.plans.steps import Again, Command, Plan, Say, Wait, publish_error, replies
from flowledger.domain import streams
from flowledger.domain.errors import MailboxClosed, PublishError, SettingsError
from flowledger.domain.settings import Settings

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 0.5
LIFE_SECONDS: Final = 1.6
"""A consumer that gives no sign of life for so long is dead: three in a row are missing."""
_LOOK_SECONDS: Final = 0.05


class Presence:
    """This consumer among the others of its inbox; plans for its life, and what is known of the others."""

    def __init__(self, sandbox_id: str, consumer: str | None, settings: Settings) -> None:
        if consumer is not None and consumer in ("", streams.EXPIRED_CONSUMER):
            raise SettingsError(f"{consumer!r} cannot be the name of a consumer")
        self.name = consumer or ""
        """Empty until it is open, but where it was given."""
        self.on_move: Callable[[], None] = lambda: None
        """Called where another slot had to be taken."""
        self._key = streams.consumers(sandbox_id)
        self._inbox = streams.inbox(sandbox_id)
        self._word = uuid.uuid4().hex[:12]
        """Names this process in its signs: so it knows its own, whether or not it heard that they were put."""
        self._has_place = False
        self._is_heard = True
        self._signed_at = 0.0
        self._turn = threading.Lock()
        self._timeout = settings.publish_timeout_seconds
        self._quiet_ms = str(settings.inbox_quiet_seconds * 1000)
        self._signs: dict[str, str] = {}
        self._time_ms = 0.0
        self._time_at = 0.0
        """When `_time_ms` was Redis's time, by this process's clock, which is not set."""
        self._steady_since = 0.0

    def opening(self) -> Plan[None]:
        """Takes the name that was given, or a slot; raises PublishError, and SettingsError if the name is in use."""
        yield from self._taking((self.name,) if self.name else map(str, count(1)))

    def beating(self) -> Plan[None]:
        """Gives signs of life until the mailbox is closed; moves to another slot if somebody took this one."""
        while not (yield Wait(BEAT_SECONDS)):
            yield from self._beating_once()

    def confirming(self) -> Plan[None]:
        """To be done before this consumer reads: after a while without a sign its name may be another's."""
        if self._has_place and time.monotonic() - self._signed_at >= LIFE_SECONDS:
            yield from self._beating_once()

    def leaving(self) -> Plan[None]:
        """Takes the sign of life away, if it can be done; so the next one need not wait."""
        if self._has_place:
            (answer,) = yield Say([self._leaving(self.name, "")])
            if isinstance(answer, Exception):
                logger.debug("the sign of life of %s stays in %s: %s", self.name, self._key, answer)

    def looking(self) -> Plan[None]:
        """Looks at the signs of all; raises PublishError."""
        answers, error = yield from replies([("TIME",), ("HGETALL", self._key)], self._timeout)
        if error is not None:
            raise publish_error(error, f"{self._key} was not read", self._timeout, Again("try again"))
        (seconds, microseconds), signs = answers
        self._hear(int(seconds) * 1000 + int(microseconds) / 1000, signs)

    def telling_time(self) -> Plan[float]:
        """Redis's clock, in ms since the epoch; raises PublishError."""
        if not self._time_at:
            yield from self.looking()
        return self.now_ms

    def forgetting_dead(self, seconds: float, kept: set[str]) -> Plan[None]:
        """Takes away the signs of those dead for `seconds`, but for `kept`: names that are never used again pile up.

        Not where one gives a new sign meanwhile.
        """
        kept = kept | {self.name}
        dead = [(name, sign) for name, sign in self._signs.items() if name not in kept and self.is_dead(name, seconds)]
        if dead:
            yield Say([self._leaving(name, sign) for name, sign in dead])

    @property
    def now_ms(self) -> float:
        """Redis's clock, as far as it is known, in ms since the epoch."""
        return self._time_ms + (time.monotonic() - self._time_at) * 1000

    @property
    def has_company(self) -> bool:
        """Whether another consumer lives."""
        return any(name != self.name and self.is_alive(name) for name in self._signs)

    def is_alive(self, name: str) -> bool:
        """Whether it gave a sign lately, when that was last looked at."""
        return name in self._signs and self._age_ms(self._signs[name]) < LIFE_SECONDS * 1000

    def is_dead(self, name: str, seconds: float) -> bool:
        """Whether it gave no sign for `seconds`, while it could have given one.

        Nobody can while Redis is away; nor does this consumer see anybody's while it is stopped itself.
        """
        steadily = time.monotonic() - self._steady_since >= LIFE_SECONDS
        return steadily and (name not in self._signs or self._age_ms(self._signs[name]) >= seconds * 1000)

    def _taking(self, names: Iterable[str]) -> Plan[None]:
        """The first name whose consumer does not live. All are watched at once; another sign is a proof of life."""
        yield from self.looking()
        names = iter(names)
        name = next(names)
        first, began = self._signs, time.monotonic()
        while True:
            left_seconds = self._left_to_watch(name, first, time.monotonic() - began)
            if left_seconds is None:
                name = next(names, "")
                if not name:
                    words = "lives in another process: give each a name of its own, or none"
                    raise SettingsError(f"the consumer {self.name} of {self._inbox} {words}")
            elif left_seconds > 0:
                if (yield Wait(min(left_seconds, _LOOK_SECONDS))):
                    raise MailboxClosed("the mailbox was closed while it was opened")
                yield from self.looking()
            elif (yield from self._sign(name, self._signs.get(name, ""))):
                self.name = name
                return

    def _left_to_watch(self, name: str, first: dict[str, str], watched_seconds: float) -> float | None:
        """How much longer a name must be watched until its consumer is dead for certain; None if it lives."""
        stands = self._signs.get(name)
        if stands is None or self._is_own(stands):
            return 0.0
        if stands != first.get(name):
            return None
        young = max(LIFE_SECONDS - self._age_ms(stands) / 1000, 0.0)
        return max(min(young, LIFE_SECONDS - watched_seconds), 0.0)

    def _beating_once(self) -> Plan[None]:
        if not self._turn.acquire(blocking=False):
            return
        try:
            (answer,) = yield Say([self._signing(self.name, "")])
            if isinstance(answer, Exception):
                if self._is_heard:
                    logger.warning("the consumer %s gives no sign of life in %s: %s", self.name, self._key, answer)
                self._is_heard, self._steady_since = False, time.monotonic()
            elif not self._hear_sign(answer):
                yield from self._moving()
        finally:
            self._turn.release()

    def _moving(self) -> Plan[None]:
        """Somebody took this name for dead, as after a process was stopped or cut off: it is theirs now."""
        logger.warning("another consumer has taken %s in %s, which gave no sign of life in time", self.name, self._key)
        try:
            yield from self._taking(map(str, count(1)))
        except (PublishError, MailboxClosed) as error:
            logger.warning("no other slot was taken yet: %s", error)
        else:
            self.on_move()

    def _sign(self, name: str, may_stand: str) -> Plan[bool]:
        """Gives a sign of life; False if another's stands there that is not `may_stand`. Raises PublishError."""
        answers, error = yield from replies([self._signing(name, may_stand)], self._timeout)
        if error is not None:
            raise publish_error(error, "the mailbox is not open", self._timeout, Again("open it again"))
        return self._hear_sign(answers[0])

    def _signing(self, name: str, may_stand: str) -> Command:
        return "EVAL", scripts.SIGN, "2", self._key, self._inbox, name, self._word, may_stand, self._quiet_ms

    def _leaving(self, name: str, may_stand: str) -> Command:
        return "EVAL", scripts.LEAVE, "1", self._key, name, self._word, may_stand

    def _is_own(self, sign: str) -> bool:
        return sign.endswith(f" {self._word}")

    def _hear_sign(self, answer: Any) -> bool:
        put, time_ms, signs = answer
        self._hear(int(time_ms), signs)
        if put:
            self._has_place = self._is_heard = True
            self._signed_at = time.monotonic()
        return bool(put)

    def _hear(self, time_ms: float, signs: list[bytes]) -> None:
        texts = [decoded(text) for text in signs]
        now = time.monotonic()
        if now - self._time_at > LIFE_SECONDS:
            self._steady_since = now
        self._signs = dict(zip(texts[::2], texts[1::2], strict=True))
        self._time_ms, self._time_at = time_ms, now

    def _age_ms(self, sign: str) -> float:
        """How old a sign was when it was looked at; what is no time is older than any."""
        at = sign.partition(" ")[0]
        return max(self._time_ms - int(at), 0.0) if at.isascii() and at.isdigit() else float("inf")


def decoded(name: bytes) -> str:
    """The name of a consumer, whatever somebody has called it."""
    return name.decode("utf-8", "backslashreplace")
