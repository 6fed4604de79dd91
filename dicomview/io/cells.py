"""Cells: how the pixels of plain pictures in grey are stored, and what lies in them beside these."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomview.io.syntaxes import NATIVE, RLE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset  # workers do without

__all__ = ["EXCESS", "OVERLAYS", "STRAYS", "Cells", "cells_of", "exceeds", "overlay_bits", "stray_bits"]

#: What a warning says of bits that are neither stored ones nor overlays.
STRAYS = "bits are set beyond BitsStored (0028,0101) that are no overlays, and were left out"
#: What a warning says of values that lossy compression, or damage, made larger than they may be.
EXCESS = "values of lossy compression are beyond BitsStored (0028,0101), and were kept"
#: Where overlays that lie in the cells stand, in the order of their groups: OverlayBitPosition, OverlayData.
OVERLAYS = tuple((group << 16 | 0x0102, group << 16 | 0x3000) for group in range(0x6000, 0x6020, 2))
_GRAY = ("MONOCHROME1", "MONOCHROME2")


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

    def masked(self, images: np.ndarray) -> list[tuple[int, int, int]]:
        """Take what is no stored bit out of images, in place.

        Returns their least and largest value, and which other bits were set, of each; see :func:`stray_bits`.
        """
        ends = zip(images.min(axis=(1, 2)).tolist(), images.max(axis=(1, 2)).tolist())
        return [self._masked(image, low, high) for image, (low, high) in zip(images, ends)]

    def _masked(self, pixels: np.ndarray, low: int, high: int) -> tuple[int, int, int]:
        strays = 0
        bits = 8 * self.dtype.itemsize
        if self.low or _exceed(low, high, self.dtype.kind, self.stored):
            strays = stray_bits(pixels, self.low, self.stored)
            pixels <<= bits - self.stored - self.low
            pixels >>= bits - self.stored
            low, high = int(pixels.min()), int(pixels.max())
        return low, high, strays


def _exceed(low: int, high: int, kind: str, stored: int) -> bool:
    """Return whether a range goes beyond what so many bits, signed or not, can hold."""
    bits = stored - 1 if kind == "i" else stored
    return high >= 1 << bits or low < (-(1 << bits) if kind == "i" else 0)


def exceeds(pixels: np.ndarray, stored: int) -> bool:
    """Return whether any pixel is beyond what so many bits can hold.

    Examples
    --------
    >>> exceeds(np.array([0, 4096], np.uint16), 12), exceeds(np.array([-2048, 2047], np.int16), 12)
    (True, False)
    """
    return _exceed(int(pixels.min()), int(pixels.max()), pixels.dtype.kind, stored)


def stray_bits(pixels: np.ndarray, low: int, stored: int) -> int:
    """Return which bits beside the stored ones are set in any pixel; a sign may go on above them.

    Examples
    --------
    >>> bin(stray_bits(np.array([0x10FF, 0x0002], np.uint16), 0, 8))
    '0b1000000000000'
    """
    bits = 8 * pixels.dtype.itemsize
    if pixels.dtype.kind not in "iu" or low + stored > bits:
        return 0
    cells = pixels.view(f"{pixels.dtype.byteorder}u{pixels.dtype.itemsize}")
    above = (1 << bits) - (1 << low + stored)
    spare = cells & cells.dtype.type(above | (1 << low) - 1)
    if pixels.dtype.kind == "i":
        is_sign = ((spare & cells.dtype.type(above)) == above) & (cells >> (low + stored - 1) & 1 == 1)
        spare[is_sign] &= cells.dtype.type((1 << low) - 1)
    return int(np.bitwise_or.reduce(spare, axis=None))


def overlay_bits(dataset: "Dataset") -> int:
    """Return which bits of the cells are those of overlays.

    References
    ----------
    DICOM PS3.3 C.9.2 (Overlay Plane); overlays in pixel cells were retired in 2004.
    """
    found = 0
    for position, data in OVERLAYS:
        if position in dataset and data not in dataset:
            with suppress(Exception):  # elements of types that they must not have
                found |= 1 << min(int(dataset[position].value), 63)
    return found


def cells_of(dataset: "Dataset", syntax: str) -> Cells | None:
    """Return how the pixels of a file are stored; None unless they are plain pictures in grey."""
    try:
        return _cells_of(dataset, syntax)
    except Exception:  # elements of types that they must not have
        return None


def _cells_of(dataset: "Dataset", syntax: str) -> Cells | None:
    allocated, stored, high = (dataset.get(k) for k in ("BitsAllocated", "BitsStored", "HighBit"))
    rows, columns = dataset.get("Rows"), dataset.get("Columns")
    is_plain = (
        sys.byteorder == "little"
        and dataset.get("SamplesPerPixel") == 1
        and dataset.get("PhotometricInterpretation") in _GRAY
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
    shifts = syntax in (*NATIVE, RLE) and 0 < low <= allocated - stored
    kind = "ui"[dataset.PixelRepresentation]
    dtype = np.dtype(f"<{kind}{allocated // 8}")
    return Cells(dtype, int(rows), int(columns), int(low) if shifts else 0, int(stored), str(syntax))
