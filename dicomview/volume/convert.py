"""Conversion: a volume as an object of SimpleITK, nibabel, xarray or as OME-Zarr, and back.

The packages are optional; each is imported when it is needed. A conversion keeps the voxels and the place, or
raises: what a format cannot hold is never dropped silently, and a place that is not known is never made up.
"""

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dicomview.errors import GeometryError, MissingPackageError
from dicomview.geometry import Geometry
from dicomview.geometry.geometry import COSINE_TOLERANCE, UNIFORM_FRACTION, UNIFORM_MM
from dicomview.volume.dimension import Dimension
from dicomview.volume.meta import safe_text
from dicomview.volume.volume import SPATIAL, Volume

__all__ = ["from_nibabel", "from_sitk", "to_nibabel", "to_sitk", "to_xarray", "to_zarr"]

Floats = NDArray[np.float64]

#: (slice, row, column, 1) to and from (column, row, slice, 1); LPS to and from RAS.
REVERSED, TO_RAS = np.eye(4)[[2, 1, 0, 3]], np.diag([-1.0, -1.0, 1.0, 1.0])
#: Where the names, values and units of extra dimensions are kept in a SimpleITK image.
SITK_KEY = "dicomview.dimensions"
#: What notes there that the values of a voxel are a colour, which those of uint8 are taken for anyway.
SITK_COLOR = "dicomview.rgb"
#: Units of time, as NIfTI (by nibabel) and OME-Zarr call them.
NIFTI_TIME = {"s": "sec", "ms": "msec", "us": "usec"}
OME_TIME = {"s": "second", "ms": "millisecond", "us": "microsecond"}
#: Lengths of a NIfTI header in mm.
NIFTI_MM = {"meter": 1000.0, "micron": 0.001}
#: Voxels along each axis of a chunk of OME-Zarr.
CHUNK = 128


# -- SimpleITK --------------------------------------------------------------------------------------------


