"""`flowledger adopt`: this Redis is this ledger's broker from now on."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from flowledger.domain.errors import BrokerUnsettled
from flowledger.domain.settings import Settings
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.bond import Bond
from flowledger.workers.connections import connect

_LOOK_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Adopted:
    """The ledger that the Redis belongs to now, and the one it belonged to before: the same, another, or none."""

    ledger: str
    before: str | None

    def words(self) -> str:
        if self.before is None:
            return f"this Redis is the broker of ledger {self.ledger} now; it was nobody's"
        if self.before == self.ledger:
            return f"this Redis is the broker of ledger {self.ledger}; any other Redis that was is not any more"
        return f"this Redis is the broker of ledger {self.ledger} now, not of {self.before} any more"


def adopt(settings: Settings, owner: str | None) -> Adopted:
    """Take the Redis over; raises ForeignBroker where it belongs to another ledger than `owner`, the one to be named.

    The workers of the ledger that loses it, or of another Redis that this ledger had, stop recording by themselves.
    """
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as storage:
        ledger, before = Bond(client, settings, storage).adopt(owner)
        return Adopted(ledger, before or None)


def meet_broker(settings: Settings, tell: Callable[[str], None]) -> None:
    """Wait until it is settled that the Redis is the ledger's; raises ForeignBroker where it is not."""
    told = ""
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as storage:
        bond = Bond(client, settings, storage)
        while True:
            try:
                return bond.meet()
            except BrokerUnsettled as error:
                if str(error) != told:
                    tell(str(error))
                told = str(error)
                time.sleep(_LOOK_SECONDS)


def check_bond(settings: Settings) -> None:
    """Raise ForeignBroker where the Redis is another ledger's; nothing is changed."""
    with closing(connect(settings)) as client, Storage(make_engine(settings)) as storage:
        Bond(client, settings, storage).check()
