"""What workspaces and sandboxes say of themselves: bounds, further keys, and no secrets (contract, section 4)."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest
from pydantic import BaseModel

from flowledger.domain.envelope import parse
from flowledger.domain.errors import Reason, Refused
from flowledger.domain.events import EVENT_TYPES, AgentConfig, Connection, Health, ResourceLimits, SandboxCreated
from tests.builders import parsed, raw
from tests.domain.refusing import refusal

ACCEPTED: Final[dict[str, list[Any]]] = {
    "agent_config.model": ["", "m", None],
    "agent_config.provider": ["", "p", None],
    "agent_config.temperature": [0, 1, 2, 0.0, 0.7, 2.0, None],
    "agent_config.max_tokens": [1, 2**63 - 1, None],
    "agent_config.system_prompt": ["", "x" * 10_000, "mail ada:secret@example to log in", None],
    "agent_config.tools": [[], ["search", {"name": "read", "more": [1]}], None],
    "resource_limits.cpu": [0, 0.5, 64, 1e300, None],
    "resource_limits.memory_bytes": [0, 2**63 - 1, None],
    "resource_limits.disk_bytes": [0, 2**63 - 1, None],
    "resource_limits.timeout_seconds": [0, 0.5, 2**70, None],
    "resource_limits.idle_timeout_seconds": [0, 0.5, 2**70, None],
    "connection.host": ["", "localhost", "::1", None],
    "connection.port": [1, 65_535, None],
    "connection.url": ["", "/run/agent.sock", "https://ada@h:8080/a:b@c?page=1#token", "http://h/?q=a:b@c", None],
    "connection.protocol": ["", "wss", None],
    "health.status": ["", "healthy", None],
    "health.checked_at": ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+02:00", None],
    "health.message": ["", "no answer for 3 s", None],
}
REFUSED: Final[dict[str, list[Any]]] = {
    "agent_config.model": [1, True, [], {}],
    "agent_config.provider": [1, True, [], {}],
    "agent_config.temperature": ["1", -0.001, 2.001, 10**400, True, []],
    "agent_config.max_tokens": ["1", 0, -1, 1.0, 2**63, True, []],
    "agent_config.system_prompt": [1, True, ["x"], {}],
    "agent_config.tools": ["search", {}, 1, True],
    "resource_limits.cpu": ["1", -0.001, 10**400, True, []],
    "resource_limits.memory_bytes": ["1 GiB", -1, 0.5, 1e9, 2**63, True],
    "resource_limits.disk_bytes": ["1 GiB", -1, 0.5, 1e9, 2**63, True],
    "resource_limits.timeout_seconds": ["1", -1, 10**400, True, []],
    "resource_limits.idle_timeout_seconds": ["1", -1, 10**400, True, []],
    "connection.host": [1, True, ["h"], {}],
    "connection.port": ["80", 0, -1, 65_536, 80.0, True],
    "connection.url": [1, True, ["x"], {}],
    "connection.protocol": [1, True, ["x"], {}],
    "health.status": [1, True, ["x"], {}],
    "health.checked_at": ["", "soon", "2026-01-31", "2026-01-31T12:00:00", 0, True],
    "health.message": [1, True, ["x"], {}],
}
SECRETS: Final = (
    "password", "db_password", "dbPassword", "PGPASSWORD", "passwd", "passphrase", "secret", "client_secret",
    "clientSecret", "SECRET_KEY", "secrets", "token", "access_token", "accessToken", "API-TOKEN", "tokens",
    "token_value", "api_key", "apiKey", "APIKey", "X-Api-Key", "apikey", "OPENAI_API_KEY", "credential", "credentials",
    "awsCredentials", "private_key", "access_key", "Authorization", "Proxy-Authorization",
)  # fmt: skip
INNOCENT: Final = (
    "tokenizer", "detokenize", "passed", "compass", "secretary", "key", "keyboard", "author", "authorization_url",
    "credential_id", "credentialId", "secretName", "secret_ref", "api_key_ids", "token_id",
)  # fmt: skip


def field_refused(path: str, value: Any) -> str | None:
    """The path at fault in a sandbox that says this of itself; None where it is taken."""
    part, _, name = path.partition(".")
    told = refusal(raw("sandbox.updated", **{part: {name: value}}))
    assert told is None or told[0] is Reason.INVALID_DATA
    return told and told[1]


@pytest.mark.parametrize(
    ("type_", "status"),
    [
        ("workspace.created", "active"),
        ("workspace.updated", None),
        ("workspace.archived", "archived"),
        ("sandbox.created", "provisioning"),
        ("sandbox.updated", None),
        ("sandbox.provisioning", "provisioning"),
        ("sandbox.starting", "starting"),
        ("sandbox.started", "running"),
        ("sandbox.stopping", "stopping"),
        ("sandbox.stopped", "stopped"),
        ("sandbox.failed", "error"),
    ],
)
def test_an_event_says_the_status_of_the_table(type_: str, status: str | None) -> None:
    assert EVENT_TYPES[type_].status == status


@pytest.mark.parametrize("path", ACCEPTED)
def test_a_field_takes_what_the_contract_says(path: str) -> None:
    assert [field_refused(path, value) for value in ACCEPTED[path]] == [None] * len(ACCEPTED[path])


@pytest.mark.parametrize("path", REFUSED)
def test_a_field_refuses_all_else_and_is_named_with_its_path(path: str) -> None:
    assert {field_refused(path, value) for value in REFUSED[path]} == {f"data.{path}"}


def test_each_known_field_is_tried() -> None:
    parts: dict[str, type[BaseModel]] = {
        "agent_config": AgentConfig,
        "resource_limits": ResourceLimits,
        "connection": Connection,
        "health": Health,
    }
    known = {f"{name}.{field}" for name, part in parts.items() for field in part.model_fields}
    assert ACCEPTED.keys() == REFUSED.keys() == known


@pytest.mark.parametrize("value", [1, None, True, [], ["x"]])
def test_a_tool_is_a_name_or_an_object(value: Any) -> None:
    assert field_refused("agent_config.tools", ["search", value]) == "data.agent_config.tools.1"


@pytest.mark.parametrize("part", ["agent_config", "resource_limits", "connection", "health"])
def test_further_keys_are_kept_and_null_stays_null(part: str) -> None:
    value = {"more": {"a": [None, 10**400]}, "model_dump": 1, "status": None}
    data = parsed("sandbox.created", **{part: value}).data
    assert data.model_dump(exclude_unset=True) == {part: value}


def test_a_refusal_says_in_words_what_is_wrong() -> None:
    with pytest.raises(Refused) as caught:
        parse(raw("sandbox.created", connection={"port": 70_000}))
    assert str(caught.value) == "data.connection.port: must be at most 65535, not 70000"
    with pytest.raises(Refused) as caught:
        parse(raw("sandbox.created", connection="localhost"))
    assert str(caught.value) == "data.connection: must be a JSON object, not this string"


@pytest.mark.parametrize("part", ["agent_config", "connection"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_field_named_like_a_secret_is_refused_wherever_it_stands(part: str, name: str) -> None:
    for value, path in (
        ({name: "x", "more": 1}, name),
        ({"a": {name: ["x"]}}, f"a.{name}"),
        ({"a": [1, {"b": {name: {"c": "x"}}}]}, f"a.1.b.{name}"),
        ({"host": "h", "tools": [{"headers": {name: "Bearer x", "more": 1}}]}, f"tools.0.headers.{name}"),
    ):
        assert refusal(raw("sandbox.updated", **{part: value})) == (Reason.INVALID_DATA, f"data.{part}.{path}")


@pytest.mark.parametrize("name", INNOCENT)
def test_a_name_that_only_looks_like_that_of_a_secret_is_taken(name: str) -> None:
    assert refusal(raw("sandbox.created", agent_config={name: "x"}, connection={"a": [{name: "x"}]})) is None


@pytest.mark.parametrize("value", [None, True, False])
def test_null_true_and_false_are_no_secrets(value: Any) -> None:
    assert refusal(raw("sandbox.created", agent_config={"password": value, "use_token": value})) is None


@pytest.mark.parametrize("value", [0, 4096, 0.5, 10**400])
def test_a_number_of_tokens_is_no_secret_but_a_number_may_be_a_password(value: Any) -> None:
    assert refusal(raw("sandbox.created", agent_config={"max_tokens_per_day": value, "token_budget": value})) is None
    assert field_refused("agent_config.password", value) == "data.agent_config.password"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@127.0.0.1:6379/0",
        "postgresql+psycopg2://ada:hunter2@db/x",
        "  HTTPS://ada:hun@ter2@h",
        "http://h:8888/lab?token=hunter2",
        "http://h/?a=1&api%5Fkey=hunter2",
        "http://h/#access_token=hunter2",
        "wss://h?x=1;secret=hunter2",
    ],
)
@pytest.mark.parametrize("part", ["agent_config", "connection"])
def test_a_url_with_a_secret_in_it_is_refused_wherever_it_stands(part: str, url: str) -> None:
    assert refusal(raw("sandbox.created", **{part: {"url": url}})) == (Reason.INVALID_DATA, f"data.{part}.url")
    assert refusal(raw("sandbox.created", **{part: {"a": [[url]]}})) == (Reason.INVALID_DATA, f"data.{part}.a.0.0")


@pytest.mark.parametrize("value", [{"password": "hunter2"}, {"a": "http://:hunter2@h"}])
def test_the_words_of_a_refusal_do_not_tell_the_secret(value: Any) -> None:
    with pytest.raises(Refused, match="what is recorded can be read") as caught:
        parse(raw("sandbox.created", connection=value))
    assert "hunter2" not in str(caught.value)


def test_where_nobody_says_how_to_reach_it_a_word_like_password_is_no_matter() -> None:
    words = {"password": "x", "url": "http://:p@h"}
    assert refusal(raw("sandbox.created", resource_limits=words, health=words, description="password: x")) is None
    assert refusal(raw("workspace.created", settings=words)) is None


@pytest.mark.parametrize("model", [AgentConfig, Connection])
def test_typed_data_is_held_to_the_same(model: type[Any]) -> None:
    with pytest.raises(Refused, match="in a field like `credential_id`") as caught:
        model(a=[{"api_key": "hunter2"}])
    assert "hunter2" not in str(caught.value)
    assert SandboxCreated(connection=Connection(port=80), agent_config=AgentConfig(credential_id="x"))


@pytest.mark.parametrize(
    "value",
    [
        {"url": "a://" + ":" * 900_000},
        {"url": "a://h/" + "?&;#=" * 180_000},
        {"a" * 900_000: 1},
        {"aA_" * 300_000: "x"},
        {"a": [{"secretary_" * 5: "a://"}] * 13_000},
        {"url": "a://" * 250_000},
        {"url": "a" * 1_000_000},
        {"url": "${a" * 300_000 + "://"},
        {"url": "<a {{a YOUR_" * 80_000 + "://"},
        {"url": "a=b " * 250_000},
        {"password": "${a" * 300_000 + "*"},
        {"token": ["*" * 900_000]},
    ],
    ids=[
        "colons",
        "questions",
        "a long name",
        "humps",
        "many fields",
        "schemes",
        "letters",
        "names",
        "placeholders",
        "assignments",
        "a long password",
        "asterisks",
    ],
)
def test_looking_for_secrets_takes_no_longer_than_reading(value: Any) -> None:
    body = raw("sandbox.created", connection=value)
    began = time.process_time()
    refusal(body)
    assert time.process_time() - began < 5


def test_the_deepest_secret_is_found() -> None:
    value: Any = {"token": "x"}
    for _ in range(490):
        value = [value]
    told = refusal(raw("sandbox.created", agent_config={"more": value}))
    assert told == (Reason.INVALID_DATA, "data.agent_config.more" + ".0" * 490 + ".token")
