"""The scripts for Redis: each is a documented file, and Redis understands it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest
import redis

from flowledger.client import scripts as client_scripts
from flowledger.domain.lua_files import read_lua
from flowledger.services import scripts as service_scripts
from flowledger.workers import scripts as worker_scripts

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("cli", "client", "domain", "services", "storage", "web", "workers")
FILES: Final = [path.relative_to(ROOT) for room in ROOMS for path in sorted((ROOT / room).glob("lua/**/*.lua"))]
SCRIPTS: Final = [str(path) for path in FILES if (ROOT / path).read_text().startswith("#!lua")]
PIECES: Final = [str(path) for path in FILES if str(path) not in SCRIPTS]


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_opens_by_documenting_its_keys_arguments_and_reply(path: str) -> None:
    flags, *lines = (ROOT / path).read_text().splitlines()
    assert flags in ("#!lua", "#!lua flags=allow-oom", "#!lua flags=no-writes")
    opening = lines[: next(number for number, line in enumerate(lines) if not line.startswith("--"))]
    for word in ("KEYS", "ARGV", "Returns"):
        assert any(line.startswith(f"-- {word}") for line in opening), word


@pytest.mark.parametrize("path", SCRIPTS)
def test_redis_understands_a_script(path: str, redis_url: str) -> None:
    with closing(redis.Redis.from_url(redis_url)) as client:
        assert client.script_load(read_lua(path))


def test_every_file_is_used() -> None:
    texts = {path: read_lua(path) for path in SCRIPTS}
    assert sorted(texts.values()) == sorted(_texts(client_scripts) + _texts(service_scripts) + _texts(worker_scripts))
    included = {
        line for path in SCRIPTS for line in (ROOT / path).read_text().splitlines() if line.startswith("-- include ")
    }
    assert {f"-- include {path}" for path in PIECES} == included


def test_what_is_sent_has_neither_comments_nor_includes() -> None:
    for path in SCRIPTS:
        assert [line for line in read_lua(path).splitlines() if line.lstrip().startswith("--")] == [], path


def test_no_script_stands_in_python() -> None:
    modules = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    assert [path for path in modules if "redis.call(" in path.read_text()] == []


def _texts(module: ModuleType) -> list[str]:
    return [text for name, text in vars(module).items() if name.isupper()]
