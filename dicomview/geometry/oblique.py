"""Oblique: grids at any angle, and rotations."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import GeometryError
from dicomview.geometry.geometry import GIVE_AFFINE, Geometry

__all__ = [
    "facing_grid",
    "oblique_grid",
    "plane_through",
    "rotation_matrix",
    "rotation_vector",
    "straight_axes",
    "turned_grid",
]

Floats = NDArray[np.float64]

#: Directions that are meant to be perpendicular are so within this cosine.
PERPENDICULAR = 1e-3
#: Voxels of a turned grid along each side at most.
MOST = 1024
#: Directions whose cosine differs from one by less are the same.
SAME = 1e-12


def rotation_matrix(rotation: ArrayLike) -> Floats:
    """Return the matrix of a rotation vector: its direction is the axis, its length the angle in degrees.

    Examples
    --------
    >>> rotation_matrix((0, 0, 90)).round(6)[:, 0].tolist()  # from left to posterior
    [0.0, 1.0, 0.0]
    """
    vector = np.radians(np.asarray(rotation, dtype=np.float64))
    angle = float(np.linalg.norm(vector))
    if not angle:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def rotation_vector(matrix: ArrayLike) -> tuple[float, float, float]:
    """Return the rotation vector (degrees) of a matrix; see :func:`rotation_matrix`.

    Examples
    --------
    >>> [round(x, 6) for x in rotation_vector(rotation_matrix((10, -20, 30)))]
    [10.0, -20.0, 30.0]
    """
    m = np.asarray(matrix, dtype=np.float64)
    angle = float(np.arccos(np.clip((np.trace(m) - 1) / 2, -1, 1)))
    axis: Floats = np.array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    length = float(np.linalg.norm(axis))
    if angle > np.pi - 1e-4:  # half a turn: the axis is what stays
        values, vectors = np.linalg.eigh((m + m.T) / 2)
        stays = vectors[:, np.argmax(values)]
        axis, length = stays * (1 if stays @ axis >= 0 else -1), 1.0
    elif length < 1e-12:
        return 0.0, 0.0, 0.0
    x, y, z = (float(v) for v in np.degrees(angle) * axis / length)
    return x, y, z


def plane_through(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return centre, right and down of the plane through three points (LPS, mm).

    Right is from the first to the second, down is perpendicular to it, on the side of the third.

    Raises
    ------
    GeometryError
        If the points lie on a line.

    Examples
    --------
    >>> [v.tolist() for v in plane_through((0, 0, 0), (6, 0, 0), (0, 3, 0))]
    [[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    points = np.array([a, b, c], dtype=np.float64)
    right, aside = points[1] - points[0], points[2] - points[0]
    if np.linalg.norm(np.cross(right, aside)) <= 1e-6 * np.linalg.norm(right) * np.linalg.norm(aside):
        raise GeometryError(
            f"a plane needs three points that do not lie on a line, not {points.tolist()}",
            remedy="move one of them aside",
        )
    right /= np.linalg.norm(right)
    down = aside - (aside @ right) * right
    return points.mean(axis=0), right, down / np.linalg.norm(down)


def oblique_grid(
    geometry: Geometry,
    center: ArrayLike,
    *,
    right: ArrayLike,
    down: ArrayLike,
    size: tuple[float, float] | None = None,
    spacing: float | None = None,
    slices: int = 1,
    step: float | None = None,
) -> Geometry:
    """Return a grid of slices at any angle through a volume.

    Parameters
    ----------
    geometry : Geometry
        Of the volume.
    center : array_like of 3 floats
        LPS mm: a point of the middle slice.
    right, down : array_like of 3 floats
        Directions of the columns and rows, of any length, perpendicular to each other.
    size : (float, float), optional
        Height and width in mm about the centre; by default all of the volume is held.
    spacing : float, optional
        mm between rows and between columns; by default the smallest one of the volume.
    slices : int
    step : float, optional
        mm between slices; by default as ``spacing``.

    Raises
    ------
    GeometryError
        Without an affine, and where the directions are not perpendicular.

    Examples
    --------
    >>> cube = Geometry((50, 50, 50), affine=np.eye(4)[[2, 1, 0, 3]])
    >>> oblique_grid(cube, (20, 25, 25), right=(1, 0, 1), down=(0, 1, 0), size=(20, 30)).shape
    (1, 21, 31)
    """
    if geometry.affine is None:
        raise GeometryError("an oblique plane lies in the patient, it needs an affine", remedy=GIVE_AFFINE)
    vectors = [np.asarray(v, dtype=np.float64) for v in (right, down)]
    lengths = [float(np.linalg.norm(v)) for v in vectors]
    if not all(lengths) or abs(vectors[0] @ vectors[1]) > PERPENDICULAR * lengths[0] * lengths[1]:
        raise GeometryError(
            f"right and down must be perpendicular, not {right!r} and {down!r}",
            remedy="give two directions at a right angle, neither of them zero",
        )
    across, along = vectors[0] / lengths[0], vectors[1] / lengths[1]
    normal = np.cross(across, along)
    normal /= np.linalg.norm(normal)
    along = np.cross(normal, across)
    known = [s for s in geometry.spacing if s]
    between = min(known) if spacing is None else float(spacing)
    middle = np.asarray(center, dtype=np.float64)
    if size is None:
        corners = _corners(geometry) - middle
        ends = [(float((corners @ v).min()), float((corners @ v).max())) for v in (along, across)]
    else:
        ends = [(-length / 2, length / 2) for length in size]
    (top, bottom), (left, rightmost) = ends
    shape = (
        int(slices),
        int(np.ceil((bottom - top) / between - 1e-6)) + 1,
        int(np.ceil((rightmost - left) / between - 1e-6)) + 1,
    )
    affine = np.eye(4)
    affine[:3, 0] = normal * (between if step is None else float(step))
    affine[:3, 1], affine[:3, 2] = along * between, across * between
    affine[:3, 3] = middle + top * along + left * across - affine[:3, 0] * (shape[0] - 1) / 2
    return Geometry(shape, affine=affine)


def straight_axes(geometry: Geometry) -> Floats:
    """Return unit vectors along slices, rows and columns as the columns of a matrix.

    The first one is the normal of the slices, also where they are stacked at a slant.

    Examples
    --------
    >>> tilted = np.array([[0, 0, 1, 0], [0.5, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
    >>> straight_axes(Geometry((9, 8, 7), affine=tilted))[:, 0].tolist()
    [0.0, 0.0, 1.0]
    """
    assert geometry.affine is not None and geometry.normal is not None
    steps = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
    return np.stack([geometry.normal, steps[:, 1], steps[:, 2]], axis=1)


def facing_grid(
    geometry: Geometry, base: Geometry, turned: Geometry, *, axis: int, about: Sequence[float]
) -> Geometry:
    """Return the slices of a turned grid across one axis, seen upright.

    The two other axes are turned by no more than it takes to bring the slices of the base into those of the
    turned grid: however a grid is turned about the normal of its slices, these look the same. Slices that
    are parallel to those of the base have its voxels.

    Parameters
    ----------
    geometry : Geometry
        Of the volume, all of which the slices hold.
    base, turned : Geometry
        See :func:`turned_grid`.
    axis : int
        Across the slices; they have the numbers that they have in the turned grid.
    about : three floats
        LPS mm: the point that was turned about.

    Examples
    --------
    >>> cube = Geometry((10, 10, 10), affine=np.eye(4)[[2, 1, 0, 3]])
    >>> turned, _ = turned_grid(cube, cube, (0, 0, 45), about=(2, 3, 4))
    >>> grid = facing_grid(cube, cube, turned, axis=0, about=(2, 3, 4))
    >>> grid.index((2, 3, 4)).round(6).tolist(), grid.shape
    ([9.0, 3.0, 2.0], (19, 10, 10))
    """
    assert base.affine is not None and turned.affine is not None
    axes, lengths = straight_axes(base), np.linalg.norm(turned.affine[:3, :3], axis=0)
    normal = turned.affine[:3, axis] / lengths[axis]
    point = np.asarray(about, dtype=np.float64)
    off: Floats = np.zeros(3)
    affine = np.eye(4)
    if normal @ axes[:, axis] > 1 - SAME:
        along = axes[:, 0] @ base.affine[:3, 0]
        slanted = not np.allclose(axes[:, 0] * along, base.affine[:3, 0], atol=1e-9)
        affine[:3, :3] = base.affine[:3, :3]
        affine[:3, 0] = axes[:, 0] * along if slanted else base.affine[:3, 0]
        voxel = base.index(point)
        off = np.rint(voxel) - voxel
        off[axis], margin = 0, 0
    else:
        axes = _smallest_rotation(axes[:, axis], normal, axes[:, axis - 1]) @ axes
        affine[:3, :3], margin = axes * lengths, 1
    affine[:3, axis] = turned.affine[:3, axis]
    anchor = point + affine[:3, :3] @ off
    index = (_corners(geometry) - anchor) @ np.linalg.inv(affine[:3, :3]).T
    low = np.floor(index.min(axis=0) + 1e-6) - margin
    shape = np.ceil(index.max(axis=0) - 1e-6) + margin - low + 1
    low[axis], shape[axis] = -np.rint(turned.index(point)[axis]), turned.shape[axis]
    affine[:3, 3] = anchor + affine[:3, :3] @ low
    return Geometry(tuple(shape.astype(int).tolist()), affine=affine)


def _smallest_rotation(start: Floats, end: Floats, other: Floats) -> Floats:
    """Return the matrix that brings one unit vector to another; of opposite ones about a third."""
    cosine = float(start @ end)
    if cosine < SAME - 1:
        return rotation_matrix(180 * other)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine))


def turned_grid(
    geometry: Geometry, base: Geometry, rotation: Sequence[float], *, about: Sequence[float]
) -> tuple[Geometry, tuple[float, float, float]]:
    """Return a grid on the turned axes of another one, and the extents of the other one in its voxels.

    Parameters
    ----------
    geometry : Geometry
        Of the volume that the grid holds, whatever the rotation.
    base : Geometry
        Whose axes are turned.
    rotation : three floats
        See :func:`rotation_matrix`.
    about : three floats
        LPS mm: this point is a voxel of the grid.

    Examples
    --------
    >>> cube = Geometry((10, 10, 10), affine=np.eye(4)[[2, 1, 0, 3]])
    >>> grid, extents = turned_grid(cube, cube, (0, 0, 45), about=(2, 3, 4))
    >>> grid.index((2, 3, 4)).round(6).tolist(), extents
    ([9.0, 10.0, 6.0], (10.0, 10.0, 10.0))
    """
    assert geometry.affine is not None and base.affine is not None
    turned = rotation_matrix(rotation) @ straight_axes(base)
    corners = _corners(geometry)
    diagonal = max(float(np.linalg.norm(a - b)) for a, b in zip(corners, corners[::-1]))
    spacing = max(min(s for s in geometry.spacing if s), diagonal / (MOST - 1))
    half = int(np.ceil(diagonal / 2 / spacing)) + 1
    # The middle lies in the middle of the volume, to the voxel that makes the point one, too.
    away = (corners.mean(axis=0) - np.asarray(about, dtype=np.float64)) @ turned / spacing
    affine = np.eye(4)
    affine[:3, :3] = turned * spacing
    affine[:3, 3] = about + affine[:3, :3] @ (np.rint(away) - half)
    extents = [n * (s or spacing) / spacing for n, s in zip(base.shape, base.spacing)]
    edge = 2 * half + 1
    grid = Geometry((edge, edge, edge), affine=affine)
    return grid, (extents[0], extents[1], extents[2])


def _corners(geometry: Geometry) -> Floats:
    """Return the positions of the outer voxels; opposite ones at opposite ends of the list."""
    ends = list(product(*((0, n - 1) for n in geometry.shape)))
    corners = geometry.position(np.array(ends, dtype=np.float64))
    assert corners is not None
    return corners
