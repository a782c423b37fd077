"""The names of all keys of Flowledger in Redis, and the shard rule (CONTRACT §1).

    ledger:events:{shard}        stream; one entry per event, in the field `event`; recorded entries are deleted
    ledger:lease:{shard}         string; the owner of the drain that records the shard's first entries, with an expiry
    ledger:bell:{shard}          string; a drain is on its way to a worker, with an expiry
    ledger:caution:{shard}       hash; after drains that died: how many entries the next one takes (`size`), and how
                                 many drains died at the first entry alone (`deaths`)
    ledger:watch                 string; the owner of the drain that waits for entries, with an expiry
    ledger:hold                  string; why nothing is taken for now (the database is unavailable), with an expiry
    ledger:broker                string; the ledger that this broker belongs to: its id, how many brokers it has had,
                                 and a mark. The database holds the same: a broker without it is new, or lost its data
    ledger:recorded              hash; shard: the number of its last batch, as the database counts them; and `at`: when
                                 the last batch was recorded, in ms of Redis's clock
    ledger:restored              string; when the database was found to have gone back, in ms of Redis's clock
    ledger:partitions            string; one of the workers has lately seen to the partitions; with an expiry
    ledger:beat                  string; the database was informed lately that the broker is served; with an expiry
    ledger:workers               hash, with an expiry; a worker's name: when it gave its last sign of life, in ms of
                                 Redis's clock, a blank, and JSON of its host, process and pool
    ledger:pairing               string; who is writing `ledger:broker` now, with an expiry
    ledger:failures              string; how often in a row the database was unavailable
    ledger:paused                hash; shard, or `all`: JSON of who paused it, when and why
    ledger:fuse:{shard}          hash; of the last entries, how many were seen (`seen`) and how many died by a fault of
                                 Flowledger or the database (`dead`)
    ledger:sources               hash, with an expiry; a source's key (a hash of it): how many of its last entries were
                                 seen and died by their own fault, and when the last one died, in s since the epoch
    ledger:aside                 hash; a source's key: JSON of which source is set aside, by whom, when and why
    ledger:aside:{source's key}  stream; its entries, in order: the fields `shard` and `entry` name the origin of each,
                                 its own fields follow
    ledger:aside-sizes           hash; `entries` and `bytes` of all that is set aside, `bytes:{source's key}` of one
    ledger:strange:{key}         any type; a key that somebody put in the place of a shard's stream
    ledger:alarm:{what}          string, with an expiry; an alarm about dead letters or growth was logged
    ledger:idle                  stream, capped; one entry each time a drain leaves a shard that may have entries
    ledger:counters              hash; totals since the broker began: recorded, repeated, dead
    ledger:rate:{10 seconds}     hash; the same for ten seconds, kept for ten minutes
                                 (both also count messages put into inboxes: posted)

The post office (docs/decisions/0019):

    ledger:inbox:{sandbox}       stream; one entry per message that waits for the sandbox or is pending; deleted when
                                 acknowledged. The consumers of group `mailbox` share it. An empty inbox expires
    ledger:consumers:{sandbox}   hash; a consumer's name: when it last gave a sign of life, in ms of Redis's clock, a
                                 blank, and which process did; with an expiry
    ledger:taken:{sandbox}       sorted set; ids of messages acknowledged lately, by ms of Redis's clock: no second
                                 copy; with an expiry
    ledger:posted:{n}:{message}:{sandbox}   string; this message was put into this inbox, in this entry (n: length of
                                 the message's id); with an expiry once the message has ended
    ledger:rewriting:{sandbox}   stream; an inbox that is written anew (docs/contract/erase.md), while a script runs
    ledger:expiries              sorted set; JSON of message and sandbox, by the ms at which the message expires
    ledger:postman               string; the owner of the post office's turn, with an expiry
    ledger:bell:post             string; the post office was asked to check; with an expiry
    ledger:walk                  string; the position at which the post office continues in the outbox, with an expiry
    ledger:round                 string; the pumps asked the post office to check a moment ago; with an expiry

Schedules (docs/decisions/0043):

    ledger:scheduler             string; the owner of the scheduler's turn, with an expiry
    ledger:bell:schedules        string; the scheduler was asked to look; with an expiry
    ledger:round:schedules       string; the pumps asked it a moment ago; with an expiry

Retention (docs/decisions/0059):

    ledger:bell:maintenance      string; one of the workers was asked to let go what is too old; with an expiry
    ledger:round:maintenance     string; the pumps asked a moment ago; with an expiry

What is done once, and what is refused (`services`):

    ledger:once:{event}          string; an event whose id follows from its cause was published: the id of its entry;
                                 with an expiry
    ledger:refused:{hour}        hash; JSON of webhook and cause: how many calls were refused in that hour; with an
                                 expiry
    ledger:refused-told:{line}   string; the audit line about such calls was published in this minute; with an expiry

Celery's own keys (`ledger`, `unacked`, `_kombu.*`) carry only bells, which may be lost or doubled without harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zlib import crc32

FIELD: Final = "event"
LAST_ID: Final = f"{2**64 - 1}-{2**64 - 1}"
"""The last id that an entry can have: Redis neither adds nor finds any after it."""
RETURNED: Final = b"ledger:returned"
"""The last field of an entry that was set aside and came back; its value is a mark of the ledger's."""

