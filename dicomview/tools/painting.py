"""PaintingTool: presses and drags paint masks, keys change the brush."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicomview.state import PAINTING, Pane, ViewState
from dicomview.tools.places import Place, data_at, pane_of, points_at
from dicomview.tools.pointer import LEFT, Panes

__all__ = ["PaintingTool"]

#: What ends a stroke: the place under the pointer is another.
_ENDING = (
    "tool", "brush_3d", "index", "frame", "layout", "zoom", "center", "turns", "convention", "patient_axes",
    "rotation",
)  # fmt: skip
#: What one key makes the radius larger by, or smaller.
KEY_RADIUS = 1.25


@dataclass
class Stroke:
    """A press that lasts, and where the brush is."""

    ax: Axes
    pane: Pane
    last: Place
    is_held: bool = False


class PaintingTool:
    """Paints with the left button, while the tool of a state is brush, eraser or fill.

    In the planes of the acquisition a stroke stays in its slice, unless ``brush_3d`` is set; in turned
    planes there is only the ball.

    Attributes
    ----------
    KEYS : tuple of str
        Keys that stand for something.

    Parameters
    ----------
    figure : Figure
    panes : callable
        Returns the drawing, which knows the pane of an Axes.
    state : ViewState
    """

    KEYS = ("[", "]")

    def __init__(self, figure: Figure, panes: Callable[[], Panes], state: ViewState) -> None:
        self._figure, self._panes, self._state = figure, panes, state
        self._stroke: Stroke | None = None
        connect: Any = figure.canvas.mpl_connect
        handlers = {
            "button_press_event": self._pressed,
            "motion_notify_event": self._moved,
            "button_release_event": self._released,
        }
        self._connections = [connect(name, act) for name, act in handlers.items()]
        state.observe(self._let_go, _ENDING)

    def close(self) -> None:
        """Stop listening."""
        self._state.unobserve(self._let_go, _ENDING)
        for connection in self._connections:
            self._figure.canvas.mpl_disconnect(connection)

    def press(self, key: str, count: int = 1) -> bool:
        """Do what a key stands for, so many times; returns whether it stands for anything."""
        if key in self.KEYS:
            self._state.brush_mm *= KEY_RADIUS ** (count if key == "]" else -count)
        return key in self.KEYS

    def _pressed(self, event: Any) -> None:
        state = self._state
        if state.tool not in PAINTING or int(event.button or 0) != LEFT or event.inaxes is None:
            return
        with state.lock:
            self._let_go()
            pane = pane_of(self._panes(), state, event.inaxes)
            if pane is None or not (state.brush_3d or state.can_paint_flat):
                return
            here = data_at(event.inaxes, pane, (event.x, event.y))
            if state.tool == "fill":
                state.fill(points_at(pane, [here])[0], plane=None if state.brush_3d else pane.plane)
                return
            self._stroke = Stroke(event.inaxes, pane, here)
            self._draw(here)

    def _moved(self, event: Any) -> None:
        stroke = self._stroke
        if stroke is None:
            return
        held = getattr(event, "buttons", None)
        with self._state.lock:
            if held is not None and LEFT not in {int(b) for b in held}:
                # Where the pointer was before the press may be told after it.
                if stroke.is_held:
                    self._let_go()  # released outside of the canvas
                return
            stroke.is_held = True
            self._draw(data_at(stroke.ax, stroke.pane, (event.x, event.y)))

    def _released(self, event: Any) -> None:
        stroke = self._stroke
        if stroke is None or int(event.button or 0) != LEFT:
            return
        with self._state.lock:
            # The page leaves out moves, perhaps the last one.
            self._draw(data_at(stroke.ax, stroke.pane, (event.x, event.y)))
            self._let_go()

    def _draw(self, here: Place) -> None:
        """Take the brush to a place."""
        stroke, state = self._stroke, self._state
        assert stroke is not None
        points = points_at(stroke.pane, [stroke.last, here])
        stroke.last = here
        state.paint(
            points,
            plane=None if state.brush_3d else stroke.pane.plane,
            erase=state.tool == "eraser",
            ends=False,
        )

    def _let_go(self, change: Any = None) -> None:
        """Note that a stroke is at its end."""
        if self._stroke is not None:
            self._stroke = None
            self._state.end_stroke()
