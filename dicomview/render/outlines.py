"""OutlinesDrawing: measurements over the slice of one Axes, with their numbers beside them."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from dicomview.render.label import Label
from dicomview.render.style import STYLE
from dicomview.state import Outline

__all__ = ["OutlinesDrawing"]

#: Pixels between an outline and its numbers, and between numbers and the edge of the pane.
BESIDE, MARGIN = 8, 3
#: How opaque the ground of numbers is.
GROUND = 0.45


class OutlinesDrawing:
    """Draws what is measured in the slice of a pane.

    Parameters
    ----------
    ax : Axes
    """

    def __init__(self, ax: Axes) -> None:
        self._ax = ax
        self._artists: list[Artist] = []
        #: Where numbers stand already, in pixels.
        self._taken: list[Bbox] = []

    def show(self, outlines: tuple[Outline, ...]) -> None:
        """Show these and no others; the axes must have their place and limits."""
        for artist in self._artists:
            artist.remove()
        self._taken = []
        if outlines:
            self._ax.apply_aspect()  # as it will be drawn, to the last bit: numbers choose the side with room
        self._artists = [artist for outline in outlines for artist in self._made(outline)]
        for artist in self._artists:
            self._ax.add_artist(artist)

    def _made(self, outline: Outline) -> list[Artist]:
        color = STYLE.selected if outline.is_selected else STYLE.measure
        made: list[Artist] = []
        if outline.kind != "point":
            x, y = outline.path.places.T
            made += [
                Line2D(x, y, color=STYLE.background, linewidth=3, alpha=0.6, zorder=6),
                Line2D(x, y, color=color, linewidth=1.2, zorder=6),
            ]
        if outline.kind == "point":
            made += [_marks(outline, "+", 11, STYLE.background, 3), _marks(outline, "+", 10, color, 1.2)]
        elif outline.is_selected and outline.handles:
            made.append(_marks(outline, "s", 4.5, color, 0.8))
        label = self._label(outline, color)
        return made if label is None else [*made, self._ground(label), label]

    def _ground(self, label: Label) -> Rectangle:
        """Return what darkens the picture below numbers."""
        (wide, high), (x, y), pane = label.size(self._ax.figure.dpi), label.xy, self._ax.bbox
        return Rectangle(
            (x, y), wide / pane.width, high / pane.height, transform=self._ax.transAxes,
            color=STYLE.background, alpha=GROUND, linewidth=0, antialiased=False, zorder=6.8,
        )  # fmt: skip

    def _label(self, outline: Outline, color: str) -> Label | None:
        """Return the numbers beside an outline, inside of the pane; None where the outline is not in it."""
        ax, pane = self._ax, self._ax.bbox
        dot = float(ax.figure.dpi) / STYLE.dpi
        path = outline.path.places
        places = ax.transData.transform(path[~np.isnan(path[:, 0])])
        (left, bottom), (right, top) = places.min(axis=0), places.max(axis=0)
        if not outline.text or right < pane.x0 or left > pane.x1 or top < pane.y0 or bottom > pane.y1:
            return None
        if not outline.is_area:  # beside the vertex of an angle, or the end of a line that is on the right
            at = 1 if outline.kind == "angle" else int(np.argmax(places[:, 0]))
            (left, bottom), (right, top) = places[at], places[at]
        label = Label(
            outline.text, (0, 0), "left", "bottom", (0, 0),
            color=color, outline=STYLE.background, size=STYLE.font_size, zorder=7,
        )  # fmt: skip
        wide, high = label.size(ax.figure.dpi)
        beside, margin = BESIDE * dot, MARGIN * dot
        room = Bbox.from_extents(pane.x0 + margin, pane.y0 + margin, pane.x1 - margin, pane.y1 - margin)
        level, centre = (bottom + top - high) / 2, (left + right - wide) / 2
        sides = [(right + beside, level), (left - beside - wide, level)]
        if outline.kind == "angle" and places[:, 0].mean() > right:
            sides.reverse()  # the legs are on the right
        wanted = [
            *sides,
            (centre, top + beside),
            (centre, bottom - beside - high),
        ]
        x, y = self._place(wanted, room, wide, high)
        self._taken.append(Bbox.from_bounds(x, y, wide, high))
        label.xy = ((x - pane.x0) / pane.width, (y - pane.y0) / pane.height)
        return label

    def _place(
        self, wanted: list[tuple[float, float]], room: Bbox, wide: float, high: float
    ) -> tuple[float, float]:
        """Return the first place that is inside of the pane and free, beside other numbers if need be."""

        def moved(x: float, y: float) -> tuple[float, float]:
            return max(min(x, room.x1 - wide), room.x0), max(min(y, room.y1 - high), room.y0)

        places = [at for at in wanted if moved(*at) == at]
        places += [moved(*at) for at in wanted]
        x = places[0][0]
        places += [moved(x, y) for box in self._taken for y in (box.y0 - high, box.y1)]
        return next((at for at in places if self._is_free(at, wide, high)), places[0])

    def _is_free(self, at: tuple[float, float], wide: float, high: float) -> bool:
        place = Bbox.from_bounds(*at, wide, high)
        return not any(
            min(box.x1, place.x1) > max(box.x0, place.x0) and min(box.y1, place.y1) > max(box.y0, place.y0)
            for box in self._taken
        )


def _marks(outline: Outline, marker: str, size: float, color: str, width: float) -> Line2D:
    """Return the points of an outline as marks."""
    x, y = np.array(outline.handles).T
    return Line2D(
        x, y, linestyle="", marker=marker, markersize=size, markeredgecolor=color, markeredgewidth=width,
        markerfacecolor=STYLE.background, zorder=6.5,
    )  # fmt: skip
