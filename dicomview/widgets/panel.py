"""SidePanel: window, colormap, inversion and crosshair."""

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
WIDTH = "250px"
#: Traits that the panel shows.
FOLLOWED = ["window", "colormap", "invert", "crosshair"]


class SidePanel(widgets.VBox):  # type: ignore[misc]
    """Controls of how values are shown, bound to a state in both directions.

    Attributes
    ----------
    center, width : FloatSlider
        The window, in the unit of the values; the number beside the slider can be typed over.
    preset, colormap : Dropdown
    invert, crosshair : Checkbox
    """

    def __init__(self, volume: Volume, state: ViewState) -> None:
        self._state = state
        self._updating = False
        wide = {"description_width": "62px"}
        layout = widgets.Layout(width=WIDTH)
        self.center, self.width = (
            widgets.FloatSlider(description=name, style=wide, layout=layout, readout_format=".4g")
            for name in ("center", "width")
        )
        self._set_ranges(volume)
        self._presets = {**volume.windows, **presets_for(volume.meta.get("Modality"))}
        self._volume = volume
        names = [*self._presets, "auto"]
        self.preset = widgets.Dropdown(
            options=[("", None), *((name, name) for name in names)],
            value=None,
            description="preset",
            style=wide,
            layout=layout,
        )
        offered = [name for name in COLORMAPS if name in matplotlib.colormaps]
        self.colormap = widgets.Dropdown(
            options=offered, value=offered[0], description="colormap", style=wide, layout=layout
        )
        self.invert = widgets.Checkbox(description="invert", indent=False, layout=widgets.Layout(width="90px"))
        self.crosshair = widgets.Checkbox(
            description="crosshair", indent=False, layout=widgets.Layout(width="110px")
        )
        self.center.observe(self._window_moved, "value")
        self.width.observe(self._window_moved, "value")
        self.preset.observe(self._preset_chosen, "value")
        for name in ("colormap", "invert", "crosshair"):
            getattr(self, name).observe(lambda change, name=name: self._set(name, change["new"]), "value")
        state.observe(self._follow, FOLLOWED)
        self._follow()
        grey = [] if volume.is_color else [self.preset, self.center, self.width, self.colormap]
        switches = [self.crosshair] if volume.is_color else [self.invert, self.crosshair]
        super().__init__([*grey, widgets.HBox(switches)], layout=widgets.Layout(width="auto"))
        self._open = True

    def close(self) -> None:
        """Stop following the state and free the controls."""
        if getattr(self, "_open", False):
            self._open = False
            self._state.unobserve(self._follow, FOLLOWED)
            for control in (self.preset, self.center, self.width, self.colormap, self.invert, self.crosshair):
                control.close()
        super().close()

    def _set_ranges(self, volume: Volume) -> None:
        """Let the sliders span the values of the volume."""
        if volume.is_color:
            return
        values = np.asarray(volume.array)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        if not (np.isfinite(low) and np.isfinite(high)):
            low, high = volume.default_window.limits
        span = max(high - low, 1e-9)
        step = 1.0 if values.dtype.kind in "iub" and span >= 1 else span / 1024
        self.center.min, self.center.max, self.center.step = min(low, self.center.max), high, step
        self.center.min = low
        self.width.max, self.width.step = max(span, step), step
        self.width.min = step

    def _follow(self, change: Any = None) -> None:
        """Show the state."""
        self._updating = True
        try:
            window = self._state.window
            for slider, value in ((self.center, window.center), (self.width, window.width)):
                slider.max = max(slider.max, value)
                slider.min = min(slider.min, value)
                slider.value = value
            matching = (name for name, preset in self._presets.items() if preset == window)
            self.preset.value = next(matching, None)
            if self._state.colormap not in self.colormap.options:
                self.colormap.options = [*self.colormap.options, self._state.colormap]
            self.colormap.value = self._state.colormap
            self.invert.value = self._state.invert
            self.crosshair.value = self._state.crosshair
        finally:
            self._updating = False

    def _set(self, name: str, value: Any) -> None:
        if not self._updating:
            setattr(self._state, name, value)

    def _window_moved(self, change: Any) -> None:
        self._set("window", Window(self.center.value, self.width.value))

    def _preset_chosen(self, change: Any) -> None:
        if not self._updating and change["new"] is not None:
            name = change["new"]
            self._state.window = self._volume.auto_window() if name == "auto" else self._presets[name]
