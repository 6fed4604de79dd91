"""Raster: the overlays of a slice as one picture, the same for whoever draws it."""

from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import NDArray

from dicomview.display.resample import resampled
from dicomview.geometry import Geometry
from dicomview.render.image import SliceImage
from dicomview.render.norm import norm_of
from dicomview.render.style import colormap
from dicomview.state import Fused, Isodoses, Mask, Overlay, Pane, patch_of
from dicomview.volume import Volume

__all__ = ["OverlayImage", "Raster", "forget_rasters", "legend_color", "overlay_raster"]

#: Points of a raster along the longer side of a slice, about: of masks and lines, of other volumes.
CRISP, SMOOTH = 1024, 512
#: Points of it per voxel at most, along either side.
FINEST = 16
#: Width of outlines and isodoses, in points of a crisp raster.
LINE = 3
#: Rasters that are kept.
KEPT = 16

Pixels = NDArray[np.uint8]
#: Colours, premultiplied by their opacity; points per voxel; row and column of the first point.
Raster = tuple[Pixels, tuple[int, int], tuple[int, int]]


def overlay_raster(volume: Volume, pane: Pane) -> Raster | None:
    """Return the overlays of a pane, rows downwards, before the flips; None where there are none.

    Parameters
    ----------
    volume : Volume
        The one below.
    pane : Pane

    Returns
    -------
    pixels : ndarray of uint8, shape (rows, columns, 4)
        Red, green and blue, each multiplied by the opacity, and the opacity: only the part of the slice that
        has any.
    finer : tuple of int
        Points per voxel, down and right.
    first : tuple of int
        Row and column of the first point in a raster of the whole slice.
    """
    if not pane.overlays:
        return None
    return _kept(_Place(volume.geometry, pane), pane.overlays, pane.frame)


def forget_rasters() -> None:
    """Let go of the rasters that are kept, and of the overlays that they are made of."""
    _kept.cache_clear()


class _Place:
    """Where a raster lies; equal for the same slice of the same grid, however the pane is turned."""

    def __init__(self, geometry: Geometry, pane: Pane) -> None:
        self.geometry, self.view, self.index = geometry, pane.view, pane.index
        self._key = id(geometry), pane.view.axis, pane.view.down, pane.index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=KEPT)
def _kept(place: _Place, overlays: tuple[Overlay, ...], frame: tuple[int, ...]) -> Raster | None:
    geometry, view = place.geometry, place.view
    size = geometry.shape[view.down], geometry.shape[view.right]
    wanted = SMOOTH if all(isinstance(o, Fused) for o in overlays) else CRISP
    steps = [geometry.spacing[axis] or 1.0 for axis in (view.down, view.right)]
    point = max(n * step for n, step in zip(size, steps)) / wanted
    finer = _points(steps[0] / point), _points(steps[1] / point)
    parts = []
    for overlay in overlays:
        order = 0 if isinstance(overlay, Mask) else 1
        patch = patch_of(
            overlay.volume, _frame(overlay.volume, frame), geometry, view,
            index=place.index, finer=finer, order=order,
        )  # fmt: skip
        if patch is None:
            continue
        values, beyond, start = patch
        colors = _colored(overlay, values, beyond, LINE if max(finer) > 1 else 1)
        if colors is not None:
            parts.append((colors, start))
    if not parts:
        return None
    top, left = (min(start[i] for _, start in parts) for i in (0, 1))
    ends = [max(start[i] + colors.shape[i] for colors, start in parts) for i in (0, 1)]
    canvas = np.zeros((ends[0] - top, ends[1] - left, 4), np.float32)
    for colors, start in parts:
        rows, columns = (slice(s - o, s - o + n) for s, o, n in zip(start, (top, left), colors.shape))
        part = canvas[rows, columns]
        part *= 1 - colors[..., 3:]
        part += colors
    pixels = np.rint(255 * canvas).astype(np.uint8)
    seen = [np.flatnonzero(pixels[..., 3].any(axis=axis)) for axis in (1, 0)]
    if not len(seen[0]):
        return None
    cut = pixels[seen[0][0] : seen[0][-1] + 1, seen[1][0] : seen[1][-1] + 1]
    return np.ascontiguousarray(cut), finer, (int(seen[0][0]) + top, int(seen[1][0]) + left)


def _points(part: float) -> int:
    """Return how many points a voxel gets."""
    return min(max(round(part), 1), FINEST)


def _frame(volume: Volume, frame: tuple[int, ...]) -> tuple[int, ...]:
    """Return the frame of an overlay: the same as in view where it has as many, else its middle one."""
    extents = tuple(map(len, volume.dimensions))
    fits = len(extents) == len(frame) and all(i < n for i, n in zip(frame, extents))
    return frame if fits else volume.middle_frame


