"""Geometry: the affine from voxel index to patient position, without any voxels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dicomview.errors import GeometryError
from dicomview.geometry.middle import median

__all__ = ["GIVE_AFFINE", "Geometry"]

#: What helps where the place of voxels in the patient is not known.
GIVE_AFFINE = "give it with Volume.from_array(array, affine=...)"
#: What helps where a header is wrong.
MEND = "mend the element, or give an affine of your own"

Floats = NDArray[np.float64]

#: Orthogonality of ImageOrientationPatient: how far the cosine and the lengths may be off.
COSINE_TOLERANCE = 1e-3
#: A stack is straight when its slices shift sideways by less than this over its whole length (mm), or when
#: the step leaves the normal by less (degrees). Positions are written with two decimals at worst.
SHEAR_MM, SHEAR_DEGREES = 0.1, 0.1
#: Slices are evenly spaced within the larger of these (mm, fraction of the step).
UNIFORM_MM, UNIFORM_FRACTION = 0.01, 0.01


@dataclass(frozen=True, eq=False)
class Geometry:
    """The place of a volume in the patient.

    Indices count voxels in array order (slice, row, column); positions are LPS millimetres
    (x to the patient's left, y to posterior, z to superior).

    Parameters
    ----------
    shape : tuple of int
        Number of slices, rows and columns.
    spacing : tuple of float or None, optional
        Distance in mm between neighbouring slices, rows and columns. ``None`` in a place that is not known.
    affine : array_like of shape (4, 4), optional
        Maps ``(slice, row, column, 1)`` to ``(x, y, z, 1)``. ``None`` when the files do not say.
        With a single slice there is no slice step: its column holds the unit normal and ``spacing[0]`` is
        ``None``.
    slice_positions : array_like of shape (slices, 3), optional
        Position of the first voxel of every slice. Exact also where no single affine fits; calculated
        from the affine by default.

    Raises
    ------
    GeometryError
        If the affine is singular or the parts do not fit together.

    Examples
    --------
    >>> geometry = Geometry((20, 256, 256), affine=np.diag([5, 0.5, 0.5, 1])[[2, 1, 0, 3]])
    >>> geometry.spacing
    (5.0, 0.5, 0.5)
    >>> geometry.position((2, 0, 10))
    array([ 5.,  0., 10.])
    """

    shape: tuple[int, int, int]
    spacing: tuple[float | None, float | None, float | None] = (None, None, None)
    affine: Floats | None = None
    slice_positions: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(
                f"a geometry needs three extents of at least 1, not {self.shape}",
                remedy="give slices, rows and columns",
            )
        object.__setattr__(self, "shape", shape)
        if self.affine is None:
            object.__setattr__(self, "spacing", _checked_spacing(self.spacing))
            if self.slice_positions is not None:
                raise GeometryError(
                    "slice positions without an affine have no meaning", remedy="give an affine too"
                )
            return
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all() or (affine[3] != (0, 0, 0, 1)).any():
            raise GeometryError(
                "an affine is a finite 4 x 4 matrix whose last row is 0, 0, 0, 1", remedy="give one that is"
            )
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        if not lengths.all() or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
            raise GeometryError(
                "the affine is singular", remedy="give one whose first three columns span space"
            )
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        first = None if shape[0] == 1 else float(lengths[0])
        object.__setattr__(self, "spacing", (first, float(lengths[1]), float(lengths[2])))
        if self.slice_positions is None:
            positions = affine[:3, 3] + np.arange(shape[0])[:, None] * affine[:3, 0]
        else:
            positions = np.array(self.slice_positions, dtype=np.float64)
            if positions.shape != (shape[0], 3):
                raise GeometryError(
                    f"slice_positions must have shape ({shape[0]}, 3), not {positions.shape}",
                    remedy="give a position for each slice",
                )
        positions.setflags(write=False)
        object.__setattr__(self, "slice_positions", positions)

    @classmethod
    def from_attributes(
        cls,
        shape: Sequence[int],
        *,
        orientation: ArrayLike,
        pixel_spacing: Sequence[float],
        positions: ArrayLike,
    ) -> "Geometry":
        """Make the geometry of parallel slices from their DICOM attributes.

        Parameters
        ----------
        shape : sequence of int
            Slices, rows, columns.
        orientation : array_like of shape (6,)
            ImageOrientationPatient (0020,0037).
        pixel_spacing : sequence of float
            PixelSpacing (0028,0030): between rows, between columns, mm.
        positions : array_like of shape (slices, 3)
            ImagePositionPatient (0020,0032) of every slice, in array order.

        Raises
        ------
        GeometryError
            If the orientation is not that of two perpendicular unit vectors, a spacing is not positive, or
            the slices do not move out of their plane.

        References
        ----------
        DICOM PS3.3 C.7.6.2.1.1.
        """
        cosines = np.asarray(orientation, dtype=np.float64)
        along_columns, along_rows = cosines[:3], cosines[3:]
        lengths = np.linalg.norm([along_columns, along_rows], axis=1)
        if abs(lengths - 1).max() > COSINE_TOLERANCE or abs(along_columns @ along_rows) > COSINE_TOLERANCE:
            raise GeometryError(
                "ImageOrientationPatient must hold two perpendicular unit vectors, "
                f"not {[round(float(c), 6) for c in cosines]}",
                tag="ImageOrientationPatient",
                remedy=MEND,
            )
        between_rows, between_columns = (float(s) for s in pixel_spacing)
        if not (between_rows > 0 and between_columns > 0):
            raise GeometryError(
                f"PixelSpacing must be positive, not {between_rows}\\{between_columns}",
                tag="PixelSpacing",
                remedy=MEND,
            )
        points = np.asarray(positions, dtype=np.float64).reshape(-1, 3)
        normal = np.cross(along_columns, along_rows)
        step = (points[-1] - points[0]) / (len(points) - 1) if len(points) > 1 else normal
        if abs(step @ normal) < 1e-6:
            raise GeometryError(
                "the slices lie at one position, their ImagePositionPatient does not differ",
                tag="ImagePositionPatient",
                remedy=MEND,
            )
        affine = np.eye(4)
        affine[:3, 0] = step
        affine[:3, 1] = along_rows * between_rows
        affine[:3, 2] = along_columns * between_columns
        affine[:3, 3] = points[0]
        return cls(tuple(shape), affine=affine, slice_positions=points)  # type: ignore[arg-type]

    @property
    def normal(self) -> Floats | None:
        """Unit vector perpendicular to the slices, on the side of increasing slice index."""
        if self.affine is None:
            return None
        normal = np.cross(self.affine[:3, 2], self.affine[:3, 1])
        normal /= np.linalg.norm(normal)
        return normal if normal @ self.affine[:3, 0] > 0 else -normal

    @property
    def tilt(self) -> float | None:
        """Angle in degrees between the slice step and the normal of the slices; 0 unless sheared."""
        normal = self.normal
        if normal is None or self.affine is None:
            return None
        step = self.affine[:3, 0]
        sideways = float(np.linalg.norm(step - (step @ normal) * normal))
        angle = float(np.degrees(np.arctan2(sideways, step @ normal)))
        straight = angle < SHEAR_DEGREES or sideways * (self.shape[0] - 1) < SHEAR_MM
        return 0.0 if straight else angle

    @property
    def steps(self) -> Floats | None:
        """Distance in mm from each slice to the next along the normal, shape ``(slices - 1,)``."""
        normal = self.normal
        if normal is None or self.slice_positions is None:
            return None
        return np.diff(self.slice_positions @ normal)

    @cached_property
    def is_uniform(self) -> bool:
        """Whether the slices are evenly spaced, within 0.01 mm or 1 %."""
        steps = self.steps
        if steps is None or not len(steps):
            return True
        usual = float(median(steps))
        return bool(abs(steps - usual).max() <= max(UNIFORM_MM, UNIFORM_FRACTION * abs(usual)))

    @cached_property
    def _inverse(self) -> Floats:
        """From mm to voxels."""
        assert self.affine is not None
        return np.asarray(np.linalg.inv(self.affine[:3, :3]), dtype=np.float64)

    def position(self, index: ArrayLike) -> Floats | None:
        """Return the LPS position (mm) of voxel indices, shape (..., 3); None without an affine.

        Exact also between slices that are unevenly spaced.
        """
        if self.affine is None or self.slice_positions is None:
            return None
        index = np.asarray(index, dtype=np.float64)
        if self.is_uniform:
            return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)
        k = index[..., 0]
        last = self.shape[0] - 1
        inside = np.clip(k, 0, last)
        slices, starts = np.arange(last + 1), self.slice_positions.T
        start = np.stack([np.interp(inside, slices, component) for component in starts], axis=-1)
        beyond = (k - inside)[..., None] * self.affine[:3, 0]
        return np.asarray(start + beyond + index[..., 1:] @ self.affine[:3, 1:3].T, dtype=np.float64)

    def index(self, position: ArrayLike) -> Floats:
        """Return the fractional voxel index of LPS positions (mm), shape (..., 3).

        Raises
        ------
        GeometryError
            If the geometry has no affine.
        """
        normal = self.normal
        if self.affine is None or self.slice_positions is None or normal is None:
            raise GeometryError(
                "positions in mm need an affine, which these files do not give", remedy=GIVE_AFFINE
            )
        position = np.asarray(position, dtype=np.float64)
        offset = position - self.affine[:3, 3]
        index = offset @ self._inverse.T
        if self.is_uniform:
            return np.asarray(index, dtype=np.float64)
        # The slice by its own position along the normal; the rest from the start of that slice.
        along = self.slice_positions @ normal
        inside = np.interp(position @ normal, along, np.arange(len(along)))
        outside = (position @ normal < along[0]) | (position @ normal > along[-1])
        index[..., 0] = np.where(outside, index[..., 0], inside)
        start = self.position(np.stack([index[..., 0], 0 * inside, 0 * inside], axis=-1))
        assert start is not None
        in_plane = np.linalg.lstsq(self.affine[:3, 1:3], (position - start).reshape(-1, 3).T, rcond=None)[0].T
        index[..., 1:] = in_plane.reshape(*index.shape[:-1], 2)
        return np.asarray(index, dtype=np.float64)

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Geometry):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.spacing == other.spacing
            and _same(self.affine, other.affine)
            and _same(self.slice_positions, other.slice_positions)
        )

    __hash__ = None  # type: ignore[assignment]


def _same(a: Floats | None, b: Floats | None) -> bool:
    """Compare arrays that may be absent."""
    if a is None or b is None:
        return a is b
    return np.array_equal(a, b)


def _checked_spacing(spacing: Sequence[float | None]) -> tuple[float | None, ...]:
    """Return three positive floats or Nones."""
    try:
        values = tuple(None if s is None else float(s) for s in spacing)
    except TypeError:
        values = ()
    if len(values) != 3 or any(s is not None and not (0 < s < np.inf) for s in values):
        raise GeometryError(
            f"a spacing is three positive lengths in mm, not {spacing}",
            remedy="give None where it is unknown",
        )
    return values
