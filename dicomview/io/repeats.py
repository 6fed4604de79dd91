"""Repeats: elements that come several times in one item of the functional groups."""

import struct
from typing import BinaryIO

import pydicom.uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from dicomview.io.layout import ITEM, UNDEFINED, element_at

__all__ = ["repeated_in_groups"]

#: SharedFunctionalGroupsSequence, PerFrameFunctionalGroupsSequence.
_SEQUENCES = (0x52009229, 0x52009230)
_END_OF_ITEM = b"\xfe\xff\x0d\xe0"
_UNSUITED = (pydicom.uid.ExplicitVRBigEndian, pydicom.uid.DeflatedExplicitVRLittleEndian)
_DEEPEST = 8


def repeated_in_groups(file: BinaryIO, dataset: Dataset) -> list[int]:
    """Return the tags that come several times in an item of functional groups, at any depth.

    pydicom keeps the last one, and says nothing.

    Parameters
    ----------
    file : binary file
        Stands behind the groups, and does so again.
    dataset : Dataset
        Read from it; sequences that are not there are not looked through.
    """
    if dataset.file_meta.get("TransferSyntaxUID") in _UNSUITED:
        return []
    found: dict[int, None] = {}
    implicit = bool(dataset.original_encoding[0])
    for tag in _SEQUENCES:
        if tag in dataset:
            _items(_bytes_of(file, dataset, tag), 0, None, implicit, found, 0)
    return list(found)


def _bytes_of(file: BinaryIO, dataset: Dataset, tag: int) -> bytes:
    """Return the bytes of a sequence; more behind them where its length is not told."""
    element = dataset.get_item(BaseTag(tag))
    if isinstance(element, RawDataElement):
        return element.value or b""
    start, end = element.file_tell, file.tell()
    if start is None or not start < end:
        return b""
    file.seek(start)
    data = file.read(end - start)
    file.seek(end)
    return data


def _items(data: bytes, at: int, end: int | None, implicit: bool, found: dict[int, None], depth: int) -> int:
    """Look through the items of a sequence, as far as they are whole; return where it ends."""
    try:
        while (end is None or at < end) and data.startswith(ITEM, at) and depth < _DEEPEST:
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            at = _item(data, at + 8, None if length == UNDEFINED else at + 8 + length, implicit, found, depth)
    except (ValueError, struct.error):
        return len(data)
    return at + 8 if end is None else end  # behind the delimiter


def _item(data: bytes, at: int, end: int | None, implicit: bool, found: dict[int, None], depth: int) -> int:
    """Take note of what comes several times in an item; return where it ends."""
    seen: set[int] = set()
    while end is None or at < end:
        if end is None and data.startswith(_END_OF_ITEM, at):
            return at + 8
        tag, length, at, _ = element_at(data, at, implicit)
        if tag in seen:
            found[tag] = None
        seen.add(tag)
        behind = None if length == UNDEFINED else at + length
        if behind is None or data.startswith(ITEM, at):
            at = _items(data, at, behind, implicit, found, depth + 1)
        else:
            at = behind
    return at
