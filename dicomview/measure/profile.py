"""Profiles: values along a line, and of a shape along an extra dimension."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import MeasureError
from dicomview.geometry import interpolated
from dicomview.measure.evaluate import evaluate
from dicomview.measure.shapes import Distance, Measurement, Region
from dicomview.measure.space import LengthUnit, in_lengths, index_of
from dicomview.volume import Dimension, Volume

__all__ = ["Profile", "profile", "time_curve"]

Floats = NDArray[np.float64]

#: A voxel without data takes part in an interpolation when its weight is more than this.
TAKES_PART = 1e-6


@dataclass(frozen=True, eq=False)
class Profile:
    """Values along a line.

    Attributes
    ----------
    points : ndarray of shape (N, 3)
        Where they were taken, as the points of measurements are given.
    distance : ndarray of shape (N,)
        From the first point, in ``length_unit``.
    values : ndarray of shape (N,)
        In ``unit``; NaN where there are no data.
    length_unit, unit : str
    """

    points: Floats
    distance: Floats
    values: Floats
    length_unit: LengthUnit
    unit: str


def profile(
    volume: Volume, line: Distance | ArrayLike, *, count: int | None = None, frame: Sequence[int] = ()
) -> Profile:
    """Return the values along a line, by linear interpolation between voxels.

    Parameters
    ----------
    volume : Volume
        Of one value a voxel.
    line : Distance, or array_like of shape (2, 3) or more points
        Its ends; or the corners of a line.
    count : int, optional
        Points of each straight part, evenly spaced with both ends; by default at most half a voxel apart.
    frame : sequence of int
        One index for each of ``volume.extra_dims``; the middle ones by default.

    Returns
    -------
    Profile

    Raises
    ------
    MeasureError
        For colours, for fewer than two points.

    Examples
    --------
    >>> vol = Volume.from_array(np.arange(60).reshape(3, 4, 5), sampling=(3, 2, 1))
    >>> found = profile(vol, [(1, 0, 0), (1, 3, 0)], count=4)
    >>> found.distance.tolist(), found.values.tolist()
    ([0.0, 2.0, 4.0, 6.0], [20.0, 25.0, 30.0, 35.0])
    """
    if volume.is_color:
        raise MeasureError("a profile is of one value a voxel, not of colours", remedy="take a channel")
    corners = np.asarray(line.points if isinstance(line, Distance) else line, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 3 or len(corners) < 2 or not np.isfinite(corners).all():
        raise MeasureError(
            f"a line needs two or more points of three finite numbers, not {line!r}",
            remedy="give LPS positions in mm",
        )
    if count is not None and count < 2:
        raise MeasureError(f"count is 2 or more, not {count}", remedy="leave it out for one value a voxel")
    parts = []
    for start, end in pairwise(corners):
        steps = count
        if steps is None:
            span = np.abs(np.diff(index_of(volume.geometry, np.stack([start, end])), axis=0)).max()
            steps = int(np.ceil(2 * span)) + 1
        parts.append(start + np.linspace(0, 1, max(steps, 2))[:, None] * (end - start))
    points = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
    lengths, unit = in_lengths(volume.geometry, points)
    steps_mm = np.linalg.norm(np.diff(lengths, axis=0), axis=1)
    place = tuple(frame) or volume.middle_frame
    return Profile(
        points=points,
        distance=np.concatenate([[0.0], np.cumsum(steps_mm)]),
        values=_values(volume, place, index_of(volume.geometry, points)),
        length_unit=unit,
        unit=volume.unit,
    )


def time_curve(
    volume: Volume, measurement: Measurement | Region, *, dim: str | None = None, frame: Sequence[int] = ()
) -> tuple[Dimension, Floats]:
    """Return the mean inside of a shape along an extra dimension.

    Parameters
    ----------
    volume : Volume
        With extra dimensions.
    measurement : Measurement or Region
        With values: a point, rectangle, ellipse, polygon or region.
    dim : str, optional
        Of ``volume.extra_dims``; the first by default.
    frame : sequence of int
        Where the other extra dimensions are looked at; their middle by default.

    Returns
    -------
    Dimension
        Its values and unit.
    ndarray of float64
        A mean for each; NaN where there are no voxels.

    Raises
    ------
    MeasureError
        If the volume has no such dimension.

    Examples
    --------
    >>> from dicomview.measure import Point
    >>> vol = Volume.from_array(np.arange(24).reshape(3, 2, 2, 2))
    >>> time_curve(vol, Point([(1, 1, 1)]))[1].tolist()
    [7.0, 15.0, 23.0]
    """
    names = volume.extra_dims
    name = dim if dim is not None else next(iter(names), "")
    if name not in names:
        known = ", ".join(names) or "of which there is none"
        raise MeasureError(
            f"a curve runs along an extra dimension, not {name!r}: {known}",
            remedy="name one that the volume has",
        )
    place = names.index(name)
    at = list(tuple(frame) or volume.middle_frame)
    values = []
    for i in range(len(volume.dimensions[place])):
        at[place] = i
        mean = evaluate(volume, measurement, frame=at).mean
        values.append(np.nan if mean is None else mean)
    return volume.dimensions[place], np.array(values)


def _values(volume: Volume, frame: Sequence[int], index: Floats) -> Floats:
    """Return interpolated values at indices, NaN where there are none: of the slices that take part only."""
    near = np.moveaxis(np.floor(index + 0.5).astype(int), -1, 0)
    inside = ((near >= 0) & (near < np.reshape(volume.geometry.shape, (3, 1)))).all(axis=0)
    values = np.full(len(index), np.nan)
    if not inside.any():
        return values
    low = np.maximum(np.floor(index[inside].min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(index[inside].max(axis=0)).astype(int), np.array(volume.geometry.shape) - 1)
    box = tuple(slice(a, b + 1) for a, b in zip(low.tolist(), high.tolist()))
    part = np.asarray(volume.frame(frame)[box]).astype(np.float64)
    corners = np.ix_(*(np.arange(a, b + 1) for a, b in zip(low, high)))
    absent = np.broadcast_to(volume.without_data(list(corners), frame), part.shape)
    if volume.padding is not None:
        absent = absent | ((part >= volume.padding[0]) & (part <= volume.padding[1]))
    absent = absent | ~np.isfinite(part)
    at = (index[inside] - low).T
    found = interpolated(np.where(absent, 0.0, part), at)
    values[inside] = np.where(interpolated(absent.astype(np.float64), at) > TAKES_PART, np.nan, found)
    return values
