"""Ids that Flowledger makes: TypeIDs over UUIDv7 (contract, section 2)."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.ids import derived_id, new_id

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def uuid_of(type_id: str) -> UUID:
    """The UUID of a TypeID, as the TypeID specification has it."""
    bits = 0
    for letter in type_id.rpartition("_")[2]:
        bits = bits << 5 | ALPHABET.index(letter)
    return UUID(int=bits)


def test_an_id_is_the_typeid_of_its_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = UUID("01890a5d-ac96-774b-bcce-b302099a8057")  # the pair stands in the TypeID specification
    monkeypatch.setattr("flowledger.domain.ids.time.time_ns", lambda: (uuid.int >> 80) * 1_000_000)
    monkeypatch.setattr("flowledger.domain.ids.os.urandom", lambda count: uuid.bytes[-count:])
    assert new_id("exec") == "exec_01h455vb4pex5vsknk084sn02q"


@pytest.mark.parametrize("prefix", ["exec", "task", "msg", "usr", "ws", "sb", "agent", "wf", "evt"])
def test_an_id_is_its_prefix_and_a_uuid_of_version_7_of_now(prefix: str) -> None:
    before = time.time_ns() // 1_000_000
    id_ = new_id(prefix)
    after = time.time_ns() // 1_000_000
    uuid = uuid_of(id_)
    assert id_.startswith(f"{prefix}_")
    assert len(id_) == len(prefix) + 27
    assert uuid.version == 7
    assert before <= uuid.int >> 80 <= after


def test_no_two_ids_are_the_same() -> None:
    assert len({new_id("evt") for _ in range(2000)}) == 2000


@given(st.integers(0, 2**47), st.integers(0, 2**47))
def test_ids_sort_by_the_time_they_were_made(one: int, other: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = []
        for milliseconds in (one, other):
            patch.setattr("flowledger.domain.ids.time.time_ns", lambda at=milliseconds: at * 1_000_000)
            made.append(new_id("evt"))
    assert (made[0] < made[1]) == (one < other) or one == other


def test_the_same_content_has_the_same_id() -> None:
    assert derived_id("dead", b"stream", b"1-0", b"raw") == derived_id("dead", b"stream", b"1-0", b"raw")
    assert uuid_of(derived_id("dead", b"x")).version == 8


def test_content_divided_otherwise_has_another_id() -> None:
    parts = [(b"ab", b"c"), (b"a", b"bc"), (b"abc",), (b"abc", b""), (b"", b"abc")]
    assert len({derived_id("dead", *part) for part in parts}) == len(parts)


def test_a_derived_id_is_the_same_in_every_release() -> None:
    """It stands in records: with another one, a cause that comes again would be another event."""
    assert derived_id("exec", "webhook", "hook_1", "msg_1") == "exec_3xzq8txd2mhp3sx799vm6pba5t"
    assert uuid_of(derived_id("exec")).version == 8


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_other_parts_derive_another_id(one: list[str], other: list[str]) -> None:
    assert (derived_id("x", *one) == derived_id("x", *other)) == (one == other)


def test_any_text_may_be_a_part() -> None:
    assert derived_id("x", "\ud800") != derived_id("x", "\udfff")
