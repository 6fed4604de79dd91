"""Headers that say one thing twice, leave open what values depend on, or say what does not hold for codestreams."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from pydicom import uid as uids
from torture.legal import PALETTE, of, spread
from torture.pixelmodule import (
    FRAMES,
    ORIENTATION,
    PHOTOMETRIC,
    PLANAR,
    POSITION,
    SIGNED,
    SPACING,
    short,
    text,
)
from torture.raw import PIXELS, UNDEFINED, Element, Raw, fragments, item
from torture.seeds import (
    AFFINE,
    CODECS,
    all_of,
    alone,
    encoded,
    film,
    film_truth,
    series,
    truth,
    voxels,
)
from torture.truth import NOT_WRONG, RIGHT, Case, Truth

CONTRADICTIONS = "contradictions"
SHARED, PER_FRAME = 0x52009229, 0x52009230
PLACES, DIRECTIONS, MEASURES, SCALES = 0x00209113, 0x00209116, 0x00289110, 0x00289145
MAPPINGS, MAP_SLOPE, MAP_INTERCEPT = 0x00409096, 0x00409225, 0x00409224
SCALING, OFFSETS = 0x3004000E, 0x3004000C


def cases() -> Iterator[Case]:
    yield from colours()
    yield from open_ends()
    yield from doses()
    yield from groups()
    yield from tables()


def case(name: str, make: object, expected: str = NOT_WRONG, **options: object) -> Case:
    return Case(name, CONTRADICTIONS, expected, make, **options)  # type: ignore[arg-type]


def colours() -> Iterator[Case]:
    """A codestream has its own order of colours; a table of colours has one descriptor for each."""
    import imagecodecs

    colour = spread("u1", (6, 32, 33, 3))
    encoders = {
        "j2k": partial(imagecodecs.jpeg2k_encode, codecformat="j2k", level=0, reversible=True, mct=False),
        "jpeg-ls": imagecodecs.jpegls_encode,
    }
    for codec, encode in encoders.items():
        for planar in (0, 1):

            def packed(raw: Raw, codec: str = codec, encode: Callable = encode, planar: int = planar) -> Raw:
                image = colour[int(raw[0x00200013]) - 1]
                raw = of(colour)(raw).short(PLANAR, planar)
                return raw.compressed(fragments([bytes(encode(image))]), CODECS[codec])

            whole = lambda: [Truth.of(colour, AFFINE, is_color=True)]
            yield case(f"{codec} in colour, planar {planar}", all_of(packed, whole), RIGHT)
    for planar in (None, 7):

        def ordered(raw: Raw, planar: int | None = planar) -> Raw:
            raw = of(colour)(raw)
            return raw.drop(PLANAR) if planar is None else raw.short(PLANAR, planar)

        yield said(
            f"colours of order {planar}",
            ordered,
            Truth.of(colour, AFFINE, is_color=True),
            Truth.of(_by_plane(colour), AFFINE, is_color=True),
        )
    index = spread("u1")
    for name, descriptor in {"fewer entries": (128, 0, 8), "another first": (256, 9, 8)}.items():

        def palette(raw: Raw, descriptor: tuple[int, int, int] = descriptor) -> Raw:
            raw = of(index)(raw).text(PHOTOMETRIC, "PALETTE COLOR")
            for i in range(3):
                raw = raw.short(0x00281101 + i, *(descriptor if i == 1 else (256, 0, 8)), vr=b"US")
                raw = raw.put(0x00281201 + i, PALETTE[:, i].tobytes(), b"OW")
            return raw

        yield case(
            f"green of {name}", all_of(palette, lambda: [Truth.of(PALETTE[index], AFFINE, is_color=True)])
        )


def _by_plane(colour: np.ndarray) -> np.ndarray:
    """Return what colours are where their planes are taken to lie one behind the other."""
    count, rows, columns, _ = colour.shape
    return np.moveaxis(colour.reshape(count, 3, rows, columns), 1, -1)


def said(name: str, edit: Callable[[Raw], Raw], ours: Truth, other: Truth) -> Case:
    """Return an input with two readings: the usual one is right where something is said with it."""
    return case(name, all_of(edit, lambda: [other]), also=((ours,),))


def open_ends() -> Iterator[Case]:
    stored = voxels().astype(int) + 1024
    moved = lambda raw: raw.put(PIXELS, (np.frombuffer(raw[PIXELS], "<u2") + 60000).astype("<u2").tobytes())
    wide = lambda raw: moved(raw).short(0x00280101, 16).short(0x00280102, 15)
    ours, other = (Truth.of(v, AFFINE) for v in (stored + 60000 - 1024, stored + 60000 - 65536 - 1024))
    for value in (None, 2, 65535):
        sign = (lambda raw: raw.drop(SIGNED)) if value is None else short(SIGNED, value)
        yield said(f"a sign of {value}", lambda raw, s=sign: s(wide(raw)), ours, other)
    yield said(
        "a slope without an intercept",
        lambda raw: raw.drop(0x00281052),
        Truth.of(stored, AFFINE),
        truth(),
    )


@cache
def dose() -> Raw:
    """Return a dose grid of all slices."""
    raw = film().put(0x00080016, uids.RTDoseStorage.encode()).text(0x00080060, "RTDOSE")
    first = series()[0]
    raw = raw.put(POSITION, first[POSITION], b"DS").put(ORIENTATION, first[ORIENTATION], b"DS")
    raw = raw.text(OFFSETS, "\\".join(f"{2.5 * k:g}" for k in range(6)), b"DS").text(SCALING, "0.5", b"DS")
    return raw.drop(0x00281052, 0x00281053)


def doses() -> Iterator[Case]:
    stored = voxels().astype(int) + 1024
    whole = lambda: [Truth.of(stored * 0.5, AFFINE)]
    yield case("a dose grid", alone(lambda raw: raw, whole, dose()), RIGHT)
    unscaled = ((Truth.of(stored, AFFINE),),)
    yield case("a dose without scaling", alone(lambda raw: raw.drop(SCALING), whole, dose()), also=unscaled)
    for value in ("0", "nan", "inf", "-inf", "x", "1\\2"):
        yield case(
            f"a dose scaled by {value}",
            alone(text(SCALING, value), whole, dose()),
            also=unscaled,
        )


def sequence(tag: int, *items: bytes) -> Element:
    return Element(tag, b"SQ", b"".join(items))


def decimals(tag: int, value: bytes) -> bytes:
    return item(Element(tag, b"DS", value + b" " * (len(value) % 2)))


@cache
def places() -> tuple[bytes, ...]:
    """Return the items that place the frames."""
    return tuple(decimals(POSITION, raw[POSITION]) for raw in series())


def enhanced(*shared: Element, own: tuple[tuple[Element, ...], ...] = (), shares: int = 1) -> Raw:
    """Return an enhanced CT: groups that all frames share, and those of each of them."""
    first = series()[0]
    raw = film().put(0x00080016, uids.EnhancedCTImageStorage.encode())
    raw = raw.drop(SPACING, 0x00281052, 0x00281053, 0x00180050)
    scale = item(
        Element(0x00281052, b"DS", b"-1024 "),
        Element(0x00281053, b"DS", b"1 "),
        Element(0x00281054, b"LO", b"HU"),
    )
    common = {
        DIRECTIONS: sequence(DIRECTIONS, decimals(ORIENTATION, first[ORIENTATION])),
        MEASURES: sequence(MEASURES, decimals(SPACING, first[SPACING])),
        SCALES: sequence(SCALES, scale),
    } | {e.tag: e for e in shared}
    frames = own or tuple((sequence(PLACES, place),) for place in places())
    elements = sorted(common.values(), key=lambda e: e.tag)
    raw = raw.put(SHARED, item(*elements) * shares, b"SQ")
    return raw.put(PER_FRAME, b"".join(item(*elements) for elements in frames), b"SQ")


def groups() -> Iterator[Case]:
    """Which of two groups holds is said, for nobody can know: alone ours is no answer."""
    values = voxels()
    yield case("an enhanced file", alone(lambda raw: raw, lambda: [truth()], enhanced()), RIGHT)
    upside_down = AFFINE.copy()
    upside_down[:3, 3] += 5 * AFFINE[:3, 0]
    upside_down[:3, 0] *= -1
    other = lambda: [Truth.of(values, upside_down)]
    both = tuple((sequence(PLACES, here, there),) for here, there in zip(places(), reversed(places())))
    yield case("two places of each frame", alone(bare, other, enhanced(own=both)), also=((truth(),),))
    yield case(
        "a place of the frames beside their own",
        alone(bare, other, enhanced(sequence(PLACES, places()[3]))),
        also=((truth(),),),
    )
    wide = AFFINE @ np.diag([1.0, 2, 2, 1])
    twice = sequence(MEASURES, decimals(SPACING, b"0.8\\0.6"), decimals(SPACING, b"1.6\\1.2"))
    yield case(
        "two spacings", alone(bare, lambda: [Truth.of(values, wide)], enhanced(twice)), also=((truth(),),)
    )
    yield case(
        "shared groups twice",
        alone(bare, lambda: [Truth.of(values, wide)], enhanced(shares=2)),
        also=((truth(),),),
    )
    for slope, intercept in ((np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan)):
        mapping = item(
            Element(MAP_INTERCEPT, b"FD", struct.pack("<d", intercept)),
            Element(MAP_SLOPE, b"FD", struct.pack("<d", slope)),
        )
        raw = enhanced(sequence(MAPPINGS, mapping)).put(0x00080016, uids.ParametricMapStorage.encode())
        yield case(f"a map by {slope:g} and {intercept:g}", alone(bare, lambda: [truth()], raw))


def bare(raw: Raw) -> Raw:
    return raw


def tables() -> Iterator[Case]:
    """A table of more frames than NumberOfFrames has: the last ones are not shown, which is said."""
    for codec in ("rle", "j2k"):
        streams = [encoded(codec, k) for k in range(6)]
        sizes = [8 + len(s) + len(s) % 2 for s in streams]
        data = fragments(streams, [0, *np.cumsum(sizes[:-1]).tolist()])
        raw = film(codec).put(PIXELS, data, b"OB", UNDEFINED)
        yield case(
            f"{codec}, a table of more frames",
            alone(text(FRAMES, "5"), lambda: [film_truth()], raw),
            also=((film_truth(5),),),
        )
