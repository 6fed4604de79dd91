"""PointerTool: presses, drags, moves and wheel of the pointer become changes of a state."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicomview.display import Window
from dicomview.geometry import Plane
from dicomview.state import MEASURING, PAINTING, Pane, ViewState, carried, resolve, rotated

__all__ = ["PointerTool", "chosen_tool"]

#: A drag over so many pixels spans the range of the values.
RANGE_PIXELS = 1024
#: A drag upwards over so many pixels magnifies by e.
ZOOM_PIXELS = 150
#: What one notch of the wheel magnifies by.
WHEEL_ZOOM = 1.2
#: A press that moves by less is a click.
CLICK_PIXELS = 3
#: A press so near to a line takes hold of it.
GRAB_PIXELS = 6
#: Seconds in which a second click makes a double click.
DOUBLE_CLICK = 0.5
LEFT, MIDDLE, RIGHT = 1, 2, 3


class Panes(Protocol):
    """What the tool needs to know of the drawing: which pane an Axes shows."""

    def pane_on(self, ax: Axes) -> Pane | None:
        """Return the pane of an Axes; None for an Axes of somebody else."""


_NUMBERS = count()


@dataclass
class Drag:
    """A press that lasts."""

    action: str
    button: int
    pane: Pane
    start: tuple[float, float]
    place: tuple[float, float]
    to_data: Any
    window: Window
    zoom: float
    center: tuple[float, ...]
    has_moved: bool = False
    arms: "Arms | None" = None
    is_held: bool = False
    #: Tells it from all others, also from those that are gone: an id may come again.
    name: str = field(default_factory=lambda: f"drag {next(_NUMBERS)}")


@dataclass
class Arms:
    """The lines of a crosshair as a drag found them: where they meet, and their angles, in pixels."""

    pivot: tuple[float, float]
    angles: tuple[float, float]

    def turned(self, start: tuple[float, float], end: tuple[float, float]) -> float:
        """Return by how many degrees a drag turns them: from a line, where one was grabbed."""
        away = start[0] - self.pivot[0], start[1] - self.pivot[1]
        begin, far = math.atan2(away[1], away[0]), math.hypot(*away)
        # By how much the line lies ahead of the pointer, either end of it.
        ahead = min((math.remainder(angle - begin, math.pi) for angle in self.angles), key=abs)
        if far * abs(math.sin(ahead)) <= GRAB_PIXELS:
            begin += ahead
        angle = math.atan2(end[1] - self.pivot[1], end[0] - self.pivot[0])
        return math.degrees(math.remainder(angle - begin, 2 * math.pi))


@dataclass
class Turn:
    """How the planes stood when a drag began to turn them, and about what axis."""

    drag: str = ""
    rotation: tuple[float, ...] = (0.0, 0.0, 0.0)
    normal: Any = None


def chosen_tool(state: ViewState) -> str:
    """Return what a drag does: the crosshair takes the place of what this volume cannot have."""
    impossible = (state.tool == "window" and not state.volume.has_window) or (
        state.tool == "rotate" and not state.can_rotate
    )
    return "crosshair" if impossible else str(state.tool)


def _arms(ax: Axes, place: Any, lines: Any) -> Arms:
    """Return the lines through a place of an Axes."""
    (px, py), *others = ax.transData.transform([place, *(place + line for line in np.array(lines))]).tolist()
    first, second = (math.atan2(b - py, a - px) for a, b in others)
    return Arms((px, py), (first, second))


class PointerTool:
    """Turns matplotlib's pointer events into changes of a state.

    Left button: the tool of the state while dragging; a click moves the crosshair. Middle button: pan. Right
    button: zoom. Wheel: one slice a notch, upwards to higher indices; with Ctrl zoom. Shift and move: the
    crosshair follows. Double click: one pane fills the view, again: all.

    Parameters
    ----------
    figure : Figure
    panes : PanesRenderer
    state : ViewState

    Attributes
    ----------
    plane : str
        The plane that the pointer was over last: where keys act.
    """

    def __init__(self, figure: Figure, panes: Panes, state: ViewState) -> None:
        self._figure, self._panes, self._state = figure, panes, state
        self._drag: Drag | None = None
        self._before: tuple[float, tuple[int, ...]] | None = None
        self._range: float | None = None
        self._turn = Turn()
        self.plane: Plane = state.volume.slice_plane
        #: Whether the page does everything but double clicks itself.
        self.is_idle = False
        handlers: dict[str, Callable[[Any], None]] = {
            "button_press_event": self._press,
            "button_release_event": self._release,
            "motion_notify_event": self._move,
            "scroll_event": self._scroll,
            "figure_leave_event": self._leave,
        }
        connect: Any = figure.canvas.mpl_connect
        self._connections = [connect(name, do) for name, do in handlers.items()]

    def close(self) -> None:
        """Stop listening."""
        for connection in self._connections:
            self._figure.canvas.mpl_disconnect(connection)

    def _pane(self, event: Any) -> Pane | None:
        pane = None if event.inaxes is None else self._panes.pane_on(event.inaxes)
        if pane is not None:
            self.plane = pane.plane
        return pane

    def _press(self, event: Any) -> None:
        pane = self._pane(event)
        if pane is None or (self._state.tool in (*MEASURING, *PAINTING) and int(event.button or 0) == LEFT):
            return
        if getattr(event, "dblclick", False):
            self._drag = None
            if self._before is not None and time.monotonic() - self._before[0] < DOUBLE_CLICK:
                self._state.index = self._before[1]  # its clicks were not for the crosshair
            self._maximise(pane)
            return
        if self.is_idle:
            return
        state = self._state
        left = chosen_tool(state)
        action = {LEFT: left, MIDDLE: "pan", RIGHT: "zoom"}.get(int(event.button))
        if action is None:
            return
        self._drag = Drag(
            action=action,
            button=int(event.button),
            pane=pane,
            start=(event.x, event.y),
            place=(event.xdata, event.ydata),
            to_data=event.inaxes.transData.inverted().frozen(),
            window=state.window,
            zoom=state.zoom,
            center=state.center or state.volume.middle,
        )
        if action == "crosshair":
            self._point(pane, event.xdata, event.ydata)
        elif action == "rotate":
            place = carried(state.index, state.volume, pane.volume)[[pane.view.right, pane.view.down]]
            self._drag.arms = _arms(event.inaxes, place, pane.lines)

    def _release(self, event: Any) -> None:
        drag = self._drag
        if drag is not None:
            self._pull(drag, event)  # the page leaves out moves, perhaps the last one
            if drag.button == LEFT and not drag.has_moved:
                self._clicked()
                self._point(drag.pane, *drag.place)
        self._drag = None

    def _clicked(self) -> None:
        """Remember where the crosshair was before the first of clicks that follow each other."""
        now = time.monotonic()
        index = self._state.index
        if self._before is not None and now - self._before[0] < DOUBLE_CLICK:
            index = self._before[1]
        self._before = now, index

    def _leave(self, event: Any) -> None:
        self._state.pointer = None

    def _move(self, event: Any) -> None:
        if self.is_idle:
            return
        drag = self._drag
        held = getattr(event, "buttons", None)
        if drag is not None and held is not None and drag.button not in {int(b) for b in held}:
            # Where the pointer was before the press may be told after it; later, it was released outside.
            self._drag = drag if not drag.is_held else None
            drag = None
        pane = self._pane(event)
        self._state.pointer = None if pane is None else self._index(pane, event.xdata, event.ydata)
        if drag is None:
            if pane is not None and "shift" in (getattr(event, "modifiers", None) or ()):
                self._point(pane, event.xdata, event.ydata)
            return
        drag.is_held = True
        self._pull(drag, event)

    def _pull(self, drag: Drag, event: Any) -> None:
        """Do what a drag to a place does."""
        right, up = event.x - drag.start[0], event.y - drag.start[1]
        if not drag.has_moved and math.hypot(right, up) < CLICK_PIXELS:
            return
        drag.has_moved = True
        if drag.action == "window":
            self._window(drag, right, up)
        elif drag.action == "zoom":
            self._state.zoom = drag.zoom * math.exp(up / ZOOM_PIXELS)
        elif drag.action == "pan":
            self._pan(drag, event)
        elif drag.action == "rotate":
            assert drag.arms is not None
            degrees = drag.arms.turned(drag.start, (event.x, event.y))
            self.rotate(drag.pane.plane, degrees, drag=drag.name)
        elif event.inaxes is not None and self._panes.pane_on(event.inaxes) is not None:
            self._point(drag.pane, event.xdata, event.ydata)

    def _scroll(self, event: Any) -> None:
        pane = self._pane(event)
        if pane is None:
            return
        steps = round(event.step) or (1 if event.step > 0 else -1)
        if "ctrl" in (getattr(event, "modifiers", None) or ()):
            self._zoom_at(pane, event.xdata, event.ydata, WHEEL_ZOOM**steps)
        else:
            self._state.step(pane.view.axis, steps)

    @property
    def value_range(self) -> float:
        """From the lowest to the highest value."""
        if self._range is None:
            values = self._state.acquired.sample()
            self._range = float(np.ptp(values)) if values.size else 0.0
        return self._range

    def _index(self, pane: Pane, x: float, y: float) -> tuple[int, ...] | None:
        """Return the voxel at a place of a pane; None beside the volume."""
        index = self._voxel(pane, x, y)
        inside = all(0 <= i < n for i, n in zip(index, self._state.volume.geometry.shape))
        return index if inside else None

    def _voxel(self, pane: Pane, x: float, y: float) -> tuple[int, ...]:
        """Return the voxel at a place of a pane, or where one would be."""
        index = np.empty(3)
        index[pane.view.axis], index[pane.view.right], index[pane.view.down] = pane.index, x, y
        return tuple(map(round, carried(index, pane.volume, self._state.volume).tolist()))

    def _point(self, pane: Pane, x: float, y: float) -> None:
        """Move the crosshair."""
        with self._state.lock:
            self._state.index = self._voxel(pane, x, y)

    def _window(self, drag: Drag, right: float, up: float) -> None:
        """Widen to the right."""
        gain = (self.value_range or 1.0) / RANGE_PIXELS
        width = max(drag.window.width + right * gain, gain)
        rise = up if self._state.level_drag == "up" else -up
        self._state.window = drag.window.moved(drag.window.center + rise * gain, width)

    def _pan(self, drag: Drag, event: Any) -> None:
        """Keep the voxel under the pointer that was there at the start."""
        here, start = drag.to_data.transform([(event.x, event.y), drag.start])
        center = list(drag.center)
        for axis, i in ((drag.pane.view.right, 0), (drag.pane.view.down, 1)):
            center[axis] -= self._centered(drag.pane, axis, here[i]) - self._centered(
                drag.pane, axis, start[i]
            )
        self._state.center = tuple(center)

    def rotate(self, plane: Plane, degrees: float, *, drag: str) -> None:
        """Rotate the crosshair of a pane, from where it stood when a drag began."""
        with self._state.lock:
            if self._turn.drag != drag:
                self._turn = Turn(drag, self._state.rotation, self._state.normal(plane))
            self._state.rotation = rotated(self._turn.rotation, self._turn.normal, degrees)

    @property
    def tilt(self) -> float | None:
        """By how many degrees the crosshair stands turned in its pane, while a drag turns it."""
        drag, state = self._drag, self._state
        if drag is None or drag.action != "rotate" or not drag.has_moved:
            return None
        pane = resolve(state.volume, state).pane(drag.pane.plane)
        view, spacing, (right, down) = pane.view, pane.volume.geometry.spacing, pane.lines[1]
        up = down * spacing[view.down] * (1 if view.flip_down != view.flip_right else -1)
        return math.degrees(math.atan2(up, right * spacing[view.right]))

    def _zoom_at(self, pane: Pane, x: float, y: float, factor: float) -> None:
        """Magnify around a place, which stays where it is."""
        with self._state.lock, self._state.hold_trait_notifications():
            before = self._state.zoom
            self._state.zoom = before * factor
            center = list(self._state.center or self._state.volume.middle)
            for axis, at in ((pane.view.right, x), (pane.view.down, y)):
                place = self._centered(pane, axis, at)
                center[axis] = place + (center[axis] - place) * before / self._state.zoom
            self._state.center = tuple(center)

    def _centered(self, pane: Pane, axis: int, place: float) -> float:
        """Return the ``center`` that brings a place along an axis to the middle of a pane."""
        volume = self._state.volume
        if pane.volume is volume or not pane.volume.is_turned:
            return place
        finer = pane.volume.geometry.spacing[axis] / volume.geometry.spacing[axis]
        return float(volume.middle[axis] + (place - pane.volume.middle[axis]) * finer)

    def _maximise(self, pane: Pane) -> None:
        """Let a pane fill the view, or show all again; of a montage show the slice in all planes."""
        with self._state.lock:
            if self._state.layout == "montage":
                index = list(self._state.index)
                index[pane.view.axis] = pane.index
                self._state.index = tuple(index)
            self._state.layout = pane.plane if self._state.layout == "ortho" else "ortho"
