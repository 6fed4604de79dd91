"""Toolbar: what a drag does, size, cine and help."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from dicomview.state import ViewState
from dicomview.tools import chosen_tool
from dicomview.widgets.bindings import Bindings

__all__ = ["Toolbar"]

#: By tool: icon and what it does.
TOOLS = {
    "window": ("adjust", "drag: right widens the window, up raises its centre"),
    "crosshair": ("crosshairs", "drag: the crosshair"),
    "pan": ("arrows", "drag: move the picture"),
    "zoom": ("search-plus", "drag: up magnifies"),
    "rotate": ("refresh", "drag: turn the lines of the crosshair, and with them the two other planes"),
    "point": ("dot-circle-o", "click: the value of a voxel"),
    "distance": ("arrows-h", "drag from end to end"),
    "angle": ("angle-left", "click three points, the vertex second"),
    "rectangle": ("square-o", "drag from corner to corner"),
    "ellipse": ("circle-o", "drag from corner to corner around it"),
    "polygon": ("pencil", "click the corners; a double click or Enter closes it"),
    "brush": ("paint-brush", "drag: paint the mask; [ and ] change the radius"),
    "eraser": ("eraser", "drag: take away from the mask"),
    "fill": ("tint", "click: fill what hangs together"),
}


class Toolbar(widgets.HBox):  # type: ignore[misc]
    """A row of buttons, bound to a state.

    Parameters
    ----------
    state : ViewState
    actions : dict of str to (str, str, callable)
        By name: icon (or text), tooltip and what a click does.

    Attributes
    ----------
    tools : dict of str to ToggleButton
    buttons : dict of str to Button
    play : ToggleButton
    """

    def __init__(self, state: ViewState, actions: dict[str, tuple[str, str, Callable[[], object]]]) -> None:
        self._bindings = Bindings(state)
        self._shared: dict[Any, dict[str, Any]] = {}
        self.tools = {}
        for tool, (icon, tip) in TOOLS.items():
            if tool == "window" and not state.volume.has_window:
                continue
            if tool == "rotate" and not state.can_rotate:
                continue
            self.tools[tool] = button = self._made(widgets.ToggleButton, icon=icon, tooltip=f"{tool}: {tip}")
            self._bindings.bind(
                "tool", button, show=partial(_is_on, state, tool), read=partial(_chosen, state, tool)
            )
        self.play = self._made(widgets.ToggleButton, icon="play", tooltip="cine (c)")
        self._bindings.bind("playing", self.play)
        self.buttons = {}
        for name, (icon, tip, act) in actions.items():
            text: dict[str, Any] = {"icon": icon}
            if ":" in icon:
                text = {"description": icon, "layout": _layout("48px")}
            self.buttons[name] = button = self._made(widgets.Button, tooltip=tip, **text)
            button.on_click(lambda _, act=act: act())
        super().__init__(
            [*self.tools.values(), self.play, *self.buttons.values()],
            layout=widgets.Layout(flex_flow="row wrap"),
        )

    def _made(self, kind: Any, **options: Any) -> Any:
        """Make a button; those of a kind share layout and style, each of which is a message at the start."""
        if kind not in self._shared:
            self._shared[kind] = {"layout": _layout("38px")}
        shared = self._shared[kind]
        button = kind(**{**shared, **options})
        shared["style"] = button.style
        return button

    def close(self) -> None:
        """Stop following the state."""
        self._bindings.undo()
        super().close()


def _is_on(state: ViewState, tool: str, chosen: str) -> bool:
    """Return whether a tool counts; where there is no window to drag, the crosshair takes its place."""
    return tool == chosen_tool(state)


def _chosen(state: ViewState, tool: str, is_on: bool) -> str:
    """Return the tool that counts when a button was pressed: it does not go out by itself."""
    return tool if is_on else str(state.tool)


def _layout(width: str) -> Any:
    return widgets.Layout(width=width, margin="1px")
