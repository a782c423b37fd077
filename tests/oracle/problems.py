"""What is wrong with the definition of a workflow (CONTRACT-RECORDS section 1)."""

from __future__ import annotations

from typing import Any

MOST = 100


def problems(definition: dict[str, Any]) -> list[dict[str, str]]:
    """Each with its path; of more than a hundred, the first, and one that says so."""
    found, ids = of_nodes(definition.get("nodes", []))
    found += of_edges(definition.get("edges", []), ids)
    told = [{"path": path, "what": what} for path, what in found]
    more = {"path": "", "what": "has more problems than the 100 told here"}
    return told if len(told) <= MOST else [*told[:MOST], more]


def of_nodes(nodes: Any) -> tuple[list[tuple[str, str]], list[str]]:
    """Problems of the nodes, and the ids that edges may name."""
    if not isinstance(nodes, list):
        return [("nodes", "must be a list")], []
    found: list[tuple[str, str]] = []
    ids: list[str] = []
    for number, node in enumerate(nodes):
        if not isinstance(node, dict):
            found.append((f"nodes.{number}", "must be an object"))
            continue
        name = node.get("id")
        if not isinstance(name, str) or name == "":
            found.append((f"nodes.{number}.id", "must be a text that is not empty"))
        elif name in ids:
            found.append((f"nodes.{number}.id", f"is the id of an earlier node: {ascii(name)[:100]}"))
        else:
            ids.append(name)
    return found, ids


def of_edges(edges: Any, ids: list[str]) -> list[tuple[str, str]]:
    """Problems of the edges."""
    if not isinstance(edges, list):
        return [("edges", "must be a list")]
    found = []
    for number, edge in enumerate(edges):
        if not isinstance(edge, dict):
            found.append((f"edges.{number}", "must be an object"))
            continue
        for end in ("source", "target"):
            if not isinstance(edge.get(end), str):
                found.append((f"edges.{number}.{end}", "must be the id of a node"))
            elif edge[end] not in ids:
                found.append((f"edges.{number}.{end}", f"is no node's id: {ascii(edge[end])[:100]}"))
    return found
