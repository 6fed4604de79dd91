"""Overlay: one thing that lies over the slices, and the trait that holds all of them."""

import math
import re
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Self

import numpy as np
from traitlets import TraitError, TraitType

from dicomview.display import Window
from dicomview.errors import DisplayError
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
        opacity: Any = self.opacity
        if not isinstance(opacity, int | float | np.number) or not 0 <= opacity <= 1:
            raise TraitError(f"the opacity of {self.name!r} is from 0 to 1, not {opacity!r}")

    def changed(self, **changes: Any) -> Self:
        """Return it with changes; with other voxels it is another one, for which nothing is kept."""
        if changes.keys() & {"volume", "layer"}:
            changes["number"] = next(_NUMBERS)
        return replace(self, **changes)

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
        _check_color(self.name, self.color)

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

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            object.__setattr__(self, "window", Window.coerce(self.window))
        except DisplayError as error:
            raise TraitError(f"the window of {self.name!r}: {error}") from None

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

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            levels = tuple((float(value), color) for value, color in self.levels)
        except (TypeError, ValueError):
            raise TraitError(
                f"the levels of {self.name!r} are pairs of a value and a colour, as "
                f"[(50.0, '#ff0000')], not {self.levels!r}"
            ) from None
        for value, color in levels:
            if not math.isfinite(value):
                raise TraitError(f"the levels of {self.name!r} are finite numbers, not {value}")
            _check_color(self.name, color)
        labels = tuple(map(str, self.labels))
        if len(labels) != len(levels):
            raise TraitError(
                f"every level of {self.name!r} has a label: there are {len(levels)} levels, and labels are "
                f"{list(labels)}"
            )
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "labels", labels)

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
        if not isinstance(value, list | tuple) or not all(isinstance(one, Overlay) for one in value):
            raise TraitError(f"overlays are made by viewer.overlays.add_mask(), fuse() ..., not {value!r}")
        overlays: tuple[Overlay, ...] = tuple(value)
        if len({overlay.name for overlay in overlays}) < len(overlays):
            raise TraitError("the names of overlays must differ")
        known = getattr(obj, "_colormaps", None)
        for overlay in overlays:
            if isinstance(overlay, Fused) and known is not None and overlay.colormap not in known:
                raise TraitError(
                    f"{overlay.colormap!r} of {overlay.name!r} is not a matplotlib colormap; "
                    "matplotlib.colormaps lists them"
                )
        return overlays


def _check_color(name: str, color: Any) -> None:
    if not isinstance(color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", color):
        raise TraitError(
            f"the colour of {name!r} is written #rrggbb, not {color!r}; matplotlib.colors.to_hex({color!r}) "
            "gives that of a name"
        )
