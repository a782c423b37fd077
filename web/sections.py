"""The tabs below "Ledger"."""

from __future__ import annotations

from typing import Final, NamedTuple


class Section(NamedTuple):
    """A tab: its name in `LedgerHandler.section`, its title, and the route that it leads to (`web.routes`)."""

    name: str
    title: str
    route: str


SECTIONS: Final = (
    Section("overview", "Overview", "ledger"),
    Section("executions", "Executions", "ledger-executions"),
    Section("tasks", "Tasks", "ledger-tasks"),
    Section("messages", "Messages", "ledger-messages"),
    Section("events", "Events", "ledger-events"),
    Section("dead-letters", "Dead letters", "ledger-dead-letters"),
    Section("drains", "Drains", "ledger-drains"),
)
