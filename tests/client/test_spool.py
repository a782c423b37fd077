"""The spool's file: what was kept is there again, whatever happened to it (`client.spool`)."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowledger.client.spool import Spool
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Refused, SpoolError, SpoolFull
from tests.builders import raw

ROOM: Final = 2**20
MEBIBYTE: Final = b'"' + b"x" * (2**20 - 3) + b'"'


@contextmanager
def opened(path: Path, max_bytes: int = ROOM) -> Iterator[Spool]:
    with closing(Spool(path, max_bytes)) as spool:
        yield spool


def send(spool: Spool, count: int) -> list[bytes]:
    """The oldest lines, sent."""
    oldest = spool.oldest(count)
    spool.drop(oldest, len(oldest.lines))
    return oldest.lines


def waiting(spool: Spool) -> list[bytes]:
    return spool.oldest(1000).lines if spool.waiting else []


def is_event(line: bytes) -> bool:
    try:
        parse(line)
    except Refused:
        return False
    return True


def numbered(count: int, start: int = 0) -> list[bytes]:
    return [raw("task.started", subject=f"t{number}") for number in range(start, start + count)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.jsonl"


def test_what_was_kept_is_there_after_a_restart_in_order(path: Path) -> None:
    events = numbered(5)
    with opened(path) as spool:
        spool.append(events[:2])
        spool.append(events[2:])
        assert send(spool, 2) == events[:2]
    with opened(path) as spool:
        assert (spool.waiting, waiting(spool)) == (3, events[2:])


def test_it_is_one_event_a_line_whatever_line_breaks_an_event_has(path: Path) -> None:
    event = json.dumps(json.loads(raw("task.completed", output="a\r\nb")), indent=1).replace("\n", "\r\n").encode()
    with opened(path) as spool:
        spool.append([event + b"\n"])
        (line,) = waiting(spool)
    assert path.read_bytes() == line + b"\n"
    assert json.loads(line) == json.loads(event)


def test_its_files_are_its_owners_alone(path: Path) -> None:
    path.touch(mode=0o644)
    before = os.umask(0)
    try:
        with opened(path) as spool:
            spool.append([b"no event"])
            spool.put_aside(spool.oldest(1), "why")
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("spool.jsonl", "spool.jsonl.sent", "spool.jsonl.refused"), 0o600)


def test_it_takes_no_more_than_its_bound_and_then_nothing_of_it(path: Path) -> None:
    (event,) = numbered(1)
    with opened(path, max_bytes=3 * len(event) + 10) as spool:
        spool.append([event, event])
        with pytest.raises(SpoolFull, match=r"2 events not accepted: the spool .*LEDGER_SPOOL_MAX_BYTES") as caught:
            spool.append([event, event])
        assert str(path) in str(caught.value)
        assert waiting(spool) == [event, event]
        spool.append([event])


def test_it_has_its_room_again_when_all_is_sent(path: Path) -> None:
    with opened(path, max_bytes=300) as spool:
        for number in range(10):
            spool.append([b"%d" % number * 200])
            send(spool, 1)
        assert path.stat().st_size == 0


def test_it_gives_room_back_while_something_waits(path: Path) -> None:
    with opened(path, max_bytes=6 * 2**20) as spool:
        spool.append([MEBIBYTE] * 5)
        spool.append([b"the last"])
        while spool.waiting > 1:
            send(spool, 1)
        assert path.stat().st_size < 3 * 2**20
        spool.append([MEBIBYTE] * 2)
        assert waiting(spool) == [b"the last", MEBIBYTE, MEBIBYTE]
    with opened(path) as spool:
        assert waiting(spool) == [b"the last", MEBIBYTE, MEBIBYTE]


def test_an_event_larger_than_what_is_read_at_once_is_read(path: Path) -> None:
    with opened(path, max_bytes=30 * 2**20) as spool:
        spool.append([b"x" * (17 * 2**20), b"y"])
        assert [len(line) for line in waiting(spool)] == [17 * 2**20, 1]


def test_a_second_publisher_is_told_that_it_is_in_use(path: Path) -> None:
    with opened(path) as spool, pytest.raises(SpoolError, match="in use by another publisher; give each a file"):
        Spool(path, ROOM)
    assert spool.path == path
    with opened(path):
        pass


def test_another_process_is_told_that_it_is_in_use(path: Path) -> None:
    program = f"from flowledger.client.spool import Spool; Spool({str(path)!r}, 1000)"
    with opened(path):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "in use by another publisher" in done.stderr


@pytest.mark.parametrize("kind", ["directory", "no folder", "pipe", "device"])
def test_a_file_that_cannot_be_used_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "none" / "s" if kind == "no folder" else tmp_path / "s"
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/null")
    with pytest.raises(SpoolError, match=str(path.resolve())):
        Spool(path, ROOM)


@pytest.mark.parametrize("name", ["symbolic", "hard"])
def test_a_file_has_one_publisher_by_whatever_name(path: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / name
    with opened(path) as spool:
        spool.append(numbered(1))
        other.symlink_to(path) if name == "symbolic" else other.hardlink_to(path)
        with pytest.raises(SpoolError, match="in use by another publisher"):
            Spool(other, ROOM)
        spool.append(numbered(2))
        assert spool.waiting == 3


def test_a_spool_by_a_symbolic_link_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "spool"
    link.symlink_to(tmp_path / "disk" / "spool")
    with opened(link) as spool:
        spool.append(numbered(3))
        spool._worth_copying = 0
        oldest = spool.oldest(2)
        spool.drop(oldest, 2)
        assert spool.waiting == 1
        with pytest.raises(SpoolError, match="in use by another publisher"):
            Spool(tmp_path / "disk" / "spool", ROOM)
    assert link.is_symlink()
    assert sorted(file.name for file in (tmp_path / "disk").iterdir()) == ["spool", "spool.sent"]


def test_a_forked_process_does_not_keep_the_file_of_its_parent(path: Path) -> None:
    with opened(path) as spool:
        spool.append(numbered(1))
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with opened(path) as again:
            assert again.waiting == 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("fault", ["removed", "moved", "cut", "replaced"])
def test_a_file_that_somebody_else_changed_is_not_written_on(path: Path, fault: str) -> None:
    with opened(path) as spool:
        spool.append(numbered(2))
        if fault == "removed":
            path.unlink()
        elif fault == "moved":
            path.rename(path.with_name("moved"))
        elif fault == "cut":
            os.truncate(path, 1)
        else:
            path.unlink()
            path.touch()
        with pytest.raises(SpoolError, match="by somebody else"):
            spool.append(numbered(1))


def test_a_closed_spool_takes_nothing(path: Path) -> None:
    with opened(path) as spool:
        pass
    with pytest.raises(SpoolError, match="closed"):
        spool.append(numbered(1))


def test_after_a_fork_the_child_is_told_to_open_its_own(path: Path) -> None:
    with opened(path) as spool:
        program = "\n".join(
            [
                "import os, sys; from flowledger.client.spool import Spool",
                f"spool = Spool({str(path) + '2'!r}, 1000)",
                "if os.fork() == 0: spool.append([b'x'])",
                "else: sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))",
            ]
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert spool.waiting == 0
    assert "opened before a fork; make a Publisher in each process" in done.stderr


@pytest.mark.parametrize("failing", ["pwrite", "fsync"])
def test_a_full_disk_is_told_and_leaves_nothing_behind(
    path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = numbered(3)
    real: Any = getattr(os, failing)

    def no_room(*arguments: Any) -> None:
        if failing == "pwrite":
            file, text, place = arguments
            real(file, bytes(text)[:10], place)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with opened(path) as spool:
        spool.append([first])
        with monkeypatch.context() as patch:
            patch.setattr(os, failing, no_room)
            with pytest.raises(SpoolError, match=r"1 events not accepted: cannot write .*No space left on device"):
                spool.append([second])
        assert path.read_bytes() == first + b"\n"
        spool.append([third])
    with opened(path) as spool:
        assert waiting(spool) == [first, third]


def test_a_line_that_cannot_be_put_aside_stays(path: Path) -> None:
    path.with_name("spool.jsonl.refused").mkdir()
    with opened(path) as spool:
        spool.append([b"rubbish"])
        with pytest.raises(SpoolError):
            spool.put_aside(spool.oldest(1), "why")
        assert waiting(spool) == [b"rubbish"]


def test_who_drops_late_what_another_dropped_drops_nothing(path: Path) -> None:
    events = numbered(4)
    with opened(path) as spool:
        spool.append(events)
        one, other = spool.oldest(2), spool.oldest(2)
        spool.drop(one, 2)
        spool.drop(other, 2)
        assert waiting(spool) == events[2:]


@given(cut=st.integers(0, 10_000), sent=st.integers(0, 6), later=st.booleans())
@settings(max_examples=60)
def test_of_a_file_cut_at_any_byte_nothing_complete_is_lost_and_no_rubbish_is_an_event(
    tmp_path_factory: pytest.TempPathFactory, cut: int, sent: int, later: bool
) -> None:
    path = tmp_path_factory.mktemp("cut") / "spool"
    events = [raw("task.logged", message="x" * number * 7) for number in range(6)]
    with opened(path) as spool:
        spool.append(events)
        send(spool, sent)
    size = path.stat().st_size
    if size:
        os.truncate(path, cut % (size + 1))
    left = path.read_bytes()
    whole = [event for event in events if event in left]
    with opened(path) as spool:
        if later:
            spool.append([b'{"after": "the crash"}'])
        kept = waiting(spool)
    found = [line for line in kept if is_event(line)]
    assert found == whole[sent:] or found == whole, "in order; from the beginning where the mark fits no more"
    assert len(kept) - len(found) <= 1 + later
    if later:
        assert kept[-1] == b'{"after": "the crash"}'


@given(mark=st.binary(max_size=40) | st.integers(0, 3000).map(lambda place: b"%020d 00000000\n" % place))
@settings(max_examples=40)
def test_whatever_the_mark_says_nothing_that_waits_is_lost(
    tmp_path_factory: pytest.TempPathFactory, mark: bytes
) -> None:
    path = tmp_path_factory.mktemp("mark") / "spool"
    events = numbered(6)
    with opened(path) as spool:
        spool.append(events)
        send(spool, 2)
    path.with_name("spool.sent").write_bytes(mark)
    with opened(path) as spool:
        assert waiting(spool) == events


def test_a_mark_of_another_file_is_not_gone_by(path: Path) -> None:
    with opened(path) as spool:
        spool.append(numbered(6))
        send(spool, 3)
    other = numbered(6, start=10)
    path.write_bytes(b"".join(event + b"\n" for event in other))
    with opened(path) as spool:
        assert waiting(spool) == other


class Crash(BaseException):
    """The process ends here."""


@given(data=st.data())
@settings(max_examples=150)
def test_a_crash_before_or_after_any_write_loses_nothing_that_waits(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Events that end alike and are of one length: a position that is taken for another's would go unnoticed."""
    path = tmp_path_factory.mktemp("crash") / "spool"
    like = b'{"n": %03d, "x": "' + b"x" * 5_000 + b'"}'
    numbers = iter(range(1000))
    kept: list[bytes] = []
    sent: set[bytes] = set()
    for _ in range(data.draw(st.integers(1, 3), "lives")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("flowledger.client.spool._WORTH_COPYING", 20_000)
            spool = Spool(path, ROOM)
            left = waiting(spool)
            assert set(left) >= set(kept) - sent
            assert [line for line in left if line in kept] == sorted(line for line in left if line in kept)
            _crash_at(
                patch, data.draw(st.integers(1, 60), "writes before the crash"), data.draw(st.booleans(), "before")
            )
            try:
                for size in data.draw(st.lists(st.integers(-3, 3), max_size=12), "appended, or sent"):
                    if size > 0:
                        events = [like % next(numbers) for _ in range(size)]
                        spool.append(events)
                        kept += events
                    elif spool.waiting:
                        oldest = spool.oldest(-size)
                        sent.update(oldest.lines)
                        spool.drop(oldest, len(oldest.lines))
            except Crash:
                pass
        spool.close()
    with opened(path) as spool:
        assert set(waiting(spool)) >= set(kept) - sent


def _crash_at(patch: pytest.MonkeyPatch, number: int, before: bool) -> None:
    """The process ends before or after its `number`th write, flush or change of a name."""
    left = itertools.count(number, -1)

    def spoil(place: Any, name: str) -> None:
        real = getattr(place, name)

        def spoilt(*arguments: Any) -> Any:
            ends = next(left) == 1
            if ends and before:
                raise Crash
            result = real(*arguments)
            if ends:
                raise Crash
            return result

        patch.setattr(place, name, spoilt)

    for name in ("pwrite", "fsync", "ftruncate"):
        spoil(os, name)
    spoil(Path, "rename")
