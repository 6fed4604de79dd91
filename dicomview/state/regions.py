"""Regions of voxels: the lines along which slices of a grid cut them."""

from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Geometry, PlaneView
from dicomview.measure import Region
from dicomview.state.placing import cropped, patch_of
from dicomview.volume import Volume

__all__ = ["Path", "edges_of", "region_path"]

#: Points per voxel of the view, along either side, where a region lies on another grid.
FINER = 4
#: Slices whose lines are kept.
KEPT = 64


@dataclass(frozen=True, eq=False)
class Path:
    """Lines in a pane, one after the other; equal where all places are.

    Attributes
    ----------
    places : ndarray of shape (N, 2)
        Data coordinates of the pane: along ``view.right`` and ``view.down``. NaN between two lines; what is
        closed ends where it begins.
    """

    places: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Path) and np.array_equal(self.places, other.places, equal_nan=True)

    def __hash__(self) -> int:
        return hash(self.places.tobytes())


class _Cut:
    """A region without its empty margin, and its lines in slices."""

    def __init__(self, region: Region) -> None:
        self.part: Volume = cropped(np.asarray(region.mask.array) != 0, region.mask.geometry)
        self.lock = Lock()
        #: With the grid, by its id: as long as it is kept no other one has that.
        self.paths: dict[Any, tuple[Geometry, Path | None]] = {}


_CUTS: "WeakKeyDictionary[Region, _Cut]" = WeakKeyDictionary()


def region_path(region: Region, grid: Geometry, view: PlaneView, index: int) -> Path | None:
    """Return the edge of a region in a slice of a grid; None where it has no voxel, or no place.

    The edge runs along the faces of its voxels.
    """
    is_own = region.mask.geometry == grid
    if not is_own and (grid.affine is None or region.mask.geometry.affine is None):
        return None
    cut = _CUTS.get(region)
    if cut is None:
        cut = _CUTS[region] = _Cut(region)
    key = id(grid), view.axis, view.down, view.right, index
    with cut.lock:  # several views may ask at once
        if key not in cut.paths:
            if len(cut.paths) >= KEPT:
                del cut.paths[next(iter(cut.paths))]
            cut.paths[key] = grid, _path(cut.part, grid, view, index, finer=1 if is_own else FINER)
        return cut.paths[key][1]


def _path(part: Volume, grid: Geometry, view: PlaneView, index: int, *, finer: int) -> Path | None:
    patch = patch_of(part, (), grid, view, index=index, finer=(finer, finer), order=0)
    if patch is None:
        return None
    values, beyond, (top, left) = patch
    edges = edges_of((values != 0) & (True if beyond is None else ~beyond))
    places = np.full((len(edges), 3, 2), np.nan)
    places[:, :2] = (edges + np.array([left, top])) / finer - 0.5
    return Path(places.reshape(-1, 2)[:-1]) if len(edges) else None


def edges_of(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the straight lines between what is inside and what is not.

    Returns
    -------
    ndarray of shape (N, 2, 2)
        Column and row of both ends; the first pixel reaches from 0 to 1.

    Examples
    --------
    >>> edges_of(np.array([[True, True]])).tolist()[:2]
    [[[0.0, 0.0], [2.0, 0.0]], [[0.0, 1.0], [2.0, 1.0]]]
    """
    flat = _runs(inside)
    upright = _runs(inside.T)[..., ::-1]
    return np.concatenate([flat, upright]).astype(np.float64)


def _runs(inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the lines along the rows: column and row of both ends."""
    padded = np.pad(inside, 1)
    edge = (padded[1:] != padded[:-1]).astype(np.int8)
    turns = np.diff(edge, axis=1)
    rows, starts = np.nonzero(turns == 1)
    _, ends = np.nonzero(turns == -1)
    return np.stack([np.stack([starts, rows], axis=-1), np.stack([ends, rows], axis=-1)], axis=1)
