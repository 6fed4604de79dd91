"""Mutations: every one is a list of steps (note, file, place, length, new bytes), which can be left out."""

import string
import struct
from dataclasses import dataclass
from random import Random

from pydicom import uid
from pydicom.datadict import dictionary_VR, keyword_for_tag

__all__ = ["applied", "case", "mutated"]

LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
UNDEFINED = 0xFFFFFFFF
NUMBERS = [
    "", "0", "-0", "1", "-1", "2", "7", "0.5", "1e-320", "1e308", "-1e308", "1e400", "nan", "inf", "-inf",
    "1e3", "2147483648", "-2147483649", "9" * 20, "0x10", "1,5", "1.5.2", "+1", " 3 ", "1_000", "\0", "\\",
    "1\\2", "1\\2\\3", "1\\0\\0\\1\\0\\0", "0\\0\\0\\0\\0\\0", "nan\\0\\0", "abc", "٣", "--", "1e",
    "0.0000000001", "9" * 300, "1\\" * 200,
]  # fmt: skip
TEXTS = [
    "", " ", "\0", "\\", "\\\\", "x" * 70, "x" * 3000, "a\0b", "\x1b$B\x1b(B", "\x1b$)C\xff", "Ünïcödé",
    "<b>$x^2$", "ORIGINAL\\PRIMARY\\LOCALIZER", "MOSAIC", "DERIVED\\SECONDARY\\MOSAIC\\VFRAME", "MONOCHROME1",
    "PALETTE COLOR", "YBR_FULL_422", "YBR_RCT", "RGB", "CMYK", "ISO_IR 192",
    "ISO 2022 IR 149\\ISO 2022 IR 87", "ISO_IR 999", "20241301", "235960.9999999", "256161",
    "20240229120000.0+2500", "-1", "nan", "PT", "RTDOSE", "SEG",
]  # fmt: skip
UIDS = [
    "", "1", "1.2.3", "1..2", "x", "1.2.840.10008.1.2.999", uid.EnhancedMRImageStorage, uid.CTImageStorage,
    uid.XRayAngiographicImageStorage, uid.SegmentationStorage, uid.RTDoseStorage, uid.ParametricMapStorage,
    uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless,
    uid.DeflatedExplicitVRLittleEndian, uid.JPEGBaseline8Bit, uid.JPEG2000, uid.JPEGLSLossless,
    "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1", uid.MPEG2MPML, "1" * 65,
]  # fmt: skip
WHOLE = [0, 1, 2, 3, 4, 7, 8, 9, 12, 15, 16, 24, 31, 32, 33, 64, 255, 256, 32767, 32768, 65535]
#: Elements of those that decide most are chosen more often than others.
FAVOURITES = frozenset(
    (0x00020010, 0x00080005, 0x00080008, 0x00080016, 0x00080060, 0x00200032, 0x00200037, 0x00280002,
     0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280030, 0x00280100, 0x00280101,
     0x00280102, 0x00280103, 0x00281052, 0x00281053, 0x00280120, 0x7FE00010)
)  # fmt: skip

Step = tuple[str, str, int, int, bytes]


@dataclass(frozen=True)
class Element:
    """An element of a file: where its head, its length and its value are."""

    tag: int
    vr: bytes
    start: int
    value: int
    end: int
    implicit: bool

    @property
    def name(self):
        return keyword_for_tag(self.tag) or f"{self.tag:08X}"

    @property
    def wide(self):
        return self.implicit or self.vr in LONG


def elements_of(data):
    """Return the elements of a little endian file, also inside sequences, as far as they can be followed."""
    if data[128:132] != b"DICM":
        return _walk(data, 0, len(data), None)
    end = 144 + int.from_bytes(data[140:144], "little")
    head = _walk(data, 132, min(end, len(data)), None)
    syntax = next((data[e.value : e.end].strip(b"\0 ") for e in head if e.tag == 0x00020010), b"")
    if syntax in (uid.ExplicitVRBigEndian.encode(), uid.DeflatedExplicitVRLittleEndian.encode()):
        return head
    return head + _walk(data, end, len(data), syntax == uid.ImplicitVRLittleEndian.encode())


