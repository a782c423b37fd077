"""The same event in other words, and another event under the same name."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from tests.faults.odd.entry import Couple, Fate, event, odd, text_of

_OUTPUT: Final = {"cost": 1.0, "big": 12345678901234567890, "ratio": 0.1, "text": "é/<b>&", "list": [1, 2, 100], "n": 0}
_TIME: Final = "2026-01-31T12:00:00Z"


def _base(unique: str) -> dict[str, Any]:
    return event(unique, data={"output": _OUTPUT, "usage": {"input_tokens": 100}}, time=_TIME)


def repeats(random: Random, unique: str) -> Couple:
    """An event, and what another program makes of the same one when it is sent again."""
    what, spell = random.choice(_SAME)
    base = _base(unique)
    return (
        odd(f"before {what}", unique, text_of(base), Fate.RECORDED),
        odd(what, unique, spell(base, random), Fate.REPEATED),
    )


def conflicts(random: Random, unique: str) -> Couple:
    """An event, and another one under its name."""
    what, change = random.choice(_OTHER)
    base = _base(unique)
    first, second = change(base)
    return odd(f"before {what}", unique, first, Fate.RECORDED), odd(what, unique, second, Fate.CONFLICT)


def _reordered(base: dict[str, Any], random: Random) -> str:
    return text_of(_shuffled(base, random))


def _shuffled(value: Any, random: Random) -> Any:
    if not isinstance(value, dict):
        return value
    names = random.sample(sorted(value), len(value))
    return {name: _shuffled(value[name], random) for name in names}


def _escaped(base: dict[str, Any], random: Random) -> str:
    """Some characters as escapes, in names and values, and each slash with a backslash."""
    text = json.dumps(base, ensure_ascii=False).replace("/", "\\/")
    for char in (random.choice("aeio"), "é", *random.choices("<>&", k=random.randrange(2))):
        text = text.replace(char, f"\\u{ord(char):04X}" if random.random() < 0.5 else f"\\u{ord(char):04x}")
    return text


def _spaced(base: dict[str, Any], random: Random) -> str:
    blank = random.choice((" ", "\n", "\t", "\r\n", " " * 1000))
    return blank + json.dumps(base, indent=random.choice((1, 8)), ensure_ascii=False) + blank


def _renumbered(base: dict[str, Any], random: Random) -> str:
    """Other spellings of the same numbers."""
    spellings = {
        '"cost":1.0': ('"cost":1', '"cost":1e0', '"cost":10E-1', '"cost":1.000', '"cost":0.01e2'),
        '"ratio":0.1': ('"ratio":1e-1', '"ratio":0.10', '"ratio":1E-01'),
        '[1,2,100]': ('[1,2,1e2]', '[1.0,2.0,1.0E+2]', '[1,20e-1,100.0]'),
        '"n":0': ('"n":0.0', '"n":0e5', '"n":-0', '"n":0E-400', '"n":0e99999999999999999999'),
        '"big":12345678901234567890': ('"big":12345678901234567890', '"big":1234567890123456789e1'),
    }  # fmt: skip
    text = text_of(base)
    for one, others in spellings.items():
        text = text.replace(one, random.choice(others))
    return text


def _with_nulls(base: dict[str, Any], random: Random) -> str:
    """Null is absent (contract §2): in attributes, and in the fields that have it so."""
    names = ("datacontenttype", "sequence", "partitionkey", "traceparent", "correlationid", "data_base64")
    nulls = dict.fromkeys(random.sample(names, random.randrange(1, 4)))
    data = base["data"] | ({"attempt": None} if random.random() < 0.5 else {})
    return text_of(base | nulls | {"data": data})


def _traced(base: dict[str, Any], random: Random) -> str:
    """A retry has a fresh trace."""
    trace = f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01"
    return text_of(base | {"traceparent": trace, "tracestate": f"vendor={random.randrange(99)}"})


def _same_bytes(base: dict[str, Any], random: Random) -> str:
    return text_of(base)


_SAME: Final[tuple[tuple[str, Callable[[dict[str, Any], Random], str]], ...]] = (
    ("names in another order", _reordered),
    ("other escapes", _escaped),
    ("other blanks", _spaced),
    ("numbers spelt otherwise", _renumbered),
    ("null for what is absent", _with_nulls),
    ("a fresh trace", _traced),
    ("the same bytes", _same_bytes),
)


def _both(**other: Any) -> Callable[[dict[str, Any]], tuple[str, str]]:
    """The event as it is, then with these fields of its output instead."""

    def change(base: dict[str, Any]) -> tuple[str, str]:
        changed = base | {"data": base["data"] | {"output": _OUTPUT | other}}
        return text_of(base), text_of(changed)

    return change


def _sequences(first: str, second: str) -> Callable[[dict[str, Any]], tuple[str, str]]:
    """A number that is a sequence counts as its JSON text: two spellings are two sequences."""

    def change(base: dict[str, Any]) -> tuple[str, str]:
        text = text_of(base)[:-1]
        return f'{text},"sequence":{first}}}', f'{text},"sequence":{second}}}'

    return change


_OTHER: Final[tuple[tuple[str, Callable[[dict[str, Any]], tuple[str, str]]], ...]] = (
    ("another text", _both(text="é/<b>& ")),
    ("true for 1", _both(cost=True)),
    ("a text for a number", _both(cost="1.0")),
    ("another order of a list", _both(list=[2, 1, 100])),
    ("one digit of a large number", _both(big=12345678901234567891)),
    ("a number rounded by a double", _both(big=12345678901234567000)),
    ("null for a number", _both(n=None)),
    ("a name more", _both(more=1)),
    ("a sequence in another spelling", _sequences("1000", "1e3")),
    ("a sequence as a text", _sequences("1e3", '"1000"')),
)
