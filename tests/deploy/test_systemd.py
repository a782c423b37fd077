"""The units of systemd: systemd's own check of them, and the commands of `docker-compose.yml`, which are run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.compose import ROOT, services

UNITS: Final = ROOT / "deploy" / "systemd"
NAMES: Final = ("worker", "beat", "maintainer", "flower", "migrate")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze on this machine")
def test_systemd_takes_the_units_and_finds_them_contained(tmp_path: Path) -> None:
    shutil.copytree(UNITS, tmp_path / "units")
    units = sorted((tmp_path / "units").glob("*.service"))
    for unit in units:
        programs = str(Path(sys.executable).parent)
        unit.write_text(unit.read_text().replace("/opt/flowledger/bin", programs).replace("/usr/bin/psql", "/bin/sh"))
    checked = _analyze("verify", *units)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    for unit in units:
        exposure = re.findall(r"exposure level for .*: ([0-9.]+)", _analyze("security", "--offline=yes", unit).stdout)
        assert float(exposure[0]) < 2, "of 10; what common.conf forbids"


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_runs_what_compose_runs(name: str) -> None:
    compose = services(_Anything())
    wanted = [compose[name].command] if name != "migrate" else [compose["migrate"].command, compose["grants"].command]
    assert [*map(_as_in_compose, _commands(name))] == [_without_concurrency(command) for command in wanted]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_name_the_variables_of_compose(name: str) -> None:
    compose = services(_Anything())
    text = (UNITS / "etc" / f"{name}.env").read_text()
    assert "0600" in text
    variables = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    variables |= set(
        re.findall(r"^Environment=([A-Z_]+)=", (UNITS / f"flowledger-{name}.service").read_text(), re.MULTILINE)
    )
    assert variables == {*compose[name].environment, *(compose["grants"].environment if name == "migrate" else ())}
    for url in re.findall(r"^\w+_URL=(\S+://\S+@)", text, re.MULTILINE):
        assert url.replace("PASSWORD", "x") in {
            value[: value.find("@") + 1] for value in compose[name].environment.values()
        }


class _Anything(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x"


def _commands(name: str) -> Iterator[list[str]]:
    for line in re.findall(r"^ExecStart=(.*)$", (UNITS / f"flowledger-{name}.service").read_text(), re.MULTILINE):
        yield shlex.split(line)


def _as_in_compose(command: list[str]) -> list[str]:
    places = {"${STATE_DIRECTORY}": "/tmp", "/etc/flowledger/grants.sql": "/deploy/grants.sql"}
    words = " ".join(map(shlex.quote, [Path(command[0]).name, *command[1:]]))
    for here, there in places.items():
        words = words.replace(here, there)
    return [word.replace("'", "") for word in shlex.split(words)]


def _without_concurrency(command: list[str]) -> list[str]:
    return command[: command.index("--concurrency")] if "--concurrency" in command else command


def _analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)
