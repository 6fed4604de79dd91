"""Spans: where in a file the pixels of every frame are, so that one can be read without the others."""

from copy import copy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from struct import error as struct_error
from typing import Any, BinaryIO

import numpy as np
import pydicom.uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import parse_basic_offsets, parse_fragments
from pydicom.uid import UID

from dicomview.errors import DecodeError
from dicomview.io.cells import OVERLAYS, cells_of
from dicomview.io.encoding import COMPRESSED, completed, completed_header, read_pixels
from dicomview.io.groups import ScannedFrames
from dicomview.io.inflate import opened
from dicomview.io.layout import Scanned
from dicomview.io.quiet import quiet
from dicomview.io.sources import File
from dicomview.io.syntaxes import NATIVE

__all__ = ["FrameSpan", "PixelPlaces", "places_of", "places_of_scanned"]

#: Elements with pixels, and their type where it is not told by others.
_PIXEL_ELEMENTS: dict[int, tuple[str, np.dtype[Any] | None]] = {
    0x7FE00008: ("FloatPixelData", np.dtype(np.float32)),
    0x7FE00009: ("DoubleFloatPixelData", np.dtype(np.float64)),
    0x7FE00010: ("PixelData", None),
}
_UNDEFINED = 0xFFFFFFFF
#: An item without contents: the offset table of a single frame.
_NO_TABLE = b"\xfe\xff\x00\xe0\x00\x00\x00\x00"
_END = b"\xfe\xff\xdd\xe0"
#: What decoding needs to know, beside the pixels.
_KEYWORDS = (
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ModalityLUTSequence",
    *(
        f"{start}{name}PaletteColorLookupTable{end}"
        for name in ("Red", "Green", "Blue")
        for start, end in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
)  # fmt: skip


@dataclass(frozen=True)
class FrameSpan:
    """The pixels of one frame in a file.

    Attributes
    ----------
    start, length : int
        Bytes of the frame; of a compressed one with the heads of its fragments.
    stamp : tuple of int
        Size of the file and when it was changed, as of the time that its header was read.
    keyword : str
        Element of the pixels.
    module : Dataset
        What decoding needs to know; the same for all frames of a file.
    """

    start: int
    length: int
    stamp: tuple[int, int]
    keyword: str
    module: Dataset = field(repr=False)

    def read(self, path: File) -> Dataset:
        """Return the frame as a dataset of its own, ready for decoding.

        Raises
        ------
        DecodeError
            If the file is not the one that was looked at.
        """
        if stamp_of(path) != self.stamp:
            raise DecodeError(
                "the file was changed after its header was read", path=path, remedy="read the series again"
            )
        with path.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.length)
        dataset = Dataset({e.tag: copy(e) for e in self.module})  # other threads read from it too
        dataset.file_meta = self.module.file_meta
        is_compressed = dataset.file_meta.TransferSyntaxUID in COMPRESSED
        setattr(dataset, self.keyword, _NO_TABLE * is_compressed + data)
        dataset[self.keyword].is_undefined_length = is_compressed
        return completed(dataset)


@dataclass(frozen=True)
class PixelPlaces:
    """Where the pixels of a file are.

    Attributes
    ----------
    header : Dataset
        Without pixels, completed as decoding needs it.
    stamp : tuple of int
    frames : list of FrameSpan or None
        None where the places are not beyond doubt: then the file must be read as a whole.
    dtype : numpy.dtype
        Of the stored values.
    is_scanned : bool
        Whether the header is that of another file of the same layout.
    """

    header: Dataset
    stamp: tuple[int, int]
    frames: list[FrameSpan] | None
    dtype: np.dtype[Any]
    is_scanned: bool = False


def stamp_of(path: File) -> tuple[int, int]:
    """Return the size of a file and when it was changed."""
    told = path.stat()
    return int(told.st_size), int(getattr(told, "st_mtime_ns", 0))


def places_of(path: File) -> PixelPlaces:
    """Find the pixels of a file without reading them.

    Raises
    ------
    ValueError, NotImplementedError
        If the pixels are in a form that cannot be decoded.
    """
    with quiet():
        stamp = stamp_of(path)
        with opened(path) as file:
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            syntax = UID(dataset.file_meta.get("TransferSyntaxUID") or "")
            if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
                keyword, places = None, None
            else:
                keyword, places = _places(file, dataset, syntax, stamp[0])
        if keyword is None:
            dataset = read_pixels(path)
            keyword = next((k for k, _ in _PIXEL_ELEMENTS.values() if k in dataset), "PixelData")
        dataset = completed_header(dataset, path)
        kind = dict(_PIXEL_ELEMENTS.values())[keyword] or _stored_type(dataset)
        if places is None:
            return PixelPlaces(dataset, stamp, None, kind)
        module = _module(dataset, syntax)
        spans = [FrameSpan(start, length, stamp, keyword, module) for start, length in places]
        return PixelPlaces(dataset, stamp, spans, kind)


