"""ViewState: the one mutable model of what is looked at."""

import math
import operator
from collections.abc import Container
from threading import RLock
from typing import Any, Literal

import numpy as np
from traitlets import Bool, Enum, HasTraits, TraitError, TraitType, Unicode, observe, validate

from dicomview.display import Window
from dicomview.errors import DisplayError
from dicomview.geometry import PLANES
from dicomview.volume import Volume
from dicomview.volume.windows import default_colormap

__all__ = ["LAYOUTS", "ViewState"]

#: Arrangements of the panes.
LAYOUTS = ("ortho", *PLANES)


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
        if value is None and obj._geometry.affine is None:
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


class ViewState(HasTraits):
    """Where and how a volume is looked at.

    Every trait can be read, set, observed and linked; the widget, the figure and the exports are functions
    of it. Traits are reassigned, never changed in place.

    Parameters
    ----------
    volume : Volume
        Gives the limits of ``index`` and ``frame``, the affine between ``index`` and ``position``, and the
        default window.
    colormaps : container of str, optional
        Allowed names of colormaps; any name by default.
    **traits
        Values to start with.

    Attributes
    ----------
    index : tuple of int
        Voxel in the centre of attention, per spatial axis (slice, row, column). Values beyond the volume
        become the nearest voxel.
    position : tuple of float or None
        The same in LPS mm; setting it moves ``index`` to the nearest voxel. None without an affine.
    frame : tuple of int
        Index per extra dimension (time, echo ...).
    window : Window
        Or a VOI LUT, e.g. ``volume.windows["NORMAL"]``; also accepts ``(center, width)``.
    colormap : str
        Name of a matplotlib colormap; ``"gray_r"`` for PET to start with, else ``"gray"``.
    invert : bool
        Dark for bright.
    layout : {"ortho", "axial", "coronal", "sagittal"}
        All three planes, or one.
    crosshair : bool
        Whether lines mark ``index`` in the panes.

    Examples
    --------
    >>> from dicomview import Volume
    >>> state = ViewState(Volume.from_array(np.zeros((9, 8, 7)), sampling=(2, 1, 1)))
    >>> state.index, state.position
    ((4, 4, 3), None)
    >>> state.index = (100, 0, 0)
    >>> state.index
    (8, 0, 0)
    """

    index = IndexTrait()
    position = PositionTrait()
    frame = IndexTrait()
    window = WindowTrait()
    colormap = Unicode("gray")
    invert = Bool(False)
    layout = Enum(LAYOUTS, "ortho")
    crosshair = Bool(True)

    def __init__(self, volume: Volume, *, colormaps: Container[str] | None = None, **traits: Any) -> None:
        self._geometry = volume.geometry
        self._extents = {"index": volume.geometry.shape, "frame": tuple(map(len, volume.dimensions))}
        #: Held while a change is made and seen; changes may come from several threads.
        self.lock = RLock()
        self._colormaps = colormaps
        unknown = set(traits) - set(self.trait_names())
        if unknown:
            raise TypeError(f"ViewState has no trait {sorted(unknown)}; it has {sorted(self.trait_names())}")
        if "position" not in traits:
            traits.setdefault("index", tuple(n // 2 for n in volume.geometry.shape))
        traits.setdefault("frame", volume.middle_frame)
        traits.setdefault("colormap", default_colormap(volume.meta))
        if "window" not in traits and not volume.is_color:
            traits["window"] = volume.default_window
        super().__init__()
        if self._geometry.affine is not None:
            self.position = self._position_of(self.index)
        for name, value in traits.items():
            setattr(self, name, value)

    def move(self, axis: int, to: int, *, trait: Literal["index", "frame"] = "index") -> None:
        """Set one element of ``index`` or ``frame``."""
        with self.lock:
            indices = list(getattr(self, trait))
            indices[axis] = to
            setattr(self, trait, tuple(indices))

    def step(self, axis: int, by: int) -> None:
        """Move by so many voxels along a spatial axis."""
        with self.lock:
            self.move(axis, self.index[axis] + by)

    @validate("colormap")
    def _validate_colormap(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if self._colormaps is not None and name not in self._colormaps:
            raise TraitError(f"{name!r} is not a matplotlib colormap; matplotlib.colormaps lists them")
        return name

    @observe("index")
    def _index_changed(self, change: Any) -> None:
        if self._geometry.affine is not None:
            self.position = self._position_of(change["new"])

    @observe("position")
    def _position_changed(self, change: Any) -> None:
        if change["new"] is not None and change["new"] != self._position_of(self.index):
            self.index = self._index_at(change["new"])

    def _position_of(self, index: tuple[int, ...]) -> tuple[float, ...] | None:
        position = self._geometry.position(index)
        return None if position is None else tuple(float(x) for x in position)

    def _index_at(self, position: Any) -> tuple[int, ...]:
        """Return the voxel nearest to a position."""
        if self._geometry.affine is None:
            raise TraitError("position needs an affine, which this volume does not have; set index")
        try:
            x, y, z = (float(value) for value in position)
        except (TypeError, ValueError):
            raise TraitError(f"position is three LPS coordinates in mm, not {position!r}") from None
        if not all(map(math.isfinite, (x, y, z))):
            raise TraitError(f"position is three LPS coordinates in mm, not {position!r}")
        nearest = np.rint(self._geometry.index((x, y, z))).astype(int).tolist()
        return tuple(min(max(i, 0), n - 1) for i, n in zip(nearest, self._geometry.shape))
