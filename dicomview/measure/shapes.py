"""Shapes: what can be measured, as points in the patient; frozen."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import MeasureError
from dicomview.volume import Volume

__all__ = [
    "KINDS",
    "Angle",
    "Distance",
    "Ellipse",
    "Measurement",
    "Point",
    "Polygon",
    "Rectangle",
    "Region",
]

Floats = NDArray[np.float64]

#: Points may leave the shape that they should have by this part of its size: headers are rounded.
FLAT = 0.01
#: Corners of the polygon that stands for an ellipse where it is drawn.
ELLIPSE_CORNERS = 96


@dataclass(frozen=True)
class Measurement:
    """Something that is measured in a volume.

    Parameters
    ----------
    points : sequence of 3-tuples
        LPS mm; for a volume without an affine voxel indices (slice, row, column), which may be fractions.
    name : str
        For people.

    Raises
    ------
    MeasureError
        If there are too few or too many points, or they do not make the shape.
    """

    points: tuple[tuple[float, float, float], ...]
    name: str = ""

    #: What it is called in tables and files.
    kind: ClassVar[str] = ""
    #: How many points it has, at least and at most.
    count: ClassVar[tuple[int, int]] = (1, 1)
    #: Whether it encloses an area.
    is_area: ClassVar[bool] = False

    def __post_init__(self) -> None:
        try:
            array = np.array(self.points, dtype=np.float64).reshape(-1, 3)
        except (TypeError, ValueError):
            array = np.empty((0, 3))
        low, high = self.count
        if not low <= len(array) <= high or not np.isfinite(array).all():
            many = low if low == high else f"{low} or more"
            raise MeasureError(
                f"a {self.kind} needs {many} points of three finite numbers, not {self.points!r}",
                remedy="give LPS positions in mm",
            )
        object.__setattr__(self, "points", tuple(map(tuple, array.tolist())))
        object.__setattr__(self, "name", str(self.name))
        self._check(array)

    def _check(self, points: Floats) -> None:
        """Refuse points that do not make the shape."""

    @property
    def array(self) -> Floats:
        """The points, shape (N, 3)."""
        return np.array(self.points)

    @property
    def middle(self) -> tuple[float, float, float]:
        """The middle of the points."""
        x, y, z = self.array.mean(axis=0).tolist()
        return x, y, z

    def moved_point(self, i: int, to: Sequence[float]) -> Self:
        """Return it with one point at another place."""
        points = list(self.points)
        points[i] = tuple(to)  # type: ignore[assignment]
        return replace(self, points=tuple(points))

    def outline(self) -> Floats:
        """Return the corners of the line that is drawn, shape (N, 3)."""
        return self.array


class Point(Measurement):
    """The value of the voxel at a point.

    Examples
    --------
    >>> Point([(27, -2, 34)]).points
    ((27.0, -2.0, 34.0),)
    """

    kind = "point"


class Distance(Measurement):
    """The length between two points.

    Examples
    --------
    >>> Distance([(0, 0, 0), (3, 4, 0)], name="stone").middle
    (1.5, 2.0, 0.0)
    """

    kind = "distance"
    count = (2, 2)


class Angle(Measurement):
    """The angle at the second of three points.

    Examples
    --------
    >>> len(Angle([(1, 0, 0), (0, 0, 0), (0, 1, 0)]).points)
    3
    """

    kind = "angle"
    count = (3, 3)


class Rectangle(Measurement):
    """Four corners, in order around; a parallelogram where the axes of the volume are not perpendicular.

    Examples
    --------
    >>> Rectangle([(0, 0, 0), (4, 0, 0), (4, 3, 0), (0, 3, 0)]).moved_point(2, (6, 5, 0)).points[1]
    (6.0, 0.0, 0.0)
    """

    kind = "rectangle"
    count = (4, 4)
    is_area = True

    def _check(self, points: Floats) -> None:
        a, b, c, d = points
        if np.linalg.norm(a + c - b - d) > FLAT * np.linalg.norm(c - a):
            raise MeasureError(
                f"the corners of a rectangle lie opposite each other, not {self.points!r}",
                remedy="give two that do",
            )

    def moved_point(self, i: int, to: Sequence[float]) -> Self:
        """Return it with a corner elsewhere; the opposite one stays, and the directions of the sides."""
        p = self.array
        opposite = (i + 2) % 4
        sides = p[[(i + 1) % 4, (i + 3) % 4]] - p[opposite]
        parts = np.linalg.lstsq(sides.T, np.asarray(to, float) - p[opposite], rcond=None)[0]
        p[(i + 1) % 4], p[(i + 3) % 4] = p[opposite] + parts[:, None] * sides
        p[i] = p[opposite] + parts @ sides
        return replace(self, points=tuple(map(tuple, p.tolist())))


class Ellipse(Measurement):
    """The ends of two diameters, in order around: each is parallel to the tangents at the ends of the other.

    Examples
    --------
    >>> Ellipse([(-4, 0, 0), (0, -3, 0), (4, 0, 0), (0, 3, 0)]).middle
    (0.0, 0.0, 0.0)
    >>> Ellipse.in_corners([(0, 0, 0), (8, 0, 0), (8, 6, 0), (0, 6, 0)]).points[0]
    (0.0, 3.0, 0.0)
    """

    kind = "ellipse"
    count = (4, 4)
    is_area = True

    @classmethod
    def in_corners(cls, corners: Any, *, name: str = "") -> "Ellipse":
        """Return the ellipse that touches the sides of a rectangle or parallelogram in their middles."""
        a, b, c, d = np.asarray(corners, dtype=np.float64)
        ends = np.array([a + d, a + b, b + c, c + d]) / 2
        return cls(tuple(map(tuple, ends.tolist())), name)

    def _check(self, points: Floats) -> None:
        a, b, c, d = points
        size = max(float(np.linalg.norm(c - a)), float(np.linalg.norm(d - b)))
        if np.linalg.norm(a + c - b - d) > FLAT * size:
            raise MeasureError(
                f"the diameters of an ellipse share their middle, not {self.points!r}",
                remedy="move one of them",
            )

    @property
    def radii(self) -> Floats:
        """From the middle to the first and to the second point, shape (2, 3)."""
        p = self.array
        return np.array([p[0] - p[2], p[1] - p[3]]) / 2

    def moved_point(self, i: int, to: Sequence[float]) -> Self:
        """Return it with an end of a diameter further out or in; the opposite end stays."""
        p = self.array
        opposite = (i + 2) % 4
        along = p[i] - p[opposite]
        part = (np.asarray(to, float) - p[opposite]) @ along / max(float(along @ along), 1e-12)
        shift = along * (part - 1) / 2
        p[[(i + 1) % 4, (i + 3) % 4]] += shift
        p[i] += 2 * shift
        return replace(self, points=tuple(map(tuple, p.tolist())))

    def outline(self) -> Floats:
        """Return many points of it."""
        angle = np.linspace(0, 2 * np.pi, ELLIPSE_CORNERS, endpoint=False)[:, None]
        u, v = self.radii
        return np.asarray(self.middle + np.cos(angle) * u + np.sin(angle) * v)


class Polygon(Measurement):
    """A plane polygon; the last point is joined to the first.

    Examples
    --------
    >>> Polygon([(0, 0, 0), (4, 0, 0), (0, 3, 0)]).kind
    'polygon'
    """

    kind = "polygon"
    count = (3, 10_000)
    is_area = True

    def _check(self, points: Floats) -> None:
        extents = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        if extents[2] > FLAT * max(extents[0], 1e-12):
            raise MeasureError(
                f"the {len(points)} points of a polygon lie in one plane, which these do not",
                remedy="project them onto one",
            )


@dataclass(frozen=True, eq=False)
class Region:
    """A region of voxels.

    Parameters
    ----------
    mask : Volume
        True, or not 0, inside: e.g. a segment of ``dv.segread(...)``.
    name : str
        For people; by default the label of the segment.

    Raises
    ------
    MeasureError
        If the mask is not made of true and false, or of whole numbers.

    Examples
    --------
    >>> inside = np.zeros((3, 4, 5), bool)
    >>> inside[1, 1:3, 2:4] = True
    >>> int(np.sum(Region(Volume.from_array(inside), name="stone").mask))
    4
    """

    mask: Volume
    name: str = ""

    kind: ClassVar[str] = "region"
    is_area: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.mask, Volume) or self.mask.dtype.kind not in "biu" or self.mask.ndim != 3:
            raise MeasureError(
                "a region is a Volume of three dimensions that holds true and false, or whole numbers",
                remedy="compare others with a threshold, "
                "dv.Volume.from_array(np.asarray(vol) > 0.5, affine=...)",
            )
        label = self.name or self.mask.meta.get("SegmentLabel") or ""
        object.__setattr__(self, "name", str(label))

    @property
    def middle(self) -> tuple[float, float, float] | None:
        """The middle of its voxels, LPS mm or voxel index; None of an empty one."""
        index = np.argwhere(np.asarray(self.mask.array)).mean(axis=0) if np.any(self.mask.array) else None
        if index is None:
            return None
        place = self.mask.geometry.position(index)
        x, y, z = (index if place is None else place).tolist()
        return x, y, z


#: By kind: the class.
KINDS: dict[str, type[Measurement]] = {
    shape.kind: shape for shape in (Point, Distance, Angle, Rectangle, Ellipse, Polygon)
}
