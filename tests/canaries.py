"""Canaries: a value that is found again in every element of the basic profile, and where it is found."""

import base64
import binascii
import html
import re
import zlib
from copy import deepcopy
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

_TABLE = Path(__file__).parent / "data" / "basic_profile.txt"
#: Representations of elements that a dictionary does not know.
_ENDS = {"DateTime": "DT", "Sequence": "SQ", "Reference": "UR", "URI": "UR"}
#: Groups of commands, of the head of a file and of directories: an image has none of these elements.
_ELSEWHERE = (0x0000, 0x0002, 0x0004)
#: How canaries look: texts, dates, fractions of times and numbers, UIDs, integers.
_SIGN = re.compile(rb"QZ\d{4}XQ|19[01]\d-?\d\d-?\d\d|\.88\d{4}|\.77\d{4}\.7|7788\d{4}")
#: Random names of widgets and, by matplotlib, of parts of an SVG: eight digits of them may be any date.
_RANDOM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])|(?<=[mp_])[0-9a-f]{10}(?![0-9a-f])")
_WORD = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


class Planted(NamedTuple):
    """An element and what gives it away, in any of several spellings."""

    tag: int
    name: str
    element: DataElement
    signs: tuple[bytes, ...]


def profile() -> list[tuple[int, str]]:
    """Return tag and name of every element of the profile that an image may have."""
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    told = [line.split(" ", 1) for line in lines if not line.startswith("#")]
    tags = [(int(tag.replace(",", ""), 16), name) for tag, name in told]
    return [(tag, name) for tag, name in tags if tag >> 16 not in _ELSEWHERE]


@cache
def planted() -> list[Planted]:
    """Return an element with a value of its own for every tag, and some private ones."""
    made = [_planted(i, tag, name) for i, (tag, name) in enumerate(profile())]
    for i, (tag, vr) in enumerate([(0x00990010, "LO"), (0x00991001, "LT"), (0x00991002, "UN")], len(made)):
        made.append(_text(i, tag, f"private {tag:08x}", vr))
    return made


def plant(path: Path, *, keep: tuple[str, ...] = (), number: int = 0) -> list[Planted]:
    """Put the elements into a file; SOPInstanceUID gets a number behind it; keep what must stay."""
    dataset = pydicom.dcmread(path)
    made = [p for p in planted() if pydicom.datadict.keyword_for_tag(p.tag) not in keep]
    for p in made:
        dataset[p.tag] = deepcopy(p.element)
    uid = f"{dataset.SOPInstanceUID}.{number}"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.save_as(path)
    return made


