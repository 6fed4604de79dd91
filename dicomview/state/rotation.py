"""Rotation: the three planes turned together about the crosshair, while each pane stays upright."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from traitlets import TraitError, TraitType

from dicomview.geometry import (
    Geometry,
    Plane,
    PlaneView,
    facing_grid,
    rotation_matrix,
    rotation_vector,
    straight_axes,
)
from dicomview.volume import Volume

__all__ = ["RotationTrait", "carried", "kept_center", "normal_of", "rotated", "turned_volumes"]

#: Degrees that are not worth a rotation.
NOTHING = 1e-6
#: Of the places of panes, in voxels.
DIGITS = 9


class RotationTrait(TraitType):  # type: ignore[type-arg]
    """A rotation vector in degrees; no longer than half a turn."""

    default_value = (0.0, 0.0, 0.0)

    def validate(self, obj: Any, value: Any) -> tuple[float, float, float]:
        """Take the shorter way round."""
        try:
            x, y, z = (float(v) for v in value)
        except (TypeError, ValueError):
            x = y = z = math.nan
        length = math.hypot(x, y, z)
        if not math.isfinite(length):
            raise TraitError(f"rotation is a vector of three numbers, in degrees, not {value!r}")
        if length < NOTHING:
            return (0.0, 0.0, 0.0)
        if not obj.can_rotate:
            raise TraitError(
                "rotation: the planes are turned in mm, which needs an affine and several slices"
            )
        return (x, y, z) if length <= 180 else rotation_vector(rotation_matrix((x, y, z)))


def turned_volumes(
    acquired: Volume,
    base: Volume,
    rotation: Sequence[float],
    *,
    about: Any,
    patient_axes: bool,
    before: Mapping[Plane, Volume],
) -> tuple[Volume, dict[Plane, Volume]]:
    """Return a volume on turned axes, and its slices across each of them as the panes show them.

    Parameters
    ----------
    acquired, base : Volume
        The one that values are taken from, and the one whose axes are turned.
    rotation : three floats
    about : three floats
        LPS mm: the point that stays, in the patient and in every pane.
    patient_axes : bool
    before : dict of str to Volume
        What the panes have shown until now.
    """
    grid = acquired.turned(rotation, about=about, patient_axes=patient_axes)
    grid._upright = base.geometry
    faces: dict[Plane, Volume] = {}
    for plane, axis in grid.plane_axes.items():
        place = facing_grid(acquired.geometry, base.geometry, grid.geometry, axis=axis, about=about)
        faces[plane] = face = acquired.on(place, lazy=True)
        face._upright = base.geometry
        face._home = _three(_steps(base) * base.geometry.shape / _steps(face))
        old = before[plane]
        away = (old.middle - old.geometry.index(about)) * _steps(old)
        face._middle = _three(place.index(about) + away / _steps(face))
    return grid, faces


def _steps(volume: Volume) -> NDArray[np.float64]:
    """Return the spacing of a volume that has one."""
    return np.array(volume.geometry.spacing, dtype=np.float64)


def _three(numbers: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return numbers without what only calculating has brought in."""
    x, y, z = np.round(numbers, DIGITS).tolist()
    return x, y, z


def kept_center(
    old: Volume, new: Volume, center: Sequence[float] | None
) -> tuple[float, float, float] | None:
    """Return the middle of the panes, as far from that of the whole volume as it is in another grid."""
    if center is None or old is new or not (old.is_turned or new.is_turned):
        return center  # type: ignore[return-value]
    away = (np.array(center) - old.middle) * _steps(old)
    return _three(new.middle + away / _steps(new))


def carried(index: ArrayLike, here: Volume, there: Volume) -> NDArray[np.float64]:
    """Return what an index in a volume is in another one; differs between turned volumes only."""
    if here is there or not (here.is_turned and there.is_turned):
        return np.asarray(index, dtype=np.float64)
    position = here.geometry.position(index)
    assert position is not None  # which turned volumes have
    return there.geometry.index(position)


def normal_of(base: Geometry, view: PlaneView) -> NDArray[np.float64]:
    """Return the direction in LPS from the screen to the eye, perpendicular to slices without a slant."""
    assert base.affine is not None
    right = base.affine[:3, view.right] * (-1 if view.flip_right else 1)
    up = base.affine[:3, view.down] * (1 if view.flip_down else -1)
    normal = straight_axes(base)[:, view.axis]
    return normal if normal @ np.cross(right, up) > 0 else -normal


def rotated(
    rotation: Sequence[float], normal: NDArray[np.float64], degrees: float
) -> tuple[float, float, float]:
    """Return a rotation after the planes were turned about a normal, counterclockwise as it is seen.

    Examples
    --------
    >>> rotated((0, 0, 0), np.array([0, 0, 1.0]), 30)
    (0.0, 0.0, 30.0)
    """
    vector = rotation_vector(rotation_matrix(degrees * normal) @ rotation_matrix(rotation))
    x, y, z = (round(v, 9) + 0.0 for v in vector)
    return x, y, z
