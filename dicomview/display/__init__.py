"""How values become grey levels: windows and presets, numpy only."""

from dicomview.display.presets import PRESETS, presets_for
from dicomview.display.window import Window, auto_window

__all__ = ["PRESETS", "Window", "auto_window", "presets_for"]
