"""PaintSection: the mask that is painted, the brush, and the values that it takes."""

from html import escape
from typing import Any

import ipywidgets as widgets

from dicomview.errors import DicomviewError
from dicomview.geometry import PLANES
from dicomview.state import Overlays, Painted
from dicomview.state.painting import RADII
from dicomview.widgets.sections import Section
from dicomview.widgets.style import check, control

__all__ = ["NO_SLICES", "PaintSection"]

#: Said where brush and fill can do nothing.
NO_SLICES = "The planes are not those of the acquisition: tick 3-D in the panel to paint with a ball."


class PaintSection(Section):
    """Chooses the mask and the brush.

    Attributes
    ----------
    layer : Dropdown
    radius : BoundedFloatText
        In mm.
    ball : Checkbox
    values : Text
        Lowest and highest value; empty for any.
    buttons : dict of str to Button
        ``"new"``, ``"all"``, ``"clear"``, ``"undo"`` and ``"redo"``.
    note : HTML
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        state, bind = self._state, self._bindings.bind
        self._is_showing = False
        self.layer = control(widgets.Dropdown, "mask", options=[])
        self.layer.observe(self._choose, "value")
        self.radius = control(
            widgets.BoundedFloatText, "radius", min=RADII[0], max=RADII[1], step=0.5, tooltip="mm"
        )
        self.ball = check("3-D")
        self.values = control(
            widgets.Text, "values", continuous_update=False, disabled=state.volume.is_color,
            tooltip="lowest, highest value; empty for any",
        )  # fmt: skip
        bind("brush_mm", self.radius, show=lambda mm: round(mm, 2))
        bind("brush_3d", self.ball)
        bind("paint_range", self.values, show=_written, read=_read)
        self.note = widgets.HTML(layout=widgets.Layout(margin="0 4px"))
        layout, self.buttons = widgets.Layout(width="38px", margin="1px"), {}
        for name, icon, tip, act in (
            ("new", "plus", "another mask", lambda: Overlays(state).paint()),
            (
                "all",
                "th",
                "paint all such values of the slice; with 3-D of all slices",
                lambda: self._threshold(),
            ),
            ("clear", "trash", "clear the mask", state.clear_paint),
            ("undo", "undo", "take the last change back (Ctrl z)", state.undo),
            ("redo", "repeat", "make it again (Ctrl Shift z)", state.redo),
        ):
            self.buttons[name] = button = widgets.Button(icon=icon, tooltip=tip, layout=layout)
            button.on_click(lambda _, act=act: act())
        self._bindings.follow(
            self._show, ["overlays", "paint_layer", "paint_range", "brush_3d", "patient_axes", "rotation"]
        )
        self._bindings.follow(self._show_steps, ["touched", "measurements", "overlays"])
        return [
            self.layer,
            self.radius,
            self.values,
            self.ball,
            widgets.HBox([*self.buttons.values()]),
            self.note,
        ]

    def _threshold(self) -> None:
        """Paint the values of the range: of the slice in view, or of all."""
        state = self._state
        plane = state.layout if state.layout in PLANES else state.volume.slice_plane
        try:
            state.threshold(*state.paint_range, plane=None if state.brush_3d else plane)
        except DicomviewError as error:
            self.note.value = escape(str(error))

    def _choose(self, change: Any) -> None:
        if not self._is_showing and change["new"]:
            self._state.paint_layer = change["new"]

    def _show(self, change: Any) -> None:
        """Bring masks and buttons to the state."""
        state = self._state
        names = [overlay.name for overlay in state.overlays if isinstance(overlay, Painted)]
        self._is_showing = True
        try:
            if tuple(names) != tuple(self.layer.options):
                self.layer.options = names
            self.layer.value = state.painted.name if state.painted is not None else None
        finally:
            self._is_showing = False
        can = state.brush_3d or state.can_paint_flat
        self.note.value = "" if can else NO_SLICES
        self.buttons["all"].disabled = state.paint_range is None or not can
        self.buttons["clear"].disabled = not names

    def _show_steps(self, change: Any) -> None:
        state = self._state
        self.buttons["undo"].disabled, self.buttons["redo"].disabled = not state.can_undo, not state.can_redo


def _written(limits: tuple[float, float] | None) -> str:
    return "" if limits is None else "{:g}, {:g}".format(*limits)


def _read(text: str) -> tuple[float, ...] | None:
    words = text.replace(",", " ").split()
    return tuple(map(float, words)) if words else None
