"""How the tests' rubbish is mended, in the form that `workers.replay` takes."""

from __future__ import annotations

from flowledger.domain.mending import Changes, Path, json_of, json_of_text, path_of
from tests.rubbish import Mend


def changes(mend: Mend) -> Changes:
    """What `flowledger dead-letters replay` makes of the same options."""
    set_ = [_pair(text) for text in mend.set]
    texts = [_pair(text) for text in mend.set_text]
    return Changes(
        text=mend.text,
        field=mend.field,
        unset=tuple(path_of(path) for path in mend.unset),
        set=(
            *((path, json_of(value)) for path, value in set_),
            *((path, json_of_text(value)) for path, value in texts),
        ),
    )


def _pair(text: str) -> tuple[Path, str]:
    path, _, value = text.partition("=")
    return path_of(path), value
