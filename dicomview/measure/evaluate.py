"""Evaluate: the numbers of a measurement in a volume."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import MeasureError
from dicomview.geometry import Geometry
from dicomview.measure.shapes import Angle, Distance, Ellipse, Measurement, Point, Polygon, Rectangle, Region
from dicomview.measure.space import LengthUnit, in_lengths, index_of, point_of
from dicomview.volume import Segmentation, Volume
from dicomview.volume.contours import fill_even_odd
from dicomview.volume.reference import other_frame_of_reference

__all__ = ["Result", "evaluate", "lies_in", "misplaced", "region_mask", "region_values"]

Floats = NDArray[np.float64]

#: A shape lies in a slice when it crosses at most this part of it.
FLAT_SLICES = 0.5


@dataclass(frozen=True)
class Result:
    """The numbers of a measurement; None what it does not have.

    Attributes
    ----------
    kind, name : str
    length : float or None
        Of a distance, in ``length_unit``.
    angle : float or None
        Degrees.
    area : float or None
        ``length_unit`` squared; None too of a polygon whose sides cross.
    volume : float or None
        Of a region of voxels, ``length_unit`` cubed.
    length_unit : {"mm", "px"}
        Voxels where the spacing is unknown.
    count : int or None
        Voxels with data whose centres lie inside; None where there are no values: beside the volume, in no
        plane of its voxels, in colours.
    mean, sd, minimum, maximum, median : float or None
        Of their values, in ``unit``; the standard deviation is that of the voxels themselves (divided by n).
    unit : str
    """

    kind: str
    name: str = ""
    length: float | None = None
    angle: float | None = None
    area: float | None = None
    volume: float | None = None
    length_unit: LengthUnit = "mm"
    count: int | None = None
    mean: float | None = None
    sd: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    median: float | None = None
    unit: str = ""

    def record(self) -> dict[str, Any]:
        """Return it as a dict, in this order."""
        return asdict(self)


def evaluate(volume: Volume, measurement: Measurement | Region, *, frame: Sequence[int] = ()) -> Result:
    """Return the numbers of a measurement.

    Parameters
    ----------
    volume : Volume
        Missing slices, padding and values that are no numbers do not count.
    measurement : Measurement or Region
    frame : sequence of int
        One index for each of ``volume.extra_dims``; the middle ones by default.

    Returns
    -------
    Result

    Raises
    ------
    MeasureError
        If a region has no place in the volume, or another frame of reference.

    Examples
    --------
    >>> vol = Volume.from_array(np.arange(60).reshape(3, 4, 5), sampling=(3, 2, 1))
    >>> evaluate(vol, Distance([(1, 0, 0), (1, 3, 0)])).length
    6.0
    >>> square = Rectangle([(1, 0.5, 0.5), (1, 0.5, 2.5), (1, 2.5, 2.5), (1, 2.5, 0.5)])
    >>> result = evaluate(vol, square)
    >>> result.area, result.count, result.mean
    (8.0, 4, 29.0)
    """
    if isinstance(measurement, Region):
        size, unit = _volume_of(measurement.mask)
        numbers: dict[str, Any] = {"volume": size}
    else:
        numbers, unit = _lengths(measurement, volume.geometry)
    values = region_values(volume, measurement, frame=frame)
    if values is not None:
        numbers |= _statistics(values) | {"unit": volume.unit}
    return Result(measurement.kind, measurement.name, length_unit=unit, **numbers)


def region_values(
    volume: Volume, measurement: Measurement | Region, *, frame: Sequence[int] = ()
) -> NDArray[Any] | None:
    """Return the values inside, without those that mean no data; None where there can be none."""
    if volume.is_color or not (isinstance(measurement, Point) or measurement.is_area):
        return None
    place = tuple(frame) or volume.middle_frame
    if isinstance(measurement, Region):
        mask = _on(volume, measurement)
        parts = [
            _inside(volume, place, 0, k, mask[k]) for k in np.flatnonzero(mask.any(axis=(1, 2))).tolist()
        ]
        return np.concatenate(parts) if parts else np.empty(0)
    if isinstance(measurement, Point):
        at = np.floor(index_of(volume.geometry, measurement.array[0]) + 0.5).astype(int).tolist()
        if not all(0 <= i < n for i, n in zip(at, volume.geometry.shape)):
            return None
        one = np.zeros(volume.geometry.shape[1:], bool)
        one[at[1], at[2]] = True
        return _inside(volume, place, 0, at[0], one)
    found = region_mask(volume.geometry, measurement)
    return None if found is None else _inside(volume, place, *found)


def region_mask(geometry: Geometry, measurement: Measurement) -> tuple[int, int, NDArray[np.bool_]] | None:
    """Return the voxels whose centres lie inside of a shape.

    Parameters
    ----------
    geometry : Geometry
    measurement : Rectangle, Ellipse or Polygon

    Returns
    -------
    axis : int
        The axis of the array that the slice crosses.
    index : int
        Of the slice.
    mask : ndarray of bool
        Of the other two axes, in their order. None in place of all where the shape does not lie in a slice.

    Examples
    --------
    >>> triangle = Polygon([(0, 1, 0), (0, 1, 4), (2, 1, 0)])
    >>> axis, index, mask = region_mask(Geometry((3, 4, 5)), triangle)
    >>> axis, index, mask.sum(axis=1).tolist()
    (1, 1, [4, 2, 0])
    """
    found = lies_in(geometry, measurement)
    if found is None:
        return None
    axis, k = found
    rest = [other for other in range(3) if other != axis]
    rows, columns = (geometry.shape[other] for other in rest)
    if not isinstance(measurement, Ellipse):
        corners = np.round(index_of(geometry, measurement.array)[:, rest], 9)
        return axis, k, fill_even_odd([corners], (rows, columns))
    mask = np.zeros((rows, columns), bool)
    line = index_of(geometry, measurement.outline())[:, rest]
    low = np.clip(np.floor(line.min(axis=0)).astype(int), 0, (rows, columns))
    high = np.clip(np.ceil(line.max(axis=0)).astype(int) + 1, 0, (rows, columns))
    box = tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist()))
    if np.linalg.matrix_rank(measurement.radii) < 2 or not mask[box].size:
        return axis, k, mask
    index = np.empty((*mask[box].shape, 3))
    index[..., axis] = k
    index[..., rest[0]], index[..., rest[1]] = np.mgrid[box]
    offset = point_of(geometry, index) - measurement.middle
    parts = offset @ np.linalg.pinv(measurement.radii)  # in radii; what leads out of the plane does not count
    mask[box] = (parts**2).sum(axis=-1) <= 1 + 1e-9
    return axis, k, mask


def lies_in(geometry: Geometry, measurement: Measurement) -> tuple[int, int] | None:
    """Return axis and index of the slice in which a shape lies; None where it lies in none."""
    index = index_of(geometry, measurement.array)
    spread = np.ptp(index, axis=0)
    axis = int(np.argmin(spread))
    k = math.floor(float(index[:, axis].mean()) + 0.5)
    is_inside = spread[axis] <= FLAT_SLICES and 0 <= k < geometry.shape[axis]
    return (axis, k) if is_inside else None


def _lengths(measurement: Measurement, geometry: Geometry) -> tuple[dict[str, Any], LengthUnit]:
    """Return length, angle or area, and the unit of length."""
    points, unit = in_lengths(geometry, measurement.array)
    numbers: dict[str, Any] = {}
    if isinstance(measurement, Distance):
        numbers["length"] = float(np.linalg.norm(points[1] - points[0]))
    elif isinstance(measurement, Angle):
        u, v = points[0] - points[1], points[2] - points[1]
        if u.any() and v.any():
            numbers["angle"] = math.degrees(math.atan2(float(np.linalg.norm(np.cross(u, v))), float(u @ v)))
    elif isinstance(measurement, Rectangle):
        numbers["area"] = float(np.linalg.norm(np.cross(points[1] - points[0], points[3] - points[0])))
    elif isinstance(measurement, Ellipse):
        radii = np.cross(points[0] - points[2], points[1] - points[3]) / 4
        numbers["area"] = math.pi * float(np.linalg.norm(radii))
    elif isinstance(measurement, Polygon) and not _crosses(points):
        corners = points - points[0]
        turns = np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0)
        numbers["area"] = float(np.linalg.norm(turns)) / 2
    return numbers, unit


def _crosses(points: Floats) -> bool:
    """Return whether two sides of a plane polygon cross."""
    _, _, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    flat = (points - points.mean(axis=0)) @ axes[:2].T
    a, b = flat, np.roll(flat, -1, axis=0)

    def side(p: Floats, q: Floats, r: Floats) -> Floats:
        """Return on which side of p to q the point r lies, for all pairs of sides."""
        (px, py), (qx, qy), (rx, ry) = p.T, q.T, r.T
        along, across = (qx - px)[:, None], (qy - py)[:, None]
        return np.asarray(along * (ry[None] - py[:, None]) - across * (rx[None] - px[:, None]))

    apart = side(a, b, a) * side(a, b, b)  # negative where the ends of one lie on both sides of the other
    tiny = -1e-18 * float(np.abs(flat).max(initial=0)) ** 4
    is_apart = apart < tiny
    return bool((is_apart & is_apart.T).any())


def _inside(volume: Volume, frame: Sequence[int], axis: int, k: int, mask: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the values of a mask in one slice, without those that mean no data."""
    places = np.nonzero(mask)
    if not len(places[0]):
        return np.empty(0)
    index: list[Any] = [k] * 3
    for other, place in zip((other for other in range(3) if other != axis), places):
        index[other] = place
    there = ~np.broadcast_to(volume.without_data(index, frame), places[0].shape)
    if not there.any():
        return np.empty(0)  # nor is a missing slice looked at
    # No more than the part that the mask reaches is read.
    box = [slice(int(place.min()), int(place.max()) + 1) for place in places]
    key: list[Any] = [*box]
    key.insert(axis, k)
    part = np.asarray(volume.frame(frame)[tuple(key)])
    values = part[tuple(place - span.start for place, span in zip(places, box))][there]
    if volume.padding is not None:
        values = values[(values < volume.padding[0]) | (values > volume.padding[1])]
    return np.asarray(values[np.isfinite(values)])