def _walk(data, at, end, implicit, depth=0):
    found = []
    while at + 8 <= end and depth < 20:
        group, number, length = struct.unpack_from("<HHI", data, at)
        tag, vr, value, plain = group << 16 | number, b"", at + 8, implicit
        if group == 0xFFFE:
            if number == 0xE000:
                found.append(Element(tag, b"", at, value, value, True))
                at = value
                continue
            at = value
            continue
        if implicit:
            try:
                vr = dictionary_VR(tag)[:2].encode()
            except KeyError:
                vr = b"UN"
        else:
            vr, plain = data[at + 4 : at + 6], False
            length = struct.unpack_from("<H", data, at + 6)[0]
            if vr in LONG and at + 12 <= end:
                length, value = struct.unpack_from("<I", data, at + 8)[0], at + 12
            elif vr not in SHORT:
                break
        is_open = length == UNDEFINED
        behind = value if is_open and vr == b"SQ" else min(end, value + (length if not is_open else end))
        found.append(Element(tag, vr, at, value, behind, bool(plain)))
        if vr == b"SQ" and not is_open:
            found += _walk(data, value, behind, implicit, depth + 1)
        at = behind
    return found


def applied(files, steps):
    """Return the files with steps applied one after the other."""
    files = dict(files)
    for _, name, at, length, new in steps:
        if name in files:
            data = files[name]
            files[name] = data[:at] + new + data[at + length :]
    return files


def mutated(files, random, donors):
    """Return steps that spoil files a little; bytes of donors, other files, may be put in."""
    steps = []
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5))):
        now = applied(files, steps)
        name = random.choice(sorted(now))
        kind = random.choice(KINDS)
        steps += [(note, name, *rest) for note, *rest in kind(now[name], random, donors)]
        if random.random() < 0.15:  # the same in every file
            steps += [
                (note, other, *rest)
                for other in sorted(now)
                if other != name
                for note, _, *rest in steps[-1:]
            ]
    return steps


def flip(data, random, donors):
    for _ in range(random.choice((1, 1, 2, 8))):
        if data:
            at = _place(data, random)
            yield "flip", at, 1, bytes([data[at] ^ 1 << random.randrange(8)])


