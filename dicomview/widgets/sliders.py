"""Sliders: one for each plane and extra dimension, the same as the index and the frame of a state."""

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from dicomview.geometry import PLANES
from dicomview.state import ViewState
from dicomview.widgets.led import LedIntSlider

__all__ = ["Sliders"]


class Sliders:
    """Makes sliders and keeps them and a state the same.

    Parameters
    ----------
    state : ViewState
    is_deaf : callable
        Whether what a slider says is left to the page to tell.

    Attributes
    ----------
    by_name : dict of str to IntSlider
        By plane, then by extra dimension.
    rows : list of Widget
        The planes side by side, then a row for each extra dimension, with its value in words.
    """

    def __init__(self, state: ViewState, is_deaf: Callable[[], bool]) -> None:
        self._state, self._is_deaf = state, is_deaf
        self._is_showing = False
        names = state.volume.extra_dims
        self.by_name = {name: self._made(name) for name in (*PLANES, *names)}
        self._values = {name: widgets.HTML() for name in names}
        planes = [self.by_name[plane] for plane in PLANES]
        self.rows: list[Any] = [
            widgets.HBox(planes, layout=widgets.Layout(flex_flow="row wrap")),
            *(widgets.HBox([self.by_name[name], self._values[name]]) for name in names),
        ]

    def show(self) -> None:
        """Bring the sliders to the state."""
        state = self._state
        self._is_showing = True
        try:
            for name, slider in self.by_name.items():
                trait, place = self._place(name)
                extents = state.volume.geometry.shape if trait == "index" else _counts(state)
                if slider.max != extents[place] - 1:
                    slider.max, slider.disabled = extents[place] - 1, extents[place] == 1
                slider.value = getattr(state, trait)[place]
        finally:
            self._is_showing = False
        for dimension, i in zip(state.volume.dimensions, state.frame):
            self._values[dimension.name].value = escape(dimension.label(i).partition("= ")[2])

    def _made(self, name: str) -> Any:
        wide = name not in PLANES
        slider = LedIntSlider(
            min=0,
            description=name,
            layout=widgets.Layout(flex="0 1 auto" if wide else "1 1 30%", width="60%" if wide else "auto"),
            style={"description_width": "84px" if wide else "58px"},
        )

        def moved(change: Any) -> None:
            if not self._is_showing and not self._is_deaf():
                trait, place = self._place(name)
                self._state.move(place, change["new"], trait=trait)

        slider.observe(moved, "value")
        return slider

    def _place(self, name: Any) -> tuple[Any, int]:
        """Return the trait, and the element of it, that a slider moves."""
        volume = self._state.volume
        if name in PLANES:
            return "index", volume.plane_axes[name]
        return "frame", volume.extra_dims.index(name)


def _counts(state: ViewState) -> list[int]:
    return list(map(len, state.volume.dimensions))
