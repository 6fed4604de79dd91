"""Volumes held against reference values: axes made canonical, then shape, affine and voxels compared."""

import hashlib
import json
import os
import sys
from itertools import permutations
from pathlib import Path

import numpy as np

import dicomview as dv

#: Folder with scanner data and expected.json; not part of the repository.
DATA = Path(os.environ.get("DICOMVIEW_DATA", Path(__file__).parents[2] / "shared" / "data"))
#: No single affine fits a series whose positions leave it by more than this, mm.
RESIDUAL = 0.05


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


def check(entry):
    """Read one entry and return what differs from the reference; nothing when it is right."""
    expected = entry["expected"]
    frames = [
        (volume, frame)
        for volume in dv.mvolread([DATA / file for file in entry["files"]])
        for frame in np.ndindex(*(len(d) for d in volume.dimensions))
    ]
    results = [compare(volume, frame, entry) for volume, frame in frames]
    # The reference may describe one of several stacks of a series.
    fitting = [result for result in results if not any("shape" in problem for problem in result[0])]
    wanted = sorted(expected.get("volumes_sha") or [expected["sha256_f32"]])
    fitting = [result for result in fitting if result[1] in wanted] or fitting
    problems = [problem for found, _ in fitting or results for problem in found]
    if sorted(digest for _, digest in fitting) != wanted:
        problems.append("voxels differ")
    return list(dict.fromkeys(problems))


def compare(volume, frame, entry):
    """Return the problems of one frame and the hash of its voxels."""
    expected, geometry, problems = entry["expected"], volume.geometry, []
    if geometry.affine is None:
        return ["the file gives no place; ours is None"], ""
    missing = volume.missing_slices(frame)
    present = np.setdiff1d(np.arange(geometry.shape[0]), missing)
    affine = geometry.affine.copy()
    if missing:
        # The references count acquired slices only: their step is the mean one, also across a gap.
        first, *_, last = geometry.slice_positions[present]
        affine[:3, 0] = (last - first) / (len(present) - 1)
    array, affine = canonical(np.asarray(volume.frame(frame))[present], affine)
    shape = [*array.shape[:3][::-1], *array.shape[3:]]
    if shape != expected["shape_canon_LPS"]:
        return [f"shape {shape}, expected {expected['shape_canon_LPS']}"], ""
    off = abs(affine - np.array(expected["affine_canon_LPS"]))
    if len(present) == 1:
        off = np.delete(off, np.argmin(shape[:3]), axis=1)  # one slice has no step
    if off.max() > 1e-3:
        problems.append(f"affine off by {off.max():.4g}")
    if entry.get("one_affine_residual_mm", 0) > RESIDUAL:
        # No single affine fits: the exact positions of the slices count.
        exact = np.array(sorted(entry["slice_positions_lps"]))
        ours = np.array(sorted(geometry.slice_positions[present].tolist()))
        if exact.shape != ours.shape or abs(exact - ours).max() > 1e-3:
            problems.append("slice positions differ")
    voxels = np.ascontiguousarray(array, dtype="<f4")
    return problems, hashlib.sha256(voxels.tobytes()).hexdigest()


def main():
    """Print the score of everything that two readers, one, or at least the formulas vouch for."""
    right = 0
    chosen = entries(kinds=None, trusts=("high", "medium", "arithmetic-only"))
    if not chosen:
        sys.exit(f"no reference data in {DATA}: set DICOMVIEW_DATA to a folder with expected.json")
    for entry in chosen:
        try:
            problems = check(entry)
        except dv.DicomviewError as error:
            problems = [f"{type(error).__name__}: {str(error).splitlines()[0]}"]
        right += not problems
        print(f"{entry['id']:24} {entry['expected']['trust']:7} {'; '.join(problems) or 'right'}")
    print(f"{right} of {len(chosen)} series right in shape, affine and voxels")


if __name__ == "__main__":
    main()
