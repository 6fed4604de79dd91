"""Space: the points of measurements as voxel indices, and in the unit of their lengths."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.geometry import Geometry

__all__ = ["LengthUnit", "in_lengths", "index_of", "point_of"]

Floats = NDArray[np.float64]
LengthUnit = Literal["mm", "px"]


def index_of(geometry: Geometry, points: ArrayLike) -> Floats:
    """Return the fractional voxel index of points, shape (..., 3)."""
    points = np.asarray(points, dtype=np.float64)
    return points if geometry.affine is None else geometry.index(points)


def point_of(geometry: Geometry, index: ArrayLike) -> Floats:
    """Return the points of voxel indices, shape (..., 3): LPS mm; the indices themselves without affine."""
    position = geometry.position(index)
    return np.asarray(index, dtype=np.float64) if position is None else position


def in_lengths(geometry: Geometry, points: Floats) -> tuple[Floats, LengthUnit]:
    """Return points whose differences are lengths, and their unit.

    Without an affine the spacing gives mm, as long as it is known along every axis that the points extend in;
    otherwise lengths are counted in voxels.

    Examples
    --------
    >>> flat = Geometry((9, 8, 7), spacing=(None, 2, 0.5))
    >>> in_lengths(flat, np.array([[5.0, 0, 0], [5, 3, 4]]))[0].tolist()
    [[0.0, 0.0, 0.0], [0.0, 6.0, 2.0]]
    """
    if geometry.affine is not None:
        return points, "mm"
    spread = np.ptp(points, axis=0) > 0
    if any(spacing is None for spacing, spreads in zip(geometry.spacing, spread) if spreads):
        return points, "px"
    return points * [spacing or 0.0 for spacing in geometry.spacing], "mm"
