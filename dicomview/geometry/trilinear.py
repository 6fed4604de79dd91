"""Trilinear: values of a volume on a plane that lies in it at any angle."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["beyond_plane", "plane_values"]

Vector = Sequence[float] | NDArray[np.float64]

#: Points that are calculated at once: their intermediate values stay in the cache of the processor.
TOGETHER = 14_000
#: Below this float32 holds every whole number.
EXACT = 1 << 24


def plane_values(
    array: NDArray[Any],
    start: Vector,
    *,
    down: Vector,
    right: Vector,
    shape: tuple[int, int],
    order: int = 1,
    of: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
) -> NDArray[Any]:
    """Return the values at the points of a plane: ``start + i * down + j * right``.

    The coordinates along each axis are sums of one that depends on the row and one that depends on the
    column, and so is the place in memory; only the eight neighbours are gathered point by point, some rows
    at a time.

    Parameters
    ----------
    array : ndarray of shape (slices, rows, columns)
    start, down, right : sequence of 3 floats
        Index of the first point, and the steps to the next row and column, in voxels. Points beyond the
        outer voxels get the values of these.
    shape : tuple of int
        Rows and columns of the plane.
    order : {0, 1}
        Nearest voxel, or linear interpolation.
    of : callable, optional
        Applied to the values of voxels before they are mixed.

    Returns
    -------
    ndarray of that shape
        Of order 0 what ``of`` gives; of order 1 float32, or float64 for types beyond float32's 24 bits.

    Examples
    --------
    >>> cube = np.arange(8).reshape(2, 2, 2)
    >>> plane_values(cube, (0, 0.5, 0), down=(1, 0, 0), right=(0, 0, 0.5), shape=(2, 3)).tolist()
    [[1.0, 1.5, 2.0], [5.0, 5.5, 6.0]]
    """
    flat, steps = _flat(array)
    wide = array.dtype.itemsize > 4 or array.dtype in (np.int32, np.uint32)
    kind = np.float64 if wide else np.float32
    prepared = of or (lambda values: values if order == 0 else values.astype(kind, copy=False))
    # Neighbours in memory are mixed first.
    axes = sorted(range(3), key=lambda axis: steps[axis])
    across = {axis: right[axis] * np.arange(shape[1]) for axis in axes}
    rows = np.arange(shape[0])
    block = max(TOGETHER // max(shape[1], 1), 1)
    parts = []
    for first in range(0, shape[0], block):
        some = rows[first : first + block]
        ways, wholes = [], []
        for axis in axes:
            along = start[axis] + down[axis] * some
            below, rest = _split(along, across[axis], array.shape[axis], order, kind)
            wholes.append(below)
            ways.append((steps[axis], rest))
        place = _place(wholes, [array.shape[axis] for axis in axes], (len(some), shape[1]))
        with np.errstate(invalid="ignore", over="ignore"):  # infinite values stay without a warning
            parts.append(_mixed(flat, place, ways, prepared))
    return np.concatenate(parts)


def _place(wholes: Sequence[NDArray[Any]], counts: Sequence[int], shape: tuple[int, int]) -> NDArray[np.intp]:
    """Return places in memory from indices along the axes, neighbours in memory first."""
    columns, rows, slices = wholes
    if counts[2] * counts[1] >= EXACT:
        slices = slices.astype(np.float64)
    place = np.broadcast_to(slices * slices.dtype.type(counts[1]) + rows, shape).astype(np.intp)
    place *= counts[0]
    place += columns.astype(np.intp)
    return place


def beyond_plane(
    extents: Sequence[int],
    start: Vector,
    *,
    down: Vector,
    right: Vector,
    shape: tuple[int, int],
) -> NDArray[np.bool_] | None:
    """Return which points of a plane are more than half a voxel beyond the outer voxels; None for none.

    Parameters
    ----------
    extents : three int
        Of the volume.
    start, down, right, shape
        As of :func:`plane_values`.

    Examples
    --------
    >>> beyond_plane((2, 2, 2), (0, 0, 0), down=(0, 1, 0), right=(0, 0, 1), shape=(2, 3)).tolist()
    [[False, False, True], [False, False, True]]
    """
    beyond: NDArray[np.bool_] | None = None
    for axis, count in enumerate(extents):
        ends = start[axis] + np.add.outer([0, down[axis] * (shape[0] - 1)], [0, right[axis] * (shape[1] - 1)])
        if ends.min() >= -0.5 and ends.max() <= count - 0.5:
            continue
        place = (start[axis] + down[axis] * np.arange(shape[0]))[:, None] + right[axis] * np.arange(shape[1])
        here = (place < -0.5) | (place > count - 0.5)
        beyond = here if beyond is None else beyond | here
    return beyond


def _flat(array: NDArray[Any]) -> tuple[NDArray[Any], list[int]]:
    """Return the values one behind the other, and the steps between neighbours along each axis."""
    ordered = array.transpose(np.argsort([-s for s in array.strides], kind="stable"))
    if not ordered.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    return array.ravel(order="K"), [s // array.itemsize for s in array.strides]


def _split(
    along_rows: NDArray[Any], along_columns: NDArray[Any], count: int, order: int, kind: Any
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the lower neighbour along an axis, and the rest; None where all points are on one voxel."""
    first, last = float(along_rows[0]), float(along_rows[-1])
    left, end = float(along_columns[0]), float(along_columns[-1])
    if first == last and left == end:  # the same for all points
        along_rows, along_columns = along_rows[:1], along_columns[:1]
    place = along_rows[:, None].astype(kind) + along_columns.astype(kind)
    low, high = min(first, last) + min(left, end), max(first, last) + max(left, end)
    if low < 0:
        np.maximum(place, 0, out=place)
    if high > count - 1:
        np.minimum(place, count - 1, out=place)
    if order == 0:
        return np.floor(place + kind(0.5)).clip(0, count - 1), None
    below = np.trunc(place)
    if count == 1 or (place.size == 1 and (place == below).all()):
        return below, None
    if high > count - 1.01:
        np.minimum(below, count - 2, out=below)
    place -= below
    return below, place


def _mixed(
    flat: NDArray[Any],
    place: NDArray[np.intp],
    ways: Sequence[tuple[int, NDArray[Any] | None]],
    prepared: Callable[[NDArray[Any]], NDArray[Any]],
) -> NDArray[Any]:
    """Interpolate along one axis after the other: each with the step to the upper neighbour, and the rest."""
    if not ways:
        return prepared(flat.take(place, mode="wrap"))  # the fastest: all places are there
    *inner, (step, rest) = ways
    low = _mixed(flat, place, inner, prepared)
    if rest is None:
        return low
    high = _mixed(flat[step:], place, inner, prepared)
    high -= low
    high *= rest
    high += low
    return high
