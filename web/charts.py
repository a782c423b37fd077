"""Small charts, drawn on the server as SVG. They hold numbers and our own words; styles are classes of `ledger.css`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from tornado.escape import xhtml_escape

_HEIGHT: Final = 60
_STEP: Final = 10


class Series(NamedTuple):
    """Values from left to right, None where nothing is known; `look` is the class of what is drawn."""

    name: str
    look: str
    values: Sequence[float | None]


def bars(series: Sequence[Series], titles: Sequence[str], caption: str) -> str:
    """Return stacked bars; `titles` tells of each place what stands there."""
    sums = [sum(one.values[place] or 0 for one in series) for place in range(len(titles))]
    most = max(sums, default=0) or 1
    drawn = []
    for place, title in enumerate(titles):
        top, parts = float(_HEIGHT), ""
        for one in series:
            height = _HEIGHT * (one.values[place] or 0) / most
            if height:
                top -= height
                drawn_height = max(height, 0.75)
                parts += (
                    f'<rect class="{one.look}" x="{place * _STEP + 1}" y="{top:.2f}" width="{_STEP - 2}"'
                    f' height="{drawn_height:.2f}"/>'
                )
        drawn.append(f"<g>{_area(place)}{parts}<title>{xhtml_escape(title)}</title></g>")
    return _svg(drawn, len(titles), caption)


def lines(series: Sequence[Series], titles: Sequence[str], caption: str) -> str:
    """Return a line for each series, broken where nothing is known."""
    most = max((value for one in series for value in one.values if value is not None), default=0) or 1
    drawn = []
    for one in series:
        path, pen_is_down = "", False
        for place, value in enumerate(one.values):
            if value is not None:
                # A line of no length, with round ends, is a dot: a value without neighbours can be seen, too.
                x, y = place * _STEP + _STEP / 2, _HEIGHT - (_HEIGHT - 4) * value / most
                path += f"L{x:.1f} {y:.2f}" if pen_is_down else f"M{x:.1f} {y:.2f}h0"
            pen_is_down = value is not None
        drawn.append(f'<path class="{one.look}" d="{path}"/>')
    drawn += [f"<g>{_area(place)}<title>{xhtml_escape(title)}</title></g>" for place, title in enumerate(titles)]
    return _svg(drawn, len(titles), caption)


def _area(place: int) -> str:
    """Return where the title shows: the whole height of a place."""
    return f'<rect class="ledger-area" x="{place * _STEP}" y="0" width="{_STEP}" height="{_HEIGHT}"/>'


def _svg(drawn: Sequence[str], places: int, caption: str) -> str:
    return (
        f'<svg class="ledger-chart" role="img" aria-label="{xhtml_escape(caption)}" preserveAspectRatio="none"'
        f' viewBox="0 0 {places * _STEP} {_HEIGHT}">{"".join(drawn)}</svg>'
    )
