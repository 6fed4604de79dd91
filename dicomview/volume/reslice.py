"""ReslicedArray: an array on another grid whose planes are interpolated when they are asked for."""

from itertools import product
from typing import Any

import numpy as np

from dicomview.geometry import Geometry, resample

__all__ = ["ReslicedArray", "full_key"]

#: Places this close to a voxel, in voxels, are on it, as interpolation has it.
WHOLE = 1e-7
#: By so much may a place be rounded to the other side of a voxel.
NEAR = 1e-3


def full_key(key: Any, ndim: int) -> tuple[Any, ...]:
    """Return an index with a part for every dimension.

    Examples
    --------
    >>> full_key((..., 3), 3)
    (slice(None, None, None), slice(None, None, None), 3)
    """
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in keys:
        at = keys.index(Ellipsis)
        keys = (*keys[:at], *(slice(None),) * (ndim - len(keys) + 1), *keys[at + 1 :])
    return (*keys, *(slice(None),) * (ndim - len(keys)))


class ReslicedArray:
    """Looks like the array of a volume on another grid; holds nothing but the array it is made from.

    Indexing with numbers and slices gives an array of numpy as soon as it picks along a spatial axis; an
    index that leaves space whole gives another of its kind.

    Parameters
    ----------
    array : ndarray or dask array
        Extra dimensions first, then (slice, row, column), then perhaps colours.
    geometry, grid : Geometry
        Where the array lies, and where its values are wanted.
    fill : float
        Value of what lies outside.
    padding : tuple of float, optional
        Closed range of values that mean "no data".
    extra : int
        How many extra dimensions there are.

    Examples
    --------
    >>> half = Geometry((4, 4, 4), affine=np.diag([0.5, 0.5, 0.5, 1])[[2, 1, 0, 3]])
    >>> whole = Geometry((2, 2, 2), affine=np.eye(4)[[2, 1, 0, 3]])
    >>> ReslicedArray(np.arange(8.0).reshape(2, 2, 2), whole, half, 0)[1, 0, :3].tolist()
    [2.0, 2.5, 3.0]
    """

    def __init__(
        self,
        array: Any,
        geometry: Geometry,
        grid: Geometry,
        fill: float,
        *,
        padding: tuple[float, float] | None = None,
        extra: int = 0,
    ) -> None:
        self._array, self._geometry, self._grid = array, geometry, grid
        self._fill, self._padding = fill, padding
        self._extra = extra
        self.shape = (*array.shape[:extra], *grid.shape, *array.shape[extra + 3 :])
        self.dtype, self.ndim = array.dtype, array.ndim

    @property
    def source(self) -> Any:
        """The array that values are interpolated from."""
        return self._array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self._taken(self._array, (slice(None),) * 3)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> Any:
        keys = full_key(key, self.ndim)
        lead, space, rest = (
            keys[: self._extra], keys[self._extra : self._extra + 3], keys[self._extra + 3 :]
        )  # fmt: skip
        array = self._array[lead]
        if all(k == slice(None) for k in (*space, *rest)):
            left = sum(isinstance(k, slice) for k in lead)
            return ReslicedArray(
                array, self._geometry, self._grid, self._fill, padding=self._padding, extra=left
            )
        taken = self._taken(array, space)
        return taken[(..., *rest)] if rest else taken

    def _taken(self, array: Any, space: tuple[Any, ...]) -> np.ndarray:
        """Return the values at a part of the grid; axes picked by a number are gone."""
        ranges = [_range(k, n) for k, n in zip(space, self._grid.shape)]
        grid = _part(self._grid, ranges)
        colors = array.shape[array.ndim - (self.ndim - self._extra - 3) :]
        first = (0, 0, 0)
        if not isinstance(array, np.ndarray):  # no more of it than the grid reaches, and that once
            box = _reach(self._geometry, grid)
            first = tuple(r.start for r in box)
            array = _read(array, box, self._geometry, grid, colors=len(colors))
        lead = array.shape[: array.ndim - 3 - len(colors)]
        result = np.empty((*lead, *grid.shape, *colors), array.dtype)
        for place in np.ndindex(*lead):
            for channel in np.ndindex(*colors):
                voxels = array[(*place, ..., *channel)]
                result[(*place, ..., *channel)] = resample(
                    voxels, self._geometry, grid, self._fill, padding=self._padding, first=first
                )
        picks = tuple(slice(None) if isinstance(k, slice) else 0 for k in space)
        return np.asarray(result[(*(slice(None),) * len(lead), *picks)])


def _reach(geometry: Geometry, grid: Geometry) -> tuple[slice, ...]:
    """Return the part of a volume that the values at a grid come from, at least one voxel."""
    corners = grid.position(np.array(list(product(*((0, n - 1) for n in grid.shape)))))
    assert corners is not None
    index = geometry.index(corners)
    # A voxel more on each side, so that the ends of the part are not taken for those of the volume.
    low, high = np.floor(index.min(axis=0)).astype(int) - 1, np.ceil(index.max(axis=0)).astype(int) + 2
    if not geometry.is_uniform:  # slices may be shifted sideways between the corners
        low[1:], high[1:] = 0, geometry.shape[1:]
    low = np.clip(low, 0, np.array(geometry.shape) - 1)
    high = np.clip(high, low + 1, geometry.shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high))


