"""The table of contents of our pages: a line a page, first match wins. A page with a tab stands in `sections`, too."""

from __future__ import annotations

from typing import Any, Final

from tornado.web import StaticFileHandler, url

from flowledger.web.pages.dead_letters import DeadLetterPage, DeadLetters
from flowledger.web.pages.drains import Drain, Drains
from flowledger.web.pages.events import EventPage, Events
from flowledger.web.pages.find import Find, RecordPage
from flowledger.web.pages.flowers_own import BrokerPage, TaskPage, TasksPage, TasksTable
from flowledger.web.pages.messages import MessagePage, Messages
from flowledger.web.pages.overview import Live, Overview
from flowledger.web.pages.runs import ExecutionPage, LedgerTaskPage
from flowledger.web.pages.work_lists import Executions, Tasks
from flowledger.web.seams import STATIC

PAGES: Final[tuple[Any, ...]] = (
    url(r"/ledger/static/(.*)", StaticFileHandler, {"path": str(STATIC)}, name="ledger-static"),
    url(r"/ledger", Overview, name="ledger"),
    url(r"/ledger/live", Live, name="ledger-live"),
    url(r"/ledger/executions", Executions, name="ledger-executions"),
    url(r"/ledger/executions/(.+)", ExecutionPage, name="ledger-execution"),
    url(r"/ledger/tasks", Tasks, name="ledger-tasks"),
    url(r"/ledger/tasks/(.+)", LedgerTaskPage, name="ledger-task"),
    url(r"/ledger/messages", Messages, name="ledger-messages"),
    url(r"/ledger/messages/(.+)", MessagePage, name="ledger-message"),
    url(r"/ledger/events", Events, name="ledger-events"),
    url(r"/ledger/event", EventPage, name="ledger-event"),
    url(r"/ledger/find", Find, name="ledger-find"),
    url(r"/ledger/record/([a-z_]+)/(.+)", RecordPage, name="ledger-record"),
    url(r"/ledger/dead-letters", DeadLetters, name="ledger-dead-letters"),
    url(r"/ledger/dead-letters/(.+)", DeadLetterPage, name="ledger-dead-letter"),
    url(r"/ledger/drains", Drains, name="ledger-drains"),
    url(r"/ledger/drains/(.+)", Drain, name="ledger-drain"),
    # Flower's own addresses; `reverse_url` finds them by Flower's names.
    url(r"/tasks", TasksPage),
    url(r"/tasks/datatable", TasksTable),
    url(r"/task/(.+)", TaskPage),
    url(r"/broker", BrokerPage),
)
