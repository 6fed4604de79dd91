"""SidePanel: how values are shown, where in the patient, how the panes are turned, and the cine."""

import math
from typing import Any

import ipywidgets as widgets
import matplotlib

from dicomview.display import INTERPOLATIONS
from dicomview.geometry import CONVENTIONS, PLANES
from dicomview.state import ViewState, curve
from dicomview.state.model import CINE_MODES, LAYOUTS
from dicomview.volume.windows import is_negative
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.style import check, control
from dicomview.widgets.svg import curve_svg, gradient
from dicomview.widgets.window_panel import WindowPanel

__all__ = ["SidePanel"]

#: Offered first; matplotlib's others follow.
COLORMAPS = ("gray", "bone", "hot", "magma", "inferno", "viridis", "plasma", "cividis", "turbo", "jet")


class SidePanel(widgets.VBox):  # type: ignore[misc]
    """Controls beside the panes, bound to a state in both directions.

    Masks have no window, colour volumes no colormap either.

    Attributes
    ----------
    window : WindowPanel or None
    preset, colormap, layout_choice, interpolation, convention, cine : Dropdown
    center, width : FloatSlider
    fps : BoundedFloatText
    limits : FloatRangeSlider
    invert, colorbar, crosshair, scale_bar, letters, texts, mark_padding, patient_axes, playing : Checkbox
    empty_color : ColorPicker
    index, position : Text
        The crosshair, to be typed.
    step_mm : Text
    turned : Dropdown
        The pane that the ``turn_buttons`` flip and turn.
    turn_buttons : list of Button
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state
        self._bindings = Bindings(state)
        self.window = WindowPanel(state) if state.volume.has_window else None
        if self.window is not None:
            self.preset, self.limits = self.window.preset, self.window.limits
            self.center, self.width = self.window.center, self.window.width
        shown = [*([self.window] if self.window else []), *self._look()]
        sections = {"place": self._place(), "panes": self._panes(), "cine": self._cine()}
        self._sections = widgets.Accordion(
            [widgets.VBox(controls) for controls in sections.values()], layout=widgets.Layout(width="252px")
        )
        for i, name in enumerate(sections):
            self._sections.set_title(i, name)
        self._sections.selected_index = 2 if state.volume.extra_dims else None
        super().__init__(
            [*shown, self._sections],
            layout=widgets.Layout(width="auto", overflow="hidden", margin="0 0 0 6px"),
        )

    def close(self) -> None:
        """Stop following the state."""
        self._bindings.undo()
        super().close()

    def _look(self) -> list[Any]:
        """Make what colours the values, and the marks over them."""
        bind = self._bindings.bind
        self.invert, self.crosshair = check("invert"), check("crosshair")
        self.colorbar, self.scale_bar = check("colorbar"), check("scale bar")
        bind("crosshair", self.crosshair)
        bind("scale_bar", self.scale_bar)
        if self._state.volume.is_color:
            return [widgets.HBox([self.crosshair, self.scale_bar])]
        offered = [name for name in COLORMAPS if name in matplotlib.colormaps]
        others = sorted(set(matplotlib.colormaps) - set(offered), key=str.lower)
        self.colormap = control(widgets.Dropdown, "colormap", options=[*offered, *others])
        bind("colormap", self.colormap)
        bind("invert", self.invert)
        bind("colorbar", self.colorbar)
        strip = widgets.HTML(layout=widgets.Layout(width="168px", margin="0 0 2px 68px"))
        negative = is_negative(self._state.volume.meta)

        def show_strip(change: Any) -> None:
            strip.value = gradient(self._state.colormap, self._state.invert != negative)

        self._bindings.follow(show_strip, ["colormap", "invert"])
        return [
            self.colormap,
            strip,
            widgets.HBox([self.invert, self.crosshair]),
            widgets.HBox([self.colorbar, self.scale_bar]),
        ]

    def _place(self) -> list[Any]:
        """Make what tells where the crosshair is, and takes it elsewhere."""
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

    def _panes(self) -> list[Any]:
        """Make what arranges and turns the panes."""
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

    def _cine(self) -> list[Any]:
        """Make what runs the cine, and the curve of an extra dimension."""
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
            self._bindings.follow(self._show_curve, ["index", "frame", "cine", "patient_axes"])
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
