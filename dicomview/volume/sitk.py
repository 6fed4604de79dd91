"""SimpleITK: a volume as its image, and back."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from dicomview.errors import GeometryError
from dicomview.geometry import Geometry
from dicomview.geometry.geometry import COSINE_TOLERANCE
from dicomview.volume.convert import (
    REVERSED,
    counted,
    described,
    even_steps,
    geometry_of,
    package,
    placed,
    plain,
)
from dicomview.volume.dimension import Dimension
from dicomview.volume.volume import SPATIAL, Volume

__all__ = ["from_sitk", "to_sitk"]

#: Where the names, values and units of extra dimensions are kept in a SimpleITK image.
SITK_KEY = "dicomview.dimensions"
#: What notes there that the values of a voxel are a colour, which those of uint8 are taken for anyway.
SITK_COLOR = "dicomview.rgb"


def to_sitk(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image; see :meth:`dicomview.Volume.to_sitk`."""
    sitk = package("SimpleITK")
    affine = placed(volume, "a SimpleITK image") @ REVERSED
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    cosines = affine[:3, :3] / spacing
    lean = float(abs(cosines.T @ cosines - np.eye(3)).max())
    if lean > COSINE_TOLERANCE:
        raise GeometryError(
            "the axes of a SimpleITK image must be perpendicular; those of this volume are "
            f"{np.degrees(np.arcsin(lean)):.2f} degrees from it (a tilted gantry shears the volume)",
            remedy=f"{'desheared() moves it to a straight grid, ' if volume.geometry.tilt else ''}"
            "to_nibabel() keeps the shear in its affine",
        )
    extra = [volume.dimensions[volume.extra_dims.index(d)] for d in reversed(volume.extra_dims)]
    if len(extra) > 2:
        raise GeometryError(
            f"a SimpleITK image has at most 2 dimensions beyond space, not {len(extra)} {volume.extra_dims}",
            remedy="convert vol.frame(indices) one by one",
        )
    voxels = plain(volume, (*volume.extra_dims, *SPATIAL), {"bool": "uint8", "float16": "float32"})
    image = sitk.GetImageFromArray(voxels, isVector=volume.is_color)
    grids = [even_steps(d.values) or (1.0, 0.0) for d in extra]
    direction = np.eye(3 + len(extra))
    direction[:3, :3] = cosines
    image.SetSpacing([*spacing.tolist(), *(step for step, _ in grids)])
    image.SetOrigin([*affine[:3, 3].tolist(), *(start for _, start in grids)])
    image.SetDirection(direction.ravel().tolist())
    if volume.is_color:
        image.SetMetaData(SITK_COLOR, "1")
    if extra:
        image.SetMetaData(SITK_KEY, json.dumps([described(d) for d in volume.dimensions]))
    return image


def from_sitk(image: Any, *, kind: type[Volume] = Volume) -> Volume:
    """Return the volume of a SimpleITK image; see :meth:`dicomview.Volume.from_sitk`."""
    sitk = package("SimpleITK")
    voxels = sitk.GetArrayFromImage(image)
    ndim = image.GetDimension()
    spacing, origin = image.GetSpacing(), image.GetOrigin()
    direction = np.array(image.GetDirection()).reshape(ndim, ndim)
    dimensions: list[Dimension] = []
    dims: tuple[str, ...] = SPATIAL
    if voxels.ndim > ndim:  # several values in each voxel
        is_color = voxels.dtype == np.uint8 or image.HasMetaDataKey(SITK_COLOR)
        if voxels.shape[-1] in (3, 4) and is_color:
            dims = (*dims, "rgb")
        else:
            voxels = np.moveaxis(voxels, -1, 0)
            dimensions = [counted("component", len(voxels))]
    if ndim == 2:
        voxels = np.expand_dims(voxels, len(dimensions))
        shape = (1, *image.GetSize()[::-1])
        geometry = Geometry(shape, spacing=(None, spacing[1], spacing[0]))
    else:
        if abs(direction[:3, 3:]).sum() + abs(direction[3:, :3]).sum() > 0:
            raise GeometryError(
                "the direction of the image mixes axes of space with other axes",
                remedy="set a direction that does not",
            )
        affine = np.eye(4)
        affine[:3, :3] = direction[:3, :3] * spacing[:3]
        affine[:3, 3] = origin[:3]
        geometry = geometry_of(image.GetSize()[2::-1], affine @ REVERSED)
    extents = image.GetSize()[:2:-1]
    dimensions += _remembered(image, extents) or [
        Dimension(name, tuple(start + step * i for i in range(extent)))
        for name, extent, step, start in zip(
            ("frame",) if len(extents) == 1 else ("dim0", "dim1"), extents, spacing[:2:-1], origin[:2:-1]
        )
    ]
    names = tuple(d.name for d in dimensions)
    return kind(voxels, geometry=geometry, dims=(*names, *dims), dimensions=dimensions)


def _remembered(image: Any, extents: Sequence[int]) -> list[Dimension]:
    """Return the extra dimensions that to_sitk noted in the image, if they still fit it."""
    if not image.HasMetaDataKey(SITK_KEY):
        return []
    noted = [
        Dimension(d["name"], tuple(d["values"]), d["unit"]) for d in json.loads(image.GetMetaData(SITK_KEY))
    ]
    return noted if [len(d) for d in noted] == list(extents) else []
