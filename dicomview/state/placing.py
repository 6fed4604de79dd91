"""Placing: the values of one volume at the points of a slice of another, by position in the patient."""

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, PlaneView, beyond_plane, outside, plane_values
from dicomview.volume import Volume
from dicomview.volume.absence import IN_SLICE, empty_voxels, may_be_empty

__all__ = ["Patch", "cropped", "cut", "patch_of"]

#: A patch: values, where there are none (None for nowhere), and row and column of its first point.
Patch = tuple[NDArray[Any], NDArray[np.bool_] | None, tuple[int, int]]


def patch_of(
    volume: Volume,
    frame: Sequence[int],
    grid: Geometry,
    view: PlaneView,
    *,
    index: int,
    finer: tuple[int, int],
    order: int,
) -> Patch | None:
    """Return the values of a volume on a slice of a grid, as far as it reaches.

    Parameters
    ----------
    volume : Volume
        The one whose values are wanted.
    frame : sequence of int
        Index per extra dimension of it.
    grid : Geometry
        Of the other one.
    view : PlaneView
    index : int
        Slice of the grid.
    finer : tuple of int
        Points per voxel of the grid, down and right.
    order : {0, 1}
        Nearest voxel, or linear interpolation.

    Returns
    -------
    tuple or None
        None where the volume does not reach the slice.
    """
    counts = [grid.shape[axis] * n for axis, n in zip((view.down, view.right), finer)]
    if grid.is_uniform and volume.geometry.is_uniform:
        return _straight(volume, frame, grid, view, index, finer, order, counts)
    return _bent(volume, frame, grid, view, index, finer, order, counts)


def cropped(mask: NDArray[np.bool_], geometry: Geometry) -> Volume:
    """Return the part of a mask that is not empty, in its place."""
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(hits[0]), int(hits[-1]) + 1) if len(hits) else slice(0, 1))
    return cut(mask, geometry, box)


def cut(mask: NDArray[np.bool_], geometry: Geometry, box: Sequence[slice]) -> Volume:
    """Return a copy of a part of a mask, in its place; of slices at uneven distances all."""
    if geometry.affine is None:
        return Volume(np.array(mask), geometry=geometry)
    part = list(box)
    positions = geometry.slice_positions
    if not geometry.is_uniform:
        part[0] = slice(0, geometry.shape[0])  # the spacing of all slices says where one lies
    affine = geometry.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [p.start for p in part]
    shape = tuple(p.stop - p.start for p in part)
    if positions is not None and not geometry.is_uniform:
        positions = positions + affine[:3, 1:3] @ [p.start for p in part[1:]]
    else:
        positions = None
    place = Geometry(shape, affine=affine, slice_positions=positions)
    return Volume(np.array(mask[tuple(part)], order="C"), geometry=place)


def _straight(
    volume: Volume,
    frame: Any,
    grid: Geometry,
    view: PlaneView,
    index: int,
    finer: tuple[int, int],
    order: int,
    counts: Any,
) -> Patch | None:
    """Return a patch where one matrix leads from index to index."""
    matrix: NDArray[Any] = np.eye(4)
    if grid.affine is not None and volume.geometry.affine is not None:
        matrix = np.linalg.solve(volume.geometry.affine, grid.affine)
    matrix = np.where(abs(matrix - np.rint(matrix)) < 1e-9, np.rint(matrix), matrix)
    first = np.zeros(4)
    first[[view.axis, view.down, view.right, 3]] = index, 0.5 / finer[0] - 0.5, 0.5 / finer[1] - 0.5, 1
    start = (matrix @ first)[:3]
    down, right = matrix[:3, view.down] / finer[0], matrix[:3, view.right] / finer[1]
    extents = volume.geometry.shape
    box = _reach(start, down, right, extents, counts)
    if box is None:
        return None
    (top, bottom), (left, end) = box
    start = start + top * down + left * right
    shape = bottom - top, end - left
    array = np.asarray(volume.frame(frame))
    where: dict[str, Any] = {"down": down, "right": right, "shape": shape}
    beyond = beyond_plane(extents, start, **where)
    missing = volume.missing_slices(frame)
    if missing:
        along = start[0] + down[0] * np.arange(shape[0])[:, None] + right[0] * np.arange(shape[1])
        lacks = _in_missing(along, missing)
        beyond = lacks if beyond is None else beyond | lacks
    values = plane_values(array, start, order=order, **where)
    if may_be_empty(volume):
        at = np.add.outer(start, np.zeros(shape)) + (
            down[:, None, None] * np.arange(shape[0])[:, None] + right[:, None, None] * np.arange(shape[1])
        )
        for line, count in zip(at, extents):
            np.clip(line, 0, count - 1, out=line)
        values, empty = _unmixed(volume, frame, array, at, values)
        beyond = empty if beyond is None else beyond | empty
    return values, beyond, (top, left)


