"""The definition of a workflow, a graph of nodes and edges: its problems, and the differences between two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from flowledger.domain import json_text

MOST_PROBLEMS: Final = 100
"""How many problems of a definition are kept: a definition of a megabyte may have a hundred thousand."""


def problems_of(definition: dict[str, Any]) -> list[dict[str, str]] | None:
    """Return the problems of a definition, as `{"path", "what"}`; None if there are none (CONTRACT-RECORDS §1).

    A definition with problems is not refused: a history keeps what was there. After `MOST_PROBLEMS`, the last one
    states that there are more.
    """
    problems = [{"path": path, "what": what} for path, what in islice(_problems(definition), MOST_PROBLEMS + 1)]
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS] = {"path": "", "what": f"has more problems than the {MOST_PROBLEMS} told here"}
    return problems or None


def _problems(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    ids: set[str] = set()
    if "nodes" in definition:
        yield from _problems_of_nodes(definition["nodes"], ids)
    if "edges" in definition:
        yield from _problems_of_edges(definition["edges"], ids)


def _problems_of_nodes(nodes: Any, ids: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the problems of the nodes, and add their ids to `ids`."""
    if not isinstance(nodes, list):
        yield "nodes", "must be a list"
        return
    for place, node in enumerate(nodes):
        id_ = node.get("id") if isinstance(node, dict) else None
        if not isinstance(node, dict):
            yield f"nodes.{place}", "must be an object"
        elif not isinstance(id_, str) or not id_:
            yield f"nodes.{place}.id", "must be a text that is not empty"
        elif id_ in ids:
            yield f"nodes.{place}.id", f"is the id of an earlier node: {_told(id_)}"
        else:
            ids.add(id_)


def _problems_of_edges(edges: Any, ids: set[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(edges, list):
        yield "edges", "must be a list"
        return
    for place, edge in enumerate(edges):
        if not isinstance(edge, dict):
            yield f"edges.{place}", "must be an object"
            continue
        for end in ("source", "target"):
            id_ = edge.get(end)
            if not isinstance(id_, str):
                yield f"edges.{place}.{end}", "must be the id of a node"
            elif id_ not in ids:
                yield f"edges.{place}.{end}", f"is no node's id: {_told(id_)}"


def _told(id_: str) -> str:
    return ascii(id_)[:100]


@dataclass(frozen=True, slots=True)
class Changes:
    """The differences between two definitions: ids of nodes, whole edges, and names of other members."""

    added_nodes: tuple[str, ...]
    removed_nodes: tuple[str, ...]
    changed_nodes: tuple[str, ...]
    added_edges: tuple[Any, ...]
    removed_edges: tuple[Any, ...]
    changed_members: tuple[str, ...]

    @property
    def is_none(self) -> bool:
        """Whether the two definitions are the same."""
        return not any(getattr(self, name) for name in self.__slots__)


def changes_between(before: dict[str, Any], after: dict[str, Any]) -> Changes:
    """Return the changes from one definition to another; both may have problems.

    Nodes are the same if their ids are, edges if they are equal. The order of either does not matter. Values that are
    not nodes with an id, and `nodes` or `edges` that are not lists, are compared as the member that holds them.
    """
    old, new = _nodes_by_id(before), _nodes_by_id(after)
    had, has = _list(before, "edges"), _list(after, "edges")
    return Changes(
        added_nodes=tuple(id_ for id_ in new if id_ not in old),
        removed_nodes=tuple(id_ for id_ in old if id_ not in new),
        changed_nodes=tuple(id_ for id_, node in new.items() if id_ in old and not _same(old[id_], node)),
        added_edges=_not_among(has, had),
        removed_edges=_not_among(had, has),
        changed_members=tuple(
            name for name in sorted({*before, *after}) if not _same(_rest(before, name), _rest(after, name))
        ),
    )


def _nodes_by_id(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the first node of each id."""
    return {node["id"]: node for node in reversed(_list(definition, "nodes")) if _has_id(node)}


def _not_among(edges: list[Any], others: list[Any]) -> tuple[Any, ...]:
    """Return those of `edges` that equal none of the `others`, which are looked up by their ends."""
    by_ends: dict[str, list[Any]] = {}
    for edge in others:
        by_ends.setdefault(_ends(edge), []).append(edge)
    return tuple(edge for edge in edges if not any(_same(edge, other) for other in by_ends.get(_ends(edge), ())))


def _ends(edge: Any) -> str:
    return f"{edge.get('source')} {edge.get('target')}" if isinstance(edge, dict) else ""


def _rest(definition: dict[str, Any], name: str) -> Any:
    """Return a member without its nodes that have an id, and without its edges."""
    if name == "nodes" and isinstance(definition.get(name), list):
        return [node for node in definition[name] if not _has_id(node)]
    if name == "edges" and isinstance(definition.get(name), list):
        return []
    return definition.get(name, [] if name in ("nodes", "edges") else _ABSENT)


def _list(definition: dict[str, Any], name: str) -> list[Any]:
    value = definition.get(name)
    return value if isinstance(value, list) else []


def _has_id(node: Any) -> bool:
    return isinstance(node, dict) and isinstance(node.get("id"), str)


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not _ABSENT and other is not _ABSENT and json_text.equal(one, other))


_ABSENT: Final = object()