def found(data: bytes | str, made: list[Planted], depth: int = 3) -> set[str]:
    """Return the names of the elements that are found in data, also packed, escaped, or in UTF-16."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    known = {sign: p.name for p in made for sign in p.signs}
    others = [sign for sign in known if not _SIGN.fullmatch(sign)]
    hits: set[str] = set()
    for form in _forms(data, depth):
        form = _RANDOM.sub(b"", form)
        hits |= {known[sign] for sign in set(_SIGN.findall(form)) if sign in known}
        hits |= {known[sign] for sign in others if sign in form}
    return hits


def _forms(data: bytes, depth: int) -> list[bytes]:
    """Return data as they are, and everything that can be unpacked from them."""
    forms = [data]
    if b"\0" in data[:4096]:
        forms.append(data.replace(b"\0", b""))  # UTF-16 and UTF-32 of ASCII
    if b"&" in data:
        forms.append(html.unescape(data.decode("latin-1")).encode("latin-1", "replace"))
    if b"\\" in data:
        forms.append(re.sub(rb"\\u00([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), data))
        forms.append(data.replace(b"\\\\", b"\\").replace(b"\\/", b"/"))
    if b"%" in data:
        forms.append(re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), data))
    if depth:
        for inner in (*_inflated(data), *_unbased(data)):
            forms += _forms(inner, depth - 1)
    return forms


def _inflated(data: bytes) -> list[bytes]:
    """Return what is deflated anywhere: streams of zlib and gzip, members of a ZIP."""
    starts = [(m.start(), 15) for m in re.finditer(rb"x[\x01\x5e\x9c\xda]", data)]
    starts += [(m.start(), 31) for m in re.finditer(rb"\x1f\x8b\x08", data)]
    for m in re.finditer(rb"PK\x03\x04", data):
        head = data[m.start() : m.start() + 30]
        names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
        starts.append((m.start() + 30 + names, -15))
    made, last = [], 0
    for start, bits in sorted(starts):
        if start < last:
            continue
        unpack = zlib.decompressobj(bits)
        try:
            inner = unpack.decompress(data[start:], 50_000_000)
        except zlib.error:
            continue
        if len(inner) > 8:
            made.append(inner)
            last = len(data) - len(unpack.unused_data) if unpack.eof else last
    return made


def _unbased(data: bytes) -> list[bytes]:
    """Return what stands in base64."""
    made = []
    for match in _WORD.finditer(data):
        text = match[0].rstrip(b"=")
        try:
            made.append(base64.b64decode(text + b"=" * (-len(text) % 4)))
        except binascii.Error:
            continue
    return made


def _planted(i: int, tag: int, name: str) -> Planted:
    vr = _vr(tag, name)
    day = date(1901, 1, 1) + timedelta(days=i)
    time = f"{i % 24:02d}{i % 60:02d}{i % 59:02d}.{880000 + i:06d}"
    days, times = [f"{day:%Y%m%d}", f"{day}"], [f".{880000 + i}"]
    if vr == "SQ":
        return _sequence(i, tag, name)
    if vr in ("OB", "OW", "UN", "LO", "SH", "ST", "LT", "UT", "UC", "UR", "PN", "CS", "AE"):
        return _text(i, tag, name, vr)
    values = {
        "DA": (days[0], days),
        "TM": (time, times),
        "DT": (days[0] + time, [*days, *times]),
        "UI": (f"1.2.826.0.1.{770000 + i}.7", [f".{770000 + i}.7"]),
        "DS": (f"77.{880000 + i}", [f".{880000 + i}"]),
        "IS": (str(77_880_000 + i), [str(77_880_000 + i)]),
        "AS": (f"{i % 1000:03d}W", []),  # too short to be told from others in packed bytes
        "US": (50_000 + i, []),
        "UL": (77_880_000 + i, [str(77_880_000 + i)]),
        "SL": (77_880_000 + i, [str(77_880_000 + i)]),
        "FL": (i + 0.5, []),
        "FD": (77_880_000.125 + i, [str(77_880_000 + i)]),
    }
    value, signs = values[vr]
    return Planted(tag, name, DataElement(tag, vr, value), tuple(s.encode() for s in signs))


def _vr(tag: int, name: str) -> str:
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return _ENDS.get(name.replace(" ", ""), _ENDS.get(name.split()[-1], "LO"))


def _text(i: int, tag: int, name: str, vr: str) -> Planted:
    sign = f"QZ{i:04d}XQ"
    value = sign.encode() if vr in ("OB", "OW", "UN") else f"{sign}^{sign}" if vr == "PN" else sign
    return Planted(tag, name, DataElement(tag, vr, value), (sign.encode(),))


def _sequence(i: int, tag: int, name: str) -> Planted:
    sign, item = f"QZ{i:04d}XQ", Dataset()
    item.CodeMeaning = item.PatientName = sign
    item.ReferencedSOPInstanceUID = f"1.2.826.0.1.{770000 + i}.7"
    inner = Dataset()
    inner.LongCodeValue = sign
    item.ConceptNameCodeSequence = [inner]
    signs = (sign.encode(), f".{770000 + i}.7".encode())
    return Planted(tag, name, DataElement(tag, "SQ", Sequence([item])), signs)
