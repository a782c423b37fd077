"""Lines that nobody waits for: at the end of a process, and in one that was forked."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

BEGINNING = """
import os, time
from flowledger.services.webhooks.lines import Lines
def say(word):
    time.sleep(0.2)
    print(word, flush=True)
lines = Lines()
"""


def run(program: str) -> tuple[list[str], str]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEGINNING + program],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stdout.split(), done.stderr


def test_a_process_that_ends_publishes_what_is_due() -> None:
    assert run("for word in 'abc': lines.add(lambda word=word: say(word))") == (["a", "b", "c"], "")


def test_a_process_ends_though_a_line_cannot_be_published() -> None:
    before = time.monotonic()
    said, logged = run("lines.add(lambda: time.sleep(50)); lines.add(lambda: say('a'))")
    assert (said, logged) == ([], "audit lines about refused calls are left out: 2 wait at the end\n")
    assert time.monotonic() - before < 40


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_forked_process_publishes_its_own_lines_alone(is_closed: bool) -> None:
    closing = "lines.close()" if is_closed else ""
    said, logged = run(f"""
lines.add(lambda: say('a'))
lines.add(lambda: say('b'))
child = os.fork()
if not child:
    lines.add(lambda: say('c'))
    {closing}
else:
    os.waitpid(child, 0)
""")
    assert (sorted(said), logged) == (["a", "b", "c"], "")


def test_what_is_added_after_the_end_is_left_out() -> None:
    assert run("lines.close(); lines.add(lambda: say('a'))") == ([], "")
