"""Sections: parts of the side panel that are made when they are first looked at."""

import math
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from dicomview.display import INTERPOLATIONS
from dicomview.geometry import CONVENTIONS, PLANES
from dicomview.state import ViewState, curve
from dicomview.state.model import CINE_MODES, LAYOUTS
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.style import check, control
from dicomview.widgets.svg import curve_svg

__all__ = ["CineSection", "PanesSection", "PlaceSection", "Section", "Sections"]


class Section(widgets.VBox):  # type: ignore[misc]
    """Controls that belong together, bound to a state in both directions.

    Subclasses make the controls in :meth:`make`.
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state
        self._bindings = Bindings(state)
        super().__init__(self.make())

    def make(self) -> list[Any]:
        """Make the controls."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop following the state."""
        self._bindings.undo()
        super().close()


class Sections(widgets.Accordion):  # type: ignore[misc]
    """Sections one below the other, at most one of them open.

    What was never open costs nothing: every control is a message at the start, and another with each change
    that it follows.

    Parameters
    ----------
    makers : dict of str to callable
        By title, what makes a section.
    selected : str, optional
        The one that is open to start with.
    """

    def __init__(self, makers: dict[str, Callable[[], Section]], selected: str | None = None) -> None:
        self._makers = makers
        self._made: dict[str, Section] = {}
        plain = widgets.Layout()
        places = [widgets.VBox(layout=plain) for _ in makers]
        super().__init__(places, layout=widgets.Layout(width="252px"))
        for i, name in enumerate(makers):
            self.set_title(i, name)
        self.observe(self._opened, "selected_index")
        self.selected_index = None if selected is None else list(makers).index(selected)

    def section(self, name: str) -> Section:
        """Return a section, which is made now if it was not yet."""
        if name not in self._made:
            self._made[name] = self._makers[name]()
            self.children[list(self._makers).index(name)].children = [self._made[name]]
        return self._made[name]

    def _opened(self, change: Any) -> None:
        if change["new"] is not None:
            self.section(list(self._makers)[change["new"]])


