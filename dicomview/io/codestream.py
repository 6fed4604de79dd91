"""Codestreams: what a compressed frame says about itself must agree with the header, before it is decoded."""

import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from dicomview.io.syntaxes import (
    ALL_JPEG,
    ALL_JPEG_2000,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset  # workers do without

__all__ = [
    "MOST_PER_BYTE",
    "check_codestream",
    "check_presets",
    "check_run_lengths",
    "check_scans",
    "check_tiles",
]

#: Markers of a frame header (SOF) of JPEG and JPEG-LS; the others of this range are tables.
_FRAMES = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
#: Of these all readers put bytes into larger cells; of others of JPEG most fail.
_OF_ANY_BITS = ALL_JPEG_2000 | {JPEG_LS_LOSSLESS, JPEG_LS_NEAR_LOSSLESS}
_SCAN, _END = 0xDA, b"\xff\xd9"
#: Parameters of JPEG-LS (LSE).
_PRESETS = 0xF8
#: What may follow a scan: the end, another one, tables and comments.
_BEHIND_SCANS = frozenset((0xD9, _SCAN, 0xC4, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), _PRESETS, 0xFE))
#: Markers within scans (RST), where a segment tells of them (DRI).
_RESTARTS, _INTERVAL = range(0xD0, 0xD8), 0xDD
#: Coders put a zero byte behind each 0xFF of a scan, those of JPEG-LS a zero bit: all else is a marker.
_LS = 0xF7
_MARKER, _MARKER_OF_LS = re.compile(rb"\xff[^\x00]"), re.compile(rb"\xff[\x80-\xff]")
#: The end marker is looked for in so many bytes; padding may follow it.
_TAIL = 4096
#: Where the first tile of JPEG 2000 begins (SOT).
_TILE = 0x90
#: Pixels that a byte of any codestream can stand for, at the very most.
MOST_PER_BYTE = 1 << 18
#: A run of RLE is two bytes for 128.
_MOST_RUN = 64


class _Frame(NamedTuple):
    """What a codestream says of its frame."""

    rows: int
    columns: int
    components: int
    bits: int


def check_codestream(dataset: "Dataset", data: bytes) -> list[str]:
    """Refuse a compressed frame that contradicts the header, or ends too early.

    Decoders fill what is missing with anything, write beyond what the header says, or never return.

    Parameters
    ----------
    dataset : "Dataset"
        Completed: how the frame is stored.
    data : bytes
        The frame.

    Returns
    -------
    list of str
        What is odd, and no harm.

    Raises
    ------
    ValueError
        If it does.

    References
    ----------
    ISO 10918-1 B.2 (JPEG), 14495-1 C.2 (JPEG-LS), 15444-1 A (JPEG 2000), DICOM PS3.5 G (RLE).
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    is_jpeg, is_2000 = syntax in ALL_JPEG, syntax in ALL_JPEG_2000
    if not (is_jpeg or is_2000 or syntax == RLE):
        return []
    if syntax == RLE:
        cell = int(dataset.SamplesPerPixel) * int(dataset.BitsAllocated) // 8
        check_run_lengths(data, cell, int(dataset.Rows) * int(dataset.Columns))
        return []
    found = _of_2000(data) if is_2000 else _of_jpeg(data)
    _check_frame(data, found, dataset)
    if is_jpeg:
        check_presets(data, found.bits)
        check_scans(data)
    if found.bits <= 8 < int(dataset.BitsStored):
        return [f"a codestream has {found.bits} bits, BitsStored (0028,0101) says {int(dataset.BitsStored)}"]
    return []


def _check_frame(data: bytes, found: _Frame, dataset: "Dataset") -> None:
    """Compare a frame with what the header says."""
    rows, columns, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel)
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if (found.rows, found.columns, found.components) != (rows, columns, samples):
        raise ValueError(
            f"the codestream is of {found.rows} rows, {found.columns} columns, {found.components} samples; "
            f"Rows, Columns and SamplesPerPixel say {rows}, {columns} and {samples}"
        )
    is_too_narrow = found.bits <= 8 < stored and dataset.file_meta.TransferSyntaxUID not in _OF_ANY_BITS
    if found.bits > allocated or is_too_narrow:
        raise ValueError(
            f"the codestream has {found.bits} bits, BitsAllocated and BitsStored say {allocated} and {stored}"
        )
    if _END not in data.rstrip(b"\0")[-_TAIL:]:
        raise ValueError("the codestream has no end: it was cut short")
    if rows * columns > len(data) * MOST_PER_BYTE:
        raise ValueError(f"the codestream of {len(data)} bytes cannot hold {rows} x {columns} pixels")


def _of_jpeg(data: bytes) -> _Frame:
    """Find the frame header among the marker segments before the scan."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("the codestream does not begin as JPEG does")
    for marker, start, length in _segments(data, 2):
        if marker == _SCAN:
            break
        if marker in _FRAMES and length >= 8:
            bits, rows, columns, components = struct.unpack_from(">BHHB", data, start)
            return _Frame(rows, columns, components, bits)
    raise ValueError("the codestream has no frame header")


