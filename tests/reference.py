"""Volumes of several readers held against reference values, on canonical axes: shape, place, voxels."""

import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import permutations
from pathlib import Path

import numpy as np
import pydicom

import dicomview as dv

#: Folder with scanner data and expected.json; not part of the repository.
DATA = Path(os.environ.get("DICOMVIEW_DATA", Path(__file__).parents[2] / "shared" / "data"))
#: No single affine fits a series whose positions leave it by more than this, mm.
RESIDUAL = 0.05
TOLERANCE = 1e-3


@dataclass
class Reading:
    """One volume as a reader gives it: array (slice, row, column[, colour]) of acquired slices.

    ``affine`` maps the index (slice, row, column) to LPS mm; None where the reader gives no place.
    ``positions`` are those of the slices, where the reader gives more than an affine.
    With ``only_spacing`` the affine is made up of directions and spacing: the origin is not judged, nor
    whether the slices run up or down.
    """

    array: np.ndarray
    affine: np.ndarray | None
    positions: np.ndarray | None = None
    only_spacing: bool = False


def entries(kinds=("volume",), trusts=("high", "medium")):
    """Return the reference entries of these kinds."""
    path = DATA / "expected.json"
    if not path.exists():
        return []
    return [
        entry
        for entry in json.loads(path.read_text())
        if (kinds is None or entry["kind"] in kinds) and entry.get("expected", {}).get("trust") in trusts
    ]


def canonical(array, affine):
    """Permute and flip so that axes run closest to +S, +P, +L; array (z, y, x), affine for (x, y, z)."""
    unit = abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    axes = max(permutations(range(3)), key=lambda p: sum(unit[i, p[i]] for i in range(3)))
    result = np.eye(4)
    result[:3, 3] = affine[:3, 3]
    flips = []
    for component, axis in enumerate(axes):
        column = affine[:3, axis]
        if column[component] < 0:
            result[:3, 3] += column * (array.shape[axis] - 1)
            column = -column
            flips.append(axis)
        result[:3, component] = column
    array = np.flip(array, flips) if flips else array
    order = (*axes[::-1], *range(3, array.ndim))
    return array.transpose(order), result


# --- readers: files of one entry -> volumes ---


def read_dicomview(files):
    """Read every frame of every volume with dicomview."""
    for volume in dv.mvolread(files):
        for frame in np.ndindex(*(len(d) for d in volume.dimensions)):
            yield _frame(volume, frame)


def _frame(volume, frame):
    geometry = volume.geometry
    missing = volume.missing_slices(frame)
    present = np.setdiff1d(np.arange(geometry.shape[0]), missing)
    array = np.asarray(volume.frame(frame))[present]
    if geometry.affine is None:
        return Reading(array, None)
    affine, positions = geometry.affine.copy(), geometry.slice_positions[present]
    if missing:
        # The references count acquired slices only: their step is the mean one, also across a gap.
        affine[:3, 0] = (positions[-1] - positions[0]) / max(len(present) - 1, 1)
        affine[:3, 3] = positions[0]
    return Reading(array, affine, positions)


def read_simpleitk(files):
    """Read as SimpleITK's documentation does: a series in the order of GDCM, a single file by itself."""
    import SimpleITK as sitk

    sitk.ProcessObject_SetGlobalWarningDisplay(False)
    if len(files) == 1:
        images = [sitk.ReadImage(str(files[0]))]
    else:
        with linked(files) as folder:
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames
            found = sitk.ImageSeriesReader.GetGDCMSeriesIDs(folder)
            images = [sitk.ReadImage(names(folder, uid)) for uid in found]
    return [from_sitk(image) for image in images]


