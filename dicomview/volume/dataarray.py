"""DataArray: a volume as the labelled array of xarray."""

from typing import Any

import numpy as np

from dicomview.geometry import Geometry
from dicomview.volume.convert import Floats, package, place_as_lists
from dicomview.volume.volume import SPATIAL, Volume

__all__ = ["to_xarray"]


def to_xarray(volume: Volume) -> Any:
    """Return a volume as a DataArray of xarray; see :meth:`dicomview.Volume.to_xarray`."""
    xarray = package("xarray")
    coords: dict[str, Any] = {
        d.name: (d.name, np.asarray(d.values), {"units": d.unit} if d.unit else {}) for d in volume.dimensions
    }
    for axis, name in enumerate(SPATIAL):
        distances = _distances(volume.geometry, axis)
        if distances is not None:
            coords[name] = (name, distances, {"units": "mm"})
    attrs = {key: value for key, value in place_as_lists(volume).items() if value is not None}
    if volume.unit:
        attrs["units"] = volume.unit
    return xarray.DataArray(volume.array, dims=volume.dims, coords=coords, attrs=attrs)


def _distances(geometry: Geometry, axis: int) -> Floats | None:
    """Return the distance of every index along an axis from the first (mm), or None."""
    spacing = geometry.spacing[axis]
    if axis == 0 and geometry.affine is not None and geometry.slice_positions is not None:
        if not geometry.is_uniform:
            step = geometry.affine[:3, 0] / np.linalg.norm(geometry.affine[:3, 0])
            return np.asarray((geometry.slice_positions - geometry.slice_positions[0]) @ step)
        if spacing is None:
            return np.zeros(1)  # a single slice
    return None if spacing is None else np.arange(geometry.shape[axis], dtype=np.float64) * spacing
