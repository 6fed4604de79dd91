"""Outlines: measurements as lines in the panes of the slices that they lie in."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, PlaneView
from dicomview.measure import Measurement, Region, index_of, misplaced, words
from dicomview.state.measuring import Measuring
from dicomview.state.regions import Path, region_path

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
    path : Path
        Its lines, as data coordinates of the pane.
    handles : tuple of (float, float)
        The points that can be moved.
    is_area, is_selected : bool
    text : str
        Its numbers.
    """

    number: int
    kind: str
    path: Path
    handles: tuple[Place, ...]
    is_area: bool
    is_selected: bool
    text: str


@dataclass(frozen=True)
class Placed:
    """A measurement on the grid of a pane: voxel indices, shape (N, 3); none of a region."""

    number: int
    measurement: Measurement | Region
    points: NDArray[np.float64]
    line: NDArray[np.float64]


def placed(state: Measuring, geometry: Geometry) -> list[Placed]:
    """Return where the measurements of a state lie on a grid."""
    return [_on_grid(geometry, i, shape) for i, shape in enumerate(state.measured)]


def outlines(
    state: Measuring, shapes: list[Placed], geometry: Geometry, view: PlaneView, index: int
) -> tuple[Outline, ...]:
    """Return those that lie in a slice of a grid: regions with voxels there, others with all points in it."""
    found = []
    for shape in shapes:
        measurement = shape.measurement
        if isinstance(measurement, Region):
            is_here = not misplaced(state.acquired, measurement)
            path = region_path(measurement, geometry, view, index) if is_here else None
            if path is None:
                continue
        elif (np.floor(shape.points[:, view.axis] + 0.5) != index).any():
            continue
        else:
            path = Path(shape.line[:, [view.right, view.down]])
        is_selected = shape.number == state.selected or (
            state.draft is not None and state.selected is None and shape.number == len(state.measurements)
        )
        found.append(
            Outline(
                number=shape.number,
                kind=measurement.kind,
                path=path,
                handles=_places(shape.points, view),
                is_area=measurement.is_area,
                is_selected=is_selected,
                text="\n".join(words(state.known_result(measurement))),
            )
        )
    return tuple(found)


def _on_grid(geometry: Geometry, number: int, shape: Measurement | Region) -> Placed:
    if isinstance(shape, Region):
        return Placed(number, shape, np.empty((0, 3)), np.empty((0, 3)))
    line = shape.outline()
    if shape.is_area:
        line = np.concatenate([line, line[:1]])
    points, line = (np.round(index_of(geometry, part), DIGITS) for part in (shape.array, line))
    return Placed(number, shape, points, line)


def _places(index: Any, view: PlaneView) -> tuple[Place, ...]:
    return tuple((float(x), float(y)) for x, y in index[:, [view.right, view.down]])
