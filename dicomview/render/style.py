"""Colours and sizes of everything that is drawn."""

from dataclasses import dataclass

import matplotlib

__all__ = ["STYLE", "Style", "colormap"]


@dataclass(frozen=True)
class Style:
    """Colours (matplotlib), sizes in points and pixels.

    Attributes
    ----------
    background, text, crosshair, empty : str
        ``empty`` marks missing slices and NaN.
    font_size : float
        Points.
    gap : float
        Pixels between panes.
    dpi : float
    """

    background: str = "black"
    text: str = "#d9d9d9"
    crosshair: str = "#33c1c9"
    empty: str = "#4a2530"
    font_size: float = 9.0
    gap: float = 6.0
    dpi: float = 100.0


STYLE = Style()


def colormap(name: str, reverse: bool) -> matplotlib.colors.Colormap:
    """Return a colormap that shows missing values in the style's colour for them."""
    cmap = matplotlib.colormaps[name]
    if reverse:
        cmap = cmap.reversed()
    return cmap.with_extremes(bad=STYLE.empty)
