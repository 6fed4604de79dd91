"""Painted: a mask whose voxels change, what of it a slice shows, and steps of it that can be taken back."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Box, Geometry
from dicomview.state.overlay import Mask, Overlay
from dicomview.state.placing import cropped, cut
from dicomview.volume import Volume

__all__ = ["PaintLayer", "Painted", "Step", "Touched"]


@dataclass(frozen=True)
class Touched:
    """What was painted last.

    Attributes
    ----------
    name : str
        Of the layer.
    box : tuple of slice
        The part of the acquired grid that it lies in.
    revision : int
        Counts the changes of the layer.
    """

    name: str
    box: Box
    revision: int


class PaintLayer:
    """The voxels of a mask, on the grid of a volume, and when each slice was changed last.

    Parameters
    ----------
    geometry : Geometry
    frame_of_reference : str, optional

    Attributes
    ----------
    array : ndarray of bool
    volume : Volume
        The same voxels, which cannot be written through it.
    revision : int
        Counts the changes.
    """

    def __init__(self, geometry: Geometry, *, frame_of_reference: str | None = None) -> None:
        self.geometry = geometry
        self.array = np.zeros(geometry.shape, bool)
        shown = self.array.view()
        shown.setflags(write=False)
        meta = {"FrameOfReferenceUID": frame_of_reference} if frame_of_reference else {}
        self.volume = Volume(shown, geometry=geometry, meta=meta)
        self.revision = 0
        self._changed = [np.zeros(n, np.int64) for n in geometry.shape]
        self._whole: tuple[int, Volume] | None = None

    def put(self, box: Box, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Set the voxels of a box; returns what they were."""
        before = self.array[box].copy()
        self.array[box] = values
        self.revision += 1
        for changed, part in zip(self._changed, box):
            changed[part] = self.revision
        return before

    def seen(self, grid: Geometry, axis: int, index: int) -> tuple[int, Volume]:
        """Return what lies in a slice of a grid, and a number that is another when that has changed."""
        if grid is not self.geometry and grid != self.geometry:
            if self._whole is None or self._whole[0] != self.revision:
                self._whole = self.revision, cropped(self.array, self.geometry)
            return self._whole
        part: list[Any] = [slice(None)] * 3
        part[axis] = slice(index, index + 1)
        plane = self.array[tuple(part)]
        for other in (a for a in range(3) if a != axis):
            rest = tuple(a for a in range(3) if a != other)
            hits = np.flatnonzero(plane.any(axis=rest))
            part[other] = slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, 1)
        return int(self._changed[axis][index]), cut(self.array, self.geometry, part)


@dataclass(frozen=True, kw_only=True)
class Painted(Mask):
    """A mask that is painted, on the grid of the acquired volume.

    Attributes
    ----------
    layer : PaintLayer
    stamp : int
        Of one slice: when it was changed last.
    """

    layer: PaintLayer = field(compare=False, repr=False)
    stamp: int = field(default=0, repr=False)

    @property
    def array(self) -> NDArray[np.bool_]:
        """A copy of the voxels, in the order (slice, row, column)."""
        return self.layer.array.copy()

    def in_slice(self, grid: Geometry, axis: int, index: int) -> Overlay:
        """Return what of it lies in a slice of a grid."""
        stamp, volume = self.layer.seen(grid, axis, index)
        return replace(self, volume=volume, stamp=stamp)


class Step:
    """Changes of a layer that are taken back together: of every box what was there before, in bits.

    Parameters
    ----------
    painted : Painted
    """

    def __init__(self, painted: Painted) -> None:
        self.layer, self.number = painted.layer, painted.number
        self._parts: list[tuple[Box, tuple[int, ...], NDArray[np.uint8]]] = []

    @property
    def bytes(self) -> int:
        """What it takes."""
        return sum(bits.nbytes for _, _, bits in self._parts)

    @property
    def last_box(self) -> Box:
        """The part of the grid that its last change lies in."""
        return self._parts[-1][0]

    @property
    def box(self) -> Box:
        """The part of the grid that it changed."""
        low, high = (
            [pick(getattr(box[a], end) for box, _, _ in self._parts) for a in range(3)]
            for pick, end in ((min, "start"), (max, "stop"))
        )
        a, b, c = map(slice, low, high)
        return a, b, c

    def __bool__(self) -> bool:
        return bool(self._parts)

    def change(self, box: Box, values: NDArray[np.bool_]) -> bool:
        """Set voxels of the layer; returns whether any changes."""
        differs = self.layer.array[box] != values
        if not differs.any():
            return False
        hits = [np.flatnonzero(differs.any(axis=tuple(o for o in range(3) if o != a))) for a in range(3)]
        a, b, c = (slice(int(hit[0]), int(hit[-1]) + 1) for hit in hits)
        x, y, z = (slice(whole.start + p.start, whole.start + p.stop) for whole, p in zip(box, (a, b, c)))
        before = self.layer.put((x, y, z), values[a, b, c])
        self._parts.append(((x, y, z), before.shape, np.packbits(before)))
        return True

    def taken_back(self, painted: Painted) -> "Step":
        """Set the layer to what it was before; returns the step that makes the change again."""
        back = Step(painted)
        for box, shape, bits in reversed(self._parts):
            values = np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)
            back.change(box, values)
        return back
