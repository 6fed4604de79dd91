"""Onto: a volume on the grid of another, by patient position."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.volume.absence import missing_slices
from dicomview.volume.memory import check_budget
from dicomview.volume.straighten import onto

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["in_memory", "on_grid"]

#: Positions that are the same, mm.
SAME_MM = 1e-4


def on_grid(volume: "Volume", grid: Geometry, *, lazy: bool) -> "Volume":
    """Return a volume on another grid; see :meth:`Volume.on`."""
    here = volume.geometry
    if here.affine is None and grid.affine is None and here.shape == grid.shape:
        return volume
    if here.affine is None or grid.affine is None:
        known = ["no affine" if g.affine is None else "an affine" for g in (here, grid)]
        raise GeometryError(
            "a volume is brought onto the grid of another by the positions of both, or where none is known "
            f"and the shapes are the same; one has {here.shape} voxels and {known[0]}, the other "
            f"{grid.shape} and {known[1]}",
            remedy="give it with Volume.from_array(array, affine=...)",
        )
    if _is_same(here, grid):
        return volume
    told = "brought onto the grid of another volume by linear interpolation"
    return onto(volume, grid, lazy=lazy, told=told)


def in_memory(volume: "Volume", frame: Sequence[int], *, name: str) -> "Volume":
    """Return a frame of a volume with its values in memory; it knows as before where it has no data."""
    check_budget(volume.geometry.shape, volume.dtype.itemsize, name, "pass a smaller volume")
    missing = tuple(volume.missing_slices(frame))
    result = type(volume)(
        np.asarray(volume.frame(frame)),
        geometry=volume.geometry,
        dims=[d for d in volume.dims if d not in volume.extra_dims],
        meta=volume.meta,
        report=replace(volume.report, missing=missing),
        padding=volume.padding,
    )
    if volume._acquired is not None:
        acquired = volume._acquired
        result._acquired = replace(acquired, missing=missing_slices(acquired.missing, frame))
    result._default_window = volume._default_window
    return result


def _is_same(a: Geometry, b: Geometry) -> bool:
    """Return whether two grids have the same points: first and last voxels of every slice."""
    if a.shape != b.shape:
        return False
    ends = np.array([[k, r, c] for k in range(a.shape[0]) for r, c in ((0, 0), (0, a.shape[2]), a.shape[1:])])
    return bool(np.abs(np.subtract(a.position(ends), b.position(ends))).max() < SAME_MM)  # type: ignore[arg-type]
