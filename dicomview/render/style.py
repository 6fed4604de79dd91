"""Colours and sizes of everything that is drawn."""

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import Colormap, ListedColormap

__all__ = ["STYLE", "Style", "colormap"]


@dataclass(frozen=True)
class Style:
    """Colours (matplotlib), sizes in points and pixels.

    Attributes
    ----------
    surround, background, text, crosshair, empty : str
        ``surround`` lies between the panes; ``empty`` marks missing slices and NaN.
    font_size : float
        Points.
    crosshair_margin : float
        Part of a pane at each end that the crosshair leaves free.
    gap : float
        Pixels between panes.
    dpi : float
    """

    surround: str = "#1c1c1e"
    background: str = "black"
    text: str = "#d9d9d9"
    crosshair: str = "#33c1c9"
    empty: str = "#4a2530"
    font_size: float = 9.0
    crosshair_margin: float = 0.08
    gap: float = 6.0
    dpi: float = 100.0


STYLE = Style()
#: matplotlib cuts colours down to 8 bits: k / 255 may become k - 1 unless it is a little more.
ABOVE = 1e-6


def colormap(name: str, reverse: bool) -> Colormap:
    """Return a colormap that shows missing values in the style's colour for them."""
    cmap = matplotlib.colormaps[name]
    if reverse:
        cmap = cmap.reversed()
    colors = np.minimum(cmap(np.arange(cmap.N)) + ABOVE, 1)
    return ListedColormap(colors, name=cmap.name).with_extremes(bad=STYLE.empty)
