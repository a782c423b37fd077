"""JSON to the letter, with the limits that PostgreSQL and Python set (contract, section 2)."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flowledger.domain import json_text
from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.limits import DEFAULT_LIMITS
from tests.builders import escaped, raw, texts
from tests.domain.refusing import refusal

MAX_DEPTH: Final = DEFAULT_LIMITS.max_depth
MARK: Final = b'"here"'
NOT_JSON: Final = (Reason.NOT_JSON, "")
BEYOND_A_LIMIT: Final = (Reason.NOT_JSON, "data.output")


_blanks: Final = st.text(" \t\r\n", max_size=2)
_surrounded: Final = st.tuples(
    _blanks, st.sampled_from(["{}", '{"a":[{}]}', "[]", "0"]), _blanks, st.text(max_size=1)
).map("".join)


def _outcome(read: Callable[[str], Any], text: str) -> tuple[str, Any]:
    """What is read, or where it is no JSON."""
    try:
        return "read", read(text)
    except json.JSONDecodeError as error:
        return "no JSON", f"{error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError as error:
        return "no JSON", str(error)


def output(literal: str) -> bytes:
    """A task's end whose output is this JSON text."""
    return raw("task.completed", output="here").replace(MARK, literal.encode())


def deep(levels: int, core: str = "", brackets: str = "[]") -> str:
    """JSON text of so many levels."""
    opening = brackets[0] + ('"a":' if brackets[0] == "{" else "")
    return opening * levels + (core or ("1" if brackets[0] == "{" else "")) + brackets[1] * levels


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"not json",
        b"{",
        b'{"id":"1"',
        b'{"id":"1"}}',
        b'{"id":"1"} {}',
        b'{"id":"1",}',
        b"{'id':'1'}",
        b'{id:"1"}',
        b'{"id":"1"} // comment',
        b'{"id":"a\nb"}',
        b'{"id":"a\x00b"}',
        b'{"id":"\\x41"}',
        b'{"id":"\\u12"}',
        b'{"id":"unended}',
        b"\x80abc",
        b'{"id":"\xff"}',
        b'{"id":"\xed\xa0\x80"}',
        b'{"id":"\xc0\xaf"}',
    ],
)
def test_what_is_not_json_in_utf8_is_refused(body: bytes) -> None:
    assert refusal(body) == NOT_JSON


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_another_encoding_or_a_byte_order_mark_is_refused(encoding: str) -> None:
    assert refusal(raw("task.started").decode().encode(encoding)) == NOT_JSON


def test_a_byte_order_mark_is_named_for_nobody_sees_it() -> None:
    with pytest.raises(Refused) as refused:
        parse(raw("task.started").decode().encode("utf-8-sig"))
    assert str(refused.value) == "not JSON: it begins with a byte order mark; save it as UTF-8 without one"


@pytest.mark.parametrize(
    "literal", ["NaN", "Infinity", "-Infinity", "nan", "01", "+1", "1.", ".5", "1e", "0x10", "1_000", "--1"]
)
def test_a_number_that_json_does_not_have_is_refused(literal: str) -> None:
    assert refusal(output(literal)) == NOT_JSON


@pytest.mark.parametrize(
    "literal", ['{"a":1,"a":1}', '{"a":1,"b":2,"\\u0061":3}', '[{"":0,"":0}]', '{"\\u0000":1,"\\u0000":2}']
)
def test_doubled_names_are_refused(literal: str) -> None:
    assert refusal(output(literal)) == NOT_JSON


def test_doubled_attributes_are_refused() -> None:
    assert refusal(raw("task.started")[:-1] + b', "subject": "task_1"}') == NOT_JSON


def test_names_that_differ_only_where_postgresql_cannot_hold_them_are_two_names() -> None:
    assert refusal(output('{"\\u0000":1,"\\ud800":2,"\ufffd":3}')) is None


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_an_event_may_nest_so_many_levels_and_no_more(brackets: str) -> None:
    assert refusal(output(deep(MAX_DEPTH - 2, brackets=brackets))) is None
    assert refusal(output(deep(MAX_DEPTH - 1, brackets=brackets))) == BEYOND_A_LIMIT


