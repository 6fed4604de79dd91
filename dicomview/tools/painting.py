"""PaintingTool: presses and drags paint masks, keys change the brush."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from dicomview.state import PAINTING, ViewState
from dicomview.tools.places import Place, data_at, points_at
from dicomview.tools.pointer import Panes
from dicomview.tools.pressing import Press, PressingTool

__all__ = ["PaintingTool"]

#: What ends a stroke: the place under the pointer is another.
_ENDING = (
    "tool", "brush_3d", "index", "frame", "layout", "zoom", "center", "turns", "convention", "patient_axes",
    "rotation",
)  # fmt: skip
#: What one key makes the radius larger by, or smaller.
KEY_RADIUS = 1.25


@dataclass(kw_only=True)
class Stroke(Press):
    """A press that paints, and where the brush is."""

    last: Place


class PaintingTool(PressingTool):
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

    TOOLS = PAINTING
    KEYS = ("[", "]")

    def __init__(self, figure: Figure, panes: Callable[[], Panes], state: ViewState) -> None:
        super().__init__(figure, panes, state)
        state.observe(self._let_go, _ENDING)

    def close(self) -> None:
        """Stop listening."""
        self._state.unobserve(self._let_go, _ENDING)
        super().close()

    def press(self, key: str, count: int = 1) -> bool:
        """Do what a key stands for, so many times; returns whether it stands for anything."""
        if key in self.KEYS:
            self._state.brush_mm *= KEY_RADIUS ** (count if key == "]" else -count)
        return key in self.KEYS

    def _begin(self, event: Any) -> None:
        state = self._state
        if event.inaxes is None:
            return
        self._let_go()
        pane = self._pane_of(event.inaxes)
        if pane is None or not (state.brush_3d or state.can_paint_flat):
            return
        here = event.x, event.y
        place = data_at(event.inaxes, pane, here)
        if state.tool == "fill":
            state.fill(points_at(pane, [place])[0], plane=None if state.brush_3d else pane.plane)
            return
        self._press = Stroke(ax=event.inaxes, pane=pane, last=place)
        self._draw(self._press, here)

    def _draw(self, press: Stroke, here: Place) -> None:
        """Take the brush to a pixel."""
        state, place = self._state, data_at(press.ax, press.pane, here)
        points = points_at(press.pane, [press.last, place])
        press.last = place
        state.paint(
            points,
            plane=None if state.brush_3d else press.pane.plane,
            erase=state.tool == "eraser",
            ends=False,
        )

    def _let_go(self, change: Any = None) -> None:
        """Note that a stroke is at its end."""
        if self._press is not None:
            self._press = None
            self._state.end_stroke()
