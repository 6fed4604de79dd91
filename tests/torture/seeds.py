"""Small sound series that bad input is made of, and how they are written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid as uids
from torture.raw import PIXELS, Raw, fragments, parse
from torture.truth import NOT_WRONG, Case, Truth

SHAPE = (6, 16, 20)
#: The slice that is damaged where one among others is.
AT = 2
Edit = Callable[[Raw], Raw | bytes]

AFFINE = np.eye(4)
AFFINE[:3, :3] = np.column_stack([[0, 0, 2.5], [0, 0.8, 0], [0.6, 0, 0]])
AFFINE[:3, 3] = (-20.5, -31.25, 12.75)


@cache
def voxels(shape: tuple[int, ...] = SHAPE, seed: int = 0, low: int = -1000) -> np.ndarray:
    """Return values that are all different, in HU."""
    count = int(np.prod(shape))
    return (np.random.RandomState(seed).permutation(count).reshape(shape) + low).astype(np.int16)


@cache
def series(description: str = "torture", seed: int = 0, **options: Any) -> tuple[Raw, ...]:
    """Return the files of a sound CT."""
    from dicomview.samples import write_series

    options = {"intercept": -1024, "description": description, "bits_stored": 12, **options}
    matrix = np.array(options.pop("affine", AFFINE))
    with tempfile.TemporaryDirectory() as folder:
        files = write_series(folder, voxels(seed=seed), matrix, **options)
        return tuple(parse(file.read_bytes()) for file in files)


def truth() -> Truth:
    return Truth.of(voxels(), AFFINE)


def single(k: int = AT, array: np.ndarray | None = None) -> Truth:
    """Return the truth of one slice alone: no distance to others."""
    affine = AFFINE.copy()
    affine[:3, 3] += k * AFFINE[:3, 0]
    array = voxels()[k] if array is None else array
    return Truth(array[None], (None, 0.8, 0.6), affine)


def data_of(made: Raw | bytes) -> bytes:
    return made if isinstance(made, bytes) else made.bytes()


def write(folder: Path, files: Iterable[Raw | bytes], names: Iterable[str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for k, made in enumerate(files):
        (folder / f"IM{k:04d}.dcm").write_bytes(data_of(made))
    return folder


def one_of(
    edit: Edit, files: tuple[Raw, ...] | None = None, truths: Callable[[], list[Truth]] | None = None
) -> Any:
    """One file of a series is changed."""

    def make(folder: Path) -> tuple[Path, list[Truth]]:
        made: list[Raw | bytes] = list(files or series())
        made[AT] = edit(made[AT])  # type: ignore[arg-type]
        return write(folder, made), truths() if truths else [truth()]

    return make


def all_of(edit: Edit, truths: Callable[[], list[Truth]] | None = None) -> Any:
    """All files of a series are changed."""

    def make(folder: Path) -> tuple[Path, list[Truth]]:
        return write(folder, map(edit, series())), truths() if truths else [truth()]

    return make


def alone(edit: Edit, truths: Callable[[], list[Truth]] | None = None, start: Raw | None = None) -> Any:
    """A file without others is changed."""

    def make(folder: Path) -> tuple[Path, list[Truth]]:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "IMAGE.dcm"
        path.write_bytes(data_of(edit(start or series()[AT])))
        return path, truths() if truths else [single()]

    return make


def thrice(name: str, category: str, edit: Edit, expected: str = NOT_WRONG, **options: Any) -> list[Case]:
    """One file among sound ones, all files, and a file alone."""
    return [
        Case(f"{name}, one of", category, expected, one_of(edit), **options),
        Case(f"{name}, all of", category, expected, all_of(edit), **options),
        Case(f"{name}, alone", category, expected, alone(edit), **options),
    ]


def twice(name: str, category: str, edit: Edit, expected: str = NOT_WRONG, **options: Any) -> list[Case]:
    return thrice(name, category, edit, expected, **options)[::2]


# Compressed and multi-frame ------------------------------------------------------------------------

CODECS = {
    "rle": uids.RLELossless,
    "jpeg lossless": uids.JPEGLosslessSV1,
    "jpeg-ls": uids.JPEGLSLossless,
    "j2k": uids.JPEG2000Lossless,
    "htj2k": uids.HTJ2KLossless,
}


@cache
def encoded(codec: str, k: int) -> bytes:
    """Return the codestream of the stored values of a slice."""
    import imagecodecs
    from pixelfiles import rle

    stored = (voxels()[k].astype(int) + 1024).astype(np.uint16)
    if codec == "rle":
        return rle(stored)
    if codec == "jpeg lossless":
        return bytes(imagecodecs.ljpeg_encode(stored))
    if codec == "jpeg-ls":
        return bytes(imagecodecs.jpegls_encode(stored))
    if codec == "j2k":
        return bytes(imagecodecs.jpeg2k_encode(stored, codecformat="j2k", level=0, reversible=True))
    return bytes(imagecodecs.htj2k_encode(stored, reversible=True))


def packed(codec: str, change: Callable[[bytes], bytes] = bytes) -> Callable[[Raw], Raw]:
    """Return an edit that compresses a slice, the codestream changed."""

    def edit(raw: Raw) -> Raw:
        number = int(raw[0x00200013])
        return raw.compressed(fragments([change(encoded(codec, number - 1))]), CODECS[codec])

    return edit


def compressed_series(codec: str, edit: Callable[[Raw], Raw | bytes], *, every: bool = False) -> Any:
    """A compressed series, one file or all of it changed further."""

    def make(folder: Path) -> tuple[Path, list[Truth]]:
        made: list[Raw | bytes] = [packed(codec)(raw) for raw in series()]
        made = [edit(raw) if every or k == AT else raw for k, raw in enumerate(made)]  # type: ignore[arg-type]
        return write(folder, made), [truth()]

    return make


@cache
def film(codec: str = "") -> Raw:
    """Return a film of all slices, as multi-frame file: no positions."""
    raw = series()[0].drop(0x00200032, 0x00200037)
    raw = raw.put(0x00080016, uids.MultiFrameGrayscaleWordSecondaryCaptureImageStorage.encode())
    raw = raw.text(0x00280008, str(len(voxels())), b"IS").text(0x00181063, "40", b"DS")
    if codec:
        return raw.compressed(fragments([encoded(codec, k) for k in range(len(voxels()))]), CODECS[codec])
    return raw.put(PIXELS, b"".join(r[PIXELS] for r in series()))


def film_truth(count: int = SHAPE[0]) -> Truth:
    """Return the frames of the film: an extra dimension of one slice each."""
    return Truth(voxels()[:count, None], (None, 0.8, 0.6), None)
