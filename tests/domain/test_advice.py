"""What mends a dead letter: a command that can be copied, whatever the field is called."""

from __future__ import annotations

import shlex

import pytest

from flowledger.domain.advice import of_group, of_reason
from flowledger.domain.errors import Reason

HOSTILE = "data.'; touch x; $(touch y) `touch z` & |"


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("field", ["", "data.progress", "id", "source", "data_base64", HOSTILE])
def test_a_command_is_one_command(reason: Reason, field: str) -> None:
    for advice in (of_group(reason, field), of_reason(reason, field, "flowledger dead-letters replay dead_1")):
        words = shlex.split(advice.command)
        assert words[:2] == ["flowledger", "dead-letters"][: len(words)]
        assert all(word in (field, f"{field}=…") for word in words if "touch" in word)


def test_a_group_is_chosen_by_its_reason_and_field() -> None:
    assert of_group("invalid_data", "data.progress").command == (
        "flowledger dead-letters replay --all --reason invalid_data --at data.progress --set data.progress=…"
    )
    assert of_group("replayed", "id").command == "flowledger dead-letters discard --all --reason replayed --at id"
