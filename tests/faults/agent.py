"""An agent as a process: `python -m tests.faults.agent --name alice --peer bob --count N --log FILE`, with REDIS_URL.

It sends its peer `count` requests, some at a time, answers those of its peer, and writes down what it was handed out,
a line a message, `request 17` or `response 17`; until it is told to stop (SIGTERM).
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Final, TextIO

from flowledger.client import Mailbox
from flowledger.client.message import Message

_AT_A_TIME: Final = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--peer", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    options = parser.parse_args()
    unanswered = threading.Semaphore(_AT_A_TIME)
    with options.log.open("w", encoding="ascii") as log, Mailbox(options.name) as mailbox:

        def stop(_number: int, _frame: FrameType | None) -> None:
            threading.Thread(target=mailbox.close).start()

        signal.signal(signal.SIGTERM, stop)
        asking = threading.Thread(target=_ask, args=(mailbox, options.peer, options.count, unanswered), daemon=True)
        asking.start()
        for message in mailbox:
            _handle(mailbox, message, log)
            if message.message_type == "response":
                unanswered.release()


def _ask(mailbox: Mailbox, peer: str, count: int, unanswered: threading.Semaphore) -> None:
    for number in range(count):
        unanswered.acquire()
        mailbox.send(peer, number, message_type="request", thread_id=f"{mailbox.sandbox_id} asks")


def _handle(mailbox: Mailbox, message: Message, log: TextIO) -> None:
    if message.message_type == "request":
        mailbox.reply(message, message.content)
    mailbox.ack(message)
    log.write(f"{message.message_type} {message.content}\n")
    log.flush()


if __name__ == "__main__":
    main()
