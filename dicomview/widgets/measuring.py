"""MeasurementsSection: the list of measurements in the side panel."""

from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from dicomview.measure import table, words
from dicomview.state import Measurements
from dicomview.widgets.sections import Section
from dicomview.widgets.style import PANEL_WIDTH, control

__all__ = ["MeasurementsSection"]

#: Lines of the list.
LINES = 5


class MeasurementsSection(Section):
    """Lists measurements; one that is chosen shows its numbers, and the crosshair goes there.

    Attributes
    ----------
    chosen : Select
    name : Text
        Of the one that is chosen.
    numbers : HTML
    buttons : dict of str to Button
        ``"go"``, ``"delete"``, ``"undo"`` and ``"redo"``.
    """

    def make(self) -> list[Any]:
        """Make the controls."""
        state, self._list = self._state, Measurements(self._state)
        self._is_showing = False
        self.chosen = widgets.Select(rows=LINES, layout=widgets.Layout(width=PANEL_WIDTH))
        self.chosen.observe(self._choose, "index")
        self.name = control(widgets.Text, "name", continuous_update=False)
        self.name.observe(self._rename, "value")
        self.numbers = widgets.HTML(layout=widgets.Layout(margin="0 4px"))
        layout, self.buttons = widgets.Layout(width="38px", margin="1px"), {}
        style: Any = None
        for name, icon, tip, act in (
            ("go", "crosshairs", "crosshair to the measurement", self._go),
            ("delete", "trash", "delete the measurement (Delete)", lambda: state.remove_measurement()),
            ("undo", "undo", "take the last change back (Ctrl z)", lambda: state.undo()),
            ("redo", "repeat", "make it again (Ctrl Shift z)", lambda: state.redo()),
        ):
            options = {} if style is None else {"style": style}
            self.buttons[name] = button = widgets.Button(icon=icon, tooltip=tip, layout=layout, **options)
            style = button.style
            button.on_click(lambda _, act=act: act())
        seen = ["measurements", "selected", "frame", "patient_axes", "rotation", "taken"]
        self._bindings.follow(self._show, seen)
        self._bindings.follow(self._show_steps, ["touched", "overlays"])
        return [self.chosen, widgets.HBox([*self.buttons.values()]), self.name, self.numbers]

    def _choose(self, change: Any) -> None:
        if self._is_showing:
            return
        if change["new"] is not None:
            self._list.go_to(change["new"])
        else:
            self._state.selected = None

    def _rename(self, change: Any) -> None:
        at = self._state.selected
        if not self._is_showing and at is not None:
            self._state.change_measurement(at, replace(self._state.measurements[at], name=change["new"]))

    def _go(self) -> None:
        if self._state.selected is not None:
            self._list.go_to(self._state.selected)

    def _show(self, change: Any) -> None:
        """Bring list, numbers and buttons to the state."""
        state = self._state
        results = [state.known_result(measurement) for measurement in state.measurements]
        at = state.selected
        labels = [
            f"{r.kind}: {', '.join(words(r)[: 1 + bool(r.name)])}" for r in results
        ]  # there is little room
        self._is_showing = True
        try:
            options = [(f"{i} {label}", i) for i, label in enumerate(labels, 1)]
            if tuple(options) != tuple(self.chosen.options):
                self.chosen.options = options
            self.chosen.index = at
            self.name.value = "" if at is None else results[at].name
        finally:
            self._is_showing = False
        self.name.disabled = at is None
        self.numbers.value = "" if at is None else _html(table(results[at]))
        self.buttons["go"].disabled = self.buttons["delete"].disabled = at is None
        self._show_steps(change)

    def _show_steps(self, change: Any) -> None:
        state = self._state
        self.buttons["undo"].disabled, self.buttons["redo"].disabled = not state.can_undo, not state.can_redo


def _html(rows: list[tuple[str, str, str]]) -> str:
    lines = "".join(
        f"<tr><td>{escape(name)}</td><td style='text-align:right;padding:0 6px'>{escape(value)}</td>"
        f"<td>{escape(unit)}</td></tr>"
        for name, value, unit in rows
    )
    return f"<table style='line-height:1.4'>{lines}</table>"
