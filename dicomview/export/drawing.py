"""Drawing: one figure that is drawn again for every picture of a movie, and what is written on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dicomview.display import Window
from dicomview.export.room import BESIDE, cut, room_for
from dicomview.export.single import draw_pixels, window_of
from dicomview.geometry import PlaneView
from dicomview.options import options
from dicomview.render import STYLE, PictureFigure
from dicomview.render.pane import caption
from dicomview.volume import Volume
from dicomview.volume.meta import safe_text

__all__ = ["Drawing", "Film"]

#: Part of a pixel that rounding errors do not reach.
HAIR = 1e-9


@dataclass(frozen=True)
class Film:
    """What is shown one after the other: what is told of each, and how to come to it."""

    steps: Sequence[float]
    texts: Sequence[str]
    extents: tuple[float, float]
    shown: Callable[[Any], tuple[np.ndarray, PlaneView, str]]


class Drawing:
    """One figure that is drawn again for every picture."""

    def __init__(
        self,
        volume: Volume,
        film: Film,
        pixels: tuple[int, int],
        window: Window | tuple[float, float] | None,
        colormap: str | None,
        *,
        dpi: float,
        captions: bool,
    ) -> None:
        width, height = pixels
        self._film, self._drawn = film, film.steps[0]
        # A hair more: matplotlib cuts 57.999... pixels down to 57.
        self._figure = PictureFigure(figsize=((width + HAIR) / dpi, (height + HAIR) / dpi), dpi=dpi)
        self._figure.set_facecolor(STYLE.background)
        ax = self._figure.add_axes((0.0, 0.0, 1.0, 1.0))
        image, view, text = film.shown(self._drawn)
        chosen = window_of(volume, window)
        self._image, self._letters = draw_pixels(ax, volume, image, view, chosen, colormap)
        self._caption, self._has_captions = caption(ax, ""), captions
        ax.apply_aspect()
        self._size, self._dpi = ax.bbox.size, dpi  # less than the picture where that is made wider
        # What is written or left out is the same for all pictures: the longest text decides.
        longest = max(film.texts, key=len)
        self._is_short = self._measure(longest)[0] > self._room
        self._longest = self._shortened(longest)
        self._named = [cut(line, self._room, self._measure) for line in _patient(volume)]
        self._tell(view, text)

    def picture(self, step: float) -> np.ndarray:
        """Return the pixels of a step, shape (rows, columns, 3)."""
        if step != self._drawn:
            image, view, text = self._film.shown(step)
            self._image.set_data(image)
            self._tell(view, text)
            self._drawn = step
        canvas: Any = self._figure.canvas
        canvas.draw()
        return np.array(np.asarray(canvas.buffer_rgba())[..., :3])

    def _tell(self, view: PlaneView, text: str) -> None:
        """Write the sides, and what is shown."""
        if not self._has_captions:
            has_room, count = [False] * 4, 0
        else:
            has_room, count = room_for(
                view.edges, [self._longest, *self._named], self._measure,
                size=self._size, point=self._dpi / 72,
            )  # fmt: skip
        for label, letters, is_told in zip(self._letters, view.edges, has_room):
            label.set_text(letters if is_told else "")
        self._caption.set_text("\n".join([self._shortened(text), *self._named][:count]))

    def _shortened(self, text: str) -> str:
        """Return a text that is not wider than the picture: its value alone, if that is enough."""
        return cut(text.rpartition(" = ")[2] if self._is_short else text, self._room, self._measure)

    @property
    def _room(self) -> float:
        """Return the width that a caption may have, in pixels."""
        return self._size[0] - 2 * BESIDE * self._dpi / 72

    def _measure(self, text: str) -> tuple[float, float]:
        """Return width and height of a text in pixels."""
        self._caption.set_text(text)
        return self._caption.size(self._dpi)


def _patient(volume: Volume) -> list[str]:
    """Return who it is, if that may be told."""
    if not options.show_patient:
        return []
    return [safe_text(volume.meta[k]) for k in ("PatientName", "PatientID") if volume.meta.get(k)]