def check_presets(data: bytes, bits: int) -> None:
    """Refuse JPEG-LS whose preset parameters tell of larger values than its frame header has bits for.

    References
    ----------
    ISO 14495-1 C.2.4.1.1.
    """
    for marker, start, length in _segments(data, 2):
        if marker == _SCAN:
            return
        if marker == _PRESETS and length >= 5 and data[start] == 1:
            (largest,) = struct.unpack_from(">H", data, start + 1)
            if largest >> bits:
                raise ValueError(
                    f"the preset parameters of the codestream tell of values up to {largest}, "
                    f"its frame header of {bits} bits"
                )


def check_scans(data: bytes) -> None:
    """Refuse JPEG or JPEG-LS with a foreign marker within a scan: each decoder goes on in its own way.

    References
    ----------
    ISO 10918-1 B.1.1, 14495-1 A.1.
    """
    at, pattern, restarts = 2, _MARKER, False
    while at < len(data):
        for marker, start, length in _segments(data, at):
            at = start - 2 + length
            pattern = _MARKER_OF_LS if marker == _LS else pattern
            restarts = restarts or marker == _INTERVAL
            if marker == _SCAN:
                break
        else:
            return
        at = _end_of_scan(data, at, pattern, restarts=restarts)


def _end_of_scan(data: bytes, at: int, pattern: re.Pattern[bytes], *, restarts: bool) -> int:
    """Return where the marker behind a scan is."""
    while found := pattern.search(data, at):
        at = found.start()
        while data.startswith(b"\xff\xff", at):  # filled up
            at += 1
        marker = data[at + 1] if at + 1 < len(data) else 0
        if marker in _BEHIND_SCANS:
            return at
        if marker not in _RESTARTS or not restarts:
            raise ValueError(f"the codestream is damaged: marker {marker:#04x} within a scan")
        at += 2
    return len(data)


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Give marker, start and length of the segments."""
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # filled up
            at += 1
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            return
        yield data[at + 1], at + 4, length
        at += 2 + length


def _of_2000(data: bytes) -> _Frame:
    """Read the SIZ segment, and check that all tiles are there."""
    start = data.find(b"\xff\x4f\xff\x51", 0, _TAIL)  # behind the boxes of a JP2 file, where it is one
    if start < 0 or len(data) < start + 45:
        raise ValueError("the codestream does not begin as JPEG 2000 does")
    right, bottom, left, top = struct.unpack_from(">4I", data, start + 8)
    components, depth = struct.unpack_from(">HB", data, start + 40)
    steps = data[start + 42 : start + 42 + 3 * components]
    if any(steps[i] not in (0, 1) for i in range(len(steps)) if i % 3):
        raise ValueError("the components of the codestream are subsampled")
    if any(d != depth for d in steps[::3]):
        raise ValueError("the components of the codestream have different bits")
    check_tiles(data, start)
    return _Frame(bottom - top, right - left, components, (depth & 0x7F) + 1)


def check_tiles(data: bytes, start: int = 0) -> None:
    """Refuse a JPEG 2000 codestream with fewer tiles than its SIZ segment tells."""
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8I", data, start + 8)
    if not width or not height or right <= left or bottom <= top:
        raise ValueError("the codestream has tiles of no size")
    count = -(-(right - left) // width) * -(-(bottom - top) // height)
    if count == 1:
        return
    if count > len(data) // 12:  # each has a header of so many bytes at least
        raise ValueError(f"the codestream tells of {count} tiles, for which it is too short")
    found: set[int] = set()
    at = next((place - 4 for marker, place, _ in _segments(data, start + 2) if marker == _TILE), len(data))
    while at >= 0 and data.startswith(b"\xff\x90", at) and at + 12 <= len(data):
        number, length = struct.unpack_from(">HI", data, at + 4)
        found.add(number)
        at = at + length if length >= 12 else len(data)
    if len(found) < count:
        raise ValueError(f"the codestream has {len(found)} of {count} tiles: it was cut short")


def check_run_lengths(data: bytes, segments: int, pixels: int) -> None:
    """Refuse an RLE frame whose header is none, or whose segments cannot hold the pixels."""
    places = struct.unpack_from("<16I", data) if len(data) >= 64 else (0,)
    if places[0] != segments:
        raise ValueError(f"the RLE header tells of {places[0]} segments in place of {segments}")
    starts = [*places[1 : 1 + segments], len(data)]
    if starts[0] != 64 or any(b <= a for a, b in pairwise(starts)):
        raise ValueError("the RLE header has segments that are not one behind the other")
    if any((b - a) * _MOST_RUN < pixels for a, b in pairwise(starts)):
        raise ValueError(f"the RLE segments are too short for {pixels} pixels: the frame was cut short")
