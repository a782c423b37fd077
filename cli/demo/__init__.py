"""`flowledger demo`: a small fleet of agents reviews the files of this very project, and the ledger records it.

    run          the whole of it: servers, fleet, display, summary, and a clean end
    fleet        who takes part
    agent        what every agent does: register its sandbox, publish, send and take messages
    coordinator, surveyor, reviewer, summariser, watcher
                 the agents
    one_agent    the process that each of them is
    review       what the coordinator keeps of a package
    reading      what is read in a Python file
    live         the display while it goes on; `reports` carries to it what the agents do
    measures     what is measured, and how
    summary      what stands in the database at the end, `post` what became of the messages; `pages` prints it
    ending       Ctrl-C, and nothing left behind

The agents use `client.Publisher` and `client.Mailbox` as any agent would, and nothing here is needed by the ledger
itself.
"""

from __future__ import annotations

from rich.console import Console


def run_demo(console: Console, *, as_json: bool = False) -> None:
    """Runs the demo and shows what was recorded; ends by itself and leaves nothing running.

    Servers and settings are its own, whatever the environment says. With `as_json` standard output gets one JSON
    document, and the display goes to standard error. Raises LedgerError where the demo could not do what it promises,
    KeyboardInterrupt after Ctrl-C or SIGTERM.
    """
    from flowledger.cli.demo.run import run  # noqa: PLC0415 - the agents import this package, too, and start no servers

    run(console, as_json=as_json)
