"""Elements that are missing, of a wrong type, nested too deep, or full of garbage."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from torture.pixelmodule import text
from torture.raw import UNDEFINED, Element, Raw, item
from torture.seeds import all_of, one_of, series, twice
from torture.truth import NOT_WRONG, WARNED, Case

MISSING, GARBAGE, NESTED = "missing tags", "garbage values", "nesting"
CLASS, INSTANCE, SERIES, STUDY = 0x00080016, 0x00080018, 0x0020000E, 0x0020000D


def cases() -> Iterator[Case]:
    yield from missing()
    yield from garbage()
    yield from nested()


def missing() -> Iterator[Case]:
    for tag in (CLASS, INSTANCE, SERIES, STUDY, 0x00280002, 0x00280004, 0x00280010, 0x00280011, 0x00280100,
                0x00280101, 0x00280102, 0x00280103, 0x7FE00010, 0x00020010, 0x00020002):  # fmt: skip
        drop = lambda raw, t=tag: raw.drop(t)
        yield from twice(f"no {tag:08X}", MISSING, drop)
        yield Case(f"no {tag:08X}, all of", MISSING, NOT_WRONG, all_of(drop))
    for tag in (0x00080060, 0x00080020, 0x00080008, 0x00100010, 0x00200013, 0x00200012, 0x00200052, 0x00180050,
                0x00281050, 0x00200011):  # fmt: skip
        yield Case(f"no {tag:08X}, all of", MISSING, WARNED, all_of(lambda raw, t=tag: raw.drop(t)))
        yield Case(f"no {tag:08X}, one of", MISSING, WARNED, one_of(lambda raw, t=tag: raw.drop(t)))
    yield from twice("nothing but pixels", MISSING, lambda raw: raw.drop(*(e.tag for e in raw.body[:-1])))
    yield from twice("nothing", MISSING, lambda raw: raw.drop(*(e.tag for e in raw.body)))
    yield from twice("no meta", MISSING, lambda raw: Raw((), raw.body, raw.preamble))
    yield from twice("no meta, no preamble", MISSING, lambda raw: Raw((), raw.body, b""))
    group = lambda raw, g: raw.drop(*(e.tag for e in raw.body if e.tag >> 16 == g))
    for number in (0x0008, 0x0020, 0x0028):
        yield from twice(f"no group {number:04X}", MISSING, partial(group, g=number))


def garbage() -> Iterator[Case]:
    harmless = (0x00200013, 0x00200011, 0x00200012, 0x00180050, 0x00281050, 0x00180060)
    for tag in harmless:
        for value in ("garbage", "12abc", "1e999", "--1", "\\\\", " ", "9" * 40):
            yield Case(f"{tag:08X} {value[:12]!r}", GARBAGE, WARNED, one_of(text(tag, value)))
    for value in ("20209999", "not a date", "2020.01.01", "\0" * 8, "00000000"):
        yield Case(f"date {value!r}", GARBAGE, WARNED, all_of(text(0x00080020, value)))
    for value in ("999999", "12:00:00", "x", "240000.5"):
        yield Case(f"time {value!r}", GARBAGE, WARNED, all_of(text(0x00080030, value)))
    for tag in (0x00080060, 0x0008103E, 0x00100010, 0x00080070):
        for name, value in {"NULs": b"A\0B\0\0C", "controls": bytes(range(32)), "high": bytes(range(128, 256)),
                            "long": b"x" * 20000, "escapes": b"\x1b$B\x1b(J\x1b", "backslashes": b"\\" * 500}.items():  # fmt: skip
            yield Case(
                f"{tag:08X} {name}", GARBAGE, WARNED, all_of(lambda raw, t=tag, v=value: raw.put(t, v))
            )
    for name in (
        "ISO_IR 192",
        "nonsense",
        "ISO 2022 IR 87\\ISO 2022 IR 149",
        "\\\\",
        "ISO_IR 100\\ISO_IR 192",
    ):
        yield Case(
            f"character set {name!r}", GARBAGE, WARNED,
            all_of(lambda raw, n=name: raw.text(0x00080005, n, b"CS").put(0x00100010, b"\xff\xfe\xe9^\x1b$)C")),
        )  # fmt: skip
    for name, value in {"NULs": b"1.2\0.3\0", "letters": b"abc", "empty": b"", "long": b"1." * 200, "spaces": b"  1.2 ",
                        "two": b"1.2\\1.3", "controls": b"\x01\x02", "path": b"../../etc/passwd"}.items():  # fmt: skip
        for tag in (CLASS, INSTANCE, SERIES):
            edit = lambda raw, t=tag, v=value: raw.put(t, v)
            if tag != INSTANCE:  # the same for all is another thing: see duplicates
                yield Case(f"{tag:08X} {name}, all of", GARBAGE, NOT_WRONG, all_of(edit))
            yield from twice(f"{tag:08X} {name}", GARBAGE, edit)
    for value in ("1.2.3", "1.2.840.10008.1.2.4.999", "", "garbage", "1.2.840.10008.1.2\0\0"):
        yield from twice(
            f"transfer syntax {value!r}", GARBAGE, lambda raw, v=value: raw.put(0x00020010, v.encode())
        )
    for tag in (0x00280010, 0x00280100, 0x00200032, 0x00280030, 0x00281052):
        for vr in (b"UN", b"OB", b"SQ", b"LO", b"FD", b"US", b"XX", b"\0\0", b"ZZ"):
            if any(e.tag == tag and e.vr == vr for e in series()[0].body):
                continue
            yield Case(
                f"{tag:08X} as {vr.decode()!r}",
                GARBAGE,
                NOT_WRONG,
                one_of(lambda raw, t=tag, v=vr: raw.put(t, raw[t], v)),
            )
            yield Case(
                f"{tag:08X} as {vr.decode()!r}, all of",
                GARBAGE,
                NOT_WRONG,
                all_of(lambda raw, t=tag, v=vr: raw.put(t, raw[t], v)),
            )
    for vr in (b"OB", b"UN", b"US", b"SS", b"SQ", b"UT", b"OF", b"OL"):
        yield from twice(
            f"pixels as {vr.decode()}", GARBAGE, lambda raw, v=vr: raw.put(0x7FE00010, raw[0x7FE00010], v)
        )
    twins = lambda raw: Raw(raw.meta, (*raw.body[:-1], Element(0x00280010, b"US", b"\x08\0"), raw.body[-1]))
    yield from twice("Rows again before the pixels", GARBAGE, twins)
    late = lambda raw: Raw(raw.meta, (raw.body[-1], *raw.body[:-1]))
    yield from twice("pixels first", GARBAGE, late)
    backwards = lambda raw: Raw(raw.meta, (*raw.body[-2::-1], raw.body[-1]))
    yield from twice("elements backwards", GARBAGE, backwards)
    for n in (1, 7, 4096):
        yield from twice(f"{n} bytes behind", GARBAGE, lambda raw, n=n: raw.bytes() + b"\xa5" * n)
    yield from twice("twice in one file", GARBAGE, lambda raw: raw.bytes() + raw.bytes())
    yield from twice("text with the ending .dcm", GARBAGE, lambda raw: b"patient list\n" * 50)
    yield from twice("DICM and garbage", GARBAGE, lambda raw: raw.preamble + b"\x81\x92" * 4000)
    yield from twice(
        "a JPEG with the ending .dcm", GARBAGE, lambda raw: b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 400
    )


def deep(
    raw: Raw, depth: int, length: int | None = UNDEFINED, cut: bool = False, tag: int = 0x00081140
) -> Raw:
    """Put sequences into each other."""
    order = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED)
    start = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    end = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    inner = (start + order) * (depth - 1) + start + Element(0x00080100, b"SH", b"A ").encoded()
    inner += b"" if cut else (end * depth)
    if length == UNDEFINED:
        return raw.put(tag, inner, b"SQ", UNDEFINED)
    return raw.put(tag, inner, b"SQ")


def deep_defined(raw: Raw, depth: int) -> Raw:
    """Put sequences of known lengths into each other."""
    value = Element(0x00080100, b"SH", b"A ").encoded()
    for _ in range(depth):
        inside = struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
        value = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, len(inside)) + inside
    return raw.put(0x00081140, value[12:], b"SQ")


def nested() -> Iterator[Case]:
    for depth in (10, 100):
        yield from twice(f"{depth} deep", NESTED, partial(deep, depth=depth), WARNED)
        yield from twice(f"{depth} deep, lengths known", NESTED, partial(deep_defined, depth=depth), WARNED)
    for depth in (300, 1000, 10_000):
        yield from twice(f"{depth} deep", NESTED, partial(deep, depth=depth))
        yield from twice(f"{depth} deep, private", NESTED, partial(deep, depth=depth, tag=0x00091010))
        yield from twice(
            f"{depth} deep, of functional groups", NESTED, partial(deep, depth=depth, tag=0x52009229)
        )
        yield from twice(f"{depth} deep, of a LUT", NESTED, partial(deep, depth=depth, tag=0x00283000))
        yield from twice(f"{depth} deep, without ends", NESTED, partial(deep, depth=depth, cut=True))
    for depth in (1000, 3000):
        yield from twice(f"{depth} deep, lengths known", NESTED, partial(deep_defined, depth=depth))
    wide = item(Element(0x00080100, b"SH", b"A ")) * 50_000
    yield from twice("50,000 items", NESTED, lambda raw: raw.put(0x00081140, wide, b"SQ"), WARNED)
    yield from twice(
        "50,000 empty items", NESTED, lambda raw: raw.put(0x00081140, item() * 50_000, b"SQ"), WARNED
    )
    many = item() * 300_000
    yield from twice("300,000 empty items", NESTED, lambda raw: raw.put(0x00081140, many, b"SQ"), WARNED)
    yield from twice(
        "300,000 empty items, undefined", NESTED, lambda raw: raw.put(0x00081140, many, b"SQ", UNDEFINED)
    )
