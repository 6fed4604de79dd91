"""Scanner data against reference values, where that data is present; and the comparison itself."""

import numpy as np
import pydicom
import pytest
import reference
from conftest import make_affine, make_voxels

import dicomview as dv

ENTRIES = reference.entries(kinds=("volume", "4d", "enhanced", "mosaic"))


@pytest.mark.skipif(not ENTRIES, reason=f"no reference data in {reference.DATA} (set DICOMVIEW_DATA)")
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_shape_affine_and_voxels_are_the_reference_ones(entry):
    assert reference.check(entry) == []


@pytest.fixture
def entry(write):
    """Return a reference entry for a series of known truth."""
    files = write(matrix=make_affine("coronal"))
    array, affine = reference.canonical(make_voxels(), make_affine("coronal"))
    expected = {
        "shape_canon_LPS": list(array.shape[::-1]),
        "affine_canon_LPS": affine.tolist(),
        "sha256_f32": reference.sha(array),
        "trust": "high",
    }
    return {"id": "coronal", "set": "synthetic", "files": files, "expected": expected}


@pytest.mark.parametrize("name", ["dicomview", "SimpleITK"])
def test_every_kind_of_difference_is_told(entry, name):
    pytest.importorskip(name)
    expected, read = entry["expected"], reference.READERS[name]
    assert reference.check(entry, read) == []
    expected["affine_canon_LPS"][0][3] += 0.5
    assert reference.check(entry, read) == ["affine off by 0.5"]
    expected["affine_canon_LPS"][0][3] -= 0.5
    expected["sha256_f32"] = reference.sha(np.zeros(3))
    assert reference.check(entry, read) == ["voxels differ"]
    expected["shape_canon_LPS"][0] += 1
    assert reference.check(entry, read) == ["shape 10×6×8, not 11×6×8"]


def test_none_is_right_where_no_file_gives_a_place(entry, tmp_path):
    header = pydicom.dcmread(entry["files"][3])
    placed = header.save_as(tmp_path / "placed.dcm") or tmp_path / "placed.dcm"
    del header.ImagePositionPatient, header.ImageOrientationPatient
    header.save_as(tmp_path / "unplaced.dcm")
    array = dv.imread(placed).array[None]
    expected = {"shape_canon_LPS": [*array.shape[::-1]], "affine_canon_LPS": np.eye(4).tolist(),
                "sha256_f32": reference.sha(array), "trust": "medium"}  # fmt: skip
    alone = {"id": "one", "set": "synthetic", "files": [tmp_path / "unplaced.dcm"], "expected": expected}
    assert reference.check(alone) == []
    expected["sha256_f32"] = reference.sha(array + 1)
    assert reference.check(alone) == ["voxels differ"]
    reading = reference.Reading(array, None)
    assert reference.compare(reading, {**alone, "files": [placed]})[0] == ["no place given"]


def test_imageio_is_judged_by_what_it_offers(entry):
    # It measures slice distances along z alone: a coronal stack has none.
    with reference.hushed():
        assert reference.check(entry, reference.read_imageio) == ["spacing off by 4"]


def test_score_says_once_what_is_not_installed(entry, monkeypatch, capsys):
    readers = {"dicomview": reference.read_dicomview, "no_such_reader": reference.read_simpleitk}
    monkeypatch.setattr(reference, "READERS", readers)
    right = reference.score([entry])
    assert right == {"dicomview": [entry], "no_such_reader": None}
    said = capsys.readouterr().out
    assert said.count("no_such_reader is not installed") == 1
    row = said.splitlines()[-1].split()
    assert row == ["coronal", "high", "right", "-"]
