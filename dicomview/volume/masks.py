"""Masks on another grid: voxel by voxel where the grids share their points, else by position."""

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import SegmentError
from dicomview.geometry import Geometry

__all__ = ["MaskPlane", "transfer"]

#: Slice index and the mask of that slice, bool or float32.
MaskPlane = tuple[int, NDArray[np.generic]]

#: Points of two grids are the same within this part of a voxel.
SAME_POINT = 0.1


def transfer(
    planes: Iterable[MaskPlane],
    source: Geometry,
    target: Geometry,
    *,
    is_source_series: bool,
    thickness: float | None,
    notes: list[str],
) -> Iterator[MaskPlane]:
    """Bring a mask from its grid to another.

    Where every voxel of the source is a voxel of the target (another order of axes, a crop, more or fewer
    slices), voxels are copied. Otherwise a boolean mask takes the nearest voxel, a fractional one is
    interpolated linearly.

    Parameters
    ----------
    planes : iterable of (int, ndarray of shape (rows, columns))
        Of the source; absent planes are empty.
    source, target : Geometry
    is_source_series : bool
        Whether the target is the series from which the mask was made: then its slices without a plane are
        empty, also between planes.
    thickness : float or None
        In mm, of a source with a single slice.
    notes : list of str
        Gets what lies outside the target.
    """
    planes = list(planes)
    lattice = _lattice(source, target, is_source_series, thickness)
    forward = _mapping(source, target)
    outside = total = 0
    array = np.zeros(target.shape, dtype=planes[0][1].dtype if planes else bool)
    for k, plane in planes:
        rows, columns = np.nonzero(plane)
        if lattice is not None:
            starts, down, right = lattice
            points = starts[k] + rows[:, None] * down + columns[:, None] * right
        else:
            points = np.floor(forward(np.stack([np.full_like(rows, k), rows, columns], axis=-1)) + 0.5)
            points = points.astype(int)
            if target.shape[0] == 1:
                points[:, 0] = 0
        inside = ((points >= 0) & (points < target.shape)).all(axis=1)
        total, outside = total + len(points), outside + int((~inside).sum())
        if lattice is not None:
            array[tuple(points[inside].T)] = plane[rows[inside], columns[inside]]
    if lattice is None and planes:
        _pull(array, planes, source, target, thickness)
    if outside:
        notes.append(f"{outside} of {total} voxels of the mask lie outside the volume")
    for k in range(target.shape[0]):
        if array[k].any():
            yield k, array[k]


def _mapping(a: Geometry, b: Geometry) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """Return what brings indices of one grid to another: one matrix where both are evenly spaced."""
    if not (a.is_uniform and b.is_uniform):
        return lambda index: b.index(a.position(index))  # type: ignore[arg-type]
    assert a.affine is not None and b.affine is not None
    matrix = np.linalg.solve(b.affine, a.affine)
    return lambda index: np.asarray(index @ matrix[:3, :3].T + matrix[:3, 3])


def _lattice(
    source: Geometry, target: Geometry, is_source_series: bool, thickness: float | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Return target index of each slice's first voxel and the steps down and right, where all are whole."""
    assert source.affine is not None and source.slice_positions is not None
    _, rows, columns = source.shape
    starts = target.index(source.slice_positions)
    whole = np.floor(starts + 0.5).astype(np.int64)
    if abs(starts - whole).max() > SAME_POINT:
        return None
    steps = []
    for axis, count in ((1, rows), (2, columns)):
        span = max(count - 1, 1)
        far = target.index(source.slice_positions + span * source.affine[:3, axis])
        step = np.rint((far - starts).mean(axis=0) / span)
        if abs(step).sum() != 1 or abs(far - starts - span * step).max() > SAME_POINT:
            return None
        steps.append(step.astype(np.int64))
    down, right = steps
    across = np.flatnonzero((down == 0) & (right == 0))
    if len(across) != 1:
        return None
    if not is_source_series:
        # Between planes that lie further apart than the target's slices, the mask is not empty but unknown.
        if len(whole) > 1 and (abs(np.diff(whole[:, across[0]])) != 1).any():
            return None
        step_mm = target.spacing[across[0]]
        if len(whole) == 1 and thickness and step_mm and thickness > 1.5 * step_mm:
            return None
    return whole, down, right


def _pull(
    array: NDArray[np.generic],
    planes: list[MaskPlane],
    source: Geometry,
    target: Geometry,
    thickness: float | None,
) -> None:
    """Fill the target with the nearest voxels of the source; fractions are interpolated."""
    depth = source.shape[0]
    if depth == 1 and not thickness:
        raise SegmentError(
            "a mask of a single slice without SliceThickness can only be put on a volume that has this very "
            "slice",
            tag="SliceThickness",
            remedy="put it on the volume from which it was made",
        )
    ks = [k for k, _ in planes]
    low, high = min(ks), max(ks)
    box = np.zeros((high - low + 3, *(n + 2 for n in source.shape[1:])), dtype=array.dtype)
    for k, plane in planes:
        box[k - low + 1, 1:-1, 1:-1] = plane
    first = np.array([low - 1, -1, -1])
    ends = np.array(list(product((low - 1, high + 1), (-1, source.shape[1]), (-1, source.shape[2]))), float)
    if depth == 1:
        ends[:, 0] *= thickness or 1.0
    span = _mapping(source, target)(ends)
    start = np.clip(np.floor(span.min(axis=0)).astype(int) - 1, 0, target.shape)
    stop = np.clip(np.ceil(span.max(axis=0)).astype(int) + 2, 0, target.shape)
    back = _mapping(target, source)
    rows, columns = np.mgrid[start[1] : stop[1], start[2] : stop[2]]
    for k in range(start[0], stop[0]):
        index = back(np.stack([np.full_like(rows, k), rows, columns], axis=-1))
        if depth == 1:  # the index across a single slice is in mm
            within = abs(index[..., 0]) <= (thickness or 0.0) / 2
            index[..., 0] = np.where(within, 0.0, -1.0)
        sample = _linear if array.dtype.kind == "f" else _nearest
        array[k, start[1] : stop[1], start[2] : stop[2]] = sample(box, index - first)


def _nearest(box: NDArray[np.generic], index: NDArray[np.float64]) -> NDArray[np.generic]:
    """Return the nearest values; the margin of the box is empty."""
    near = np.clip(np.floor(index + 0.5).astype(int), 0, np.array(box.shape) - 1)
    return np.asarray(box[tuple(np.moveaxis(near, -1, 0))])


def _linear(box: NDArray[np.generic], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate linearly; the margin of the box is empty."""
    limit = np.array(box.shape) - 1
    index = np.clip(index, 0, limit)
    below = np.minimum(np.floor(index).astype(int), limit - 1)
    part = index - below
    total = np.zeros(index.shape[:-1])
    for corner in product((0, 1), repeat=3):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        total += weight * box[tuple(np.moveaxis(below + corner, -1, 0))]
    return total
