"""The names of everything Flowledger keeps in Redis, in one place, and the shard rule (CONTRACT §1).

    ledger:events:{shard}        stream; one entry an event, in the field `event`; recorded entries are deleted
    ledger:lease:{shard}         string; the owner of the drain under way, with an expiry
    ledger:bell:{shard}          string; a drain is on its way to a worker, with an expiry
    ledger:failures:{shard}      string; how often in a row the database was not to be had
    ledger:idle                  stream, capped; one entry each time a drain leaves its shard
    ledger:counters              hash; totals since the broker began: recorded, repeated, dead
    ledger:rate:{10 seconds}     hash; the same of ten seconds, kept for ten minutes

Celery's own keys (`ledger`, `unacked`, `_kombu.*`) carry bells only: they may be lost or doubled without harm.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

FIELD: Final = "event"
GROUP: Final = "ledger"
CONSUMER: Final = "drain"
"""One name for all drains: what one of them read and did not finish is found by the next as its own pending."""

IDLE: Final = "ledger:idle"
COUNTERS: Final = "ledger:counters"
RATE_SECONDS: Final = 10
RATE_KEPT_SECONDS: Final = 600


def stream(shard: int) -> str:
    return f"ledger:events:{shard}"


def lease(shard: int) -> str:
    return f"ledger:lease:{shard}"


def bell(shard: int) -> str:
    return f"ledger:bell:{shard}"


def failures(shard: int) -> str:
    return f"ledger:failures:{shard}"


def rate(at: float) -> str:
    """The key of the ten seconds that hold `at`, in seconds since the epoch."""
    return f"ledger:rate:{int(at) // RATE_SECONDS}"


def shard_of(key: str, shards: int) -> int:
    """`crc32(utf8(key)) mod shards`."""
    return crc32(key.encode("utf-8", "surrogatepass")) % shards
