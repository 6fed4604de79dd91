"""Lazy reading: slices that are decoded when they are asked for, in an array of dask or in one without it."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dicomview.errors import DecodeError, DicomviewError, MissingPackageError
from dicomview.io.build import empty_slices, volume_of, with_padding
from dicomview.io.cluster import spread
from dicomview.io.decode import (
    PixelFile,
    Rescale,
    find_pixels,
    real_values,
    rescale_of,
    scanned_pixels,
    value_padding,
)
from dicomview.io.elements import SliceElements, without_pixels
from dicomview.io.failures import COPY
from dicomview.io.header import Header
from dicomview.io.kept import KEPT
from dicomview.io.mosaic import BEHIND, filled_behind
from dicomview.io.pixels import THREADS
from dicomview.io.progress import progress
from dicomview.io.quiet import warn
from dicomview.io.series import Series, is_color
from dicomview.io.sources import File
from dicomview.io.spans import FrameSpan, PixelPlaces
from dicomview.volume import Dropped, Volume
from dicomview.volume.planewise import PlanewiseArray

__all__ = ["LazySlice", "dask_array", "lazy_slice", "read_lazily", "type_of_values"]

#: Attributes of a header that its values depend on.
_NEEDED = (
    "path", "rows", "columns", "samples_per_pixel", "photometric_interpretation", "padding", "rescale_slope",
    "rescale_intercept", "has_modality_lut", "real_world", "frame", "tile", "tiles",
)  # fmt: skip


_BARE = Header(path=Path())


def dask_array() -> Any:
    """Import dask.array, or say how to install it."""
    try:
        return import_module("dask.array")
    except ImportError as error:
        raise MissingPackageError(
            f"lazy reading needs dask, which cannot be imported here ({error})",
            remedy="pip install 'dicomview[lazy]'",
        ) from error


def _stored(header: Header, span: FrameSpan) -> np.ndarray:
    """Decode the one frame of a span, the whole of a mosaic."""
    file = PixelFile(header.path, span)
    pixels = file.stored(replace(header, frame=None, tile=None))
    if header.tile is not None and filled_behind(pixels, header):
        file.oddities.add(BEHIND)
    return _warned(pixels, file)


def _warned(pixels: np.ndarray, file: PixelFile) -> np.ndarray:
    """Warn of what is odd about pixels; the report was written before that was known."""
    for odd in sorted(file.oddities):
        warn(odd)
    return pixels


@dataclass(frozen=True)
class LazySlice:
    """All that is needed to decode one slice, on any thread, process or machine that sees the file.

    Attributes
    ----------
    header : Header
    rescale : Rescale
        Of all slices of the volume.
    dtype : numpy.dtype
        Of all slices of the volume.
    stamp : tuple of int
        Size of the file and when it was changed.
    span : FrameSpan or None
        Where the frame is in the file; None to read the file as a whole.
    """

    header: Header
    rescale: Rescale
    dtype: np.dtype[Any]
    stamp: tuple[int, int]
    span: FrameSpan | None

    def values(self) -> np.ndarray:
        """Return the values after the Modality LUT.

        Raises
        ------
        DecodeError
            If the file cannot be decoded, was changed since its header was read, or holds values that its
            header rules out.
        """
        header = self.header
        if self.span is None:
            whole = KEPT.get(
                (str(header.path), self.stamp), lambda: PixelFile(header.path), lambda _: self.stamp[0]
            )
            values = _warned(whole.values(header, self.rescale), whole)
        else:
            span = self.span
            image = KEPT.get(
                (str(header.path), span.start, self.stamp),
                lambda: _stored(header, span),
                lambda image: int(image.nbytes),
            )
            if header.tile is not None:
                row, column = header.tile
                image = image[row : row + header.rows, column : column + header.columns]
            values = real_values(image, header, self.rescale, span.module)
        shape = (header.rows, header.columns, *(3,) * is_color(header))
        if values.shape != shape:
            raise DecodeError(
                f"the pixels have shape {values.shape}, Rows and Columns say {shape}",
                path=header.path,
                tag="Rows",
                remedy=COPY,
            )
        return self._fitted(values)

    def _fitted(self, values: np.ndarray) -> np.ndarray:
        """Return a copy of the type of the volume."""
        if not np.can_cast(values.dtype, self.dtype):
            limits = np.iinfo(self.dtype) if self.dtype.kind in "iu" else np.finfo(self.dtype)
            if values.dtype.kind == "f" or values.min() < limits.min or values.max() > limits.max:
                raise DecodeError(
                    f"values from {values.min()} to {values.max()} are beyond what BitsStored allows "
                    f"({self.dtype})",
                    path=self.header.path,
                    tag="BitsStored",
                    remedy="read the series without lazy=True",
                )
        return values.astype(self.dtype)


def read_lazily(series: Series, unreadable: Sequence[Dropped] = (), *, planewise: bool = False) -> Volume:
    """Return the volume of a series; its headers are read, its pixels when they are asked for.

    The type of the values is the smallest that holds every value that the headers allow, since the values
    are not known yet.

    Parameters
    ----------
    series : Series
    unreadable : sequence of Dropped
        Files beside the series that could not be read.
    planewise : bool
        Whether the array is a :class:`PlanewiseArray`, which takes no time to import, rather than one of
        dask. Missing slices without padding are then 0.
    """
    da = None if planewise else dask_array()
    stack = series.stack
    rescale = rescale_of(stack.present)
    elements = SliceElements(len(stack.headers))
    failed: dict[int, DicomviewError] = {}
    found: dict[int, PixelPlaces] = {}
    kinds: set[np.dtype[Any]] = set()
    by_file: dict[Any, list[int]] = {}
    for k, header in enumerate(stack.headers):
        if header is not None:
            by_file.setdefault(header.path, []).append(k)
    types: dict[Any, np.dtype[Any]] = {}
    for path, places in _all_places(by_file, stack.headers).items():
        try:
            if isinstance(places, DicomviewError):
                raise places
            scanned = _there(stack.headers[by_file[path][0]]).scanned
            seen = scanned if places.is_scanned and scanned else without_pixels(places.header)
            for k in by_file[path]:
                header = _there(stack.headers[k])
                # Headers of many files are one object.
                alike = (id(places.header), header.rescale_slope, header.rescale_intercept, header.real_world)
                if alike not in types:
                    types[alike] = type_of_values(header, rescale, places)
                kinds.add(types[alike])
                found[k] = places
                elements.add(k, seen, header.frame)
        except DicomviewError as error:
            failed.update((k, error) for k in by_file[path] if k not in found)
    if not found:
        raise next(iter(failed.values()))
    dtype = np.result_type(*kinds)
    slices = {k: lazy_slice(_there(stack.headers[k]), rescale, dtype, found[k]) for k in sorted(found)}
    fill: Any = dtype.type(0)
    if empty_slices(series, failed):
        padding = value_padding(stack.present[0], rescale)
        fill = with_padding(padding, dtype, is_color=is_color(stack.present[0]))
    array: Any
    if da is None:
        extra = tuple(len(dimension) for dimension in stack.dimensions)
        array = _planewise(slices, (*extra, stack.geometry.shape[0]), fill or dtype.type(0))
    else:
        array = _stacked(da, list(slices.values()), dtype)
        absent = [k for k in range(len(stack.headers)) if k not in slices]
        if absent:
            fill = array.min() if fill is None else da.asarray(fill)
            array = _with_gaps(da, array, list(slices), absent, fill.astype(dtype))
    return volume_of(series, array, elements, rescale, failed=failed, unreadable=unreadable)


def _all_places(
    by_file: Mapping[File, Sequence[int]], headers: Sequence[Header | None]
) -> dict[File, PixelPlaces | DicomviewError]:
    """Return where the pixels of all files are; those with a plain header need not be read again."""
    shared: dict[int, PixelPlaces | None] = {}
    found: dict[File, PixelPlaces | DicomviewError] = {}
    others = []
    for path in sorted(by_file, key=os.fspath):
        header = _there(headers[by_file[path][0]])
        scanned = None if header.tile is not None else header.scanned
        places = None if scanned is None else scanned_pixels(path, scanned, shared)
        if places is None:
            others.append(path)
        else:
            found[path] = places
    found |= zip(others, (places for part in spread(_places, others) for places in part))
    return found


def _places(paths: Sequence[File]) -> list[PixelPlaces | DicomviewError]:
    """Find the pixels of files, or what is in the way."""
    found: list[PixelPlaces | DicomviewError] = []
    for path in progress(paths, "headers"):
        try:
            found.append(find_pixels(path))
        except DicomviewError as error:
            found.append(error)
    return found


def _there(header: Header | None) -> Header:
    assert header is not None
    return header


def lazy_slice(header: Header, rescale: Rescale, dtype: np.dtype[Any], places: PixelPlaces) -> LazySlice:
    """Return what decodes a slice; of its header it takes along what that needs."""
    at = header.frame or 0
    frames = places.frames
    span = frames[at] if frames is not None and at < len(frames) else None
    needed = _BARE.like(**{name: getattr(header, name) for name in _NEEDED})
    return LazySlice(needed, rescale, dtype, places.stamp, span)


def type_of_values(header: Header, rescale: Rescale, places: PixelPlaces) -> np.dtype[Any]:
    """Return the type that holds all values that a header allows: that of the extreme ones."""
    if is_color(header):
        return np.dtype(np.uint8) if header.samples_per_pixel == 1 else places.dtype
    if places.dtype.kind == "f":
        ends = [float(np.finfo(places.dtype).min), float(np.finfo(places.dtype).max)]
    else:
        bits = int(places.header.BitsStored)
        ends = [-(1 << bits - 1), (1 << bits - 1) - 1] if places.dtype.kind == "i" else [0, (1 << bits) - 1]
    with np.errstate(over="ignore"):
        return real_values(np.array([ends], places.dtype), header, rescale, places.header).dtype


def _stacked(da: Any, slices: Sequence[LazySlice], dtype: np.dtype[Any]) -> Any:
    """Return a dask array of slices, a chunk each."""
    recipes = np.empty(len(slices), dtype=object)
    recipes[:] = slices
    header = slices[0].header
    inner = (header.rows, header.columns, *(3,) * is_color(header))
    return da.map_blocks(
        _decoded,
        da.from_array(recipes, chunks=1, name=False),
        dtype=dtype,
        new_axis=list(range(1, 1 + len(inner))),
        chunks=((1,) * len(slices), *((n,) for n in inner)),
        meta=np.empty((0,) * (1 + len(inner)), dtype),
    )


def _planewise(slices: Mapping[int, LazySlice], extents: Sequence[int], fill: Any) -> PlanewiseArray:
    """Return an array of slices that are decoded when they are asked for; a plane across them needs all.

    Parameters
    ----------
    slices : mapping of int to LazySlice
        By their number, all extra dimensions counted.
    extents : sequence of int
        Extra dimensions, and slices.
    fill : scalar
        Value of those that are not there.
    """
    some = next(iter(slices.values()))
    inner = (some.header.rows, some.header.columns, *(3,) * is_color(some.header))

    def decoded(frame: tuple[int, ...], k: int) -> np.ndarray:
        number = int(np.ravel_multi_index((*frame, k), tuple(extents)))
        return slices[number].values() if number in slices else np.full(inner, fill, some.dtype)

    def make(frame: tuple[int, ...], axis: int, index: int) -> np.ndarray:
        if axis == 0:
            return decoded(frame, index)
        with ThreadPoolExecutor(THREADS) as pool:
            lines = pool.map(lambda k: decoded(frame, k).take(index, axis - 1), range(extents[-1]))
            return np.stack(list(lines))

    return PlanewiseArray(make, (*extents, *inner), some.dtype, colors=len(inner) > 2)


def _decoded(recipes: np.ndarray) -> np.ndarray:
    """Decode the slices of a chunk."""
    return np.stack([recipe.values() for recipe in recipes])


def _with_gaps(da: Any, array: Any, present: Sequence[int], absent: Sequence[int], fill: Any) -> Any:
    """Put empty slices in between."""
    inner = array.shape[1:]
    parts = [array]
    order = {k: i for i, k in enumerate([*present, *absent])}
    empty = da.broadcast_to(fill, (len(absent), *inner), chunks=((1,) * len(absent), *((n,) for n in inner)))
    parts.append(empty)
    return da.concatenate(parts)[[order[k] for k in range(len(order))]]
