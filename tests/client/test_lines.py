"""Lines of files: plain or zipped, of any length, in bounded memory."""

from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path

import pytest

from flowledger.client.lines import UNREADABLE, EventFile, Line, checked
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import Limits

MOST = 10


def lines_of(tmp_path: Path, content: bytes) -> list[Line]:
    file = tmp_path / "events"
    file.write_bytes(content)
    with EventFile(str(file)) as events:
        return [*events.lines(MOST)]


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_end_with_a_newline_alone_and_empty_ones_are_counted_only(tmp_path: Path, zipped: bool) -> None:
    content = b"a\r\n\n  \nb\x85c\rd\n" + b"0123456789\r\n" + b"last"
    found = lines_of(tmp_path, gzip.compress(content) if zipped else content)
    assert [(line.number, line.raw) for line in found] == [
        (1, b"a"),
        (4, b"b\x85c\rd"),
        (5, b"0123456789"),
        (6, b"last"),
    ]
    assert all(line.size == len(line.raw) for line in found)


@pytest.mark.parametrize("size", [11, 12, 13, 2**16 + 11, 2**16 + 12, 2**16 + 13])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_of_a_line_beyond_the_limit_only_the_beginning_is_read(tmp_path: Path, size: int, end: bytes) -> None:
    found = lines_of(tmp_path, b"x" * size + end + (b"next" if end else b""))
    assert found[0].size in (size, size + (end == b"\r\n"))
    assert len(found[0].raw) <= MOST + 2
    assert [line.raw for line in found[1:]] == ([b"next"] if end else [])


def test_a_line_that_was_cut_is_refused_with_its_size() -> None:
    with pytest.raises(Refused, match=r"5,000,000 bytes; the limit is 1,048,576 \(LEDGER_MAX_EVENT_BYTES\)") as refused:
        checked(Line(1, b"{}", 5_000_000), Limits(), lambda raw: raw)
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_damaged_gzip_file_is_an_error_that_callers_know(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"".join(b"%d\n" % number for number in range(10_000))))
    with pytest.raises(UNREADABLE):
        lines_of(tmp_path, bytes(whole[: len(whole) // 2]))
    whole[len(whole) // 2] ^= 0xFF
    with pytest.raises(UNREADABLE):
        lines_of(tmp_path, bytes(whole))


def test_memory_does_not_grow_with_a_line(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        """A line of a GiB, of which nobody asks for more than a piece at a time."""

        left = 2**30
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= 2**16
            piece = min(self.left, 2**16, size)
            self.left -= piece
            return bytes(piece)

    file = tmp_path / "events"
    file.touch()
    with EventFile(str(file), lambda _plain: Endless()) as events:
        (line,) = events.lines(MOST)
    assert (line.size, len(line.raw)) == (2**30, MOST + 2)


def test_a_pipe_is_at_its_end_when_reading_is_not_to_go_on(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    asked: list[bool] = []

    def goes_on() -> bool:
        asked.append(True)
        return len(asked) < 5

    with EventFile(str(pipe), goes_on=goes_on) as nobody_writes:
        assert [*nobody_writes.lines(MOST)] == []
    asked.clear()
    ours = os.open(pipe, os.O_RDWR)  # so it never ends by itself
    os.write(ours, b"a\nb\nc")
    with EventFile(str(pipe), goes_on=goes_on) as events:
        assert events.is_pipe
        assert [line.raw for line in events.lines(MOST)] == [b"a", b"b", b"c"]
    os.close(ours)


@pytest.mark.parametrize(("content", "raw"), [(b"{\n1\r\n}\r\n", b"{\n1\r\n}"), (b"\n", None), (b"", None)])
def test_a_file_may_be_one_event_with_line_breaks(tmp_path: Path, content: bytes, raw: bytes | None) -> None:
    file = tmp_path / "event"
    file.write_bytes(content)
    with EventFile(str(file), whole=True) as events:
        assert [line.raw for line in events.lines(MOST)] == ([] if raw is None else [raw])


def test_of_an_event_with_line_breaks_that_is_too_large_only_the_beginning_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "event"
    file.write_bytes(b"{\n" * 2**17)
    with EventFile(str(file), whole=True) as events:
        (line,) = events.lines(MOST)
    assert (line.number, line.size, len(line.raw)) == (1, 2**18, MOST + 2)


def test_an_event_of_many_short_lines_takes_no_longer_than_one_of_long_ones(tmp_path: Path) -> None:
    file = tmp_path / "event"
    file.write_bytes(b"[" + b"\n" * 2**20 + b"]")
    began = time.process_time()
    with EventFile(str(file), whole=True) as events:
        assert [line.size for line in events.lines(2**21)] == [2**20 + 2]
    assert time.process_time() - began < 10
