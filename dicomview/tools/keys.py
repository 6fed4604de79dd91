"""KeyTool: keys become changes of a state."""

from collections.abc import Callable, Sequence

from dicomview.display import Window
from dicomview.geometry import PLANES, Plane
from dicomview.state import ViewState

__all__ = ["HELP", "KeyTool"]

#: What one press of + magnifies by.
KEY_ZOOM = 1.25
#: What keys and pointer do, for people, in the order of the help.
HELP = {
    "↑ ↓, wheel": "next, previous slice of the pane under the pointer",
    "Page ↑ ↓": "ten slices further",
    "Home End": "first, last slice",
    "← →": "previous, next image of the extra dimension",
    "space": "window and zoom as at the start",
    "+ -": "zoom",
    "i": "invert",
    "c": "start or stop the cine",
    "h v": "flip the pane horizontally, vertically",
    "r": "turn the pane clockwise",
    "1 to 9": "window presets",
    "?": "this help",
    "drag": "window: right widens, up raises the centre; or the tool that is chosen",
    "click": "crosshair; with Shift it follows the pointer",
    "drag with rotate": "turn the lines of the crosshair, and with them the two other planes",
    "double click": "one pane alone, and back",
    "middle drag": "pan",
    "right drag, Ctrl wheel": "zoom",
    "measuring": "drag; click the points of an angle or polygon, which a double click or Enter closes",
    "Delete, Escape": "remove the measurement that has handles; give up the one that is being drawn",
    "brush, eraser, fill": "drag, or click, to paint a mask",
    "[ ]": "a smaller, a larger brush",
    "Ctrl z, Ctrl Shift z": "take a change of measurements or paint back; make it again",
}


class KeyTool:
    """Does what a key stands for.

    Attributes
    ----------
    KEYS : tuple of str
        All keys that stand for something.

    Parameters
    ----------
    state : ViewState
    plane : callable
        Gives the plane that keys act on, where the layout shows several.
    presets : callable
        Gives the windows of the keys 1 to 9.
    on_help : callable
        Called for ``?``.
    """

    KEYS = (
        "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End",
        " ", "+", "=", "-", "_", "i", "c", "h", "v", "r", "?", *"123456789",
    )  # fmt: skip

    def __init__(
        self,
        state: ViewState,
        *,
        plane: Callable[[], Plane],
        presets: Callable[[], Sequence[Window]],
        on_help: Callable[[], None],
    ) -> None:
        self._state = state
        self._plane, self._presets, self._on_help = plane, presets, on_help
        self._home = state.window

    def press(self, key: str, count: int = 1) -> bool:
        """Do what a key stands for, so many times; returns whether it stands for anything.

        Parameters
        ----------
        key : str
            As the browser names it: ``"ArrowUp"``, ``"i"`` ...
        count : int
            Of a key that is held down.
        """
        steps = {"ArrowUp": 1, "ArrowDown": -1, "PageUp": 10, "PageDown": -10}
        if key in steps:
            self._state.step(self._axis(), steps[key] * count)
        elif key in ("Home", "End"):
            self._state.move(
                self._axis(), 0 if key == "Home" else self._state.volume.geometry.shape[self._axis()]
            )
        elif key in ("ArrowLeft", "ArrowRight"):
            self._frame(count if key == "ArrowRight" else -count)
        elif key in ("+", "=", "-", "_"):
            self._state.zoom *= KEY_ZOOM ** (count if key in "+=" else -count)
        elif key in "123456789" and len(key) == 1:
            windows = list(self._presets())
            if int(key) <= len(windows):
                self._state.window = windows[int(key) - 1]
        else:
            return self._switch(key)
        return True

    def _switch(self, key: str) -> bool:
        """Do what does not count."""
        state, plane = self._state, self._active()
        actions: dict[str, Callable[[], object]] = {
            " ": self._reset,
            "i": lambda: state.set_trait("invert", not state.invert),
            "c": lambda: state.set_trait("playing", not state.playing),
            "h": lambda: state.mirror(plane),
            "v": lambda: state.mirror(plane, upside_down=True),
            "r": lambda: state.turn(plane),
            "?": self._on_help,
        }
        action = actions.get(key)
        if action is not None:
            action()
        return action is not None

    def _active(self) -> Plane:
        return self._state.layout if self._state.layout in PLANES else self._plane()

    def _axis(self) -> int:
        return self._state.volume.plane_axes[self._active()]

    def _frame(self, by: int) -> None:
        """Step along the extra dimension that the cine would run through, else the first."""
        names = self._state.volume.extra_dims
        if not names:
            return
        place = names.index(self._state.cine) if self._state.cine in names else 0
        with self._state.lock:
            self._state.move(place, self._state.frame[place] + by, trait="frame")

    def _reset(self) -> None:
        """Return to the window that the view began with, and show the whole volume."""
        if not self._state.volume.is_color:
            self._state.window = self._home
        self._state.fit()