def set_bytes(data, random, donors):
    at = _place(data, random)
    new = random.choice(
        (b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\0\0\0\0", random.randbytes(4))
    )
    yield "set", at, len(new), new


def cut(data, random, donors):
    element = _element(data, random)
    at = random.choice((element.value, element.start, element.end)) if element else len(data)
    at = random.choice((at, random.randrange(len(data) + 1), max(0, len(data) - random.randrange(1, 40))))
    yield "cut", at, len(data) - at, b""


def remove(data, random, donors):
    yield "remove", _place(data, random), random.choice((1, 2, 4, 8, 30)), b""


def insert(data, random, donors):
    donor = random.choice(donors)
    at, length = random.randrange(len(donor) + 1), random.choice((1, 2, 8, 60, 400))
    new = random.choice((donor[at : at + length], random.randbytes(min(length, 60)), bytes(length)))
    yield "insert", _place(data, random), 0, new


def splice(data, random, donors):
    """Go on with the rest of another file."""
    at, donor = _place(data, random), random.choice(donors)
    yield "splice", at, len(data) - at, donor[_place(donor, random) :]


def change_length(data, random, donors):
    element = _element(data, random)
    if element is None:
        return
    size = 4 if element.wide else 2
    told = element.end - element.value
    most = (1 << 8 * size) - 1
    new = random.choice((0, 1, told - 1, told + 1, told + 2, told * 2, most, most - 1, most >> 1, len(data)))
    yield f"length of {element.name}", element.value - size, size, (new & most).to_bytes(size, "little")


def change_vr(data, random, donors):
    element = _element(data, random)
    if element is not None and not element.implicit:
        new = random.choice((*sorted(LONG | SHORT), b"\0\0", b"??", b"xx"))
        yield f"VR of {element.name}", element.start + 4, 2, new


def change_tag(data, random, donors):
    element, other = _element(data, random), _element(data, random)
    if element is not None and other is not None:
        new = struct.pack("<HH", other.tag >> 16, other.tag & 0xFFFF)
        yield f"tag of {element.name}", element.start, 4, random.choice((new, random.randbytes(4)))


def delete(data, random, donors):
    element = _element(data, random)
    if element is not None:
        yield f"delete {element.name}", element.start, element.end - element.start, b""


def duplicate(data, random, donors):
    element, other = _element(data, random), _element(data, random)
    if element is not None and other is not None:
        yield f"{element.name} once more", other.start, 0, data[element.start : element.end]


def swap(data, random, donors):
    one, other = _element(data, random), _element(data, random)
    if one is not None and other is not None and one.end <= other.start:
        between = data[one.end : other.start]
        new = data[other.start : other.end] + between + data[one.start : one.end]
        yield f"{one.name} and {other.name} swapped", one.start, other.end - one.start, new


def change_value(data, random, donors):
    """Give an element another value, with its length as it should be."""
    element = _element(data, random)
    if element is None or element.tag >> 16 == 0xFFFE:
        return
    value = _value(element, data[element.value : element.end], random)
    value += b"\0" * (len(value) % 2) if random.random() < 0.95 else b""
    size = 4 if element.wide else 2
    at = element.value - size
    new = (len(value) & (1 << 8 * size) - 1).to_bytes(size, "little") + value
    yield f"{element.name} = {value[:30]!r}", at, element.end - at, new


def nest(data, random, donors):
    """Put sequences inside sequences."""
    element = _element(data, random)
    if element is not None and not element.implicit:
        depth = random.choice((3, 30, 300, 3000))
        head = b"\x40\x00\x30\xa7SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        tail = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0" * random.choice((0, 1))
        yield f"{depth} sequences", element.start, 0, head * depth + tail * depth


def spoil_pixels(data, random, donors):
    """Change pixel data, above all codestreams and their offset tables."""
    pixels = next((e for e in elements_of(data) if e.tag in (0x7FE00010, 0x7FE00008, 0x7FE00009)), None)
    if pixels is None or pixels.end <= pixels.value:
        return
    size = pixels.end - pixels.value
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        # Heads of codestreams are at the beginning.
        at = pixels.value + min(
            size - 1, random.choice((random.randrange(size), random.randrange(min(size, 60))))
        )
        new = random.choice(
            (bytes([data[at] ^ 1 << random.randrange(8)]), b"\xff", b"\0", random.randbytes(1))
        )
        yield "pixel data", at, 1, new


def shorten_pixels(data, random, donors):
    pixels = next((e for e in elements_of(data) if e.tag == 0x7FE00010), None)
    if pixels is not None and pixels.end > pixels.value:
        at = random.randrange(pixels.value, pixels.end)
        length = random.choice((1, 2, 8, pixels.end - at))
        yield "pixel data shorter", at, length, b""


KINDS = [
    flip, flip, set_bytes, cut, remove, insert, splice, change_length, change_length, change_vr, change_tag,
    delete, delete, duplicate, swap, *[change_value] * 8, nest, *[spoil_pixels] * 4, shorten_pixels,
]  # fmt: skip


def _place(data, random):
    """Return a place in a file, seldom in the empty preamble."""
    if len(data) > 200 and random.random() < 0.95:
        return random.randrange(128, len(data))
    return random.randrange(max(1, len(data)))


def _element(data, random):
    found = elements_of(data)
    if not found:
        return None
    if random.random() < 0.5:
        found = [e for e in found if e.tag in FAVOURITES] or found
    return random.choice(found)


def _value(element, old, random):
    vr = element.vr
    if random.random() < 0.05:
        return random.choice((b"", random.randbytes(random.randrange(40)), old * 2, old[: len(old) // 2]))
    if vr in (b"DS", b"IS"):
        return random.choice(NUMBERS).encode()
    if vr == b"UI":
        return random.choice(UIDS).encode()
    if vr in (b"US", b"SS", b"AT", b"OW"):
        count = random.choice((0, 1, 1, 1, 1, 2, 3))
        return b"".join((random.choice(WHOLE) & 0xFFFF).to_bytes(2, "little") for _ in range(count))
    if vr in (b"UL", b"SL", b"OL"):
        return struct.pack("<I", random.choice((0, 1, 0x7FFFFFFF, 0x80000000, UNDEFINED, 65536)))
    if vr in (b"FD", b"OD"):
        return struct.pack("<d", float(random.choice(("0", "-1", "nan", "inf", "1e308", "1e-320", "2.5"))))
    if vr in (b"FL", b"OF"):
        return struct.pack("<f", float(random.choice(("0", "-1", "nan", "inf", "1e38", "1e-42", "2.5"))))
    if vr in (b"SQ", b"OB", b"UN"):
        return random.choice((b"", old[: random.randrange(len(old) + 1)], old + old, random.randbytes(12)))
    letters = "".join(random.choices(string.printable, k=random.randrange(20)))
    return random.choice((*TEXTS, *NUMBERS, letters)).encode(random.choice(("utf-8", "latin-1")), "replace")


def case(seed, number, names, seed_of):
    """Return the name of a seed and the steps of a case; always the same for a seed and a number."""
    random = Random(f"{seed}/{number}")
    name = random.choice(names)
    files = seed_of(name)
    donors = [*files.values(), *seed_of(random.choice(names)).values()]
    return name, mutated(files, random, donors)
