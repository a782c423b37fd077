"""Ids are opaque text: blanks around them, and control characters in them, belong to them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

import pytest

from flowledger.storage.unit_of_work import Storage
from tests.builders import event
from tests.storage.recording import record
from tests.web.site import Site

ODD: Final = (
    " x",
    "x ",
    "\tx\n",
    "x\x01y",
    "x\x0b",
    "\u00a0x",
    "x y",
    " ",
    "\n",
    "x+y&z=%",
    "\x85",
    "x\x7f",
    "\u2028x",
)
"""Ids of which none is another one with other blanks."""


@pytest.mark.parametrize("id_", ODD)
def test_an_event_is_shown_by_its_exact_name(site: Site, storage: Storage, id_: str) -> None:
    near = {id_.strip(), f" {id_.strip()} ", "x", "xy"} - {id_, ""}
    record(
        storage,
        event("task.created", id=id_, source=id_, subject="right"),
        *(event("task.created", id=one, source=one, subject="wrong") for one in near),
    )
    for text in ("", "1"):
        page = site.get("/ledger/event", source=id_, id=id_, text=text)
        assert (page.status, "right" in page.text, "wrong" in page.text) == (200, True, False)
    assert site.get("/ledger/event", source=f"{id_} ", id=id_).status == 404
    assert site.get("/ledger/event", source=id_, id=f"{id_} ").status == 404
    listed = site.get("/ledger/events", source=id_)
    assert "right" in listed.text
    assert "wrong" not in listed.text
    assert f"{urlencode({'source': id_, 'id': id_})}" in listed.unescaped


@pytest.mark.parametrize("id_", ODD)
def test_any_id_goes_to_its_own_page(site: Site, storage: Storage, id_: str) -> None:
    near = {id_.strip(), f" {id_.strip()} ", "x", "xy"} - {id_, ""}
    record(
        storage,
        event("task.created", subject=id_, name="right", execution_id=id_),
        *(event("task.created", subject=one, name="wrong", execution_id=one) for one in near),
    )
    found = site.get("/ledger/find", q=id_)
    assert (found.status, found.headers["Location"]) == (302, f"/ledger/tasks/{quote(id_)}")
    assert "right" in site.get(found.headers["Location"]).text
    listed = site.get("/ledger/tasks", execution_id=id_)
    assert "right" in listed.text
    assert "wrong" not in listed.text
    assert f'value="{id_}"' in listed.unescaped


def test_blanks_that_were_copied_with_an_id_are_left_out_if_nothing_has_it_with_them(
    site: Site, storage: Storage
) -> None:
    record(storage, event("task.created", subject="t"), event("agent.created", subject="t"))
    page = site.get("/ledger/find", q="\tt\n")
    assert "/ledger/tasks/t" in page.text
    assert page.queries <= 26
    record(storage, event("metric.recorded", subject="\tt\n", name="latency", value=1.5), start=9)
    page = site.get("/ledger/find", q="\tt\n")
    assert "/ledger/tasks/t" not in page.text
    assert "latency" in page.words
    assert page.queries <= 13
    assert "No record has this id" in site.get("/ledger/find", q="   ").words


@pytest.mark.parametrize(
    "address", ["event?source=%FF&id=x", "find?q=%FF", "tasks?execution_id=%FF", "events?type=%FF"]
)
def test_an_argument_that_is_not_utf_8_is_refused(site: Site, address: str) -> None:
    assert site.get(f"/ledger/{address}").status == 400


@pytest.mark.parametrize(
    "address",
    ["dead-letters/%00", "dead-letters/a%00", "tasks/%00", "executions/%00", "messages/%00", "record/agent/%00",
     "drains/%00", "event?source=%00&id=%00"],
)  # fmt: skip
def test_an_id_that_nothing_can_have_is_not_there(site: Site, address: str) -> None:
    assert site.get(f"/ledger/{address}").status == 404


@pytest.mark.parametrize(
    "address",
    ["find?q=%00", "events?source=%00", "events?subject=%00", "events?type=%00", "tasks?agent_id=%00",
     "messages?sandbox=%00", "messages?sandbox=%00&waiting=1", "messages?thread_id=%00", "dead-letters?source=%00",
     "dead-letters?field=%00", "drains?worker=%00"],
)  # fmt: skip
def test_a_value_that_nothing_can_have_has_an_empty_list(site: Site, address: str) -> None:
    assert site.get(f"/ledger/{address}").status == 200
