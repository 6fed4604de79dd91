"""Conversion: what goes into every other package's image: voxels, place and dimensions as plain values.

The packages are optional; each is imported when it is needed. A conversion keeps the voxels and the place, or
raises: what a format cannot hold is never dropped silently, and a place that is not known is never made up.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import GeometryError, MissingPackageError
from dicomview.geometry import Geometry
from dicomview.geometry.geometry import UNIFORM_FRACTION
from dicomview.volume.dimension import Dimension
from dicomview.volume.meta import safe_text
from dicomview.volume.volume import Volume

__all__ = [
    "REVERSED",
    "Floats",
    "counted",
    "described",
    "even_steps",
    "geometry_of",
    "package",
    "place_as_lists",
    "placed",
    "plain",
]

Floats = NDArray[np.float64]

#: (slice, row, column, 1) to and from (column, row, slice, 1).
REVERSED = np.eye(4)[[2, 1, 0, 3]]


def package(name: str, requirement: str | None = None) -> Any:
    """Import an optional package."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"this needs the package {name}, which cannot be imported here ({error})",
            remedy=f"pip install {requirement or name}",
        ) from error


def placed(volume: Volume, target: str) -> Floats:
    """Return the affine that maps every voxel to LPS mm, or raise if there is none."""
    geometry = volume.geometry
    if geometry.affine is None:
        raise GeometryError(
            f"{target} needs the place of the voxels in the patient, and the volume has no affine",
            remedy="give one with Volume.from_array(vol.array, affine=...), or use to_xarray() or to_zarr(), "
            "which go without",
        )
    if geometry.steps is not None and not geometry.is_uniform:
        raise GeometryError(
            f"{target} has evenly spaced slices; those of this volume lie {geometry.steps.min():.3f} to "
            f"{geometry.steps.max():.3f} mm apart",
            remedy="use to_xarray() or to_zarr(), which keep the position of every slice",
        )
    affine = geometry.affine.copy()
    if geometry.shape[0] == 1:
        affine[:3, 0] = geometry.normal
    return affine


def geometry_of(shape: Sequence[int], affine: Floats) -> Geometry:
    """Return a geometry whose single slice, if it is one, has its unit normal in place of a step."""
    geometry = Geometry(tuple(shape), affine=affine)  # type: ignore[arg-type]
    if shape[0] == 1 and geometry.normal is not None:
        affine = affine.copy()
        affine[:3, 0] = geometry.normal
        geometry = Geometry(geometry.shape, affine=affine)
    return geometry


def place_as_lists(volume: Volume) -> dict[str, Any]:
    """Return what says where the voxels are, and their modality, as plain values."""
    geometry = volume.geometry
    modality = volume.meta.get("Modality")
    positions = geometry.slice_positions
    # Positions of files differ from those of the affine in the last digits: what is read again is equal.
    own = Geometry(geometry.shape, affine=geometry.affine).slice_positions
    if positions is not None and own is not None and np.array_equal(positions, own):
        positions = None
    return {
        "affine": None if geometry.affine is None else geometry.affine.tolist(),
        "slice_positions": None if positions is None else positions.tolist(),
        "modality": safe_text(modality) if modality else None,
    }


def plain(volume: Volume, order: Sequence[str], casts: dict[str, str]) -> np.ndarray:
    """Return the voxels in another order of dimensions, colour last, in native byte order."""
    array = np.asarray(volume.array)
    order = (*order, "rgb") if volume.is_color else order
    array = array.transpose([volume.dims.index(d) for d in order])
    return array.astype(casts.get(array.dtype.name, array.dtype.newbyteorder("=")), copy=False)


def even_steps(values: Sequence[float]) -> tuple[float, float] | None:
    """Return step and start of values that rise evenly, within 1 % of the step; None of others."""
    if len(values) < 2:
        return None
    points = np.asarray(values, dtype=np.float64)
    step, start = float(points[-1] - points[0]) / (len(points) - 1), float(points[0])
    fits = step > 0 and abs(points - start - step * np.arange(len(points))).max() <= UNIFORM_FRACTION * step
    return (step, start) if fits else None


def counted(name: str, count: int) -> Dimension:
    """Return a dimension whose values are only numbers."""
    return Dimension(name, tuple(float(i) for i in range(count)))


def described(dimension: Dimension) -> dict[str, Any]:
    """Return a dimension as plain values."""
    values = [float(value) for value in dimension.values]
    return {"name": dimension.name, "values": values, "unit": dimension.unit}
