"""The picture of the year: what the database holds, day by day."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from matplotlib import pyplot

from tests.year.simulation import PARTS, Sizes

_MIB: Final = 2**20
_COLOURS: Final = ("#5b6b7f", "#4c8bf5", "#43a47a", "#e0a33e")


def draw(sizes: list[Sizes], path: Path) -> None:
    """Write the areas of `PARTS`, one upon another, as SVG; dashed, what it would be if nothing went."""
    days = [one.day for one in sizes]
    areas = [[one.bytes[part] / _MIB for one in sizes] for part in PARTS]
    month = next(place for place, one in enumerate(sizes) if one.day >= min(30, days[-1]))
    rate = sum(area[month] for area in areas) / sizes[month].recorded
    figure, axes = pyplot.subplots(figsize=(9, 4.5))
    axes.stackplot(days, areas, labels=[*PARTS], colors=_COLOURS)
    axes.plot(days, [rate * one.recorded for one in sizes], "--", color="#999999", label="if nothing went")
    axes.set_ylim(0, 2.2 * max(sum(column) for column in zip(*areas, strict=True)))
    axes.set_xlim(0, days[-1])
    axes.set_xlabel("day")
    axes.set_ylabel("MiB")
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
