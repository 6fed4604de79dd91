"""One plane of a volume on one Axes: the part that all pictures share."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from dicomview.display import Window
from dicomview.errors import DisplayError
from dicomview.geometry import PLANES, Plane, PlaneView, plane_view
from dicomview.render.image import SliceImage
from dicomview.render.label import Label
from dicomview.render.pane import frame_axes, show_pixels
from dicomview.render.style import colormap as make_colormap
from dicomview.state import Pane, pane_pixels
from dicomview.volume import Volume
from dicomview.volume.windows import default_colormap, is_negative

__all__ = ["draw_pane", "draw_pixels", "pane_of", "view_of", "window_of"]


def view_of(volume: Volume, plane: Plane) -> PlaneView:
    """Return how a plane is shown, or raise if there is none of this name."""
    if plane not in PLANES:
        raise DisplayError(f"there is no plane {plane!r}", remedy=f"take one of {', '.join(PLANES)}")
    return plane_view(volume.geometry, plane)


def pane_of(volume: Volume, plane: Plane, index: int, frame: Sequence[int] | None = None) -> Pane:
    """Return a pane without marks; of the middle frame unless another one is given."""
    chosen = volume.middle_frame if frame is None else tuple(frame)
    return Pane(view_of(volume, plane), index, chosen, visible=True)


def window_of(volume: Volume, window: Window | tuple[float, float] | None) -> Window | None:
    """Return the window that is asked for, or the volume's own; None for colour, which has none."""
    if volume.is_color:
        return None
    return Window.coerce(volume.default_window if window is None else window)


def draw_pane(ax: Axes, volume: Volume, pane: Pane, window: Window | None, cmap: str | None) -> None:
    """Draw one pane."""
    draw_pixels(ax, volume, pane_pixels(volume, pane), pane.view, window, cmap)


def draw_pixels(
    ax: Axes, volume: Volume, image: np.ndarray, view: PlaneView, window: Window | None, cmap: str | None
) -> tuple[SliceImage, list[Label]]:
    """Draw the pixels of a plane; return them, and the letters at the top, bottom, left and right."""
    colors = make_colormap(cmap or default_colormap(volume.meta), is_negative(volume.meta))
    return show_pixels(ax, image, view, cmap=colors, window=window), frame_axes(ax, view)
