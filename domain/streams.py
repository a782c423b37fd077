"""The names of everything Flowledger keeps in Redis, in one place, and the shard rule (CONTRACT §1).

    ledger:events:{shard}        stream; one entry an event, in the field `event`; recorded entries are deleted
    ledger:lease:{shard}         string; the owner of the drain that records the shard's first entries, with an expiry
    ledger:bell:{shard}          string; a drain is on its way to a worker, with an expiry
    ledger:caution:{shard}       hash; after drains that never came back: how many entries the next one takes
                                 (`size`), and how many died at the first entry alone (`deaths`)
    ledger:watch                 string; the owner of the drain that waits for entries, with an expiry
    ledger:hold                  string; why nothing is taken for now (the database is away), with an expiry
    ledger:broker                string; a mark that the database knows, too: a broker without it has lost its data
    ledger:failures              string; how often in a row the database was not to be had
    ledger:paused                hash; shard, or `all`: JSON of who paused it, when and why
    ledger:fuse:{shard}          hash; of the last entries, how many there were (`seen`) and how many died (`dead`)
    ledger:idle                  stream, capped; one entry each time a drain leaves a shard that may have entries
    ledger:counters              hash; totals since the broker began: recorded, repeated, dead
    ledger:rate:{10 seconds}     hash; the same of ten seconds, kept for ten minutes

Celery's own keys (`ledger`, `unacked`, `_kombu.*`) carry bells only: they may be lost or doubled without harm.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

FIELD: Final = "event"

WATCH: Final = "ledger:watch"
HOLD: Final = "ledger:hold"
BROKER: Final = "ledger:broker"
FAILURES: Final = "ledger:failures"
PAUSED: Final = "ledger:paused"
ALL: Final = "all"
"""In place of a shard's number, in `PAUSED`."""
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


def caution(shard: int) -> str:
    return f"ledger:caution:{shard}"


def fuse(shard: int) -> str:
    return f"ledger:fuse:{shard}"


def rate(at: float) -> str:
    """The key of the ten seconds that hold `at`, in seconds since the epoch."""
    return f"ledger:rate:{int(at) // RATE_SECONDS}"


def shard_of(key: str, shards: int) -> int:
    """`crc32(utf8(key)) mod shards`."""
    return crc32(key.encode("utf-8", "surrogatepass")) % shards
