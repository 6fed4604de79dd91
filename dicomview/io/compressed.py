"""Compressed frames: taken out of a dataset, and decoded in a worker."""

from collections.abc import Hashable, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame, parse_fragments
from pydicom.pixels.decoders.base import get_decoder

from dicomview.io.codestream import check_codestream
from dicomview.io.encoding import UNCOMPRESSED
from dicomview.io.general import CodedFrame
from dicomview.io.isolation import run
from dicomview.io.sources import File

__all__ = ["CompressedFrames", "frame_key"]

TASK = "dicomview.io.general.decode_frames"
#: So many frames are decoded at a time, as far as they take no more bytes than that.
AHEAD, AHEAD_BYTES = 16, 4 << 20
#: What decoding needs to know, beside the pixels.
_KEYWORDS = (
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "BitsAllocated",
    "BitsStored", "HighBit", "PixelRepresentation",
)  # fmt: skip
_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"


class CompressedFrames:
    """The compressed frames of a dataset: checked, and decoded in a worker.

    Parameters
    ----------
    dataset : Dataset
        Completed, with pixel data.
    path : Path or MemoryFile
        Its file.
    start : int, optional
        Where the data begin in the file, if they are only a part of what it holds.
    expected : sequence of int
        The frames that will be asked for, in this order: they are decoded several at a time.
    """

    def __init__(
        self, dataset: Dataset, path: File, start: int | None = None, expected: Sequence[int] = ()
    ) -> None:
        self._dataset, self._path, self._start = dataset, path, start
        self._expected = expected
        #: What is odd about those that were looked at.
        self.oddities: set[str] = set()
        self._ahead: dict[int | None, np.ndarray] = {}

    def are_there(self) -> bool:
        """Return whether there are such, and a decoder of pydicom for them."""
        syntax = self._dataset.file_meta.TransferSyntaxUID
        return syntax not in UNCOMPRESSED and "PixelData" in self._dataset and _has_decoder(syntax)

    def decoded(self, index: int | None, **options: Any) -> np.ndarray:
        """Decode a frame as pydicom does; all frames where the index is None.

        Raises
        ------
        ValueError
            If it contradicts the header, or ends too early.
        WorkerError
            If the decoder crashes, or takes too long or too much memory.
        Exception
            What pydicom raises.
        """
        if index not in self._ahead:
            self._ahead = self._decoded(index, options)
        return self._ahead.pop(index)

    def check(self, index: int) -> bytes:
        """Return the codestream of a frame that agrees with the header; see :func:`check_codestream`."""
        count = int(self._dataset.get("NumberOfFrames") or 1)
        data, offsets = self._dataset.PixelData, self._offsets
        stream: bytes = get_frame(data, index, number_of_frames=count, extended_offsets=offsets)
        self.oddities.update(check_codestream(self._dataset, stream))
        return stream

    def _decoded(self, index: int | None, options: dict[str, Any]) -> dict[int | None, np.ndarray]:
        """Decode a frame and some of those that are expected behind it."""
        dataset = self._dataset
        elements = {keyword: dataset[keyword].value for keyword in _KEYWORDS if keyword in dataset}
        values = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel)
        size = values * -(-int(dataset.BitsAllocated) // 8)
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        items: dict[int | None, CodedFrame] = {}
        if index is None:
            elements["NumberOfFrames"] = count = int(dataset.get("NumberOfFrames") or 1)
            items[None], size = CodedFrame(syntax, elements, dataset.PixelData, None), size * count
        else:
            streams = self._streams(index, max(1, min(AHEAD, AHEAD_BYTES // max(size, 1))))
            items.update({k: CodedFrame(syntax, elements, _enclosed(s)) for k, s in streams.items()})
        keys = [frame_key(self._path, k, self._start) for k in items]
        lengths = [len(item.data) for item in items.values()]
        found: dict[int | None, np.ndarray] = {}
        try:
            arrays = run(
                TASK, list(items.values()), [size] * len(items), lengths=lengths, keys=keys, **options
            )
            for array, k in zip(arrays, items):
                found[k] = np.array(array)
        except Exception:
            if not found:
                raise  # else it is raised when the frame itself is asked for
        return found

    def _streams(self, index: int, most: int) -> dict[int, bytes]:
        """Return the codestream of a frame, and of those expected behind it up to the first odd one."""
        found = {index: self.check(index)}
        at = self._expected.index(index) + 1 if index in self._expected else len(self._expected)
        for k in self._expected[at : at + most - 1]:
            try:
                found[k] = self.check(k)
            except Exception:  # raised when it is asked for
                break
        return found

    @cached_property
    def _offsets(self) -> tuple[Any, Any] | None:
        """The extended offset table; where there is none at all, what it would be for a fragment a frame."""
        dataset = self._dataset
        tables = [dataset.get(keyword) or b"" for keyword in _TABLES]
        if tables[0] and len(tables[0]) == len(tables[1]):
            return tables[0], tables[1]
        data, count = dataset.PixelData, int(dataset.get("NumberOfFrames") or 1)
        if count == 1 or data[:8] != _ITEM + bytes(4):
            return None
        buffer = BytesIO(data)
        buffer.seek(8)
        fragments, starts = parse_fragments(buffer)
        if fragments != count:
            return None
        lengths = [int.from_bytes(data[at + 4 : at + 8], "little") for at in starts]
        return [at - 8 for at in starts], lengths


def _has_decoder(syntax: str) -> bool:
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
