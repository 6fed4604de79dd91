"""Decoding: pixel data of a file to values after the Modality LUT."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array
from pydicom.uid import UID

from dicomview.errors import DecodeError
from dicomview.io.header import Header
from dicomview.io.sources import File

__all__ = ["PixelFile", "Rescale", "decode_values", "rescale_of", "value_padding"]

#: What to install for a transfer syntax, when the decoder is not there.
_REMEDIES = {
    "JPEG 2000": "pip install pylibjpeg-openjpeg",
    "High-Throughput": "pip install pylibjpeg-openjpeg",
    "JPEG": "pip install pylibjpeg-libjpeg",
    "RLE": "pip install pylibjpeg-rle",
}
_INTEGERS = [np.dtype(t) for t in ("u1", "i1", "u2", "i2", "u4", "i4", "i8")]


@dataclass(frozen=True)
class Rescale:
    """How stored values become real ones, the same for all slices of a volume.

    Attributes
    ----------
    is_float : bool
        Whether the result is float32, because a slope or an intercept is not a whole number.
    is_identity : bool
        Whether stored values are real values.
    varies : bool
        Whether slices differ in slope or intercept.
    """

    is_float: bool
    is_identity: bool
    varies: bool = False


def rescale_of(headers: Sequence[Header]) -> Rescale:
    """Decide how the slices of one volume are rescaled."""
    pairs = {(h.rescale_slope, h.rescale_intercept) for h in headers}
    is_float = any(not (s.is_integer() and i.is_integer()) for s, i in pairs)
    return Rescale(is_float=is_float, is_identity=pairs == {(1.0, 0.0)}, varies=len(pairs) > 1)


class PixelFile:
    """The pixel data of one file, decoded image by image.

    Parameters
    ----------
    path : Path or MemoryFile

    Raises
    ------
    DecodeError
        If the file cannot be read.
    """

    def __init__(self, path: File) -> None:
        self._path = path
        try:
            with path.open("rb") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._dataset = pydicom.dcmread(file, force=True)
                if "TransferSyntaxUID" not in self._dataset.file_meta:
                    self._dataset.file_meta.TransferSyntaxUID = _guess_syntax(self._dataset)
        except Exception as error:
            raise DecodeError(_message(path, error)) from error
        self._tiles: np.ndarray | None = None

    def stored(self, header: Header) -> np.ndarray:
        """Decode the stored values of one image; colour becomes RGB."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if header.tile is not None:
                    if self._tiles is None:
                        self._tiles = pixel_array(self._dataset)
                    row, column = header.tile
                    return self._tiles[row : row + header.rows, column : column + header.columns]
                if _has_split_bytes(self._dataset):
                    return _bits(self._dataset, header.frame or 0)
                pixels = pixel_array(self._dataset, index=header.frame or 0)
                if header.photometric_interpretation == "PALETTE COLOR":
                    pixels = _palette(pixels, self._dataset)
                return np.asarray(pixels)
        except Exception as error:
            raise DecodeError(_message(self._path, error)) from error

    def values(self, header: Header, rescale: Rescale) -> np.ndarray:
        """Decode one image to values after the Modality LUT; see :func:`decode_values`."""
        stored = self.stored(header)
        if stored.shape[:2] != (header.rows, header.columns):
            raise DecodeError(
                f"{header.name}: the pixels have shape {stored.shape}, "
                f"Rows and Columns say {(header.rows, header.columns)}; the file is damaged"
            )
        if stored.ndim == 2 and header.has_modality_lut:
            try:
                return np.asarray(apply_modality_lut(stored, self._dataset))
            except Exception as error:
                raise DecodeError(
                    f"{header.name}: ModalityLUTSequence (0028,3000) cannot be applied ({error})"
                ) from error
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
        fits = stored.dtype.itemsize <= 4 or not (np.abs(stored) > np.finfo(np.float32).max).any()
        return stored.astype(np.float32) if fits else stored
    if rescale.is_identity:
        return stored
    slope, intercept = header.rescale_slope, header.rescale_intercept
    if rescale.is_float:
        return (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    low, high = sorted(
        (int(stored.min()) * int(slope) + int(intercept), int(stored.max()) * int(slope) + int(intercept))
    )
    kind = _smallest_integer(min(low, int(intercept)), max(high, int(intercept)))
    # Stored values need not fit the type of the result; wrapping arithmetic modulo 2^n loses nothing.
    values: np.ndarray = stored.astype(kind)
    if slope != 1:
        values *= np.array(int(slope)).astype(kind)
    values += np.array(int(intercept)).astype(kind)
    return values


def value_padding(header: Header, rescale: Rescale) -> tuple[float, float] | None:
    """Return the range of values that mean "no data", in the unit of the values."""
    if header.padding is None or header.has_modality_lut or rescale.varies:
        return None
    low, high = header.padding
    ends = [v * header.rescale_slope + header.rescale_intercept for v in (low, high)]
    if header.real_world is not None:
        ends = header.real_world.mapped(np.array([low, high])).tolist()
        if not np.isfinite(ends).all():
            return None
    return (min(ends), max(ends))


def _has_split_bytes(dataset: pydicom.Dataset) -> bool:
    """Return whether frames of single bits begin within a byte: pydicom decodes those only all at once."""
    if dataset.get("BitsAllocated") != 1 or dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return False
    return int(dataset.get("NumberOfFrames") or 1) > 1 and dataset.Rows * dataset.Columns % 8 > 0


def _bits(dataset: pydicom.Dataset, frame: int) -> np.ndarray:
    """Unpack one frame of single bits, which follow one another without a gap (PS3.5 8.1.1)."""
    size = dataset.Rows * dataset.Columns
    start, stop = frame * size, (frame + 1) * size
    packed = np.frombuffer(dataset.PixelData, np.uint8)[start // 8 : -(-stop // 8)]
    bits = np.unpackbits(packed, bitorder="little")[start % 8 :][:size]
    return bits.reshape(dataset.Rows, dataset.Columns)


def _palette(indices: np.ndarray, dataset: pydicom.Dataset) -> np.ndarray:
    """Look the colours up and bring them to 8 bits."""
    colors = apply_color_lut(indices, dataset)
    return np.asarray(colors >> 8 if colors.dtype == np.uint16 else colors, dtype=np.uint8)


def _guess_syntax(dataset: pydicom.Dataset) -> UID:
    """Give the transfer syntax of a file without file meta information."""
    implicit, little = dataset.original_encoding
    if not little:
        return pydicom.uid.ExplicitVRBigEndian
    return pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian


def _message(path: File, error: Exception) -> str:
    """Say what failed, in which file, and what helps."""
    try:
        with path.open("rb") as file:
            syntax = UID(pydicom.dcmread(file, specific_tags=[]).file_meta.TransferSyntaxUID)
    except Exception:
        told = error.strerror if isinstance(error, OSError) else type(error).__name__
        return f"{path.name}: the pixels cannot be decoded ({told}); copy the file again from its source"
    remedy = "the file is damaged or incomplete: copy it again from its source"
    missing = isinstance(error, RuntimeError | NotImplementedError) and "plugins" in str(error)
    if missing:
        remedy = next((pip for name, pip in _REMEDIES.items() if name in syntax.name), "pip install gdcm")
    told = error.strerror if isinstance(error, OSError) else str(error)
    first_line = told.splitlines()[0] if told else type(error).__name__
    return f"{path.name}: the pixels ({syntax.name}) cannot be decoded ({first_line}); {remedy}"


def _smallest_integer(low: int, high: int) -> np.dtype[Any]:
    """Return the smallest integer type for a range.

    Examples
    --------
    >>> _smallest_integer(-1024, 3071)
    dtype('int16')
    """
    for kind in _INTEGERS:
        info = np.iinfo(kind)
        if info.min <= low and high <= info.max:
            return kind
    raise DecodeError(f"rescaled values from {low} to {high} do not fit 64 bits")
