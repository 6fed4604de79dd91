"""Codecs: lossless decoders that run on several threads at once, where imagecodecs is installed."""

import struct
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from dicomview.io.cells import Cells
from dicomview.io.codestream import check_presets, check_run_lengths, check_scans, check_tiles
from dicomview.io.syntaxes import (
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE,
)

__all__ = ["Unsuited", "decoder", "frame_of"]

#: Syntaxes of which the general reader keeps all bits that are coded.
_LOSSY = (JPEG_LS_NEAR_LOSSLESS, JPEG_2000)
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_PADDING = b"\xfc\xff\xfc\xff"
#: Takes the codestream, what it must hold, and bytes that may be used for the result.
Decode = Callable[[bytes, Cells, np.ndarray | None], np.ndarray]


class Unsuited(Exception):
    """A file is not of the ordinary kind after all: the general reader must do."""


@lru_cache(maxsize=1)
def _imagecodecs() -> Any:
    try:
        return import_module("imagecodecs")
    except ImportError:
        return None


def decoder(syntax: str) -> Decode:
    """Return the decoder for a transfer syntax.

    Raises
    ------
    Unsuited
        If there is none that keeps every bit and lets other threads run.
    """
    codecs = _imagecodecs()
    if codecs is None:
        raise Unsuited
    if syntax in (JPEG_2000_LOSSLESS, JPEG_2000) and codecs.JPEG2K.available:
        return lambda data, cells, _: codecs.jpeg2k_decode(_checked_2000(data, cells))
    if syntax in (JPEG_LS_LOSSLESS, JPEG_LS_NEAR_LOSSLESS) and codecs.JPEGLS.available:
        return lambda data, cells, _: _signed(
            codecs.jpegls_decode(_checked_jpeg(data, cells, 0xF7)[0]), cells
        )
    if syntax in JPEG_LOSSLESS and codecs.LJPEG.available:
        return lambda data, cells, _: _signed(_differences(codecs, data, cells), cells)
    if syntax == RLE and codecs.DICOMRLE.available:
        return lambda data, cells, room: _run_lengths(codecs, data, cells, room)
    raise Unsuited


def frame_of(data: bytes) -> bytes:
    """Return the one frame in encapsulated pixel data: all fragments behind the offset table (PS3.5 A.4).

    Raises
    ------
    Unsuited
        If it does not end as it should, or more than padding follows.
    """
    at, parts = 0, []
    while data.startswith(_ITEM, at) and len(data) >= at + 8:
        (length,) = struct.unpack_from("<I", data, at + 4)
        parts.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    behind = data[at + 8 :]
    if not data.startswith(_END, at) or len(parts) < 2:
        raise Unsuited
    if len(behind) >= 8 and not (
        behind.startswith(_PADDING) and 12 + int.from_bytes(behind[8:12], "little") == len(behind)
    ):
        raise Unsuited
    return parts[1] if len(parts) == 2 else b"".join(parts[1:])


def _ends(data: bytes) -> bool:
    """Return whether a codestream has its end marker: without it a decoder may never return."""
    return data.rstrip(b"\0").endswith(b"\xff\xd9")


def _checked_2000(data: bytes, cells: Cells) -> bytes:
    """Return a JPEG 2000 codestream that is reversible and of the bits and signs that the header tells."""
    if data[:6] != b"\xff\x4f\xff\x51\x00\x29" or not _ends(data):  # SIZ of one component
        raise Unsuited
    width, height, left, top, *tile = struct.unpack_from(">8I", data, 8)
    components, depth, x_step, y_step = struct.unpack_from(">HBBB", data, 40)
    is_signed = cells.dtype.kind == "i"
    fits = (width, height, left, top) == (cells.columns, cells.rows, 0, 0)
    if not fits or (components, x_step, y_step) != (1, 1, 1) or tile[2:] != [0, 0]:
        raise Unsuited
    if depth not in (is_signed << 7 | bits - 1 for bits in _depths(cells)):
        raise Unsuited
    check_tiles(data)
    at = 45
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0x90:
        if data[at + 1] in (0x53, 0x79):  # a component's own coding, and an extension
            raise Unsuited
        if data[at + 1] == 0x52 and data[at + 13] == 1:  # COD: the reversible 5-3 transformation
            return data
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise Unsuited


def _checked_jpeg(data: bytes, cells: Cells, kind: int) -> tuple[bytes, int]:
    """Return a JPEG whose frame header agrees with the header of the file, and its bits."""
    at = 2
    while data[:2] == b"\xff\xd8" and data[at : at + 1] == b"\xff" and _ends(data):
        if data[at + 1] == kind:
            depth, rows, columns, components = struct.unpack_from(">BHHB", data, at + 4)
            if (rows, columns, components) != (cells.rows, cells.columns, 1) or depth not in _depths(cells):
                raise Unsuited
            if cells.dtype.kind == "i" and depth != 8 * cells.dtype.itemsize:
                raise Unsuited  # where the sign is, decoders see differently
            check_presets(data, depth)
            check_scans(data)
            return data, depth
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise Unsuited


def _depths(cells: Cells) -> tuple[int, ...]:
    """Return the numbers of bits that may be coded: those stored, or whole cells, whose rest is taken out."""
    whole = () if cells.syntax in _LOSSY else (8 * cells.dtype.itemsize,)
    return (cells.stored, *whole)


def _signed(pixels: np.ndarray, cells: Cells) -> np.ndarray:
    """Return unsigned pixels as the signed ones that they are."""
    return pixels.view(cells.dtype) if cells.dtype.kind == "i" else pixels


def _differences(codecs: Any, data: bytes, cells: Cells) -> np.ndarray:
    """Decode lossless JPEG; differences that were damaged add up to more than its bits hold."""
    checked, depth = _checked_jpeg(data, cells, 0xC3)
    pixels = np.asarray(codecs.ljpeg_decode(checked))
    if int(pixels.max()) >> depth:
        raise Unsuited
    return pixels


def _run_lengths(codecs: Any, data: bytes, cells: Cells, room: np.ndarray | None) -> np.ndarray:
    """Decode RLE, a segment for each byte."""
    check_run_lengths(data, cells.dtype.itemsize, cells.rows * cells.columns)
    out = np.empty(cells.size, np.uint8) if room is None else room[: cells.size]
    decoded = codecs.dicomrle_decode(data, cells.dtype, out=out)
    return np.asarray(decoded).view(cells.dtype).reshape(cells.rows, cells.columns)
