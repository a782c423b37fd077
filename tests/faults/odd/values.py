"""Numbers and texts that some program on the way cannot hold, or writes in another way than it reads them."""

from __future__ import annotations

from random import Random
from typing import Final

from tests.faults.odd.entry import Couple, Fate, event, odd, text_of, written

_PLACES: Final = (
    ("task.completed", '{"output":%s}'),
    ("task.completed", '{"output":{"deep":[1,{"er":%s}]}}'),
    ("task.completed", '{"usage":{"cost":%s}}'),
    ("task.created", '{"priority":%s}'),
    ("task.created", '{"input":[%s]}'),
    ("task.progressed", '{"progress":%s}'),
    ("task.retrying", '{"attempt":2,"delay_seconds":%s}'),
    ("task.started", '{"attempt":%s}'),
    ("task.logged", '{"message":"m","context":{"n":%s}}'),
    ("task.started", '{"further":%s}'),
    ("execution.checkpointed", '{"state":{"x":%s},"iterations":%s}'),
    ("execution.completed", '{"final_state":{"%s":%s}}'),
    ("node.started", '{"node":"n","iteration":%s}'),
    ("sandbox.created", '{"resource_limits":{"cpu":%s,"memory_bytes":%s}}'),
    ("sandbox.created", '{"agent_config":{"temperature":%s}}'),
    ("workspace.created", '{"settings":{"n":%s}}'),
    ("message.sent", '{"from_sandbox_id":"sb_odd","to_sandbox_ids":["sb_odd"],"message_type":"command","content":%s}'),
)
"""Where a number may stand."""

_ATTRIBUTES: Final = ("sequence", "further")


def number(random: Random) -> str:
    """A JSON number of any form."""
    sign = random.choice(("", "", "-"))
    digits = "".join(random.choices("0123456789", k=random.choice((1, 5, 20, 400, 20_000))))
    exponent = random.choice((0, 1, 17, 308, 309, 324, 400, 4_932, 16_383, 16_384, 131_071, 131_072, 10**6, 10**19))
    forms = (
        f"0e{random.choice(('', '+', '-'))}{exponent}{random.choice(('', '0', '9' * 30))}",
        f"0.{'0' * random.choice((1, 400, 20_000))}",
        f"0.{digits}",
        f"0.{'0' * random.choice((300, 16_382, 16_384))}1",
        f"{random.randrange(1, 10)}e{exponent}",
        f"{random.randrange(1, 10)}.{digits}E+{exponent}",
        f"{random.randrange(1, 10)}e-{exponent}",
        f"1{digits}",
        "9" * random.choice((15, 16, 17, 19, 20, 38, 309, 4_299, 4_300, 4_301, 60_000)),
        str(2 ** random.choice((31, 53, 63, 64, 128)) + random.choice((-1, 0, 1))),
        "0", "1.0", "1e3", "1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "2e-324",
        "0.1000000000000000055511151231257827021181583404541015625",
    )  # fmt: skip
    return sign + random.choice(forms)


def numbers(random: Random, unique: str) -> Couple:
    """A number of any form in any place that takes one, or takes anything."""
    form = number(random)
    if random.random() < 0.15:
        name = random.choice(_ATTRIBUTES)
        body = text_of(event(unique, data={}))[:-1] + f',"{name}":{form}}}'
        return (odd(f"{name} {form[:40]}", unique, body, Fate.EITHER),)
    type_, place = random.choice(_PLACES)
    body = written(unique, type_, place.replace("%s", form))
    return (odd(f"{form[:40]} in {type_}", unique, body, Fate.EITHER),)


def long_lists(random: Random, unique: str) -> Couple:
    """Short numbers that a database writes out at length: a small text that makes a large row."""
    form = random.choice(("1e131071", "1e-16383", "1e100000", "9e65000", "1e400"))
    count = random.choice((2, 50, 1_000, 9_000))
    items = ",".join([form] * count)
    type_, place = random.choice(_PLACES[:2])
    body = written(unique, type_, place % f"[{items}]")
    return (odd(f"{count} times {form}", unique, body, Fate.EITHER),)


_ODD_TEXTS: Final = (
    "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "x\udc00", "\ufffe\uffff", "\u202egnp.exe", "\x1b[2J\x1b[31m",
    "\x1b]0;title\x07", "\r\n", "\u2028\u2029", "\u0085", "e\u0301" * 40, "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0010ffff", "東京", "ß", "İ", "%s %(x)s {0} {x}", "'; DROP TABLE events; --", "\\", '"', "$1", "[bold]x[/bold]",
    "[/]", "\x7f\x80\x9f", "-", "--help", "null", "NaN", "\ufeff", "\u0001\u0002", "=cmd|' /C calc'!A0",
)  # fmt: skip
_TEXT_PLACES: Final = (
    ("task.completed", "output"),
    ("task.created", "name"),
    ("task.created", "kind"),
    ("task.queued", "queue"),
    ("task.started", "worker"),
    ("task.logged", "message"),
    ("task.logged", "logger"),
    ("task.cancelled", "reason"),
    ("execution.created", "mode"),
    ("execution.paused", "reason"),
    ("workspace.created", "description"),
    ("sandbox.stopped", "reason"),
)


def texts(random: Random, unique: str) -> Couple:
    """Texts that a screen, a database or a language cannot hold: in free fields they are taken."""
    text = random.choice(_ODD_TEXTS) * random.choice((1, 1, 1, 3, 500))
    type_, name = random.choice(_TEXT_PLACES)
    data: dict[str, object] = {name: text}
    if random.random() < 0.3:
        type_, data = "task.completed", {"output": {text: [text, {text + "x": text}]}}
    elif type_ == "task.logged":
        data = {"message": "m"} | data
    return (odd(f"the text {text[:20]!a} in {type_}", unique, text_of(event(unique, type_, data)), Fate.RECORDED),)
