"""Image Pixel Modules that are absurd or contradict the pixel data, the geometry of nobody."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from torture.raw import Raw
from torture.seeds import AFFINE, AT, all_of, alone, film, film_truth, one_of, single, thrice, twice, voxels
from torture.truth import NOT_WRONG, Case, Truth

PIXEL, GEOMETRY = "pixel module", "geometry"
ROWS, COLUMNS, ALLOCATED, STORED, HIGH, SIGNED = (
    0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103,
)  # fmt: skip
SAMPLES, PLANAR, FRAMES, PHOTOMETRIC = 0x00280002, 0x00280006, 0x00280008, 0x00280004
POSITION, ORIENTATION, SPACING = 0x00200032, 0x00200037, 0x00280030


def cases() -> Iterator[Case]:
    yield from shapes()
    yield from bits()
    yield from frames()
    yield from positions()


def short(tag: int, *values: int) -> partial[Raw]:
    return partial(lambda raw, t, v: raw.short(t, *v, vr=b"US"), t=tag, v=values)


def text(tag: int, value: str, vr: bytes | None = None) -> partial[Raw]:
    return partial(lambda raw, t, v, r: raw.text(t, v, r), t=tag, v=value, r=vr)


def fewer(rows: int, columns: int) -> tuple[tuple[Truth, ...], ...]:
    """Return what the pixel data holds by another number of rows or columns: all slices, and one."""
    array = voxels().reshape(6, -1)[:, : rows * columns].reshape(6, rows, columns)
    return ((Truth.of(array, AFFINE),), (single(AT, array[AT]),))


def shapes() -> Iterator[Case]:
    for tag, name in ((ROWS, "Rows"), (COLUMNS, "Columns")):
        for value in (0, 1, 15, 17, 32, 512, 32768, 65535):
            rows, columns = (value, 20) if tag == ROWS else (16, value)
            also = fewer(rows, columns) if value in (15, 17) and rows * columns <= 320 else ()
            yield from thrice(f"{name} {value}", PIXEL, short(tag, value), also=also)
        yield from twice(f"{name} of two values", PIXEL, short(tag, 16, 16))
        yield from twice(f"{name} empty", PIXEL, lambda raw, t=tag: raw.put(t, b""))
        yield from twice(f"{name} of one byte", PIXEL, lambda raw, t=tag: raw.put(t, b"\x10", length=1))
        yield from twice(f"{name} as text", PIXEL, text(tag, "sixteen", b"LO"))
    both = lambda raw: raw.short(ROWS, 65535).short(COLUMNS, 65535)
    yield from thrice("65535 x 65535", PIXEL, both)
    for value in (0, 2, 3, 4, 65535):
        yield from twice(f"SamplesPerPixel {value}", PIXEL, short(SAMPLES, value))
    rgb = lambda raw, planar=0: raw.short(SAMPLES, 3).text(PHOTOMETRIC, "RGB").short(PLANAR, planar, vr=b"US")
    for planar in (0, 1, 7):
        yield from twice(f"grey called RGB, planar {planar}", PIXEL, partial(rgb, planar=planar))
    for kind in ("RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "HSV", "CMYK", "nonsense", ""):
        yield from twice(f"called {kind}", PIXEL, text(PHOTOMETRIC, kind))
    yield from twice("PlanarConfiguration of grey", PIXEL, short(PLANAR, 1))


def bits() -> Iterator[Case]:
    for value in (0, 1, 7, 8, 12, 24, 32, 64, 128, 65535):
        yield from thrice(f"BitsAllocated {value}", PIXEL, short(ALLOCATED, value))
    for value in (0, 17, 32, 65535):
        yield from twice(f"BitsStored {value}", PIXEL, short(STORED, value))
    for value in (0, 1, 31, 65535):
        yield from twice(f"HighBit {value}", PIXEL, short(HIGH, value))
    for value in (2, 255, 65535):
        yield from twice(f"PixelRepresentation {value}", PIXEL, short(SIGNED, value))
    yield Case("one slice signed", PIXEL, NOT_WRONG, one_of(short(SIGNED, 1)))
    yield Case(
        "BitsStored below the values", PIXEL, NOT_WRONG, all_of(lambda r: r.short(STORED, 8).short(HIGH, 7))
    )
    yield Case(
        "BitsStored below the values, one of",
        PIXEL,
        NOT_WRONG,
        one_of(lambda r: r.short(STORED, 8).short(HIGH, 7)),
    )
    for tag in (ALLOCATED, STORED, HIGH, SIGNED, SAMPLES, PHOTOMETRIC):
        yield from twice(f"{tag:08X} empty", PIXEL, lambda raw, t=tag: raw.put(t, b""))


def frames() -> Iterator[Case]:
    for value in ("0", "-1", "2", "7", "1000000", "2147483647", "99999999999", "six", "1.5", "1\\2", ""):
        yield from twice(f"NumberOfFrames {value!r}", PIXEL, text(FRAMES, value, b"IS"))
    for value in ("0", "-6", "1", "5", "7", "600000", "2147483647", "x"):
        also = ((film_truth(int(value)),),) if value in ("5", "1") else ()
        if value == "1":
            also = ((Truth(voxels()[:1], (None, 0.8, 0.6), None),),)
        yield Case(
            f"film of {value} frames", PIXEL, NOT_WRONG,
            alone(lambda raw, v=value: raw.text(FRAMES, v), lambda: [film_truth()], film()), also=also,
        )  # fmt: skip
        yield Case(
            f"j2k film of {value} frames", PIXEL, NOT_WRONG,
            alone(lambda raw, v=value: raw.text(FRAMES, v), lambda: [film_truth()], film("j2k")), also=also,
        )  # fmt: skip


def unplaced(step: float | None = None) -> list[Truth]:
    return [Truth(voxels(), (step, 0.8, 0.6), None)]


def late(step: float) -> tuple[tuple[Truth, ...], ...]:
    """Return the slices in the order of positions of which one is far off; the mean step is theirs."""
    affine = AFFINE.copy()
    affine[:3, 0] = [0, 0, step]
    return ((Truth.of(voxels()[[0, 1, 3, 4, 5, 2]], affine),),)


def unscaled(k: int, *, alone: bool = False) -> Truth:
    """Return the truth with a slice as it is stored."""
    array = voxels().astype(int)
    array[k] += 1024
    return single(k, array[k]) if alone else Truth.of(array, AFFINE)


def positions() -> Iterator[Case]:
    for value in ("nan\\nan\\nan", "0\\0\\nan", "inf\\0\\0", "1e400\\0\\0", "-1e308\\1e308\\1e308", "0\\0", "0", "",
                  "a\\b\\c", "0\\0\\0\\0", "1,5\\2,5\\3,5", "0x10\\0\\0", "-20.5\\-31.25\\"):  # fmt: skip
        yield Case(f"position {value!r}, one of", GEOMETRY, NOT_WRONG, one_of(text(POSITION, value)))
        yield Case(
            f"position {value!r}, all of", GEOMETRY, NOT_WRONG, all_of(text(POSITION, value), unplaced)
        )
    yield Case(
        "position at 5000 mm, one of", GEOMETRY, NOT_WRONG, one_of(text(POSITION, "-20.5\\-31.25\\5000")),
        also=late((5000 - 12.75) / 5),
    )  # fmt: skip
    for value in ("-20.5\\-31.25\\1e15", "500\\-31.25\\17.75", "-20.5\\-31.25\\17.0"):
        yield Case(f"position {value!r}, one of", GEOMETRY, NOT_WRONG, one_of(text(POSITION, value)))
    for value in ("0\\0\\0\\0\\0\\0", "nan\\0\\0\\0\\1\\0", "1\\0\\0\\1\\0\\0", "1\\0\\0\\0.5\\0.5\\0", "2\\0\\0\\0\\2\\0",
                  "1\\0\\0", "", "x", "inf\\0\\0\\0\\1\\0", "1\\0\\0\\0\\1\\0\\0", "1e-30\\0\\0\\0\\1e-30\\0",
                  "1\\0\\0\\0.2\\0.98\\0"):  # fmt: skip
        yield Case(f"orientation {value!r}, one of", GEOMETRY, NOT_WRONG, one_of(text(ORIENTATION, value)))
        yield Case(
            f"orientation {value!r}, all of",
            GEOMETRY,
            NOT_WRONG,
            all_of(text(ORIENTATION, value), partial(unplaced, 2.5)),
        )
    bare = lambda: [Truth(voxels(), (2.5, None, None), None)]
    for value in ("0\\0", "0.8\\0", "-0.8\\0.6", "-0.8\\-0.6", "nan\\0.6", "inf\\inf", "0.8", "", "x\\y", "0.8\\0.6\\1",
                  "1e-300\\1e-300", "1e300\\1e300"):  # fmt: skip
        yield Case(f"spacing {value!r}, one of", GEOMETRY, NOT_WRONG, one_of(text(SPACING, value)))
        yield Case(f"spacing {value!r}, all of", GEOMETRY, NOT_WRONG, all_of(text(SPACING, value), bare))
    for value in ("0", "nan", "inf", "-inf", "1e400", "x", "1\\2", "", "1,5"):
        for tag in (0x00281052, 0x00281053):
            if value == "0" and tag == 0x00281052:
                continue  # as good as any other
            also = (
                {"also": ((unscaled(AT),), (unscaled(AT, alone=True),))}
                if value == "" and tag == 0x00281052
                else {}
            )
            yield from twice(f"{tag:08X} {value!r}", GEOMETRY, text(tag, value), **also)

    def in_time() -> list[Truth]:
        affine = AFFINE.copy()
        affine[:3, 3] = 0
        return [Truth(voxels()[:, None], (None, 0.8, 0.6), affine)]

    yield Case("all at one place", GEOMETRY, NOT_WRONG, all_of(text(POSITION, "0\\0\\0"), in_time))
    yield Case("no position", GEOMETRY, NOT_WRONG, all_of(lambda raw: raw.drop(POSITION), unplaced))
    yield Case("no orientation", GEOMETRY, NOT_WRONG, all_of(lambda raw: raw.drop(ORIENTATION), unplaced))
    yield Case("no spacing", GEOMETRY, NOT_WRONG, all_of(lambda raw: raw.drop(SPACING), bare))
    yield Case(
        "no rescale in one",
        GEOMETRY,
        NOT_WRONG,
        one_of(lambda raw: raw.drop(0x00281052, 0x00281053)),
        also=((unscaled(AT),),),
    )

    mean = AFFINE.copy()
    mean[:3, 0] = [0, 0, 14.9 / 5]
    mean[2, 3] = 0

    def uneven(raw: Raw) -> Raw:
        k = int(raw[0x00200013]) - 1
        return raw.text(POSITION, f"-20.5\\-31.25\\{np.cumsum([0, 2.5, 2.5, 4.1, 2.5, 3.3])[k]}")

    yield Case("uneven steps", GEOMETRY, NOT_WRONG, all_of(uneven, lambda: [Truth.of(voxels(), mean)]))
