"""Files that are cut short, have flipped bits, or lengths that lie."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial

from torture.pixelmodule import fewer
from torture.raw import PIXELS, UNDEFINED, Element, Raw, fragments, item
from torture.seeds import (
    CODECS,
    all_of,
    alone,
    compressed_series,
    data_of,
    encoded,
    film,
    film_truth,
    one_of,
    packed,
    series,
    thrice,
    twice,
)  # fmt: skip
from torture.truth import NOT_WRONG, SURVIVE, WARNED, Case

CUT, FLIP, LENGTH = "truncation", "bit flips", "lengths"


def cases() -> Iterator[Case]:
    yield from truncations()
    yield from flips()
    yield from lengths()


def cut(raw: Raw, at: int) -> bytes:
    return raw.bytes()[:at]


def truncations() -> Iterator[Case]:
    raw = series()[2]
    start = len(raw.start())
    places = {"empty": 0, "one byte": 1, "preamble": 64, "before DICM": 128, "in DICM": 130, "behind DICM": 132,
              "meta tag": 134, "meta length": 139, "meta value": 143, "in meta": 170, "in last of meta": start - 3,
              "behind meta": start}  # fmt: skip
    for element, at in raw.offsets():
        if element.tag in (0x00080016, 0x0020000E, 0x00200032, 0x00280010, 0x00281053):
            name = f"{element.tag:08X}"
            places |= {f"{name} before": at, f"{name} in tag": at + 2, f"{name} in length": at + 7}
            places |= {f"{name} in value": at + 8 + len(element.value) // 2}
    pixels = raw.offsets()[-1][1]
    places |= {"pixels before": pixels, "pixels in tag": pixels + 3, "pixels in VR": pixels + 5,
               "pixels in length": pixels + 10, "no pixels": pixels + 12, "one pixel byte": pixels + 13,
               "half of the pixels": pixels + 12 + 320, "in last row": pixels + 12 + 630,
               "last byte": pixels + 12 + 639}  # fmt: skip
    for name, at in places.items():
        yield from twice(f"cut {name}", CUT, partial(cut, at=at))
    for share in (0.4, 0.9):
        yield Case(
            f"all cut at {share}",
            CUT,
            NOT_WRONG,
            all_of(lambda r, s=share: r.bytes()[: int(len(r.bytes()) * s)]),
        )
    for codec in CODECS:
        size = len(data_of(packed(codec)(series()[2])))
        for name, less in {"end item": 8, "in end item": 3, "last byte of stream": 9, "stream": 60}.items():
            yield Case(
                f"{codec} cut {name}", CUT, NOT_WRONG, compressed_series(codec, partial(cut, at=size - less))
            )
        for share in (0.3, 0.7, 0.95):  # the fragment is whole, the codestream in it is not
            short = packed(codec, lambda stream, s=share: stream[: int(len(stream) * s)])
            yield Case(f"{codec} stream cut at {share}", CUT, NOT_WRONG, compressed_series(codec, short))
            yield Case(f"{codec} stream cut at {share}, alone", CUT, NOT_WRONG, alone(short))
    for name, codec in {"film": "", "rle film": "rle", "j2k film": "j2k"}.items():
        for share in (0.3, 0.6, 0.95):
            size = int(len(film(codec).bytes()) * share)
            yield Case(
                f"{name} cut at {share}", CUT, NOT_WRONG,
                alone(partial(cut, at=size), lambda: [film_truth()], film(codec)),
            )  # fmt: skip


def flipped(raw: Raw, at: int, bit: int) -> bytes:
    data = bytearray(raw.bytes())
    data[at] ^= 1 << bit
    return bytes(data)


def flips() -> Iterator[Case]:
    raw = series()[2]
    offsets = {element.tag: at for element, at in raw.offsets()}
    for tag in (0x00080016, 0x00200032, 0x00280010, 0x00280100, PIXELS):
        for byte in range(8):
            bit = (byte * 3 + tag) % 8
            yield Case(
                f"head of {tag:08X} byte {byte} bit {bit}", FLIP, NOT_WRONG,
                one_of(partial(flipped, at=offsets[tag] + byte, bit=bit)),
            )  # fmt: skip
    for at, bit in ((128, 0), (131, 7), (133, 1), (140, 2), (144, 1), (150, 4), (160, 3)):
        yield from twice(f"meta byte {at} bit {bit}", FLIP, partial(flipped, at=at, bit=bit))
    for tag, bit in ((0x00100010, 0), (0x0008103E, 1), (0x00080070, 5)):  # text that nothing depends on
        yield Case(f"text of {tag:08X}", FLIP, WARNED, one_of(partial(flipped, at=offsets[tag] + 9, bit=bit)))
    for tag in (0x00280010, 0x00280011, 0x00280100, 0x00280101):
        for bit in (0, 2, 4):
            also = fewer(16, 16) if (tag, bit) == (0x00280011, 2) else ()
            yield from twice(
                f"value of {tag:08X} bit {bit}",
                FLIP,
                partial(flipped, at=offsets[tag] + 8, bit=bit),
                also=also,
            )
    for codec in CODECS:
        for share in (0.02, 0.1, 0.3, 0.6, 0.9):

            def flip(stream: bytes, share: float = share) -> bytes:
                at = int(len(stream) * share)
                return stream[:at] + bytes([stream[at] ^ 0x10]) + stream[at + 1 :]

            # nobody can tell whether values behind it are the true ones
            yield Case(
                f"{codec} stream at {share}", FLIP, SURVIVE, compressed_series(codec, packed(codec, flip))
            )


def lengths() -> Iterator[Case]:
    def longer(tag: int, by: int) -> partial[Raw]:
        return partial(lambda raw, t, n: raw.put(t, raw[t], length=len(raw[t]) + n), t=tag, n=by)

    for tag in (0x00080018, 0x0020000E, 0x00200032, 0x00280030, 0x00281052):
        for by in (2, -2, 1000, 60000):
            yield Case(f"{tag:08X} longer by {by}", LENGTH, NOT_WRONG, one_of(longer(tag, by)))
    for by in (2, 100, 2**20, 2**31, UNDEFINED - 640, UNDEFINED - 641):
        yield from thrice(f"pixels longer by {by}", LENGTH, longer(PIXELS, by))
    for by in (-2, -320, -640):
        yield from twice(f"pixels shorter by {-by}", LENGTH, longer(PIXELS, by))
    for n in (0, 1, 2, 4, 320, 638):
        yield from twice(f"{n} bytes of pixels", LENGTH, lambda raw, n=n: raw.put(PIXELS, raw[PIXELS][:n]))
    yield from twice(
        "private element beyond the file", LENGTH, lambda raw: raw.put(0x00091001, b"abcd", b"OB", 2**31)
    )
    for name, value in {
        "sequence without end": item(Element(0x00080100, b"SH", b"A "), length=UNDEFINED)[:-8],
        "sequence of garbage": b"\x55" * 64,
        "item beyond the sequence": item(Element(0x00080100, b"SH", b"A "), length=5000),
        "item of length 1": item(Element(0x00080100, b"SH", b"A "), length=1),
        "item without end": struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED) + b"\x08\x00\x00\x01SH\x02\x00A ",
    }.items():
        yield from twice(
            name + ", undefined", LENGTH, lambda raw, v=value: raw.put(0x00081140, v, b"SQ", UNDEFINED)
        )
        yield from twice(name, LENGTH, lambda raw, v=value: raw.put(0x00081140, v, b"SQ"))
    for tag in (0x00080016, 0x00200032, 0x00280010):
        yield Case(
            f"{tag:08X} of undefined length",
            LENGTH,
            NOT_WRONG,
            one_of(lambda raw, t=tag: raw.put(t, raw[t], length=0xFFFF)),
        )
    for name, value in {"0": 0, "1": 1, "too long": 5000, "huge": 2**32 - 1}.items():

        def group(raw: Raw, value: int = value) -> bytes:
            data = raw.bytes()
            return data[:140] + struct.pack("<I", value) + data[144:]

        yield from twice(f"meta group length {name}", LENGTH, group)
    for codec in ("rle", "j2k"):
        for by in (-10, 10, 10**6, 2**31):

            def fragment(raw: Raw, by: int = by, codec: str = codec) -> Raw:
                stream = encoded(codec, int(raw[0x00200013]) - 1)
                data = fragments([stream])
                size = len(stream) + len(stream) % 2
                return raw.put(PIXELS, data[:12] + struct.pack("<I", size + by) + data[16:], b"OB", UNDEFINED)

            yield Case(
                f"{codec} fragment longer by {by}", LENGTH, NOT_WRONG, compressed_series(codec, fragment)
            )
