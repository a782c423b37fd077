"""The consumers of an inbox, and their signs of life in `ledger:consumers:{sandbox}` (contract, section 8).

A consumer without a name of its own takes the first slot, `1`, `2` …, whose consumer does not live: so one that is
restarted finds the entries that were pending for it.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Final

from flowledger.client import scripts
from flowledger.client.plans.commands import replies
from flowledger.client.plans.locks import Lock, holding
from flowledger.client.plans.redis_errors import Retry, publish_error, reason
from flowledger.client.plans.steps import Command, Execute, Plan, Sleep
from flowledger.domain import streams
from flowledger.domain.errors import MailboxClosed, PublishError, SettingsError
from flowledger.domain.settings import Settings

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 0.5
LIFE_SECONDS: Final = 1.6
"""A consumer whose last sign of life is older is dead: three in a row are missing."""
_LOOK_SECONDS: Final = 0.05


class Presence:
    """This consumer among the others of its inbox: plans for its signs of life, and what is known of the others."""

    def __init__(self, sandbox_id: str, consumer: str | None, settings: Settings) -> None:
        is_name = consumer is None or (isinstance(consumer, str) and consumer not in ("", streams.EXPIRED_CONSUMER))
        if not is_name:
            raise SettingsError(f"{consumer!r} cannot be the name of a consumer: give text, or None for a free slot")
        self.name = consumer or ""
        """Empty until the mailbox is open, unless it was given."""
        self.on_move: Callable[[], None] = lambda: None
        """Called when another slot had to be taken."""
        self._key = streams.consumers(sandbox_id)
        self._inbox = streams.inbox(sandbox_id)
        self._word = uuid.uuid4().hex[:12]
        """Names this process in its signs: so it recognises its own, even if the reply that confirmed them was lost."""
        self._has_place = False
        self._is_confirmed = True
        self._signed_at = 0.0
        self._lock = Lock()
        self._beats = 0
        self._timeout = settings.publish_timeout_seconds
        self._quiet_ms = str(settings.inbox_quiet_seconds * 1000)
        self._signs: dict[str, str] = {}
        self._time_ms = 0.0
        self._time_at = 0.0
        """When `_time_ms` was Redis's time, by this process's monotonic clock."""
        self._steady_since = 0.0

    def opening(self) -> Plan[None]:
        """Take the name that was given, or a slot; raises PublishError, and SettingsError if the name is in use."""
        yield from self._taking((self.name,) if self.name else map(str, count(1)))

    def beating(self) -> Plan[None]:
        """Give signs of life until the mailbox is closed; move to another slot if another process took this one."""
        while not (yield Sleep(BEAT_SECONDS)):
            yield from holding(self._lock, self._beat())

    def confirming(self) -> Plan[None]:
        """Give a sign before this consumer reads, if the last one is so old that another may have taken its name.

        If one is being given at the moment, only wait until it was.
        """
        if self._has_place and time.monotonic() - self._signed_at >= LIFE_SECONDS:
            yield from holding(self._lock, self._confirm(self._beats))

    def leaving(self) -> Plan[None]:
        """Remove the sign of life, if that can be done, so that the next consumer need not wait."""
        if self._has_place:
            (answer,) = yield Execute([self._leaving(self.name, "")])
            if isinstance(answer, Exception):
                logger.debug("the sign of life of %s stays in %s: %s", self.name, self._key, reason(answer))

    def looking(self) -> Plan[None]:
        """Read the signs of all consumers; raises PublishError."""
        answers, error = yield from replies([("TIME",), ("HGETALL", self._key)], self._timeout)
        if error is not None:
            raise publish_error(error, f"{self._key} was not read", self._timeout, Retry("try again"))
        (seconds, microseconds), signs = answers
        self._note(int(seconds) * 1000 + int(microseconds) / 1000, signs)

    def asking_time(self) -> Plan[float]:
        """Return Redis's time, in milliseconds since the epoch; raises PublishError."""
        if not self._time_at:
            yield from self.looking()
        return self.now_ms

    def forgetting_dead(self, seconds: float, kept: set[str]) -> Plan[None]:
        """Remove the signs of consumers dead for `seconds`, except `kept`: names that are never used again pile up.

        A sign that was renewed meanwhile stays.
        """
        kept = kept | {self.name}
        dead = [(name, sign) for name, sign in self._signs.items() if name not in kept and self.is_dead(name, seconds)]
        if dead:
            yield Execute([self._leaving(name, sign) for name, sign in dead])

    @property
    def now_ms(self) -> float:
        """Redis's time, as far as it is known, in milliseconds since the epoch."""
        return self._time_ms + (time.monotonic() - self._time_at) * 1000

    @property
    def has_company(self) -> bool:
        """Whether another consumer lives."""
        return any(name != self.name and self.is_alive(name) for name in self._signs)

    def is_alive(self, name: str) -> bool:
        """Return whether the sign of this consumer was young when the signs were last read."""
        return name in self._signs and self._age_ms(self._signs[name]) < LIFE_SECONDS * 1000

    def is_dead(self, name: str, seconds: float) -> bool:
        """Return whether this consumer gave no sign for `seconds` in which it could have given one.

        None can while Redis is unreachable; nor does this consumer see any while its own process is stopped.
        """
        steadily = time.monotonic() - self._steady_since >= LIFE_SECONDS
        return steadily and (name not in self._signs or self._age_ms(self._signs[name]) >= seconds * 1000)

    def _taking(self, names: Iterable[str]) -> Plan[None]:
        """Take the first name whose consumer does not live. All are watched at once; a new sign is a proof of life."""
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
                if (yield Sleep(min(left_seconds, _LOOK_SECONDS))):
                    raise MailboxClosed("the mailbox was closed while it was opened")
                yield from self.looking()
            elif (yield from self._sign(name, self._signs.get(name, ""))):
                self.name = name
                return

    def _left_to_watch(self, name: str, first: dict[str, str], watched_seconds: float) -> float | None:
        """How much longer to watch a name until its consumer is dead for certain, in seconds; None if it lives."""
        stands = self._signs.get(name)
        if stands is None or self._is_own(stands):
            return 0.0
        if stands != first.get(name):
            return None
        young = max(LIFE_SECONDS - self._age_ms(stands) / 1000, 0.0)
        return max(min(young, LIFE_SECONDS - watched_seconds), 0.0)

    def _confirm(self, beats: int) -> Plan[None]:
        if self._beats == beats:
            yield from self._beat()

    def _beat(self) -> Plan[None]:
        (answer,) = yield Execute([self._signing(self.name, "")])
        self._beats += 1
        if isinstance(answer, Exception):
            if self._is_confirmed:
                logger.warning("the consumer %s gives no sign of life in %s: %s", self.name, self._key, reason(answer))
            self._is_confirmed, self._steady_since = False, time.monotonic()
        elif not self._note_sign(answer):
            yield from self._moving()

    def _moving(self) -> Plan[None]:
        """Take another slot: this process was stopped or cut off, and another one has taken its name."""
        logger.warning("another consumer has taken %s in %s, which gave no sign of life in time", self.name, self._key)
        try:
            yield from self._taking(map(str, count(1)))
        except (PublishError, MailboxClosed) as error:
            logger.warning("no other slot was taken yet: %s", error)
        else:
            self.on_move()

    def _sign(self, name: str, may_stand: str) -> Plan[bool]:
        """Give a sign of life; return False if another process's, not `may_stand`, is there. Raises PublishError."""
        answers, error = yield from replies([self._signing(name, may_stand)], self._timeout)
        if error is not None:
            raise publish_error(error, "the mailbox is not open", self._timeout, Retry("open it again"))
        return self._note_sign(answers[0])

    def _signing(self, name: str, may_stand: str) -> Command:
        return "EVAL", scripts.SIGN, "2", self._key, self._inbox, name, self._word, may_stand, self._quiet_ms

    def _leaving(self, name: str, may_stand: str) -> Command:
        return "EVAL", scripts.LEAVE, "1", self._key, name, self._word, may_stand

    def _is_own(self, sign: str) -> bool:
        return sign.endswith(f" {self._word}")

    def _note_sign(self, answer: Any) -> bool:
        put, time_ms, signs = answer
        self._note(int(time_ms), signs)
        if put:
            self._has_place = self._is_confirmed = True
            self._signed_at = time.monotonic()
        return bool(put)

    def _note(self, time_ms: float, signs: list[bytes]) -> None:
        texts = [decoded(text) for text in signs]
        now = time.monotonic()
        if now - self._time_at > LIFE_SECONDS:
            self._steady_since = now
        self._signs = dict(zip(texts[::2], texts[1::2], strict=True))
        self._time_ms, self._time_at = time_ms, now

    def _age_ms(self, sign: str) -> float:
        """How old a sign was when it was read; what is no time is older than any."""
        at = sign.partition(" ")[0]
        return max(self._time_ms - int(at), 0.0) if at.isascii() and at.isdigit() else float("inf")


def decoded(name: bytes) -> str:
    """Return the name of a consumer as text, whatever bytes it has."""
    return name.decode("utf-8", "backslashreplace")