def _unmixed(
    volume: Volume, frame: Any, array: NDArray[Any], at: NDArray[np.float64], values: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return interpolated values, beside voxels without data those of the nearest ones, and where these lack.

    As :meth:`Volume.on` has it: what is no data has no part in a value.
    """
    near = _voxels(np.floor(at + 0.5))
    touched = lacks = empty_voxels(volume, array, near, frame)
    low, high = np.floor(at + IN_SLICE), np.ceil(at - IN_SLICE)
    ways = [(a, b) if (a != b).any() else (a,) for a, b in zip(low, high)]
    for corner in product(*ways):
        touched = touched | empty_voxels(volume, array, _voxels(corner), frame)
    return np.where(touched, array[near], values), lacks


def _voxels(places: Iterable[NDArray[np.float64]]) -> tuple[NDArray[np.int64], ...]:
    return tuple(place.astype(np.int64) for place in places)


def _in_missing(slices: NDArray[np.float64], missing: Sequence[int]) -> NDArray[np.bool_]:
    """Return where a missing slice has a part in a value."""
    return np.isin(np.floor(slices + IN_SLICE), missing) | np.isin(np.ceil(slices - IN_SLICE), missing)


def _reach(
    start: NDArray[Any],
    down: NDArray[Any],
    right: NDArray[Any],
    extents: Sequence[int],
    counts: Sequence[int],
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return rows and columns of a plane between which it can lie in a volume; None where it does not."""
    box = [(0.0, counts[0] - 1.0), (0.0, counts[1] - 1.0)]
    for _ in range(3):  # what bounds the rows bounds the columns in turn
        for axis, count in enumerate(extents):
            for me, step, other in ((0, down[axis], right[axis]), (1, right[axis], down[axis])):
                spread = sorted(other * end for end in box[1 - me])
                low, high = -0.5 - start[axis] - spread[1], count - 0.5 - start[axis] - spread[0]
                if abs(step) < 1e-12:
                    if low > 0 or high < 0:
                        return None
                    continue
                ends = sorted((low / step, high / step))
                box[me] = max(box[me][0], ends[0]), min(box[me][1], ends[1])
                if box[me][0] > box[me][1]:
                    return None
    rows, columns = ((int(np.ceil(a - 1e-6)), int(np.floor(b + 1e-6)) + 1) for a, b in box)
    return (rows, columns) if rows[0] < rows[1] and columns[0] < columns[1] else None


def _bent(
    volume: Volume,
    frame: Any,
    grid: Geometry,
    view: PlaneView,
    index: int,
    finer: tuple[int, int],
    order: int,
    counts: Any,
) -> Patch | None:
    """Return a patch where slices are unevenly spaced: point by point."""
    place: list[Any] = [float(index)] * 3
    lines = [(np.arange(count) + 0.5) / n - 0.5 for count, n in zip(counts, finer)]
    place[view.down], place[view.right] = lines[0][:, None], lines[1]
    points = grid.position(np.stack(np.broadcast_arrays(*place), axis=-1))
    at = np.moveaxis(volume.geometry.index(points), -1, 0)  # type: ignore[arg-type]
    beyond = outside(at, volume.geometry.shape) | _in_missing(at[0], volume.missing_slices(frame))
    if beyond.all():
        return None
    array = np.asarray(volume.frame(frame))
    for line, count in zip(at, array.shape):
        np.clip(line, 0, count - 1, out=line)
    if order == 0:
        values = array[_voxels(np.floor(at + 0.5))]
    else:
        from scipy.ndimage import map_coordinates

        values = map_coordinates(array, at, output=np.float32, order=1, mode="nearest")
    if may_be_empty(volume):
        values, empty = _unmixed(volume, frame, array, at, values)
        beyond |= empty
    return values, beyond, (0, 0)
