"""Reslicing: sheared stacks of slices (gantry tilt) onto a straight grid, any volume onto another grid."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import GeometryError
from dicomview.geometry.geometry import GIVE_AFFINE, Geometry
from dicomview.geometry.planes import plane_axes
from dicomview.geometry.trilinear import beyond_plane, plane_values

__all__ = ["StraightCanvas", "deshear", "interpolated", "outside", "patient_grid", "resample"]

#: Shifts this close to a whole number of voxels count as whole: the slice is copied, not interpolated.
WHOLE_VOXEL = 1e-6
#: Points that are resampled together.
POINTS = 1 << 16


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
        raise GeometryError(
            f"an array (slice, row, column[, rgb]) is needed, not {array.ndim} dimensions",
            remedy="give one frame at a time",
        )
    geometry = Geometry(array.shape[:3], affine=affine, slice_positions=slice_positions)  # type: ignore[arg-type]
    canvas = StraightCanvas(geometry)
    straight = np.empty((len(array), *canvas.shape, *array.shape[3:]), array.dtype)
    for k, image in enumerate(array):
        straight[k] = canvas.moved(image, k, fill, padding)
    return straight, canvas.affine


class StraightCanvas:
    """Where the slices of a sheared stack come to lie when it is straightened; see :func:`deshear`.

    Parameters
    ----------
    geometry : Geometry
        With an affine.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns that hold all slices.
    affine : ndarray of shape (4, 4)
    """

    def __init__(self, geometry: Geometry) -> None:
        starts, self._rests = _shifts(geometry)
        first = starts.min(axis=0)
        self._starts = starts - first
        rows, columns = (int(n) for n in np.array(geometry.shape[1:]) + self._starts.max(axis=0))
        self.shape = (rows, columns)
        self.affine = _straight_affine(geometry, first)

    def moved(
        self, image: NDArray[Any], k: int, fill: float, padding: tuple[float, float] | None = None
    ) -> NDArray[Any]:
        """Return slice ``k`` at its place, ``fill`` around it."""
        row, column = self._starts[k]
        straight = np.full((*self.shape, *image.shape[2:]), _fitting(fill, image.dtype), image.dtype)
        box = straight[row : row + image.shape[0], column : column + image.shape[1]]
        box[...] = _shifted(image, self._rests[k], padding)
        return straight


def patient_grid(geometry: Geometry) -> Geometry:
    """Return the grid along S, P and L that holds a volume.

    Raises
    ------
    GeometryError
        Without an affine or with a single slice, which has no thickness.

    Examples
    --------
    >>> sagittal = np.array([[3.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    >>> patient_grid(Geometry((5, 10, 20), affine=sagittal)).spacing
    (1.0, 1.0, 3.0)
    """
    if geometry.affine is None or None in geometry.spacing:
        raise GeometryError(
            "the axes of the patient need an affine and at least two slices", remedy=GIVE_AFFINE
        )
    axes = [plane_axes(geometry)[plane] for plane in ("axial", "coronal", "sagittal")]
    steps = np.array([geometry.spacing[axis] for axis in axes], dtype=np.float64)
    ends = [(0, n - 1) for n in geometry.shape]
    corners = geometry.position(np.array(np.meshgrid(*ends, indexing="ij")).reshape(3, -1).T)
    assert corners is not None
    low, high = corners.min(axis=0)[::-1], corners.max(axis=0)[::-1]  # S, P, L
    shape = np.ceil((high - low) / steps - 1e-6).astype(int) + 1
    affine = np.zeros((4, 4))
    affine[[2, 1, 0], [0, 1, 2]] = steps
    affine[:3, 3] = low[::-1]
    affine[3, 3] = 1
    return Geometry(tuple(shape.tolist()), affine=affine)


def resample(
    array: ArrayLike,
    geometry: Geometry,
    grid: Geometry,
    fill: float,
    *,
    order: int = 1,
    padding: tuple[float, float] | None = None,
    first: tuple[int, ...] = (0, 0, 0),
) -> NDArray[Any]:
    """Return the values of a volume at the voxels of another grid.

    Parameters
    ----------
    array : array_like of shape ``geometry.shape``, or the part of it that the grid reaches
        Any numeric dtype. Integers are interpolated as floating point and rounded.
    geometry, grid : Geometry
        With an affine. Slices may be unevenly spaced and stacked at a slant.
    fill : float
        Value of the voxels outside.
    order : {0, 1}
        Nearest voxel, or linear interpolation.
    padding : tuple of float, optional
        Closed range of values that mean "no data"; where one takes part, the nearest voxel is taken.
    first : tuple of int
        Index of the first voxel of the array, where it is a part.

    Returns
    -------
    ndarray of shape ``grid.shape``
        Of the same dtype.
    """
    array = np.asarray(array)
    fill = _fitting(fill, array.dtype)
    if geometry.is_uniform and grid.is_uniform:
        return _plane_by_plane(array, geometry, grid, fill, order, padding, first)
    result = np.empty(grid.shape, array.dtype)
    count, rows, columns = grid.shape
    step = max(1, POINTS // (rows * columns))
    for k in range(0, count, step):
        places = np.broadcast_arrays(*np.ogrid[k : min(k + step, count), :rows, :columns])
        points = grid.position(np.stack(places, axis=-1))
        index = np.moveaxis(geometry.index(points), -1, 0)  # type: ignore[arg-type]
        beyond = outside(index, geometry.shape)
        for place, extent in zip(index, geometry.shape):
            np.clip(place, 0, extent - 1, out=place)
        index -= np.reshape(first, (3, 1, 1, 1))
        image = _sampled(array, index, padding) if order else array[tuple(np.rint(index).astype(int))]
        result[k : k + step] = np.where(beyond, fill, image)
    return result


def _plane_by_plane(
    array: NDArray[Any],
    geometry: Geometry,
    grid: Geometry,
    fill: Any,
    order: int,
    padding: tuple[float, float] | None,
    first: tuple[int, ...],
) -> NDArray[Any]:
    """Resample where one matrix leads from index to index, along the planes of the grid that are largest."""
    assert geometry.affine is not None and grid.affine is not None
    matrix = np.linalg.solve(geometry.affine, grid.affine)
    matrix = np.where(abs(matrix - np.rint(matrix)) < WHOLE_VOXEL / 10, np.rint(matrix), matrix)
    across, down, right = sorted(range(3), key=lambda axis: (grid.shape[axis], axis))
    down, right = sorted((down, right))
    shape = grid.shape[down], grid.shape[right]
    steps: Any = {"down": matrix[:3, down], "right": matrix[:3, right], "shape": shape}
    result = np.empty((grid.shape[across], *shape), array.dtype)
    voxels = array.view(np.uint8) if array.dtype == np.bool_ else array
    voxels = voxels.astype(np.float32) if voxels.dtype == np.float16 else voxels
    # The ends of a part are those of the volume, or lie beyond all points.
    for k, plane in enumerate(result):
        start = matrix[:3, 3] + k * matrix[:3, across]
        values = plane_values(voxels, start - first, order=order, **steps)
        if array.dtype.kind in "iub" and order:
            np.rint(values, out=values)
            if array.dtype.itemsize == 8:  # float64 rounds the highest values up, out of the range
                values = values.clip(None, np.nextafter(float(np.iinfo(array.dtype).max), 0))
        plane[...] = values
        if padding is not None and order:
            _keep_padding(plane, voxels, start - first, padding, steps)
        beyond = beyond_plane(geometry.shape, start, **steps)
        if beyond is not None:
            plane[beyond] = fill
    return np.moveaxis(result, 0, across)


def _keep_padding(
    plane: NDArray[Any], voxels: NDArray[Any], start: Any, padding: tuple[float, float], steps: Any
) -> None:
    """Take the nearest voxel where padding has a part in a value."""
    low, high = padding

    def is_padding(values: NDArray[Any]) -> NDArray[np.float32]:
        return ((values >= low) & (values <= high)).astype(np.float32)

    touched = plane_values(voxels, start, of=is_padding, **steps) > 0
    if touched.any():
        plane[touched] = plane_values(voxels, start, order=0, **steps)[touched]


def interpolated(array: NDArray[Any], index: NDArray[np.float64]) -> NDArray[Any]:
    """Return the values of an array at places between its voxels, by linear interpolation.

    Parameters
    ----------
    array : ndarray of 3 dimensions
        Of floating point; integers are rounded.
    index : ndarray of float, shape (3, ...)
        Not more than half a voxel beyond the outer voxels, whose values go on there.

    Examples
    --------
    >>> interpolated(np.array([[[1.0, 3.0]]]), np.array([[0], [0], [0.25]])).tolist()
    [1.5]
    """
    inside = np.clip(index, 0, np.reshape(array.shape, (3, *(1,) * (index.ndim - 1))) - 1)
    return _sampled(array, inside, None)


def outside(index: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.bool_]:
    """Return which places are more than half a voxel beyond the outer voxels of a volume.

    Parameters
    ----------
    index : ndarray of float, shape (3, ...)
        Slice, row and column.
    shape : three int
    """
    places = zip(index, shape, strict=True)
    beyond: NDArray[np.bool_] = np.any([(at < -0.5) | (at > count - 0.5) for at, count in places], axis=0)
    return beyond


def _sampled(
    array: NDArray[Any], index: NDArray[np.float64], padding: tuple[float, float] | None
) -> NDArray[Any]:
    """Return interpolated values; beside padding those of the nearest voxels."""
    from scipy.ndimage import map_coordinates  # which takes longer to import than all the rest

    # Only the part that the points lie in is looked at, and converted.
    low = [int(places.min()) for places in index]
    part = array[tuple(slice(i, int(np.ceil(places.max())) + 1) for i, places in zip(low, index))]
    index = index - np.reshape(low, (3, *(1,) * (index.ndim - 1)))
    values = part.view(np.uint8) if part.dtype == np.bool_ else part
    kind = np.float64 if values.dtype.itemsize > 2 and values.dtype != np.float32 else np.float32
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    mixed = map_coordinates(values, index, output=kind, order=1, mode="nearest")
    if array.dtype.kind in "iub":
        mixed = np.rint(mixed)
    mixed = mixed.astype(array.dtype)
    if padding is None:
        return np.asarray(mixed)
    empty = (part >= padding[0]) & (part <= padding[1])
    if not empty.any():
        return np.asarray(mixed)
    touched = map_coordinates(empty.astype(np.float32), index, order=1, mode="nearest") > 0
    nearest = part[tuple(np.rint(index).astype(int))]
    return np.asarray(np.where(touched, nearest, mixed))


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
        raise GeometryError(
            f"the fill value must fit {dtype}, not {fill}",
            remedy=f"give one from {limits.min} to {limits.max}",
        )
    return round(fill)
