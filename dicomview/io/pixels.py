"""Pixels: slices of ordinary files, read or decoded straight into one array on several threads."""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import pydicom

from dicomview.errors import DecodeError
from dicomview.io.codecs import Unsuited, decoder, frame_of
from dicomview.io.decode import PixelFile, Rescale, decode_values, integer_type
from dicomview.io.header import Header
from dicomview.io.layout import UNDEFINED, Scanned
from dicomview.io.progress import progress
from dicomview.io.sources import File, MemoryFile

__all__ = ["Cells", "cells_of", "read_slices"]

#: More threads than this wait for memory only.
THREADS = min(4, os.cpu_count() or 1)
#: Slices that one thread takes at a time; they lie side by side.
BLOCK = 8
_NATIVE = (pydicom.uid.ExplicitVRLittleEndian, pydicom.uid.ImplicitVRLittleEndian)
_GRAY = ("MONOCHROME1", "MONOCHROME2")
_PADDING = b"\xfc\xff\xfc\xff"  # DataSetTrailingPadding


@dataclass(frozen=True)
class Cells:
    """How the pixels of one slice are stored: the lowest of so many stored bits has the number ``low``."""

    dtype: np.dtype[Any]
    rows: int
    columns: int
    low: int
    stored: int
    syntax: str

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.rows * self.columns * self.dtype.itemsize

    def masked(self, pixels: np.ndarray) -> tuple[int, int]:
        """Take what is no stored bit out of pixels, in place; return their least and largest value."""
        low, high = int(pixels.min()), int(pixels.max())
        bits = 8 * self.dtype.itemsize
        is_signed = self.dtype.kind == "i"
        least, largest = (-(1 << self.stored - 1), (1 << self.stored - 1) - 1) if is_signed else (
            0, (1 << self.stored) - 1
        )  # fmt: skip
        if self.low or low < least or high > largest:
            pixels <<= bits - self.stored - self.low
            pixels >>= bits - self.stored
            low, high = int(pixels.min()), int(pixels.max())
        return low, high


