"""Readout: value and place of a voxel in words, and the values along an extra dimension."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.geometry import Plane
from dicomview.state.model import ViewState
from dicomview.state.slab import slab_range, slab_text, slab_value
from dicomview.volume import Dimension

__all__ = ["curve", "readout"]


def readout(state: ViewState, *, plane: Plane | None = None) -> list[str]:
    """Return index, position and value under the pointer, else at the crosshair.

    Parameters
    ----------
    state : ViewState
    plane : {"axial", "coronal", "sagittal"}, optional
        The pane that is looked at, by default that of the acquired slices: of a slab the value is the one
        that this pane shows.

    Examples
    --------
    >>> from dicomview import Volume
    >>> readout(ViewState(Volume.from_array(np.ones((3, 4, 5)), meta={"Modality": "CT"})))
    ['index (1, 2, 2)', '1 HU']
    """
    volume = state.volume
    index = state.index if state.pointer is None else state.pointer
    parts = [f"index {index}"]
    position = volume.geometry.position(index)
    if position is not None:
        parts.append("LPS " + ", ".join(f"{x:.1f}" for x in position) + " mm")
    parts += [d.label(i) for d, i in zip(volume.dimensions, state.frame)]
    plane = plane or volume.slice_plane
    thickness = state.slab.get(plane)
    value = _value(state, index) if thickness is None else _slab_value(state, index, plane)
    if value is None:
        return [*parts, "missing slice" if index[0] in volume.missing_slices(state.frame) else "no data"]
    whole = value.dtype.kind in "iub"
    shown = ", ".join(str(int(v)) if whole else f"{float(v):.6g}" for v in value)
    told = "" if thickness is None else f" ({slab_text(thickness, state.slab_mode)})"
    return [*parts, f"{shown} {volume.unit}".strip() + told]


def _value(state: ViewState, index: tuple[int, ...]) -> NDArray[Any] | None:
    """Return the value of a voxel; None where there are no data."""
    volume = state.volume
    absent = volume.without_data(index, state.frame)
    return None if absent else np.ravel(np.asarray(volume.frame(state.frame)[index]))


def _slab_value(state: ViewState, index: tuple[int, ...], plane: Plane) -> NDArray[Any] | None:
    """Return the value that a slab has at a voxel."""
    volume, thickness = state.volume, state.slab[plane]
    axis = volume.plane_axes[plane]
    slab = slab_range(volume.geometry, axis, index[axis], thickness=thickness)
    return slab_value(volume, state.frame, axis=axis, index=index, slab=slab, mode=state.slab_mode)


def curve(state: ViewState, name: str) -> tuple[Dimension, NDArray[np.float64]]:
    """Return the values at the crosshair along an extra dimension; NaN where there are no data.

    Parameters
    ----------
    state : ViewState
    name : str
        Of ``volume.extra_dims``.

    Returns
    -------
    Dimension
    ndarray of float64
        One value for each of its values; the mean of the colours.

    Examples
    --------
    >>> from dicomview import Volume
    >>> curve(ViewState(Volume.from_array(np.arange(24).reshape(3, 2, 2, 2))), "frame")[1].tolist()
    [7.0, 15.0, 23.0]
    """
    volume, place = state.volume, state.volume.extra_dims.index(name)
    dimension = volume.dimensions[place]
    values = np.empty(len(dimension))
    for i in range(len(dimension)):
        frame = (*state.frame[:place], i, *state.frame[place + 1 :])
        absent = volume.without_data(state.index, frame)
        values[i] = np.nan if absent else np.mean(np.asarray(volume.frame(frame)[state.index]))
    return dimension, values