class PlaceSection(Section):
    """Tells where the crosshair is, and takes it elsewhere.

    Attributes
    ----------
    index, position : Text
        The crosshair, to be typed.
    step_mm : Text
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        known = self._state.volume.geometry.affine is not None
        self.index = control(widgets.Text, "index", continuous_update=False, tooltip="slice, row, column")
        self.position = control(
            widgets.Text, "LPS mm", continuous_update=False, tooltip="x, y, z", disabled=not known
        )
        self.step_mm = control(
            widgets.Text, "step mm", continuous_update=False, placeholder="one voxel", disabled=not known
        )
        self._bindings.bind("index", self.index, show=_joined, read=lambda text: _numbers(text, int))
        self._bindings.bind("position", self.position, show=_places, read=lambda text: _numbers(text, float))
        self._bindings.bind(
            "step_mm",
            self.step_mm,
            show=lambda step: "" if step is None else f"{step:g}",
            read=lambda text: float(text) if text.strip() else None,
        )
        return [self.index, self.position, self.step_mm]


class PanesSection(Section):
    """Arranges and turns the panes.

    Attributes
    ----------
    layout_choice, interpolation, convention : Dropdown
    gap : IntSlider
    letters, texts, patient_axes, mark_padding : Checkbox
        The last one only where the volume has padding.
    empty_color : ColorPicker
    turned : Dropdown
        The pane that the ``turn_buttons`` flip and turn.
    turn_buttons : list of Button
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        bind = self._bindings.bind
        self.layout_choice = control(widgets.Dropdown, "layout", options=LAYOUTS)
        bind("layout", self.layout_choice)
        self.interpolation = control(widgets.Dropdown, "pixels", options=INTERPOLATIONS)
        bind("interpolation", self.interpolation)
        self.convention = control(widgets.Dropdown, "sides", options=CONVENTIONS)
        bind("convention", self.convention)
        self.gap = control(widgets.IntSlider, "gap", max=60)
        bind("gap", self.gap, show=lambda gap: min(round(gap), 60))
        self.letters, self.texts = check("letters"), check("texts")
        bind("letters", self.letters)
        bind("texts", self.texts)
        geometry = self._state.volume.geometry
        unknown = geometry.affine is None or None in geometry.spacing
        self.patient_axes = check("patient axes", disabled=unknown)
        bind("patient_axes", self.patient_axes)
        checks = [self.letters, self.texts, self.patient_axes]
        if self._state.volume.padding is not None and not self._state.volume.is_color:
            self.mark_padding = check("mark padding")
            bind("mark_padding", self.mark_padding)
            checks.append(self.mark_padding)
        rows = [widgets.HBox(checks[i : i + 2]) for i in range(0, len(checks), 2)]
        self.empty_color = control(widgets.ColorPicker, "empty", concise=False)
        bind("empty_color", self.empty_color)
        return [
            *(self.layout_choice, self.interpolation, self.convention),
            *(self._turns(), self.gap, *rows, self.empty_color),
        ]

    def _turns(self) -> Any:
        """Make the buttons that flip and turn a pane."""
        self.turned = widgets.Dropdown(
            options=PLANES, value=self._state.volume.slice_plane, layout=widgets.Layout(width="90px"),
            tooltip="the pane that the buttons turn",
        )  # fmt: skip
        self.turn_buttons = []
        for icon, tip, act in (
            ("arrows-h", "flip left and right", lambda plane: self._state.mirror(plane)),
            ("arrows-v", "flip top and bottom", lambda plane: self._state.mirror(plane, upside_down=True)),
            ("rotate-right", "turn clockwise", lambda plane: self._state.turn(plane)),
        ):
            button = widgets.Button(icon=icon, tooltip=tip, layout=widgets.Layout(width="36px"))
            button.on_click(lambda _, act=act: act(self.turned.value))
            self.turn_buttons.append(button)
        return widgets.HBox([self.turned, *self.turn_buttons], layout=widgets.Layout(margin="0 0 0 2px"))


class CineSection(Section):
    """Runs the cine, and draws the values at the crosshair along an extra dimension.

    Attributes
    ----------
    playing : Checkbox
    cine, cine_mode : Dropdown
    fps : BoundedFloatText
    curve : HTML
        Only where there is an extra dimension.
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        bind, state = self._bindings.bind, self._state
        self.playing = check("play")
        bind("playing", self.playing)
        self.cine = control(widgets.Dropdown, "through", options=[*PLANES, *state.volume.extra_dims])
        bind("cine", self.cine)
        self.fps = control(widgets.BoundedFloatText, "fps", min=0.1, max=60, step=0.5)
        bind("fps", self.fps)
        self.cine_mode = control(widgets.Dropdown, "mode", options=CINE_MODES)
        bind("cine_mode", self.cine_mode)
        controls = [self.playing, self.cine, self.fps, self.cine_mode]
        if state.volume.extra_dims:
            self.curve = widgets.HTML(layout=widgets.Layout(margin="4px 8px"))
            self._bindings.follow(self._show_curve, ["index", "frame", "cine", "patient_axes", "taken"])
            controls.append(self.curve)
        return controls

    def _show_curve(self, change: Any) -> None:
        """Draw the values at the crosshair along the dimension of the cine, or along the first."""
        state = self._state
        names = state.volume.extra_dims
        name = state.cine if state.cine in names else names[0]
        dimension, values = curve(state, name)
        self.curve.value = curve_svg(dimension, values, state.frame[names.index(name)], state.volume.unit)


def _joined(values: Any) -> str:
    return ", ".join(map(str, values))


def _places(position: Any) -> str:
    return "" if position is None else ", ".join(f"{x:.1f}" for x in position)


def _numbers(text: str, kind: Any) -> tuple[Any, ...]:
    """Return the numbers of a text, between commas or blanks."""
    numbers = [float(word) for word in text.replace(",", " ").split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("not a number")
    return tuple(round(x) if kind is int else x for x in numbers)
