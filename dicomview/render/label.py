"""Label: outlined text in a pane, drawn once and then kept as a picture."""

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation

__all__ = ["Label"]


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
            parse_math=False,
            zorder=zorder,
        )
        self._outline = outline

    def draw(self, renderer: Any) -> None:
        """Draw the kept picture; the text itself where the output is not made of pixels."""
        if not isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        if not self.get_visible() or not self.get_text():
            return
        self.update_positions(renderer)
        key = (
            self.get_text(), self.get_fontsize(), str(self.get_color()), self._outline,
            self.get_horizontalalignment(), renderer.dpi,
        )  # fmt: skip
        picture, margin = _picture(*key)
        box = self.get_window_extent(renderer)
        x, y = round(box.x0) - margin, round(box.y0) - margin
        renderer.draw_image(renderer.new_gc(), x, y, picture)
        self.stale = False


@lru_cache(maxsize=512)
def _picture(
    text: str, size: float, color: str, outline: str, alignment: str, dpi: float
) -> tuple[np.ndarray, int]:
    """Return outlined text as RGBA, lowest line first, and how far it reaches over the text's box."""
    figure = Figure(dpi=dpi)
    agg: Any = RendererAgg
    margin = int(np.ceil(2 * dpi / 72)) + 1
    drawn = figure.text(
        0, 0, text, ha="left", va="bottom", fontsize=size, color=color, linespacing=1.1,
        multialignment=alignment, parse_math=False,
        path_effects=[withStroke(linewidth=2, foreground=outline)],
    )  # fmt: skip
    box = drawn.get_window_extent(agg(1, 1, dpi))
    width, height = int(np.ceil(box.width)) + 2 * margin, int(np.ceil(box.height)) + 2 * margin
    renderer = agg(width, height, dpi)
    drawn.set_transform(None)
    drawn.set_position((margin - (box.x0 - drawn.get_position()[0]), margin))
    drawn.draw(renderer)
    return np.array(renderer.buffer_rgba())[::-1], margin
