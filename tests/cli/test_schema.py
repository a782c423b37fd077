"""`flowledger schema`: without servers, and without what records."""

from __future__ import annotations

import json

from flowledger.domain.schemas import asyncapi, event_schema, events_schema
from tests.cli.calling import Run


def test_a_type_is_printed_as_json_schema(run: Run) -> None:
    done = run("schema", "task.created", REDIS_URL=None, DATABASE_URL=None)
    assert (done.code, done.err) == (0, "")
    assert json.loads(done.out) == event_schema("task.created")


def test_without_a_type_it_is_the_asyncapi_document_and_with_all_every_type(run: Run) -> None:
    assert json.loads(run("schema").out) == asyncapi()
    assert json.loads(run("schema", "--all").out) == events_schema()


def test_an_unknown_type_is_wrong_use_and_a_like_one_is_named(run: Run) -> None:
    done = run("schema", "task.complete")
    assert (done.code, done.out) == (2, "")
    assert "did you mean task.completed?" in done.err
    assert run("schema", "task.created", "--all").code == 2
