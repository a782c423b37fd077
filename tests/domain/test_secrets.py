"""What is a secret in what a sandbox says of itself, and what is none: names and values (contract, section 4)."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from flowledger.domain.errors import Reason
from tests.builders import raw
from tests.domain.refusing import refusal

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "password": {"type": "string", "description": "as in postgresql://ada:hunter2@db/x", "minLength": 8},
        "token": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Token"},
        "credentials": {"type": "object", "properties": {"secret": {"type": "string"}}, "required": ["secret"]},
        "api_key": True,
    },
    "required": ["password"],
}
HARMLESS: Final[dict[str, Any]] = {
    "an empty text": {"api_key": ""},
    "white space": {"api_key": " "},
    "an empty object": {"credentials": {}, "tokens": []},
    "asterisks": {"config": {"model": "m", "api_key": "**********"}},
    "a variable": {"api_key": "${OPENAI_API_KEY}"},
    "a variable in small letters": {"api_key": "${openai_api_key}"},
    "a variable without braces": {"api_key": "$OPENAI_API_KEY"},
    "a variable with an empty default": {"api_key": "${OPENAI_API_KEY:-}"},
    "a variable that must be set": {"api_key": "${OPENAI_API_KEY:?set it first}"},
    "a variable of an editor": {"env": {"API_KEY": "${input:api-key}", "TOKEN": "${env:TOKEN}"}},
    "a template": {"password": "{{ vault.password }}", "secret": "${{ secrets.DEPLOY }}"},
    "a hint": {"password": "<your password>", "token": "<YOUR-TOKEN>"},
    "a hint in capitals": {"password": "YOUR_PASSWORD", "token": "YOUR_TOKEN_HERE"},
    "after Bearer": {"headers": {"Authorization": "Bearer ${TOKEN}"}},
    "after Basic": {"headers": {"authorization": "basic {{ login }}"}},
    "after Token": {"headers": {"Authorization": "Token YOUR_API_TOKEN"}},
    "two placeholders": {"authorization": "Basic ${USER}:${PASSWORD}"},
    "a list of placeholders": {"tokens": ["${ONE}", "<two>", ""]},
    "a path": {"password_path": "/run/secrets/x", "PASSWORD_FILE": "/run/secrets/x", "token_dir": "keys"},
    "the path of a file": {"env": {"GOOGLE_APPLICATION_CREDENTIALS": "/home/ada/keys/service.json"}},
    "a URL of tokens": {"token_url": "https://idp.example/token", "tokenEndpoint": "https://idp.example/t"},
    "a type": {"token_type": "Bearer", "credential_type": "service account"},
    "a name of a variable": {"api_key_env": "OPENAI_API_KEY", "api_key": {"env": "OPENAI_API_KEY"}},
    "durations": {"token_expiry_seconds": "30", "password_minutes": 5},
    "special tokens": {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "mask_token": "[MASK]"},
    "a vocabulary": {"added_tokens_decoder": {"0": {"content": "hello", "special": True}}, "stop_tokens": ["###"]},
    "numbers of an environment": {"env": {"MAX_TOKENS": "4096", "TOKEN_LIMIT": "90k"}},
    "true and false of an environment": {"env": {"USE_TOKEN": "true", "AUTH_TOKEN": "None"}},
    "a serialised secret": {"openai_api_key": {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]}},
    "a cluster's secret": {
        "env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "imagePullSecrets": [{"name": "registry"}],
        "volumes": [{"secret": {"secretName": "db", "defaultMode": 420}}],
    },
    "a composition's secret": {"secrets": {"db_password": {"file": "./password.txt"}, "key": {"external": True}}},
    "a schema of a tool": {"tools": [{"name": "login", "parameters": SCHEMA}]},
    "a schema by itself": {"inputSchema": SCHEMA},
    "parameters without a schema around them": {"inputs": {"token": {"type": "string", "description": "who you are"}}},
    "a type of a schema in capitals": {"properties": {"password": {"type": "STRING"}}},
    "a question for a person": {"inputs": [{"type": "promptString", "id": "api-key", "password": True}]},
    "a placeholder in a URL": {"url": "postgresql://ada:${PASSWORD}@db/x", "more": "https://h/?token={{token}}&a=b"},
    "a masked URL": {"url": "postgresql://ada:***@db/x", "more": "redis://:<password>@h", "last": "amqp://ada:@h"},
    "an escaped placeholder in a URL": {"url": "https://h/?api_key=%24%7BAPI_KEY%7D"},
    "numbers in a URL": {"url": "https://h/?max_tokens=4096&token_type=bearer&key=name"},
    "several hosts": {"url": "mongodb://h1:27017,h2:27017/x", "brokers": "kafka://[::1]:9092/a@b"},
    "a mail beside a URL": {"system_prompt": "See https://h:8080/a, or mail ada:secret@example"},
    "a program in a text": {"system_prompt": """fetch("https://h",{"a":"b@c"}); get('https://h', {'a': 'b@c'})"""},
    "arguments": {"args": ["--token=x", "-e", "TOKEN=x"]},
    "a list of an environment": {"env": ["DB_PASSWORD=${DB_PASSWORD}", "URL=https://h/x", "plain"]},
    "a connection string": {"dsn": "Server=h;Database=x;Trusted_Connection=yes", "libpq": "host=h dbname=x user=ada"},
    "a login by the system": {"url": "jdbc:oracle:thin:@//h:1521/x"},
    "assignments in a text": {"system_prompt": "Say token=x; then go on."},
    "a reference to the vault": {"api_key": {"secret": "openai"}, "headers": {"Authorization": {"secret": "x" * 255}}},
    "a reference by itself": {"secret": "openai"},
    "references in lists": {"tokens": [{"secret": "one"}, {"secret": "two"}]},
    "a reference as a value": {"env": [{"name": "DB_PASSWORD", "value": {"secret": "db"}}]},
}  # fmt: skip
SECRET: Final[dict[str, Any]] = {
    "jdbc": {"url": "jdbc:postgresql://db.example/x?user=u&password=hunter2"},
    "jdbc with semicolons": {"url": "jdbc:sqlserver://h:1433;databaseName=x;user=u;password=hunter2"},
    "jdbc with brackets": {"url": "jdbc:mysql://address=(host=h)(user=u)(password=hunter2)/x"},
    "jdbc of oracle": {"url": "jdbc:oracle:thin:ada/hunter2@//h:1521/x"},
    "jdbc without a host": {"url": "jdbc:h2:mem:x;USER=ada;PASSWORD=hunter2"},
    "a URL inside a text": {"system_prompt": "Use https://ada:hunter2@git.example/repo.git"},
    "a URL in brackets": {"system_prompt": "(see <https://ada:hunter2@git.example>)"},
    "a URL in quotes": {"system_prompt": """get("https://h/?token=hunter2")"""},
    "the second of two URLs": {"system_prompt": "https://h/a and amqp://ada:hunter2@h"},
    "a URL in a URL": {"url": "https://h/?next=https://ada:hunter2@g/x"},
    "an escaped URL in a URL": {"url": "https://h/?next=https%3A%2F%2Fada%3Ahunter2%40g"},
    "a URL in a command": {"args": ["git", "clone", "--url=https://ada:hunter2@git.example/x"]},
    "a URL as a name": {"https://ada:hunter2@git.example": {"insteadOf": "x"}},
    "a scheme in capitals": {"url": "POSTGRESQL+PSYCOPG2://ada:hunter2@h"},
    "a scheme with a plus": {"url": "mongodb+srv://ada:hunter%402@h/x"},
    "a slash in the password": {"url": "redis://:hun/ter2@h"},
    "a fragment": {"url": "https://h/#/lab?access_token=hunter2"},
    "a signature": {"url": "https://h/blob?sv=2024&sig=hunter2", "more": 1},
    "a key of a URL": {"url": "https://api.example/v1/models?key=AIzaSyA1234567890abcdefghijklm"},
    "part of it a placeholder": {"url": "redis://:x${PASSWORD}@h"},
    "a default of a variable": {"password": "${DB_PASSWORD:-hunter2}"},
    "a URL as a default": {"url": "${DB_URL:-postgresql://ada:hunter2@h}"},
    "more than a placeholder": {"api_key": "sk-${REST}"},
    "after Bearer": {"headers": {"X-Api-Key": "Bearer hunter2"}},
    "a pair of name and value": {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
    "a pair of key and value": {"headers": [{"key": "Authorization", "value": "hunter2"}]},
    "a list of an environment": {"Env": ["PATH=/bin", "DB_PASSWORD=hunter2"]},
    "a URL of an environment": {"env": ["DATABASE_URL=postgresql://ada:hunter2@h/x"]},
    "a list of headers": {"headers": ["Authorization: Bearer hunter2"]},
    "an object of secrets": {"credentials": {"user": "ada", "pass": "hunter2"}},
    "the one that is none of many": {"tokens": ["${ONE}", "", "hunter2"]},
    "a value where a schema should be": {"type": "object", "properties": {"password": "hunter2"}},
    "a default of a schema": {"parameters": {"properties": {"password": {"type": "string", "default": "hunter2"}}}},
    "a token of digits": {"token": "123456"},
    "a number": {"password": 123456},
    "a connection string": {"dsn": "Driver={x};Server=h;Uid=ada;Pwd=hunter2;"},
    "a connection string of libpq": {"dsn": "host=h dbname=x user=ada password=hunter2"},
    "a connection string of a cloud": {"dsn": "AccountName=x;AccountKey=hunter2==;EndpointSuffix=y"},
    "a file of an environment": {"dotenv": "MODEL=m\nOPENAI_API_KEY=hunter2\n"},
    "a reference with another field": {"api_key": {"secret": "hunter2", "version": 1}},
    "a reference with no name": {"a": {"secret": ""}},
    "a reference with white space": {"a": {"secret": " \t"}},
    "a reference with too long a name": {"a": {"secret": "hunter2" * 37}},
    "a reference with a number": {"a": {"secret": 5}},
    "a reference with null": {"a": {"secret": None}},
    "a reference with true": {"a": {"secret": True}},
    "a reference with a list": {"a": {"secret": []}},
    "a reference with an object": {"a": {"secret": {"a": "hunter2"}}},
    "a reference in another case": {"api_key": {"Secret": "hunter2"}},
    "a reference that is a URL": {"api_key": {"secret": "https://ada:hunter2@h"}},
}  # fmt: skip


@pytest.mark.parametrize("part", ["agent_config", "connection"])
@pytest.mark.parametrize("what", HARMLESS)
def test_what_holds_no_secret_is_taken(part: str, what: str) -> None:
    assert refusal(raw("sandbox.created", **{part: HARMLESS[what]})) is None
    assert refusal(raw("sandbox.created", **{part: {"more": [HARMLESS[what]]}})) is None


@pytest.mark.parametrize("part", ["agent_config", "connection"])
@pytest.mark.parametrize("what", SECRET)
def test_what_holds_a_secret_is_refused(part: str, what: str) -> None:
    for value in (SECRET[what], {"more": [SECRET[what]]}):
        told = refusal(raw("sandbox.updated", **{part: value}))
        assert told is not None
        assert told[0] is Reason.INVALID_DATA
        assert told[1].startswith(f"data.{part}")
        assert "hunter2" not in json.dumps(told)


def test_the_field_that_is_named_like_a_secret_is_named_in_the_refusal() -> None:
    def field(**config: Any) -> str | None:
        told = refusal(raw("sandbox.created", agent_config=config))
        return told and told[1].removeprefix("data.agent_config.")

    assert field(credentials={"user": "ada", "deep": {"password": ["", "x"]}}) == "credentials.deep.password"
    assert field(credentials={"host_name": "h", "user": "ada"}) == "credentials"
    assert field(env=["A=b", "TOKEN=x"]) == "env.1"
    assert field(env=[{"name": "TOKEN", "value": "x"}]) == "env.0.value"
