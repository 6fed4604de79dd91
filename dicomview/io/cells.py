"""Cells: how the pixels of plain pictures in grey are stored."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomview.io.syntaxes import NATIVE, RLE

if TYPE_CHECKING:
    from pydicom.dataset import Dataset  # workers do without

__all__ = ["Cells", "cells_of"]

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

    def masked(self, pixels: np.ndarray) -> tuple[int, int]:
        """Take what is no stored bit out of pixels, in place; return their least and largest value."""
        low, high = int(pixels.min()), int(pixels.max())
        bits = 8 * self.dtype.itemsize
        is_signed = self.dtype.kind == "i"
        least, largest = (-(1 << self.stored - 1), (1 << self.stored - 1) - 1) if is_signed else (
            0, (1 << self.stored) - 1
        )  # fmt: skip
        if self.low or low < least or high > largest:
            pixels <<= bits - self.stored - self.low
            pixels >>= bits - self.stored
            low, high = int(pixels.min()), int(pixels.max())
        return low, high


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
