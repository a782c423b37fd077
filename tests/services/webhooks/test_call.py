"""Whatever a stranger sends is either a call, or refused in words that hold nothing of it."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowledger.domain.errors import WebhookRefused
from flowledger.domain.limits import DEFAULT_LIMITS
from flowledger.services.webhooks.call import Call
from flowledger.services.webhooks.mapping import body_of
from flowledger.services.webhooks.signature import is_signed

_names = st.sampled_from(["webhook-id", "Webhook-Timestamp", "WEBHOOK-SIGNATURE", "x"])
_texts = (
    st.text(max_size=12)
    | st.from_regex(r"\A(v1|v1a|v2),[A-Za-z0-9+/=]{0,44}( v1,[A-Za-z0-9+/=]{0,44}){0,3}\Z")
    | st.from_regex(r"\A[0-9]{1,12}\Z")
)
_values = _texts | st.binary(max_size=12)
_MARK = "c4nary"


def made(headers: list[Any], body: bytes) -> Call | WebhookRefused:
    """The call, or why it is refused."""
    try:
        return Call.of(headers, body, 1_000)
    except WebhookRefused as refused:
        return refused


@given(st.lists(st.tuples(_names | _names.map(str.encode), _values), max_size=5), st.binary(max_size=20))
def test_any_headers_make_a_call_or_are_refused(headers: list[Any], body: bytes) -> None:
    call = made(headers, body)
    if isinstance(call, WebhookRefused):
        assert call.reason in ("malformed", "too_large")
    else:
        assert call.id.isascii()
        assert "." not in call.id
        assert not is_signed(call, [b"a key"])


@given(st.lists(st.tuples(_names, _texts.map(lambda text: _MARK + text)), max_size=5))
def test_words_quote_no_header(headers: list[tuple[str, str]]) -> None:
    assert _MARK not in str(made(headers, b""))


@given(st.text(max_size=10).map(lambda text: f'{{"{_MARK}{text}": {_MARK}'.encode()))
def test_words_quote_no_body(body: bytes) -> None:
    with pytest.raises(WebhookRefused) as refused:
        body_of(Call("1", 0, (), body, {}), DEFAULT_LIMITS)
    assert _MARK not in str(refused.value)
    assert refused.value.reason == "invalid_body"


@given(
    st.binary(max_size=40),
    st.lists(st.binary(min_size=1, max_size=64), min_size=1, max_size=4),
    st.lists(st.binary(max_size=40), max_size=4),
    st.data(),
)
def test_a_signature_by_any_of_the_keys_counts(body: bytes, keys: list[bytes], others: list[bytes], data: Any) -> None:
    key = data.draw(st.sampled_from(keys))
    mac = hmac.digest(key, b"msg_1.1700000000." + body, "sha256")
    signatures = data.draw(st.permutations([mac, *others]))
    call = Call("msg_1", 1_700_000_000, tuple(signatures), body, {})
    assert is_signed(call, keys)
    assert not is_signed(call, [])
    assert not is_signed(Call("msg_1", 1_700_000_001, tuple(signatures), body, {}), keys)
