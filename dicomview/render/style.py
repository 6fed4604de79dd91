"""Colours and sizes of everything that is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap

from dicomview.errors import DisplayError

__all__ = ["STYLE", "Style", "colormap"]


@dataclass(frozen=True)
class Style:
    """Colours (matplotlib), sizes in points and pixels.

    Attributes
    ----------
    surrounds : mapping of str to (str, str)
        By theme: the colour between the panes, and of text on it.
    background, text, crosshair : str
    measure, selected : str
        Measurements.
    font_size : float
        Points.
    crosshair_margin : float
        Part of a pane at each end that the crosshair leaves free.
    gap : float
        Pixels between panes.
    dpi : float
    """

    background: str = "black"
    text: str = "#d9d9d9"
    crosshair: str = "#33c1c9"
    measure: str = "#ffd75e"
    selected: str = "#ff9640"
    font_size: float = 9.0
    crosshair_margin: float = 0.08
    gap: float = 6.0
    dpi: float = 100.0
    surrounds: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {"dark": ("#1c1c1e", "#d9d9d9"), "light": ("#ffffff", "#1c1c1e")}
    )


STYLE = Style()
#: Colour of missing slices and NaN.
EMPTY = "#4a2530"
#: matplotlib cuts colours down to 8 bits: k / 255 may become k - 1 unless it is a little more.
ABOVE = 1e-6


def colormap(name: str, reverse: bool, empty: str = EMPTY) -> Colormap:
    """Return a colormap that shows missing values and NaN in a colour of their own."""
    if name not in matplotlib.colormaps:
        near = get_close_matches(str(name), list(matplotlib.colormaps)) or ["gray", "magma", "viridis"]
        raise DisplayError(f"matplotlib has no colormap {name!r}", remedy=f"others are {', '.join(near)}")
    cmap = matplotlib.colormaps[name]
    if reverse:
        cmap = cmap.reversed()
    colors = np.minimum(cmap(np.arange(cmap.N)) + ABOVE, 1)
    return ListedColormap(colors, name=cmap.name).with_extremes(bad=empty)
