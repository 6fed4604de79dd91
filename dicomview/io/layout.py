"""Layout: where the elements of a header lie, learned from one file and checked byte by byte in others."""

import struct
from collections.abc import Collection, MutableSequence, Sequence
from dataclasses import dataclass
from io import BytesIO

import pydicom.uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from dicomview.io.quiet import quiet

__all__ = [
    "ITEM",
    "UNDEFINED",
    "Layout",
    "Scanned",
    "element_at",
    "end_of_item",
    "end_of_items",
    "learned",
]

UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"
_PIXEL_DATA = 0x7FE00010
_ITEM, _END_OF_ITEM, _END_OF_ITEMS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
#: Value representations whose length has two bytes, and four behind two that are reserved (PS3.5 7.1.2).
_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_GROUP_LENGTH, _SYNTAX, _CHARACTERS = 0x00020000, 0x00020010, 0x00080005
#: What others or the pixels take their meaning from: files that differ in it have layouts of their own.
_RIGID = frozenset(
    (_SYNTAX, _CHARACTERS, *(0x00280000 | e for e in (2, 4, 6, 8, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103)))
)
_STARTS_AT = 128
_EXPLICIT, _LENGTH, _SHORT_LENGTH = struct.Struct("<HH2sH"), struct.Struct("<I"), struct.Struct("<H")
_IMPLICIT = struct.Struct("<HHI")
_UNSUITED = frozenset((pydicom.uid.ExplicitVRBigEndian, pydicom.uid.DeflatedExplicitVRLittleEndian))
_DEEPEST = 8


@dataclass(frozen=True)
class _Element:
    """One element of the file that the layout was learned from.

    ``prefix`` is all in front of the length, and ``wide`` whether that has four bytes. The value of a
    sequence of undefined length goes to the end of its delimiter.
    """

    tag: int
    prefix: bytes
    wide: bool
    undefined: bool
    value: bytes

    def encoded(self, value: bytes) -> bytes:
        """Return the bytes of the element with another value."""
        length = UNDEFINED if self.undefined else len(value)
        return self.prefix + (_LENGTH if self.wide else _SHORT_LENGTH).pack(length) + value


