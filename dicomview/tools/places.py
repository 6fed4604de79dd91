"""Places: where pointer events are in a pane as the state has it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from dicomview.measure import point_of
from dicomview.state import Pane, ViewState, resolve
from dicomview.tools.pointer import Panes

__all__ = ["Place", "data_at", "pane_of", "pixels_at", "points_at"]

Place = tuple[float, float]


def pane_of(panes: Panes, state: ViewState, ax: Axes) -> Pane | None:
    """Return the pane of an Axes as the state has it: the page may be ahead of what is drawn."""
    drawn = panes.pane_on(ax)
    if drawn is None:
        return None
    scene = resolve(state.volume, state)
    if scene.tiles:
        return next((tile for tile in scene.tiles if tile.index == drawn.index), None)
    return scene.pane(drawn.plane)


def points_at(
    pane: Pane, state: ViewState, places: Sequence[Place]
) -> tuple[tuple[float, float, float], ...]:
    """Return the points of places in a pane."""
    index = np.empty((len(places), 3))
    index[:, pane.view.axis] = pane.index
    index[:, [pane.view.right, pane.view.down]] = places
    return tuple((x, y, z) for x, y, z in point_of(state.volume.geometry, index).tolist())


def data_at(ax: Axes, pane: Pane, pixel: Place) -> Place:
    """Return the data coordinates of a pixel of the figure."""
    (left, right), (bottom, top) = _edges(pane)
    box = ax.bbox
    x = left + (pixel[0] - box.x0) / box.width * (right - left)
    return float(x), float(bottom + (pixel[1] - box.y0) / box.height * (top - bottom))


def pixels_at(ax: Axes, pane: Pane, places: Sequence[Place]) -> list[Place]:
    """Return the pixels of the figure at data coordinates."""
    (left, right), (bottom, top) = _edges(pane)
    box = ax.bbox
    return [
        (
            box.x0 + (x - left) / (right - left) * box.width,
            box.y0 + (y - bottom) / (top - bottom) * box.height,
        )
        for x, y in places
    ]


def _edges(pane: Pane) -> tuple[Place, Place]:
    """Return the data coordinates at the left and right, and at the lower and upper edge of a pane."""
    left, right, top, bottom = pane.box
    across = (right, left) if pane.view.flip_right else (left, right)
    return across, (top, bottom) if pane.view.flip_down else (bottom, top)