def to_sitk(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image; see :meth:`dicomview.Volume.to_sitk`."""
    sitk = package("SimpleITK")
    affine = _place(volume, "a SimpleITK image") @ REVERSED
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    cosines = affine[:3, :3] / spacing
    lean = float(abs(cosines.T @ cosines - np.eye(3)).max())
    if lean > COSINE_TOLERANCE:
        raise GeometryError(
            "the axes of a SimpleITK image must be perpendicular: those of this volume are "
            f"{np.degrees(np.arcsin(lean)):.2f} degrees from it (a tilted gantry shears the volume); "
            f"{'desheared() moves it to a straight grid, ' if volume.geometry.tilt else ''}"
            "to_nibabel() keeps the shear in its affine"
        )
    extra = [volume.dimensions[volume.extra_dims.index(d)] for d in reversed(volume.extra_dims)]
    if len(extra) > 2:
        raise GeometryError(
            f"a SimpleITK image has at most 2 dimensions beyond space, not {len(extra)} {volume.extra_dims}; "
            "convert vol.frame(indices) one by one"
        )
    voxels = _plain(volume, (*volume.extra_dims, *SPATIAL), {"bool": "uint8", "float16": "float32"})
    image = sitk.GetImageFromArray(voxels, isVector=volume.is_color)
    grids = [_even(d.values) or (1.0, 0.0) for d in extra]
    direction = np.eye(3 + len(extra))
    direction[:3, :3] = cosines
    image.SetSpacing([*spacing.tolist(), *(step for step, _ in grids)])
    image.SetOrigin([*affine[:3, 3].tolist(), *(start for _, start in grids)])
    image.SetDirection(direction.ravel().tolist())
    if volume.is_color:
        image.SetMetaData(SITK_COLOR, "1")
    if extra:
        image.SetMetaData(SITK_KEY, json.dumps([_described(d) for d in volume.dimensions]))
    return image


def from_sitk(image: Any, *, kind: type[Volume] = Volume) -> Volume:
    """Return the volume of a SimpleITK image; see :meth:`dicomview.Volume.from_sitk`."""
    sitk = package("SimpleITK")
    voxels = sitk.GetArrayFromImage(image)
    ndim = image.GetDimension()
    spacing, origin = image.GetSpacing(), image.GetOrigin()
    direction = np.array(image.GetDirection()).reshape(ndim, ndim)
    described: list[Dimension] = []
    dims: tuple[str, ...] = SPATIAL
    if voxels.ndim > ndim:  # several values in each voxel
        is_color = voxels.dtype == np.uint8 or image.HasMetaDataKey(SITK_COLOR)
        if voxels.shape[-1] in (3, 4) and is_color:
            dims = (*dims, "rgb")
        else:
            voxels = np.moveaxis(voxels, -1, 0)
            described = [_counted("component", len(voxels))]
    if ndim == 2:
        voxels = np.expand_dims(voxels, len(described))
        shape = (1, *image.GetSize()[::-1])
        geometry = Geometry(shape, spacing=(None, spacing[1], spacing[0]))
    else:
        if abs(direction[:3, 3:]).sum() + abs(direction[3:, :3]).sum() > 0:
            raise GeometryError("the direction of the image mixes axes of space with other axes")
        affine = np.eye(4)
        affine[:3, :3] = direction[:3, :3] * spacing[:3]
        affine[:3, 3] = origin[:3]
        geometry = _geometry(image.GetSize()[2::-1], affine @ REVERSED)
    extents = image.GetSize()[:2:-1]
    described += _remembered(image, extents) or [
        Dimension(name, tuple(start + step * i for i in range(extent)))
        for name, extent, step, start in zip(
            ("frame",) if len(extents) == 1 else ("dim0", "dim1"), extents, spacing[:2:-1], origin[:2:-1]
        )
    ]
    names = tuple(d.name for d in described)
    return kind(voxels, geometry=geometry, dims=(*names, *dims), dimensions=described)


def _remembered(image: Any, extents: Sequence[int]) -> list[Dimension]:
    """Return the extra dimensions that to_sitk noted in the image, if they still fit it."""
    if not image.HasMetaDataKey(SITK_KEY):
        return []
    noted = [
        Dimension(d["name"], tuple(d["values"]), d["unit"]) for d in json.loads(image.GetMetaData(SITK_KEY))
    ]
    return noted if [len(d) for d in noted] == list(extents) else []


# -- nibabel ----------------------------------------------------------------------------------------------


def to_nibabel(volume: Volume) -> Any:
    """Return a volume as a NIfTI image of nibabel; see :meth:`dicomview.Volume.to_nibabel`."""
    nib = package("nibabel")
    extra = sorted(volume.extra_dims, key=lambda d: d != "time")  # the fourth axis of NIfTI is time
    if len(extra) > 4:
        raise GeometryError(f"NIfTI has at most 4 dimensions beyond space, not {len(extra)} {tuple(extra)}")
    affine, spacing = None, volume.geometry.spacing
    if volume.geometry.affine is not None or None in spacing:
        affine = TO_RAS @ _place(volume, "a NIfTI image") @ REVERSED
    voxels = _plain(volume, (*SPATIAL[::-1], *extra), {"bool": "uint8", "float16": "float32"})
    if volume.is_color:
        voxels = _structured(voxels)
    header = nib.Nifti1Header()
    header.set_data_dtype(voxels.dtype)
    image = nib.Nifti1Image(voxels, affine, header)
    header = image.header
    clock, zooms = "unknown", [1.0] * len(extra)
    for axis, name in enumerate(extra):
        dimension = volume.dimensions[volume.extra_dims.index(name)]
        even = _even(dimension.values)
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
        geometry = _geometry(shape, np.diag([scale, scale, scale, 1.0]) @ affine)
    names = ("frame", "dim5", "dim6", "dim7")
    described = [_counted(names[i], voxels.shape[i]) for i in range(extra)]
    seconds = {name: unit for unit, name in NIFTI_TIME.items()}
    if extra and clock in seconds and (step := _shortest(header.get_zooms()[3:4])[0]) > 0:
        (start,) = _shortest([header["toffset"][()]])
        times = tuple(round(start + step * i, 9) for i in range(voxels.shape[0]))
        described[0] = Dimension("time", times, seconds[clock])
    return kind(voxels, geometry=geometry, dims=(*(d.name for d in described), *dims), dimensions=described)


def _structured(voxels: np.ndarray) -> np.ndarray:
    """Return colours, in the last axis, as the records of NIfTI."""
    if voxels.dtype != np.uint8 or voxels.shape[-1] not in (3, 4):
        raise GeometryError(
            f"NIfTI holds colours of 3 or 4 values of uint8, not {voxels.shape[-1]} of {voxels.dtype}; "
            "scale the values to uint8 first"
        )
    fields = np.dtype([(name, "u1") for name in "RGBA"[: voxels.shape[-1]]])
    records: np.ndarray = np.ascontiguousarray(voxels).view(fields)[..., 0]
    return records


def _shortest(values: Any) -> list[float]:
    """Return numbers stored as float32 as the shortest decimals that they stand for: 0.8, not 0.80000001."""
    return [float(str(value)) for value in np.asarray(values, dtype=np.float32)]


# -- xarray -----------------------------------------------------------------------------------------------


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
    attrs = {key: value for key, value in _place_as_lists(volume).items() if value is not None}
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


# -- OME-Zarr ---------------------------------------------------------------------------------------------


def to_zarr(volume: Volume, path: Any) -> None:
    """Write a volume as OME-Zarr 0.4; see :meth:`dicomview.Volume.to_zarr`."""
    zarr = package("zarr", "'zarr>=3'")
    if int(zarr.__version__.split(".")[0]) < 3:
        raise MissingPackageError(f"this needs zarr 3, not {zarr.__version__}: pip install 'zarr>=3'")
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"there is something at {path.name!r}: to_zarr writes a new folder")
    colour = ("rgb",) if volume.is_color else ()
    times = tuple(d for d in volume.extra_dims if d == "time")
    others = tuple(d for d in volume.extra_dims if d != "time") + colour
    if len(others) > 1:
        raise GeometryError(
            f"OME-Zarr has time and one more dimension beyond space, not {', '.join((*times, *others))}; "
            "write vol.frame(indices) one by one"
        )
    order = (*times, *others, *SPATIAL)
    places = [volume.dims.index(d) for d in order]
    shape = tuple(volume.shape[i] for i in places)
    axes, scale, translation = _ome_axes(volume, order)
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        transformations.append({"type": "translation", "translation": translation})
    group = zarr.open_group(str(path), mode="w-", zarr_format=2)
    level = group.create_array(
        "0",
        shape=shape,
        dtype=volume.dtype,
        chunks=tuple(min(n, CHUNK) if d in SPATIAL else 1 for d, n in zip(order, shape)),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )
    # As many slices at a time as a chunk has: a lazy volume need not fit into memory.
    before = (slice(None),) * volume.dims.index("slice")
    for start in range(0, volume.geometry.shape[0], CHUNK):
        slices = slice(start, start + CHUNK)
        level[..., slices, :, :] = np.asarray(volume.array[(*before, slices)]).transpose(places)
    group.attrs.update(
        {
            "multiscales": [
                {
                    "version": "0.4",
                    "name": safe_text(volume.meta.get("Modality") or "volume"),
                    "axes": axes,
                    "datasets": [{"path": "0", "coordinateTransformations": transformations}],
                }
            ],
            "dicomview": {
                "dims": order,
                "dimensions": [_described(d) for d in volume.dimensions],
                "spacing": volume.geometry.spacing,
                "unit": volume.unit,
                **_place_as_lists(volume),
            },
        }
    )


def _ome_axes(volume: Volume, order: Sequence[str]) -> tuple[list[dict[str, Any]], list[float], list[float]]:
    """Return the axes of OME-Zarr, with the scale and the translation along each."""
    axes: list[dict[str, Any]] = []
    scale, translation = [1.0] * len(order), [0.0] * len(order)
    geometry, first = volume.geometry, np.zeros(3)
    if geometry.affine is not None:
        directions = geometry.affine[:3, :3] / np.linalg.norm(geometry.affine[:3, :3], axis=0)
        first = np.linalg.solve(directions, geometry.affine[:3, 3])
    for i, name in enumerate(order):
        if name in SPATIAL:
            k = SPATIAL.index(name)
            spacing = geometry.spacing[k]
            axis = {"name": "zyx"[k], "type": "space"}
            if spacing is not None or geometry.affine is not None:
                axis["unit"] = "millimeter"
            scale[i], translation[i] = spacing or 1.0, float(first[k])
        elif name == "rgb":
            axis = {"name": "c", "type": "channel"}
        else:
            dimension = volume.dimensions[volume.extra_dims.index(name)]
            even = _even(dimension.values)
            axis = {"name": name, "type": name}
            if name == "time":
                axis["name"] = "t"
            if even is not None:
                scale[i], translation[i] = even
                if name == "time" and dimension.unit in OME_TIME:
                    axis["unit"] = OME_TIME[dimension.unit]
        axes.append(axis)
    return axes, scale, translation


# -- what they share --------------------------------------------------------------------------------------


def package(name: str, requirement: str | None = None) -> Any:
    """Import an optional package."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"this needs the package {name}, which cannot be imported here ({error}): "
            f"pip install {requirement or name}"
        ) from error


