"""Many ids are found in bytes as few are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.services.erasing import occurring
from flowledger.services.erasing.occurring import Occurring

PIECES = st.sampled_from(["a", "b", "_", "1", "-", " ", ".", "é", "\\n", "\\u000a", "\\", '"', "u"])
TEXTS = st.lists(PIECES, min_size=1, max_size=4).map("".join)


@given(st.sets(TEXTS, min_size=1, max_size=12), st.lists(PIECES, max_size=12).map("".join))
def test_many_are_found_as_few_are(ids: set[str], text: str) -> None:
    found = Occurring(ids).of(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurring, "_FEW", 0)
        assert Occurring(ids).of(text.encode()) == found


@pytest.mark.parametrize("few", [0, 100])
def test_an_id_is_no_part_of_a_longer_word(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occurring, "_FEW", few)
    ids = Occurring({"exec_1", "usér", "a.b", "~x"})
    assert ids.of(b"{not exec_1") == ids.of(b'"\\nexec_1"') == ids.of(b"\\u000aexec_1.") == {"exec_1"}
    assert ids.of(b"exec_12 my_exec_1 xa.b a.b2") == set()
    assert ids.of(b"us\\u00e9r") == ids.of("usér".encode()) == {"usér"}
    assert ids.of(b"exec_12 exec_1 a.b-~x") == {"exec_1", "a.b", "~x"}
