"""Other people's programs read the files: AsyncAPI's own schema, and a validator in Node.js; skipped without npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from flowledger.domain.schemas import asyncapi
from tests.documented import block
from tests.schema.files import FOLDER
from tests.schema.generated import VALIDATOR, events
from tests.schema.mutants import mutants

Json = Any

_PACKAGES: Final = ("@asyncapi/specs@6", "ajv@8")
_INSTALL_SECONDS: Final = 60
_EVENTS: Final = 300
_PAGE: Final = "docs/schema/README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages, and the files of docs/schema."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    made = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=0", *_PACKAGES]
    try:
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch the packages within {_INSTALL_SECONDS} s")
    if done.returncode:
        pytest.skip(f"npm cannot fetch the packages: {done.stderr[-500:]}")
    shutil.copytree(FOLDER, made, dirs_exist_ok=True)
    return made


@pytest.fixture(scope="module")
def by_asyncapi(folder: Path) -> jsonschema_rs.Draft7Validator:
    """The schema of AsyncAPI 3.0.0 documents."""
    file = folder / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    return jsonschema_rs.Draft7Validator(json.loads(file.read_text()))


def test_the_document_is_asyncapi_3(by_asyncapi: jsonschema_rs.Draft7Validator, folder: Path) -> None:
    document = json.loads((folder / "asyncapi.json").read_text())
    assert [f"{list(fault.instance_path)}: {fault.message[:300]}" for fault in by_asyncapi.iter_errors(document)] == []


@pytest.mark.parametrize(
    "path", ["info", "channels/events/address", "operations/publish/action", "components/schemas/Id/type"]
)
def test_a_document_with_a_fault_is_not(by_asyncapi: jsonschema_rs.Draft7Validator, path: str) -> None:
    document: Json = asyncapi()
    *places, last = path.split("/")
    holder = document
    for place in places:
        holder = holder[place]
    holder[last] = 7
    assert not by_asyncapi.is_valid(document)


def test_the_program_of_the_page_says_of_each_event_what_the_ledger_says(folder: Path) -> None:
    accepted = events(_EVENTS, 1)
    changed = mutants(accepted, 1)
    candidates = [*accepted, *(next(changed) for _ in range(_EVENTS))]
    program = block(_PAGE, "js", "ajv").replace("if (!isEvent(event)) console.error(isEvent.errors);", "")
    asked = "\nfor (const event of JSON.parse(readFileSync(0, 'utf8'))) console.log(isEvent(event));\n"
    (folder / "check.mjs").write_text(program + asked)
    command, given = ["node", "check.mjs"], json.dumps(candidates)
    node = subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, timeout=60, check=True)
    told = [answer == "true" for answer in node.stdout.split()]
    assert told == [VALIDATOR.is_valid(event) for event in candidates]
