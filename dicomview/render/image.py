"""SliceImage: an AxesImage that brings a slice to the screen by our own resampling, and only when needed."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from dicomview.display.resample import Interpolation, resampled, taps

__all__ = ["SliceImage"]


class SliceImage(AxesImage):
    """A picture whose pixels are whole array indices, on axes that may run either way.

    Values are interpolated before they become colours. What was drawn last is kept and drawn again as long as
    values, colours and view are the same. Formats of their own resolution (PDF, SVG) are left to matplotlib.

    Parameters
    ----------
    ax : Axes
    image : ndarray of shape (rows, columns) or uint8 of shape (rows, columns, 3)
        May be masked.
    interpolation : {"nearest", "linear", "lanczos"}
    **options
        As for AxesImage: ``cmap``, ``norm``.
    """

    def __init__(
        self, ax: Axes, image: np.ndarray, *, interpolation: Interpolation = "linear", **options: Any
    ) -> None:
        self._drawn: tuple[Any, np.ndarray] | None = None
        self._stamp = 0
        self.kind = interpolation
        super().__init__(ax, interpolation="antialiased", origin="upper", **options)
        self.set_data(image)
        self.set_extent(self.get_extent())
        self.set_clip_path(ax.patch)
        ax.add_image(self)

    @property
    def kind(self) -> Interpolation:
        """How values between voxels are found."""
        return self._kind

    @kind.setter
    def kind(self, value: Interpolation) -> None:
        self._kind: Interpolation = value
        self._stamp += 1

    def set_data(self, A: Any) -> None:
        """Show other values; unlike matplotlib's, they are neither copied nor looked through."""
        self._stamp += 1
        self._A = np.ma.asarray(A.astype(np.float32) if A.dtype == np.float16 else A)
        self.stale = True

    def changed(self) -> None:
        """Note that colours or limits are others."""
        self._stamp += 1
        super().changed()

    def make_image(
        self, renderer: Any, magnification: float = 1.0, unsampled: bool = False
    ) -> tuple[Any, float, float, Any]:
        """Return the RGBA pixels, lowest line first, and where their lower left corner is."""
        if magnification != 1.0 or unsampled:
            return super().make_image(renderer, magnification, unsampled)
        return self._pixels()

    def _pixels(self) -> tuple[Any, float, float, Any]:
        values: Any = self.get_array()
        box = self.axes.bbox
        (x, y), (right, top) = self.axes.transData.inverted().transform([[0, 0], [1, 1]])
        x, right, y, top = (self._sample(i, c) for i, c in ((1, x), (1, right), (0, y), (0, top)))
        across = _span(values.shape[1], x, right - x, box.x0, box.x1)
        up = _span(values.shape[0], y, top - y, box.y0, box.y1)
        if not (across[2] and up[2]):
            return None, 0, 0, None
        key = (self._stamp, across, up)
        if self._drawn is None or self._drawn[0] != key:
            rows = taps(values.shape[0], *up[:2], up[2], self.kind)
            columns = taps(values.shape[1], *across[:2], across[2], self.kind)
            self._drawn = key, self._colored(values, rows, columns)
        return self._drawn[1], across[3], up[3], None

    def _sample(self, axis: int, coordinate: float) -> float:
        """Return the sample of a data coordinate along rows (0) or columns (1)."""
        return coordinate

    def _colored(self, values: Any, rows: Any, columns: Any) -> np.ndarray:
        """Return the colours of resampled values."""
        plain = resampled(np.ma.getdata(values), rows, columns)
        if values.ndim == 3:
            opaque = np.full((*plain.shape[:2], 4), 255, np.uint8)
            opaque[..., :3] = np.rint(plain).clip(0, 255)
            return opaque
        if np.ma.getmask(values) is not np.ma.nomask:
            nearest = [np.ma.getmaskarray(values)[r] for r in rows.index]
            hidden = np.any([np.take(mask, columns.index, axis=1).any(axis=1) for mask in nearest], axis=0)
            plain = np.ma.array(plain, mask=hidden)
        return np.asarray(self.to_rgba(plain, bytes=True))


def _span(samples: int, origin: float, step: float, low: float, high: float) -> tuple[float, float, int, int]:
    """Return coordinate of the first screen pixel on a line, step, number of pixels, and the first pixel.

    Only pixels whose centre lies in the pane and in the picture.
    """
    first, last = int(np.ceil(low - 0.5)), int(np.floor(high - 0.5))
    ends = sorted(((-0.5 - origin) / step, (samples - 0.5 - origin) / step))
    first = max(first, int(np.ceil(ends[0] - 0.5 - 1e-9)))
    last = min(last, int(np.floor(ends[1] - 0.5 - 1e-9)))
    return origin + (first + 0.5) * step, step, max(last - first + 1, 0), first
