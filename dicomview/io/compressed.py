"""Compressed frames: taken out of a dataset, and decoded in a worker."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import pixel_array

from dicomview.io.general import CodedFrame
from dicomview.io.isolation import run
from dicomview.io.sources import File

__all__ = ["decoded_frame", "frame_key", "has_decoder"]

TASK = "dicomview.io.general.decode_frames"
#: What decoding needs to know, beside the pixels.
_KEYWORDS = (
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation",
)  # fmt: skip
_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def decoded_frame(dataset: Dataset, index: int | None, *, key: Hashable = None, **options: Any) -> np.ndarray:
    """Decode a frame of compressed pixel data as pydicom does; all frames where the index is None.

    Raises
    ------
    WorkerError
        If the decoder crashes, or takes too long or too much memory.
    Exception
        What pydicom raises.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if not has_decoder(syntax):
        return np.asarray(pixel_array(dataset, index=index))  # says what is missing
    elements = {keyword: dataset[keyword].value for keyword in _KEYWORDS if keyword in dataset}
    count = int(dataset.get("NumberOfFrames") or 1)
    data, frames = dataset.PixelData, 1
    if index is None:
        elements["NumberOfFrames"] = frames = count
    elif count > 1 and dataset["PixelData"].is_undefined_length:
        tables = [dataset.get(keyword) or b"" for keyword in _TABLES]
        has_tables = bool(tables[0]) and len(tables[0]) == len(tables[1])
        extended = (tables[0], tables[1]) if has_tables else None
        data = _enclosed(get_frame(data, index, number_of_frames=count, extended_offsets=extended))
        index = 0
    values = frames * int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
    size = values * -(-int(dataset.BitsAllocated) // 8)
    frame = CodedFrame(str(syntax), elements, data, index)
    found = run(TASK, [frame], [size], lengths=[len(data)], keys=[key], **options)
    (pixels,) = [np.array(array) for array in found]
    return pixels


def has_decoder(syntax: str) -> bool:
    """Return whether pydicom has a decoder for a transfer syntax."""
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def frame_key(path: File, frame: int | None, start: int | None = None) -> Hashable:
    """Return what a frame is called as long as its file is what it is; None where that cannot be told."""
    if not isinstance(path, Path):
        return None
    try:
        told = path.stat()
    except OSError:
        return None
    return str(path), told.st_size, told.st_mtime_ns, frame, start


def _enclosed(frame: bytes) -> bytes:
    """Return encapsulated pixel data of one frame in one fragment, behind an offset table that is empty."""
    padded = frame + b"\0" * (len(frame) % 2)
    return _ITEM + bytes(4) + _ITEM + len(padded).to_bytes(4, "little") + padded + _END
