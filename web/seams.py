"""Where Flower (2.2) is extended: its list of handlers, its settings, its templates. It has no plugin interface.

`check` looks at each of these places, so that a Flower that has changed them is refused in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tornado.routing import URLSpec
from tornado.template import Loader, Template
from tornado.web import RequestHandler

from flowledger.domain.errors import LedgerError

OURS: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"
NAVBAR: Final = "navbar.html"
_END_OF_TABS: Final = "</ul>"
_TABS: Final = ("reverse_url('workers')", "reverse_url('broker')")
_BLOCKS: Final = ("title", "navbar", "container", "extra_scripts")


class FlowerChanged(LedgerError):
    """This version of Flower cannot be extended in the way that Flowledger knows; install the version that it names."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Flower has changed: {what}. Install the one that belongs to Flowledger: pip install 'flowledger[flower]'"
        )


class Templates(Loader):
    """Finds our templates first, then Flower's; into Flower's navigation it puts our tab."""

    def __init__(self, flowers: str) -> None:
        super().__init__(flowers)

    def _create_template(self, name: str) -> Template:
        own = OURS / name
        if own.is_file():
            return Template(own.read_text("utf-8"), name=name, loader=self)
        text = (Path(self.root) / name).read_text("utf-8")
        return Template(with_tab(text) if name == NAVBAR else text, name=name, loader=self)


def with_tab(navbar: str) -> str:
    """Return Flower's navigation with the tab "Ledger" behind its own ones. Raises FlowerChanged."""
    tabs, end, rest = navbar.partition(_END_OF_TABS)
    if not end or not all(tab in tabs for tab in _TABS):
        raise FlowerChanged("its navigation has no list of tabs")
    return tabs + (OURS / "ledger" / "tab.html").read_text("utf-8") + end + rest


def pattern(spec: Any) -> str:
    """Return the pattern of a handler in Flower's list, without the end that tornado adds."""
    found: str = spec.regex.pattern if isinstance(spec, URLSpec) else spec[0]
    return found.removesuffix("$")


def handler_of(spec: Any) -> type[RequestHandler]:
    """Return the class of a handler in Flower's list."""
    found: type[RequestHandler] = spec.handler_class if isinstance(spec, URLSpec) else spec[1]
    return found


def keywords_of(spec: Any) -> dict[str, Any]:
    """Return what a handler in Flower's list is made with."""
    return dict(spec.kwargs or {}) if isinstance(spec, URLSpec) else dict(*spec[2:3])


def name_of(spec: Any) -> str | None:
    """Return the name by which the address of a handler in Flower's list is found."""
    return spec.name if isinstance(spec, URLSpec) else next(iter(spec[3:4]), None)


def check(handlers: Sequence[Any], settings: dict[str, Any], options: Any) -> None:
    """Raise FlowerChanged if a place at which it is extended is not as in 2.2."""
    patterns = {pattern(spec) for spec in handlers}
    missing = {"/", "/tasks", "/tasks/datatable", "/task/(.+)", "/broker", "/api/worker/shutdown/(.+)"} - patterns
    if missing:
        raise FlowerChanged(f"it has no {', '.join(sorted(missing))}")
    if "template_path" not in settings:
        raise FlowerChanged("its settings have no template_path")
    if "read_only" not in options:
        raise FlowerChanged("it has no option read_only")
    folder = Path(settings["template_path"])
    base = (folder / "base.html").read_text("utf-8")
    if not all(f"{{% block {name} %}}" in base for name in _BLOCKS):
        raise FlowerChanged(f"base.html has not the blocks {', '.join(_BLOCKS)}")
    with_tab((folder / NAVBAR).read_text("utf-8"))