@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("core", ['"\\u0000"', '"\\ud800"', "1e400"])
def test_the_deepest_event_may_hold_what_postgresql_or_a_double_cannot(brackets: str, core: str) -> None:
    assert refusal(output(deep(MAX_DEPTH - 2, core, brackets))) is None


@pytest.mark.parametrize("text", [deep(100_000), "[" * 100_000, '{"a":' * 100_000, deep(20_000, brackets="{}")])
def test_greater_depth_is_refused_and_not_followed(text: str) -> None:
    assert refusal(output(text)) == BEYOND_A_LIMIT


def test_brackets_in_texts_are_no_levels() -> None:
    assert refusal(output('"' + "[{" * 5000 + '\\"' + "[" * 5000 + '"')) is None


@pytest.mark.timeout(10)  # scanned from each of its quotes, it would take hours
@pytest.mark.parametrize("unit", ['\\"', '"', '"\\\\', '[["', '{"a":"'])
def test_a_hostile_text_is_scanned_once(unit: str) -> None:
    hostile = ("[" * (MAX_DEPTH + 1) + '"' + unit * (1_000_000 // len(unit)))[:1_000_000]
    assert refusal(hostile.encode()) == NOT_JSON


@pytest.mark.timeout(10)  # counted name by name, it would take minutes
def test_a_doubled_name_among_very_many_is_found_in_one_go() -> None:
    names = ",".join(f'"{number}":0' for number in range(90_000))
    assert refusal(output("{" + names + ',"z":0,"z":0}')) == NOT_JSON


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_may_have_4300_digits_and_no_more(sign: str) -> None:
    assert refusal(output(sign + "9" * 4300)) is None
    assert refusal(output(sign + "9" * 4301)) == BEYOND_A_LIMIT


@pytest.mark.parametrize(
    "literal", ["1e131071", "-9.99e131071", "1e-16383", "0e999999999", "0.0e-99999999999999999999"]
)
def test_a_number_that_postgresql_can_hold_is_taken(literal: str) -> None:
    assert refusal(output(literal)) is None


@pytest.mark.parametrize(
    "literal",
    ["1e131072", "1e-16384", "1e999999999", "1e-999999999", "1e99999999999999999999", "-1E-99999999999999999999"],
)
def test_a_number_that_postgresql_cannot_hold_is_refused(literal: str) -> None:
    assert refusal(output(literal)) == NOT_JSON


@given(st.binary(max_size=40))
def test_no_bytes_do_anything_but_be_refused(body: bytes) -> None:
    assert refusal(body) is not None


def _spoilt(event: bytes, place: int, junk: bytes) -> bytes:
    return event[: place % len(event)] + junk + event[place % len(event) + len(junk) :]


@given(
    st.integers(0, 500),
    st.binary(min_size=1, max_size=4) | st.sampled_from([b"1e400", b"\\ud800", b"null", b"[[", b'":']),
)
def test_a_spoilt_event_is_taken_or_refused_and_nothing_else(place: int, junk: bytes) -> None:
    told = refusal(_spoilt(raw("task.failed", id="evt_1", usage={"cost": 1}), place, junk))
    assert told is None or told[0] in Reason


# --- values that come back, and values that are the same

values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    assert json_text.loads(json_text.dumps(value)) == value


@pytest.mark.parametrize("literal", ["1e400", "-1.5e999", "1e-400", "1" + "0" * 400 + ".25"])
def test_a_number_that_no_double_holds_comes_back_as_it_was(literal: str) -> None:
    for text in (literal, f"[{literal}]", f'{{"a":{literal}}}', f'{{"a\\"b":[1,{literal},null,"x"]}}'):
        written = json_text.dumps(json_text.loads(text))
        assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == json.loads(
            text, parse_float=Decimal, parse_int=Decimal
        )


@given(values)
def test_a_value_is_the_same_however_it_is_written(value: Any) -> None:
    compact = escaped(json_text.dumps(value))
    assert json_text.same(compact, json.dumps(value, indent=3, sort_keys=True))


@given(values, values)
def test_two_values_are_the_same_where_json_says_so(one: Any, other: Any) -> None:
    texts_ = [json.dumps(value, sort_keys=True) for value in (one, other)]
    assume(texts_[0] != texts_[1])
    numbers = {text: json.loads(text, parse_int=Decimal, parse_float=Decimal) for text in texts_}
    assume(numbers[texts_[0]] != numbers[texts_[1]])
    assert not json_text.same(*texts_)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":2}', '{"b":2, "a":1}'),
        ('"\\u00e9\\ud83d\\ude00\\/"', '"é\U0001f600/"'),
        ("1", "1.0"),
        ("100", "1e2"),
        ("0", "-0"),
        ("1e400", "10e399"),
        ("[0.1]", "[0.10]"),
    ],
)
def test_texts_of_one_value_are_the_same(one: str, other: str) -> None:
    assert json_text.same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "true"),
        ("0", "false"),
        ("[1]", "[true]"),
        ('{"a":1}', '{"a":true}'),
        ("null", "false"),
        ("0", "null"),
        ('""', "null"),
        ("[]", "{}"),
        ("[1,2]", "[2,1]"),
        ('{"a":null}', "{}"),
        ('"1"', "1"),
        ('"a"', '"A"'),
        ('"\\u0000"', '"\\ufffd"'),
        ('"\\ud800"', '"\\ud801"'),
        ("1e400", "1e401"),
        ("0.1", "0.1000000000000000000000000001"),
        ("9007199254740993", "9007199254740992.0"),
        ('["boolean",true]', "true"),
    ],
)
def test_texts_of_two_values_are_not_the_same(one: str, other: str) -> None:
    assert not json_text.same(one, other)