def places_of_scanned(
    path: File, scanned: Scanned | ScannedFrames, shared: dict[int, PixelPlaces | None]
) -> PixelPlaces | None:
    """Find the pixels of a file whose header was scanned, mostly without opening it.

    Parameters
    ----------
    path : Path or MemoryFile
    scanned : Scanned or ScannedFrames
    shared : dict
        What files of one layout have in common, by its identity; filled here.

    Returns
    -------
    PixelPlaces or None
        None unless the images are plain ones in grey, and the files of a layout differ in nothing that
        decoding needs to know. A single compressed image has no span: its file must be read as a whole.
    """
    kind = scanned if isinstance(scanned, ScannedFrames) else scanned.layout
    is_native = kind.syntax in NATIVE
    if id(kind) not in shared:
        shared[id(kind)] = _shared_places(scanned)
    common = shared[id(kind)]
    if common is None or common.frames is None:
        return None
    count = int(common.header.get("NumberOfFrames") or 1) if isinstance(scanned, ScannedFrames) else 1
    (start, length), places = scanned.pixels, None
    if is_native:
        size = common.frames[0].length
        if count * size <= length < _UNDEFINED and start + length <= scanned.state[0]:
            places = [(start + k * size, size) for k in range(count)]
    elif isinstance(scanned, ScannedFrames):
        with path.open("rb") as file:
            file.seek(start)
            places = _fragment_places(file, scanned.dataset, count)
    elif length == _UNDEFINED:
        return replace(common, stamp=scanned.state, frames=None)
    if places is None:
        return None
    module = common.frames[0].module
    spans = [FrameSpan(a, n, scanned.state, "PixelData", module) for a, n in places]
    return PixelPlaces(common.header, scanned.state, spans, common.dtype, is_scanned=True)


def _shared_places(scanned: Scanned | ScannedFrames) -> PixelPlaces | None:
    """Return what the files of a layout have in common; the one span stands for all."""
    if isinstance(scanned, ScannedFrames):
        dataset, syntax, is_single = scanned.dataset, scanned.syntax, True
    else:
        layout = scanned.layout
        needed = {tag_for_keyword(keyword) for keyword in (*_KEYWORDS, "NumberOfFrames")}
        if any(layout.elements[number].tag in needed for number in layout.varying):
            return None
        dataset, syntax = scanned.dataset(), layout.syntax
        is_single = dataset.get("NumberOfFrames", 1) == 1
    with quiet():
        cells = cells_of(dataset, syntax)
        if cells is None or not is_single or "ModalityLUTSequence" in dataset:
            return None
        if isinstance(scanned, Scanned):
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
        span = FrameSpan(0, cells.size, scanned.state, "PixelData", _module(dataset, UID(syntax)))
        return PixelPlaces(dataset, scanned.state, [span], _stored_type(dataset), is_scanned=True)


def _module(dataset: Dataset, syntax: UID) -> Dataset:
    """Return what decoding needs to know."""
    # Of overlays in the cells the position is enough, and of the others that they are apart.
    overlays = [position for position, data in OVERLAYS if position in dataset and data not in dataset]
    module = Dataset({e.tag: e for e in (dataset[k] for k in (*_KEYWORDS, *overlays) if k in dataset)})
    module.file_meta = FileMetaDataset()
    module.file_meta.TransferSyntaxUID = syntax
    return module


def _stored_type(dataset: Dataset) -> np.dtype[Any]:
    kind = "i" if dataset.PixelRepresentation and dataset.BitsAllocated > 1 else "u"
    return np.dtype(f"{kind}{max(1, dataset.BitsAllocated // 8)}")


def _places(
    file: BinaryIO, dataset: Dataset, syntax: UID, size: int
) -> tuple[str | None, list[tuple[int, int]] | None]:
    """Return the element with the pixels, and start and length of each frame; the file stands before it."""
    count = dataset.get("NumberOfFrames") or 1
    start = file.tell()
    head = file.read(12)
    order: Any = "big" if syntax == pydicom.uid.ExplicitVRBigEndian else "little"
    tag = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
    keyword = _PIXEL_ELEMENTS.get(tag, (None, None))[0]
    if keyword is None or not isinstance(count, int) or count < 1:
        return keyword, None
    if syntax in NATIVE:
        behind = 8 if syntax == pydicom.uid.ImplicitVRLittleEndian else 12
        length = int.from_bytes(head[behind - 4 : behind], "little")
        return keyword, _even_places(dataset, count, start + behind, length, size)
    if syntax in COMPRESSED and int.from_bytes(head[8:], "little") == _UNDEFINED and tag == 0x7FE00010:
        return keyword, _fragment_places(file, dataset, count)
    return keyword, None


def _even_places(
    dataset: Dataset, count: int, start: int, length: int, end: int
) -> list[tuple[int, int]] | None:
    """Return the places of uncompressed frames, which are of one size."""
    extents = [dataset.get(k) for k in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    if not all(isinstance(n, int) and n > 0 for n in extents):
        return None
    rows, columns, samples, bits = extents
    size, rest = divmod(rows * columns * samples * bits, 8)
    if rest or (bits % 8 and bits != 1) or dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        return None
    if not count * size <= length < _UNDEFINED or start + length > end:
        return None
    return [(start + k * size, size) for k in range(count)]


def _fragment_places(file: BinaryIO, dataset: Dataset, count: int) -> list[tuple[int, int]] | None:
    """Return the places of compressed frames, of one or more fragments each."""
    try:
        table = parse_basic_offsets(file)
        first = file.tell()
        places = [place - first for place in parse_fragments(file)[1]]
    except (ValueError, struct_error):
        return None
    if not places:
        return None
    file.seek(first + places[-1] + 4)
    end = places[-1] + 8 + int.from_bytes(file.read(4), "little")
    file.seek(first + end)
    if file.read(4) != _END:
        return None  # cut short
    if len(places) == count:
        starts = places
    elif "ExtendedOffsetTable" in dataset:
        return None
    elif count == 1:
        starts = places[:1]
    else:
        rises = all(a < b for a, b in pairwise(table))
        if len(table) != count or table[0] != 0 or not rises or not set(table) <= set(places):
            return None
        starts = table
    return [(first + a, b - a) for a, b in zip(starts, [*starts[1:], end])]
