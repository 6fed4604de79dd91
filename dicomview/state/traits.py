"""Traits of a view: windows, voxel indices, positions, turns."""

import math
import operator
from typing import TYPE_CHECKING, Any

from traitlets import TraitError, TraitType

from dicomview.display import Window
from dicomview.errors import DisplayError
from dicomview.geometry import PLANES

if TYPE_CHECKING:
    from dicomview.state.model import ViewState

__all__ = [
    "UPRIGHT",
    "CenterTrait",
    "IndexTrait",
    "PointerTrait",
    "PositionTrait",
    "TurnsTrait",
    "WindowTrait",
]

#: No view is turned.
UPRIGHT = (0, False)


class WindowTrait(TraitType):  # type: ignore[type-arg]
    """A Window, also a VOILUT, or a pair that becomes one."""

    default_value = Window(0.5, 1.0)

    def validate(self, obj: Any, value: Any) -> Window:
        """Coerce to Window."""
        try:
            return Window.coerce(value)
        except DisplayError as error:
            raise TraitError(str(error)) from None


class PositionTrait(TraitType):  # type: ignore[type-arg]
    """The LPS position of a voxel; None exactly where the volume has no affine."""

    default_value = None

    def validate(self, obj: "ViewState", value: Any) -> tuple[float, ...] | None:
        """Snap to the nearest voxel."""
        if value is None and obj.volume.geometry.affine is None:
            return None
        return obj._position_of(obj._index_at(value))


class IndexTrait(TraitType):  # type: ignore[type-arg]
    """Voxel or frame indices; beyond the ends they become the nearest one."""

    def default(self, obj: Any = None) -> Any:
        """Start at the first index of every dimension."""
        return () if obj is None else (0,) * len(obj._extents[self.name])

    def validate(self, obj: "ViewState", value: Any) -> tuple[int, ...]:
        """Clip to the extents."""
        extents = obj._extents[self.name or ""]
        try:
            indices = [operator.index(i) for i in value]
        except TypeError:
            raise TraitError(f"{self.name} needs {len(extents)} integers, not {value!r}") from None
        if len(indices) != len(extents):
            raise TraitError(f"{self.name} needs {len(extents)} integers, not {value!r}")
        return tuple(min(max(i, 0), n - 1) for i, n in zip(indices, extents))


class TurnsTrait(TraitType):  # type: ignore[type-arg]
    """Quarter turns and mirroring by plane; planes that are not named stand upright."""

    def default(self, obj: Any = None) -> Any:
        """Turn nothing."""
        return {}

    def validate(self, obj: Any, value: Any) -> dict[str, tuple[int, bool]]:
        """Bring quarters to 0 to 3 and leave out what stands upright."""
        try:
            turns = {
                str(plane): (int(quarters) % 4, bool(mirror)) for plane, (quarters, mirror) in value.items()
            }
        except (AttributeError, TypeError, ValueError):
            turns = {"": UPRIGHT}
        if not set(turns) <= set(PLANES):
            raise TraitError(f"turns maps planes to (quarter turns, mirrored), not {value!r}")
        return {plane: turn for plane, turn in turns.items() if turn != UPRIGHT}


class PointerTrait(TraitType):  # type: ignore[type-arg]
    """The voxel under the pointer; None beside the volume."""

    default_value = None
    allow_none = True

    def validate(self, obj: "ViewState", value: Any) -> tuple[int, ...] | None:
        """Accept a voxel of the volume."""
        if value is None:
            return None
        extents = obj._extents["index"]
        try:
            index = tuple(operator.index(i) for i in value)
        except TypeError:
            index = ()
        if len(index) != 3 or not all(0 <= i < n for i, n in zip(index, extents)):
            raise TraitError(f"pointer is a voxel of the volume, or None, not {value!r}")
        return index


class CenterTrait(TraitType):  # type: ignore[type-arg]
    """The voxel in the middle of the panes, in fractions; None for the middle of the volume."""

    default_value = None
    allow_none = True

    def validate(self, obj: "ViewState", value: Any) -> tuple[float, ...] | None:
        """Keep it inside the volume."""
        if value is None:
            return None
        try:
            place = [float(x) for x in value]
        except (TypeError, ValueError):
            place = []
        if len(place) != 3 or not all(map(math.isfinite, place)):
            raise TraitError(f"center is a voxel index of three numbers, or None, not {value!r}")
        return tuple(min(max(x, -0.5), n - 0.5) for x, n in zip(place, obj._extents["index"]))
