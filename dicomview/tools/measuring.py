"""MeasuringTool: presses, drags and keys draw measurements, move them and take them back."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicomview.measure import (
    Angle,
    Distance,
    Ellipse,
    Measurement,
    Point,
    Polygon,
    Rectangle,
    Region,
)
from dicomview.render import STYLE
from dicomview.state import MEASURING, Pane, ViewState
from dicomview.tools.places import Place, data_at, pixels_at, points_at
from dicomview.tools.pointer import CLICK_PIXELS, Panes
from dicomview.tools.pressing import Press, PressingTool

__all__ = ["BY_CLICKS", "MeasuringTool"]

#: Pixels of the page from which a handle, and a line, is taken hold of.
HANDLE_PIXELS, LINE_PIXELS = 8, 5
#: Kinds that are drawn by clicks, one for every point.
BY_CLICKS = ("angle", "polygon")


@dataclass(kw_only=True)
class Hold(Press):
    """A press on a handle or a line of a measurement, or in the open."""

    start: Place
    kind: str
    number: int | None = None
    handle: int | None = None
    has_moved: bool = False


class MeasuringTool(PressingTool):
    """Draws measurements with the left button, while the tool of a state is a kind of them.

    A drag draws a distance, rectangle or ellipse, a press sets a point; angle and polygon are drawn by
    clicks, a polygon until a double click, Enter, or a click on its first point. A press on a handle or line
    selects a measurement, a drag moves it.

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

    TOOLS = MEASURING
    KEYS = ("Delete", "Backspace", "Escape", "Enter", "ctrl+z", "ctrl+shift+z", "ctrl+y")

    def __init__(self, figure: Figure, panes: Callable[[], Panes], state: ViewState) -> None:
        super().__init__(figure, panes, state)
        #: What was clicked so far, and where.
        self._clicks: list[Place] = []
        self._pane: Pane | None = None
        self._ax: Axes | None = None
        state.observe(self._tool_changed, "tool")
        state.observe(self._dropped, ["patient_axes", "rotation"])

    def close(self) -> None:
        """Stop listening."""
        self._state.unobserve(self._tool_changed, "tool")
        self._state.unobserve(self._dropped, ["patient_axes", "rotation"])
        super().close()

    def press(self, key: str) -> bool:
        """Do what a key stands for; returns whether it stands for anything.

        Parameters
        ----------
        key : str
            As the browser names it, with ``"ctrl+"`` and ``"shift+"`` before it.
        """
        state = self._state
        actions: dict[str, Callable[[], object]] = {
            "Delete": state.remove_measurement,
            "Backspace": state.remove_measurement,
            "Escape": self._escape,
            "Enter": self._finish,
            "ctrl+z": state.undo,
            "ctrl+shift+z": state.redo,
            "ctrl+y": state.redo,
        }
        if key in actions:
            actions[key]()
        return key in actions

    def _escape(self) -> None:
        if self._state.draft is None:
            self._state.selected = None
        self._dropped()

    def _tool_changed(self, change: Any) -> None:
        """Give up what is being clicked; a drag goes on: the end of it may be told after the other tool."""
        if self._press is None:
            self._dropped()

    def _dropped(self, change: Any = None) -> None:
        """Give up what is being drawn."""
        self._press, self._clicks = None, []
        self._state.draft = None

    # -- events ---------------------------------------------------------------------------------------

    def _begin(self, event: Any) -> None:
        state = self._state
        if getattr(event, "dblclick", False):
            self._finish()
            return
        pane = self._pane_of(event.inaxes)
        if pane is None:
            return
        here = event.x, event.y
        if state.tool in BY_CLICKS and self._is_under_way(pane):
            self._click(event.inaxes, pane, here)
            return
        self._clicks, state.draft = [], None
        self._press = press = self._taken(event.inaxes, pane, here)
        state.selected = press.number
        if press.number is not None:
            return
        if state.tool in BY_CLICKS:
            self._press = None
            self._click(event.inaxes, pane, here)
        elif state.tool == "point":
            self._draw(press, here)

    def _hover(self, event: Any) -> None:
        """Draw the line from the last click to the pointer."""
        if self._clicks and self._state.draft is not None:
            pane = self._pane_of(event.inaxes)
            if pane is not None and self._is_under_way(pane):
                self._state.draft = self._clicked(data_at(event.inaxes, pane, (event.x, event.y)))

    def _let_go(self, change: Any = None) -> None:
        """Keep what a drag has made."""
        press, self._press = self._press, None
        draft = self._state.draft
        if press is None or draft is None:
            return
        if press.number is None:
            self._state.add_measurement(draft)
        else:
            self._state.change_measurement(press.number, draft)

    # -- drawing --------------------------------------------------------------------------------------

    def _draw(self, press: Hold, here: Place) -> None:
        """Show what a drag to a place makes."""
        state = self._state
        moved = math.dist(here, press.start) >= CLICK_PIXELS
        press.has_moved = press.has_moved or moved or (press.kind == "point" and press.number is None)
        if not press.has_moved:
            return
        start, end = (data_at(press.ax, press.pane, place) for place in (press.start, here))
        if press.number is None:
            state.draft = self._dragged(press, start, end)
            return
        if not press.number < len(state.measurements):
            return
        shape = state.measurements[press.number]
        if isinstance(shape, Region):
            return  # voxels stay where they are
        before, after = np.array(self._points(press.pane, [start, end]))
        if press.handle is None:
            points = shape.array + after - before
            state.draft = replace(shape, points=tuple(map(tuple, points.tolist())))
        else:
            to = shape.array[press.handle] + after - before
            state.draft = shape.moved_point(press.handle, to.tolist())

    def _dragged(self, press: Hold, start: Place, end: Place) -> Measurement:
        """Return what is drawn from a place to another."""
        pane = press.pane
        if press.kind == "point":
            return Point(self._points(pane, [end]))
        if press.kind == "distance":
            return Distance(self._points(pane, [start, end]))
        (left, top), (right, bottom) = start, end
        corners = self._points(pane, [(left, top), (right, top), (right, bottom), (left, bottom)])
        return Rectangle(corners) if press.kind == "rectangle" else Ellipse.in_corners(corners)

    def _click(self, ax: Axes, pane: Pane, here: Place) -> None:
        """Take one point more."""
        place = data_at(ax, pane, here)
        if self._state.tool == "polygon" and len(self._clicks) >= 3:
            first = pixels_at(ax, pane, self._clicks[:1])[0]
            if math.dist(first, here) <= HANDLE_PIXELS * self._dot:
                self._finish()
                return
        self._ax, self._pane = ax, pane
        self._clicks.append(place)
        self._state.draft = self._clicked(place)
        if self._state.tool == "angle" and len(self._clicks) == 3:
            self._finish()

    def _clicked(self, place: Place) -> Measurement:
        """Return what was clicked so far, with the place of the pointer at the end."""
        assert self._pane is not None
        whole = len(self._clicks) == 3 and self._state.tool == "angle"
        points = self._points(self._pane, [*self._clicks, *([] if whole else [place])])
        if len(points) < 3:
            return Distance(points)
        return Angle(points) if self._state.tool == "angle" else Polygon(points)

    def _finish(self) -> None:
        """Keep what was clicked, if it is enough."""
        clicks, self._clicks = self._clicks, []
        kind = {"angle": Angle, "polygon": Polygon}.get(self._state.tool)
        if not clicks or self._pane is None or self._ax is None or kind is None or self._state.draft is None:
            return
        # A double click is two clicks at one place.
        pixels = pixels_at(self._ax, self._pane, clicks)
        kept = [
            place
            for place, here, before in zip(clicks, pixels, [None, *pixels])
            if before is None or math.dist(here, before) >= CLICK_PIXELS
        ]
        self._state.draft = None
        if len(kept) >= 3:
            self._state.add_measurement(kind(self._points(self._pane, kept)))

    # -- places ---------------------------------------------------------------------------------------

    def _is_under_way(self, pane: Pane) -> bool:
        """Return whether points were clicked in this very slice."""
        was = self._pane
        return (
            bool(self._clicks)
            and self._state.draft is not None
            and was is not None
            and (was.plane, was.index) == (pane.plane, pane.index)
        )

    def _taken(self, ax: Axes, pane: Pane, here: Place) -> Hold:
        """Return what a press takes hold of: the nearest handle, else a line, else nothing."""
        press: dict[str, Any] = {"ax": ax, "pane": pane, "start": here, "kind": self._state.tool}
        # The outline of what is being drawn may still be there.
        outlines = [outline for outline in pane.outlines if outline.number < len(self._state.measurements)]
        handles = [
            (math.dist(at, here), outline.number, i)
            for outline in outlines
            for i, at in enumerate(pixels_at(ax, pane, outline.handles))
        ]
        distance, number, handle = min(handles, default=(math.inf, 0, 0))
        if distance <= HANDLE_PIXELS * self._dot:
            return Hold(**press, number=number, handle=handle)
        lines = [
            (_line_distance(pixels_at(ax, pane, outline.path.places.tolist()), here), outline.number)
            for outline in outlines
            if outline.kind != "point"
        ]
        distance, number = min(lines, default=(math.inf, 0))
        is_near = distance <= LINE_PIXELS * self._dot
        return Hold(**press, number=number if is_near else None)

    @property
    def _dot(self) -> float:
        """Pixels of the figure that a pixel of the page has."""
        return float(self._figure.dpi) / STYLE.dpi

    def _points(self, pane: Pane, places: Sequence[Place]) -> tuple[tuple[float, float, float], ...]:
        return points_at(pane, places)


def _line_distance(points: Sequence[Place], here: Place) -> float:
    """Return how far a place is from a line through points; none leads to or from NaN."""
    line = np.array(points)
    a, b = line[:-1], line[1:]
    along = b - a
    part = ((here - a) * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-12)
    nearest = a + np.clip(part, 0, 1)[:, None] * along
    return float(np.nanmin(np.linalg.norm(nearest - here, axis=1)))
