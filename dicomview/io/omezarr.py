"""OME-Zarr: zarr arrays and multiscale images as lazy volumes, with the geometry that their axes tell."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from dicomview.errors import DecodeError, MissingPackageError, SeriesError, UnsupportedError
from dicomview.geometry import Geometry
from dicomview.io.failures import COPY, reading, words_of
from dicomview.io.kept import KEPT
from dicomview.io.lazy import dask_array
from dicomview.volume import Dimension, Meta, Report, Volume

__all__ = ["is_zarr", "level_shapes", "read_zarr"]

_SPATIAL = {"z": "slice", "y": "row", "x": "column"}
#: Other axes that have a longer name here.
_LONG = {"t": "time", "c": "channel"}
#: Units of length and time, as OME-Zarr (UDUNITS-2) spells them: mm and our name.
_MM = {
    "meter": 1000.0, "decimeter": 100.0, "centimeter": 10.0, "millimeter": 1.0, "micrometer": 1e-3,
    "nanometer": 1e-6, "inch": 25.4,
}  # fmt: skip
_TIME = {"second": "s", "millisecond": "ms", "microsecond": "us", "minute": "min", "hour": "h"}
_WRITE_AGAIN = "write it again, as with Volume.to_zarr"
_FILES = ("zarr.json", ".zgroup", ".zarray", ".zattrs")


def is_zarr(path: Any) -> bool:
    """Return whether a path is a zarr array or group: a folder that holds its metadata."""
    if not isinstance(path, str | os.PathLike):
        return False
    folder = Path(path).expanduser()
    return folder.is_dir() and any((folder / name).is_file() for name in _FILES)


def read_zarr(path: Any, *, level: int = 0) -> Volume:
    """Return a zarr array, or a level of a multiscale image, as a lazy volume.

    Parameters
    ----------
    path : path-like
        Of the array, or of the group with ``multiscales`` (OME-Zarr 0.1 to 0.5).
    level : int
        0 is the finest, -1 the coarsest.

    Raises
    ------
    SeriesError
        If there is no image, or no such level.
    DecodeError
        If the metadata cannot be understood.
    MissingPackageError
        If zarr or dask is not installed.

    References
    ----------
    NGFF specification 0.4 and 0.5, section multiscales: ngff.openmicroscopy.org.
    """
    image = _opened(path)
    if not -len(image.levels) <= level < len(image.levels):
        raise SeriesError(
            f"there is no level {level}",
            path=image.path,
            remedy=f"take one of its {len(image.levels)}, from 0 on",
        )
    level %= len(image.levels)
    stored = image.array(level)
    array = dask_array().from_array(
        _KeptChunks(stored), chunks=stored.chunks, name=False, meta=np.empty((0,) * stored.ndim, stored.dtype)
    )
    if image.axes is None:
        return Volume.from_array(array)
    return _Placed(image, level, array).volume()


def level_shapes(path: Any) -> list[tuple[int, ...]]:
    """Return the extents of slices, rows and columns of every level, the finest first."""
    image = _opened(path)
    arrays = [image.array(level) for level in range(len(image.levels))]
    if image.axes is None:
        return [tuple(arrays[0].shape[-3:])]
    places = [i for i, axis in enumerate(image.axes) if axis["name"] in _SPATIAL]
    return [tuple(array.shape[i] for i in places) for array in arrays]


@dataclass(frozen=True)
class _Multiscale:
    """What the metadata of an image say.

    Attributes
    ----------
    node : zarr.Array or zarr.Group
    path : Path
    levels : list of mapping
        The datasets, finest first.
    axes : list of mapping or None
        None of a bare array.
    common : list of mapping
        Transformations of all levels.
    own : mapping
        The attribute ``dicomview``, which Volume.to_zarr writes.
    """

    node: Any
    path: Path
    levels: Sequence[Mapping[str, Any]]
    axes: Sequence[Mapping[str, Any]] | None
    common: Sequence[Mapping[str, Any]]
    own: Mapping[str, Any]

    def array(self, level: int) -> Any:
        if self.axes is None:
            return self.node
        try:
            return self.node[self.levels[level]["path"]]
        except KeyError as error:
            raise DecodeError(
                f"the array of level {level} is not there ({words_of(error)})", path=self.path, remedy=COPY
            ) from None


def _opened(path: Any) -> _Multiscale:
    """Read the metadata of an array or image."""
    try:
        zarr = import_module("zarr")
    except ImportError as error:
        raise MissingPackageError(
            f"this needs the package zarr, which cannot be imported here ({error})",
            remedy="pip install 'zarr>=3'",
        ) from error
    path = Path(path).expanduser()
    with reading(path, "cannot be read as zarr"):
        node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        return _Multiscale(node, path, [{}], None, [], {})
    attributes = dict(node.attrs)
    found = attributes.get("ome", attributes).get("multiscales")
    if not found:
        inner = ", ".join(sorted(node.keys())) or "nothing"
        raise SeriesError(
            f"a zarr group without an image (attribute 'multiscales'), which holds {inner}",
            path=path,
            remedy="give the path of one in it",
        )
    image = found[0]
    try:
        levels = [dict(dataset) for dataset in image["datasets"]]
        ndim = len(node[levels[0]["path"]].shape)
        axes = [
            {"name": axis} if isinstance(axis, str) else dict(axis)
            for axis in image.get("axes", "tczyx"[-ndim:])
        ]
        names = [axis["name"] for axis in axes]
    except (KeyError, IndexError, TypeError) as error:
        raise DecodeError(
            f"its 'multiscales' cannot be understood ({error!r})", path=path, remedy=_WRITE_AGAIN
        ) from None
    space = [name for name in names if name in _SPATIAL]
    if len(names) != ndim or space not in (["z", "y", "x"], ["y", "x"]) or names[-len(space) :] != space:
        raise UnsupportedError(
            f"the last of its {ndim} axes must be z, y, x or y, x, not {names}",
            path=path,
            remedy="write it again with its axes in this order",
        )
    return _Multiscale(
        node,
        path,
        levels,
        axes,
        image.get("coordinateTransformations") or [],
        attributes.get("dicomview") or {},
    )


class _KeptChunks:
    """A zarr array that reads whole chunks and keeps the last ones, since the next slice lies in them too."""

    def __init__(self, stored: Any) -> None:
        self._stored, self._key = stored, uuid4()
        self.shape, self.dtype, self.ndim = stored.shape, stored.dtype, len(stored.shape)

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        """Return a chunk, or a part of it: dask asks for no more."""
        starts = [k.start // c * c for k, c in zip(key, self._stored.chunks)]
        box = tuple(slice(a, min(a + c, n)) for a, c, n in zip(starts, self._stored.chunks, self.shape))
        chunk: np.ndarray = KEPT.get(
            (self._key, tuple(starts)), lambda: np.asarray(self._stored[box]), lambda chunk: int(chunk.nbytes)
        )
        return chunk[tuple(slice(k.start - a, k.stop - a, k.step) for k, a in zip(key, starts))].copy()


class _Placed:
    """The dimensions and the place of a level of an image."""

    def __init__(self, image: _Multiscale, level: int, array: Any) -> None:
        assert image.axes is not None
        self._image, self._array = image, array
        self._axes = image.axes
        self._names: list[str] = [axis["name"] for axis in image.axes]
        self._scale, self._shift = self._transformed(level)
        self._finest = self._transformed(0)

    def volume(self) -> Volume:
        """Return the volume; array order extra dimensions, slice, row, column, colour."""
        own = self._image.own
        stored = list(own.get("dims") or ({**_SPATIAL, **_LONG}.get(n, n) for n in self._names))
        array = self._array
        if "slice" not in stored:
            array, stored = array[..., None, :, :], [*stored[:-2], "slice", *stored[-2:]]
        others = [d for d in stored if d not in (*_SPATIAL.values(), "rgb")]
        # to_zarr puts time first; the note has the dimensions in the order of the volume.
        extra = [d["name"] for d in own["dimensions"]] if own else others
        dims = [*extra, *_SPATIAL.values(), *(["rgb"] if "rgb" in stored else [])]
        if sorted(stored) != sorted(dims) or len(stored) != array.ndim:
            raise DecodeError(
                "its attribute 'dicomview' does not fit the array", path=self._image.path, remedy=_WRITE_AGAIN
            )
        array = array.transpose([stored.index(d) for d in dims])
        geometry, warnings = self._geometry(tuple(array.shape[dims.index(d)] for d in _SPATIAL.values()))
        meta = Meta()
        if own.get("modality"):
            meta["Modality"] = own["modality"]
        if own.get("unit"):
            meta["RescaleType"] = own["unit"]
        return Volume(
            array,
            geometry=geometry,
            dims=dims,
            dimensions=self._dimensions(extra, stored),
            meta=meta,
            report=Report(warnings=warnings),
        )

    def _transformed(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scale and translation along every axis of the stored array."""
        scale, shift = np.ones(len(self._axes)), np.zeros(len(self._axes))
        steps = [*self._image.levels[level].get("coordinateTransformations", []), *self._image.common]
        for step in steps:
            kind = step.get("type")
            values = np.asarray(step.get(kind, ()), dtype=np.float64)
            if kind == "identity":
                continue
            if (
                kind not in ("scale", "translation")
                or values.shape != scale.shape
                or not np.isfinite(values).all()
            ):
                raise DecodeError(
                    f"a transformation must be a scale or translation of {len(scale)} numbers, "
                    f"not {dict(step)}",
                    path=self._image.path,
                    remedy=_WRITE_AGAIN,
                )
            if kind == "scale":
                scale, shift = scale * values, shift * values
            else:
                shift = shift + values
        return scale, shift

    def _dimensions(self, extra: Sequence[str], stored: Sequence[str]) -> list[Dimension]:
        """Return the values and units of the dimensions beyond space."""
        own = {d["name"]: d for d in self._image.own.get("dimensions", ())}
        made = []
        for name in extra:
            i = stored.index(name)
            count = self._array.shape[i]
            if name in own and len(own[name]["values"]) == count:
                made.append(Dimension(name, tuple(own[name]["values"]), own[name]["unit"]))
                continue
            unit = _TIME.get(str(self._axes[i].get("unit", "")), "")
            # Without a unit the scale of an axis says nothing.
            step, start = (float(self._scale[i]), float(self._shift[i])) if unit else (1.0, 0.0)
            made.append(Dimension(name, tuple(start + step * k for k in range(count)), unit))
        return made

    def _geometry(self, shape: Any) -> tuple[Geometry, tuple[str, ...]]:
        """Return the place that Volume.to_zarr noted; otherwise no more than the spacing is known."""
        own = self._image.own
        if own.get("affine") is not None:
            return self._noted(shape, np.array(own["affine"]), own.get("slice_positions")), ()
        spacing: list[float | None] = []
        for name in _SPATIAL:
            i = self._names.index(name) if name in self._names else None
            length = None if i is None else _MM.get(str(self._axes[i].get("unit", "")))
            spacing.append(None if i is None or length is None else float(self._scale[i] * length))
        if any(s is not None and s <= 0 for s in spacing):
            raise DecodeError(
                f"a scale must be positive, not {self._scale.tolist()}",
                path=self._image.path,
                remedy=_WRITE_AGAIN,
            )
        axes = [n for n, s in zip(_SPATIAL, spacing) if s is None and n in self._names]
        told = (
            f"the distance of voxels along {', '.join(axes)} is unknown: the axis has no unit of length"
            if axes
            else "the place in the patient is unknown: OME-Zarr tells the spacing, not the orientation"
        )
        return Geometry(shape, spacing=tuple(spacing)), (told,)  # type: ignore[arg-type]

    def _noted(self, shape: tuple[int, int, int], affine: np.ndarray, positions: Any) -> Geometry:
        """Return the geometry of a level from that of the finest one."""
        places = [self._names.index(name) for name in _SPATIAL]
        finest = self._image.array(0).shape
        extents: Any = tuple(finest[i] for i in places)
        first = Geometry(extents, affine=affine, slice_positions=positions)
        factor = (self._scale / self._finest[0])[places]
        start = ((self._shift - self._finest[1]) / self._finest[0])[places]
        if (factor == 1).all() and (start == 0).all() and shape == first.shape:
            return first
        scaled = affine.copy()
        scaled[:3, :3] *= factor
        scaled[:3, 3] = first.position(start)
        slices = None
        if not first.is_uniform:
            index = np.zeros((shape[0], 3)) + start
            index[:, 0] += factor[0] * np.arange(shape[0])
            slices = first.position(index)
        return Geometry(shape, affine=scaled, slice_positions=slices)