def cells_of(scanned: Scanned) -> Cells | None:
    """Return how the pixels of a file are stored; None unless they are one plain picture in grey."""
    syntax = scanned.layout.syntax
    dataset = scanned.dataset()
    allocated, stored, high = (dataset.get(k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    is_plain = (
        sys.byteorder == "little"
        and dataset.get("SamplesPerPixel") == 1
        and dataset.get("PhotometricInterpretation") in _GRAY
        and dataset.get("NumberOfFrames", 1) == 1
        and allocated in (8, 16, 32)
        and isinstance(stored, int)
        and 0 < stored <= allocated
        and dataset.get("PixelRepresentation") in (0, 1)
        and bool(rows and columns)
        and "ExtendedOffsetTable" not in dataset
    )
    if not is_plain:
        return None
    low = high + 1 - stored if isinstance(high, int) else 0
    shifts = syntax in (*_NATIVE, pydicom.uid.RLELossless) and 0 < low <= allocated - stored
    kind = "ui"[dataset.PixelRepresentation]
    dtype = np.dtype(f"<{kind}{allocated // 8}")
    return Cells(dtype, int(rows), int(columns), int(low) if shifts else 0, int(stored), syntax)


def read_slices(headers: Sequence[Header | None], rescale: Rescale) -> np.ndarray | None:
    """Read the values of slices into one array.

    Parameters
    ----------
    headers : sequence of (Header or None)
        None for a slice that is missing: zeros.
    rescale : Rescale
        Of all of them.

    Returns
    -------
    ndarray of shape (slices, rows, columns) or None
        The same values in the same type as image by image; None where the slices are not all of one ordinary
        kind, or a file is no longer what it was.
    """
    cells = _common_cells(headers)
    if cells is None or rescale.fills:
        return None
    try:
        load = _loader(cells, next(header for header in headers if header is not None))
        if rescale.is_float:
            return _floats(headers, rescale, cells, load)
        return _integers(headers, rescale, cells, load)
    except (OSError, Unsuited, DecodeError):
        return None


Load = Callable[[Header, np.ndarray], None]


def _common_cells(headers: Sequence[Header | None]) -> Cells | None:
    """Return how the pixels of all slices are stored; None where that differs, or one is not ordinary."""
    known: dict[int, Cells | None] = {}
    for header in headers:
        if header is None:
            continue
        scanned = header.scanned
        single = header.frame is None and header.tile is None
        if scanned is None or not single or header.has_modality_lut or header.real_world is not None:
            return None
        key = id(scanned.layout.elements)
        if key not in known:
            known[key] = cells_of(scanned)
    found = set(known.values())
    return found.pop() if len(found) == 1 else None


def _loader(cells: Cells, first: Header) -> Load:
    """Return what reads the stored values of one slice into an array.

    A decoder must give for the first slice what the reference gives.
    """
    if cells.syntax in _NATIVE:
        return partial(_read, cells)
    load = partial(_decode, cells, decoder(cells.syntax))
    pixels = np.empty((cells.rows, cells.columns), cells.dtype)
    load(first, pixels)
    cells.masked(pixels)
    if not np.array_equal(pixels, PixelFile(first.path).stored(first)):
        raise Unsuited
    return load


def _read(cells: Cells, header: Header, pixels: np.ndarray) -> None:
    """Read uncompressed pixels."""
    assert header.scanned is not None
    start, length = header.scanned.pixels
    if length not in (cells.size, cells.size + cells.size % 2):
        raise Unsuited
    behind = header.scanned.state[0] - start - length
    with _unchanged(header) as stream:
        stream.seek(start)
        if stream.readinto(pixels) != cells.size:
            raise Unsuited
        if behind >= 8:  # nothing else than padding may follow
            stream.seek(start + length)
            tail = stream.read(12)
            size = 8 if header.scanned.layout.implicit else 12
            if tail[:4] != _PADDING or size + int.from_bytes(tail[size - 4 : size], "little") != behind:
                raise Unsuited
        elif behind < 0:
            raise Unsuited


def _decode(cells: Cells, decode: Callable[..., np.ndarray], header: Header, pixels: np.ndarray) -> None:
    """Decode compressed pixels."""
    assert header.scanned is not None
    start, length = header.scanned.pixels
    if length != UNDEFINED:
        raise Unsuited
    with _unchanged(header) as stream:
        stream.seek(start)
        data = stream.read()
    try:
        pixels[...] = decode(frame_of(data), cells)
    except (ValueError, RuntimeError) as error:  # what decoders raise
        raise Unsuited from error


def _unchanged(header: Header) -> Any:
    """Open a file that is still the one whose header was read."""
    file: File = header.path
    assert header.scanned is not None
    if isinstance(file, MemoryFile):
        return file.open()
    stream = open(file, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed by the caller; a Path costs more
    state = os.fstat(stream.fileno())
    if (state.st_size, state.st_mtime_ns) != header.scanned.state:
        stream.close()
        raise Unsuited
    return stream


def _on_threads(headers: Sequence[Header | None], fill: Callable[[int, Header], None]) -> None:
    """Call a function for each slice, neighbours on one thread."""

    def block(start: int) -> None:
        for k in range(start, min(start + BLOCK, len(headers))):
            header = headers[k]
            if header is not None:
                fill(k, header)

    with ThreadPoolExecutor(THREADS) as pool:
        blocks = [pool.submit(block, start) for start in range(0, len(headers), BLOCK)]
        try:
            for k in progress(range(len(headers)), "slices"):
                blocks[k // BLOCK].result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _floats(headers: Sequence[Header | None], rescale: Rescale, cells: Cells, load: Load) -> np.ndarray:
    """Return values where a slope or an intercept is not a whole number."""
    values = np.zeros((len(headers), cells.rows, cells.columns), np.float32)

    def fill(k: int, header: Header) -> None:
        pixels = np.empty(values.shape[1:], cells.dtype)
        load(header, pixels)
        cells.masked(pixels)
        values[k] = decode_values(pixels, header, rescale)

    _on_threads(headers, fill)
    return values


def _integers(headers: Sequence[Header | None], rescale: Rescale, cells: Cells, load: Load) -> np.ndarray:
    """Return whole values, in the smallest type that holds those of each slice.

    Where stored values need only an intercept, it is added while the slice is in the processor's cache. That
    wraps round where the type of the values is another one of the same size, and loses nothing.
    """
    pixels = np.zeros((len(headers), cells.rows, cells.columns), cells.dtype)
    is_whole = cells.stored == 8 * cells.dtype.itemsize
    adds = all(header.rescale_slope == 1 for header in headers if header is not None)
    types: dict[int, np.dtype[Any]] = {}

    def fill(k: int, header: Header) -> None:
        load(header, pixels[k])
        if rescale.is_identity and is_whole:
            return
        low, high = cells.masked(pixels[k])
        if not rescale.is_identity:
            types[k] = integer_type(low, high, header)
            if adds:
                pixels[k] += _wrapped(header, cells)

    _on_threads(headers, fill)
    if rescale.is_identity:
        return pixels
    dtype = reduce(np.promote_types, types.values())
    if dtype.kind == "f":
        raise Unsuited
    if adds and dtype.itemsize == pixels.dtype.itemsize:
        return pixels.view(dtype)
    values = np.zeros(pixels.shape, dtype)
    for k, header in enumerate(headers):
        if header is not None:
            stored = pixels[k] - _wrapped(header, cells) if adds else pixels[k]
            values[k] = decode_values(stored, header, rescale)
    return values


def _wrapped(header: Header, cells: Cells) -> np.ndarray:
    """Return the intercept in the type of the stored values."""
    return np.array(int(header.rescale_intercept)).astype(cells.dtype)
