"""Mends keys that make Redis refuse commands: keys of another type, and streams that are used up.

A producer may give an entry the last possible id, and then nobody can add another. Such a stream is deleted as soon as
it is empty, and begins anew with ids by the clock. A key of Flowledger's that somebody replaced by one of another type
holds nothing of Flowledger's, and is deleted. A key in place of a shard's stream is renamed: it is somebody's.
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
"""Clocks differ; ids that are further ahead of the clock were chosen by a producer."""

_KINDS: Final = {
    streams.WATCH: "string", streams.HOLD: "string", streams.BROKER: "string", streams.FAILURES: "string",
    streams.POSTMAN: "string", streams.PAUSED: "hash", streams.COUNTERS: "hash", streams.SOURCES: "hash",
    streams.ASIDE: "hash", streams.ASIDE_SIZES: "hash", streams.RECORDED: "hash", streams.RESTORED: "string",
}  # fmt: skip


def tend(client: redis.Redis, settings: Settings) -> None:
    """Mend the keys, and log each. If Redis refuses that as well, it is only logged."""
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
        tell_once(f"used-up streams are not mended, because the broker refuses: {error}")
    for key, was in mended:
        if was == b"used up":
            words = "%s was used up: a producer gave an entry an id of the future; the stream begins anew"
            logger.warning(words, text(key))
        else:
            logger.error("%s was a %s, which Flowledger does not make: it was removed", text(key), text(was))
