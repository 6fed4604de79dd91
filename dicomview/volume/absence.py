"""Absence: where a volume has no data, for want of a file or because nothing was acquired there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, beyond_plane, outside

__all__ = ["Acquired", "empty_voxels", "may_be_empty", "missing_slices"]

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

#: Places this close to a slice, in voxels, are in it and take nothing from its neighbour.
IN_SLICE = 1e-6


def missing_slices(missing: Sequence[int | tuple[int, ...]], frame: Sequence[int] = ()) -> list[int]:
    """Return the slices of a frame among the missing ones of a report.

    Examples
    --------
    >>> missing_slices([(0, 3), (1, 5)], (1,))
    [5]
    """
    places = [(place,) if isinstance(place, int) else place for place in missing]
    return [place[-1] for place in places if place[:-1] == tuple(frame)]


@dataclass(frozen=True)
class Acquired:
    """What a resliced volume was made from.

    Attributes
    ----------
    geometry : Geometry
    missing : sequence of int, or of tuples
        Its missing slices, as a report lists them.
    """

    geometry: Geometry
    missing: Sequence[int | tuple[int, ...]]

    def lacks_on(
        self, grid: Geometry, index: Sequence[Any], frame: Sequence[int]
    ) -> NDArray[np.bool_] | None:
        """Return the same on a whole slice of a grid, faster; None where it is not one.

        Parameters
        ----------
        grid : Geometry
        index : three of int or array_like of int
            As of :func:`numpy.ogrid`: one number, and all places along the two other axes.
        frame : sequence of int
        """
        sizes = [np.size(i) for i in index]
        thin = [axis for axis in range(3) if sizes[axis] == 1]
        even = grid.is_uniform and self.geometry.is_uniform
        if not even or len(thin) != 1 or missing_slices(self.missing, frame):
            return None
        down, right = (axis for axis in range(3) if axis != thin[0])
        if any(sizes[axis] != grid.shape[axis] for axis in (down, right)):
            return None
        assert grid.affine is not None and self.geometry.affine is not None
        matrix: NDArray[Any] = np.linalg.solve(self.geometry.affine, grid.affine)
        start = matrix[:3, 3] + matrix[:3, thin[0]] * float(np.ravel(index[thin[0]])[0])
        shape = grid.shape[down], grid.shape[right]
        beyond = beyond_plane(
            self.geometry.shape, start, down=matrix[:3, down], right=matrix[:3, right], shape=shape
        )
        if beyond is None:
            return np.zeros((1, 1), bool)
        ndim = max(np.ndim(i) for i in index)
        if ndim == 2:
            along = [axis for axis in (down, right) if np.shape(index[axis])[0] > 1]
            return beyond if along == [down] else beyond.T
        return np.expand_dims(beyond, thin[0])

    def lacks(self, points: NDArray[np.float64], frame: Sequence[int]) -> NDArray[np.bool_]:
        """Return at which positions there are no data: outside, or where a missing slice takes part.

        Parameters
        ----------
        points : ndarray of shape (..., 3)
            LPS, mm.
        frame : sequence of int
        """
        index: Any = self.geometry.index(points)
        index = np.moveaxis(index, -1, 0)
        beyond = outside(index, self.geometry.shape)
        missing = missing_slices(self.missing, frame)
        if not missing:
            return beyond
        slices = index[0].clip(0, self.geometry.shape[0] - 1)
        below, above = np.floor(slices + IN_SLICE), np.ceil(slices - IN_SLICE)
        return beyond | np.isin(below, missing) | np.isin(above, missing)


def may_be_empty(volume: "Volume") -> bool:
    """Return whether single voxels of a volume may hold no data: padding, or what was not acquired."""
    return volume.padding is not None or volume._acquired is not None


def empty_voxels(
    volume: "Volume", array: NDArray[Any], index: tuple[NDArray[np.int64], ...], frame: Sequence[int]
) -> NDArray[np.bool_]:
    """Return which voxels of a volume hold no data.

    Parameters
    ----------
    volume : Volume
    array : ndarray
        The values of the frame.
    index : three ndarray of int
    frame : sequence of int
    """
    empty = np.broadcast_to(volume.without_data(index, frame), index[0].shape)
    if volume.padding is None:
        return empty
    values, (low, high) = array[index], volume.padding
    return empty | (values >= low) & (values <= high)
