"""Contours: outlines in patient space, brought to the slices of a grid and filled there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry
from dicomview.volume.meta import safe_text

__all__ = ["Contour", "Placed", "fill_even_odd", "place_contours", "ranges"]

Floats = NDArray[np.float64]

#: Contours that enclose an area.
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
#: Contours closer than this along the stack lie in one plane: mm, and at most this part of a slice.
SAME_PLANE_MM, SAME_PLANE_SLICES = 0.05, 0.1
#: A contour that crosses more than this part of a slice does not lie in one.
FLAT_SLICES = 0.5
#: Indices are rounded to so many digits, so that a point meant to be on a pixel centre is on it.
DIGITS = 6


@dataclass(frozen=True, eq=False, repr=False)
class Contour:
    """One contour of a region.

    Attributes
    ----------
    points : ndarray of shape (N, 3)
        LPS mm, in the order of the file; of a closed contour the first point is not repeated.
    geometric_type : str
        ContourGeometricType (3006,0042): ``"CLOSED_PLANAR"``, ``"CLOSEDPLANAR_XOR"``, ``"OPEN_PLANAR"``,
        ``"OPEN_NONPLANAR"`` or ``"POINT"``.
    image_uid : str or None
        SOPInstanceUID of the image on which it was drawn.
    """

    points: Floats
    geometric_type: str
    image_uid: str | None = None

    def __repr__(self) -> str:
        return f"Contour({safe_text(self.geometric_type)}, {len(self.points)} points)"

    @property
    def is_closed(self) -> bool:
        """Whether it encloses an area."""
        return self.geometric_type in CLOSED and len(self.points) >= 3


@dataclass(frozen=True)
class Placed:
    """The contours of one region on the slices of a grid.

    Attributes
    ----------
    slices : dict
        Polygons by slice, each an array of shape (N, 2) of fractional (row, column).
    warnings : tuple of str
        What has no mask there, and why.
    problem : str or None
        Why there can be no mask at all.
    """

    slices: dict[int, list[Floats]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    problem: str | None = None


def place_contours(
    contours: Sequence[Contour], geometry: Geometry, *, name: str, thickness: float | None = None
) -> Placed:
    """Assign the closed contours of a region to the slices of a grid.

    A contour belongs to the slice whose plane is nearest, within half a slice. Where several planes of
    contours are nearest to one slice, the nearest of them counts, of two the one at the lower index. Nothing
    is interpolated between planes.

    Parameters
    ----------
    contours : sequence of Contour
    geometry : Geometry
        With an affine; the slices may have any orientation, be sheared or unevenly spaced.
    name : str
        Of the region, for the warnings.
    thickness : float, optional
        Thickness in mm of a single slice, which has no step to the next.

    Raises
    ------
    GeometryError
        If the grid has no affine.
    """
    name = f"'{safe_text(name)}'"
    closed = [contour for contour in contours if contour.is_closed]
    warnings = _without_area(contours, name)
    if not closed:
        return Placed(warnings=tuple(warnings))
    step = geometry.spacing[0] or thickness or 1.0
    indices = [np.round(geometry.index(contour.points), DIGITS) for contour in closed]
    if geometry.shape[0] == 1:  # the index across a single slice is in mm
        indices = [index / (step, 1, 1) for index in indices]
    crossed = max(float(np.ptp(index[:, 0])) for index in indices)
    if crossed > FLAT_SLICES:
        problem = (
            f"the contours of {name} do not lie in slices of this volume: one crosses {crossed:.1f} of them; "
            "take the volume on which they were drawn"
        )
        return Placed(warnings=(*warnings, problem), problem=problem)
    places = np.array([index[:, 0].mean() for index in indices])
    planes = _planes(places, min(SAME_PLANE_MM / step, SAME_PLANE_SLICES))
    levels = np.round([places[plane].mean() for plane in planes], DIGITS)
    nearest = np.floor(levels + 0.5).astype(int)
    far = np.round(abs(levels - nearest), DIGITS)
    chosen: dict[int, int] = {}
    for i in np.argsort(far, kind="stable").tolist():
        if 0 <= nearest[i] < geometry.shape[0]:
            chosen.setdefault(int(nearest[i]), i)
    slices = {k: [indices[j][:, 1:] for j in planes[i]] for k, i in sorted(chosen.items())}
    outside = [i for i in range(len(planes)) if not 0 <= nearest[i] < geometry.shape[0]]
    warnings += _unplaced(geometry, slices, name, sum(len(planes[i]) for i in outside), len(closed))
    doubled = len(planes) - len(outside) - len(chosen)
    if doubled:
        warnings.append(
            f"{name}: {doubled} of {len(planes)} planes of contours have no mask: "
            "another is nearer to their slice"
        )
    return Placed(slices, tuple(warnings))


def _without_area(contours: Sequence[Contour], name: str) -> list[str]:
    """Say which contours enclose nothing."""
    kinds: dict[str, int] = {}
    for contour in contours:
        if not contour.is_closed:
            kind = safe_text(contour.geometric_type)
            kind += f" with {len(contour.points)} points" if contour.geometric_type in CLOSED else ""
            kinds[kind] = kinds.get(kind, 0) + 1
    return [f"{name}: {n} contour(s) {kind} enclose no area and have no mask" for kind, n in kinds.items()]


def _planes(places: Floats, tolerance: float) -> list[list[int]]:
    """Group contours by the plane they lie in, in order."""
    planes: list[list[int]] = []
    for i in np.argsort(places, kind="stable"):
        if planes and places[i] - places[planes[-1][-1]] <= tolerance:
            planes[-1].append(int(i))
        else:
            planes.append([int(i)])
    return planes


def _unplaced(
    geometry: Geometry, slices: dict[int, list[Floats]], name: str, outside: int, count: int
) -> list[str]:
    """Say which contours lie beside the volume, and which slices lie between contours."""
    warnings = []
    if outside:
        warnings.append(f"{name}: {outside} of {count} contours lie above or below the volume")
    _, rows, columns = geometry.shape
    beyond = [
        k for k, polygons in slices.items() if any(_leaves(polygon, rows, columns) for polygon in polygons)
    ]
    if beyond:
        warnings.append(f"{name}: contours reach beyond the edge of the image in slices {ranges(beyond)}")
    between = sorted(set(range(min(slices), max(slices))) - set(slices)) if slices else []
    if between:
        warnings.append(
            f"{name}: slices {ranges(between)} lie between contours and have no mask: nothing is interpolated"
        )
    return warnings


def _leaves(polygon: Floats, rows: int, columns: int) -> bool:
    return bool((polygon < -0.5).any() or (polygon > (rows - 0.5, columns - 0.5)).any())


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers shortly.

    Examples
    --------
    >>> ranges([3, 4, 5, 9])
    '3-5, 9'
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in runs)


def fill_even_odd(polygons: Sequence[Floats], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centres lie inside an odd number of polygons.

    So holes may be contours of their own or be joined to the outer one by a keyhole.

    Parameters
    ----------
    polygons : sequence of ndarray of shape (N, 2)
        Vertices as (row, column) index; closed from the last to the first.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of bool
        A centre on an edge belongs to the side of larger row and column, as if it lay a little further
        that way, so that regions that touch neither overlap nor leave a gap.

    References
    ----------
    DICOM PS3.3 C.8.8.6.3 (inner and outer contours); the even-odd rule along each row of pixels.

    Examples
    --------
    >>> square, hole = np.array([[0, 0], [0, 5], [5, 5], [5, 0]]), np.array([[1, 1], [1, 3], [3, 3], [3, 1]])
    >>> fill_even_odd([square - 0.5, hole - 0.5], (5, 5)).sum(axis=1).tolist()
    [5, 3, 3, 5, 5]
    """
    rows, columns = shape
    # crossings[r, n]: how many edges cross row r right of column n - 1 and not right of column n
    crossings = np.zeros((rows, columns + 1), dtype=np.int64)
    for polygon in polygons:
        start, end = np.asarray(polygon, dtype=np.float64), np.roll(polygon, -1, axis=0)
        low, high = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
        # rows with low <= row < high: each row that an outline goes through is crossed evenly often
        first = np.clip(np.ceil(low), 0, rows).astype(int)
        counts = np.clip(np.ceil(high), 0, rows).astype(int) - first
        edge = np.repeat(np.arange(len(start)), counts)
        row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
        (r0, c0), (r1, c1) = start[edge].T, end[edge].T
        column = c0 + (row - r0) * (c1 - c0) / (r1 - r0)
        np.add.at(crossings, (row, np.clip(np.ceil(column), 0, columns).astype(int)), 1)
    right = crossings[:, ::-1].cumsum(axis=1)[:, ::-1]  # crossings at n or beyond
    return np.asarray(right[:, 1:] % 2 == 1)
