"""What one recipient gets of a message to several: itself alone, and all else byte for byte."""

from __future__ import annotations

import pytest

from flowledger.domain.addressing import Addressed
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import Limits
from tests.builders import ABSENT, raw

ODD = (
    '{ "data" :{"content":{"to_sandbox_ids":["x"],"n":1.50e+3,"u":"\\u00e9\\/"},'
    '"to_sandbox_ids" : [ "b\\u006fb" ,\n"carol"],'
    '"from_sandbox_id":"a"} ,"specversion":"1.0"}'
)


def test_everything_else_stays_as_it_was_sent() -> None:
    addressed = Addressed.of(ODD)
    assert addressed.to("bob") == ODD.replace('[ "b\\u006fb" ,\n"carol"]', '["bob"]')
    assert addressed.to("carol") == ODD.replace('[ "b\\u006fb" ,\n"carol"]', '["carol"]')
    assert (addressed.names_only_others("bob"), addressed.names_only_others("eve")) == (False, True)


@pytest.mark.parametrize(
    "sent",
    [
        raw("message.sent", to_sandbox_ids=["bob"]).replace(b",", b" ,"),
        raw("message.sent", to_sandbox_ids=ABSENT, broadcast=True, workspace_id="w"),
        raw("message.sent", to_sandbox_ids=None, broadcast=True, workspace_id="w"),
    ],
    ids=["to one", "broadcast", "broadcast with null"],
)
def test_what_names_nobody_else_stays_as_it_is(sent: bytes) -> None:
    assert Addressed.of(sent.decode()).to("bob") == sent.decode()


def test_a_name_that_stands_often_gets_one() -> None:
    sent = raw("message.sent", to_sandbox_ids=["bob"] * 9).decode()
    assert parse(Addressed.of(sent).to("bob").encode()).data.model_dump()["to_sandbox_ids"] == ["bob"]


def test_a_message_names_so_many_at_the_most() -> None:
    limits = Limits(max_recipients=3)
    names = ["a", "b", "c"]
    assert parse(raw("message.sent", to_sandbox_ids=names * 5), limits)
    with pytest.raises(Refused, match=r"4 recipients; the limit is 3 \(LEDGER_MAX_RECIPIENTS\)") as caught:
        parse(raw("message.sent", to_sandbox_ids=[*names, "d"]), limits)
    assert (caught.value.reason, caught.value.field) == (Reason.INVALID_DATA, "data.to_sandbox_ids")
