"""Outlines: measurements as lines in the panes of the slices that they lie in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, PlaneView
from dicomview.measure import Measurement, index_of, words
from dicomview.state.measuring import Measuring

__all__ = ["Outline", "Placed", "outlines", "placed"]

#: Digits of an index: a point meant to be in a slice is in it.
DIGITS = 6

Place = tuple[float, float]


@dataclass(frozen=True)
class Outline:
    """What is drawn of a measurement in a pane.

    Attributes
    ----------
    number : int
        Among the measurements of the state.
    kind : str
    points : tuple of (float, float)
        Of the line, as data coordinates of the pane: along ``view.right`` and ``view.down``.
    handles : tuple of (float, float)
        The points that can be moved.
    is_closed, is_selected : bool
    text : str
        Its numbers.
    """

    number: int
    kind: str
    points: tuple[Place, ...]
    handles: tuple[Place, ...]
    is_closed: bool
    is_selected: bool
    text: str


@dataclass(frozen=True)
class Placed:
    """A measurement on the grid of the volume in view: voxel indices, shape (N, 3)."""

    number: int
    measurement: Measurement
    points: NDArray[np.float64]
    line: NDArray[np.float64]


def placed(state: Measuring, geometry: Geometry) -> list[Placed]:
    """Return where the measurements of a state lie in a grid; regions of voxels are not drawn."""
    return [
        Placed(
            i,
            shape,
            np.round(index_of(shape.array, geometry), DIGITS),
            np.round(index_of(shape.outline(), geometry), DIGITS),
        )
        for i, shape in enumerate(state.measured)
        if isinstance(shape, Measurement)
    ]


def outlines(state: Measuring, shapes: list[Placed], view: PlaneView, index: int) -> tuple[Outline, ...]:
    """Return those that lie in a slice: all points within half a slice of it."""
    found = []
    for shape in shapes:
        if (np.floor(shape.points[:, view.axis] + 0.5) != index).any():
            continue
        is_selected = shape.number == state.selected or (
            state.draft is not None and state.selected is None and shape.number == len(state.measurements)
        )
        found.append(
            Outline(
                number=shape.number,
                kind=shape.measurement.kind,
                points=_places(shape.line, view),
                handles=_places(shape.points, view),
                is_closed=shape.measurement.is_area,
                is_selected=is_selected,
                text="\n".join(words(state.result(shape.measurement))),
            )
        )
    return tuple(found)


def _places(index: Any, view: PlaneView) -> tuple[Place, ...]:
    return tuple((float(x), float(y)) for x, y in index[:, [view.right, view.down]])