WATCH: Final = "ledger:watch"
HOLD: Final = "ledger:hold"
BROKER: Final = "ledger:broker"
RECORDED: Final = "ledger:recorded"
RECORDED_AT: Final = "at"
RESTORED: Final = "ledger:restored"
BEAT: Final = "ledger:beat"
PARTITIONS: Final = "ledger:partitions"
PAIRING: Final = "ledger:pairing"
WORKERS: Final = "ledger:workers"
FAILURES: Final = "ledger:failures"
PAUSED: Final = "ledger:paused"
ALL: Final = "all"
"""In place of a shard's number, in `PAUSED`."""
IDLE: Final = "ledger:idle"
COUNTERS: Final = "ledger:counters"
SOURCES: Final = "ledger:sources"
ASIDE: Final = "ledger:aside"
ASIDE_SIZES: Final = "ledger:aside-sizes"
RATE_SECONDS: Final = 10
RATE_KEPT_SECONDS: Final = 600


POSTMAN: Final = "ledger:postman"
POST_BELL: Final = "ledger:bell:post"
WALK: Final = "ledger:walk"
ROUND: Final = "ledger:round"
SCHEDULER: Final = "ledger:scheduler"
SCHEDULE_BELL: Final = "ledger:bell:schedules"
SCHEDULE_ROUND: Final = "ledger:round:schedules"
MAINTENANCE_BELL: Final = "ledger:bell:maintenance"
MAINTENANCE_ROUND: Final = "ledger:round:maintenance"
EXPIRIES: Final = "ledger:expiries"
MAILBOX_GROUP: Final = "mailbox"
"""The consumer group of each inbox."""
EXPIRED_CONSUMER: Final = "expired"
"""A consumer that is no process: a mailbox leaves expired messages as its pending entries, for the ledger."""
MESSAGE_ID: Final = "message_id"
EXPIRES: Final = "expires_at"
"""Fields of an inbox's entry beside `FIELD`: the message's id, and, if it expires, when, in ms since the epoch."""
TAKEN_KEPT: Final = 10_000
"""How many ids of acknowledged messages are kept for each inbox."""

LASTING: Final[Mapping[str, str]] = {
    "ledger:events:{shard}": "events wait for a drain; the last id of an empty stream must not be given again",
    "ledger:caution:{shard}": "it counts deaths of drains until the entries are recorded",
    "ledger:fuse:{shard}": "it counts the last entries, of any age",
    "ledger:failures": "counts until the database is available",
    "ledger:paused": "until somebody resumes the shards",
    "ledger:aside": "until somebody resumes the source",
    "ledger:aside:{source}": "the source's entries wait until somebody resumes it",
    "ledger:aside-sizes": "as long as there are such entries",
    "ledger:strange:{key}": "it belongs to somebody",
    "ledger:broker": "the ledger that the broker belongs to",
    "ledger:recorded": "shows that the database went back, after any time without batches",
    "ledger:restored": "messages put into inboxes before that time are put again",
    "ledger:idle": "one stream, capped",
    "ledger:counters": "totals since the broker was new",
    "ledger:inbox:{sandbox}": "messages wait for their recipient; an empty inbox expires",
    "ledger:posted:{n}:{message}:{sandbox}": "while the message waits; then it expires",
    "ledger:expiries": "while messages wait that expire",
    "ledger": "Celery's queue: bells that wait for a worker",
    "unacked": "Celery's: bells that a worker has taken",
    "unacked_index": "Celery's: when it took them",
    "_kombu.binding.{exchange}": "Celery's: which queues belong to an exchange",
    "_kombu.binding_permanent.{exchange}": "Celery's: those of them that do not expire",
    "_kombu.binding_deadlines": "Celery's: when it removes the others",
}
"""Every key that may have no expiry, and why. After each test the suite looks for others."""


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


def aside(source_key: str) -> str:
    return f"{ASIDE}:{source_key}"


def alarm(what: str) -> str:
    return f"ledger:alarm:{what}"


def inbox(sandbox_id: str) -> str:
    return f"ledger:inbox:{sandbox_id}"


def rewriting(sandbox_id: str) -> str:
    return f"ledger:rewriting:{sandbox_id}"


def consumers(sandbox_id: str) -> str:
    return f"ledger:consumers:{sandbox_id}"


def taken(sandbox_id: str) -> str:
    return f"ledger:taken:{sandbox_id}"


def posted(message_id: str, sandbox_id: str) -> str:
    """Return the key of a delivered message, which is unambiguous for any ids."""
    return f"ledger:posted:{len(message_id)}:{message_id}:{sandbox_id}"


def rate(at: float) -> str:
    """Return the key of the ten seconds that include `at`, in seconds since the epoch."""
    return f"ledger:rate:{int(at) // RATE_SECONDS}"


def once(name: str) -> str:
    return f"ledger:once:{name}"


def refused(hour: int) -> str:
    """Return the key of the counts of an hour, in hours since the epoch."""
    return f"ledger:refused:{hour}"


def refused_told(line: str) -> str:
    return f"ledger:refused-told:{line}"


def shard_of(key: str, shards: int) -> int:
    """Return `crc32(utf8(key)) mod shards`."""
    return crc32(key.encode("utf-8", "surrogatepass")) % shards
