"""Pixels: slices of ordinary files, read or decoded straight into one array on several threads."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from threading import Event
from typing import Any, TypeAlias

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from dicomview.errors import DecodeError
from dicomview.io.cells import OVERLAYS, Cells, cells_of, overlay_bits
from dicomview.io.codecs import Unsuited, decoder, frame_of
from dicomview.io.compressed import frame_key
from dicomview.io.decode import PixelFile, Rescale, decode_values, integer_type
from dicomview.io.elements import without_pixels
from dicomview.io.groups import ScannedFrames
from dicomview.io.header import Header
from dicomview.io.inflate import opened
from dicomview.io.isolation import run, stop_by, warm
from dicomview.io.layout import UNDEFINED, Scanned
from dicomview.io.progress import progress
from dicomview.io.quiet import quiet
from dicomview.io.ranged import CONNECTIONS, RangedFile
from dicomview.io.sources import File, start_of
from dicomview.io.syntaxes import NATIVE
from dicomview.io.tasks import CodedPart

__all__ = ["read_slices"]

#: More threads than this wait for memory only.
THREADS = min(4, os.cpu_count() or 1)
#: Slices that one thread takes at a time; they lie side by side.
BLOCK = 16
#: Bytes of those that are read one after the other before anything is calculated: after each call that lets
#: go of the GIL another thread may have it, and what was read is still in the processor's cache.
GROUP = 1 << 21
#: Whether a file can be read at a place into an array by one call, which takes the fewest turns at the GIL.
_AT_ONCE = hasattr(os, "preadv")
TASK = "dicomview.io.tasks.decode_parts"
_PADDING = b"\xfc\xff\xfc\xff"  # DataSetTrailingPadding

Elements: TypeAlias = Scanned | ScannedFrames | Dataset


@dataclass(frozen=True)
class _Place:
    """Where the pixels of a file are: frames one after the other, or encapsulated."""

    file: File
    start: int
    length: int
    state: tuple[int, int]
    implicit: bool
    frames: int = 1

    def check(self, state: os.stat_result) -> None:
        """Refuse a file that is not the one any more whose header was read."""
        if (state.st_size, state.st_mtime_ns) != self.state:
            raise Unsuited


@dataclass
class _Sources:
    """What the slices are read from: one kind of cells, a place for each file, and its elements."""

    cells: Cells
    places: dict[File, _Place]
    elements: dict[File, Elements]


def read_slices(
    headers: Sequence[Header | None], rescale: Rescale
) -> tuple[np.ndarray, Mapping[File, Elements], list[int]] | None:
    """Read the values of slices into one array.

    Parameters
    ----------
    headers : sequence of (Header or None)
        None for a slice that is missing: zeros.
    rescale : Rescale
        Of all of them.

    Returns
    -------
    values : ndarray of shape (slices, rows, columns)
        The same values in the same type as image by image.
    elements : mapping of File to (Scanned, ScannedFrames or Dataset)
        The elements of each file.
    strays : list of int
        Slices that have bits set which are neither stored ones nor overlays.

    ``None`` where the slices are not all of one ordinary kind, or a file is no longer what it was.
    """
    if rescale.fills:
        return None
    try:
        present = [header for header in headers if header is not None]
        sources = _sources(present)
        loader = _loader(sources, present[0], len(present))
        read = _floats if rescale.is_float else _integers
        strays: dict[int, int] = {}
        values = read(headers, rescale, sources.cells, loader, strays)
        return values, sources.elements, _unexplained(headers, sources, strays)
    except (OSError, Unsuited, DecodeError):
        return None


#: Loads the stored values of slices, and gives arrays of one or more of them: parts of the room that was
#: given, or arrays that may be written to and are theirs until the next is asked for.
Load = Callable[[Sequence[Header], np.ndarray], Iterator[np.ndarray]]


@dataclass(frozen=True)
class _Loader:
    """What loads slices, and a check that it does so rightly, which may be made meanwhile."""

    load: Load
    check: Callable[[], None] = lambda: None


def _sources(headers: Sequence[Header]) -> _Sources:
    """Find the pixels of all slices."""
    known: dict[int, Cells | None] = {}
    found: set[Cells | None] = set()
    places: dict[File, _Place] = {}
    elements: dict[File, Elements] = {}
    for header in headers:
        scanned = header.scanned
        if header.tile is not None or header.has_modality_lut or header.real_world is not None:
            raise Unsuited
        if header.path in places:
            if header.frame is None:
                raise Unsuited
            continue
        if isinstance(scanned, ScannedFrames):
            start, length = scanned.pixels
            place = _Place(header.path, start, length, scanned.state, False, header.number_of_frames)
            found.add(cells_of(scanned.dataset, scanned.syntax))
            elements[header.path] = scanned
        elif header.frame is not None:
            place, dataset, syntax = _film(header.path)
            found.add(cells_of(dataset, syntax))
            elements[header.path] = without_pixels(dataset)
        elif scanned is None:
            raise Unsuited
        else:
            start, length = scanned.pixels
            place = _Place(header.path, start, length, scanned.state, scanned.layout.implicit)
            key = id(scanned.layout.elements)
            if key not in known:
                dataset = scanned.dataset()
                single = dataset.get("NumberOfFrames", 1) == 1
                known[key] = cells_of(dataset, scanned.layout.syntax) if single else None
            found.add(known[key])
            elements[header.path] = scanned
        places[header.path] = place
    cells = found.pop()
    if cells is None or found:
        raise Unsuited
    for header in headers:
        fits = (header.rows, header.columns) == (cells.rows, cells.columns)
        if not fits or (header.frame or 0) >= places[header.path].frames:
            raise Unsuited
    return _Sources(cells, places, elements)


def _unexplained(headers: Sequence[Header | None], sources: _Sources, strays: Mapping[int, int]) -> list[int]:
    """Return the slices whose stray bits are no overlays."""
    overlays: dict[File, int] = {}
    found = []
    for k, bits in sorted(strays.items()):
        header = headers[k]
        assert header is not None
        if header.path not in overlays:
            elements = sources.elements[header.path]
            if isinstance(elements, Scanned):
                elements = elements.dataset([tag for pair in OVERLAYS for tag in pair])
            dataset = elements.dataset if isinstance(elements, ScannedFrames) else elements
            overlays[header.path] = overlay_bits(dataset)
        if bits & ~overlays[header.path]:
            found.append(k)
    return found


def _film(file: File) -> tuple[_Place, Dataset, str]:
    """Return where the frames of a multi-frame file are, its elements and its transfer syntax."""
    try:
        with opened(file) as stream, quiet():
            dataset = pydicom.dcmread(stream, stop_before_pixels=True)
            at = stream.tell()
            head = stream.read(12)
            state = start_of(file, 0)[1]
    except Exception as error:
        raise Unsuited from error
    syntax, count = dataset.file_meta.get("TransferSyntaxUID"), dataset.get("NumberOfFrames")
    implicit, little = dataset.original_encoding
    if head[:4] != b"\xe0\x7f\x10\0" or not little or not isinstance(count, int) or implicit is None:
        raise Unsuited
    size = 8 if implicit else 12
    if not implicit and head[4:6] not in (b"OB", b"OW"):
        raise Unsuited
    length = int.from_bytes(head[size - 4 : size], "little")
    return _Place(file, at + size, length, state, bool(implicit), count), dataset, str(syntax)


def _loader(sources: _Sources, first: Header, count: int) -> _Loader:
    """Return what reads the stored values of slices.

    A decoder must give for the first slice what the reference gives.
    """
    if sources.cells.syntax in NATIVE:
        return _Loader(_reader(sources))
    decoder(sources.cells.syntax)  # there is one
    warm(1 + -(-count // BLOCK))
    cells = sources.cells
    films: dict[File, list[bytes]] = {}
    reference: PixelFile | None = None
    for file, place in sources.places.items():
        if not isinstance(sources.elements[file], Scanned):
            film = PixelFile(file)
            films[file] = _frames(place, film)
            if isinstance(sources.elements[file], Dataset):
                sources.elements[file] = film.elements
            reference = film if file == first.path else reference

    def load(headers: Sequence[Header], room: np.ndarray) -> Iterator[np.ndarray]:
        keys = [frame_key(header.path, header.frame or 0) for header in headers]
        items = [_coded(sources.places[h.path], films.get(h.path), h.frame or 0) for h in headers]
        lengths = [len(i) if isinstance(i, bytes) else i.state[0] - i.start for i in items]
        sizes = [cells.size] * len(items)
        arrays = run(TASK, items, sizes, lengths=lengths, keys=keys, cells=cells)
        try:
            for array in arrays:
                yield _fitted(array, cells)[None]
        except Exception as error:  # the general reader says what is damaged
            raise Unsuited from error

    def check() -> None:
        stored = (reference or PixelFile(first.path)).stored(first)
        for pixels in load([first], stored[None]):
            cells.masked(pixels)
            if not np.array_equal(pixels[0], stored):
                raise Unsuited

    return _Loader(load, check)


def _reader(sources: _Sources) -> Load:
    """Return what reads uncompressed slices, which must be within their files."""
    for place in sources.places.values():
        size = place.frames * sources.cells.size
        if place.length not in (size, size + size % 2) or place.start + place.length > place.state[0]:
            raise Unsuited

    at_once = max(GROUP // sources.cells.size, 1)

    def read(headers: Sequence[Header], room: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(headers), at_once):
            group, images = headers[start : start + at_once], room[start : start + at_once]
            first = group[0].frame
            if first is not None and all(
                h.path is group[0].path and h.frame == i for i, h in enumerate(group, first)
            ):
                _read(sources.places[group[0].path], first, images)
            else:
                for i, header in enumerate(group):
                    _read(sources.places[header.path], header.frame or 0, images[i : i + 1])
            yield images

    return read


def _fitted(array: np.ndarray, cells: Cells) -> np.ndarray:
    """Return what was decoded in the type of the cells, to be written to."""
    if array.shape != (cells.rows, cells.columns):
        raise Unsuited
    if array.dtype != cells.dtype:
        return array.astype(cells.dtype)
    return array if array.flags.writeable else array.copy()


def _read(place: _Place, frame: int, pixels: np.ndarray) -> None:
    """Read uncompressed images: a frame, and those behind it; nothing but padding may follow the last."""
    at, end = place.start + frame * (pixels.nbytes // len(pixels)), place.start + place.length
    behind = place.state[0] - end
    if isinstance(place.file, Path) and _AT_ONCE:
        number = os.open(place.file, os.O_RDONLY)
        try:
            place.check(os.fstat(number))
            count = os.preadv(number, [pixels.data], at)
            tail = os.pread(number, 12, end) if behind >= 8 else b""
        finally:
            os.close(number)
    else:
        stream: Any
        with place.file.open("rb") as stream:
            if isinstance(place.file, Path):
                place.check(os.fstat(stream.fileno()))
            stream.seek(at)
            count = stream.readinto(pixels)
            stream.seek(end)
            tail = stream.read(12) if behind >= 8 else b""
    size = 8 if place.implicit else 12
    is_padding = tail[:4] == _PADDING and size + int.from_bytes(tail[size - 4 : size], "little") == behind
    if count != pixels.nbytes or (behind >= 8 and not is_padding):
        raise Unsuited


def _coded(place: _Place, frames: list[bytes] | None, frame: int) -> CodedPart | bytes:
    """Return a compressed frame: where it is on this machine, or itself."""
    if frames is not None:
        return frames[frame]
    if place.length != UNDEFINED:
        raise Unsuited
    if isinstance(place.file, Path):
        return CodedPart(os.path.abspath(place.file), place.start, place.state)  # noqa: PTH100 - links stay
    with place.file.open("rb") as stream:
        stream.seek(place.start)
        return frame_of(stream.read())


def _frames(place: _Place, file: PixelFile) -> list[bytes]:
    """Return the compressed frames of a file."""
    frames = file.encoded_frames()
    if place.length != UNDEFINED or len(frames) != place.frames:
        raise Unsuited
    return frames


def _runs(headers: Sequence[Header | None], start: int) -> Iterator[tuple[int, list[Header]]]:
    """Give slices that lie side by side: the number of the first, counted from one on, and all of them."""
    run: list[Header] = []
    for k, header in enumerate((*headers, None), start):
        if header is not None:
            run.append(header)
        elif run:
            yield k - len(run), run
            run = []


def _on_threads(
    headers: Sequence[Header | None],
    array: np.ndarray | None,
    cells: Cells,
    loader: _Loader,
    finish: Callable[[int, Sequence[Header], np.ndarray], None],
) -> None:
    """Load slices, neighbours on one thread; call a function for some at a time, which takes them over."""

    def block(start: int) -> None:
        for k, present in _runs(headers[start : start + BLOCK], start):
            shape = len(present), cells.rows, cells.columns
            room = np.empty(shape, cells.dtype) if array is None else array[k : k + len(present)]
            done = 0
            for images in loader.load(present, room):
                finish(k + done, present[done : done + len(images)], images)
                done += len(images)

    is_elsewhere = any(isinstance(header.path, RangedFile) for header in headers if header is not None)
    threads, stop = CONNECTIONS if is_elsewhere else THREADS, Event()
    with ThreadPoolExecutor(threads, initializer=stop_by, initargs=(stop,)) as pool:
        checked = pool.submit(loader.check)
        blocks = [pool.submit(block, start) for start in range(0, len(headers), BLOCK)]
        try:
            checked.result()
            for k in progress(range(len(headers)), "slices"):
                blocks[k // BLOCK].result()
        except BaseException as error:
            if not isinstance(error, Exception):  # Ctrl-C
                stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _blank(headers: Sequence[Header | None], cells: Cells, dtype: np.dtype[Any]) -> np.ndarray:
    """Return an array whose missing slices are zeros; all others are still to be filled."""
    array = np.empty((len(headers), cells.rows, cells.columns), dtype)
    array[[k for k, header in enumerate(headers) if header is None]] = 0
    return array


def _floats(
    headers: Sequence[Header | None], rescale: Rescale, cells: Cells, loader: _Loader, strays: dict[int, int]
) -> np.ndarray:
    """Return values where a slope or an intercept is not a whole number; note stray bits of slices."""
    values = _blank(headers, cells, np.dtype(np.float32))

    def finish(k: int, some: Sequence[Header], images: np.ndarray) -> None:
        for i, (header, pixels, (_, _, bits)) in enumerate(zip(some, images, cells.masked(images)), k):
            if bits:
                strays[i] = bits
            real = decode_values(pixels, header, rescale)
            if real.dtype != values.dtype:  # too large
                raise Unsuited
            values[i] = real

    _on_threads(headers, None, cells, loader, finish)
    return values


def _integers(
    headers: Sequence[Header | None], rescale: Rescale, cells: Cells, loader: _Loader, strays: dict[int, int]
) -> np.ndarray:
    """Return whole values, in the smallest type that holds those of each slice; note stray bits of slices.

    Where stored values need only an intercept, it is added while they are in the processor's cache. That
    wraps round where the type of the values is another one of the same size, and loses nothing.
    """
    pixels = _blank(headers, cells, cells.dtype)
    is_whole = cells.stored == 8 * cells.dtype.itemsize
    adds = all(header.rescale_slope == 1 for header in headers if header is not None)
    types: set[np.dtype[Any]] = set()

    def finish(k: int, some: Sequence[Header], images: np.ndarray) -> None:
        if not (rescale.is_identity and is_whole):
            for i, (header, (low, high, bits)) in enumerate(zip(some, cells.masked(images)), k):
                if bits:
                    strays[i] = bits
                if not rescale.is_identity:
                    types.add(integer_type(low, high, header))
        room = pixels[k : k + len(some)]
        if adds and not rescale.is_identity:
            intercepts = tuple([header.rescale_intercept for header in some])
            np.add(images, _wrapped(intercepts, cells.dtype), out=room)
        elif images.base is not pixels:
            room[:] = images

    _on_threads(headers, pixels, cells, loader, finish)
    if rescale.is_identity:
        return pixels
    dtype = reduce(np.promote_types, types)
    if dtype.kind == "f":
        raise Unsuited
    if adds and dtype.itemsize == pixels.dtype.itemsize:
        return pixels.view(dtype)
    values = _blank(headers, cells, dtype)
    for k, header in enumerate(headers):
        if header is not None:
            stored = pixels[k] - _wrapped((header.rescale_intercept,), cells.dtype)[0] if adds else pixels[k]
            values[k] = decode_values(stored, header, rescale)
    return values


@lru_cache(maxsize=16)
def _wrapped(intercepts: tuple[float, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """Return intercepts in the type of stored values, to be added to a slice each."""
    return np.array([int(one) for one in intercepts]).astype(dtype)[:, None, None]