def _colored(
    overlay: Overlay, values: NDArray[Any], beyond: NDArray[np.bool_] | None, line: int
) -> NDArray[np.float32] | None:
    """Return premultiplied colours from 0 to 1; None where nothing is to be seen."""
    absent = np.zeros(values.shape, bool) if beyond is None else beyond
    if isinstance(overlay, Mask):
        inside = (values != 0) & ~absent
        if not inside.any():
            return None
        opacity = overlay.opacity * inside.astype(np.float32)
        if overlay.outline:
            opacity[_edge(inside, line)] = 1
        return _tinted(overlay.color, opacity)
    if isinstance(overlay, Isodoses):
        lines = np.zeros((*values.shape, 4), np.float32)
        for level, color in reversed(overlay.levels):  # the highest on top
            inside = (values >= level) & ~absent
            if inside.any():
                edge = _edge(inside, line)
                lines[edge] = _tinted(color, np.float32(overlay.opacity))
        return lines if lines.any() else None
    assert isinstance(overlay, Fused)
    absent = absent | ~np.isfinite(values)
    shown = norm_of(overlay.window)(np.where(absent, 0, values))
    absent |= np.ma.getdata(shown) <= 0
    if absent.all():
        return None
    colors: NDArray[np.float32] = colormap(overlay.colormap, False)(np.ma.getdata(shown)).astype(np.float32)
    colors[..., 3] = np.where(absent, 0, overlay.opacity)
    colors[..., :3] *= colors[..., 3:]
    return colors


def _tinted(color: str, opacity: Any) -> NDArray[np.float32]:
    """Return one colour in several opacities."""
    return np.asarray(opacity[..., None] * np.array([*to_rgb(color), 1], np.float32), np.float32)


def _edge(inside: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Return the points of a region that lie along its edge."""
    core = np.pad(inside, width)
    for _ in range(width):
        core = core[1:-1, 1:-1] & core[:-2, 1:-1] & core[2:, 1:-1] & core[1:-1, :-2] & core[1:-1, 2:]
    edge: NDArray[np.bool_] = inside & ~core
    return edge


def legend_color(spec: str) -> str:
    """Return the colour in which a legend names something: a colour, or a bright one of a colormap."""
    return spec if spec.startswith("#") else str(to_hex(colormap(spec, False)(0.5)))


class OverlayImage(SliceImage):
    """A raster over a slice; the axes still count the voxels of the slice."""

    def __init__(self, ax: Axes, raster: Raster) -> None:
        self._finer, self._first = (1, 1), (0, 0)
        super().__init__(ax, raster[0])
        self.set_zorder(1)
        self.show(raster)

    def show(self, raster: Raster) -> None:
        """Show another one."""
        pixels, self._finer, self._first = raster
        self.set_data(pixels)
        ends = [self._edge(0, 0), self._edge(0, pixels.shape[0])]
        sides = [self._edge(1, 0), self._edge(1, pixels.shape[1])]
        limits = self.axes.get_xlim(), self.axes.get_ylim()
        self.set_extent((*sides, *ends[::-1]))  # type: ignore[arg-type]
        self.axes.set(xlim=limits[0], ylim=limits[1])

    def _edge(self, axis: int, point: int) -> float:
        """Return the coordinate at the low side of a point."""
        return (self._first[axis] + point) / self._finer[axis] - 0.5

    def _sample(self, axis: int, coordinate: float) -> float:
        return (coordinate + 0.5) * self._finer[axis] - 0.5 - self._first[axis]

    def _colored(self, values: Any, rows: Any, columns: Any) -> np.ndarray:
        mixed = resampled(np.ma.getdata(values), rows, columns).astype(np.float32)
        opacity = mixed[..., 3:]
        mixed[..., :3] *= 255 / np.maximum(opacity, 1e-6)
        straight: np.ndarray = np.rint(mixed.clip(0, 255)).astype(np.uint8)
        return straight

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        """Return the pixels, not premultiplied."""
        if magnification == 1.0 and not unsampled:
            return super().make_image(renderer, magnification, unsampled)
        kept = self._A
        straight = np.ma.getdata(kept).astype(np.float32)
        straight[..., :3] *= 255 / np.maximum(straight[..., 3:], 1e-6)
        self._A = np.ma.asarray(np.rint(straight.clip(0, 255)).astype(np.uint8))
        try:
            return super().make_image(renderer, magnification, unsampled)
        finally:
            self._A = kept
