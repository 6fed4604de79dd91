"""Decoding: pixel data of a file to values after the Modality LUT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from dicomview.errors import DecodeError, DicomviewError, UnsupportedError
from dicomview.io.cells import EXCESS, STRAYS, exceeds, overlay_bits, stray_bits
from dicomview.io.compressed import CompressedFrames
from dicomview.io.elements import without_pixels
from dicomview.io.encoding import is_cut_short, is_lossy, read_pixels, stored_bits
from dicomview.io.failures import COPY, failure, tag_in, words_of
from dicomview.io.groups import ScannedFrames
from dicomview.io.header import Header
from dicomview.io.inflate import opened
from dicomview.io.layout import Scanned
from dicomview.io.luts import modality_values, palette_colors
from dicomview.io.mosaic import BEHIND, filled_behind
from dicomview.io.quiet import quiet
from dicomview.io.sources import File
from dicomview.io.spans import FrameSpan, PixelPlaces, places_of, places_of_scanned
from dicomview.volume.memory import check_budget

__all__ = [
    "PixelFile",
    "Rescale",
    "check_length",
    "decode_values",
    "find_pixels",
    "integer_type",
    "real_values",
    "rescale_of",
    "scanned_pixels",
    "value_padding",
]

#: What helps, by the beginning of the name of a transfer syntax or its UID.
_REMEDIES = {
    "JPEG 2000": "pip install pylibjpeg pylibjpeg-openjpeg",
    "High-Throughput": "pip install pylibjpeg pylibjpeg-openjpeg",
    "JPEG XL": "convert it to JPEG 2000 or to Explicit VR Little Endian",
    "1.2.840.10008.1.2.4.11": "convert JPEG XL to JPEG 2000 or to Explicit VR Little Endian",
    "JPEG": "pip install pylibjpeg pylibjpeg-libjpeg",
    "RLE": "pip install pylibjpeg pylibjpeg-rle",
    "MPEG": "it is a video: take it out with a video tool such as ffmpeg",
    "HEVC": "it is a video: take it out with a video tool such as ffmpeg",
    "Fragmentable": "it is a video: take it out with a video tool such as ffmpeg",
    "JPIP": "its pixels are on a server: fetch the image again with its pixels",
    "SMPTE": "it is a video stream: record it with a video tool",
}
_CONVERT = "convert it to Explicit VR Little Endian"
_LARGEST = float(np.finfo(np.float32).max)
#: Integer types from the smallest on, with their ranges.
_INTEGERS = [
    (np.dtype(t), int(np.iinfo(t).min), int(np.iinfo(t).max))
    for t in ("u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8")
]


@dataclass(frozen=True)
class Rescale:
    """How stored values become real ones, the same for all slices of a volume.

    Attributes
    ----------
    is_float : bool
        Whether the result is float32, because a slope or an intercept is not a whole number.
    is_identity : bool
        Whether stored values are real values.
    padding : tuple of float or None
        The range of values that mean "no data".
    fills : bool
        Whether that range is not the same in all slices: then pixels without data get its (single) value.
    """

    is_float: bool
    is_identity: bool
    padding: tuple[float, float] | None = None
    fills: bool = False


def rescale_of(headers: Sequence[Header]) -> Rescale:
    """Decide how the slices of one volume are rescaled.

    Where slices differ in their rescaling (PET), one stored padding value stands for many values. The lowest
    of them then becomes the value of all pixels without data; all other values stay as the file says.
    """
    pairs = {(h.rescale_slope, h.rescale_intercept) for h in headers}
    is_float = any(not (s.is_integer() and i.is_integer()) for s, i in pairs)
    padded = (_padding_values(h, is_float) for h in headers if h.padding and not h.has_modality_lut)
    ranges = {ends for ends in padded if np.isfinite(ends).all()}
    lowest = min((low for low, _ in ranges), default=0.0)
    return Rescale(
        is_float=is_float,
        is_identity=pairs == {(1.0, 0.0)},
        padding=(lowest, lowest) if len(ranges) > 1 else next(iter(ranges), None),
        fills=len(ranges) > 1,
    )


def _padding_values(header: Header, is_float: bool) -> tuple[float, float]:
    """Bring the padding range to real values, by the arithmetic of the values themselves."""
    assert header.padding is not None
    ends = [v * header.rescale_slope + header.rescale_intercept for v in header.padding]
    if header.real_world is not None:
        ends = header.real_world.mapped(np.array(header.padding)).tolist()
    if is_float or header.real_world is not None:
        ends = [float(np.float32(v)) for v in ends]
    return min(ends), max(ends)


class PixelFile:
    """The pixel data of one file, decoded image by image.

    Parameters
    ----------
    path : Path or MemoryFile
    span : FrameSpan, optional
        The one frame to read; it then counts as the only one.
    expected : sequence of int
        The frames that will be asked for, in this order: compressed ones are decoded several at a time.

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """

    def __init__(self, path: File, span: FrameSpan | None = None, *, expected: Sequence[int] = ()) -> None:
        self._path = path
        problem = None
        try:
            with quiet():
                self._dataset = read_pixels(path) if span is None else span.read(path)
        except Exception as error:
            problem = _problem(path, error)
        if problem is not None:
            raise problem
        start = None if span is None else span.start
        self._frames = CompressedFrames(self._dataset, path, start, expected)
        self._whole: np.ndarray | None = None
        self._is_affordable = False
        #: What is odd about the images that were decoded.
        self.oddities = self._frames.oddities
        #: What the header says, pixel data and private elements apart.
        self.elements = without_pixels(self._dataset)

    def stored(self, header: Header) -> np.ndarray:
        """Decode the stored values of one image; colour becomes RGB, that of palettes of 8 bits."""
        try:
            with quiet():
                if header.tile is not None:
                    if self._whole is None:
                        self._whole = self._decoded(0)
                        if filled_behind(self._whole, header):
                            self.oddities.add(BEHIND)
                    row, column = header.tile
                    return self._whole[row : row + header.rows, column : column + header.columns]
                pixels = self._decoded(header.frame or 0)
                if header.photometric_interpretation == "PALETTE COLOR":
                    return palette_colors(pixels, self._dataset)
                return pixels
        except BaseException as error:
            problem = _problem(self._path, error, self._dataset.file_meta.get("TransferSyntaxUID"))
            if problem is None or problem is error:
                raise
        raise problem

    def _decoded(self, frame: int) -> np.ndarray:
        """Decode a frame to stored bits, in the byte order of this machine."""
        dataset = self._dataset
        bits, place, lossy = int(dataset.BitsAllocated), stored_bits(dataset), is_lossy(dataset)
        is_cut = bits == 1 and (dataset.Rows * dataset.Columns) % 8
        frames = int(dataset.get("NumberOfFrames") or 1) if is_cut else 1
        shape = (frames, dataset.Rows, dataset.Columns, dataset.get("SamplesPerPixel", 1))
        if not self._is_affordable and not is_cut_short(dataset):  # else decoding says so, allocates nothing
            check_budget(shape, -(-bits // 8), "the image", "read it where more is free", path=self._path)
            self._is_affordable = True
        if is_cut:
            if self._frames.are_there():
                self._frames.check(frame)
            # Frames begin within bytes, where pydicom cuts some of them short.
            if self._whole is None:
                self._whole = self._array(None)
            pixels = self._whole if self._whole.ndim == 2 else self._whole[frame]
        else:
            # In what is lossy pydicom looks for signs in this way.
            is_corrected = lossy and bool(dataset.PixelRepresentation)
            options: dict[str, Any] = {"correct_unused_bits": is_corrected} if place or lossy else {}
            pixels = self._array(frame, **options)
        if place:
            low, stored = place
            if stray_bits(pixels, low, stored) & ~overlay_bits(dataset):
                self.oddities.add(STRAYS)
            pixels = (pixels << (bits - stored - low)) >> (bits - stored)
        elif lossy and exceeds(pixels, int(dataset.BitsStored)):
            self.oddities.add(EXCESS)
        return np.asarray(pixels).astype(pixels.dtype.newbyteorder("="), copy=False)

    def _array(self, frame: int | None, **options: Any) -> np.ndarray:
        """Decode a frame, or all of them, as pydicom does; compressed ones in a worker."""
        if self._frames.are_there():
            return self._frames.decoded(frame, **options)
        return np.asarray(pixel_array(self._dataset, index=frame, **options))  # or says what is missing

    def encoded_frames(self) -> list[bytes]:
        """Return the frames of compressed pixel data as they are; none where they cannot be told apart."""
        dataset = self._dataset
        if "PixelData" not in dataset or not dataset["PixelData"].is_undefined_length:
            return []
        count = int(dataset.get("NumberOfFrames") or 1)
        try:
            return list(generate_frames(dataset.PixelData, number_of_frames=count))
        except ValueError:
            return []

    def values(self, header: Header, rescale: Rescale) -> np.ndarray:
        """Decode one image to values after the Modality LUT; see :func:`decode_values`."""
        stored = self.stored(header)
        if stored.shape[:2] != (header.rows, header.columns):
            raise DecodeError(
                f"the pixels have shape {stored.shape}, Rows and Columns say {(header.rows, header.columns)}",
                path=self._path,
                tag="Rows",
                remedy=COPY,
            )
        return real_values(stored, header, rescale, self._dataset)


def find_pixels(path: File) -> PixelPlaces:
    """Return where the pixels of a file are, without reading them; DecodeError as for :class:`PixelFile`."""
    try:
        return places_of(path)
    except Exception as error:
        problem = _problem(path, error)
    assert problem is not None
    raise problem


def check_length(header: Header) -> None:
    """Raise DecodeError where a file is shorter than the uncompressed pixels that its header tells of."""
    dataset = find_pixels(header.path).header
    is_deflated = dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
    if not is_deflated and is_cut_short(dataset, header.path.stat().st_size):
        PixelFile(header.path).stored(header)


def scanned_pixels(
    path: File, scanned: Scanned | ScannedFrames, shared: dict[int, PixelPlaces | None]
) -> PixelPlaces | None:
    """Return the same by a header that was scanned, as far as that tells; see ``places_of_scanned``."""
    try:
        return places_of_scanned(path, scanned, shared)
    except Exception:  # what is the matter is said by the general reader
        return None


def real_values(stored: np.ndarray, header: Header, rescale: Rescale, dataset: Dataset) -> np.ndarray:
    """Bring stored values to real ones, by the Modality LUT of a dataset where it has one."""
    if stored.ndim == 2 and header.has_modality_lut:
        try:
            return modality_values(stored, dataset)
        except Exception as error:
            problem = DecodeError(
                f"ModalityLUTSequence cannot be applied ({words_of(error)})",
                path=header.path,
                tag="ModalityLUTSequence",
                remedy=COPY,
            )
        raise problem
    if header.real_world is not None and stored.ndim == 2:
        stored = header.real_world.mapped(stored)
    return decode_values(stored, header, rescale)


def decode_values(stored: np.ndarray, header: Header, rescale: Rescale) -> np.ndarray:
    """Bring stored values to real ones.

    Parameters
    ----------
    stored : ndarray of shape (rows, columns) or (rows, columns, 3)
    header : Header
    rescale : Rescale
        Of all slices of the volume.

    Returns
    -------
    ndarray of the same shape
        In the smallest integer type that holds the values, or float32; colour as it is.

    References
    ----------
    DICOM PS3.3 C.11.1 (Modality LUT).
    """
    if stored.ndim == 3:
        return stored
    if stored.dtype.kind == "f":
        return _as_float(stored)
    values = _rescaled(stored, header, rescale)
    if not rescale.fills or header.padding is None or rescale.padding is None:
        return values
    fill = rescale.padding[0]
    if values.dtype.kind != "f":
        values = values.astype(
            np.promote_types(values.dtype, _smallest_integer(int(fill), int(fill))), copy=False
        )
    low, high = header.padding
    return np.where((stored >= low) & (stored <= high), values.dtype.type(fill), values)


def _rescaled(stored: np.ndarray, header: Header, rescale: Rescale) -> np.ndarray:
    """Multiply by the slope and add the intercept, without overflow."""
    if rescale.is_identity:
        return stored
    slope, intercept = header.rescale_slope, header.rescale_intercept
    if rescale.is_float:
        with np.errstate(over="ignore", invalid="ignore"):
            real = stored.astype(np.float64) * slope + intercept
        if abs(slope) * 2.0**header.bits_allocated + abs(intercept) <= _LARGEST:
            return real.astype(np.float32)
        if not np.isfinite(real).all():
            raise _too_large("beyond the largest number", header.path)
        return _as_float(real)
    kind = integer_type(int(stored.min()), int(stored.max()), header)
    # Stored values need not fit the type of the result; wrapping arithmetic modulo 2^n loses nothing.
    values: np.ndarray = stored.astype(kind)
    if slope != 1:
        values *= np.array(int(slope)).astype(kind)
    values += np.array(int(intercept)).astype(kind)
    return values


def _as_float(values: np.ndarray) -> np.ndarray:
    """Return float32, or what is beyond that as it is."""
    fits = values.dtype.itemsize <= 4 or not (np.abs(values) > _LARGEST).any()
    return values.astype(np.float32) if fits else values


def integer_type(least: int, largest: int, header: Header) -> np.dtype[Any]:
    """Return the smallest type of what whole numbers make of stored values from the least to the largest."""
    slope, intercept = int(header.rescale_slope), int(header.rescale_intercept)
    ends = least * slope + intercept, largest * slope + intercept, intercept
    return _smallest_integer(min(ends), max(ends), header.path)


def value_padding(header: Header, rescale: Rescale) -> tuple[float, float] | None:
    """Return the range of values that mean "no data", in the unit of the values."""
    return None if header.has_modality_lut else rescale.padding


def _problem(path: File, error: BaseException, syntax: UID | None = None) -> DicomviewError | None:
    """Say what failed, in which file of which transfer syntax, and what helps; None if the program ends.

    What is whole but cannot be decoded here is an UnsupportedError.
    """
    if isinstance(error, DicomviewError | OSError | MemoryError):
        return failure(path, error, "the pixels cannot be read")
    try:
        if syntax is None:
            with opened(path) as file, quiet():
                syntax = UID(pydicom.dcmread(file, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    except Exception:
        return failure(path, error, "PixelData cannot be decoded")
    name = syntax.name if syntax.name == syntax else f"{syntax.name}, {syntax}"
    # pydicom tells on further lines what each of its plugins said.
    words = words_of(error, syntax.name, str(syntax))
    unknown = isinstance(error, NotImplementedError)
    if unknown or "missing dependencies" in words:
        return UnsupportedError(
            f"pixels of {name} cannot be decoded here ({words})",
            path=path,
            tag="TransferSyntaxUID",
            remedy=_remedy(syntax, unknown=unknown),
        )
    problem = failure(path, error, f"PixelData ({name}) cannot be decoded")
    if problem is not None:
        problem.tag = tag_in(words) or "PixelData"
    return problem


def _remedy(syntax: UID, *, unknown: bool) -> str:
    """Say what helps where nothing is damaged: a decoder, or another form."""
    remedy = next(
        (
            do
            for start, do in _REMEDIES.items()
            if syntax.name.startswith(start) or str(syntax).startswith(start)
        ),
        _CONVERT,
    )
    return _CONVERT if unknown and remedy.startswith("pip") else remedy


def _smallest_integer(low: int, high: int, path: File | None = None) -> np.dtype[Any]:
    """Return the smallest integer type for a range.

    Examples
    --------
    >>> _smallest_integer(-1024, 3071)
    dtype('int16')
    """
    for kind, least, largest in _INTEGERS:
        if least <= low and high <= largest:
            return kind
    raise _too_large(f"from {low} to {high}", path)


def _too_large(reach: str, path: File | None) -> DecodeError:
    return DecodeError(
        f"values rescaled by RescaleSlope reach {reach}, which 64 bits do not hold",
        path=path,
        tag="RescaleSlope",
        remedy="mend RescaleSlope and RescaleIntercept in the file",
    )
