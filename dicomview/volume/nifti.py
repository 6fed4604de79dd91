"""NIfTI: a volume as an image of nibabel, and back."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.geometry.geometry import UNIFORM_MM
from dicomview.volume.convert import (
    REVERSED,
    Floats,
    counted,
    even_steps,
    geometry_of,
    package,
    placed,
    plain,
)
from dicomview.volume.dimension import Dimension
from dicomview.volume.volume import SPATIAL, Volume

__all__ = ["from_nibabel", "to_nibabel"]

#: LPS to and from RAS.
TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Units of time, as nibabel calls them.
NIFTI_TIME = {"s": "sec", "ms": "msec", "us": "usec"}
#: Lengths of a NIfTI header in mm.
NIFTI_MM = {"meter": 1000.0, "micron": 0.001}


def to_nibabel(volume: Volume) -> Any:
    """Return a volume as a NIfTI image of nibabel; see :meth:`dicomview.Volume.to_nibabel`."""
    nib = package("nibabel")
    extra = sorted(volume.extra_dims, key=lambda d: d != "time")  # the fourth axis of NIfTI is time
    if len(extra) > 4:
        raise GeometryError(
            f"NIfTI has at most 4 dimensions beyond space, not {len(extra)} {tuple(extra)}",
            remedy="convert vol.frame(indices) one by one",
        )
    affine, spacing = None, volume.geometry.spacing
    if volume.geometry.affine is not None or None in spacing:
        affine = TO_RAS @ placed(volume, "a NIfTI image") @ REVERSED
    voxels = plain(volume, (*SPATIAL[::-1], *extra), {"bool": "uint8", "float16": "float32"})
    if volume.is_color:
        voxels = _structured(voxels)
    header = nib.Nifti1Header()
    header.set_data_dtype(voxels.dtype)
    image = nib.Nifti1Image(voxels, affine, header)
    header = image.header
    clock, zooms = "unknown", [1.0] * len(extra)
    for axis, name in enumerate(extra):
        dimension = volume.dimensions[volume.extra_dims.index(name)]
        even = even_steps(dimension.values)
        if even is None:
            continue
        zooms[axis] = even[0]
        if axis == 0 and name == "time" and dimension.unit in NIFTI_TIME:
            clock = NIFTI_TIME[dimension.unit]
            header["toffset"] = even[1]
    header.set_xyzt_units("mm", clock)
    if affine is None:
        header.set_zooms((*spacing[::-1], *zooms))
        return image
    image.set_sform(affine, code="scanner", update_affine=False)
    image.set_qform(affine, code="scanner", strip_shears=True, update_affine=False)
    corners = _corners(volume.geometry.shape[::-1])
    if abs(corners @ (image.get_qform() - affine).T).max() > UNIFORM_MM:
        image.set_qform(None, code="unknown", update_affine=False)  # a quaternion holds no shear
    header.set_zooms((*np.linalg.norm(affine[:3, :3], axis=0), *zooms))
    return image


def from_nibabel(image: Any, *, kind: type[Volume] = Volume) -> Volume:
    """Return the volume of an image of nibabel; see :meth:`dicomview.Volume.from_nibabel`."""
    header = image.header
    voxels = np.asarray(image.dataobj)
    voxels = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    dims: tuple[str, ...] = SPATIAL
    if voxels.dtype.names:
        voxels = np.stack([voxels[name] for name in voxels.dtype.names], axis=-1)
        dims = (*dims, "rgb")
    extents = image.shape
    voxels = voxels.reshape(*extents, *(1,) * (3 - len(extents)), *voxels.shape[len(extents) :])
    extra = max(len(extents) - 3, 0)
    voxels = voxels.transpose(*range(3, 3 + extra), 2, 1, 0, *range(3 + extra, voxels.ndim))
    shape = voxels.shape[extra : extra + 3]
    length, clock = header.get_xyzt_units() if hasattr(header, "get_xyzt_units") else ("mm", "unknown")
    scale = NIFTI_MM.get(length, 1.0)
    nifti = hasattr(header, "get_qform")
    placed = not nifti or header["sform_code"] > 0 or header["qform_code"] > 0
    if image.affine is None or not placed:
        zooms = [*_shortest(header.get_zooms()[:3]), *(0.0,) * (3 - len(extents))]
        geometry = Geometry(shape, spacing=tuple(scale * z if z > 0 else None for z in zooms[::-1]))  # type: ignore[arg-type]
    else:
        affine = TO_RAS @ image.affine @ REVERSED
        geometry = geometry_of(shape, np.diag([scale, scale, scale, 1.0]) @ affine)
    names = ("frame", "dim5", "dim6", "dim7")
    dimensions = [counted(names[i], voxels.shape[i]) for i in range(extra)]
    seconds = {name: unit for unit, name in NIFTI_TIME.items()}
    if extra and clock in seconds and (step := _shortest(header.get_zooms()[3:4])[0]) > 0:
        (start,) = _shortest([header["toffset"][()]])
        times = tuple(round(start + step * i, 9) for i in range(voxels.shape[0]))
        dimensions[0] = Dimension("time", times, seconds[clock])
    return kind(voxels, geometry=geometry, dims=(*(d.name for d in dimensions), *dims), dimensions=dimensions)


def _structured(voxels: np.ndarray) -> np.ndarray:
    """Return colours, in the last axis, as the records of NIfTI."""
    if voxels.dtype != np.uint8 or voxels.shape[-1] not in (3, 4):
        raise GeometryError(
            f"NIfTI holds colours of 3 or 4 values of uint8, not {voxels.shape[-1]} of {voxels.dtype}",
            remedy="scale the values to uint8 first",
        )
    fields = np.dtype([(name, "u1") for name in "RGBA"[: voxels.shape[-1]]])
    records: np.ndarray = np.ascontiguousarray(voxels).view(fields)[..., 0]
    return records


def _shortest(values: Any) -> list[float]:
    """Return numbers stored as float32 as the shortest decimals that they stand for: 0.8, not 0.80000001."""
    return [float(str(value)) for value in np.asarray(values, dtype=np.float32)]


def _corners(shape: Sequence[int]) -> Floats:
    """Return the indices of the eight corner voxels, shape (8, 4), a 1 behind each."""
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * (np.array(shape, dtype=np.float64) - 1)
    return np.column_stack([corners, np.ones(8)])
