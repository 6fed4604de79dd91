"""ReslicedArray: an array on another grid whose planes are interpolated when they are asked for."""

from typing import Any

import numpy as np

from dicomview.geometry import Geometry, resample

__all__ = ["ReslicedArray"]


class ReslicedArray:
    """Looks like the array of a volume on another grid; holds nothing but the array it is made from.

    Indexing with numbers and slices gives an array of numpy as soon as it picks along a spatial axis; an
    index that leaves space whole gives another of its kind.

    Parameters
    ----------
    array : ndarray
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
        array: np.ndarray,
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

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self._taken(self._array, (slice(None),) * 3)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys = (*keys[:at], *(slice(None),) * (self.ndim - len(keys) + 1), *keys[at + 1 :])
        keys = (*keys, *(slice(None),) * (self.ndim - len(keys)))
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

    def _taken(self, array: np.ndarray, space: tuple[Any, ...]) -> np.ndarray:
        """Return the values at a part of the grid; axes picked by a number are gone."""
        ranges = [_range(k, n) for k, n in zip(space, self._grid.shape)]
        grid = _part(self._grid, ranges)
        colors = array.shape[array.ndim - (self.ndim - self._extra - 3) :]
        lead = array.shape[: array.ndim - 3 - len(colors)]
        result = np.empty((*lead, *grid.shape, *colors), array.dtype)
        for place in np.ndindex(*lead):
            for channel in np.ndindex(*colors):
                voxels = array[(*place, ..., *channel)]
                result[(*place, ..., *channel)] = resample(
                    voxels, self._geometry, grid, self._fill, padding=self._padding
                )
        picks = tuple(slice(None) if isinstance(k, slice) else 0 for k in space)
        return np.asarray(result[(*(slice(None),) * len(lead), *picks)])


def _range(key: Any, count: int) -> range:
    """Return the indices that a key picks along an axis."""
    if isinstance(key, slice):
        return range(count)[key]
    index = range(count)[key]  # raises beyond the ends
    return range(index, index + 1)


def _part(grid: Geometry, ranges: list[range]) -> Geometry:
    """Return the grid of some of the voxels of a grid."""
    assert grid.affine is not None
    affine = grid.affine.copy()
    affine[:3, 3] += grid.affine[:3, :3] @ [r.start for r in ranges]
    affine[:3, :3] *= [r.step for r in ranges]
    a, b, c = (len(r) for r in ranges)
    return Geometry((a, b, c), affine=affine)
