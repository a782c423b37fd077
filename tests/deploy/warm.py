"""A `flowledger` for the tests of pages that need not import everything anew: half a second of CPU a command.

`python -m tests.deploy.warm SOCKET` imports the commands, and forks a process for each one that it is asked to run.
`CLIENT` is the program that asks: what it is given (arguments, environment, folder, streams) is the command's.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

from flowledger.cli.main import main

CLIENT: Final = """#!{python} -SEP
import json, os, socket, sys
asked = socket.socket(socket.AF_UNIX)
asked.connect({socket!r})
command = json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}).encode()
socket.send_fds(asked, [len(command).to_bytes(8, "big")], [0, 1, 2])
asked.sendall(command)
sys.exit(asked.recv(1)[0])
"""
_COMMANDS: Final = ("dead_letters", "env", "keys", "list", "publish", "show", "status", "verify", "wait", "why")


def serve(path: str) -> None:
    """Answer until the process is ended."""
    for name in _COMMANDS:
        importlib.import_module(f"flowledger.cli.commands.{name}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    while True:
        asked, _ = listening.accept()
        if os.fork() == 0:
            _answer(asked)
        asked.close()


def _answer(asked: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(asked, 8, 3)
    with asked.makefile("rb") as reading:
        command = json.loads(reading.read(int.from_bytes(size, "big")))
    pid = os.fork()
    if pid == 0:
        _become(command, streams)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        asked.sendall(bytes([os.waitstatus_to_exitcode(status) & 0xFF]))
    os._exit(0)


def _become(command: dict[str, Any], streams: list[int]) -> None:
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    sys.argv = ["flowledger", *command["arguments"]]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(str(Path(sys.argv[1])))
