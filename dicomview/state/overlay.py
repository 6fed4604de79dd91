"""Overlay: one thing that lies over the slices, and the trait that holds all of them."""

import re
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from traitlets import TraitError, TraitType

from dicomview.display import Window
from dicomview.geometry import Geometry
from dicomview.volume import Volume

__all__ = ["PALETTE", "Fused", "Isodoses", "Mask", "Overlay", "OverlaysTrait"]

#: Colours of masks that bring none.
PALETTE = ("#e6553f", "#3fa7e6", "#59c14a", "#e6b83f", "#b45fe0", "#3fd6c4", "#e67fb0", "#a3a13a")
_NUMBERS = count(1)


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """What all overlays have in common; frozen: a changed one takes the place of the old one.

    Attributes
    ----------
    name : str
    volume : Volume
        Any grid of its own.
    opacity : float
        0 to 1.
    visible : bool
    """

    name: str
    volume: Volume = field(compare=False, repr=False)
    opacity: float = 0.5
    visible: bool = True
    number: int = field(default_factory=_NUMBERS.__next__, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise TraitError(f"the opacity of {self.name!r} is from 0 to 1, not {self.opacity}")

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Names, each with a colour or the name of a colormap."""
        raise NotImplementedError

    def in_slice(self, grid: Geometry, axis: int, index: int) -> "Overlay":
        """Return what of it is needed for a slice of a grid; equal as long as that stays the same."""
        return self


@dataclass(frozen=True, kw_only=True)
class Mask(Overlay):
    """Voxels that belong to something, in one colour.

    Attributes
    ----------
    color : str
        ``"#rrggbb"``.
    outline : bool
        Whether the edge is drawn, opaque.
    """

    color: str = PALETTE[0]
    opacity: float = 0.35
    outline: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch("#[0-9a-fA-F]{6}", self.color):
            raise TraitError(f"the colour of {self.name!r} is written #rrggbb, not {self.color!r}")

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Name and colour."""
        return ((self.name, self.color),)


@dataclass(frozen=True, kw_only=True)
class Fused(Overlay):
    """Another volume in colours of its own; values below its window are left out.

    Attributes
    ----------
    window : Window
    colormap : str
    """

    window: Window
    colormap: str = "hot"

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Name and colormap."""
        return ((self.name, self.colormap),)


@dataclass(frozen=True, kw_only=True)
class Isodoses(Overlay):
    """Lines of equal dose.

    Attributes
    ----------
    levels : tuple of (float, str)
        Values of the volume and colours.
    labels : tuple of str
        What the levels are called.
    """

    levels: tuple[tuple[float, str], ...]
    labels: tuple[str, ...]
    opacity: float = 1.0

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """Levels and colours."""
        return tuple((label, color) for label, (_, color) in zip(self.labels, self.levels))


class OverlaysTrait(TraitType):  # type: ignore[type-arg]
    """A tuple of overlays; the last one lies on top."""

    def default(self, obj: Any = None) -> Any:
        """Have none."""
        return ()

    def validate(self, obj: Any, value: Any) -> tuple[Overlay, ...]:
        """Accept overlays of different names, which have a place."""
        overlays = tuple(value) if isinstance(value, list | tuple) else (None,)
        if not all(isinstance(overlay, Overlay) for overlay in overlays):
            raise TraitError(f"overlays are made by viewer.overlays.add_mask(), fuse() ..., not {value!r}")
        if len({overlay.name for overlay in overlays}) < len(overlays):
            raise TraitError("the names of overlays must differ")
        return overlays
