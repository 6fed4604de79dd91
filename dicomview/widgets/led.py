"""Sliders that the page moves by itself."""

from typing import Any

import ipywidgets as widgets

__all__ = ["LedFloatSlider", "LedIntSlider"]


class _Led:
    """While ``is_led``, what the kernel sets is not told to the page, which has set it already."""

    is_led = False

    def send_state(self, key: Any = None) -> None:
        """Tell the page, unless it leads."""
        if not self.is_led:
            super().send_state(key)  # type: ignore[misc]


class LedIntSlider(_Led, widgets.IntSlider):  # type: ignore[misc]
    """An IntSlider that may be led by the page."""


class LedFloatSlider(_Led, widgets.FloatSlider):  # type: ignore[misc]
    """A FloatSlider that may be led by the page."""
