"""SidePanel: window, colormap, inversion and crosshair."""

import math
from typing import Any

import ipywidgets as widgets
import matplotlib
import numpy as np

from dicomview.display import Window, presets_for
from dicomview.state import ViewState
from dicomview.volume import Volume

__all__ = ["SidePanel"]

#: Offered first; matplotlib's others can be set on the state.
COLORMAPS = ("gray", "bone", "hot", "magma", "inferno", "viridis", "plasma", "cividis", "turbo", "jet")
WIDTH = "240px"


class SidePanel(widgets.VBox):  # type: ignore[misc]
    """Controls of how values are shown, bound to a state in both directions.

    Attributes
    ----------
    center, width : FloatSlider
        The window, in the unit of the values; the number beside the slider can be typed over. A sigmoid keeps
        its curve when they are moved; of a VOI LUT they are the range of its table, and moving them leaves it
        for a linear window.
    preset, colormap : Dropdown
    invert, crosshair : Checkbox
    """

    def __init__(self, volume: Volume, state: ViewState) -> None:
        self._volume, self._state = volume, state
        self._updating = False
        self._presets: dict[str, Window | None] = {
            **{f"file: {name}".removesuffix(": file"): window for name, window in volume.windows.items()},
            **presets_for(volume.meta.get("Modality"), volume.meta.get("Units")),
            "auto": None,  # calculated when first asked for
        }
        common = {"style": {"description_width": "62px"}, "layout": widgets.Layout(width=WIDTH)}
        self.preset = widgets.Dropdown(
            options=[("", None), *((name, name) for name in self._presets)],
            value=None,
            description="preset",
            **common,
        )
        # A continuous FloatSlider answers each value with its own rounding of it, which would undo what
        # Python sets meanwhile; this way it speaks only when a person has moved it.
        slow = {**common, "continuous_update": False}
        self.center = widgets.FloatSlider(description="center", **slow)
        self.width = widgets.FloatSlider(description="width", **slow)
        offered = [name for name in COLORMAPS if name in matplotlib.colormaps]
        self.colormap = widgets.Dropdown(options=offered, value=offered[0], description="colormap", **common)
        self.invert = widgets.Checkbox(
            description="invert", indent=False, layout=widgets.Layout(width="90px")
        )
        self.crosshair = widgets.Checkbox(
            description="crosshair", indent=False, layout=widgets.Layout(width="110px")
        )
        # Colour needs neither window nor colormap.
        self._followed = ["crosshair"] if volume.is_color else ["window", "colormap", "invert", "crosshair"]
        controls = [self.preset, self.center, self.width, self.colormap] if not volume.is_color else []
        switches = [self.invert, self.crosshair] if not volume.is_color else [self.crosshair]
        if not volume.is_color:
            self._set_ranges()
        self._follow()
        self.center.observe(self._window_moved, "value")
        self.width.observe(self._window_moved, "value")
        self.preset.observe(self._preset_chosen, "value")
        for name in ("colormap", "invert", "crosshair"):
            getattr(self, name).observe(lambda change, name=name: self._set(name, change["new"]), "value")
        state.observe(self._follow, self._followed)
        super().__init__([*controls, widgets.HBox(switches)], layout=widgets.Layout(width="auto"))

    def close(self) -> None:
        """Stop following the state."""
        if self._followed:
            self._state.unobserve(self._follow, self._followed)
            self._followed = []
        super().close()

    def _set_ranges(self) -> None:
        """Let the sliders span the values of the volume."""
        values = np.asarray(self._volume.array)
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if self._volume.padding is not None:
            start, end = self._volume.padding
            values = values[(values < start) | (values > end)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        span = max(high - low, 1e-9)
        step = 1.0 if values.dtype.kind in "iub" and span >= 1 else span / 1024
        for slider, ends in ((self.center, (low, low + span)), (self.width, (step, max(span, step)))):
            with slider.hold_trait_notifications():
                slider.min, slider.max = ends
                slider.step = step
                slider.readout_format = ".0f" if step == 1 else ".4g"

    def _follow(self, change: Any = None) -> None:
        """Show the state."""
        self._updating = True
        try:
            if "window" in self._followed:
                self._show_window(self._state.window)
            if self._state.colormap not in self.colormap.options:
                self.colormap.options = [*self.colormap.options, self._state.colormap]
            self.colormap.value = self._state.colormap
            self.invert.value = self._state.invert
            self.crosshair.value = self._state.crosshair
        finally:
            self._updating = False

    def _show_window(self, window: Window) -> None:
        """Set the sliders, widened where the window lies beyond the values."""
        for slider, value in ((self.center, window.center), (self.width, window.width)):
            slider.max = max(slider.max, value)
            slider.min = min(slider.min, value)
            slider.value = value
        same = (name for name, preset in self._presets.items() if preset == window)
        self.preset.value = next(same, None)

    def _set(self, name: str, value: Any) -> None:
        if not self._updating:
            setattr(self._state, name, value)

    def _window_moved(self, change: Any) -> None:
        if not self._updating:
            # The page counts in binary fractions of the step: 40.99999999999977 means 41.
            center, width = (
                round(slider.value, 1 - math.floor(math.log10(slider.step)))
                for slider in (self.center, self.width)
            )
            self._state.window = self._state.window.moved(center, width)

    def _preset_chosen(self, change: Any) -> None:
        name = change["new"]
        if not self._updating and name is not None:
            if self._presets[name] is None:
                self._presets[name] = self._volume.auto_window()
            self._state.window = self._presets[name]
