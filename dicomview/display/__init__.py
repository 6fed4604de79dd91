"""How values become grey levels: windows, tables and presets, numpy only."""

from dicomview.display.color import rgb8
from dicomview.display.lut import VOILUT
from dicomview.display.presets import PRESETS, presets_for
from dicomview.display.resample import INTERPOLATIONS, Interpolation
from dicomview.display.voi import WindowFunction, apply_voi_lut, apply_window
from dicomview.display.window import Window, auto_window, valid_values

__all__ = [
    "INTERPOLATIONS",
    "PRESETS",
    "VOILUT",
    "Interpolation",
    "Window",
    "WindowFunction",
    "apply_voi_lut",
    "apply_window",
    "auto_window",
    "presets_for",
    "rgb8",
    "valid_values",
]
