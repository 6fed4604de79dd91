"""Straightening: a tilted or oblique volume on a grid of right angles."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry, StraightCanvas, patient_grid
from dicomview.geometry.geometry import GIVE_AFFINE
from dicomview.volume.absence import Acquired
from dicomview.volume.memory import check_budget
from dicomview.volume.reslice import ReslicedArray

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["background", "onto", "resliced", "straightened"]

_SPATIAL = ("slice", "row", "column")


def straightened(volume: "Volume") -> "Volume":
    """Return a volume without shear; see :meth:`Volume.desheared`."""
    old = volume.geometry
    if not old.tilt:
        return volume
    assert old.affine is not None and old.slice_positions is not None and old.normal is not None
    canvas = StraightCanvas(old)
    extents = dict(zip(_SPATIAL, (old.shape[0], *canvas.shape)))
    dims = (*volume.extra_dims, *_SPATIAL, *(("rgb",) if volume.is_color else ()))
    array = volume.array if volume.dims == dims else volume.array.transpose(map(volume.dims.index, dims))
    move = _Move(
        canvas, len(volume.extra_dims), background(volume), None if volume.is_color else volume.padding
    )
    if hasattr(array, "map_blocks"):
        array = array.rechunk({i: 1 if d == "slice" else -1 for i, d in enumerate(dims) if d in _SPATIAL})
        chunks = [(extents[d],) if d in ("row", "column") else c for d, c in zip(dims, array.chunks)]
        array = array.map_blocks(move.block, dtype=array.dtype, chunks=chunks)
    else:
        array = move(np.asarray(array), 0)
    affine = canvas.affine
    along = (old.slice_positions - old.slice_positions[0]) @ old.normal
    starts = affine[:3, 3] + np.outer(along, old.normal)
    meta = volume.meta.copy()
    meta.discard("ImagePositionPatient")  # of the tilted slices; the geometry says where they are now
    for keyword, extent in (("Rows", extents["row"]), ("Columns", extents["column"])):
        if keyword in meta:
            meta[keyword] = int(extent)
    told = f"slices tilted by {old.tilt:.1f}° were shifted onto a straight grid by linear interpolation"
    warnings = (*(text for text in volume.report.warnings if "(gantry tilt)" not in text), told)
    straight = type(volume)(
        array,
        geometry=Geometry(
            (extents["slice"], extents["row"], extents["column"]), affine=affine, slice_positions=starts
        ),
        dims=dims,
        dimensions=volume.dimensions,
        meta=meta,
        report=replace(volume.report, warnings=warnings, tilt=0.0),
        sources=volume.sources,
        padding=volume.padding,
    )
    if not volume.is_color:
        straight._default_window = volume.default_window  # the new margins have no part in it
    return straight


@dataclass(frozen=True)
class _Move:
    """Puts slices on a straight canvas; can be sent to another process."""

    canvas: StraightCanvas
    axis: int
    fill: float
    padding: tuple[float, float] | None

    def __call__(self, array: np.ndarray, first: int) -> np.ndarray:
        """Move the slices of an array, which begins with the slice of this number."""
        lead, rest = array.shape[: self.axis + 1], array.shape[self.axis + 3 :]
        result = np.empty((*lead, *self.canvas.shape, *rest), array.dtype)
        for place in np.ndindex(*lead):
            result[place] = self.canvas.moved(array[place], first + place[-1], self.fill, self.padding)
        return result

    def block(self, array: np.ndarray, block_info: Any = None) -> np.ndarray:
        """Move the slices of a chunk of dask."""
        return self(array, block_info[0]["array-location"][self.axis][0])


def resliced(volume: "Volume", *, lazy: bool) -> "Volume":
    """Return a volume on the axes of the patient; see :meth:`Volume.on_patient_axes`."""
    old = volume.geometry
    grid = patient_grid(old)
    assert grid.affine is not None and old.affine is not None
    if old.is_uniform and np.allclose(grid.affine, old.affine, atol=1e-6):
        return volume
    return onto(volume, grid, lazy=lazy, told="resliced onto the axes of the patient by linear interpolation")


def onto(volume: "Volume", grid: Geometry, *, lazy: bool, told: str) -> "Volume":
    """Return a volume on another grid; what was done is told in its report."""
    old = volume.geometry
    if old.affine is None or grid.affine is None:
        raise GeometryError(
            "a volume is resliced by position, so it and the grid need an affine", remedy=GIVE_AFFINE
        )
    padding = None if volume.is_color else volume.padding
    array: Any = ReslicedArray(
        volume.array,
        old,
        grid,
        background(volume),
        padding=padding,
        extra=len(volume.extra_dims),
    )
    if not lazy:
        check_budget(array.shape, array.dtype.itemsize, "the resliced volume", "pass lazy=True")
        array = np.asarray(array)
    meta = volume.meta.copy()
    meta.discard("Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    straight = type(volume)(
        array,
        geometry=grid,
        dims=volume.dims,
        dimensions=volume.dimensions,
        meta=meta,
        report=replace(volume.report, warnings=(*volume.report.warnings, told), missing=(), tilt=grid.tilt),
        padding=volume.padding,
    )
    straight._acquired = Acquired(old, volume.report.missing)
    if not volume.is_color:
        straight._default_window = volume.default_window
    return straight


def background(volume: "Volume") -> float:
    """Return the value of "no data": padding as far as the dtype holds it, or the lowest value.

    It is looked for once: planes that turn are resliced anew with every move of the pointer.
    """
    if volume._background is None:
        volume._background = _background(volume)
    return volume._background


def _background(volume: "Volume") -> float:
    if volume.is_color:
        return 0.0
    if volume.padding is not None:
        low, limits = volume.padding[0], np.iinfo(volume.dtype) if volume.dtype.kind in "iu" else None
        if limits is None or limits.min <= low <= limits.max:
            return low
    array = volume.array if isinstance(volume.array, np.ndarray) else volume.sample().astype(volume.dtype)
    lowest = array.min() if array.size else np.float64(0)
    if not np.isfinite(lowest):
        finite = array[np.isfinite(array)]
        lowest = finite.min() if finite.size else np.float64(0)
    return lowest.item()
