"""Folders in which series are mixed, doubled, or have lost a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid as uids
from torture.legal import of, spread
from torture.raw import Raw
from torture.seeds import AFFINE, AT, alone, one_of, packed, series, single, truth, voxels, write
from torture.truth import NOT_WRONG, RIGHT, WARNED, Case, Truth

MIXED = "mixed series"
INSTANCE, SERIES = 0x00080018, 0x0020000E


def folder_of(files: Any, *truths: Truth) -> Any:
    return lambda folder: (write(folder, files() if callable(files) else files), list(truths) or [truth()])


def other(seed: int = 1, shift: float = 0.0, **options: Any) -> tuple[Raw, ...]:
    """Return another series of other values, moved along the slices."""
    affine = AFFINE.copy()
    affine[2, 3] += shift
    return series(f"other {seed}", seed, affine=tuple(map(tuple, affine)), **options)


def moved(seed: int = 1, shift: float = 0.0) -> Truth:
    affine = AFFINE.copy()
    affine[2, 3] += shift
    return Truth.of(voxels(seed=seed), affine)


def joined(files: tuple[Raw, ...], raw: Raw = series()[0]) -> list[Raw]:  # noqa: B008
    """Give files the series of another one."""
    return [f.put(SERIES, raw[SERIES]) for f in files]


def cases() -> Iterator[Case]:
    first = list(series())
    yield Case("two series", MIXED, RIGHT, folder_of([*first, *other()], truth(), moved()))
    yield Case(
        "two series, interleaved names",
        MIXED,
        RIGHT,
        folder_of([f for pair in zip(first, other()) for f in pair], truth(), moved()),
    )
    yield Case(
        "three series",
        MIXED,
        RIGHT,
        folder_of([*first, *other(), *other(2, 50)], truth(), moved(), moved(2, 50)),
    )
    yield Case("a slice of another series among them", MIXED, WARNED, folder_of([*first, other()[3]]))
    yield Case(
        "two series under one UID at other places",
        MIXED,
        NOT_WRONG,
        folder_of([*first, *joined(other(1, 300))], truth(), moved(1, 300)),
        also=((_long(),),),
    )
    two = np.stack([voxels(), voxels(seed=1)])
    in_time = Truth.of(two, AFFINE)
    yield Case(
        "two series under one UID at the same places",
        MIXED,
        NOT_WRONG,
        folder_of([*first, *joined(other())], in_time),
        also=((truth(),), (moved(),)),
    )
    yield Case("every file twice", MIXED, WARNED, folder_of([*first, *first]))
    yield Case("one file twice", MIXED, WARNED, folder_of([*first, first[AT]]))
    yield Case("slice 2 missing", MIXED, WARNED, folder_of([f for i, f in enumerate(first) if i != 2]))
    for k in (0, 5):  # nobody can know
        yield Case(
            f"slice {k} missing",
            MIXED,
            RIGHT,
            folder_of([f for i, f in enumerate(first) if i != k], _without(k)),
        )
    yield Case(
        "two slices missing", MIXED, WARNED, folder_of([f for i, f in enumerate(first) if i not in (2, 3)])
    )
    yield Case(
        "every other slice",
        MIXED,
        NOT_WRONG,
        folder_of(first[::2], Truth.of(voxels()[::2], AFFINE @ np.diag([2.0, 1, 1, 1]))),
    )
    same = lambda raw: raw.put(INSTANCE, first[0][INSTANCE])
    yield Case(
        "the same SOPInstanceUID with other pixels", MIXED, NOT_WRONG, folder_of([same(f) for f in first])
    )
    yield Case(
        "the same SOPInstanceUID twice with other pixels",
        MIXED,
        NOT_WRONG,
        folder_of([*first[:3], first[3].put(INSTANCE, first[2][INSTANCE]), *first[4:]]),
    )
    copy = first[AT].put(0x7FE00010, first[0][0x7FE00010])
    yield Case("a copy with other pixels", MIXED, NOT_WRONG, folder_of([*first, copy]))
    fresh = copy.put(INSTANCE, b"1.2.3.4.5.6")
    yield Case("another image at the place of a slice", MIXED, NOT_WRONG, folder_of([*first, fresh]))
    yield Case(
        "another image, its name first", MIXED, NOT_WRONG, folder_of([fresh, *first]), also=((_swapped(),),)
    )
    for name, edit in {
        "another size": lambda raw: of(spread("u2", (6, 8, 10)))(raw),
        "another spacing": lambda raw: raw.text(0x00280030, "1.2\\1.2"),
        "another orientation": lambda raw: raw.text(0x00200037, "0\\1\\0\\0\\0\\-1"),
        "another rescale": lambda raw: raw.text(0x00281052, "-1000"),
        "another slope": lambda raw: raw.text(0x00281053, "2"),
        "another type": lambda raw: of(spread("u1"))(raw),
        "colour": lambda raw: of(spread("u1", (6, 16, 20, 3)))(raw),
        "another kernel": lambda raw: raw.text(0x00181210, "SHARP", b"SH"),
        "an image type of its own": lambda raw: raw.text(0x00080008, "DERIVED\\SECONDARY"),
        "MONOCHROME1": lambda raw: raw.text(0x00280004, "MONOCHROME1"),
        "another frame of reference": lambda raw: raw.put(0x00200052, b"1.2.3.4"),
        "another modality": lambda raw: raw.text(0x00080060, "MR"),
        "another study": lambda raw: raw.put(0x0020000D, b"1.2.3.4"),
        "another patient": lambda raw: raw.text(0x00100020, "SOMEBODY ELSE"),
        "another class": lambda raw: raw.put(0x00080016, uids.MRImageStorage.encode()),
        "a localizer": lambda raw: raw.text(0x00080008, "ORIGINAL\\PRIMARY\\LOCALIZER"),
        "compressed": packed("j2k"),
        "another acquisition": lambda raw: raw.text(0x00200012, "9"),
    }.items():
        also = ((_rescaled(name),),) if name in ("another rescale", "another slope", "another type") else ()
        yield Case(f"one slice of {name}", MIXED, NOT_WRONG, one_of(edit), also=also)
    half = [f if k < 3 else of(spread("u2", (6, 8, 10)))(f) for k, f in enumerate(first)]
    small = Truth.of(spread("u2", (6, 8, 10))[3:], _from(3))
    yield Case(
        "half of another size", MIXED, NOT_WRONG, folder_of(half, Truth.of(voxels()[:3], AFFINE), small)
    )
    report = (
        first[0].drop(*(e.tag for e in first[0].body if e.tag >> 16 in (0x28, 0x7FE0))).text(0x00080060, "SR")
    )
    report = (
        report.put(0x00080016, uids.BasicTextSRStorage.encode()).put(INSTANCE, b"1.2.9").put(SERIES, b"1.2.8")
    )
    yield Case("a report beside it", MIXED, WARNED, folder_of([*first, report]))
    yield Case("notes beside it", MIXED, RIGHT, _with_notes)
    yield Case("one slice of two files", MIXED, RIGHT, alone(lambda raw: raw, lambda: [single()]))
    yield Case("the neighbours of a file", MIXED, RIGHT, _one_in_folder)


def _from(k: int) -> np.ndarray:
    affine = AFFINE.copy()
    affine[:3, 3] += k * AFFINE[:3, 0]
    return affine


def _without(k: int) -> Truth:
    """Return the truth without a slice at an end."""
    kept = [i for i in range(6) if i != k]
    return Truth.of(voxels()[kept], _from(kept[0]))


def _long() -> Truth:
    """Return two stacks as one; the mean step is that of all."""
    affine = AFFINE.copy()
    affine[2, 0] = (300 + 5 * 2.5) / 11
    return Truth.of(np.concatenate([voxels(), voxels(seed=1)]), affine)


def _swapped() -> Truth:
    array = voxels().copy()
    array[AT] = array[0]
    return Truth.of(array, AFFINE)


def _rescaled(name: str) -> Truth:
    """Return the values as the one slice's own rescale has them."""
    array = voxels().astype(int)
    stored = array[AT] + 1024
    if name == "another type":
        array[AT] = spread("u1")[AT]
    else:
        array[AT] = stored - 1000 if name == "another rescale" else 2 * stored - 1024
    return Truth.of(array, AFFINE)


def _with_notes(folder: Path) -> tuple[Path, list[Truth]]:
    write(folder, series())
    (folder / "notes.txt").write_text("nothing")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + b"\0" * 100)
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" * 40)
    (folder / "._IM0000.dcm").write_bytes(b"\0\5\x16\7" * 40)
    (folder / "empty").write_bytes(b"")
    return folder, [truth()]


def _one_in_folder(folder: Path) -> tuple[Path, list[Truth]]:
    write(folder, series())
    return folder / f"IM{AT:04d}.dcm", [single()]
