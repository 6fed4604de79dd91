"""ReslicedArray: an array on another grid whose planes are interpolated when they are asked for."""

from itertools import product
from typing import Any

import numpy as np

from dicomview.geometry import Geometry, resample

__all__ = ["ReslicedArray", "full_key"]


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
            array = np.asarray(array[(..., *box, *(slice(None),) * len(colors))])
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
