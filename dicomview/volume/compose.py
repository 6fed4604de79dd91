"""Compose: two volumes as one, plane by plane: in turns, in tiles, on both sides of a line, subtracted."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.display import Window, rgb8
from dicomview.errors import DisplayError
from dicomview.geometry import PlaneView
from dicomview.volume.dimension import Dimension
from dicomview.volume.frames import PairedFrames
from dicomview.volume.meta import shown_text
from dicomview.volume.planewise import PlanewiseArray
from dicomview.volume.volume import Volume
from dicomview.volume.windows import default_colormap, is_negative

__all__ = ["Pair", "curtain_mask", "tile_mask"]

#: A voxel that begins a tile does so whatever the last bits say.
TIE = 1e-9
#: Planes that are kept of each of the two.
KEPT = 48
#: Slices of a difference that stand for all.
SLICES = 5
#: Percentile of the absolute difference that the window of a difference reaches to.
DIFFERENCE_PERCENTILE = 99.5


def tile_mask(shape: tuple[int, int], sizes: tuple[float, float]) -> NDArray[np.bool_]:
    """Return where the second of two pictures is in a checkerboard; the first has the first tile.

    Parameters
    ----------
    shape : tuple of int
    sizes : tuple of float
        Of a tile, in pixels along both axes; at least 1.

    Examples
    --------
    >>> tile_mask((2, 5), (1, 2)).astype(int).tolist()
    [[0, 0, 1, 1, 0], [1, 1, 0, 0, 1]]
    """
    numbers = [np.floor(np.arange(n) / max(size, 1.0) + TIE) for n, size in zip(shape, sizes)]
    return np.asarray(np.add.outer(*numbers) % 2 == 1)


def curtain_mask(shape: tuple[int, int], at: float, *, across: int, flip: bool) -> NDArray[np.bool_]:
    """Return where the second of two pictures is beside a curtain: to the right of it on the screen.

    Parameters
    ----------
    shape : tuple of int
    at : float
        Part of the width that is left of it.
    across : {0, 1}
        Axis that runs horizontally on the screen.
    flip : bool
        Whether it runs to the left.

    Examples
    --------
    >>> curtain_mask((1, 4), 0.25, across=1, flip=True).tolist()
    [[True, True, True, False]]
    """
    count = shape[across]
    right = (np.arange(count) + 0.5) / count > at
    line = right[::-1] if flip else right
    return np.broadcast_to(line[:, None] if across == 0 else line, shape)


class Pair:
    """Two volumes on the grid of the first, frame by frame.

    What the one that is shown does not have is empty (NaN; of colours black): beyond its voxels, or in a
    missing slice.

    Parameters
    ----------
    a, b : Volume
        Both of values, or both of colours; ``b`` is interpolated at the voxels of ``a``, by patient
        position.
    frames : PairedFrames, optional
        Which frames belong together; by default those of the same index, where there are as many.

    Attributes
    ----------
    a, b : Volume
        On the same grid.
    frames : PairedFrames
    is_alike : bool
        Whether they have the same kind of values: modality and unit.

    Raises
    ------
    DisplayError
        If only one of them has colours, or values are no real numbers.
    GeometryError
        If the position of one is not known, and not that of both with the same shape.

    Examples
    --------
    >>> a, b = (Volume.from_array(np.full((2, 3, 4), value)) for value in (5, 3))
    >>> float(Pair(a, b).difference()[0].max())
    2.0
    """

    def __init__(self, a: Volume, b: Volume, *, frames: PairedFrames | None = None) -> None:
        for volume in (a, b):
            if volume.dtype.kind not in "biuf":
                raise DisplayError(
                    f"volumes that are composed hold real numbers; here one holds {volume.dtype}",
                    remedy="use mode='side', or e.g. abs(array)",
                )
        if a.is_color != b.is_color:
            raise DisplayError(
                "volumes that are composed both have colours or both have values; here one has colours, the "
                "other values",
                remedy="take a channel, or use mode='side'",
            )
        self._second = b
        if isinstance(b.array, np.ndarray) and not b.array.flags.c_contiguous:
            b = copy(b)  # once, and not for every plane
            b.array = np.ascontiguousarray(b.array)
        self.a, self.b = a, b.on(a, lazy=True)
        self.frames = frames or PairedFrames(a, b, linked=True)
        self.is_alike = _kind(a) == _kind(b)
        narrow = all(v.dtype.itemsize <= 2 or v.dtype == np.float32 for v in (a, b))
        self._dtype = np.dtype(np.uint8 if a.is_color else np.float32 if narrow else np.float64)
        self._values = lru_cache(2 * KEPT)(self._plane)

    def values(self, index: tuple[int, int, int], frame: Sequence[int] = ()) -> tuple[Any, Any]:
        """Return the values of both at a voxel of the grid; NaN where there is none; tuples of colours."""
        k, row, column = index
        place = tuple(frame) or tuple(len(d) // 2 for d in self.frames.dimensions)
        planes = (self._values(*part, 0, k) for part in enumerate(self.frames.split(place)))
        first, second = (plane[row, column].tolist() for plane in planes)
        return (tuple(first), tuple(second)) if self.a.is_color else (first, second)

    def scale(self, windows: tuple[Window, Window]) -> tuple[float, float]:
        """Return factor and offset that bring the window of the second to that of the first."""
        if self.a.is_color:
            return 1.0, 0.0
        (low, high), (start, end) = windows[0].limits, windows[1].limits
        if _is_dark(self.a) != _is_dark(self.b):  # what is bright stays bright
            start, end = end, start
        factor = (high - low) / (end - start)
        return factor, low - start * factor

    def checkerboard(self, tile: float, windows: tuple[Window, Window]) -> Volume:
        """Return tiles of one and the other.

        Parameters
        ----------
        tile : float
            Length of the side of a tile, mm; in voxels where the spacing is not known.
        windows : (Window, Window)
            What is black and white in the first is so in the second: its values are moved there.
        """
        spacing = [d or 1.0 for d in self.a.geometry.spacing]

        def mask(axis: int) -> NDArray[np.bool_]:
            shape, sizes = self._across(axis, self.a.geometry.shape), self._across(axis, spacing)
            return tile_mask(shape, (tile / sizes[0], tile / sizes[1]))

        return self._masked(mask, windows, "checkerboard")

    def curtain(self, at: float, windows: tuple[Window, Window], views: Mapping[int, PlaneView]) -> Volume:
        """Return the first left of a curtain and the second right of it.

        Parameters
        ----------
        at : float
            Part of the width of every pane that is left of it.
        windows : (Window, Window)
            As for :meth:`checkerboard`.
        views : mapping of int to PlaneView
            How the plane across each axis is laid on the screen.
        """

        def mask(axis: int) -> NDArray[np.bool_]:
            view, axes = views[axis], [i for i in range(3) if i != axis]
            shape = self._across(axis, self.a.geometry.shape)
            return curtain_mask(shape, at, across=axes.index(view.right), flip=view.flip_right)

        return self._masked(mask, windows, "curtain")

    def in_turns(self, windows: tuple[Window, Window]) -> Volume:
        """Return a volume with an extra dimension "shown", of one and then the other."""
        scale = self.scale(windows)

        def make(frame: tuple[int, ...], axis: int, index: int) -> NDArray[Any]:
            which = frame[0]
            values = self._values(which, self.frames.split(frame[1:])[which], axis, index)
            return _scaled(values, scale) if which else values

        shown = Dimension("shown", (0, 1), names=("a", "b"))
        return self._volume(make, "in turns", windows, dimensions=[shown])

    def difference(self) -> Volume:
        """Return the first minus the second, where both have a value.

        Its window is symmetric about 0, so that equal is the middle of the colours.

        Raises
        ------
        DisplayError
            If they are in different units, or colours.
        """
        if self.a.is_color:
            raise DisplayError("colours have no difference", remedy="take a channel of both")
        if self.a.unit != self.b.unit:
            raise DisplayError(
                f"a difference needs the same unit, not {self.a.unit or 'none'} and {self.b.unit or 'none'}",
                remedy="bring both to one unit, or choose another mode",
            )

        def make(frame: tuple[int, ...], axis: int, index: int) -> NDArray[Any]:
            parts = enumerate(self.frames.split(frame))
            first, second = (self._without_padding(*part, axis, index) for part in parts)
            return np.asarray(first - second)

        count = self.a.geometry.shape[0]
        chosen = sorted({(2 * i + 1) * count // (2 * SLICES) for i in range(SLICES)})
        middle = tuple(len(d) // 2 for d in self.frames.dimensions)

        @lru_cache(1)
        def sample() -> NDArray[Any]:
            return np.stack([make(middle, 0, k) for k in chosen])

        volume = self._volume(make, "difference", None, sample=sample)
        sizes = np.abs(volume.sample())
        # Of two digits, which a slider can show.
        reach = float(f"{np.percentile(sizes, DIFFERENCE_PERCENTILE):.2g}") if sizes.size else 0.0
        volume._default_window = Window(0.0, 2 * reach or 1.0)
        return volume

    def _masked(self, mask: Any, windows: tuple[Window, Window], name: str) -> Volume:
        """Return the second where a mask of the plane says so, else the first."""
        masks = {axis: mask(axis) for axis in range(3)}
        if self.a.is_color:
            masks = {axis: where[..., None] for axis, where in masks.items()}
        scale = self.scale(windows)

        def make(frame: tuple[int, ...], axis: int, index: int) -> NDArray[Any]:
            first, second = (self._values(*part, axis, index) for part in enumerate(self.frames.split(frame)))
            return np.asarray(np.where(masks[axis], _scaled(second, scale), first))

        return self._volume(make, name, windows)

    def _plane(self, which: int, frame: tuple[int, ...], axis: int, index: int) -> NDArray[Any]:
        """Return a plane of one of them; NaN where it has no data, of colours black."""
        volume = (self.a, self.b)[which]
        key = (*(slice(None),) * axis, index)
        values = np.asarray(volume.frame(frame)[key])
        if volume.is_color:
            values = rgb8(values, volume.meta.get("BitsStored"))[..., :3]
        values = values.astype(self._dtype)
        place: list[Any] = list(np.ogrid[tuple(slice(n) for n in volume.geometry.shape)])
        place[axis] = np.array(index).reshape(1, 1, 1)
        absent = np.broadcast_to(volume.without_data(place, frame), _with_one(volume.geometry.shape, axis))
        values[absent.reshape(values.shape[:2])] = 0 if volume.is_color else np.nan
        return values

    def _both_samples(self, factor: float, offset: float) -> NDArray[Any]:
        return np.concatenate([self.a.sample(), self._second.sample() * factor + offset])

    def _without_padding(self, which: int, frame: tuple[int, ...], axis: int, index: int) -> NDArray[Any]:
        values, padding = self._values(which, frame, axis, index), (self.a, self.b)[which].padding
        if padding is None:
            return values
        return np.where((values >= padding[0]) & (values <= padding[1]), np.nan, values)

    def _across(self, axis: int, of: Any) -> Any:
        return tuple(value for i, value in enumerate(of) if i != axis)

    def _volume(
        self,
        make: Any,
        name: str,
        windows: tuple[Window, Window] | None,
        *,
        dimensions: Sequence[Dimension] = (),
        sample: Any = None,
    ) -> Volume:
        a, dimensions = self.a, (*dimensions, *self.frames.dimensions)
        meta = a.meta.copy()
        words = [
            shown_text("SeriesDescription", v.meta.get("SeriesDescription")) or n
            for v, n in ((a, "a"), (self.b, "b"))
        ]
        meta["SeriesDescription"] = f"{words[0]} | {words[1]}: {name}"
        colors: tuple[int, ...] = (3,) if a.is_color else ()
        if colors:
            meta["BitsStored"] = 8
        elif windows is not None:
            factor, offset = self.scale(windows)
            sample = partial(self._both_samples, factor, offset)
            if (factor, offset) != (1, 0):
                meta["RescaleType"] = f"{a.unit or 'a'} scale"  # values of b are moved
        shape = (*map(len, dimensions), *a.geometry.shape, *colors)
        composed = Volume(
            PlanewiseArray(make, shape, self._dtype, sample=sample, colors=bool(colors)),
            geometry=a.geometry,
            dims=(*(d.name for d in dimensions), "slice", "row", "column", *["rgb"] * len(colors)),
            dimensions=dimensions,
            meta=meta,
            report=replace(a.report, missing=(), warnings=_warnings(self)),
        )
        composed._default_window = None if windows is None or colors else windows[0]
        return composed


def _kind(volume: Volume) -> tuple[Any, str]:
    return volume.meta.get("Modality"), volume.unit


def _scaled(values: NDArray[Any], scale: tuple[float, float]) -> NDArray[Any]:
    return values if scale == (1, 0) else np.asarray(values * scale[0] + scale[1])


def _is_dark(volume: Volume) -> bool:
    """Return whether high values are dark."""
    return is_negative(volume.meta) != (default_colormap(volume.meta) == "gray_r")


def _with_one(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


def _warnings(pair: Pair) -> tuple[str, ...]:
    """Return what is to be known of both."""
    return tuple(
        f"{name}: {text}" for name, v in (("a", pair.a), ("b", pair.b)) for text in v.report.warnings
    )
