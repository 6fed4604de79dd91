"""Encoding of pixel data: what headers leave out or get wrong is completed before decoding."""

import math
import os
import zlib
from itertools import pairwise
from typing import Any, BinaryIO

import pydicom.uid
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments, generate_frames, parse_fragments
from pydicom.filereader import read_partial
from pydicom.uid import UID
from pydicom.valuerep import STANDARD_VR

from dicomview.io.counting import counting
from dicomview.io.inflate import opened
from dicomview.io.sources import File
from dicomview.volume.memory import check_budget

__all__ = [
    "COMPRESSED",
    "UNCOMPRESSED",
    "completed",
    "completed_header",
    "elements_behind",
    "fragments_behind",
    "is_cut_short",
    "is_lossy",
    "read_pixels",
    "stored_bits",
]

#: Pixel data as it is, also in files that are deflated as a whole.
UNCOMPRESSED = frozenset(
    (
        pydicom.uid.ImplicitVRLittleEndian,
        pydicom.uid.ExplicitVRLittleEndian,
        pydicom.uid.DeflatedExplicitVRLittleEndian,
        pydicom.uid.ExplicitVRBigEndian,
    )
)
#: Pixel data in fragments, of a codec that is understood here.
COMPRESSED = frozenset(
    (
        *pydicom.uid.JPEGTransferSyntaxes,
        *pydicom.uid.JPEGLSTransferSyntaxes,
        *pydicom.uid.JPEG2000TransferSyntaxes,
        *pydicom.uid.RLETransferSyntaxes,
    )
)
_ENCAPSULATED_UNCOMPRESSED = UID("1.2.840.10008.1.2.1.98")
_DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
#: By the first marker of a JPEG that says which kind of coding follows (ISO 10918-1, 14495-1).
_JPEG_KINDS = {
    0xC0: pydicom.uid.JPEGBaseline8Bit,
    0xC1: pydicom.uid.JPEGExtended12Bit,
    0xC3: pydicom.uid.JPEGLossless,
    0xF7: pydicom.uid.JPEGLSNearLossless,
}
#: Codecs that keep every bit, also those beside the stored ones.
_LOSSLESS = frozenset(
    (
        pydicom.uid.JPEGLossless,
        pydicom.uid.JPEGLosslessSV1,
        pydicom.uid.JPEGLSLossless,
        pydicom.uid.JPEG2000Lossless,
        pydicom.uid.HTJ2KLossless,
        pydicom.uid.HTJ2KLosslessRPCL,
    )
)
#: Codecs that keep values about as they were, and no single bits.
_LOSSY = COMPRESSED - _LOSSLESS - {pydicom.uid.RLELossless}
_UNDEFINED = 0xFFFFFFFF
#: How JPEG and JPEG 2000 begin.
_CODESTREAMS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")
_ITEM = b"\xfe\xff\x00\xe0"
_PIXEL_VRS = frozenset((b"OB", b"OW", b"OF", b"OD", b"UN"))
_VRS = frozenset(vr.encode() for vr in STANDARD_VR)
_COLORS = frozenset(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"))


def read_pixels(path: File) -> Dataset:
    """Read a file, and complete what decoding needs to know.

    Parameters
    ----------
    path : Path or MemoryFile

    Returns
    -------
    Dataset
        With a transfer syntax and a whole Image Pixel Module.

    Raises
    ------
    ValueError, NotImplementedError
        If the pixels are in a form that cannot be decoded.

    References
    ----------
    DICOM PS3.3 C.7.6.3 (Image Pixel Module), PS3.5 A.4 (encapsulated pixel data).
    """
    with opened(path) as file:
        dataset = read_partial(file, stop_when=counting(), force=True)
    return completed(dataset)


def completed(dataset: Dataset) -> Dataset:
    """Complete what decoding needs to know of a dataset with pixel data; see :func:`read_pixels`."""
    dataset.file_meta.TransferSyntaxUID = _syntax(dataset)
    _complete(dataset)
    _mend_offsets(dataset)
    _unwrap(dataset)
    return dataset


def completed_header(dataset: Dataset, path: File) -> Dataset:
    """Return a header that was read without the pixels as :func:`read_pixels` would complete it."""
    dataset.file_meta.TransferSyntaxUID = syntax = _syntax(dataset)
    if syntax in UNCOMPRESSED and dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        return read_pixels(path)  # the length of the pixel data says what they are
    _complete(dataset)
    return dataset


def fragments_behind(file: BinaryIO, syntax: str | None) -> int | None:
    """Count the fragments of compressed pixel data, from its element on; None where that is not possible.

    A video is not looked at: all its frames are one fragment.
    """
    if syntax not in COMPRESSED:
        return None
    file.seek(12, os.SEEK_CUR)  # tag, VR and length
    try:
        return int(parse_fragments(file)[0]) - 1  # the first is the offset table
    except ValueError:
        return None


def is_cut_short(dataset: Dataset, size: int | None = None) -> bool:
    """Return whether uncompressed pixel data, of the size that was read, is shorter than its frames."""
    if dataset.file_meta.TransferSyntaxUID not in UNCOMPRESSED or (
        size is None and "PixelData" not in dataset
    ):
        return False
    samples = 2 if dataset.get("PhotometricInterpretation") == "YBR_FULL_422" else dataset.SamplesPerPixel
    bits = int(dataset.Rows) * int(dataset.Columns) * int(samples) * int(dataset.BitsAllocated)
    frames = int(dataset.get("NumberOfFrames") or 1)
    return 8 * (len(dataset.PixelData) if size is None else size) < bits * frames


def elements_behind(file: BinaryIO, size: int) -> str | None:
    """Return the tag of an element behind uncompressed pixel data that belongs before it, or takes its place.

    A reader of headers does not come to it. The file stands before the pixel data, whose length is given.
    """
    head = file.read(12)
    if size == _UNDEFINED or head[4:6] not in _PIXEL_VRS:
        return None
    file.seek(size, os.SEEK_CUR)
    behind = file.read(6)
    order: Any = "big" if head[:1] == b"\x7f" else "little"
    group, element = int.from_bytes(behind[:2], order), int.from_bytes(behind[2:4], order)
    is_item = (group, element) == (0xFFFE, 0xE000)  # and behind it may be anything
    if not is_item and (not 0x0008 <= group <= 0x7FE0 or behind[4:] not in _VRS):
        return None
    return f"({group:04X},{element:04X})"


def stored_bits(dataset: Dataset) -> tuple[int, int] | None:
    """Return the place and number of the stored bits, where pydicom does not find them by itself.

    It takes the lowest bits of an uncompressed cell, whatever HighBit says, and all bits of cells that were
    compressed whole, together with overlays or signs beyond the stored ones.
    """
    syntax, allocated, stored = dataset.file_meta.TransferSyntaxUID, dataset.BitsAllocated, dataset.BitsStored
    if "PixelData" not in dataset or stored >= allocated:
        return None
    if syntax in _LOSSLESS:
        return 0, int(stored)
    if syntax not in UNCOMPRESSED and syntax != pydicom.uid.RLELossless:
        return None
    high = dataset.get("HighBit")
    low = high + 1 - stored if isinstance(high, int) else 0
    if 0 < low <= allocated - stored:
        return int(low), int(stored)
    return (0, int(stored)) if dataset.get("SamplesPerPixel", 1) == 1 else None


def is_lossy(dataset: Dataset) -> bool:
    """Return whether no bits are beside the stored ones: lossy codecs keep values, which may grow a little.

    What a codestream says of itself goes before what the header says (DICOM PS3.5 A.4.1, A.4.4).
    """
    return dataset.file_meta.TransferSyntaxUID in _LOSSY and "PixelData" in dataset


def _syntax(dataset: Dataset) -> UID:
    """Return the transfer syntax, also where the file has none or its pixel data contradicts it."""
    told = UID(dataset.file_meta.get("TransferSyntaxUID") or _guess(dataset))
    if "PixelData" not in dataset:
        return told
    element = dataset["PixelData"]
    if told in UNCOMPRESSED and element.is_undefined_length:
        return _sniffed(element.value) or _wrapped(dataset, told)
    if told in COMPRESSED and not element.is_undefined_length:
        data = element.value or b""
        if len(data) - _native_size(dataset) in (0, 1) and not data.startswith(_CODESTREAMS):
            return pydicom.uid.ExplicitVRLittleEndian  # decompressed by a tool that left the syntax
        _check_fragments(element.value or b"")
        element.is_undefined_length = True  # fragments all the same
    return told


def _wrapped(dataset: Dataset, told: UID) -> UID:
    """Return the syntax of pixels that are not compressed, and yet in items: these must be what is needed."""
    size = sum(map(len, list(generate_fragments(dataset.PixelData))[1:]))
    if told == pydicom.uid.ExplicitVRBigEndian or size - _native_size(dataset) not in (0, 1):
        raise ValueError(
            f"PixelData (7FE0,0010) is {size} bytes in items of no known codec, TransferSyntaxUID says "
            f"that it is not compressed, and the pixels take {_native_size(dataset)}"
        )
    return _ENCAPSULATED_UNCOMPRESSED


def _native_size(dataset: Dataset) -> int:
    """Return the bytes that the pixels have when they are not compressed."""
    extents = (dataset.get(k) or 1 for k in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated"))
    return -(-math.prod(extents) * int(dataset.get("NumberOfFrames") or 1) // 8)


def _check_fragments(data: bytes) -> None:
    """Refuse fragments that end before they should: decoders may fill up what is missing."""
    at = 0
    if not data.startswith(_ITEM):
        raise ValueError(f"PixelData (7FE0,0010) of {len(data)} bytes is neither fragments nor uncompressed")
    while data[at : at + 4] == _ITEM:
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    if at > len(data):
        raise ValueError("PixelData (7FE0,0010) ends within a fragment")


def _guess(dataset: Dataset) -> UID:
    """Give the transfer syntax of a file without file meta information."""
    implicit, little = dataset.original_encoding
    if not little:
        return pydicom.uid.ExplicitVRBigEndian
    return pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian


def _sniffed(data: bytes) -> UID | None:
    """Tell the codec from the first bytes of the first fragment behind the offset table."""
    fragments = list(generate_fragments(data))
    start = fragments[1] if len(fragments) > 1 else b""  # the first item is the offset table
    if start[:4] in (b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0c"):
        return pydicom.uid.JPEG2000
    at = 2
    while start[:2] == b"\xff\xd8" and start[at : at + 1] == b"\xff":
        if start[at + 1] in _JPEG_KINDS:
            return _JPEG_KINDS[start[at + 1]]
        at += 2 + int.from_bytes(start[at + 2 : at + 4], "big")
    # RLE: the number of segments, and where the first begins.
    is_rle = 1 <= int.from_bytes(start[:4], "little") <= 15 and int.from_bytes(start[4:8], "little") == 64
    return pydicom.uid.RLELossless if is_rle else None


def _complete(dataset: Dataset) -> None:
    """Supply elements that are absent or impossible, as far as that is safe."""

    def default(keyword: str, value: Any, *, unless: Any) -> None:
        if not unless(dataset.get(keyword)):
            dataset.add_new(keyword, dictionary_VR(keyword), value)  # whatever type it had

    default("SamplesPerPixel", 1, unless=lambda v: isinstance(v, int) and v > 0)
    default("BitsAllocated", 16, unless=lambda v: isinstance(v, int) and v > 0)
    bits = int(dataset.BitsAllocated)
    if bits != 1 and bits % 8:  # packed, as ACR-NEMA had it
        raise NotImplementedError(f"BitsAllocated (0028,0100) of {bits}: neither 1 nor whole bytes")
    default("BitsStored", bits, unless=lambda v: isinstance(v, int) and 0 < v <= bits)
    default("PixelRepresentation", 0, unless=lambda v: v in (0, 1))
    if "NumberOfFrames" in dataset and not dataset.NumberOfFrames:
        del dataset.NumberOfFrames
    samples, kind = int(dataset.SamplesPerPixel), str(dataset.get("PhotometricInterpretation") or "")
    default("PhotometricInterpretation", kind, unless=lambda v: isinstance(v, str))
    if samples == 1:
        # The stored values do not depend on what they are called.
        default(
            "PhotometricInterpretation", "MONOCHROME2", unless=lambda v: v in ("MONOCHROME1", "PALETTE COLOR")
        )
        return
    if samples != 3 or (kind and kind not in _COLORS):
        raise NotImplementedError(
            f"SamplesPerPixel (0028,0002) of {samples} with PhotometricInterpretation (0028,0004) "
            f"{kind or 'absent'}; colours must be 3 samples of {', '.join(sorted(_COLORS))}"
        )
    default("PhotometricInterpretation", "RGB", unless=bool)
    default("PlanarConfiguration", 0, unless=lambda v: v in (0, 1))
    if kind == "YBR_FULL_422" and dataset.file_meta.TransferSyntaxUID in UNCOMPRESSED:
        whole = 3 * int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("NumberOfFrames") or 1)
        if len(dataset.PixelData) >= whole:  # decompressed, and no longer subsampled
            dataset.PhotometricInterpretation = "YBR_FULL"


def _mend_offsets(dataset: Dataset) -> None:
    """Supply an offset table that is absent or points beside the frames, where they are found without it.

    Without a table every frame would be looked for from the first fragment on.
    """
    if "PixelData" not in dataset or not dataset["PixelData"].is_undefined_length:
        return
    data = dataset.PixelData
    count = int(dataset.get("NumberOfFrames") or 1)
    behind = 8 + int.from_bytes(data[4:8], "little")
    extended = dataset.get("ExtendedOffsetTable")
    if count == 1 and behind == 8 and not extended:
        return
    body = data[behind:]
    try:
        places = parse_fragments(body)[1]
    except ValueError:
        return  # cut short: decoding says so, for the frames that it concerns
    if extended:
        if _are_frames(extended, 8, places, count):
            return
        del dataset.ExtendedOffsetTable
    if _are_frames(data[8:behind], 4, places, count):
        return
    if count in (1, len(places)):  # all fragments are one frame, or each is one
        known = places if count > 1 and places[-1] < _UNDEFINED else []
        table = b"".join(place.to_bytes(4, "little") for place in known)
        dataset.PixelData = data[:4] + len(table).to_bytes(4, "little") + table + body


def _are_frames(table: bytes, size: int, places: list[int], count: int) -> bool:
    """Return whether a table of offsets, of so many bytes each, gives a fragment for every frame."""
    offsets = [int.from_bytes(table[i : i + size], "little") for i in range(0, len(table), size)]
    rises = all(a < b for a, b in pairwise(offsets))
    return len(offsets) == count and offsets[0] == 0 and rises and set(offsets) <= set(places)


def _unwrap(dataset: Dataset) -> None:
    """Make native pixel data of frames that are merely wrapped, or deflated one by one."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in (_ENCAPSULATED_UNCOMPRESSED, _DEFLATED_FRAMES):
        return
    if int(dataset.BitsAllocated) % 8:
        raise NotImplementedError("frames of single bits are not supported in this transfer syntax")
    count = int(dataset.get("NumberOfFrames") or 1)
    size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    frames = generate_frames(dataset.PixelData, number_of_frames=count)
    if syntax == _DEFLATED_FRAMES:
        check_budget((count, size), 1, "what is deflated", "read it where more is free")
        frames = (zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, size) for frame in frames)
    dataset.PixelData = b"".join(frame[:size] for frame in frames)
    dataset["PixelData"].is_undefined_length = False
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
