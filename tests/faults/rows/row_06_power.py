"""Row 6: the broker's machine loses its power: only what was flushed is on the disk.

The disk is a file system in an image. The server is stopped, the image is copied (what the kernel still kept in memory
is not in it), and a new server starts on the copy. Confirmed events are counted there, by fsync policy.
"""

from __future__ import annotations

import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Final

import redis

from flowledger.cli.embedded import EmbeddedValkey
from tests.client.looking import events
from tests.faults import disks
from tests.faults.accepted import Accepted
from tests.faults.trial import Dose, Row, Trial

_MEGABYTES: Final = 192
_PRODUCERS: Final = 2
_POLICIES: Final = ("always", "everysec")


def run(trial: Trial) -> None:
    """`always`, which is ours, must lose nothing; what `everysec` loses is told beside it."""
    verdict = trial.outcome.verdict
    verdict.is_given = True
    for policy in _POLICIES:
        accepted = lost = 0
        for turn in range(trial.dose.faults):
            trial.tell(f"power cut {turn + 1} of {trial.dose.faults}, appendfsync {policy}")
            one_accepted, one_lost = _power_cut(trial, policy, trial.world.folder / f"{policy}-{turn}")
            accepted, lost = accepted + one_accepted, lost + one_lost
        trial.note(
            f"appendfsync {policy}: {lost:,} of {accepted:,} accepted events lost in {trial.dose.faults} power cuts"
        )
        if policy == "always":
            trial.outcome.faults += trial.dose.faults
            verdict.accepted, verdict.lost = accepted, lost
    assert not verdict.lost, f"{verdict.lost} of {verdict.accepted} accepted events lost with appendfsync always"


def _power_cut(trial: Trial, policy: str, folder: Path) -> tuple[int, int]:
    """How many events were accepted before the cut, and how many of them are gone after it."""
    folder.mkdir()
    image, copy = folder / "disk", folder / "copy"
    accepted = folder / "accepted"
    accepted.mkdir()
    disks.make_image(image, _MEGABYTES)
    with disks.mounted(image, folder / "before"):
        server = EmbeddedValkey(folder / "before" / "valkey")
        server.start()
        try:
            _set(server, policy)
            for _ in range(_PRODUCERS):
                trial.world.start_producer(accepted, server.url, seed=trial.seed, rate=2000)
            trial.wait(lambda: len(Accepted.read(accepted).ids) > 500, "accepted events")
            trial.pause()
            os.kill(server.pid, signal.SIGSTOP)
            disks.torn_out(image, copy)
            ids = Accepted.read(accepted).ids
        finally:
            server.kill()
            trial.world.kill_producers()
    return len(ids), len(ids - _found(copy, folder / "after"))


def _found(copy: Path, folder: Path) -> set[str]:
    """The ids of the events that a server finds on the disk."""
    with disks.mounted(copy, folder):
        server = EmbeddedValkey(folder / "valkey")
        server.start()
        try:
            with closing(redis.Redis.from_url(server.url)) as client:
                return {event["id"] for event in events(client)}
        finally:
            server.stop()


def _set(server: EmbeddedValkey, policy: str) -> None:
    with closing(redis.Redis.from_url(server.url)) as client:
        client.config_set("appendfsync", policy)


ROW: Final = Row(
    number=6,
    title="the broker's power lost, what was not flushed is gone",
    run=run,
    sample=None,
    long=Dose(faults=5, pause=3),
    skip=disks.cannot_mount,
    starts_workers=False,
)