def _place(volume: Volume, target: str) -> Floats:
    """Return the affine that maps every voxel to LPS mm, or raise if there is none."""
    geometry = volume.geometry
    if geometry.affine is None:
        raise GeometryError(
            f"{target} needs the place of the voxels in the patient, which is unknown: the volume has no "
            "affine; give one with Volume.from_array(vol.array, affine=...), or use to_xarray() or "
            "to_zarr(), which go without"
        )
    if geometry.steps is not None and not geometry.is_uniform:
        raise GeometryError(
            f"{target} has evenly spaced slices: those of this volume lie {geometry.steps.min():.3f} to "
            f"{geometry.steps.max():.3f} mm apart; to_xarray() and to_zarr() keep the position of every slice"
        )
    affine = geometry.affine.copy()
    if geometry.shape[0] == 1:
        affine[:3, 0] = geometry.normal
    return affine


def _geometry(shape: Sequence[int], affine: Floats) -> Geometry:
    """Return a geometry whose single slice, if it is one, has its unit normal in place of a step."""
    geometry = Geometry(tuple(shape), affine=affine)  # type: ignore[arg-type]
    if shape[0] == 1 and geometry.normal is not None:
        affine = affine.copy()
        affine[:3, 0] = geometry.normal
        geometry = Geometry(geometry.shape, affine=affine)
    return geometry


