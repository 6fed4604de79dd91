"""CompareControls: what chooses how two volumes are compared."""

import math
from typing import Any

import ipywidgets as widgets

from dicomview.state import Comparison
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.style import check

__all__ = ["CompareControls"]

TIPS = {
    "side": "two linked viewers",
    "checkerboard": "tiles of one and the other",
    "curtain": "one left, the other right of a line that is dragged",
    "blink": "one and the other in turns",
    "difference": "the first minus the second",
}


class CompareControls(widgets.HBox):  # type: ignore[misc]
    """The mode, and what belongs to each.

    Parameters
    ----------
    comparison : Comparison
    bindings : Bindings
        Of the comparison.

    Attributes
    ----------
    mode : ToggleButtons
    curtain : FloatSlider
    tile : FloatLogSlider
    rate : FloatSlider
    linked : Checkbox
        Whether frames go along; hidden where they cannot.
    """

    def __init__(self, comparison: Comparison, bindings: Bindings) -> None:
        bind = bindings.bind
        self.mode = widgets.ToggleButtons(
            options=list(comparison.modes),
            style={"button_width": "auto"},
            tooltips=[TIPS[mode] for mode in comparison.modes],
        )
        bind("mode", self.mode)
        self.curtain = widgets.FloatSlider(
            min=0, max=1, step=0.005, description="curtain", readout=False, layout=_wide()
        )
        bind("curtain", self.curtain)
        steps = [d or 1.0 for d in comparison.a.geometry.spacing]
        longest = max(n * d for n, d in zip(comparison.a.geometry.shape, steps))
        self.tile = widgets.FloatLogSlider(
            base=10, min=math.log10(min(steps)), max=math.log10(longest), step=0.02, value=comparison.tile,
            description="tile mm", readout_format=".3g", layout=_wide(),
        )  # fmt: skip
        bind("tile", self.tile)
        self.rate = widgets.FloatSlider(min=0.1, max=20, step=0.1, description="a second", layout=_wide())
        bind("rate", self.rate)
        self.linked = check("frames go along")
        bind(
            "frames", self.linked, show=lambda frames: frames == "linked",
            read=lambda is_linked: "linked" if is_linked else "own",
        )  # fmt: skip
        self.linked.layout.width = "auto"
        self.linked.layout.display = "" if comparison.paired.can_link else "none"
        self._of_mode = {"curtain": self.curtain, "checkerboard": self.tile, "blink": self.rate}
        super().__init__(
            [self.mode, *self._of_mode.values(), self.linked],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center"),
        )

    def show(self, mode: str) -> None:
        """Show what belongs to a mode, and hide the rest."""
        for name, control in self._of_mode.items():
            control.layout.display = "" if name == mode else "none"


def _wide() -> Any:
    return widgets.Layout(width="320px")
