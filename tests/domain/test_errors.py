"""The errors are what the tree at the top of their module says."""

from __future__ import annotations

import re

from flowledger.domain import errors
from flowledger.domain.errors import LedgerError


def drawn() -> dict[str, str]:
    """For each class in the drawing its bases."""
    found: dict[str, str] = {}
    path: list[str] = []
    for indent, name, beside in re.findall(r"^ {4}([│├└─ ]*)(\w+)(?: \((\w+)\))?$", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4
        path[depth:] = [name]
        found[name] = " ".join(filter(None, ["" if not depth else path[depth - 1], beside]))
    return found


def test_the_tree_is_drawn_as_it_is() -> None:
    classes = {
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, LedgerError) and one.__module__ == errors.__name__
    }
    assert len(classes) > 15
    bases = {name: " ".join(base.__name__ for base in one.__bases__) for name, one in classes.items()}
    assert drawn() == bases | {"LedgerError": ""}


def test_an_index_is_told_from_the_second_event_on() -> None:
    """`publish` publishes one: nobody has counted."""
    for error in (errors.NoEvent("no"), errors.Refused(errors.Reason.NOT_JSON, "", "no")):
        assert str(error) == "no"
        error.index = 0
        assert str(error) == "no"
        error.index = 2
        assert str(error) == "event 2 (from 0): no"
