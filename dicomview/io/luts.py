"""Lookup tables inside a file: the Modality LUT and the palette."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

__all__ = ["modality_values", "palette_colors"]

_CHANNELS = ("Red", "Green", "Blue")


def modality_values(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Look stored values up in the Modality LUT of a file.

    Parameters
    ----------
    stored : ndarray of int
    dataset : Dataset
        With ModalityLUTSequence.

    Returns
    -------
    ndarray of the same shape
        uint8 or uint16.

    Raises
    ------
    ValueError
        If the table is shorter than its descriptor says.

    References
    ----------
    DICOM PS3.3 C.11.1.1.
    """
    item = dataset.ModalityLUTSequence[0]
    count, first, bits = _descriptor(item.LUTDescriptor, dataset)
    table = _entries(item.LUTData, count, dataset)
    narrow = bits <= 8 and table.max() <= 255
    return _looked_up(table.astype(np.uint8 if narrow else np.uint16), stored, first)


def palette_colors(indices: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Look palette indices up.

    Parameters
    ----------
    indices : ndarray of int, shape (rows, columns)
    dataset : Dataset
        With the three tables, plain or segmented.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        The upper eight bits of 16-bit tables; tables that call themselves 16-bit but hold nothing above 255
        are taken as 8-bit ones.

    Raises
    ------
    ValueError
        If a table is absent or shorter than its descriptor says, or the descriptors differ.

    References
    ----------
    DICOM PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2 (segmented).
    """
    tables, extents = [], []
    for name in _CHANNELS:
        keyword = f"{name}PaletteColorLookupTable"
        if f"{keyword}Descriptor" not in dataset:
            raise ValueError(f"PALETTE COLOR without {keyword}Descriptor")
        count, first, bits = _descriptor(dataset[f"{keyword}Descriptor"].value, dataset)
        if f"{keyword}Data" in dataset:
            table = _entries(dataset[f"{keyword}Data"].value, count, dataset)
        elif f"Segmented{keyword}Data" in dataset:
            table = _expanded(dataset[f"Segmented{keyword}Data"].value, bits, dataset)
        else:
            raise ValueError(f"PALETTE COLOR without {keyword}Data")
        tables.append(table)
        extents.append((count, first))
    if len(set(extents)) > 1:
        raise ValueError(f"the descriptors of the palette differ between red, green and blue: {extents}")
    shift = 8 if max(table.max() for table in tables) > 255 else 0
    channels = [_looked_up((table >> shift).astype(np.uint8), indices, extents[0][1]) for table in tables]
    return np.stack(channels, axis=-1)


def _looked_up(table: np.ndarray, values: np.ndarray, first: int) -> np.ndarray:
    """Return the entries for values; those before and behind the table get its first and last one."""
    found: np.ndarray = table[np.clip(values.astype(np.int64) - first, 0, len(table) - 1)]
    return found


def _descriptor(value: Sequence[int], dataset: Dataset) -> tuple[int, int, int]:
    """Return the number of entries, the value that the first is for, and their bits.

    Files carry the first value signed for unsigned pixels and the other way round.
    """
    if isinstance(value, int | str | bytes) or value is None or len(value) != 3:
        raise ValueError("the descriptor of the lookup table does not hold 3 numbers")
    count, first, bits = (int(v) for v in value)
    first %= 1 << 16
    if dataset.get("PixelRepresentation") and first >= 1 << 15:
        first -= 1 << 16
    return count % (1 << 16) or 1 << 16, first, bits


def _words(value: Any, dataset: Dataset) -> np.ndarray:
    """Return data as 16-bit words, whichever VR it was written with."""
    if not isinstance(value, bytes):
        numbers = np.atleast_1d(np.array(value, dtype=np.int64))
        return (numbers & 0xFFFF).astype(np.uint16)
    little = dataset.file_meta.TransferSyntaxUID != "1.2.840.10008.1.2.2"
    padded = value + b"\0" * (len(value) % 2)
    return np.frombuffer(padded, dtype="<u2" if little else ">u2").astype(np.uint16)


def _entries(value: Any, count: int, dataset: Dataset) -> np.ndarray:
    """Return the entries of a table: a word each, or two to a word, the first in its lower half.

    Their number says which, since descriptors have claimed 16 bits for 8 and the other way round.
    """
    words = _words(value, dataset)
    if len(words) >= count:
        return words[:count]
    if 2 * len(words) >= count:
        return words.astype("<u2").view(np.uint8)[:count].astype(np.uint16)
    raise ValueError(f"the lookup table holds {2 * len(words)} bytes for {count} entries")


def _expanded(value: Any, bits: int, dataset: Dataset) -> np.ndarray:
    """Expand a segmented table: runs of values, straight lines, and repetitions of earlier segments."""
    words = _words(value, dataset)
    wide = bits > 8
    data: list[int] = words.tolist() if wide else words.astype("<u2").view(np.uint8).tolist()
    table: list[int] = []

    def expand(at: int) -> int:
        opcode, length = data[at], data[at + 1]
        at += 2
        if opcode == 0:
            table.extend(data[at : at + length])
            return at + length
        if opcode == 1:
            start, stop = table[-1], data[at]
            table.extend(round(start + (stop - start) * i / length) for i in range(1, length + 1))
            return at + 1
        if opcode != 2:
            raise ValueError(f"a segmented lookup table has a segment of kind {opcode}")
        parts = 2 if wide else 4
        offset = sum(part << (i * 32 // parts) for i, part in enumerate(data[at : at + parts]))
        place = offset // 2 if wide else offset
        for _ in range(length):
            if place >= at - 2 or len(table) > 1 << 16:
                raise ValueError("a segmented lookup table repeats later segments, or too much")
            place = expand(place)
        return at + parts

    at = 0
    try:
        while at + 2 < len(data):  # what is left over is the padding of an odd length
            at = expand(at)
    except IndexError as error:
        raise ValueError("a segmented lookup table ends within a segment") from error
    return np.array(table, dtype=np.uint16)
