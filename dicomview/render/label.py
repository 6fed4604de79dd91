"""Label: outlined text in a pane, drawn once and then kept as a picture."""

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, IdentityTransform

from dicomview.render.plain import PLAIN

__all__ = ["Label"]

#: Part of a text that lies left of its place, or below it, by alignment.
_PART = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}


class Label(Annotation):
    """Text at a place of the axes with an outline; header text is never read as mathtext.

    On screen the outlined letters are kept as a small picture, since stroking them takes longer than painting
    a slice. In print it is ordinary text.

    Parameters
    ----------
    text : str
    place : tuple of float
        Fraction of the axes.
    horizontal, vertical : str
        Alignment.
    offset : tuple of float
        From the place, in points.
    color, outline : str
    size : float
        Points.
    """

    def __init__(
        self,
        text: str,
        place: tuple[float, float],
        horizontal: str,
        vertical: str,
        offset: tuple[float, float],
        *,
        color: str,
        outline: str,
        size: float,
        zorder: float,
    ) -> None:
        super().__init__(
            text,
            place,
            xycoords="axes fraction",
            xytext=offset,
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            color=color,
            fontsize=size,
            linespacing=1.1,
            path_effects=[withStroke(linewidth=2, foreground=outline)],
            zorder=zorder,
            **PLAIN,
        )
        self._outline = outline

    def size(self, dpi: float) -> tuple[float, float]:
        """Return width and height in pixels."""
        return _picture(*self._key(dpi))[2]

    def _key(self, dpi: float) -> tuple[Any, ...]:
        """Return what the picture depends on."""
        return (
            self.get_text(), self.get_fontsize(), str(self.get_color()), self._outline,
            self.get_horizontalalignment(), dpi,
        )  # fmt: skip

    def draw(self, renderer: Any) -> None:
        """Draw the kept picture; the text itself where the output is not made of pixels."""
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        if not self.get_visible() or not self.get_text() or self.axes is None:
            return
        picture, margin, size = _picture(*self._key(renderer.dpi))
        # Where the text would stand, without laying it out once more.
        place = self.axes.transAxes.transform(self.xy) + np.multiply(self.xyann, renderer.dpi / 72)
        parts = _PART[self.get_horizontalalignment()], _PART[self.get_verticalalignment()]
        x, y = (round(p - part * n) - margin for p, part, n in zip(place.tolist(), parts, size))
        gc = renderer.new_gc()
        # A pane is drawn again without the ones beside it: nothing may reach over its edge.
        gc.set_clip_rectangle(_clip(self.axes.bbox))
        renderer.draw_image(gc, x, y, picture)
        gc.restore()
        self.stale = False


def _clip(box: Any) -> Bbox:
    """Return the rectangle in which Agg paints the pixels whose centres lie in a box, and no others."""
    left, right = np.floor(box.x0 + 0.5), np.floor(box.x1 - 0.5)
    bottom, top = np.ceil(box.y0 - 0.5), np.ceil(box.y1 - 0.5) - 1
    return Bbox.from_extents(left, bottom + 1, right, top + 1)  # Agg counts lines from above, ends included


@lru_cache(maxsize=8)
def _sheet(dpi: float) -> Figure:
    """Return the figure that texts of a resolution are measured on."""
    return Figure(dpi=dpi)


@lru_cache(maxsize=512)
def _picture(
    text: str, size: float, color: str, outline: str, alignment: Any, dpi: float
) -> tuple[np.ndarray, int, tuple[float, float]]:
    """Return outlined text as RGBA, lowest line first, its margin around the text, and the text's size."""
    agg: Any = RendererAgg
    margin = int(np.ceil(2 * dpi / 72)) + 1
    drawn = Text(
        0, 0, text, ha="left", va="bottom", fontsize=size, color=color, linespacing=1.1,
        multialignment=alignment, path_effects=[withStroke(linewidth=2, foreground=outline)], **PLAIN,
    )  # fmt: skip
    drawn.set_figure(_sheet(dpi))
    drawn.set_transform(IdentityTransform())
    box = drawn.get_window_extent(agg(1, 1, dpi))
    width, height = int(np.ceil(box.width)) + 2 * margin, int(np.ceil(box.height)) + 2 * margin
    renderer = agg(width, height, dpi)
    drawn.set_position((margin - box.x0, margin - box.y0))
    drawn.draw(renderer)
    return np.array(renderer.buffer_rgba())[::-1], margin, (float(box.width), float(box.height))
