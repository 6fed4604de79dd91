"""PressingTool: what tools that draw with the left button have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dicomview.state import Pane, ViewState
from dicomview.tools.places import Place, pane_of
from dicomview.tools.pointer import LEFT, Panes

__all__ = ["Press", "PressingTool"]


@dataclass(kw_only=True)
class Press:
    """A press that lasts, and in what pane."""

    ax: Axes
    pane: Pane
    is_held: bool = False


class PressingTool:
    """Follows the left button from a press to its release, while the tool of a state is one of its own.

    Attributes
    ----------
    TOOLS : tuple of str
        Tools of the state that a press belongs to.

    Parameters
    ----------
    figure : Figure
    panes : callable
        Returns the drawing, which knows the pane of an Axes.
    state : ViewState
    """

    TOOLS: tuple[str, ...] = ()

    def __init__(self, figure: Figure, panes: Callable[[], Panes], state: ViewState) -> None:
        self._figure, self._panes, self._state = figure, panes, state
        self._press: Any = None
        connect: Any = figure.canvas.mpl_connect
        handlers = {
            "button_press_event": self._pressed,
            "motion_notify_event": self._moved,
            "button_release_event": self._released,
        }
        self._connections = [connect(name, act) for name, act in handlers.items()]

    def close(self) -> None:
        """Stop listening."""
        for connection in self._connections:
            self._figure.canvas.mpl_disconnect(connection)

    def _pressed(self, event: Any) -> None:
        if self._state.tool in self.TOOLS and int(event.button or 0) == LEFT:
            with self._state.lock:
                self._begin(event)

    def _moved(self, event: Any) -> None:
        held = getattr(event, "buttons", None)
        with self._state.lock:
            if self._press is None:
                self._hover(event)
            elif held is None or LEFT in {int(b) for b in held}:
                self._press.is_held = True
                self._draw(self._press, (event.x, event.y))
            elif self._press.is_held:  # where the pointer was before the press may be told after it
                self._let_go()  # released outside of the canvas

    def _released(self, event: Any) -> None:
        if self._press is None or int(event.button or 0) != LEFT:
            return
        with self._state.lock:
            self._draw(self._press, (event.x, event.y))  # the page leaves out moves, perhaps the last one
            self._let_go()

    def _pane_of(self, ax: Axes | None) -> Pane | None:
        return None if ax is None else pane_of(self._panes(), self._state, ax)

    def _begin(self, event: Any) -> None:
        """Do what a press does; one that lasts is kept."""
        raise NotImplementedError

    def _hover(self, event: Any) -> None:
        """Follow the pointer while nothing is pressed."""

    def _draw(self, press: Any, here: Place) -> None:
        """Do what a drag to a pixel does."""
        raise NotImplementedError

    def _let_go(self, change: Any = None) -> None:
        """Come to the end of a press."""
        raise NotImplementedError
