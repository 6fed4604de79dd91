"""Rotation: the three planes turned together about the crosshair."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from traitlets import TraitError, TraitType

from dicomview.geometry import Geometry, PlaneView, rotation_matrix, rotation_vector
from dicomview.volume import Volume

__all__ = ["RotationTrait", "kept_center", "normal_of", "rotated"]

#: Degrees that are not worth a rotation.
NOTHING = 1e-6
#: Voxels that a middle may be off and still be one.
SAME = 1e-3


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


def kept_center(
    old: Volume, new: Volume, center: Sequence[float] | None, *, about: Any
) -> tuple[float, ...] | None:
    """Return the middle of the panes with which a point stays where it is on the screen."""
    middles = [(np.array(volume.geometry.shape) - 1) / 2 for volume in (old, new)]
    at = middles[0] if center is None else np.array(center)
    away = (at - old.geometry.index(about)) * np.array(old.geometry.spacing, float)
    there = new.geometry.index(about) + away / np.array(new.geometry.spacing, float)
    is_whole = new.home == tuple(map(float, new.geometry.shape))
    is_middle = is_whole and np.allclose(there, middles[1], atol=SAME)
    return None if is_middle else tuple(there.tolist())


def normal_of(geometry: Geometry, view: PlaneView) -> NDArray[np.float64]:
    """Return the direction in LPS from the screen to the eye."""
    assert geometry.affine is not None
    right = geometry.affine[:3, view.right] * (-1 if view.flip_right else 1)
    up = geometry.affine[:3, view.down] * (1 if view.flip_down else -1)
    normal = np.cross(right, up)
    return np.asarray(normal / np.linalg.norm(normal))


def rotated(
    rotation: Sequence[float], normal: NDArray[np.float64], degrees: float
) -> tuple[float, float, float]:
    """Return a rotation of the planes after what is seen along a normal was turned counterclockwise.

    The planes turn the other way round below what they show.

    Examples
    --------
    >>> rotated((0, 0, 0), np.array([0, 0, 1.0]), 30)
    (0.0, 0.0, -30.0)
    """
    vector = rotation_vector(rotation_matrix(-degrees * normal) @ rotation_matrix(rotation))
    x, y, z = (round(v, 9) + 0.0 for v in vector)
    return x, y, z
