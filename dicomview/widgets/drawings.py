"""Drawings: measurements and masks for a page without a kernel, which draws them slice by slice."""

import json
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import MemoryBudgetError
from dicomview.geometry import Geometry
from dicomview.measure import Region, misplaced, words
from dicomview.render import STYLE
from dicomview.state import Mask, ViewState, patch_of, placed
from dicomview.volume import Volume
from dicomview.volume.memory import check_budget
from dicomview.widgets.voxels import upright

__all__ = ["drawings"]


def drawings(state: ViewState, *, room: int) -> tuple[list[dict[str, Any]], str]:
    """Return what is drawn over the slices, and a note of what is left out.

    Parameters
    ----------
    state : ViewState
    room : int
        Bytes that the masks may take together.

    Returns
    -------
    list of dict
        As ``drawings.js`` takes them; masks as runs of voxels of the volume in view.
    str
    """
    drawn: list[dict[str, Any]] = []
    left_out = {"Overlays": 0, "Measurements": 0}
    for overlay in state.overlays:
        if not overlay.visible or not overlay.opacity:
            continue
        mask = _runs(overlay.volume, state.volume.geometry) if isinstance(overlay, Mask) else None
        size = len(json.dumps(mask))
        if not isinstance(overlay, Mask) or mask is None or size > room:
            left_out["Overlays"] += 1
        else:
            room -= size
            drawn.append({**_drawing("mask", overlay.color), "mask": mask})
    for shape in placed(state, state.volume.geometry):
        measurement = shape.measurement
        made = _drawing(measurement.kind, STYLE.measure) | {
            "isArea": measurement.is_area,
            "texts": _texts(state, measurement),
            "points": shape.points.tolist(),
            "line": shape.line.tolist(),
        }
        if isinstance(measurement, Region):
            is_here = not misplaced(state.acquired, measurement)
            mask = _runs(measurement.mask, state.volume.geometry) if is_here else None
            size = len(json.dumps(mask))
            if mask is None or size > room:
                left_out["Measurements"] += 1
                continue
            room -= size
            made["mask"] = mask
        drawn.append(made)
    note = " Masks are drawn as outlines." if any("mask" in one for one in drawn) else ""
    for name, count in left_out.items():
        note += f" {name} that are not shown here: {count}." if count else ""
    return drawn, note


def _drawing(kind: str, color: str) -> dict[str, Any]:
    return {"kind": kind, "color": color, "isArea": True, "texts": {}, "points": [], "line": []}


def _texts(state: ViewState, measurement: Any) -> dict[str, str]:
    """Return the numbers of a measurement, by frame."""
    volume = state.volume
    # Of other frames of a volume that is not in memory nothing is read for this.
    frames = [state.frame] if volume.is_lazy else np.ndindex(*map(len, volume.dimensions))
    return {
        ",".join(map(str, frame)): "\n".join(words(state.known_result(measurement, frame=frame)))
        for frame in frames
    }


def _runs(mask: Volume, grid: Geometry) -> dict[str, Any] | None:
    """Return the voxels of a grid that lie in a mask: as runs in the box around them; None without any."""
    is_own = mask.geometry == grid
    if not is_own and (mask.geometry.affine is None or grid.affine is None):
        return None
    array, first = np.asarray(mask.frame(mask.middle_frame)) != 0, [0, 0, 0]
    box = _box(array)
    if box is None:
        return None
    if not is_own:
        try:
            array, first = _on(mask, box, grid)
        except MemoryBudgetError:
            return None
        box = _box(array)
        if box is None:
            return None
    part = array[tuple(box)]
    flat = np.concatenate([[False], part.ravel(), [False]])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff(ends, prepend=0)
    return {
        "shape": list(part.shape),
        "start": [s.start + n for s, n in zip(box, first)],
        "runs": runs.tolist(),
    }


def _box(array: NDArray[np.bool_]) -> list[slice] | None:
    """Return the box around what is set; None where nothing is."""
    box = []
    for axis in range(3):
        hits = np.flatnonzero(array.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(hits):
            return None
        box.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return box


def _on(mask: Volume, box: list[slice], grid: Geometry) -> tuple[NDArray[np.bool_], list[int]]:
    """Return a mask that is set in a box, on the part of a grid that it reaches, and where that begins.

    Each point takes the nearest voxel. The grid of turned planes may be far larger than the mask.
    """
    first = [0, 0, 0]
    if grid.affine is not None and grid.is_uniform and mask.geometry.is_uniform:
        ends = list(product(*((part.start - 0.5, part.stop - 0.5) for part in box)))
        reach = grid.index(mask.geometry.position(ends))  # type: ignore[arg-type]
        last = np.array(grid.shape) - 1
        low, high = (np.clip(end, 0, last).astype(int) for end in (reach.min(axis=0), reach.max(axis=0) + 1))
        first = low.tolist()
        affine = grid.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ low
        grid = Geometry(tuple((high - low + 1).tolist()), affine=affine)
    check_budget(grid.shape, 1, "a mask on the planes in view")
    array = np.zeros(grid.shape, bool)
    view = upright(grid, 0)
    for k, plane in enumerate(array):
        patch = patch_of(mask, mask.middle_frame, grid, view, index=k, finer=(1, 1), order=0)
        if patch is not None:
            values, beyond, (top, left) = patch
            inside = (values != 0) & (True if beyond is None else ~beyond)
            plane[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return array, first
