"""Brushes: which voxels a round brush covers along a stroke, and which hang together with one."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.geometry.geometry import Geometry

__all__ = ["Box", "connected", "stroke"]

#: Slices of the three array axes.
Box = tuple[slice, slice, slice]
#: Centres at the very edge of a brush belong to it, mm.
AT_EDGE = 1e-9


def stroke(
    geometry: Geometry, start: ArrayLike, end: ArrayLike, *, radius: float, axis: int | None = None
) -> tuple[Box, NDArray[np.bool_]] | None:
    """Return the voxels that a brush covers on its way from one place to another.

    Voxels whose centre is at most the radius away from the line between the two places, and those that the
    line itself runs through.

    Parameters
    ----------
    geometry : Geometry
        Where it has no affine its spacing counts; a spacing that is not known is taken for 1.
    start, end : array_like of shape (3,)
        Fractional voxel indices.
    radius : float
        In mm.
    axis : int, optional
        Array axis whose slice at ``start`` alone is painted: the brush is a disc; by default it is a ball.

    Returns
    -------
    box : tuple of slice
        The part of the grid that is concerned.
    covered : ndarray of bool
        Which voxels of it; None in place of both where the brush is beside the grid.

    Examples
    --------
    >>> grid = Geometry((5, 9, 9), affine=np.diag([3.0, 1, 1, 1])[[2, 1, 0, 3]])
    >>> box, covered = stroke(grid, (2, 4, 4), (2, 4, 4), radius=1, axis=0)
    >>> box[0], covered[0].astype(int).tolist()
    (slice(2, 3, None), [[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    """
    ends = np.array([start, end], dtype=np.float64)
    if axis is not None:
        ends[:, axis] = round(float(ends[0, axis]))
    box = _box(geometry, ends, radius, axis)
    if box is None:
        return None
    index = np.stack(np.meshgrid(*(np.arange(b.start, b.stop) for b in box), indexing="ij"), axis=-1)
    centers = _places(geometry, index)
    first, last = _places(geometry, ends)
    way = last - first
    offset = centers - first
    length = float(way @ way)
    if length:
        part = np.clip(offset @ way / length, 0, 1)
        offset = offset - part[..., None] * way
    covered = (offset**2).sum(axis=-1) <= (radius + AT_EDGE) ** 2
    steps = int(np.ceil(2 * abs(ends[1] - ends[0]).max())) + 1
    line = np.floor(np.linspace(ends[0], ends[1], steps) + 0.5).astype(int) - [b.start for b in box]
    inside = ((line >= 0) & (line < covered.shape)).all(axis=1)
    covered[tuple(line[inside].T)] = True
    return box, covered


def connected(
    allowed: NDArray[np.bool_], seed: Sequence[int], *, axis: int | None = None
) -> NDArray[np.bool_]:
    """Return the voxels that hang together with one, face to face.

    Parameters
    ----------
    allowed : ndarray of bool, shape (slices, rows, columns)
        Through which voxels it may go.
    seed : sequence of int
        Index of the one; nothing hangs together with a voxel that is not allowed.
    axis : int, optional
        Array axis that is not gone along: only the slice of the seed is filled.

    Returns
    -------
    ndarray of bool, shape (slices, rows, columns)

    Examples
    --------
    >>> connected(np.array([[[1, 1, 0, 1]]], bool), (0, 0, 1)).astype(int).tolist()
    [[[1, 1, 0, 0]]]
    """
    found = np.zeros(allowed.shape, bool)
    place = tuple(int(i) for i in seed)
    if not allowed[place]:
        return found
    part: list[slice] = [slice(None)] * 3
    if axis is not None:
        part[axis] = slice(place[axis], place[axis] + 1)
    from scipy.ndimage import label  # which takes longer to import than all the rest

    labels, _ = cast(tuple[NDArray[np.int32], int], label(allowed[tuple(part)]))
    at = tuple(0 if a == axis else i for a, i in enumerate(place))
    found[tuple(part)] = labels == labels[at]
    return found


def _places(geometry: Geometry, index: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return where voxels are, so that differences are lengths in mm."""
    position = geometry.position(index)
    return index * np.array([s or 1.0 for s in geometry.spacing]) if position is None else position


def _box(geometry: Geometry, ends: NDArray[np.float64], radius: float, axis: int | None) -> Box | None:
    """Return the part of a grid that a brush may reach."""
    if geometry.affine is None:
        reach = radius / np.array([s or 1.0 for s in geometry.spacing])
    else:
        reach = radius * np.linalg.norm(np.linalg.inv(geometry.affine[:3, :3]), axis=1)
    low = np.ceil(np.minimum(ends.min(axis=0) - reach, np.floor(ends.min(axis=0) + 0.5)) - 1e-6).astype(int)
    high = np.floor(np.maximum(ends.max(axis=0) + reach, np.floor(ends.max(axis=0) + 0.5)) + 1e-6).astype(int)
    if not geometry.is_uniform:
        # The steps between the slices differ, and may shift their rows and columns.
        along = geometry.slice_positions @ geometry.normal  # type: ignore[operator]
        heights = np.sort(geometry.position(ends) @ geometry.normal)  # type: ignore[operator]
        near = np.flatnonzero((along >= heights[0] - radius) & (along <= heights[1] + radius))
        at = np.floor(ends[:, 0] + 0.5).astype(int)
        low[0], high[0] = min(at.min(), *near[:1]), max(at.max(), *near[-1:])
        low[1:], high[1:] = 0, geometry.shape[1:]
    if axis is not None:
        low[axis] = high[axis] = int(ends[0, axis])
    low, high = np.maximum(low, 0), np.minimum(high, np.array(geometry.shape) - 1)
    if (low > high).any():
        return None
    a, b, c = (slice(int(i), int(j) + 1) for i, j in zip(low, high))
    return a, b, c
