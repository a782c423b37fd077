"""Search: the same words find the same records on both databases, in the same order (docs/contract/search.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from flowledger.domain.words import NotASearch, terms_of, words_of
from flowledger.storage.engines.engine import make_engine
from flowledger.storage.kinds.agents import AgentRepository
from flowledger.storage.kinds.custom_nodes import CustomNodeRepository
from flowledger.storage.kinds.knowledge import KnowledgeRepository
from flowledger.storage.kinds.users import UserRepository
from flowledger.storage.kinds.workflows import WorkflowRepository
from flowledger.storage.search import SearchedRepository
from flowledger.storage.unit_of_work import Storage
from flowledger.workers.verify import verify
from tests.builders import event
from tests.conftest import settings_for
from tests.storage.recording import by_hand, dead_letters, empty, record
from tests.storage.test_merge_rule import at


def found(
    storage: Storage, search: str, repository: type[SearchedRepository[Any]] = KnowledgeRepository, **of: Any
) -> list[str]:
    with storage.reading() as connection:
        return [one.id for one in repository(connection).search(search, **of).items]


def know(id_: str, minute: int, /, **data: Any) -> dict[str, Any]:
    return event("knowledge.created", subject=id_, time=at(minute), **data)


def test_knowledge_is_found_by_words_of_title_and_content(storage: Storage) -> None:
    record(
        storage,
        know("k1", 1, title="Retry limits", content="The worker retries 3 times."),
        know("k2", 2, title="Größe der Lose", content="höchstens 500 je Durchgang, siehe retry limits"),
        know("k3", 3, content="再試行は三回まで"),
    )
    assert found(storage, "RETRY limits") == ["k2", "k1"]
    assert found(storage, "limits worker") == ["k1"]
    assert found(storage, "grosse hochstens") == ["k2"]
    assert found(storage, "retr") == []
    assert found(storage, "retr*") == ["k2", "k1"]
    assert found(storage, "試行") == found(storage, "三") == found(storage, "三回まで") == ["k3"]
    assert found(storage, "行試") == []
    assert found(storage, "retry durchgang worker") == []


def test_names_and_e_mails_are_found_by_beginnings(storage: Storage) -> None:
    record(
        storage,
        event("user.created", subject="u1", time=at(1), email="ada.lovelace@example.org", full_name="Ada Lovelace"),
        event("user.created", subject="u2", time=at(2), email="adam@example.com", full_name="Adam Müller"),
        event("agent.created", subject="a1", time=at(1), name="code-reviewer", description="adam"),
        event("workflow.created", subject="w1", time=at(1), name="Nightly report", description="adam"),
        event("custom_node.created", subject="n1", time=at(1), name="Fetch", category="HTTP", description="a web page"),
    )
    assert found(storage, "ada", UserRepository) == ["u2", "u1"]
    assert found(storage, "ada.love", UserRepository) == ["u1"]
    assert found(storage, "mull ad", UserRepository) == ["u2"]
    assert found(storage, "ADA@EXAMPLE.ORG", UserRepository) == ["u1"]
    assert found(storage, "dam", UserRepository) == []
    assert found(storage, "rev", AgentRepository) == ["a1"]
    assert found(storage, "repo night", WorkflowRepository) == ["w1"]
    assert found(storage, "fet htt pag", CustomNodeRepository) == ["n1"]
    assert found(storage, "adam", AgentRepository) == found(storage, "adam", WorkflowRepository) == []


def test_words_follow_their_field_in_any_order(storage: Storage) -> None:
    created = know("k1", 1, title="apple", content="pear")
    updated = event("knowledge.updated", subject="k1", time=at(2), title="cherry")
    cleared = event("knowledge.updated", subject="k1", time=at(3), content=None)
    for history in ([created, updated, cleared], [cleared, updated, created], [updated, created, cleared]):
        record(storage, *history)
        assert (found(storage, "cherry"), found(storage, "apple"), found(storage, "pear")) == (["k1"], [], [])
        empty(storage)
        assert found(storage, "cherry") == []


def test_other_values_and_deleted_records(storage: Storage) -> None:
    record(
        storage,
        know("k1", 1, title="x", agent_id="a1", workspace_id="w1"),
        know("k2", 2, title="x", agent_id="a1", workspace_id="w2"),
        know("k3", 3, title="x", agent_id="a2", workspace_id="w1"),
        event("knowledge.deleted", subject="k1", time=at(9)),
    )
    assert found(storage, "x") == ["k3", "k2"]
    assert found(storage, "x", deleted=True) == ["k3", "k2", "k1"]
    assert found(storage, "x", agent_id="a1", deleted=True) == ["k2", "k1"]
    assert found(storage, "x", agent_id="a1", workspace_id="w2") == ["k2"]
    with pytest.raises(TypeError):
        found(storage, "x", title="x")


def test_pages_are_newest_first_and_go_on_by_cursor(storage: Storage) -> None:
    record(storage, *(know(f"k{place}", place % 3, title="same words") for place in range(9)))
    with storage.reading() as connection:
        known = KnowledgeRepository(connection)
        ids, after = [], None
        while True:
            page = known.search("words", limit=2, after=after)
            ids += [one.id for one in page.items]
            after = page.cursor
            if after is None:
                break
        assert ids == ["k8", "k5", "k2", "k7", "k4", "k1", "k6", "k3", "k0"]
        assert [one.id for one in known.search("words", limit=3, offset=4).items] == ids[4:7]


@pytest.mark.parametrize("search", ["", "?", "*"])
def test_a_search_without_a_word_is_refused(storage: Storage, search: str) -> None:
    with pytest.raises(NotASearch):
        found(storage, search)


def test_no_text_is_refused_for_its_words(storage: Storage) -> None:
    texts = [
        "x" * 400_000,
        " ".join(chr(code) * 64 for code in range(0x20000, 0x20000 + 1_500)),
        "\U0001d7d8" * 3_000,
        "\ufdfa" * 100_000,
        " ".join(f"{chr(0x10400 + place % 40) * 58}{place:06}" for place in range(1_500)),
        "".join(chr(0x4E00 + place * 7 % 20_000) for place in range(120_000)),
        '\'\\:*&|!<>() "quoted" -- ; DROP TABLE \x00\ud800',
    ]
    record(storage, *(know(f"k{place}", place, title=one, content=one) for place, one in enumerate(texts)))
    assert dead_letters(storage) == []
    assert found(storage, "quoted drop") == ["k6"]
    assert found(storage, "x" * 64) == found(storage, "x" * 99) == ["k0"]


def test_a_vacuum_of_sqlite_changes_nothing(sqlite_url: str) -> None:
    """It numbers the rows of a table anew."""
    with Storage(make_engine(settings_for(sqlite_url))) as storage:
        _after_a_vacuum(storage)


def _after_a_vacuum(storage: Storage) -> None:
    record(storage, *(know(f"k{place}", place, title=f"number{place}") for place in range(20)))
    by_hand(storage, text("DELETE FROM knowledge WHERE id IN ('k0', 'k3', 'k4', 'k11')"))
    with closing(storage.engine.raw_connection()) as connection:
        connection.cursor().execute("VACUUM")
    record(
        storage, event("knowledge.updated", subject="k7", time=at(59), title="seven"), know("k99", 1, title="number99")
    )
    assert [found(storage, word) for word in ("number9", "number11", "number7", "seven", "number99")] == [
        ["k9"], [], [], ["k7"], ["k99"],
    ]  # fmt: skip


def test_verify_compares_the_words_and_repairs_them(storage: Storage) -> None:
    record(storage, know("k1", 1, title="right Größe", content="b a"), know("k2", 2), know("k3", 3, title="?"))
    assert verify(storage).differences == 0
    by_hand(storage, text("UPDATE knowledge SET title_words = 'wrong' WHERE id = 'k1'"))
    assert (found(storage, "wrong"), found(storage, "right")) == (["k1"], [])
    (difference,) = verify(storage, mend=True).first
    assert [(one.name, one.found, one.expected) for one in difference.columns] == [
        ("title_words", "wrong", "grosse right")
    ]
    assert (found(storage, "wrong"), found(storage, "grosse"), found(storage, "a b")) == ([], ["k1"], ["k1"])
    assert verify(storage).differences == 0


# --- both databases, and a plain third way

letters = st.sampled_from(
    "aAbéÉßıİłøЖжёΣσςحأىيه\u064e\u0640日本語ガゔｶ水\u3099สวัดहिन्दी한국1١२½"
    " \t-_.,@*'\"\\:&|()\u200b\u200d\u00ad\u0301\U0001f600\U00020000\U00010400\U0001ccd6"
)
short_texts = st.lists(letters, max_size=12).map("".join)
texts = st.lists(short_texts, max_size=4).map(" ".join)


@pytest.fixture
def both(postgresql_url: str, sqlite_url: str) -> Iterator[tuple[Storage, Storage]]:
    with (
        Storage(make_engine(settings_for(postgresql_url))) as one,
        Storage(make_engine(settings_for(sqlite_url))) as other,
    ):
        yield one, other


def plainly(records: Sequence[tuple[str, str]], search: str) -> list[str]:
    """The places of the records that have all words of a search, the last first."""
    terms = terms_of(search)
    places = []
    for place, fields in enumerate(records):
        words = {word for field in fields for word in words_of(field, 1000).split(" ")}
        if all(any(w.startswith(t.word) if t.is_beginning else w == t.word for w in words) for t in terms):
            places.append(f"k{place}")
    return places[::-1]


@settings(max_examples=60)
@given(
    records=st.lists(st.tuples(texts, texts), min_size=1, max_size=8),
    searches=st.lists(short_texts, max_size=6),
    data=st.data(),
)
def test_the_same_words_find_the_same_records(
    both: tuple[Storage, Storage], records: list[tuple[str, str]], searches: list[str], data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from([field for fields in records for field in fields]))
    begin = data.draw(st.integers(0, len(part)))
    searches = [*searches, part, part[begin : begin + 3], part[begin : begin + 2] + "*"]
    for storage in both:
        empty(storage)
        record(storage, *(know(f"k{place}", place, title=t, content=c) for place, (t, c) in enumerate(records)))
    for search in searches:
        try:
            expected = plainly(records, search)
        except NotASearch:
            continue
        assert [found(storage, search) for storage in both] == [expected, expected]
