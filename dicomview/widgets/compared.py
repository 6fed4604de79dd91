"""Compared: two volumes as they are given, how their panes stand, and the values of both at a place."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from dicomview.errors import MemoryBudgetError
from dicomview.geometry import PlaneView
from dicomview.io import Series, volread
from dicomview.state import Comparison, ViewState, resolve
from dicomview.volume import Volume
from dicomview.widgets.loading import is_path, opened
from dicomview.widgets.viewer import WIDTH, SliceViewer

__all__ = ["as_volume", "values_html", "views_of"]


def as_volume(data: Any) -> Volume:
    """Return a volume; that of a path as a whole, since every plane across its slices needs all of them."""
    if not is_path(data):
        return Volume.coerce(data)
    try:
        return data.read() if isinstance(data, Series) else volread(data)
    except MemoryBudgetError:
        return opened(data, pixels=WIDTH / 3)[0]


def views_of(viewer: SliceViewer) -> dict[int, PlaneView]:
    """Return how the plane across each axis is laid on the screen."""
    scene = resolve(viewer.volume, viewer.state)
    return {pane.view.axis: pane.view for pane in scene.panes}


def values_html(comparison: Comparison, state: ViewState, frame: Sequence[int]) -> str:
    """Return the values of both at the pointer, else at the crosshair, of a frame of the pair."""
    index: tuple[int, ...] = state.index if state.pointer is None else state.pointer
    values: tuple[Any, Any] = (math.nan, math.nan)
    if state.volume is not state.acquired:  # on other axes
        place = state.volume.geometry.position(index)
        assert place is not None
        index = tuple(int(i) for i in np.rint(comparison.a.geometry.index(place)))
    if all(0 <= i < n for i, n in zip(index, comparison.a.geometry.shape)):
        k, row, column = index
        values = comparison.values((k, row, column), frame)
    parts = []
    for name, volume, value in zip("ab", (comparison.a, comparison.b), values):
        parts.append(f"{name} {_told(value, volume.unit)}")
    return f"<code>{' &nbsp; '.join(map(escape, parts))}</code>"


def _told(value: Any, unit: str) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "no data" if math.isnan(value) else f"{value:.6g} {unit}".strip()
