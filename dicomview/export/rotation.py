"""Rotation: a slab that turns about the head-foot axis, projected onto the screen."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import DisplayError
from dicomview.geometry import Geometry, PlaneView
from dicomview.state import SlabMode
from dicomview.state.slab import projected
from dicomview.volume import Volume
from dicomview.volume.onto import in_memory

__all__ = ["TurningSlab"]


class TurningSlab:
    """A slab upright in the patient, seen from all around.

    Rows run along the head-foot axis at the distance of the acquired voxels, so that an axial volume is not
    interpolated along it; across and in depth points are a pixel of the picture apart, but no closer than
    voxels.

    Parameters
    ----------
    volume : Volume
    frame : sequence of int
        Index per extra dimension.
    pixels : int
        Longer side of the pictures.
    thickness : float, optional
        Depth in mm about the middle; all of the volume by default.
    mode : {"max", "mean", "min"}

    Attributes
    ----------
    extents : (float, float)
        Width and height of the pictures, mm.

    Raises
    ------
    DisplayError
        If the place of the voxels or a distance between them is not known.

    Examples
    --------
    >>> vol = Volume.from_array(np.zeros((20, 30, 40)), affine=np.eye(4)[[2, 1, 0, 3]])
    >>> slab = TurningSlab(vol, (), pixels=100)
    >>> slab.extents
    (50.0, 20.0)
    >>> image, view = slab.seen_from(30)
    >>> image.shape, view.edges
    ((20, 50), ('S', 'I', 'RA', 'LP'))
    """

    def __init__(
        self,
        volume: Volume,
        frame: Sequence[int],
        *,
        pixels: int,
        thickness: float | None = None,
        mode: SlabMode = "max",
    ) -> None:
        geometry = volume.geometry
        known = [d for d in geometry.spacing if d is not None]
        if geometry.affine is None or len(known) < 3:
            raise DisplayError(
                "a rotation needs the place of the voxels and the distances between them, which are not "
                "known",
                remedy="give them with Volume.from_array(array, affine=...)",
            )
        self._volume = in_memory(volume, frame, name="the volume to turn") if volume.is_lazy else volume
        self._frame = () if volume.is_lazy else tuple(frame)
        self._mode: SlabMode = mode
        ends = [(-0.5, n - 0.5) for n in geometry.shape]
        corners = geometry.position(np.array(list(product(*ends))))
        assert corners is not None  # there is an affine
        low, high = corners.min(axis=0), corners.max(axis=0)
        self._center = (low + high) / 2
        self._row = known[volume.plane_axes["axial"]]
        rows = max(round(float(high[2] - low[2]) / self._row), 1)
        across = float(np.hypot(*(high - low)[:2]))
        self._step = max(min(known), max(across, rows * self._row) / pixels)
        columns = max(round(across / self._step), 1)
        depth = across if thickness is None else min(thickness, across)
        self._shape = max(round(depth / self._step), 1), rows, columns
        self.extents = columns * self._step, rows * self._row

    def seen_from(self, angle: float) -> tuple[NDArray[np.generic], PlaneView]:
        """Return the projection and how it is shown.

        Parameters
        ----------
        angle : float
            Degrees: 0 from in front (as coronal pictures), 90 from the left side of the patient, and so on.
        """
        t = np.radians(angle)
        right = np.array([np.cos(t), np.sin(t), 0.0]).round(15)
        depth = np.array([-np.sin(t), np.cos(t), 0.0]).round(15)
        affine = np.eye(4)
        affine[:3, :3] = np.column_stack([depth * self._step, [0, 0, -self._row], right * self._step])
        affine[:3, 3] = self._center - affine[:3, :3] @ ((np.array(self._shape) - 1) / 2)
        turned = self._volume.on(Geometry(self._shape, affine=affine), lazy=True)
        flat = PlaneView("coronal", 0, 1, 2, False, False, None, ("", "", "", ""))
        view = flat.on(turned.geometry)
        count = self._shape[0]
        image = projected(turned, view, self._frame, index=count // 2, slab=(0, count), mode=self._mode)
        return _on_ground(image), view


def _on_ground(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Leave the colour of missing data to missing slices: what lies beside the volume is background.

    Which part of a row that is changes with the angle; a missing slice of an axial volume lacks whole rows.
    """
    if not isinstance(image, np.ma.MaskedArray):
        return image
    mask = np.ma.getmaskarray(image)
    missing = mask.all(axis=1, keepdims=True)
    return np.ma.array(image.data, mask=np.broadcast_to(missing, mask.shape))
