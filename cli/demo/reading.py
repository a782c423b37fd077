"""What the agents read in Python files: definitions, docstrings, lengths, and what a reviewer would mention."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import flowledger

_PACKAGE: Final = Path(flowledger.__file__).parent
ROOT: Final = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE
"""Where the rooms are: a checkout, or the installed package."""
PACKAGES: Final = ("cli", "client", "domain", "migrations", "storage", "workers")
CHECKOUT_PACKAGES: Final = ("bench", "tests")

MOST_FILES: Final = 24
"""The largest so many files of a package are reviewed, lest the demo grow as the project does."""
LONG_FUNCTION: Final = 40
LONG_FILE: Final = 300
_TODO: Final = re.compile(r"\b(TODO|FIXME|XXX)\b")


@dataclass(frozen=True, slots=True)
class Definition:
    """A class, function or method; `lines` counts from its first line to its last."""

    name: str
    kind: str
    line: int
    lines: int
    documented: bool
    public: bool


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file, read."""

    path: str
    text: str
    imports: tuple[str, ...]
    definitions: tuple[Definition, ...]
    documented: bool

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a reviewer mentions; `weight` says how much it matters beside others."""

    path: str
    line: int
    kind: str
    name: str
    words: str
    weight: int


def packages() -> dict[str, tuple[str, ...]]:
    """The project's packages, and the files to review in each, as paths relative to `ROOT`."""
    here = PACKAGES + (CHECKOUT_PACKAGES if (ROOT / "pyproject.toml").is_file() else ())
    found = {name: _files(name) for name in here}
    return {name: files for name, files in found.items() if files}


def read(path: str) -> Module:
    """Reads a file of the project; raises SyntaxError or ValueError where it is not Python."""
    text = (ROOT / path).read_text("utf-8")
    tree = ast.parse(text, path)
    imports = {name.split(".")[0] for node in ast.walk(tree) for name in _imported(node)}
    definitions = tuple(_definitions(tree, inside=None))
    return Module(path, text, tuple(sorted(imports)), definitions, ast.get_docstring(tree) is not None)


def findings(module: Module) -> list[Finding]:
    """What a reviewer mentions, the weightiest first."""
    found = [*_long_functions(module), *_long_file(module), *_undocumented(module), *_todos(module)]
    return sorted(found, key=lambda finding: (-finding.weight, finding.line))


def mentions(name: str) -> dict[str, int]:
    """How often each file of the project has this word, the most first."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    counts = {path: len(word.findall(text)) for path, text in _texts().items()}
    return dict(sorted(((path, n) for path, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


def _files(package: str) -> tuple[str, ...]:
    """Files that call themselves Python, `.py` or `.py.mako`, which is none: the survey finds out."""
    paths = [path for path in (ROOT / package).rglob("*.py*") if path.suffix == ".py" or ".py." in path.name]
    largest = sorted(paths, key=lambda path: (-path.stat().st_size, path))[:MOST_FILES]
    return tuple(sorted(path.relative_to(ROOT).as_posix() for path in largest))


@cache
def _texts() -> dict[str, str]:
    files = [path for paths in packages().values() for path in paths]
    return {path: (ROOT / path).read_text("utf-8", "replace") for path in files}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def _definitions(tree: ast.AST, inside: str | None) -> list[Definition]:
    """Definitions in order, those of classes behind their class; functions within functions are their own affair."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            found += [_definition(node, "class", inside), *_definitions(node, node.name)]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(_definition(node, "method" if inside else "function", inside))
    return found


def _definition(
    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, kind: str, inside: str | None
) -> Definition:
    return Definition(
        name=f"{inside}.{node.name}" if inside else node.name,
        kind=kind,
        line=node.lineno,
        lines=(node.end_lineno or node.lineno) - node.lineno + 1,
        documented=ast.get_docstring(node) is not None,
        public=not node.name.startswith("_") and not (inside or "").startswith("_"),
    )


def _long_functions(module: Module) -> list[Finding]:
    return [
        Finding(module.path, one.line, "long function", one.name, f"{one.name} has {one.lines} lines", 100 + one.lines)
        for one in module.definitions
        if one.kind != "class" and one.lines > LONG_FUNCTION
    ]


def _long_file(module: Module) -> list[Finding]:
    if module.lines <= LONG_FILE:
        return []
    name = Path(module.path).stem
    return [Finding(module.path, 1, "long file", name, f"the file has {module.lines} lines", 50 + module.lines // 10)]


def _undocumented(module: Module) -> list[Finding]:
    """Public definitions without a docstring; tests say what they do by their names."""
    return [
        Finding(module.path, one.line, "no docstring", one.name, f"public {one.kind} {one.name} has no docstring", 10)
        for one in module.definitions
        if one.public and not one.documented and not one.name.split(".")[-1].startswith("test_")
    ]


def _todos(module: Module) -> list[Finding]:
    tokens = tokenize.generate_tokens(io.StringIO(module.text).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT and _TODO.search(token.string)]
    return [Finding(module.path, token.start[0], "to do", "", token.string.lstrip("# ")[:80], 60) for token in comments]
