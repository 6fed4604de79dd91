"""Oblique: a volume on other grids: straight, on the patient's axes, as another volume, at any angle."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from dicomview.geometry import Geometry, oblique_grid, patient_grid, plane_through, turned_grid
from dicomview.volume.onto import on_grid
from dicomview.volume.reference import with_remark
from dicomview.volume.straighten import onto, resliced, straightened

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["Oblique"]


class Oblique:
    """Reslicing, mixed into :class:`dicomview.Volume`."""

    geometry: Geometry

    def desheared(self: Any) -> "Volume":
        """Return the volume on a straight grid, where its slices are stacked at a slant (gantry tilt).

        Returns
        -------
        Volume
            Of the same dtype, with ``geometry.tilt`` 0: each slice is shifted within its plane by linear
            interpolation, integers are rounded. There are more rows or columns, so that no voxel is lost;
            those outside all slices hold the padding value, or the lowest value. A volume without shear, or
            of unknown place, is returned itself.

        See Also
        --------
        dicomview.geometry.deshear : the function on arrays.

        Examples
        --------
        >>> import numpy as np
        >>> from dicomview.volume import Volume
        >>> affine = np.array([[0, 0, 1, 0], [0.5, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
        >>> straight = Volume.from_array(np.zeros((9, 8, 8)), affine=affine).desheared()
        >>> straight.shape, straight.sampling, straight.geometry.tilt
        ((9, 12, 8), (2.0, 1.0, 1.0), 0.0)
        """
        return straightened(self)

    def on_patient_axes(self: Any, *, lazy: bool = False) -> "Volume":
        """Return the volume resliced onto the axes of the patient, where it was acquired at an angle.

        Parameters
        ----------
        lazy : bool
            Whether planes are calculated only when they are asked for, each time.

        Returns
        -------
        Volume
            Slices axial, rows to posterior, columns to the left, each with the spacing of the acquired axis
            that is nearest to it; as large as the acquired volume reaches. Linear interpolation, integers
            rounded; what lies outside holds the padding value, or the lowest value, and
            :meth:`without_data` tells it apart. A volume on these axes is returned itself.

        Raises
        ------
        GeometryError
            Without an affine, and for a single slice, which has no thickness.

        Examples
        --------
        >>> import numpy as np
        >>> from dicomview.volume import Volume
        >>> turned = np.array([[0, 0.6, 0.8, 0], [0, 0.8, -0.6, 0], [2, 0, 0, 0], [0, 0, 0, 1]])
        >>> Volume.from_array(np.zeros((4, 10, 10)), affine=turned).on_patient_axes().shape
        (4, 14, 14)
        """
        return resliced(self, lazy=lazy)

    def on(self: Any, other: "Volume | Geometry", *, lazy: bool = False) -> "Volume":
        """Return the volume on the grid of another, by patient position.

        Parameters
        ----------
        other : Volume or Geometry
            Whose grid it is.
        lazy : bool
            Whether planes are calculated only when they are asked for, each time.

        Returns
        -------
        Volume
            With the shape and place of the other. Linear interpolation, integers rounded; what lies outside
            holds the padding value, or the lowest value, and :meth:`without_data` tells it apart. A volume
            that has this grid is returned itself. Where the frames of reference of both differ, positions
            need not mean the same: ``report.warnings`` says so.

        Raises
        ------
        GeometryError
            If the position of one of them is not known, unless that of neither is and the shapes are the
            same.

        Examples
        --------
        >>> import numpy as np
        >>> from dicomview.volume import Volume
        >>> fine = Volume.from_array(np.zeros((1, 1, 5)), affine=np.diag([1, 1, 0.5, 1])[[2, 1, 0, 3]])
        >>> whole = Volume.from_array(np.array([[[0.0, 8.0]]]), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> whole.on(fine).array.tolist(), whole.on(fine).without_data((0, 0, 4)).tolist()
        ([[[0.0, 4.0, 8.0, 8.0, 0.0]]], True)
        """
        if isinstance(other, Geometry):
            return on_grid(self, other, lazy=lazy)
        return with_remark(on_grid(self, other.geometry, lazy=lazy), self, other)

    def oblique(
        self: Any,
        center: ArrayLike,
        *,
        right: ArrayLike,
        down: ArrayLike,
        size: tuple[float, float] | None = None,
        spacing: float | None = None,
        slices: int = 1,
        step: float | None = None,
        lazy: bool = False,
    ) -> "Volume":
        """Return slices at any angle as a volume.

        Parameters
        ----------
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
        lazy : bool
            Whether planes are calculated only when they are asked for, each time.

        Examples
        --------
        >>> import numpy as np
        >>> import dicomview as dv
        >>> vol = dv.Volume.from_array(np.zeros((50, 50, 50)), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> vol.oblique((25, 25, 25), right=(1, 0, 1), down=(0, 1, 0), size=(20, 30)).shape
        (1, 21, 31)
        """
        grid = oblique_grid(
            self.geometry, center,
            right=right, down=down, size=size, spacing=spacing, slices=slices, step=step,
        )  # fmt: skip
        return onto(self, grid, lazy=lazy, told="oblique slices by linear interpolation")

    def through(self: Any, points: Sequence[ArrayLike], **options: Any) -> "Volume":
        """Return the slice through three points (LPS, mm).

        Parameters
        ----------
        points : three array_like of 3 floats
            The columns run from the first to the second, the rows to the side of the third.
        **options
            As of :meth:`oblique`: ``size``, ``spacing``, ``slices`` ...

        Raises
        ------
        GeometryError
            If the points lie on a line.

        Examples
        --------
        >>> import numpy as np
        >>> import dicomview as dv
        >>> vol = dv.Volume.from_array(np.zeros((50, 50, 50)), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> plane = vol.through([(0, 0, 0), (49, 0, 49), (0, 49, 0)])
        >>> plane.shape, plane.geometry.normal.round(3).tolist()
        ((1, 50, 71), [-0.707, 0.0, 0.707])
        """
        center, right, down = plane_through(*points)
        return self.oblique(center, right=right, down=down, **options)  # type: ignore[no-any-return]

    def like(self: Any, other: "Volume") -> "Volume":
        """Return the volume on the grid of another one, lazily, to be shown in the same way."""
        result = self.on(other, lazy=True)
        if result is not self:
            result._home, result._middle, result._upright = other._home, other._middle, other._upright
        return result  # type: ignore[no-any-return]

    def turned(
        self: Any, rotation: Sequence[float], *, about: Sequence[float], patient_axes: bool = False
    ) -> "Volume":
        """Return the volume on axes that are turned, lazily.

        Parameters
        ----------
        rotation : three floats
            A rotation vector in LPS: its direction is the axis, its length the angle in degrees.
        about : three floats
            LPS mm: the point that stays, and that is a voxel of the result.
        patient_axes : bool
            Whether the axes of the patient are turned, not those of the acquisition.

        Returns
        -------
        Volume
            A cube that holds the volume whatever the rotation, of equal spacing: the smallest one, or as
            much more as keeps the cube below 1024 voxels a side.

        Examples
        --------
        >>> import numpy as np
        >>> import dicomview as dv
        >>> vol = dv.Volume.from_array(np.zeros((20, 30, 40)), affine=np.eye(4)[[2, 1, 0, 3]])
        >>> vol.turned((0, 0, 30), about=(20, 15, 10)).shape
        (57, 57, 57)
        """
        base = patient_grid(self.geometry) if patient_axes else self.geometry
        grid, extents = turned_grid(self.geometry, base, rotation, about=about)
        result = onto(self, grid, lazy=True, told="turned by linear interpolation")
        result._home = extents
        return result
