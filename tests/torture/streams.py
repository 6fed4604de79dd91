"""Transfer syntaxes that do not fit, offset tables that point astray, codestreams that disagree, bombs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from pydicom import uid as uids
from torture.raw import PIXELS, UNDEFINED, Raw, fragments
from torture.seeds import (
    AFFINE,
    AT,
    CODECS,
    alone,
    compressed_series,
    encoded,
    film,
    film_truth,
    packed,
    single,
    thrice,
    twice,
    voxels,
)
from torture.truth import NOT_WRONG, RIGHT, SURVIVE, Case, Truth

SYNTAX, OFFSETS, CODEC, BOMBS = "transfer syntax", "offset tables", "codec headers", "bombs"
ALL = (
    uids.ImplicitVRLittleEndian, uids.ExplicitVRBigEndian, uids.DeflatedExplicitVRLittleEndian, uids.RLELossless,
    uids.JPEGBaseline8Bit, uids.JPEGExtended12Bit, uids.JPEGLossless, uids.JPEGLosslessSV1, uids.JPEGLSLossless,
    uids.JPEG2000Lossless, uids.JPEG2000, uids.HTJ2KLossless, uids.MPEG2MPML, uids.UID("1.2.840.10008.1.2.1.98"),
    uids.UID("1.2.840.10008.1.2.4.94"), uids.UID("1.2.840.10008.1.2.8.1"), uids.UID("1.2.840.10008.1.2.4.110"),
)  # fmt: skip


def cases() -> Iterator[Case]:
    yield from syntaxes()
    yield from offsets()
    yield from headers()
    yield from bombs()


def syntaxes() -> Iterator[Case]:
    for syntax in ALL:
        yield from thrice(
            f"plain pixels called {syntax.name[:40]}", SYNTAX, lambda raw, s=syntax: raw.syntax(s)
        )
    for codec in CODECS:
        for syntax in (*ALL[:3], uids.ExplicitVRLittleEndian, *CODECS.values(), uids.JPEGBaseline8Bit):
            if syntax == CODECS[codec]:
                continue
            yield Case(
                f"{codec} called {syntax.name[:40]}", SYNTAX, NOT_WRONG,
                compressed_series(codec, lambda raw, s=syntax: raw.syntax(s)),
            )  # fmt: skip
        known = lambda raw, c=codec: packed(c)(raw).put(
            PIXELS, fragments([encoded(c, int(raw[0x00200013]) - 1)])
        )
        yield from twice(f"{codec} in items of known length", SYNTAX, known)
        bare = lambda raw, c=codec: raw.put(PIXELS, encoded(c, int(raw[0x00200013]) - 1)).syntax(CODECS[c])
        yield from twice(f"{codec} without items", SYNTAX, bare)
    yield from twice("implicit in explicit", SYNTAX, lambda raw: Raw(raw.meta, raw.body, implicit=True))
    yield from twice("big endian in little", SYNTAX, lambda raw: Raw(raw.meta, raw.body, order=">"))
    yield from twice("deflated garbage", SYNTAX, lambda raw: raw.syntax(ALL[2]).start() + b"\x12\x34" * 300)

    def deflated(raw: Raw, share: float = 1.0, flip: bool = False) -> bytes:
        squeezer = zlib.compressobj(wbits=-15)
        data = squeezer.compress(raw.dataset()) + squeezer.flush()
        if flip:
            data = data[:100] + bytes([data[100] ^ 0xFF]) + data[101:]
        return raw.syntax(ALL[2]).start() + data[: int(len(data) * share)]

    for share in (0.1, 0.5, 0.95):
        yield from twice(f"deflated, cut at {share}", SYNTAX, partial(deflated, share=share))
    yield from twice("deflated, a bit flipped", SYNTAX, partial(deflated, flip=True), SURVIVE)
    yield from twice(
        "deflated with a zlib header",
        SYNTAX,
        lambda raw: raw.syntax(ALL[2]).start() + zlib.compress(raw.dataset()),
    )


def offsets() -> Iterator[Case]:
    for codec in ("rle", "j2k", "jpeg-ls"):
        frames = [encoded(codec, k) for k in range(len(voxels()))]
        starts = [0]
        for frame in frames[:-1]:
            starts.append(starts[-1] + 8 + len(frame) + len(frame) % 2)
        tables: dict[str, list[int]] = {
            "empty": [], "right": starts, "reversed": starts[::-1], "shuffled": [starts[i] for i in (0, 2, 1, 4, 3, 5)],
            "beyond": [s + 10**6 for s in starts], "off by two": [s + 2 for s in starts], "too few": starts[:3],
            "too many": [*starts, starts[-1] + 100], "all zero": [0] * 6, "all the same": [starts[2]] * 6,
            "huge": [0, *[2**32 - 1] * 5], "not from zero": [s + starts[1] for s in starts], "in fragments": [s + 9 for s in starts],
        }  # fmt: skip
        for name, table in tables.items():
            made = lambda raw, f=frames, t=table: raw.put(PIXELS, fragments(f, t), length=UNDEFINED)
            expected = RIGHT if name in ("empty", "right") else NOT_WRONG
            yield Case(
                f"{codec}, table {name}", OFFSETS, expected, alone(made, lambda: [film_truth()], film(codec))
            )

            def extended(raw: Raw, f: list[bytes] = frames, t: list[int] = table) -> Raw:
                raw = raw.put(PIXELS, fragments(f), length=UNDEFINED)
                raw = raw.put(0x7FE00001, struct.pack(f"<{len(t)}Q", *t), b"OV")
                return raw.put(0x7FE00002, struct.pack("<6Q", *(len(x) + len(x) % 2 for x in f)), b"OV")

            yield Case(
                f"{codec}, extended table {name}", OFFSETS, expected if table else NOT_WRONG,
                alone(extended, lambda: [film_truth()], film(codec)),
            )  # fmt: skip

        def split(raw: Raw, table: bool, f: list[bytes] = frames) -> Raw:
            parts, places, at = [], [], 0
            for frame in f:
                half = len(frame) // 4 * 2
                places.append(at)
                parts += [frame[:half], frame[half:]]
                at += 16 + half + len(frame[half:]) + len(frame[half:]) % 2
            return raw.put(PIXELS, fragments(parts, places if table else None), length=UNDEFINED)

        yield Case(
            f"{codec}, two fragments a frame",
            OFFSETS,
            RIGHT,
            alone(partial(split, table=True), lambda: [film_truth()], film(codec)),
        )
        yield Case(
            f"{codec}, two fragments a frame, no table",
            OFFSETS,
            NOT_WRONG,
            alone(partial(split, table=False), lambda: [film_truth()], film(codec)),
        )
        for name, some in {"one frame lost": frames[:5], "one frame twice": [*frames, frames[0]],
                           "an empty fragment": [*frames[:3], b"", *frames[3:]], "no fragments": [],
                           "a frame of garbage": [*frames[:5], b"\x99" * 200]}.items():  # fmt: skip
            yield Case(
                f"{codec}, {name}", OFFSETS, NOT_WRONG,
                alone(lambda raw, f=some: raw.put(PIXELS, fragments(f), length=UNDEFINED), lambda: [film_truth()], film(codec)),
            )  # fmt: skip


def patched(stream: bytes, at: int, data: bytes) -> bytes:
    return stream[:at] + data + stream[at + len(data) :]


def picture(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState(1).randint(0, 200, shape)


def replaced(stored: np.ndarray) -> tuple[tuple[Truth, ...], ...]:
    """Return what is right, with a warning, where a slice has other pixels: the series, and it alone."""
    array = voxels().astype(int)
    array[AT] = stored - 1024
    return ((Truth.of(array, AFFINE),), (single(AT, array[AT]),))


def headers() -> Iterator[Case]:
    """Sizes, depths and components in the codestream that the header of the file contradicts."""
    import imagecodecs

    def other(codec: str, shape: tuple[int, ...], dtype: type = np.uint16) -> bytes:
        array = picture(shape).astype(dtype)
        if codec == "rle":
            from pixelfiles import rle

            return rle(array)
        if codec == "jpeg lossless":
            return bytes(imagecodecs.ljpeg_encode(array))
        if codec == "jpeg-ls":
            return bytes(imagecodecs.jpegls_encode(array))
        if codec == "htj2k":
            return bytes(imagecodecs.htj2k_encode(array, reversible=True))
        return bytes(imagecodecs.jpeg2k_encode(array, codecformat="j2k", level=0, reversible=True))

    changes: dict[str, Callable[[str], bytes]] = {
        "fewer rows": lambda c: other(c, (8, 20)),
        "more rows": lambda c: other(c, (32, 20)),
        "turned": lambda c: other(c, (20, 16)) if c != "rle" else b"",  # nothing tells in RLE
        "one pixel": lambda c: other(c, (1, 1)),
        "eight bits": lambda c: other(c, (16, 20), np.uint8),
        "large": lambda c: other(c, (600, 700)),
    }
    for codec in CODECS:
        for name, change in changes.items():
            try:
                stream = change(codec)
            except Exception:  # an encoder that has no such image
                continue
            edit = packed(codec, lambda _, s=stream: s)
            also = replaced(picture((16, 20)).astype(int)) if name == "eight bits" else ()
            yield Case(f"{codec}, {name}", CODEC, NOT_WRONG, compressed_series(codec, edit), also=also[:1])
            yield Case(f"{codec}, {name}, alone", CODEC, NOT_WRONG, alone(edit), also=also[1:])
        if codec != "rle":
            colour = other(codec, (16, 20, 3), np.uint8) if codec != "jpeg lossless" else encoded("j2k", 0)
            yield Case(
                f"{codec}, three components",
                CODEC,
                NOT_WRONG,
                compressed_series(codec, packed(codec, lambda _, s=colour: s)),
            )
        for name, bad in {
            "empty": b"",
            "one byte": b"\xff",
            "zeros": b"\0" * 200,
            "ones": b"\xff" * 200,
            "text": b"hello" * 50,
        }.items():
            yield Case(
                f"{codec}, {name}",
                CODEC,
                NOT_WRONG,
                compressed_series(codec, packed(codec, lambda _, b=bad: b)),
            )
        yield Case(
            f"{codec}, garbage behind",
            CODEC,
            NOT_WRONG,
            compressed_series(codec, packed(codec, lambda s: s + b"\x99" * 64)),
        )
        yield Case(
            f"{codec}, zeros behind",
            CODEC,
            NOT_WRONG,
            compressed_series(codec, packed(codec, lambda s: s + b"\0" * 64)),
        )
        yield Case(
            f"{codec}, no start", CODEC, NOT_WRONG, compressed_series(codec, packed(codec, lambda s: s[2:]))
        )
        yield Case(
            f"{codec}, no end", CODEC, NOT_WRONG, compressed_series(codec, packed(codec, lambda s: s[:-2]))
        )
    sizes = {"wide": (8, b"\xff\xff\xff\xff"), "high": (12, b"\xff\xff\xff\xff"), "half as wide": (8, struct.pack(">I", 10)),
             "twice as high": (12, struct.pack(">I", 32)), "without width": (8, b"\0\0\0\0"), "of tiny tiles": (24, struct.pack(">II", 1, 1)),
             "of 16384 components": (40, b"\x40\x00"), "of no components": (40, b"\0\0"), "of 38 bits": (42, b"\x25"),
             "signed": (42, b"\x8f"), "moved": (16, struct.pack(">II", 4, 4)), "subsampled": (43, b"\x02\x02")}  # fmt: skip
    for codec in ("j2k", "htj2k"):
        for name, (at, data) in sizes.items():
            edit = packed(codec, partial(patched, at=at, data=data))
            yield Case(f"{codec} {name}", CODEC, NOT_WRONG, compressed_series(codec, edit))
    for codec in ("jpeg lossless", "jpeg-ls"):
        marker = b"\xff\xc3" if codec == "jpeg lossless" else b"\xff\xf7"
        for name, (at, data) in {"high": (5, b"\xff\xff"), "wide": (7, b"\xff\xff"), "no rows": (5, b"\0\0"), "no columns": (7, b"\0\0"),
                                 "8 bits": (4, b"\x08"), "2 bits": (4, b"\x02"), "255 bits": (4, b"\xff"), "4 components": (9, b"\x04"),
                                 "half the rows": (5, b"\0\x08"), "twice the rows": (5, b"\0\x20"), "half the columns": (7, b"\0\x0a"),
                                 "a length of 2": (2, b"\0\x02"), "a length of 65535": (2, b"\xff\xff")}.items():  # fmt: skip

            def change_frame(
                stream: bytes, at: int = at, data: bytes = data, marker: bytes = marker
            ) -> bytes:
                return patched(stream, stream.index(marker) + at, data)

            yield Case(
                f"{codec}, {name}", CODEC, NOT_WRONG, compressed_series(codec, packed(codec, change_frame))
            )
    rles = {"no segments": struct.pack("<I", 0), "one segment": struct.pack("<I", 1), "15 segments": struct.pack("<I", 15),
            "2^32 segments": b"\xff\xff\xff\xff", "first in header": struct.pack("<II", 2, 4), "offsets swapped": struct.pack("<III", 2, 300, 64),
            "offset beyond": struct.pack("<III", 2, 64, 2**31), "same offsets": struct.pack("<III", 2, 64, 64)}  # fmt: skip
    for name, data in rles.items():
        yield Case(
            f"rle, {name}",
            CODEC,
            NOT_WRONG,
            compressed_series("rle", packed("rle", lambda s, d=data: patched(s, 0, d))),
        )


def bombs() -> Iterator[Case]:
    def deflate(raw: Raw, size: int) -> bytes:
        def flushed(data: bytes, how: int) -> bytes:  # by itself, so that it can be repeated
            squeezer = zlib.compressobj(9, wbits=-15)
            return squeezer.compress(data) + squeezer.flush(how)

        head = flushed(raw.dataset()[: -len(raw[PIXELS])], zlib.Z_FULL_FLUSH)
        zeros = flushed(bytes(2**20), zlib.Z_FULL_FLUSH) * (size // 2**20)
        return raw.syntax(ALL[2]).start() + head + zeros + flushed(b"", zlib.Z_FINISH)

    blank = lambda: [single(array=np.full(voxels()[0].shape, -1024))]
    for size in (2**28, 2**33):
        yield Case(
            f"{size >> 20} MB deflated",
            BOMBS,
            NOT_WRONG,
            alone(partial(deflate, size=size), blank),
            is_dangerous=True,
        )

    def pixels(raw: Raw, size: int) -> bytes:
        """Deflate so many zeros that PixelData of that length is whole."""
        body = raw.short(0x00280010, 60000).short(0x00280011, 60000).put(PIXELS, b"", length=size)
        return deflate(body.put(PIXELS, b"", length=size), size)

    yield Case(
        "7 GB of pixels deflated",
        BOMBS,
        NOT_WRONG,
        alone(partial(pixels, size=2**32 - 2**20)),
        is_dangerous=True,
    )

    def run(raw: Raw, size: int) -> Raw:
        """Give RLE segments that unpack to far more than the image."""
        segment = b"\x81\x00" * (size // 128)
        header = struct.pack("<III", 2, 64, 64 + len(segment)) + bytes(52)
        return raw.compressed(fragments([header + segment + segment]), CODECS["rle"])

    yield Case("rle of 256 MB", BOMBS, NOT_WRONG, alone(partial(run, size=2**28)), is_dangerous=True)
    big = lambda raw: run(raw.short(0x00280010, 60000).short(0x00280011, 60000), 2**12)
    yield Case("rle of 60000 x 60000", BOMBS, NOT_WRONG, alone(big), is_dangerous=True)
    for codec in CODECS:
        huge = lambda raw, c=codec: packed(c)(raw).short(0x00280010, 65535).short(0x00280011, 65535)
        yield Case(f"{codec} called 65535 x 65535", BOMBS, NOT_WRONG, alone(huge), is_dangerous=True)
        many = lambda raw, c=codec: packed(c)(raw).text(0x00280008, "2000000000", b"IS")
        yield Case(f"{codec} of 2,000,000,000 frames", BOMBS, NOT_WRONG, alone(many), is_dangerous=True)

    def frames(raw: Raw) -> Raw:
        """Give 65,000 frames of one byte."""
        raw = raw.short(0x00280010, 30000).short(0x00280011, 30000).text(0x00280008, "65000", b"IS")
        return raw.compressed(fragments([b"\0\0"] * 65000), CODECS["j2k"])

    yield Case("65,000 empty frames of 30000 x 30000", BOMBS, NOT_WRONG, alone(frames), is_dangerous=True)

    def j2k(raw: Raw) -> Raw:
        stream = patched(encoded("j2k", 0), 8, struct.pack(">IIIIII", 60000, 60000, 0, 0, 60000, 60000))
        raw = raw.short(0x00280010, 60000).short(0x00280011, 60000)
        return raw.compressed(fragments([stream]), CODECS["j2k"])

    yield Case("j2k of 60000 x 60000 in truth", BOMBS, NOT_WRONG, alone(j2k), is_dangerous=True)