class Layout:
    """The elements of one file up to its pixel data: those that all files share, and those that vary.

    Parameters
    ----------
    elements : sequence of _Element
        Those of the file meta information first.
    pixels : bytes
        The element of the pixel data, without its length.
    implicit : bool
        Whether elements behind the file meta information have no VR.
    encoding : str or sequence of str
        Python's names of the character set.
    varying : sequence of int
        Numbers of the elements that vary.
    """

    def __init__(
        self,
        elements: Sequence[_Element],
        pixels: bytes,
        *,
        implicit: bool,
        encoding: str | MutableSequence[str],
        varying: Collection[int] = (),
    ) -> None:
        self.elements = tuple(elements)
        self.implicit = implicit
        self.varying = tuple(sorted(varying))
        #: Where the value of an element that varies is among those of a file.
        self.places = {number: place for place, number in enumerate(self.varying)}
        self._pixels, self._encoding = pixels, encoding
        self.syntax = next(e.value.rstrip(b"\0 ").decode() for e in self.elements if e.tag == _SYNTAX)
        #: Constant bytes up to the length of each element that varies.
        self._steps: list[tuple[bytes, int, bool, bool]] = []
        constant = b"DICM"
        for i, element in enumerate(self.elements):
            if i in varying:
                constant += element.prefix
                self._steps.append((constant, len(constant), element.wide, element.undefined))
                constant = b""
            else:
                constant += element.encoded(element.value)
        self._tail = constant + pixels
        self.size = (
            _STARTS_AT
            + len(self._tail)
            + sum(size + len(self.elements[i].value) for i, (_, size, _, _) in zip(self.varying, self._steps))
        )

    def match(self, data: bytes) -> tuple[tuple[bytes, ...], int, int] | None:
        """Return the values that vary, where pixel data begins and its length; None for another layout."""
        at, values = _STARTS_AT, []
        try:
            for constant, size, wide, undefined in self._steps:
                if not data.startswith(constant, at):
                    return None
                at += size
                if wide:
                    (length,) = _LENGTH.unpack_from(data, at)
                    at += 4
                    if undefined != (length == UNDEFINED):
                        return None
                    end = end_of_items(data, at, implicit=self.implicit) if undefined else at + length
                else:
                    end = at + 2 + (data[at] | data[at + 1] << 8)
                    at += 2
                values.append(data[at:end])
                at = end
            if not data.startswith(self._tail, at):
                return None
            at += len(self._tail)
            (length,) = _LENGTH.unpack_from(data, at)
        except (ValueError, IndexError, struct.error):
            return None
        return tuple(values), at + 4, length

    def loosened(self, data: bytes) -> "Layout | None":
        """Return the layout with more elements that vary, as a header has it; None for another layout."""
        at, varying = _STARTS_AT + 4, set(self.varying)
        try:
            for i, element in enumerate(self.elements):
                if not data.startswith(element.prefix, at):
                    return None
                at += len(element.prefix)
                (length,) = (_LENGTH if element.wide else _SHORT_LENGTH).unpack_from(data, at)
                at += 4 if element.wide else 2
                is_undefined = element.wide and length == UNDEFINED
                if is_undefined != element.undefined:
                    return None
                end = end_of_items(data, at, implicit=self.implicit) if is_undefined else at + length
                if data[at:end] != element.value:
                    # By the first one behind the file meta information pydicom tells if VRs are implicit.
                    is_first = element.tag >> 16 != 2 and self.elements[i - 1].tag >> 16 == 2
                    if element.tag in _RIGID or (self.implicit and is_first):
                        return None
                    varying.add(i)
                at = end
        except (ValueError, struct.error):
            return None
        if not data.startswith(self._pixels, at):
            return None
        return Layout(
            self.elements, self._pixels, implicit=self.implicit, encoding=self._encoding, varying=varying
        )

    def dataset(self, values: Sequence[bytes], tags: Collection[int] | None = None) -> Dataset:
        """Return the elements of a file, or some of them, as pydicom reads them; none of the file meta."""
        own = dict(zip(self.varying, values))
        data = b"".join(
            element.encoded(own.get(i, element.value))
            for i, element in enumerate(self.elements)
            if element.tag > 0x0002FFFF and (tags is None or element.tag in tags)
        )
        dataset = read_dataset(BytesIO(data), self.implicit, True, parent_encoding=self._encoding)
        dataset.set_original_encoding(self.implicit, True, self._encoding)
        return dataset


class Scanned:
    """The header of one file that fits a layout; its elements are made when they are asked for.

    Attributes
    ----------
    layout : Layout
    values : tuple of bytes
        Of the elements that vary in the layout.
    pixels : tuple of (int, int)
        Where pixel data begins, and its length.
    state : tuple of (int, int)
        Size of the file and time of its last change in ns, when the header was read.
    """

    __slots__ = ("layout", "pixels", "state", "values")

    def __init__(
        self, layout: Layout, values: tuple[bytes, ...], pixels: tuple[int, int], state: tuple[int, int]
    ) -> None:
        self.layout, self.values, self.pixels, self.state = layout, values, pixels, state

    def value(self, number: int) -> bytes:
        """Return the value of an element by its number in the layout."""
        place = self.layout.places.get(number)
        return self.layout.elements[number].value if place is None else self.values[place]

    def dataset(self, tags: Collection[int] | None = None) -> Dataset:
        """Return the elements, or some of them, without file meta information and pixels."""
        return self.layout.dataset(self.values, tags)


def learned(data: bytes) -> Layout | None:
    """Return the layout of a header; None where it is not an ordinary one.

    Parameters
    ----------
    data : bytes
        The file up to the element of its pixel data at least.

    Notes
    -----
    Ordinary is a preamble, little endian, tags that rise, known VRs, sequences that end where they should,
    and what pydicom makes of it: the same elements with the same bytes.
    """
    try:
        elements, pixels, implicit = _walked(data)
        with quiet():
            dataset = pydicom.dcmread(BytesIO(data), stop_before_pixels=True)
    except Exception:
        return None
    both = {**dict(dataset.file_meta.items()), **dict(dataset.items())}
    if [int(tag) for tag in both] != [e.tag for e in elements]:
        return None
    for element, item in zip(elements, both.values()):
        if isinstance(item, RawDataElement):
            told = not (implicit and element.tag >> 16 != 2)
            if (item.value or b"") != element.value or (item.VR is not None) != told:
                return None
    return Layout(elements, pixels, implicit=implicit, encoding=dataset.original_character_set)


