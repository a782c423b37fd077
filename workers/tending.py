"""What Redis refuses because of a key: keys of another type, and streams that are used up, are mended.

Who may write to a stream may give an entry the last id that there is, and then nobody can add another. Such a stream
is deleted as soon as it is empty: it begins anew, with ids by the clock. A key of ours that somebody made into another
type holds nothing of ours any more, and is deleted; what stands in place of a shard's stream is put aside, for it is
somebody's.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import redis

from flowledger.domain import streams
from flowledger.domain.settings import Settings
from flowledger.workers import scripts
from flowledger.workers.alarms import tell_once
from flowledger.workers.connections import text

logger = logging.getLogger(__name__)

AHEAD_MS: Final = 3_600_000
"""Clocks differ; ids that are further ahead of the clock were made by somebody."""

_KINDS: Final = {
    streams.WATCH: "string", streams.HOLD: "string", streams.BROKER: "string", streams.FAILURES: "string",
    streams.POSTMAN: "string", streams.PAUSED: "hash", streams.COUNTERS: "hash", streams.SOURCES: "hash",
    streams.ASIDE: "hash", streams.ASIDE_SIZES: "hash", streams.RECORDED: "hash", streams.RESTORED: "string",
}  # fmt: skip


def tend(client: redis.Redis, settings: Settings) -> None:
    """Mend what can be mended, and say so. Nobody waits for it: what Redis refuses here is told, too."""
    shards = range(settings.shards)
    keys = [streams.IDLE, *map(streams.stream, shards)]
    kinds = _KINDS | {streams.rate(time.time()): "hash"}
    for shard in shards:
        kinds |= {streams.lease(shard): "string", streams.bell(shard): "string"}
        kinds |= {streams.caution(shard): "hash", streams.fuse(shard): "hash"}
    pairs = [word for pair in kinds.items() for word in pair]
    mended: Any = ()
    try:
        mended = client.eval(scripts.TEND, len(keys), *keys, str(AHEAD_MS), *pairs)
    except redis.ResponseError as error:
        tell_once(f"nobody looks after used-up streams, for the broker refuses: {error}")
    for key, was in mended:
        if was == b"used up":
            logger.warning("%s was used up: somebody gave an entry an id of the future; it begins anew", text(key))
        else:
            logger.error("%s was a %s, which no program of Flowledger makes: it was taken away", text(key), text(was))
