"""The lines of logs: whole, dated, about something, and without secrets (docs/contract/logs.md)."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from flowledger.domain.errors import DatabaseUnavailable
from flowledger.domain.log_lines import JsonLines, TextLines, quoted
from flowledger.domain.logs import Lines

EVIL = "late\n2026-11-29T00:00:00.000Z INFO forged\r\x1b[31m\x00\u202e\u2028\x85\udc80"


def record(message: Any, *arguments: Any, error: BaseException | None = None, name: str = "a", **extra: Any) -> Any:
    exc_info: Any = (type(error), error, error.__traceback__) if error is not None else None
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, exc_info)
    made.__dict__.update(extra)
    return made


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def as_json(*arguments: Any, **given: Any) -> dict[str, Any]:
    line = JsonLines().format(record(*arguments, **given))
    assert line.isascii()
    assert line.isprintable()
    said: dict[str, Any] = json.loads(line)
    return said


def as_text(*arguments: Any, **given: Any) -> str:
    return TextLines().format(record(*arguments, **given))


def test_a_record_as_json_has_time_place_and_what_it_is_about() -> None:
    said = as_json("entry %s", "7-0", event_id="1", source="/a", subject="t", shard=3, celery_id="c", worker="w@h")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    assert said.pop("process") == os.getpid()
    assert said == {
        "level": "WARNING", "logger": "a", "message": "entry 7-0", "worker": "w@h", "process_name": "MainProcess",
        "thread": "MainThread", "event_id": "1", "source": "/a", "subject": "t", "shard": 3, "celery_id": "c",
    }  # fmt: skip


def test_what_is_not_known_is_left_out() -> None:
    assert as_json("x").keys() == {"time", "level", "logger", "message", "process", "process_name", "thread"}


def test_nobody_can_forge_a_line() -> None:
    """In no field, in neither format; what JSON holds is exact."""
    given = {"subject": EVIL, "source": EVIL, "event_id": EVIL, "worker": EVIL}
    assert as_json("%s", EVIL, **given)["subject"] == EVIL
    text = as_text("%s", EVIL, error=raised(OSError(EVIL)), name=f"a.{EVIL}", **given)
    first, *below = text.splitlines()
    assert first.isprintable()
    assert "\\n2026-11-29" in first
    assert all(line.startswith("    ") and line.isprintable() for line in below), "only places, which are indented"


def test_a_field_in_text_cannot_pass_for_two() -> None:
    assert as_text("x", source="/a shard=9", shard=1).endswith('x  source="/a shard=9"  shard=1')


@pytest.mark.parametrize(
    "message",
    [
        "no connection to redis://user:hunter2@host:6379/0",
        "postgresql+psycopg2://u:hun/ter@hunter2@db/x?sslmode=require",
        "sqlite:///x?password=hunter2&a=b",
        "fe_sendauth: password='hunter2' host=a",
        "{'Token': 'hunter2'}",
        "(psycopg2.Error) broke [SQL: INSERT INTO x] [parameters: ('hunter2',)]",
        "duplicate key\nDETAIL:  Key (id)=(hunter2) already exists.",
    ],
)
@pytest.mark.parametrize("form", [as_json, as_text])
def test_secrets_and_what_drivers_quote_are_not_shown(form: Callable[..., Any], message: str) -> None:
    for said in (form(message), form("%s", message), form("why", error=raised(DatabaseUnavailable(message)))):
        assert "hunter2" not in str(said)
    assert "hunter2" in message


@pytest.mark.parametrize("piece", ["a", " ", "a://", "password ", "\n", "%"])
def test_a_text_of_any_length_is_cut_in_a_moment(piece: str) -> None:
    assert len(as_json(piece * 500_000)["message"]) <= 4_001


def test_an_exception_is_one_field_with_places_and_without_what_it_quotes() -> None:
    driver = raised(IntegrityError("INSERT INTO t VALUES (%s)", {"a": "hunter2"}, ValueError("hunter2")))
    error = raised(DatabaseUnavailable("the server is away"), driver)
    lines = as_json("it failed: %r, %s", driver, "x", error=error)
    assert lines["message"] == "it failed: sqlalchemy.exc.IntegrityError, x"
    first, place, cause, *_ = lines["exception"].split("\n")
    assert first == "flowledger.domain.errors.DatabaseUnavailable: the server is away"
    assert re.fullmatch(r"  at domain/test_log_lines\.py:\d+ in raised", place)
    assert cause == "caused by sqlalchemy.exc.IntegrityError"
    assert "hunter2" not in str(lines)


def test_celery_is_not_quoted_about_its_tasks() -> None:
    data = {"id": "c1", "name": "ledger.drain", "description": "raised unexpected", "exc": "KeyError('hunter2')"}
    said = as_json(
        "Task %(name)s: %(exc)s", data, name="celery.app.trace", data=data, error=raised(KeyError("hunter2"))
    )
    assert said["message"] == "Celery task ledger.drain raised unexpected"
    assert said["celery_id"] == "c1"
    assert said["exception"].startswith("KeyError\n  at ")


def test_arguments_that_do_not_fit_cost_no_record() -> None:
    assert as_json("%d entries", "seven")["message"] == "%d entries"


def test_lines_are_written_whole_and_a_closed_output_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    end, descriptor = os.pipe()
    handler = Lines(JsonLines(), logging.INFO, descriptor)
    handler.handle(record("x" * 3000))
    line = os.read(end, 10_000)
    assert json.loads(line)["message"] == "x" * 3000
    os.close(descriptor)
    os.close(end)
    handler.handle(record("hunter2"))
    assert capsys.readouterr() == ("", "")
    assert sys.stderr is not None


FORGED = 'x  source=/bank  subject="acct_1"   shard=3 event_id=7,celery_id=c'


@pytest.mark.parametrize(
    "arguments", [("%s", FORGED), (FORGED,), ("%s %s", "a", f"{FORGED}  "), ("%r", OSError(FORGED))]
)
def test_a_message_cannot_pass_for_fields(arguments: tuple[Any, ...]) -> None:
    """Whatever is quoted in it: a name in an event, a server's words, a sandbox's id."""
    line = as_text(*arguments, source="/real", subject="t")
    said, *fields = line.removeprefix(line[:33]).split("  ")
    assert fields == ["source=/real", "subject=t"]
    assert re.findall(r"\b(?:source|subject|shard|event_id|celery_id)=", said) == []
    assert r"source\x3d/bank" in said
    assert "source=/bank" in as_json(*arguments)["message"], "in JSON it is another field than the message"


def test_a_name_of_a_worker_cannot_pass_for_fields() -> None:
    assert as_text("x", worker=FORGED, name=FORGED).count("source=") == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("data.name", "data.name"),
        ("a b", '"a b"'),
        ("a=b", '"a=b"'),
        ('"', '"\\""'),
        ("", '""'),
        ("é\n", '"\\u00e9\\n"'),
    ],
)
def test_what_others_have_chosen_is_one_word(text: str, word: str) -> None:
    assert quoted(text) == word
