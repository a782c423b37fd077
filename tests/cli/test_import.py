"""`flowledger import`, as a person uses it."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
import re
import shlex
import signal
import subprocess
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE
from typing import Any, Final

import psutil
import pytest

from flowledger.cli.importing import Shown, summary
from flowledger.domain.advice import advice
from flowledger.domain.times import now
from flowledger.services.importing.report import Lost, Report
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.retention import horizons
from flowledger.storage.unit_of_work import Storage
from tests.builders import raw
from tests.cli.calling import Run
from tests.cli.terminal import COMMAND
from tests.conftest import settings_for
from tests.services.importing.importing import places
from tests.storage.recording import count, dead_letters, differences, record
from tests.waiting import wait_until

KILLS: Final = int(os.environ.get("IMPORT_KILLS", "1"))
EVENTS: Final = 2_000
"""For each kill."""


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_import_names_bad_lines_records_the_good_ones_and_needs_no_redis(
    run: Run, storage: Storage, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    good = [raw("task.created", subject="t1"), raw("task.started", subject="t1")]
    file.write_bytes(b"\n".join([good[0], b'{"specversion":"1.0"}', b"", good[1], b"\xff"]) + b"\n")
    done = run("import", str(file), REDIS_URL=None)
    assert done.code == 1
    assert "2 events recorded, 0 known already, 0 dead letters, 2 lines refused" in done.out
    assert f"{file}:2: id: is missing; give each line an id of its own" in done.err
    assert f"{file}:5: not UTF-8" in done.err
    assert (count(storage, "events"), differences(storage)) == (2, [])


def test_import_reads_gzip_and_standard_input_and_reports_as_json(run: Run, storage: Storage, tmp_path: Path) -> None:
    zipped = tmp_path / "events.jsonl.gz"
    zipped.write_bytes(gzip.compress(raw("task.created", id="1") + b"\n" + raw("task.created", id="2")))
    assert run("import", str(zipped)).code == 0
    done = run("import", "--json", "-", str(zipped), input=b"[]\n" + raw("task.created", id="3"))
    report = done.json
    assert (done.code, done.err) == (1, "-:1: a CloudEvent is a JSON object\n")
    counts = [report[name] for name in ("recorded", "repeated", "dead", "refused_lines", "lines")]
    assert counts == [1, 2, 0, 1, 4]
    assert [(bad["file"], bad["line"], bad["reason"]) for bad in report["refused"]] == [("-", 1, "invalid_envelope")]


def test_import_says_what_is_wrong_with_its_use_before_it_begins(
    run: Run, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("import").code == 2
    good, forbidden = lines(tmp_path, 1), tmp_path / "forbidden"
    forbidden.touch()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(forbidden) and access(path, mode))
    stat, hidden = Path.stat, tmp_path / "hidden"

    def searched(path: Path, **given: Any) -> os.stat_result:
        if path == hidden:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, **given)

    monkeypatch.setattr(Path, "stat", searched)
    for bad, why in [
        (tmp_path / "none", "no such file"),
        (good / "none", "no such file"),
        (tmp_path, "is a directory"),
        (forbidden, "may not be read"),
        (hidden, "permission denied"),
        ("x" * 300, "file name too long"),
    ]:
        done = run("import", str(good), str(bad))
        assert (done.code, count(storage, "events")) == (2, 0)
        assert f"Error: Invalid value for FILE: {why}: {bad}" in done.err


def test_of_a_damaged_file_the_lines_before_the_damage_are_recorded(run: Run, storage: Storage, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(gzip.compress(lines(tmp_path, 1000).read_bytes())[:-500])
    done = run("import", str(damaged))
    recorded = count(storage, "events")
    assert done.code == 1
    assert recorded > 0
    why = f"cannot read {damaged}: Compressed file ended before the end-of-stream marker was reached"
    assert f"error: {why} (by then {recorded} events recorded, 0 known already)\n" in done.err
    assert done.out.startswith(f"unfinished: {recorded} events recorded, ")
    report = run("import", "--json", str(damaged)).json
    assert (report["skipped"], report["recorded"]) == (recorded, 0)
    assert report["unfinished"] == f"{why} (by then 0 events recorded, 0 known already)"


def test_what_a_stopped_import_has_done_is_told_in_the_words_of_its_report(
    run: Run, storage: Storage, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.gz"
    zipped = gzip.compress(lines(tmp_path, 1000).read_bytes())
    damaged.write_bytes(zipped)
    assert run("import", str(damaged)).code == 0
    damaged.write_bytes(zipped[:-500])
    done = run("import", str(damaged))
    known = re.fullmatch(r"unfinished: (0 events recorded, [1-9]\d* known already), .*\n", done.out)
    assert known is not None
    assert done.err.endswith(f" (by then {known[1]})\n")


def test_an_import_that_its_fuse_ends_has_a_report(run: Run, storage: Storage, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(raw("task.created", id="same", subject=f"t{number}") for number in range(100)))
    done = run("import", "--json", str(file), LEDGER_FUSE_ENTRIES="10")
    report = done.json
    assert (done.code, report["recorded"]) == (1, 1)
    assert report["dead"] == count(storage, "dead_letters") == 99
    assert report["unfinished"].startswith("10 of the last 11 lines became dead letters: ")
    assert done.err == f"error: {report['unfinished']}\n"


def test_ctrl_c_ends_an_import_after_its_batches_and_says_how_to_go_on(
    run: Run, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowledger.services.importing.batches.BATCH", 10)
    comes = Shown.comes
    interruptions: list[int] = []

    def interrupted(shown: Shown, report: Report, position: int) -> None:
        comes(shown, report, position)
        if report.lines >= 20 and not interruptions:
            interruptions.append(report.lines)
            os.kill(os.getpid(), signal.SIGINT)

    file = lines(tmp_path, 100)
    with monkeypatch.context() as patched:
        patched.setattr(Shown, "comes", interrupted)
        done = run("import", str(file))
    assert done.code == 1
    assert done.out.startswith("interrupted; say the same again, and it goes on where it stopped: ")
    recorded = count(storage, "events")
    assert 20 <= recorded < 100
    done = run("import", str(file))
    assert f"{file}: goes on after line {recorded}" in done.err
    assert f"{100 - recorded} events recorded, 0 known already, {recorded} lines skipped" in done.out


def test_the_advice_after_an_interruption_depends_on_whether_it_can_be_read_again(tmp_path: Path) -> None:
    file, report = str(lines(tmp_path, 1)), Report(unfinished="interrupted")
    assert summary(report, [file]).startswith("interrupted; say the same again, and it goes on where it stopped: ")
    assert summary(report, ["-"]).startswith("interrupted; what was taken from - is done, and the rest was not read: ")
    assert "; say the same again, and files go on where they stopped: " in summary(report, [file, "-"])
    report.lost = [Lost("-", 1_234, 1, 1_300)]
    assert summary(report, ["-"]).startswith(
        "interrupted; the database was away, and 1,234 lines of - (from 1 to 1,300) are taken but not recorded: "
    )


def test_an_import_that_goes_on_says_if_a_line_was_not_recorded_before(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowledger.services.importing.batches.BATCH", 10)
    (tmp_path / "bad").write_bytes(b"rubbish\n")
    (tmp_path / "damaged").write_bytes(gzip.compress(b"")[:5])
    file, bad, damaged = (str(one) for one in (lines(tmp_path, 100), tmp_path / "bad", tmp_path / "damaged"))
    assert run("import", file, bad, damaged).code == 1
    done = run("import", file, bad)
    assert done.code == 1
    assert "100 lines skipped that were done before (1 of them were not recorded)" in done.out
    assert run("import", file).code == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_import_that_waits_for_standard_input(
    storage: Storage, tmp_path: Path, end: signal.Signals
) -> None:
    url = storage.engine.url.render_as_string(hide_password=False)
    command = [*COMMAND, "import", "--json", "-"]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, env=os.environ | {"DATABASE_URL": url}) as importing:
        assert importing.stdin is not None
        assert importing.stdout is not None
        importing.stdin.write(lines(tmp_path, 3).read_bytes() + b"\n")
        importing.stdin.flush()
        wait_until(lambda: count(storage, "events") == 3, 60)
        importing.send_signal(end)
        assert importing.wait(60) == 1
        report = json.loads(importing.stdout.read())
    assert (report["lines"], report["unfinished"]) == (3, "interrupted")


def test_a_letter_from_before_the_horizon_is_recorded_as_its_advice_says(run: Run, storage: Storage) -> None:
    """Also if its event has line breaks."""
    with storage.writing() as connection:
        horizons.move(connection, "names", now() - timedelta(days=30), at=now())
    record(storage, json.dumps(json.loads(raw("task.created", time="2020-01-01T00:00:00Z")), indent=1).encode())
    (letter,) = dead_letters(storage)
    show, import_ = (shlex.split(command) for command in advice(letter).command.split(" | "))
    shown = run(*show[1:]).out.encode()
    assert shown == letter.raw
    assert run("import", "--beyond-horizon", "-", input=shown).code == 1
    assert run(*import_[1:], input=shown).code == 0
    assert count(storage, "events") == 1


def test_import_says_which_file_it_was_whose_name_is_not_utf_8(run: Run, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff.jsonl")
    file.write_bytes(b"[]\n")
    done = run("import", "--json", str(file))
    assert (done.code, done.json["refused"][0]["file"]) == (1, str(file))
    assert done.err == f"{tmp_path}/\\udcff.jsonl:1: a CloudEvent is a JSON object\n"
    file.unlink()
    assert "no such file" in run("import", str(file)).err


def test_sigterm_to_all_its_processes_ends_an_import_after_its_batches(
    postgresql_url: str, run: Run, tmp_path: Path
) -> None:
    """As supervisors send it, and `timeout`: twice to the one that reads. To the others also while they begin."""
    file = lines(tmp_path, 5 * EVENTS)
    command = [*COMMAND, "import", "--json", "--processes", "2", str(file)]
    environment = os.environ | {"DATABASE_URL": postgresql_url}
    with Storage(make_engine(settings_for(postgresql_url))) as storage:
        importing = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE)
        children = psutil.Process(importing.pid).children
        wait_until(lambda: len(children()) == 3, 60)  # one follows the resources of multiprocessing
        for child in children():
            child.terminate()
        wait_until(lambda: count(storage, "events") > 0, 60)
        importing.terminate()
        os.killpg(importing.pid, signal.SIGTERM)
        report = json.loads(importing.communicate(timeout=60)[0])
        assert (importing.returncode, report["unfinished"]) == (1, "interrupted")
        assert report["recorded"] == count(storage, "events") < 5 * EVENTS
        done = run("import", "--json", "--processes", "1", str(file), DATABASE_URL=postgresql_url)
        assert done.json["recorded"] == 5 * EVENTS - report["recorded"]
        assert (count(storage, "events"), places(storage)) == (5 * EVENTS, 0)


def test_an_import_that_is_killed_loses_and_doubles_nothing(postgresql_url: str, run: Run, tmp_path: Path) -> None:
    """Two processes record for the one that reads, and end when it is killed: IMPORT_KILLS times, at random moments."""
    file = lines(tmp_path, EVENTS * KILLS)
    command = [*COMMAND, "import", "--processes", "2", str(file)]
    with Storage(make_engine(settings_for(postgresql_url))) as storage:
        for kill in range(KILLS):
            at = kill * EVENTS + random.randrange(EVENTS // 2)
            with subprocess.Popen(command, env=os.environ | {"DATABASE_URL": postgresql_url}) as importing:
                wait_until(lambda at=at: count(storage, "events") > at, 60)  # type: ignore[misc]
                recording = psutil.Process(importing.pid).children(recursive=True)
                importing.kill()
            assert importing.returncode == -signal.SIGKILL
            psutil.wait_procs(recording, timeout=30)
            assert not any(process.is_running() for process in recording)
        assert run("import", "--processes", "1", str(file), DATABASE_URL=postgresql_url).code == 0
        assert count(storage, "events") == count(storage, "task_logs") == EVENTS * KILLS
        assert (differences(storage), places(storage)) == ([], 0)


def lines(folder: Path, number: int) -> Path:
    file = folder / "events.jsonl"
    file.write_bytes(b"\n".join(raw("task.logged", id=str(place), subject=f"t{place % 50}") for place in range(number)))
    return file