def test_the_deepest_texts_can_be_compared() -> None:
    for brackets in ("[]", "{}"):
        assert json_text.same(deep(MAX_DEPTH, brackets=brackets), " " + deep(MAX_DEPTH, brackets=brackets))
        assert not json_text.same(deep(MAX_DEPTH, "1", brackets), deep(MAX_DEPTH, "2", brackets))


@given(values)
def test_plain_json_holds_only_what_postgresql_can_hold(value: Any) -> None:
    plain = json.loads(json_text.plain_json(escaped(json.dumps(value, ensure_ascii=False))))
    text = json.dumps(plain, ensure_ascii=False)
    assert "\\u0000" not in text
    assert escaped(text) == text


@given(values.filter(lambda value: json_text.is_plain(json.dumps(value, ensure_ascii=False))))
def test_plain_json_leaves_all_else_as_it_is(value: Any) -> None:
    text = json.dumps(value)
    assume("\\u0000" not in text)
    assert json.loads(json_text.plain_json(text)) == value


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\x00\udfff", "\ufffd\ufffd"),
        ("\udfff\ud800", "\ufffd\ufffd"),
        ("\U0001f600\x01\x7f\uffff", "\U0001f600\x01\x7f\uffff"),
        ("\\u0000\\ud800", "\\u0000\\ud800"),
        ("\\\x00", "\\\ufffd"),
    ],
    ids=ascii,
)
def test_plain_puts_the_replacement_character_for_the_rest(text: str, plain: str) -> None:
    assert json_text.plain(text) == plain
    for nested in (text, {text: [text]}):
        for written in (json.dumps(nested), escaped(json.dumps(nested, ensure_ascii=False))):
            expected = plain if nested is text else {plain: [plain]}
            assert json.loads(json_text.plain_json(written)) == expected


@given(st.text('{}[]:,"x0 \n', max_size=12) | _surrounded)
def test_blanks_around_a_text_are_skipped_and_nothing_else_is(text: str) -> None:
    assert _outcome(json_text.loads, text) == _outcome(json.loads, text)
