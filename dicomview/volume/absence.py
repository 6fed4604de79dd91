"""Absence: where a volume has no data, for want of a file or because nothing was acquired there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, outside

__all__ = ["Acquired", "missing_slices"]

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
