"""WindowPanel: the window by preset, centre and width, or by its limits under a histogram."""

import math
from typing import Any

import ipywidgets as widgets
import numpy as np

from dicomview.display import Window, auto_window, presets_for
from dicomview.state import ViewState, pane_pixels, resolve
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.frontend import in_page_event
from dicomview.widgets.led import LedFloatSlider
from dicomview.widgets.style import PANEL_WIDTH, control
from dicomview.widgets.svg import histogram_svg
from dicomview.widgets.tie import SliderTie

__all__ = ["WindowPanel", "named_windows"]

BINS = 108
AUTO_SLICE, AUTO_VOLUME = "auto (slice)", "auto"


def named_windows(state: ViewState) -> dict[str, Window]:
    """Return the windows of the file by their explanation, then the presets of the modality."""
    volume = state.acquired
    if not volume.has_window:
        return {}
    return {
        **{f"file: {name}".removesuffix(": file"): window for name, window in volume.windows.items()},
        **presets_for(volume.meta.get("Modality"), volume.meta.get("Units")),
    }


class WindowPanel(widgets.VBox):  # type: ignore[misc]
    """Controls of the window, bound to a state in both directions.

    Attributes
    ----------
    preset : Dropdown
    center, width : FloatSlider
        The numbers beside them can be typed over.
    limits : FloatRangeSlider
        The ends of the window, under the histogram.
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state
        self._presets: dict[str, Window | None] = {
            **named_windows(state), AUTO_SLICE: None, AUTO_VOLUME: None  # calculated when asked for
        }  # fmt: skip
        self._updating = False
        #: Whether the page tells the window itself when its sliders are moved there.
        self.page_leads = False
        self.preset = control(
            widgets.Dropdown, "preset", options=[("", None), *((n, n) for n in self._presets)], value=None
        )
        self.center = control(LedFloatSlider, "center")
        self.width = control(LedFloatSlider, "width")
        self._histogram = widgets.HTML(layout=widgets.Layout(margin="2px 12px 0 12px"))
        self.limits = widgets.FloatRangeSlider(
            readout=False,
            tooltip="limits of the window",
            layout=widgets.Layout(width=PANEL_WIDTH, margin="0 0 4px 0", padding="0 4px"),
        )
        self._set_ranges()
        self._ties = (
            SliderTie(self.center, self._center_moved),
            SliderTie(self.width, self._width_moved),
            SliderTie(self.limits, self._limits_moved),
        )
        self._bindings = Bindings(state)
        self._bindings.follow(self._show, "window")
        self.preset.observe(self._preset_chosen, "value")
        super().__init__([self.preset, self.center, self.width, self._histogram, self.limits])

    def close(self) -> None:
        """Stop following the state."""
        self._bindings.undo()
        super().close()

    def _set_ranges(self) -> None:
        """Let the sliders span the values of the volume, and count them."""
        acquired = self._state.acquired
        sample = acquired.sample()
        low, high = (float(sample.min()), float(sample.max())) if sample.size else (0.0, 1.0)
        varies = high > low
        if varies:
            span = max(high - low, abs(low) * 1e-9, 1e-30)
        else:  # one value, in the middle
            span = Window.from_limits(low, high).width
            low -= span / 2
        whole = acquired.dtype.kind in "iu" and varies
        self._step = 1.0 if whole else _round_step(span / 1024)
        self._span = (low, low + span)
        self._counts = np.histogram(sample, BINS, self._span)[0]
        # From multiples of the step, so that round numbers are among those of the page.
        start = low if whole else math.floor(low / self._step) * self._step
        centers, widths = (start, low + span), (self._step, max(span, self._step))
        digits = max(-math.floor(math.log10(self._step)), 0)  # none of the binary fractions of the page
        for slider, ends in ((self.center, centers), (self.width, widths), (self.limits, self._span)):
            with slider.hold_trait_notifications():
                slider.min, slider.max = ends
                slider.step = self._step
                slider.readout_format = f".{digits}f" if digits <= 6 else ".4g"

    def _show(self, change: Any = None) -> None:
        """Show the window; sliders are widened where it lies beyond the values."""
        window = self._state.window
        for slider, value in ((self.center, window.center), (self.width, window.width)):
            slider.max, slider.min = max(slider.max, value), min(slider.min, value)
        for tie, shown in zip(self._ties, (window.center, window.width, self._shown_limits())):
            tie.show(shown)
        self._histogram.value = histogram_svg(self._counts, self._span, window)
        same = (name for name, preset in self._presets.items() if preset == window)
        self._updating = True
        try:
            self.preset.value = next(same, None)
        finally:
            self._updating = False

    def _shown_limits(self) -> tuple[float, float]:
        """Return the ends of the window as far as they are under the histogram."""
        low, high = sorted(float(np.clip(x, *self._span)) for x in self._state.window.limits)
        return low, high

    def _center_moved(self, center: float) -> None:
        if self.page_leads and in_page_event():
            return
        window = self._state.window
        self._state.window = window.moved(self._rounded(center), window.width)

    def _width_moved(self, width: float) -> None:
        if self.page_leads and in_page_event():
            return
        window = self._state.window
        self._state.window = window.moved(window.center, max(self._rounded(width), self._step * 1e-3))

    def _rounded(self, value: float) -> float:
        """Return a number of the page without its binary fractions of a step: 40.99999999999977 means 41."""
        return round(value, 1 - math.floor(math.log10(self._step)))

    def _limits_moved(self, limits: tuple[float, float]) -> None:
        window = self._state.window
        # An end that stays may lie beyond the histogram.
        low, high = (
            whole if abs(shown - value) <= self._step / 2 else self._rounded(value)
            for value, shown, whole in zip(limits, self._shown_limits(), sorted(window.limits))
        )
        width = max(high - low, self._step)
        if window.function == "linear":
            width += 1  # which ends one unit earlier
        self._state.window = window.moved(low + width / 2, width)

    def _preset_chosen(self, change: Any) -> None:
        name = change["new"]
        if self._updating or name is None:
            return
        state = self._state
        if name == AUTO_SLICE:
            acquired = state.acquired
            pane = resolve(state.volume, state).pane(acquired.slice_plane)
            values = np.ma.compressed(pane_pixels(pane.volume, pane))
            state.window = auto_window(values, padding=acquired.padding)
            self.preset.value = None  # another slice has another one
            return
        if self._presets[name] is None:
            self._presets[name] = state.acquired.auto_window()
        window = self._presets[name]
        assert window is not None
        state.window = window


def _round_step(step: float) -> float:
    """Return the next of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)
