"""Each module of the package can be the first that a program imports, whatever else it imports later."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = "flowledger"
ONLY_BY_ALEMBIC: Final = {f"{PACKAGE}.migrations.env"}
"""Run by Alembic, in a context that it makes."""

PROBE: Final = """
import importlib, json, os, sys

def fault(name):
    try:
        importlib.import_module(name)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

def fault_as_first(name):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, (fault(name) or "").encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as words:
        found = words.read()
    os.wait()
    return found

found = {}
for cycle in json.load(sys.stdin):
    if len(cycle) > 1:
        found |= {name: fault_as_first(name) for name in cycle}
    found |= {name: words for name in cycle if (words := fault(name))}
print(json.dumps({name: words for name, words in found.items() if words}))
"""
"""Imports groups of modules, one after the other; of a cycle each member in a process of its own before."""


def modules(package: Path) -> dict[str, Path]:
    """Return the files of all modules below a package, by their names."""
    found: dict[str, Path] = {}
    for folder, folders, files in os.walk(package, followlinks=True):
        folders[:] = [one for one in folders if one != "__pycache__"]
        for file in files:
            if file.endswith(".py"):
                path = Path(folder) / file
                name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path
    return found


def at_import(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that are run while a module is imported."""
    for one in body:
        if isinstance(one, ast.If) and ast.unparse(one.test).endswith("TYPE_CHECKING"):
            yield from at_import(one.orelse)
        elif not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            yield one
            for inner in ("body", "orelse", "finalbody"):
                yield from at_import(getattr(one, inner, []))
            for handler in getattr(one, "handlers", []):
                yield from at_import(handler.body)


def imports(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return which of these modules each imports: as it says, and the packages that hold them, and itself."""
    found = {}
    for name, path in files.items():
        named = {name}
        for one in at_import(ast.parse(path.read_text()).body):
            if isinstance(one, ast.Import):
                named |= {alias.name for alias in one.names}
            elif isinstance(one, ast.ImportFrom):
                assert one.level == 0, f"{path}: imports name their modules in full"
                named |= {f"{one.module}.{alias.name}" for alias in one.names}
        parents = {tuple(one.split(".")[:length]) for one in named for length in range(1, one.count(".") + 2)}
        found[name] = {".".join(one) for one in parents} & files.keys() - {name}
    return found


def groups(edges: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the modules, each with those that import each other in a cycle, after all that they import (Tarjan)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in sorted(edges[name]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == number[name]:
            cycle = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            found.append(cycle)

    for name in sorted(edges):
        if name not in number:
            visit(name)
    return found


def faults(package: Path) -> dict[str, str]:
    """Return which modules cannot be the first that is imported, and why.

    Only members of a cycle can be broken by what was imported before, for what they import cannot import them.
    """
    files = {name: path for name, path in modules(package).items() if name not in ONLY_BY_ALEMBIC}
    given = json.dumps(groups(imports(files)))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROBE],
        cwd=package.parent, input=given, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.timeout(300)
def test_each_module_can_be_imported_first() -> None:
    assert faults(ROOT / PACKAGE) == {}


def test_a_cycle_that_depends_on_the_order_is_found(tmp_path: Path) -> None:
    package = tmp_path / "circular"
    (package / "parts").mkdir(parents=True)
    written = {
        "__init__": "",
        "parts/__init__": "from circular.parts import one",
        "parts/one": "from circular.other import NUMBER",
        "other": "from circular.parts.plain import PLAIN\nNUMBER = PLAIN + 1",
        "parts/plain": "PLAIN = 1",
        "behind": "import circular.other",
        "typed": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from circular import typed_by",
        "typed_by": "def later():\n    import circular.other\nimport circular.typed",
    }
    for name, text in written.items():
        (package / f"{name}.py").write_text(text)
    assert [*faults(package)] == ["circular.other"]
    edges = imports(modules(package))
    assert edges["circular.typed"] == {"circular"}
    assert edges["circular.typed_by"] == {"circular", "circular.typed"}


@pytest.mark.parametrize("edges", [{"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d", "a"}}])
def test_what_is_imported_comes_before(edges: dict[str, set[str]]) -> None:
    assert [sorted(one) for one in groups(edges)] == [["b", "c"], ["a"], ["d"]]
