"""Straightening: a tilted or oblique volume on a grid of right angles."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomview.geometry import Geometry, deshear, patient_grid
from dicomview.volume.absence import Acquired
from dicomview.volume.reslice import ReslicedArray

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["resliced", "straightened"]

_SPATIAL = ("slice", "row", "column")


def straightened(volume: "Volume") -> "Volume":
    """Return a volume without shear; see :meth:`Volume.desheared`."""
    old = volume.geometry
    if not old.tilt:
        return volume
    assert old.affine is not None and old.slice_positions is not None and old.normal is not None
    fill = _background(volume)
    array: np.ndarray | None = None
    for place in np.ndindex(*(volume.array.shape[volume.dims.index(d)] for d in volume.extra_dims)):
        moved, affine = deshear(
            np.asarray(volume.frame(place)),
            old.affine,
            fill,
            slice_positions=old.slice_positions,
            padding=None if volume.is_color else volume.padding,
        )
        extents = dict(zip(_SPATIAL, moved.shape))
        if array is None:
            array = np.empty(_extended(volume, moved.shape[:3]), moved.dtype)
        picks = dict(zip(volume.extra_dims, place))
        array[tuple(picks.get(d, slice(None)) for d in volume.dims)] = moved
    if array is None:  # no frames at all
        return volume
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
        dims=volume.dims,
        dimensions=volume.dimensions,
        meta=meta,
        report=replace(volume.report, warnings=warnings, tilt=0.0),
        sources=volume.sources,
        padding=volume.padding,
    )
    if not volume.is_color:
        straight._default_window = volume.default_window  # the new margins have no part in it
    return straight


def resliced(volume: "Volume", *, lazy: bool) -> "Volume":
    """Return a volume on the axes of the patient; see :meth:`Volume.on_patient_axes`."""
    old = volume.geometry
    grid = patient_grid(old)
    assert grid.affine is not None and old.affine is not None
    if old.is_uniform and np.allclose(grid.affine, old.affine, atol=1e-6):
        return volume
    padding = None if volume.is_color else volume.padding
    array: Any = ReslicedArray(
        np.asarray(volume.array),
        old,
        grid,
        _background(volume),
        padding=padding,
        extra=len(volume.extra_dims),
    )
    if not lazy:
        array = np.asarray(array)
    told = "resliced onto the axes of the patient by linear interpolation"
    meta = volume.meta.copy()
    meta.discard("Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    straight = type(volume)(
        array,
        geometry=grid,
        dims=volume.dims,
        dimensions=volume.dimensions,
        meta=meta,
        report=replace(volume.report, warnings=(*volume.report.warnings, told), missing=(), tilt=0.0),
        padding=volume.padding,
    )
    straight._acquired = Acquired(old, volume.report.missing)
    if not volume.is_color:
        straight._default_window = volume.default_window
    return straight


def _extended(volume: "Volume", extents: tuple[int, ...]) -> list[int]:
    """Return the shape of a volume's array with other extents in space."""
    new = dict(zip(_SPATIAL, extents))
    return [new.get(d, n) for d, n in zip(volume.dims, volume.array.shape)]


def _background(volume: "Volume") -> float:
    """Return the value of "no data": padding as far as the dtype holds it, or the lowest value."""
    array = np.asarray(volume.array)
    if volume.is_color:
        return 0.0
    if volume.padding is not None:
        low, limits = volume.padding[0], np.iinfo(array.dtype) if array.dtype.kind in "iu" else None
        if limits is None or limits.min <= low <= limits.max:
            return low
    lowest = array.min() if array.size else np.float64(0)
    if not np.isfinite(lowest):
        finite = array[np.isfinite(array)]
        lowest = finite.min() if finite.size else np.float64(0)
    return lowest.item()
