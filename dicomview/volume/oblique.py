"""Oblique: a volume on grids at any angle."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from dicomview.geometry import Geometry, oblique_grid, patient_grid, plane_through, turned_grid
from dicomview.volume.straighten import onto

if TYPE_CHECKING:
    from dicomview.volume.volume import Volume

__all__ = ["Oblique"]


class Oblique:
    """Reslicing, mixed into :class:`dicomview.Volume`."""

    geometry: Geometry

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
