"""Comparison: which two volumes are compared, and how."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from traitlets import CFloat, Enum, HasTraits, TraitError, TraitType, observe, validate

from dicomview.display import Window
from dicomview.errors import DicomviewError, DisplayError
from dicomview.geometry import PlaneView, plane_view
from dicomview.volume import Volume
from dicomview.volume.compose import Pair
from dicomview.volume.frames import PairedFrames

__all__ = ["MODES", "Comparison"]

MODES = ("side", "checkerboard", "curtain", "blink", "difference")
#: A tile of a checkerboard to start with is this part of the field of view.
TILE = 1 / 8


class WindowsTrait(TraitType):  # type: ignore[type-arg]
    """A window for each of the two."""

    default_value = (Window(0.5, 1.0), Window(0.5, 1.0))

    def validate(self, obj: Any, value: Any) -> tuple[Window, Window]:
        """Coerce both to Window."""
        try:
            first, second = value
            return Window.coerce(first), Window.coerce(second)
        except (TypeError, ValueError) as error:
            raise TraitError(f"windows is a pair of windows, of a and of b, not {value!r}: {error}") from None


class Comparison(HasTraits):
    """How two volumes are compared.

    Parameters
    ----------
    a, b : Volume
        ``b`` is brought onto the grid of ``a`` where they are composed, by patient position.
    **traits
        Values to start with.

    Attributes
    ----------
    mode : {"side", "checkerboard", "curtain", "blink", "difference"}
        Side by side, in tiles, on both sides of a line, in turns, or ``a - b``.
    curtain : float
        Part of the width of every pane that is left of the curtain, where ``a`` is.
    tile : float
        Length of the side of a tile, mm; in voxels where the spacing is not known.
    rate : float
        Changes a second from one to the other.
    windows : (Window, Window)
        What is black and white in ``a`` and in ``b``. Where both have the same kind of values (modality and
        unit) they start with one window, that of ``a``: the same grey is the same value. Elsewhere each
        starts with its own. In one picture the values of ``b`` are moved along a line, so that its window
        lies on that of ``a``: then a drag of the window changes both, and b's keeps its proportion to a's.
    frames : {"linked", "own"}
        Whether frames of the same index (time, channel ...) belong together, where both have the same extra
        dimensions; else each has its own.
    paired : PairedFrames
        Which frames belong together now.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = (Volume.from_array(np.full((2, 3, 4), value)) for value in (5, 3))
    >>> comparison = Comparison(a, b, mode="difference")
    >>> float(comparison.composed()[0].max())
    2.0
    """

    mode = Enum(MODES, "side")
    curtain = CFloat(0.5)
    tile = CFloat(1.0)
    rate = CFloat(2.0, min=0.1, max=20.0)
    windows = WindowsTrait()
    frames = Enum(("linked", "own"), "linked")

    def __init__(self, a: Volume, b: Volume, **traits: Any) -> None:
        unknown = set(traits) - set(self.trait_names())
        if unknown:
            raise TypeError(f"Comparison has no trait {sorted(unknown)}; it has {sorted(self.trait_names())}")
        super().__init__()
        self.a, self.b = a, b
        self._pair: Pair | None = None
        self._reason = ""
        self._make_pair()
        shown = [v.default_window for v in (a, b) if not v.is_color]
        if len(shown) == 2:
            self.windows = (shown[0], shown[0] if self.is_alike else shown[1])
        lengths = [n * (d or 1.0) for n, d in zip(a.geometry.shape, a.geometry.spacing)]
        self.tile = max(float(f"{max(lengths) * TILE:.1g}"), min(d or 1.0 for d in a.geometry.spacing))
        for name, value in traits.items():
            setattr(self, name, value)

    @observe("frames")
    def _make_pair(self, change: Any = None) -> None:
        self.paired = PairedFrames(self.a, self.b, linked=self.frames == "linked")
        try:
            self._pair = Pair(self.a, self.b, frames=self.paired)
        except DicomviewError as error:
            self._reason = str(error)

    @property
    def is_alike(self) -> bool:
        """Whether both have the same kind of values."""
        return self._pair is not None and self._pair.is_alike

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes that these two allow."""
        return tuple(mode for mode in MODES if not self._problem(mode))

    def _problem(self, mode: str) -> str:
        """Return why two volumes do not allow a mode; empty where they do."""
        if mode != "side" and self._pair is None:
            return self._reason
        if mode == "difference" and self.a.is_color:
            return "colours have no difference; take a channel of both"
        if mode == "difference" and self.a.unit != self.b.unit:
            return f"the units differ: {self.a.unit or 'none'} and {self.b.unit or 'none'}"
        return ""

    def composed(self, views: Mapping[int, PlaneView] | None = None) -> Volume:
        """Return what the mode shows as one volume, whose planes are made when they are asked for.

        Parameters
        ----------
        views : mapping of int to PlaneView, optional
            How the plane across each axis is laid on the screen, for the curtain; upright by default.

        Raises
        ------
        DisplayError
            If the mode is ``"side"``, which shows two.
        """
        pair, windows = self._pair, self.windows
        if pair is None or self.mode == "side":
            raise DisplayError(
                "side by side there are two volumes", remedy="choose another mode to compose them"
            )
        if self.mode == "checkerboard":
            return pair.checkerboard(self.tile, windows)
        if self.mode == "blink":
            return pair.in_turns(windows)
        if self.mode == "difference":
            return pair.difference()
        if views is None:
            views = {axis: plane_view(self.a.geometry, plane) for plane, axis in self.a.plane_axes.items()}
        return pair.curtain(self.curtain, windows, views)

    def followed(self, window: Window) -> tuple[Window, Window]:
        """Return the windows of both where the window of the composed volume is this one.

        Examples
        --------
        >>> import numpy as np
        >>> a, b = Volume.from_array(np.zeros((2, 3, 4))), Volume.from_array(np.ones((2, 3, 4)))
        >>> Comparison(a, b, windows=((10, 20), (100, 400))).followed(Window(20, 40))
        (Window(center=20, width=40), Window(center=300, width=800))
        """
        if self._pair is None or self.windows[0] == self.windows[1]:
            return window, window
        factor, offset = self._pair.scale(self.windows)
        ends = sorted((end - offset) / factor for end in window.limits)
        return window, Window.from_limits(*ends)

    def values(self, index: tuple[int, int, int], frame: Sequence[int] = ()) -> tuple[Any, Any]:
        """Return the values of both at a voxel of ``a``; NaN where there is none; tuples of colours.

        Parameters
        ----------
        index : tuple of int
        frame : sequence of int
            One index for each of ``paired.dimensions``; the middle ones by default.
        """
        if self._pair is None:
            return math.nan, math.nan
        return self._pair.values(index, frame)

    @validate("mode")
    def _validate_mode(self, proposal: Any) -> str:
        mode: str = proposal["value"]
        problem = self._problem(mode)
        if problem:
            raise TraitError(f"mode {mode!r} cannot be shown: {problem}")
        return mode

    @validate("curtain", "tile", "rate")
    def _validate_finite(self, proposal: Any) -> float:
        value, name = float(proposal["value"]), proposal["trait"].name
        if not math.isfinite(value) or (name == "tile" and value <= 0):
            raise TraitError(f"{name} is a finite number{' above 0' * (name == 'tile')}, not {value}")
        return min(max(value, 0.0), 1.0) if name == "curtain" else value
