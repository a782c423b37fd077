"""Row 9: the network between: cut, away, half-open, reset at random bytes, replies lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from tests.faults.servers import Plan
from tests.faults.trial import Dose, Row, Trial
from tests.proxy import Fault, Proxy

_REPLIES: Final = 3


def run(trial: Trial) -> None:
    """Each fault in turn, on the way to the broker and on the way to PostgreSQL; no worker is started again."""
    ways = (("the broker", trial.world.broker_proxy), ("PostgreSQL", trial.world.postgres_proxy))
    with trial.same_workers(), trial.load():
        for _ in range(trial.dose.faults):
            for name, proxy in ways:
                for fault in FAULTS if not trial.dose.few else QUICK[name]:
                    trial.pause()
                    words = (fault.__doc__ or "").splitlines()[0].rstrip(".")
                    _try(trial, f"{name}: {words}", fault, proxy)
    trial.judge()
    trial.note(f"{trial.outcome.repeated} entries came again, and had no second effect")


def _try(trial: Trial, words: str, fault: Callable[[Trial, Proxy], None], proxy: Proxy) -> None:
    """The fault, and the recovery; where there is none, that is a shortcoming, and the connections are reset."""
    try:
        with trial.fault(words):
            fault(trial, proxy)
    except AssertionError as error:
        trial.shortcoming(f"{words}: {error}")
        proxy.reset()
        trial.recover()


def cut(trial: Trial, proxy: Proxy) -> None:
    """cut for a second."""
    proxy.cut()
    time.sleep(1.0)
    proxy.mend()


def cut_for_long(trial: Trial, proxy: Proxy) -> None:
    """cut for long."""
    proxy.cut()
    time.sleep(trial.dose.outage)
    proxy.mend()


def held(trial: Trial, proxy: Proxy) -> None:
    """nothing gets through for long, then everything arrives."""
    proxy.hold()
    time.sleep(min(trial.dose.outage, 10.0))
    proxy.mend()


def half_open(trial: Trial, proxy: Proxy) -> None:
    """half-open: what was connected never hears anything again."""
    proxy.forget()
    time.sleep(1.0)
    proxy.mend()


def reset(trial: Trial, proxy: Proxy) -> None:
    """reset after random numbers of bytes."""
    proxy.reset_after(trial.random, 60_000)
    proxy.reset()
    time.sleep(min(trial.dose.outage, 5.0))
    proxy.mend()


def replies_lost(trial: Trial, proxy: Proxy) -> None:
    """replies lost: of a publish, of a COMMIT."""
    before = proxy.spoilt
    mark = b"XADD" if proxy is trial.world.broker_proxy else b"COMMIT"
    proxy.spoil(Fault.REPLY_LOST, _REPLIES, mark)
    trial.wait(lambda: proxy.spoilt >= before + _REPLIES, "replies that are lost")
    proxy.mend()


FAULTS: Final[tuple[Callable[[Trial, Proxy], None], ...]] = (cut, cut_for_long, held, reset, replies_lost, half_open)
QUICK: Final = {"the broker": (cut,), "PostgreSQL": (reset, replies_lost)}

ROW: Final = Row(
    number=9,
    title="network cut for 1 and 30 s, held, half-open, reset at random bytes, replies of XADD and COMMIT lost",
    run=run,
    sample=Dose(faults=1, rate=250, pause=0.1, outage=1, few=True),
    long=Dose(faults=1, pause=1, outage=30),
    plan=Plan(proxied=True),
)
