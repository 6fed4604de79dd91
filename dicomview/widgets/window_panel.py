"""WindowPanel: the window by preset, centre and width, or by its limits under a histogram."""

import math
import time
from collections import deque
from typing import Any

import ipywidgets as widgets
import numpy as np

from dicomview.display import Window, auto_window, presets_for
from dicomview.state import ViewState, pane_pixels, resolve
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.style import PANEL_WIDTH, control
from dicomview.widgets.svg import histogram_svg

__all__ = ["WindowPanel", "named_windows"]

BINS = 108
#: Seconds in which a value of the page may be the echo of one that was sent to it.
ECHO = 1.0
AUTO_SLICE, AUTO_VOLUME = "auto (slice)", "auto"


def named_windows(state: ViewState) -> dict[str, Window]:
    """Return the windows of the file by their explanation, then the presets of the modality."""
    volume = state.acquired
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
        self._sent: deque[tuple[float, float, float]] = deque(maxlen=16)
        self._updating = False
        self.preset = control(
            widgets.Dropdown, "preset", options=[("", None), *((n, n) for n in self._presets)], value=None
        )
        self.center = control(widgets.FloatSlider, "center")
        self.width = control(widgets.FloatSlider, "width")
        self._histogram = widgets.HTML(layout=widgets.Layout(margin="2px 12px 0 12px"))
        self.limits = widgets.FloatRangeSlider(
            readout=False,
            tooltip="limits of the window",
            layout=widgets.Layout(width=PANEL_WIDTH, margin="0 0 4px 0", padding="0 4px"),
        )
        self._set_ranges()
        self._bindings = Bindings(state)
        self._bindings.follow(self._show, "window")
        for slider in (self.center, self.width):
            slider.observe(self._moved, "value")
        self.limits.observe(self._limits_moved, "value")
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
        span = max(high - low, abs(low) * 1e-9, 1e-30)
        whole = acquired.dtype.kind in "iub" and span >= 1
        self._step = 1.0 if whole else span / 1024
        self._span = (low, low + span)
        self._counts = np.histogram(sample, BINS, self._span)[0]
        widths = (self._step, max(span, self._step))
        for slider, ends in ((self.center, self._span), (self.width, widths), (self.limits, self._span)):
            with slider.hold_trait_notifications():
                slider.min, slider.max = ends
                slider.step = self._step
                slider.readout_format = ".0f" if whole else ".4g"

    def _show(self, change: Any = None) -> None:
        """Show the window; sliders are widened where it lies beyond the values."""
        window = self._state.window
        self._updating = True
        try:
            sent = False
            for slider, value in ((self.center, window.center), (self.width, window.width)):
                slider.max, slider.min = max(slider.max, value), min(slider.min, value)
                sent = sent or slider.value != value
                slider.value = value
            if sent:
                self._sent.append((window.center, window.width, time.monotonic()))
            low, high = (float(np.clip(x, *self._span)) for x in window.limits)
            self.limits.value = (min(low, high), max(low, high))
            self._histogram.value = histogram_svg(self._counts, self._span, window)
            same = (name for name, preset in self._presets.items() if preset == window)
            self.preset.value = next(same, None)
        finally:
            self._updating = False

    def _moved(self, change: Any) -> None:
        if self._updating:
            return
        # The page counts in binary fractions of the step: 40.99999999999977 means 41.
        digits = 1 - math.floor(math.log10(self._step))
        center, width = (round(slider.value, digits) for slider in (self.center, self.width))
        # It also answers each value that it is sent with its own rounding of it, perhaps when there is a
        # newer one: what was sent a moment ago was not moved by a person.
        now = time.monotonic()
        for c, w, when in self._sent:
            if now - when < ECHO and abs(center - c) <= self._step / 2 and abs(width - w) <= self._step / 2:
                return
        self._state.window = self._state.window.moved(center, max(width, self._step * 1e-3))

    def _limits_moved(self, change: Any) -> None:
        low, high = change["new"]
        shown = (float(np.clip(x, *self._span)) for x in self._state.window.limits)
        if self._updating or all(abs(a - b) <= self._step * 0.75 for a, b in zip((low, high), shown)):
            return
        width = max(high - low, self._step)
        if self._state.window.function == "linear":
            width += 1  # which ends one unit earlier
        self._state.window = self._state.window.moved(low + width / 2, width)

    def _preset_chosen(self, change: Any) -> None:
        name = change["new"]
        if self._updating or name is None:
            return
        state = self._state
        if name == AUTO_SLICE:
            acquired = state.acquired
            pane = resolve(state.volume, state).pane(acquired.slice_plane)
            values = np.ma.compressed(pane_pixels(state.volume, pane))
            state.window = auto_window(values, padding=acquired.padding)
            self.preset.value = None  # another slice has another one
            return
        if self._presets[name] is None:
            self._presets[name] = state.acquired.auto_window()
        window = self._presets[name]
        assert window is not None
        state.window = window