def _place_as_lists(volume: Volume) -> dict[str, Any]:
    """Return what says where the voxels are, and their modality, as plain values."""
    geometry = volume.geometry
    modality = volume.meta.get("Modality")
    uneven = geometry.slice_positions is not None and not geometry.is_uniform
    return {
        "affine": None if geometry.affine is None else geometry.affine.tolist(),
        "slice_positions": geometry.slice_positions.tolist() if uneven else None,  # type: ignore[union-attr]
        "modality": safe_text(modality) if modality else None,
    }


def _plain(volume: Volume, order: Sequence[str], casts: dict[str, str]) -> np.ndarray:
    """Return the voxels in another order of dimensions, colour last, in native byte order."""
    array = np.asarray(volume.array)
    order = (*order, "rgb") if volume.is_color else order
    array = array.transpose([volume.dims.index(d) for d in order])
    return array.astype(casts.get(array.dtype.name, array.dtype.newbyteorder("=")), copy=False)


def _even(values: Sequence[float]) -> tuple[float, float] | None:
    """Return step and start of values that rise evenly, within 1 % of the step; None of others."""
    if len(values) < 2:
        return None
    points = np.asarray(values, dtype=np.float64)
    step, start = float(points[-1] - points[0]) / (len(points) - 1), float(points[0])
    fits = step > 0 and abs(points - start - step * np.arange(len(points))).max() <= UNIFORM_FRACTION * step
    return (step, start) if fits else None


def _counted(name: str, count: int) -> Dimension:
    return Dimension(name, tuple(float(i) for i in range(count)))


def _described(dimension: Dimension) -> dict[str, Any]:
    values = [float(value) for value in dimension.values]
    return {"name": dimension.name, "values": values, "unit": dimension.unit}


def _corners(shape: Sequence[int]) -> Floats:
    """Return the indices of the eight corner voxels, shape (8, 4), a 1 behind each."""
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * (np.array(shape) - 1)
    return np.column_stack([corners, np.ones(8)])