def _walked(data: bytes) -> tuple[list[_Element], bytes, bool]:
    """Return the elements in front of the pixel data, what that begins with, and whether VRs are implicit."""
    if data[_STARTS_AT : _STARTS_AT + 4] != b"DICM":
        raise ValueError("no preamble")
    elements: list[_Element] = []
    at = _STARTS_AT + 4
    while data[at : at + 2] == b"\2\0":
        elements.append(_element(data, at, implicit=False))
        at += len(elements[-1].encoded(elements[-1].value))
    if elements[0].tag != _GROUP_LENGTH:
        raise ValueError("no file meta information")
    syntax = next(e.value.rstrip(b"\0 ").decode() for e in elements if e.tag == _SYNTAX)
    if syntax in _UNSUITED:
        raise ValueError("big endian, or deflated")
    implicit = syntax == pydicom.uid.ImplicitVRLittleEndian
    while True:
        tag, _, value_at, is_wide = element_at(data, at, implicit)
        if tag == _PIXEL_DATA and is_wide:
            return elements, data[at : value_at - 4], implicit
        if tag >= _PIXEL_DATA or tag <= elements[-1].tag:
            raise ValueError("no pixel data, or tags that do not rise")
        elements.append(_element(data, at, implicit=implicit))
        at += len(elements[-1].encoded(elements[-1].value))


def _element(data: bytes, at: int, *, implicit: bool) -> _Element:
    """Return the element at a place."""
    tag, length, value_at, is_wide = element_at(data, at, implicit)
    undefined = is_wide and length == UNDEFINED
    end = end_of_items(data, value_at, implicit=implicit) if undefined else value_at + length
    if end > len(data):
        raise ValueError("cut short")
    prefix = data[at : value_at - (4 if is_wide else 2)]
    return _Element(tag, prefix, is_wide, undefined, data[value_at:end])


def element_at(data: bytes, at: int, implicit: bool) -> tuple[int, int, int, bool]:
    """Return tag, length, place of the value, and whether the length has four bytes."""
    if implicit:
        group, element, length = _IMPLICIT.unpack_from(data, at)
        return group << 16 | element, length, at + 8, True
    group, element, vr, length = _EXPLICIT.unpack_from(data, at)
    if vr in _SHORT:
        return group << 16 | element, length, at + 8, False
    if vr not in _LONG:
        raise ValueError("unknown VR")
    (length,) = _LENGTH.unpack_from(data, at + 8)
    if length == UNDEFINED and vr != b"SQ" and (group, element) != (0x7FE0, 0x0010):
        raise ValueError("undefined length of something else than a sequence")
    return group << 16 | element, length, at + 12, True


def end_of_items(data: bytes, at: int, *, implicit: bool, depth: int = 0) -> int:
    """Return where a sequence of undefined length ends, behind its delimiter.

    Raises
    ------
    ValueError, struct.error
        If it does not consist of whole items of whole elements.
    """
    if depth > _DEEPEST:
        raise ValueError("too many levels of sequences")
    while True:
        group, element, length = _IMPLICIT.unpack_from(data, at)
        tag, at = group << 16 | element, at + 8
        if tag == _END_OF_ITEMS and length == 0:
            return at
        if tag != _ITEM:
            raise ValueError("no item")
        at = end_of_item(data, at, length, implicit=implicit, depth=depth)


def end_of_item(data: bytes, at: int, length: int, *, implicit: bool, depth: int) -> int:
    """Return where an item ends that begins with its first element."""
    end = None if length == UNDEFINED else at + length
    seen: set[int] = set()
    while end is None or at < end:
        if end is None and _IMPLICIT.unpack_from(data, at) == (0xFFFE, _END_OF_ITEM & 0xFFFF, 0):
            return at + 8
        tag, length, at, is_wide = element_at(data, at, implicit)
        if tag >> 16 == 0xFFFE or tag in seen:
            raise ValueError("a delimiter in the wrong place, or an element that comes twice")
        seen.add(tag)
        if is_wide and length == UNDEFINED:
            at = end_of_items(data, at, implicit=implicit, depth=depth + 1)
        else:
            at += length
    if at != end:
        raise ValueError("an item does not end where it should")
    return at
