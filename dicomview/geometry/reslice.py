"""Reslicing: sheared stacks of slices (gantry tilt) onto a straight grid."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import GeometryError
from dicomview.geometry.geometry import Geometry

__all__ = ["deshear"]

#: Shifts this close to a whole number of voxels count as whole: the slice is copied, not interpolated.
WHOLE_VOXEL = 1e-6


def deshear(
    array: ArrayLike,
    affine: ArrayLike,
    fill: float,
    *,
    slice_positions: ArrayLike | None = None,
    padding: tuple[float, float] | None = None,
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Resample a sheared stack so that its slices lie straight above one another.

    The slices stay in their planes; each is shifted within its plane by linear interpolation along rows
    and columns. The canvas grows so that every voxel keeps its place: a slice lands, in its own size, on
    the grid points nearest to its voxels, and a point up to half a voxel beyond its edge gets the value of
    the edge.

    Parameters
    ----------
    array : array_like of shape (slices, rows, columns) or (slices, rows, columns, channels)
        Any numeric dtype. Integers and booleans are interpolated as floating point and rounded.
    affine : array_like of shape (4, 4)
        Maps ``(slice, row, column, 1)`` to LPS mm.
    fill : float
        Value of the voxels outside all slices.
    slice_positions : array_like of shape (slices, 3), optional
        LPS position (mm) of the first voxel of every slice, where the affine alone is not exact.
    padding : tuple of float, optional
        Closed range of values that mean "no data". They are not mixed with others: where one takes part in
        an interpolation, the nearest voxel is taken.

    Returns
    -------
    array : ndarray of shape (slices, more rows, more columns[, channels])
        Of the same dtype.
    affine : ndarray of shape (4, 4)
        Slice step along the normal of the slices, row and column step unchanged.

    Raises
    ------
    GeometryError
        If the affine does not fit the array, or integers cannot hold the fill value.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (Image Plane Module): the positions say how the slices are stacked,
    GantryDetectorTilt (0018,1120) is not needed.

    Examples
    --------
    Each slice begins one row further down than the one before:

    >>> affine = np.array([[0, 0, 1, 0], [1.0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    >>> straight, grid = deshear(np.arange(1, 5).reshape(2, 2, 1), affine, 0)
    >>> straight[..., 0].tolist(), grid[:3, 0].tolist()
    ([[1, 2, 0], [0, 3, 4]], [0.0, 0.0, 2.0])
    """
    array = np.asarray(array)
    if array.ndim not in (3, 4):
        raise GeometryError(f"an array (slice, row, column[, rgb]) is needed, not {array.ndim} dimensions")
    geometry = Geometry(array.shape[:3], affine=affine, slice_positions=slice_positions)  # type: ignore[arg-type]
    starts, rests = _shifts(geometry)
    first = starts.min(axis=0)
    rows, columns = np.array(array.shape[1:3]) + starts.max(axis=0) - first
    straight = np.full(
        (len(array), rows, columns, *array.shape[3:]), _fitting(fill, array.dtype), array.dtype
    )
    for k, image in enumerate(array):
        row, column = starts[k] - first
        box = straight[k, row : row + image.shape[0], column : column + image.shape[1]]
        box[...] = _shifted(image, rests[k], padding)
    return straight, _straight_affine(geometry, first)


def _shifts(geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how far each slice lies beside the first: whole voxels, and the rest of -1/2 to 1/2."""
    affine, positions, normal = geometry.affine, geometry.slice_positions, geometry.normal
    assert affine is not None and positions is not None and normal is not None
    beside = positions - positions[0]
    beside = beside - np.outer(beside @ normal, normal)
    shifts = np.linalg.lstsq(affine[:3, 1:3], beside.T, rcond=None)[0].T
    near = np.rint(shifts)
    shifts = np.where(abs(shifts - near) < WHOLE_VOXEL, near, shifts)
    starts = np.ceil(shifts - 0.5)
    return starts.astype(np.int64), shifts - starts


def _straight_affine(geometry: Geometry, first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the affine with the step along the normal, from the first voxel of the larger canvas."""
    assert geometry.affine is not None and geometry.slice_positions is not None
    assert geometry.normal is not None
    affine = geometry.affine.copy()
    affine[:3, 0] = geometry.normal * (geometry.normal @ affine[:3, 0])
    affine[:3, 3] = geometry.slice_positions[0] + affine[:3, 1:3] @ first
    return affine


def _shifted(
    image: NDArray[Any], rests: NDArray[np.float64], padding: tuple[float, float] | None
) -> NDArray[Any]:
    """Move an image by parts of a voxel, in its own dtype."""
    if not rests.any():
        return image
    values = image.astype(np.result_type(image.dtype, np.float32))
    moved = _mixed(_mixed(values, float(rests[0]), 0), float(rests[1]), 1)
    if padding is not None:
        empty = (values >= padding[0]) & (values <= padding[1])
        if empty.any():
            touched = _mixed(_mixed(empty.astype(np.float32), float(rests[0]), 0), float(rests[1]), 1) > 0
            moved = np.where(touched, values, moved)
    if image.dtype.kind in "iub":
        moved = np.rint(moved)
        if image.dtype.itemsize == 8:  # float64 rounds the highest values up, out of the range
            moved = moved.clip(None, np.nextafter(float(np.iinfo(image.dtype).max), 0))
    return moved.astype(image.dtype)


def _mixed(values: NDArray[Any], rest: float, axis: int) -> NDArray[Any]:
    """Interpolate linearly along an axis; the edge continues."""
    if not rest:
        return values
    last = values.shape[axis] - 1
    neighbours = np.take(values, (np.arange(last + 1) - int(np.sign(rest))).clip(0, last), axis=axis)
    with np.errstate(invalid="ignore", over="ignore"):  # infinite values stay without a warning
        return np.asarray(values + abs(rest) * (neighbours - values))


def _fitting(fill: float, dtype: np.dtype[Any]) -> Any:
    """Return the fill value, whole for integers."""
    if dtype.kind not in "iu":
        return fill
    limits = np.iinfo(dtype)
    if not limits.min <= fill <= limits.max:
        raise GeometryError(f"the fill value must fit {dtype} ({limits.min} to {limits.max}), not {fill}")
    return round(fill)
