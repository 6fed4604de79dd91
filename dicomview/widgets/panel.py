"""SidePanel: how values are shown, and below that sections that open when they are wanted."""

from functools import partial
from typing import Any

import ipywidgets as widgets
import matplotlib

from dicomview.state import ViewState
from dicomview.volume.windows import is_negative
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.measuring import MeasurementsSection
from dicomview.widgets.over_sections import OverlaysSection, SlabSection
from dicomview.widgets.sections import CineSection, PanesSection, PlaceSection, Section, Sections
from dicomview.widgets.style import check, control
from dicomview.widgets.svg import gradient
from dicomview.widgets.window_panel import WindowPanel

__all__ = ["SidePanel"]

#: Offered first; matplotlib's others follow.
COLORMAPS = ("gray", "bone", "hot", "magma", "inferno", "viridis", "plasma", "cividis", "turbo", "jet")
#: By title, in this order.
SECTIONS: dict[str, type[Section]] = {
    "place": PlaceSection,
    "panes": PanesSection,
    "cine": CineSection,
    "slab": SlabSection,
    "overlays": OverlaysSection,
    "measurements": MeasurementsSection,
}


class SidePanel(widgets.VBox):  # type: ignore[misc]
    """Controls beside the panes, bound to a state in both directions.

    Masks have no window, colour volumes no colormap either.

    Attributes
    ----------
    window : WindowPanel or None
    preset, colormap : Dropdown
    center, width : FloatSlider
    limits : FloatRangeSlider
    invert, colorbar, crosshair, scale_bar : Checkbox
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state
        self._bindings = Bindings(state)
        self.window = WindowPanel(state) if state.volume.has_window else None
        if self.window is not None:
            self.preset, self.limits = self.window.preset, self.window.limits
            self.center, self.width = self.window.center, self.window.width
        self._sections = Sections(
            {name: partial(kind, state) for name, kind in SECTIONS.items()},
            selected="cine" if state.volume.extra_dims else None,
        )
        super().__init__(
            [*([self.window] if self.window else []), *self._look(), self._sections],
            layout=widgets.Layout(width="auto", overflow="hidden", margin="0 0 0 6px"),
        )

    def section(self, name: str) -> Any:
        """Return the section of a title: ``"place"``, ``"panes"``, ``"cine"``, ``"measurements"`` ..."""
        return self._sections.section(name)

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
