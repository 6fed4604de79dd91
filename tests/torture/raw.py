"""DICOM files as lists of raw elements: whatever is put in is written, legal or not."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
UNDEFINED = 0xFFFFFFFF
PIXELS = 0x7FE00010


@dataclass(frozen=True)
class Element:
    """One element; ``length`` may say something else than the value has."""

    tag: int
    vr: bytes
    value: bytes
    length: int | None = None

    def encoded(self, *, implicit: bool = False, order: str = "<") -> bytes:
        size = len(self.value) if self.length is None else self.length
        tag = struct.pack(order + "HH", self.tag >> 16, self.tag & 0xFFFF)
        if implicit:
            return tag + struct.pack(order + "I", size) + self.value
        if self.vr in LONG:
            return tag + self.vr + b"\0\0" + struct.pack(order + "I", size) + self.value
        return tag + self.vr + struct.pack(order + "H", size & 0xFFFF) + self.value


@dataclass(frozen=True)
class Raw:
    """A file: preamble, elements of the file meta information, elements of the dataset."""

    meta: tuple[Element, ...]
    body: tuple[Element, ...]
    preamble: bytes = b"\0" * 128 + b"DICM"
    tail: bytes = b""
    implicit: bool = False
    order: str = "<"
    marks: tuple[int, ...] = field(default=(), compare=False)

    def bytes(self) -> bytes:
        return self.start() + self.dataset() + self.tail

    def start(self) -> bytes:
        """Return preamble and file meta information, its length counted anew."""
        meta = b"".join(e.encoded() for e in self.meta)
        if not self.meta:
            return self.preamble
        return self.preamble + Element(0x00020000, b"UL", struct.pack("<I", len(meta))).encoded() + meta

    def dataset(self) -> bytes:
        return b"".join(e.encoded(implicit=self.implicit, order=self.order) for e in self.body)

    def offsets(self) -> list[tuple[Element, int]]:
        """Return the elements of the dataset and where each begins."""
        at, found = len(self.start()), []
        for element in self.body:
            found.append((element, at))
            at += len(element.encoded(implicit=self.implicit, order=self.order))
        return found

    def __getitem__(self, tag: int) -> bytes:
        return next(e.value for e in (*self.meta, *self.body) if e.tag == tag)

    def put(self, tag: int, value: bytes, vr: bytes | None = None, length: int | None = None) -> Raw:
        """Return a copy with an element changed or added, in its place."""
        is_meta = tag >> 16 == 2
        elements = list(self.meta if is_meta else self.body)
        old = next((e for e in elements if e.tag == tag), None)
        new = Element(tag, vr or (old.vr if old else b"UN"), value + b"\0" * (len(value) % 2), length)
        elements = [new if e.tag == tag else e for e in elements]
        if old is None:
            elements = sorted([*elements, new], key=lambda e: e.tag)
        return replace(self, **{"meta" if is_meta else "body": tuple(elements)})

    def text(self, tag: int, value: str, vr: bytes | None = None) -> Raw:
        data = value.encode("latin-1")
        return self.put(tag, data + b" " * (len(data) % 2), vr)

    def short(self, tag: int, *values: int, vr: bytes | None = None) -> Raw:
        return self.put(tag, struct.pack(f"{self.order}{len(values)}H", *values), vr)

    def drop(self, *tags: int) -> Raw:
        return replace(
            self,
            meta=tuple(e for e in self.meta if e.tag not in tags),
            body=tuple(e for e in self.body if e.tag not in tags),
        )

    def syntax(self, uid: str) -> Raw:
        return self.text(0x00020010, uid) if len(uid) % 2 == 0 else self.put(0x00020010, uid.encode())

    def compressed(self, data: bytes, uid: str) -> Raw:
        """Return a copy with encapsulated pixel data."""
        changed = self.put(PIXELS, data, b"OB", UNDEFINED)
        return changed.syntax(uid)


def parse(data: bytes) -> Raw:
    """Take a file in explicit VR little endian without sequences of undefined length apart."""
    at, meta, body = 132, [], []
    while at < len(data):
        group, number = struct.unpack("<HH", data[at : at + 4])
        vr = data[at + 4 : at + 6]
        if vr in LONG:
            size, start = struct.unpack("<I", data[at + 8 : at + 12])[0], at + 12
        else:
            size, start = struct.unpack("<H", data[at + 6 : at + 8])[0], at + 8
        element = Element(group << 16 | number, vr, data[start : start + size])
        if element.tag != 0x00020000:
            (meta if group == 2 else body).append(element)
        at = start + size
    return Raw(tuple(meta), tuple(body))


def item(*elements: Element, length: int | None = None) -> bytes:
    """Return a sequence item, of undefined length if so told."""
    inner = b"".join(e.encoded() for e in elements)
    if length == UNDEFINED:
        return struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + inner + struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inner) if length is None else length) + inner


def fragments(frames: list[bytes], table: list[int] | None = None, end: bool = True) -> bytes:
    """Encapsulate frames, one fragment each, behind a basic offset table."""
    offsets = struct.pack(f"<{len(table)}I", *table) if table else b""
    parts = [struct.pack("<HHI", 0xFFFE, 0xE000, len(offsets)) + offsets]
    for frame in frames:
        frame += b"\0" * (len(frame) % 2)
        parts.append(struct.pack("<HHI", 0xFFFE, 0xE000, len(frame)) + frame)
    return b"".join(parts) + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b"")
