"""Reading at once: all slices of a series, decoded into one array."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from dicomview.errors import DecodeError, DicomviewError, MemoryBudgetError
from dicomview.io.assemble import names
from dicomview.io.build import empty_slices, volume_of, with_padding
from dicomview.io.cells import STRAYS
from dicomview.io.decode import PixelFile, Rescale, check_length, rescale_of, value_padding
from dicomview.io.elements import SliceElements
from dicomview.io.failures import COPY
from dicomview.io.header import Header
from dicomview.io.pixels import read_slices
from dicomview.io.progress import progress
from dicomview.io.series import Series
from dicomview.io.sources import File
from dicomview.volume import Dropped, Volume
from dicomview.volume.memory import check_budget

__all__ = ["read_eagerly"]


def read_eagerly(series: Series, unreadable: Sequence[Dropped] = ()) -> Volume:
    """Decode the slices of a series into one array."""
    stack = series.stack
    rescale = rescale_of(stack.present)
    elements = SliceElements(len(stack.headers))
    failed: dict[int, DicomviewError] = {}
    told: list[str] = []
    first = stack.present[0]
    itemsize = max(4 if rescale.is_float or first.real_world else 1, -(-first.bits_allocated // 8))
    try:
        check_budget(series.shape or (), itemsize, "the volume")
    except MemoryBudgetError:
        check_length(first)
        raise
    straight = read_slices(stack.headers, rescale)
    if straight is None:
        array = _one_by_one(stack.headers, rescale, elements, failed, told)
    else:
        array, of_files, strays = straight
        told += _odd(STRAYS, (h.name for k, h in enumerate(stack.headers) if h is not None and k in strays))
        for k, header in enumerate(stack.headers):
            if header is not None:
                elements.add(k, of_files[header.path], header.frame)
    empty = empty_slices(series, failed)
    if empty:
        array[empty] = _filling(array, empty, value_padding(first, rescale))
    return volume_of(series, array, elements, rescale, failed=failed, unreadable=unreadable, told=told)


def _one_by_one(
    headers: Sequence[Header | None],
    rescale: Rescale,
    elements: SliceElements,
    failed: dict[int, DicomviewError],
    told: list[str],
) -> np.ndarray:
    """Decode slices of any kind, and take note of their elements, of those that fail and of what is odd."""
    array: np.ndarray | None = None
    odd: dict[str, list[str]] = {}
    file: tuple[File, PixelFile] | None = None
    # File after file: the images of a multi-frame file share one reader.
    order = sorted(
        (k for k, header in enumerate(headers) if header is not None),
        key=lambda k: (headers[k].path, headers[k].frame or 0),  # type: ignore[union-attr]
    )
    frames: dict[File, list[int]] = {}
    for k in order:
        header = headers[k]
        assert header is not None
        frames.setdefault(header.path, []).append(header.frame or 0)
    for k in progress(order, "slices"):
        header = headers[k]
        assert header is not None
        try:
            if file is None or file[0] != header.path:
                file = header.path, PixelFile(header.path, expected=frames[header.path])
            values = file[1].values(header, rescale)
        except DicomviewError as error:
            failed[k] = error
            continue
        if array is None:
            array = np.zeros((len(headers), *values.shape), dtype=values.dtype)
        elif values.shape != array.shape[1:]:
            failed[k] = DecodeError(
                f"pixels of shape {values.shape} are among others of {array.shape[1:]}",
                path=header.path,
                tag="Rows",
                remedy=COPY,
            )
            continue
        elif not np.can_cast(values.dtype, array.dtype):
            array = array.astype(np.promote_types(values.dtype, array.dtype))
        array[k] = values
        for what in file[1].oddities:
            odd.setdefault(what, []).append(header.name)
        elements.add(k, file[1].elements, header.frame)
    if array is None:
        raise next(iter(failed.values()))
    for what in sorted(odd):
        told += _odd(what, odd[what])
    return array


def _odd(what: str, files: Iterable[str]) -> list[str]:
    """Say what is odd about the pixels of files, named one after the other, if there are any."""
    listed = names(dict.fromkeys(files))
    return [f"{what}: look at the values of {listed}"] if listed else []


def _filling(array: np.ndarray, missing: list[int], padding: tuple[float, float] | None) -> Any:
    """Return the value of slices that are not there: padding, or the lowest value of the others."""
    fill = with_padding(padding, array.dtype, is_color=array.ndim > 3)
    if fill is not None:
        return fill
    present = np.ones(len(array), dtype=bool)
    present[missing] = False
    return array[present].min()