def _read(
    array: Any, box: tuple[slice, ...], geometry: Geometry, grid: Geometry, *, colors: int
) -> np.ndarray:
    """Return a part of an array; of one in chunks only those that a grid touches are read, the rest is 0."""
    rest = (slice(None),) * colors
    if not hasattr(array, "map_blocks") or not (geometry.is_uniform and grid.is_uniform):
        return np.asarray(array[(..., *box, *rest)])
    lead = array.ndim - 3 - colors
    edges = [np.cumsum([0, *sizes]) for sizes in array.chunks[lead : lead + 3]]
    here = [np.flatnonzero((e[:-1] < span.stop) & (e[1:] > span.start)) for e, span in zip(edges, box)]
    touched = _touched([np.stack([e[i], e[i + 1]]) for e, i in zip(edges, here)], geometry, grid)
    if touched.all():
        return np.asarray(array[(..., *box, *rest)])
    from dask.base import compute

    # A plane leaves no hole between two chunks of a row: they are read together.
    parts = []
    for i, j in np.argwhere(touched.any(axis=2)).tolist():
        row = np.flatnonzero(touched[i, j])
        ends = [(here[0][i],) * 2, (here[1][j],) * 2, (here[2][row[0]], here[2][row[-1]])]
        parts.append(
            tuple(
                slice(max(int(e[a]), span.start), min(int(e[b + 1]), span.stop))
                for e, (a, b), span in zip(edges, ends, box)
            )
        )
    result = np.zeros(
        (*array.shape[:lead], *(span.stop - span.start for span in box), *array.shape[lead + 3 :]),
        array.dtype,
    )
    read = compute(*(array[(..., *part, *rest)] for part in parts))  # type: ignore[no-untyped-call]
    for part, values in zip(parts, read):
        place = tuple(slice(p.start - span.start, p.stop - span.start) for p, span in zip(part, box))
        result[(..., *place, *rest)] = values  # type: ignore[index]
    return result


def _touched(ends: list[np.ndarray], geometry: Geometry, grid: Geometry) -> np.ndarray:
    """Return which boxes of voxels, by their ends along each axis, values at a grid come from.

    None of those is left out; a box that passes close by a corner of the grid may be told too.
    """
    assert geometry.affine is not None and grid.affine is not None
    matrix = np.linalg.solve(geometry.affine, grid.affine)
    counts = np.array(grid.shape) - 1
    touched = np.ones([e.shape[1] for e in ends], bool)
    # Along each axis of the array: the voxels that the grid reaches, on both sides of every point.
    for axis, (low, high) in enumerate(ends):
        at = matrix[axis, 3] + np.array(
            [np.minimum(matrix[axis, :3], 0) @ counts, np.maximum(matrix[axis, :3], 0) @ counts]
        )
        whole = np.rint(at[0])
        is_whole = np.abs(at - whole).max() < WHOLE
        first, last = (whole, whole) if is_whole else (np.floor(at[0] - NEAR), np.floor(at[1] + NEAR) + 1)
        first, last = np.clip([first, last], 0, geometry.shape[axis] - 1)
        shape = [-1 if a == axis else 1 for a in range(3)]
        touched &= ((low <= last) & (high > first)).reshape(shape)
    # Along each axis of the grid: the points that have a part in values of the box.
    inverse = np.linalg.inv(matrix)
    middles = [(e[0] - 1 + e[1]) / 2 for e in ends]
    halves = [(e[1] - e[0] + 1) / 2 + NEAR for e in ends]
    for axis, count in enumerate(counts):
        middle = inverse[axis, 3] + _outer(*(inverse[axis, a] * middles[a] for a in range(3)))
        half = _outer(*(abs(inverse[axis, a]) * halves[a] for a in range(3)))
        touched &= (middle - half <= count) & (middle + half >= 0)
    return touched


def _outer(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.asarray(np.add.outer(np.add.outer(a, b), c))


def _range(key: Any, count: int) -> range:
    """Return the indices that a key picks along an axis."""
    if isinstance(key, slice):
        return range(count)[key]
    index = range(count)[key]  # raises beyond the ends
    return range(index, index + 1)


def _part(grid: Geometry, ranges: list[range]) -> Geometry:
    """Return the grid of some of the voxels of a grid."""
    assert grid.affine is not None and grid.slice_positions is not None
    affine = grid.affine.copy()
    affine[:3, 3] += grid.affine[:3, :3] @ [r.start for r in ranges]
    affine[:3, :3] *= [r.step for r in ranges]
    a, b, c = (len(r) for r in ranges)
    if grid.is_uniform or not a:
        return Geometry((a, b, c), affine=affine)
    starts = grid.slice_positions[ranges[0]] + grid.affine[:3, 1:3] @ [r.start for r in ranges[1:]]
    affine[:3, 3] = starts[0]
    if a > 1:
        affine[:3, 0] = (starts[-1] - starts[0]) / (a - 1)
    return Geometry((a, b, c), affine=affine, slice_positions=starts)