def from_sitk(image):
    """Take array and affine, index (slice, row, column) to LPS mm, from a SimpleITK image."""
    import SimpleITK as sitk

    if image.GetDimension() != 3:
        raise ValueError(f"{image.GetDimension()} dimensions")
    affine = np.eye(4)
    directions = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, :3] = directions[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    return Reading(sitk.GetArrayFromImage(image), affine)


def read_imageio(files):
    """Read with imageio's own folder reader, which gives the spacing and no affine."""
    import imageio.v2 as iio

    with linked(files) as folder:
        array = iio.volread(folder, format="DICOM")
    # A single file may come with the distances of its plane only; the directions must be told all the same.
    sampling = array.meta.get("sampling", (1e-6,) * 3)
    spacing = np.maximum([1e-6] * (3 - len(sampling)) + list(sampling), 1e-6)
    cosines = array.meta.get("ImageOrientationPatient")
    if cosines is None:
        return [Reading(np.asarray(array), None)]
    row, column = np.reshape(cosines, (2, 3))
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([np.cross(row, column), column, row]) * spacing
    array = np.asarray(array)
    return [Reading(array if array.ndim > 2 else array[None], affine, only_spacing=True)]


#: The readers by the name of their package.
READERS: dict[str, Callable] = {
    "dicomview": read_dicomview,
    "SimpleITK": read_simpleitk,
    "imageio": read_imageio,
}


@contextlib.contextmanager
def linked(files):
    """Make a folder with links to these files and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            Path(folder, f"{number:05d}.dcm").symlink_to(Path(file).resolve())
        yield folder


# --- comparison ---


def check(entry, reader=read_dicomview):
    """Read one entry and return what differs from the reference; nothing when it is right."""
    expected = entry["expected"]
    results = [compare(reading, entry) for reading in reader([DATA / file for file in entry["files"]])]
    # The reference may describe one of several stacks of a series.
    fitting = [result for result in results if not any("shape" in problem for problem in result[0])]
    wanted = sorted(expected.get("volumes_sha") or [expected["sha256_f32"]])
    fitting = [result for result in fitting if result[1] in wanted] or fitting
    if not results:
        return ["finds no volume"]
    problems = [problem for found, _ in fitting or results for problem in found]
    if len(fitting) != len(wanted) and not problems:
        problems.append(f"{len(fitting)} volumes of {len(wanted)}")
    elif (
        fitting and all(digest for _, digest in fitting) and sorted(digest for _, digest in fitting) != wanted
    ):
        problems.append("voxels differ")
    return list(dict.fromkeys(problems))


def compare(reading, entry):
    """Return the problems of one volume and the hash of its voxels."""
    expected = entry["expected"]
    placeless = reading.affine is None
    if placeless and is_placed(entry):
        return ["no place given"], ""
    array, affine = canonical(reading.array, np.eye(4)[[2, 1, 0, 3]] if placeless else reading.affine)
    shape = [*array.shape[:3][::-1], *array.shape[3:]]
    if shape != expected["shape_canon_LPS"]:
        ours, wanted = ("×".join(map(str, sizes)) for sizes in (shape, expected["shape_canon_LPS"]))
        return [f"shape {ours}, not {wanted}"], ""
    digest = sha(array)
    if digest != expected["sha256_f32"] and is_rounded(array, expected):
        digest = expected["sha256_f32"]
    if placeless:
        return [], digest
    if reading.only_spacing and digest != expected["sha256_f32"]:
        turned = Reading(reading.array[::-1], reading.affine)
        digest = sha(canonical(turned.array, turned.affine)[0])
    return list(misplaced(reading, affine, entry)), digest


def is_rounded(array, expected):
    """Return whether values that are no integers are those of the reference but for the last bits of float32.

    A reader that keeps the slope in float32 gets others than one that takes the decimal string as it is.
    """
    values = np.array([array[tuple(place[::-1])] for place in expected.get("probe_index_canon", [])])
    if not values.size or (values == np.rint(values)).all():
        return False
    lowest, highest = expected["min"], expected["max"]
    found = [*values, array.min(), array.max()]
    return np.allclose(found, [*expected["probe_values"], lowest, highest], rtol=2e-7, atol=0)


def is_placed(entry):
    """Return whether any file of an entry says where it lies; else the place of the reference is made up."""
    headers = (pydicom.dcmread(DATA / file, stop_before_pixels=True) for file in entry["files"])
    return any(element.keyword == "ImagePositionPatient" for h in headers for element in h.iterall())


def misplaced(reading, affine, entry):
    """Yield how the place of a volume differs; ``affine`` is the canonical one."""
    wanted = np.array(entry["expected"]["affine_canon_LPS"])
    single = reading.array.shape[0] == 1
    axis = np.argmin(entry["expected"]["shape_canon_LPS"][:3])
    if reading.only_spacing:
        off = abs(np.linalg.norm(affine[:3, :3], axis=0) - np.linalg.norm(wanted[:3, :3], axis=0))
        name = "spacing"
    else:
        off, name = abs(affine - wanted), "affine"
    if single:
        off = np.delete(off, axis, axis=-1)  # one slice has no step
    if off.max() > TOLERANCE:
        yield f"{name} off by {off.max():.4g}"
    if entry.get("one_affine_residual_mm") and entry["one_affine_residual_mm"] > RESIDUAL:
        # No single affine fits: the exact positions of the slices count.
        exact = np.array(sorted(entry["slice_positions_lps"]))
        ours = reading.positions
        if ours is None:
            ours = (np.arange(len(reading.array))[:, None] * reading.affine[:3, 0]) + reading.affine[:3, 3]
        ours = np.array(sorted(ours.tolist()))
        if reading.only_spacing:
            exact, ours = exact - exact[0], ours - ours[0]
        if exact.shape != ours.shape or abs(exact - ours).max() > TOLERANCE:
            yield "slice positions differ"


def sha(array):
    """Return the hash of the voxels as little-endian float32."""
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<f4").tobytes()).hexdigest()


# --- score ---


@contextlib.contextmanager
def hushed():
    """Keep to ourselves what a reader prints, warns of, and writes to standard error below Python."""
    sys.stderr.flush()
    saved, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)


def verdict(entry, reader):
    """Say "right", or what differs."""
    try:
        with hushed():
            problems = check(entry, reader)
    except Exception as error:  # whatever a reader raises is a series that it does not read
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        problems = [f"{type(error).__name__}: {lines[-1] if lines else ''}"]
    return "; ".join(problems) or "right"


def score(chosen):
    """Print a table; return the entries that each reader has right, None for one that is not installed."""
    right = {name: [] if find_spec(name) else None for name in READERS}
    for name in (name for name, good in right.items() if good is None):
        print(f"{name} is not installed: its column stays empty")
    print("  ".join([f"{'':24} {'trust':6}", *(f"{name:34.34}" for name in READERS)]).rstrip())
    for entry in chosen:
        cells = []
        for name, reader in READERS.items():
            cells.append("-" if right[name] is None else verdict(entry, reader))
            if cells[-1] == "right":
                right[name].append(entry)
        trust = entry["expected"]["trust"]
        line = [f"{entry['id']:24.24} {trust:6.6}", *(f"{cell:34.34}" for cell in cells)]
        print("  ".join(line).rstrip(), flush=True)
    return right


def main():
    """Print the score of everything that two readers, one, or at least the formulas vouch for."""
    chosen = entries(kinds=None, trusts=("high", "medium", "arithmetic-only"))
    if not chosen:
        sys.exit(f"no reference data in {DATA}: set DICOMVIEW_DATA to a folder with expected.json")
    right = score(chosen)
    print("judged: shape, affine, slice positions where no single affine fits, voxels;")
    print("where no file gives a place, none is right;")
    print("of imageio, which gives no affine: shape, spacing, voxels, with the slices in either order")
    found = {name: good for name, good in right.items() if good is not None}
    print(", ".join(f"{name} {len(good)} of {len(chosen)}" for name, good in found.items()))
    # Some sets hold many alike: a set counts when all its entries are right.
    sets = {e["set"] for e in chosen}
    whole = {name: sets - {e["set"] for e in chosen if e not in good} for name, good in found.items()}
    print("whole sets: " + ", ".join(f"{name} {len(good)} of {len(sets)}" for name, good in whole.items()))


if __name__ == "__main__":
    main()
