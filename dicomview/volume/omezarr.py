"""OME-Zarr: a volume written as one, for other programs and for larger than memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dicomview.errors import GeometryError, MissingPackageError
from dicomview.volume.convert import described, even_steps, package, place_as_lists
from dicomview.volume.meta import safe_text
from dicomview.volume.volume import SPATIAL, Volume

__all__ = ["to_zarr"]

#: Units of time, as OME-Zarr calls them.
OME_TIME = {"s": "second", "ms": "millisecond", "us": "microsecond"}
#: Voxels along each axis of a chunk.
CHUNK = 128


def to_zarr(volume: Volume, path: Any) -> None:
    """Write a volume as OME-Zarr 0.4; see :meth:`dicomview.Volume.to_zarr`."""
    zarr = package("zarr", "'zarr>=3'")
    if int(zarr.__version__.split(".")[0]) < 3:
        raise MissingPackageError(
            f"this needs zarr 3, not {zarr.__version__}", remedy="pip install 'zarr>=3'"
        )
    path = Path(path)
    if path.exists():
        raise FileExistsError(f"there is something at {path.name!r}: to_zarr writes a new folder")
    colour = ("rgb",) if volume.is_color else ()
    times = tuple(d for d in volume.extra_dims if d == "time")
    others = tuple(d for d in volume.extra_dims if d != "time") + colour
    if len(others) > 1:
        raise GeometryError(
            f"OME-Zarr has time and one more dimension beyond space, not {', '.join((*times, *others))}",
            remedy="write vol.frame(indices) one by one",
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
                "dimensions": [described(d) for d in volume.dimensions],
                "spacing": volume.geometry.spacing,
                "unit": volume.unit,
                **place_as_lists(volume),
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
            even = even_steps(dimension.values)
            axis = {"name": name, "type": name}
            if name == "time":
                axis["name"] = "t"
            if even is not None:
                scale[i], translation[i] = even
                if name == "time" and dimension.unit in OME_TIME:
                    axis["unit"] = OME_TIME[dimension.unit]
        axes.append(axis)
    return axes, scale, translation
