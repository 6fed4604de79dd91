"""Legal but odd input: all of it must be read right."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid as uids
from torture.raw import PIXELS, UNDEFINED, Element, Raw, fragments, item
from torture.seeds import (
    AFFINE,
    CODECS,
    all_of,
    alone,
    compressed_series,
    encoded,
    film,
    film_truth,
    one_of,
    series,
    single,
    voxels,
    write,
)  # fmt: skip
from torture.truth import RIGHT, Case, Truth

LEGAL = "legal but odd"
PALETTE = np.random.RandomState(7).randint(0, 256, (256, 3)).astype(np.uint8)


def case(name: str, make: Any) -> Case:
    return Case(name, LEGAL, RIGHT, make)


def cases() -> Iterator[Case]:
    yield from encodings()
    yield from contents()
    yield from pixels()
    yield from places()


def big(raw: Raw) -> Raw:
    """Turn the bytes of all numbers."""
    sizes = {b"US": 2, b"SS": 2, b"OW": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8}
    body = tuple(
        replace(
            e, value=np.frombuffer(e.value, f"V{sizes[e.vr]}").view(f"u{sizes[e.vr]}").byteswap().tobytes()
        )
        if e.vr in sizes
        else e
        for e in raw.body
    )
    return Raw(raw.meta, body, order=">").syntax(uids.ExplicitVRBigEndian)


def implicit(raw: Raw) -> Raw:
    return Raw(raw.meta, raw.body, implicit=True).syntax(uids.ImplicitVRLittleEndian)


def deflated(raw: Raw) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    data = squeezer.compress(raw.dataset()) + squeezer.flush()
    return raw.syntax(uids.DeflatedExplicitVRLittleEndian).start() + data + b"\0" * (len(data) % 2)


def grouped(raw: Raw) -> Raw:
    """Give every group its length."""
    for group in {e.tag >> 16 for e in raw.body}:
        size = sum(len(e.encoded()) for e in raw.body if e.tag >> 16 == group)
        raw = raw.put(group << 16, struct.pack("<I", size), b"UL")
    return raw


def encodings() -> Iterator[Case]:
    name = Element(0x00080100, b"SH", b"A ")
    yield case("plain", all_of(lambda raw: raw))
    yield case("implicit VR", all_of(implicit))
    yield case(
        "implicit VR without preamble and meta",
        all_of(lambda raw: Raw((), raw.body, b"", implicit=True).bytes()),
    )
    yield case(
        "implicit VR without meta, with preamble",
        all_of(lambda raw: Raw((), raw.body, implicit=True).bytes()),
    )
    yield case("explicit VR without preamble and meta", all_of(lambda raw: Raw((), raw.body, b"").bytes()))
    yield case("without preamble, with meta", all_of(lambda raw: raw.bytes()[132:]))
    yield case("text in the preamble", all_of(lambda raw: b"II*\0" + b"x" * 124 + raw.bytes()[128:]))
    yield case("big endian", all_of(big))
    yield case("deflated", all_of(deflated))
    yield case("group lengths", all_of(grouped))
    yield case(
        "wrong group lengths of long ago",
        all_of(lambda raw: raw.put(0x00080000, struct.pack("<I", 9999), b"UL")),
    )
    for size in (2, 510):
        yield case(
            f"trailing padding of {size}", all_of(lambda raw, n=size: raw.put(0xFFFCFFFC, b"\0" * n, b"OB"))
        )
    yield case(
        "sequence of undefined length",
        all_of(
            lambda raw: raw.put(
                0x00081140,
                item(name, length=UNDEFINED) * 2 + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0),
                b"SQ",
                UNDEFINED,
            )
        ),
    )
    yield case(
        "sequence of known length, items of undefined",
        all_of(lambda raw: raw.put(0x00081140, item(name, length=UNDEFINED) * 2, b"SQ")),
    )
    yield case(
        "empty sequences",
        all_of(
            lambda raw: raw.put(0x00081140, b"", b"SQ").put(
                0x00081110, struct.pack("<HHI", 0xFFFE, 0xE0DD, 0), b"SQ", UNDEFINED
            )
        ),
    )
    yield case(
        "private elements",
        all_of(
            lambda raw: (
                raw.put(0x00090010, b"TORTURE ", b"LO")
                .put(0x00091001, b"\1\2\3\4" * 500, b"OB")
                .put(0x00091002, b"text", b"UN")
            )
        ),
    )
    yield case(
        "private sequence of type UN",
        all_of(
            lambda raw: raw.put(0x00090010, b"TORTURE ", b"LO").put(
                0x00091001, _implicit_item() + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0), b"UN", UNDEFINED
            )
        ),
    )
    yield case(
        "private elements without creator",
        all_of(lambda raw: raw.put(0x00091001, b"text", b"LO").put(0x00111001, b"\1\2", b"US")),
    )
    yield case("elements behind the pixels", all_of(lambda raw: raw.put(0xFFFAFFFA, item(name), b"SQ")))
    yield case(
        "UTF-8",
        all_of(
            lambda raw: raw.text(0x00080005, "ISO_IR 192", b"CS").put(0x00100010, "Ünï^çødé 山田".encode())
        ),
    )
    yield case(
        "Japanese",
        all_of(
            lambda raw: raw.text(0x00080005, "\\ISO 2022 IR 87", b"CS").put(
                0x00100010, b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
            )
        ),
    )
    yield case(
        "text padded by NUL",
        all_of(lambda raw: raw.put(0x0008103E, b"abc\0").put(0x00200013, raw[0x00200013].strip() + b"\0")),
    )
    yield case(
        "numbers with blanks and signs",
        all_of(
            lambda raw: (
                raw.put(0x00281053, b" +1.00e0").put(0x00281052, b"-1.024E3 ").put(0x00280030, b" 0.80\\+.6")
            )
        ),
    )
    yield case(
        "long values of UT, UC, UR",
        all_of(
            lambda raw: (
                raw.put(0x00081196, b"x" * 70000, b"UT")
                .put(0x00080119, b"y" * 70000, b"UC")
                .put(0x00080120, b"http://a/" * 8000, b"UR")
            )
        ),
    )
    yield case(
        "a large icon before the image",
        all_of(
            lambda raw: raw.put(
                0x00880200,
                item(
                    Element(0x00280010, b"US", b"\x40\0"),
                    Element(0x00280011, b"US", b"\x40\0"),
                    Element(PIXELS, b"OB", b"\7" * 4096),
                ),
                b"SQ",
            )
        ),
    )
    yield case("pixels of type OB in 16 bits", all_of(lambda raw: raw.put(PIXELS, raw[PIXELS], b"OB")))
    yield case("pixels of type UN", all_of(lambda raw: raw.put(PIXELS, raw[PIXELS], b"UN")))
    for codec in CODECS:
        yield case(f"{codec}", compressed_series(codec, lambda raw: raw))
        yield case(
            f"{codec} with trailing padding",
            compressed_series(codec, lambda raw: raw.put(0xFFFCFFFC, b"\0" * 100, b"OB"), every=True),
        )
        with_table = lambda raw, c=codec: raw.put(
            PIXELS, fragments([encoded(c, int(raw[0x00200013]) - 1)], [0]), length=UNDEFINED
        )
        yield case(f"{codec} with a table", compressed_series(codec, with_table, every=True))

        def split(raw: Raw, codec: str = codec) -> Raw:
            stream = encoded(codec, int(raw[0x00200013]) - 1)
            return raw.put(
                PIXELS, fragments([stream[i : i + 50] for i in range(0, len(stream), 50)]), length=UNDEFINED
            )

        yield case(f"{codec} in many fragments", compressed_series(codec, split, every=True))
        yield case(f"{codec} film", alone(lambda raw: raw, lambda: [film_truth()], film(codec)))
    yield case("film", alone(lambda raw: raw, lambda: [film_truth()], film()))


def _implicit_item() -> bytes:
    inner = Element(0x00080100, b"SH", b"A ").encoded(implicit=True)
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner


def contents() -> Iterator[Case]:
    """Values by other rules."""
    stored = voxels().astype(int) + 1024
    real = lambda slope, intercept: stored * slope + intercept

    def scaled(slope: float, intercept: float) -> Case:
        edit = lambda raw: raw.text(0x00281053, f"{slope:g}").text(0x00281052, f"{intercept:g}")
        return case(
            f"slope {slope:g}, intercept {intercept:g}",
            all_of(edit, lambda: [Truth.of(real(slope, intercept), AFFINE)]),
        )

    for slope, intercept in (
        (-1, 100),
        (0.5, 0.25),
        (2, -32768),
        (1e-3, 1),
        (1000, 0),
        (1, 70000),
        (1e6, -1e9),
        (-0.1, 0),
    ):
        yield scaled(slope, intercept)

    def by_slice(raw: Raw) -> Raw:
        k = int(raw[0x00200013]) - 1
        return raw.text(0x00080060, "PT").text(0x00281053, f"{1 + k / 4:g}").text(0x00281052, "0")

    factors = (1 + np.arange(6) / 4).reshape(6, 1, 1)
    yield case("a slope for each slice", all_of(by_slice, lambda: [Truth.of(stored * factors, AFFINE)]))
    yield case("MONOCHROME1", all_of(lambda raw: raw.text(0x00280004, "MONOCHROME1")))
    yield case(
        "without rescale",
        all_of(lambda raw: raw.drop(0x00281052, 0x00281053), lambda: [Truth.of(stored, AFFINE)]),
    )

    def lut(raw: Raw) -> Raw:
        table = ((np.arange(2048) * 7 + 3) % 65536).astype("<u2").tobytes()
        inside = item(
            Element(0x00283002, b"US", struct.pack("<HHH", 2048, 0, 16)), Element(0x00283004, b"LO", b"US"),
            Element(0x00283006, b"OW", table),
        )  # fmt: skip
        return raw.drop(0x00281052, 0x00281053).put(0x00283000, inside, b"SQ")

    yield case("Modality LUT", all_of(lut, lambda: [Truth.of(stored * 7 + 3, AFFINE)]))
    yield case("padding value", all_of(lambda raw: raw.short(0x00280120, 24, vr=b"US")))
    yield case(
        "smallest and largest value wrong",
        all_of(lambda raw: raw.short(0x00280106, 9, vr=b"US").short(0x00280107, 1, vr=b"US")),
    )
    yield case(
        "several windows", all_of(lambda raw: raw.text(0x00281050, "1\\2\\3").text(0x00281051, "5\\0\\-3"))
    )


def of(array: np.ndarray, **elements: int | str | None) -> Callable[[Raw], Raw]:
    """Return an edit that gives a slice other pixels (slices, rows, columns[, 3])."""

    def edit(raw: Raw) -> Raw:
        image = array[int(raw[0x00200013]) - 1]
        bits = 8 * image.dtype.itemsize
        raw = (
            raw.drop(0x00281052, 0x00281053)
            .short(0x00280100, bits)
            .short(0x00280101, bits)
            .short(0x00280102, bits - 1)
        )
        raw = raw.short(0x00280010, array.shape[1]).short(0x00280011, array.shape[2])
        raw = raw.short(0x00280103, int(image.dtype.kind == "i"))
        if image.ndim == 3:
            raw = raw.short(0x00280002, 3).text(0x00280004, "RGB").short(0x00280006, 0, vr=b"US")
        return raw.put(PIXELS, image.tobytes(), b"OB" if bits == 8 else b"OW")

    return edit


def spread(dtype: str, shape: tuple[int, ...] = (6, 16, 20), seed: int = 3) -> np.ndarray:
    info = np.iinfo(dtype)
    values = np.random.RandomState(seed).randint(
        info.min, int(info.max) + 1, shape, dtype=np.int64 if info.bits > 16 else np.int32
    )
    return values.astype(dtype)


def pixels() -> Iterator[Case]:
    for dtype in ("u1", "i1", "i2", "u2", "i4", "u4"):
        array = spread(dtype)
        yield case(f"pixels {dtype}", all_of(of(array), lambda a=array: [Truth.of(a, AFFINE)]))
    odd = spread("u1", (6, 15, 19))
    yield case("odd number of bytes, padded", all_of(of(odd), lambda: [Truth.of(odd, AFFINE)]))

    def high_bits(raw: Raw) -> Raw:
        moved = (np.frombuffer(raw[PIXELS], "<u2") << 4).astype("<u2")
        return raw.short(0x00280102, 15).put(PIXELS, moved.tobytes())

    yield case("stored in the high bits", all_of(high_bits))

    def signed(raw: Raw) -> Raw:
        values = np.frombuffer(raw[PIXELS], "<u2").astype(int) - 1024
        return (
            raw.short(0x00280103, 1)
            .text(0x00281052, "0")
            .put(PIXELS, (values & 0x0FFF).astype("<u2").tobytes())
        )

    yield case("12 bits signed, not extended", all_of(signed))

    def overlay(raw: Raw) -> Raw:
        values = np.frombuffer(raw[PIXELS], "<u2") | (np.arange(320) % 3 == 0).astype("<u2") << 12
        raw = raw.short(0x60000010, 16, vr=b"US").short(0x60000011, 20, vr=b"US").text(0x60000040, "G", b"CS")
        raw = (
            raw.short(0x60000050, 1, 1, vr=b"SS")
            .short(0x60000100, 16, vr=b"US")
            .short(0x60000102, 12, vr=b"US")
        )
        return raw.put(PIXELS, values.astype("<u2").tobytes())

    yield case("an overlay in the bits of the pixels", all_of(overlay))
    yield case(
        "an overlay of its own",
        all_of(
            lambda raw: (
                raw.short(0x60000010, 16, vr=b"US")
                .short(0x60000011, 20, vr=b"US")
                .text(0x60000040, "G", b"CS")
                .short(0x60000100, 1, vr=b"US")
                .short(0x60000102, 0, vr=b"US")
                .put(0x60003000, b"\x55" * 40, b"OW")
            )
        ),
    )
    for columns in (16, 20, 13):
        bits = spread("u1", (6, 16, columns)) & 1

        def packed(raw: Raw, bits: np.ndarray = bits) -> Raw:
            image = bits[int(raw[0x00200013]) - 1]
            raw = of(bits)(raw).short(0x00280100, 1).short(0x00280101, 1).short(0x00280102, 0)
            return raw.put(PIXELS, np.packbits(image.ravel(), bitorder="little").tobytes(), b"OW")

        yield case(f"single bits, {columns} columns", all_of(packed, lambda b=bits: [Truth.of(b, AFFINE)]))
    for dtype, tag, vr in (("<f4", 0x7FE00008, b"OF"), ("<f8", 0x7FE00009, b"OD")):
        floats = np.random.RandomState(5).standard_normal((6, 16, 20)).astype(dtype)

        def floating(raw: Raw, floats: np.ndarray = floats, tag: int = tag, vr: bytes = vr) -> Raw:
            image = floats[int(raw[0x00200013]) - 1]
            raw = raw.drop(PIXELS, 0x00281052, 0x00281053, 0x00280101, 0x00280102, 0x00280103)
            raw = raw.put(0x00080016, uids.ParametricMapStorage.encode())
            return raw.short(0x00280100, 8 * image.dtype.itemsize).put(tag, image.tobytes(), vr)

        yield case(f"floats {dtype[1:]}", all_of(floating, lambda f=floats: [Truth.of(f, AFFINE)]))
    colour = spread("u1", (6, 16, 20, 3))
    rgb = lambda: [Truth.of(colour, AFFINE, is_color=True)]
    yield case("colour", all_of(of(colour), rgb))
    yield case(
        "colour by plane",
        all_of(
            lambda raw: (
                of(colour)(raw)
                .short(0x00280006, 1)
                .put(PIXELS, np.moveaxis(colour[int(raw[0x00200013]) - 1], -1, 0).tobytes())
            ),
            rgb,
        ),
    )
    index = spread("u1")

    def palette(raw: Raw) -> Raw:
        raw = of(index)(raw).text(0x00280004, "PALETTE COLOR")
        for i in range(3):
            raw = raw.short(0x00281101 + i, 256, 0, 8, vr=b"US")
            raw = raw.put(0x00281201 + i, PALETTE[:, i].tobytes(), b"OW")
        return raw

    yield case("palette", all_of(palette, lambda: [Truth.of(PALETTE[index], AFFINE, is_color=True)]))


def placed(affine: np.ndarray, order: list[int] | None = None, numbers: list[int] | None = None) -> Any:
    """Return what writes a series with another affine; in another order of the names or numbers."""

    def make(folder: Path) -> tuple[Path, list[Truth]]:
        options: dict[str, Any] = {"affine": tuple(map(tuple, affine))}
        if numbers:
            options["instance_numbers"] = tuple(numbers)
        made = series("placed", **options)
        return write(folder, [made[k] for k in order] if order else made), [Truth.of(voxels(), affine)]

    return make


def affine_of(step: list[float], row: list[float], column: list[float]) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, :3] = np.column_stack([step, row, column])
    return affine


def places() -> Iterator[Case]:
    yield case("a file alone", alone(lambda raw: raw, lambda: [single()]))
    yield case("a folder of one slice", lambda folder: (write(folder, series()[2:3]), [single()]))
    yield case("names reversed", placed(AFFINE, order=[5, 4, 3, 2, 1, 0]))
    yield case("names shuffled", placed(AFFINE, order=[3, 0, 5, 1, 4, 2]))
    yield case("instance numbers reversed", placed(AFFINE, numbers=[6, 5, 4, 3, 2, 1]))
    yield case("instance numbers all the same", placed(AFFINE, numbers=[1, 1, 1, 1, 1, 1]))
    yield case("sagittal", placed(affine_of([3, 0, 0], [0, 0, -0.8], [0, 0.6, 0])))
    yield case("coronal", placed(affine_of([0, 4, 0], [0, 0, -0.8], [0.6, 0, 0])))
    s, c = np.sin(np.radians(35)), np.cos(np.radians(35))
    yield case("oblique", placed(affine_of([3 * s, 0, 3 * c], [0, 0.8, 0], [0.6 * c, 0, -0.6 * s])))
    yield case("gantry tilt", placed(affine_of([0, 0.75, 3], [0, 0.8, 0], [0.6, 0, 0])))
    yield case("thin", placed(affine_of([0, 0, 0.1], [0, 0.8, 0], [0.6, 0, 0])))
    yield case("thick", placed(affine_of([0, 0, 40], [0, 0.8, 0], [0.6, 0, 0])))
    yield case("feet first", placed(affine_of([0, 0, 2.5], [0, 0.8, 0], [-0.6, 0, 0])))
    for tag, value in ((0x00180050, "10"), (0x00180088, "-7.5"), (0x00201041, "5"), (0x00181120, "30")):
        yield case(f"{tag:08X} says otherwise", all_of(lambda raw, t=tag, v=value: raw.text(t, v, b"DS")))
    yield case(
        "no type 2 elements",
        all_of(lambda raw: raw.drop(0x00100010, 0x00100020, 0x00080090, 0x00200010, 0x00201040)),
    )
    yield case("one slice has an element more", one_of(lambda raw: raw.text(0x00204000, "a remark", b"LT")))
    yield case("one slice in big endian", one_of(big))
    yield case("one slice deflated", one_of(deflated))
