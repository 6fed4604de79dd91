"""Sections for what is made of several slices, and for what lies over them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

from dicomview.errors import DicomviewError
from dicomview.geometry import PLANES, Plane
from dicomview.state import Fused, Mask, Overlay, Overlays
from dicomview.state.slab import SLAB_MODES
from dicomview.widgets.displayed import close_all
from dicomview.widgets.sections import Section
from dicomview.widgets.style import control

__all__ = ["OverlaysSection", "SlabSection"]

#: Of a slab, in mm.
THICKEST = 500
#: Colormaps for a fused volume.
COLORMAPS = ("hot", "jet", "turbo", "viridis", "magma", "inferno", "cool", "gray")


class SlabSection(Section):
    """Says how thick a slab is, and what it shows.

    Attributes
    ----------
    thickness : dict of str to BoundedFloatText
        By plane, in mm; 0 for single slices.
    mode : Dropdown
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        state = self._state
        self.mode = control(widgets.Dropdown, "shows", options=SLAB_MODES)
        self._bindings.bind("slab_mode", self.mode)
        self.thickness = {}
        for plane in PLANES:
            known = state.volume.geometry.spacing[state.volume.plane_axes[plane]] is not None
            self.thickness[plane] = text = control(
                widgets.BoundedFloatText, f"{plane}", max=THICKEST, step=1, disabled=not known, tooltip="mm"
            )
            self._bindings.bind(
                "slab", text, show=partial(_thickness, plane), read=partial(self._with, plane)
            )
        return [*self.thickness.values(), self.mode]

    def _with(self, plane: Plane, thickness: float) -> dict[str, float]:
        return {**self._state.slab, plane: thickness}


def _thickness(plane: Plane, slab: dict[str, float]) -> float:
    return min(slab.get(plane, 0.0), float(THICKEST))


class OverlaysSection(Section):
    """Shows the overlays, each with what can be changed of it.

    Attributes
    ----------
    rows : dict of str to OverlayRow
        By name.
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        self._overlays = Overlays(self._state)
        self.rows: dict[str, OverlayRow] = {}
        self._list = widgets.VBox()
        self._none = widgets.HTML("none: <code>viewer.overlays.add_mask(...)</code>")
        self._bindings.follow(self._show, "overlays")
        return [self._list]

    def _show(self, change: Any) -> None:
        """Have a row for each overlay, as it is."""
        shown = {overlay.name: overlay for overlay in self._overlays}
        for name in [name for name, row in self.rows.items() if not row.suits(shown.get(name))]:
            close_all(self.rows.pop(name))
        for name, overlay in shown.items():
            if name not in self.rows:
                self.rows[name] = OverlayRow(overlay, partial(self._overlays.set, name))
            self.rows[name].show(overlay)
        rows = [self.rows[name] for name in shown] or [self._none]
        if list(self._list.children) != rows:
            self._list.children = rows

    def close(self) -> None:
        """Stop following the state."""
        for part in (self._none, *self.rows.values()):
            close_all(part)
        super().close()


class OverlayRow(widgets.VBox):  # type: ignore[misc]
    """What can be changed of one overlay.

    Attributes
    ----------
    visible : Checkbox
    opacity : FloatSlider
    color : ColorPicker or None
        Of a mask.
    colormap : Dropdown or None
    window : Text or None
        Centre and width of a fused volume.
    """

    def __init__(self, overlay: Overlay, change: Callable[..., None]) -> None:
        self._change, self._overlay = change, overlay
        self._is_showing = False
        self.visible = widgets.Checkbox(
            description=overlay.name, indent=False, layout=widgets.Layout(width="180px", margin="0 2px")
        )
        self.opacity = control(widgets.FloatSlider, "opacity", max=1, step=0.05, readout_format=".2f")
        self.color: Any = None
        self.colormap: Any = None
        self.window: Any = None
        first, others = [self.visible], [self.opacity]
        self._tie(self.visible, "visible")
        self._tie(self.opacity, "opacity")
        if isinstance(overlay, Mask):
            self.color = widgets.ColorPicker(concise=True, layout=widgets.Layout(width="30px"))
            self._tie(self.color, "color")
            first.append(self.color)
        elif isinstance(overlay, Fused):
            offered = dict.fromkeys((overlay.colormap, *COLORMAPS))
            self.colormap = control(widgets.Dropdown, "colours", options=list(offered))
            self.window = control(
                widgets.Text, "window", continuous_update=False, tooltip="centre, width of the colours"
            )
            self._tie(self.colormap, "colormap")
            self._tie(self.window, "window", _window)
            others = [self.window, self.colormap, self.opacity]
        super().__init__([widgets.HBox(first), *others], layout=widgets.Layout(margin="0 0 6px 0"))

    def suits(self, overlay: Overlay | None) -> bool:
        """Return whether this row can show an overlay."""
        return overlay is not None and overlay.number == self._overlay.number

    def show(self, overlay: Overlay) -> None:
        """Bring the controls to an overlay."""
        self._overlay, self._is_showing = overlay, True
        try:
            self.visible.value, self.opacity.value = overlay.visible, overlay.opacity
            if isinstance(overlay, Mask):
                self.color.value = overlay.color
            if isinstance(overlay, Fused):
                if overlay.colormap not in self.colormap.options:
                    self.colormap.options = [*self.colormap.options, overlay.colormap]
                self.colormap.value = overlay.colormap
                self.window.value = f"{overlay.window.center:.6g}, {overlay.window.width:.6g}"
        finally:
            self._is_showing = False

    def _tie(self, widget: Any, name: str, read: Callable[[Any], Any] = lambda value: value) -> None:
        def changed(change: Any) -> None:
            if self._is_showing:
                return
            try:
                self._change(**{name: read(change["new"])})
            except (TraitError, ValueError, DicomviewError):
                self.show(self._overlay)  # it cannot be read

        widget.observe(changed, "value")


def _window(text: str) -> tuple[float, float]:
    center, width = (float(word) for word in text.replace(",", " ").split())
    return center, width
