"""PointerTool: a press or drag moves the crosshair, the wheel steps through slices."""

from collections.abc import Mapping
from typing import Any, Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicomview.geometry import Plane
from dicomview.state import Scene, ViewState

__all__ = ["PointerTool"]


class Panes(Protocol):
    """What the tool needs to know of the drawing: where the panes are and what they show."""

    axes: dict[Plane, Axes]
    scene: Scene | None


class PointerTool:
    """Turns matplotlib's pointer events into changes of a state.

    Left button: the crosshair goes to the pointer, also while dragging. Wheel: one slice a notch, upwards to
    higher indices.

    Parameters
    ----------
    figure : Figure
    panes : PanesRenderer
    state : ViewState
    """

    def __init__(self, figure: Figure, panes: Panes, state: ViewState) -> None:
        self._figure, self._panes, self._state = figure, panes, state
        connect = figure.canvas.mpl_connect
        self._connections = [
            connect("button_press_event", self._point),
            connect("motion_notify_event", self._drag),
            connect("scroll_event", self._scroll),
        ]

    def close(self) -> None:
        """Stop listening."""
        for connection in self._connections:
            self._figure.canvas.mpl_disconnect(connection)

    def _plane(self, event: Any) -> Plane | None:
        axes: Mapping[Plane, Axes] = self._panes.axes
        return next((plane for plane, ax in axes.items() if event.inaxes is ax), None)

    def _point(self, event: Any) -> None:
        plane = self._plane(event)
        if plane is None or self._panes.scene is None or getattr(event, "button", None) != 1:
            return
        view = self._panes.scene.pane(plane).view
        with self._state.lock:
            index = list(self._state.index)
            index[view.right], index[view.down] = round(event.xdata), round(event.ydata)
            self._state.index = tuple(index)

    def _drag(self, event: Any) -> None:
        if 1 in (getattr(event, "buttons", None) or ()):
            event.button = 1
            self._point(event)

    def _scroll(self, event: Any) -> None:
        plane = self._plane(event)
        if plane is not None and self._panes.scene is not None:
            self._state.step(self._panes.scene.pane(plane).view.axis, 1 if event.step > 0 else -1)