def _statistics(values: NDArray[Any]) -> dict[str, Any]:
    if not values.size:
        return {"count": 0}
    values = values.astype(np.float64)
    return {
        "count": int(values.size),
        "mean": float(values.mean()),
        "sd": float(values.std()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "median": float(np.median(values)),
    }


def misplaced(volume: Volume, region: Region) -> str:
    """Return why a region has no place in a volume; empty where it has one.

    Examples
    --------
    >>> vol, other = (Volume.from_array(np.ones((n, 4, 5), bool)) for n in (3, 2))
    >>> misplaced(vol, Region(vol)), misplaced(vol, Region(other))[:23]
    ('', 'a region of (2, 4, 5) v')
    """
    mask = region.mask
    differs = other_frame_of_reference(mask.meta, volume.meta)
    if differs:
        return (
            f"a region and the volume must share a frame of reference: {differs}; register them, and pass a "
            "mask without this element"
        )
    if mask.geometry != volume.geometry and (mask.geometry.affine is None or volume.geometry.affine is None):
        return (
            f"a region of {mask.shape} voxels has no place in a volume of {volume.geometry.shape}: both need "
            "an affine, or the same grid"
        )
    return ""


def _on(volume: Volume, region: Region) -> NDArray[np.bool_]:
    """Return the mask of a region on the grid of a volume."""
    problem = misplaced(volume, region)
    if problem:
        raise MeasureError(problem, remedy="measure it in the volume in which it was drawn")
    array = np.asarray(region.mask.array).astype(bool)
    if region.mask.geometry == volume.geometry:
        return array
    made = Segmentation.from_masks({"region": array}, region.mask.geometry)
    return np.asarray(made.on(volume)["region"].array)


def _volume_of(mask: Volume) -> tuple[float | None, LengthUnit]:
    """Return the volume of a mask: voxels times the size of each."""
    geometry, counts = mask.geometry, (np.asarray(mask.array) != 0).sum(axis=(1, 2))
    if geometry.spacing == (None, None, None):
        return float(counts.sum()), "px"
    if None in geometry.spacing:
        return None, "mm"
    if geometry.affine is None:
        return float(counts.sum() * np.prod(np.array(geometry.spacing, dtype=float))), "mm"
    # Each slice reaches half way to its neighbours.
    assert geometry.slice_positions is not None and geometry.normal is not None
    thick = np.gradient(geometry.slice_positions @ geometry.normal)
    area = np.linalg.norm(np.cross(geometry.affine[:3, 1], geometry.affine[:3, 2]))
    return float((counts * thick).sum() * area), "mm"
