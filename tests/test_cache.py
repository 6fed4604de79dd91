"""The header cache: the same table without opening the files, and nothing of the patient in it."""

import json
import os
import shutil

import numpy as np
import pydicom
import pytest
from conftest import make_voxels

import dicomview as dv
from dicomview.errors import DecodeError
from dicomview.io import cache as module
from dicomview.io import discover
from dicomview.io.headers import read_headers

SECRETS = {
    "PatientName": "Canary^Name", "PatientID": "CANARY-ID", "PatientBirthDate": "19010203",
    "PatientComments": "canary comments", "AccessionNumber": "CANARYACC", "StudyID": "CANARYSTUDY",
    "InstitutionName": "Canary Hospital", "StudyDescription": "canary study", "ImageComments": "canary image",
    "ReferringPhysicianName": "Canary^Doctor", "ProtocolName": "canary protocol",
    "ConvolutionKernel": "CANARYKERNEL", "StationName": "CANARYSTATION",
}  # fmt: skip


@pytest.fixture
def folder(write, tmp_path):
    """Two series whose names, descriptions and elements give the patient away."""
    root = tmp_path / "Canary_Folder"
    for number, description in enumerate(("canary first", "canary second")):
        write(
            root / str(number),
            series_uid=f"1.2.{number}",
            description=description,
            elements={**SECRETS, "ImageType": ["ORIGINAL", "PRIMARY", "CANARYTYPE"], "SeriesNumber": number},
        )
    return root


@pytest.fixture
def opened(monkeypatch):
    """Names of the files whose headers were read or learned from."""
    names = []
    for owner in (discover, module):
        monkeypatch.setattr(owner, "read_headers", lambda file: names.append(file.name) or read_headers(file))
    likely = discover.Likenesses.header
    monkeypatch.setattr(
        discover.Likenesses, "header", lambda self, file: names.append(file.name) or likely(self, file)
    )
    return names


def rows(found):
    told = [(s.uid, s.row(), s.shape, s.spacing, s.warnings, s.files, s.reason) for s in found]
    return told, repr(found)


def test_the_same_table_without_opening_the_files(folder, tmp_path, opened):
    plain = dv.find_series(folder)
    first = dv.find_series(folder, cache=tmp_path / "headers")
    opened.clear()
    second = dv.find_series(folder, cache=tmp_path / "headers")
    assert rows(first) == rows(second) == rows(plain)
    assert len(opened) == 2  # one of each series, for its texts
    ours, theirs = second[1].read(), plain[1].read()
    np.testing.assert_array_equal(ours.array, theirs.array)
    assert ours.sources == theirs.sources and ours.report == theirs.report
    assert list(ours.meta.items()) == list(theirs.meta.items())
    pytest.importorskip("dask.array")
    np.testing.assert_array_equal(np.asarray(second[0].read(lazy=True)), plain[0].read().array)


def test_nothing_of_the_patient_is_in_it(folder, tmp_path):
    dv.find_series(folder, cache=tmp_path / "headers")
    content = (tmp_path / "headers").read_bytes()
    assert b"canary" not in content.lower() and b"19010203" not in content
    dataset = pydicom.dcmread(next((folder / "0").iterdir()))
    for uid in (dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID):
        assert uid.encode() not in content
    head, body = content.split(b"\n")
    assert json.loads(head)["version"] == 2
    keys = {name for entry in json.loads(body)["files"].values() for name, _ in entry[4][-1]}
    assert keys <= {"AcquisitionNumber", "InstanceNumber", "AcquisitionTime", "ContentTime"}
    texts = [t for e in json.loads(body)["files"].values() for t in e[4] if isinstance(t, str)]
    assert not texts


def test_a_file_that_changed_is_read_anew(folder, tmp_path, opened):
    dv.find_series(folder, cache=tmp_path / "headers")
    path = sorted((folder / "0").iterdir())[2]
    dataset = pydicom.dcmread(path)
    dataset.ImagePositionPatient = [1000, 1000, 1000]
    dataset.save_as(path)
    os.utime(path, ns=(1, 1))
    opened.clear()
    found = dv.find_series(folder, cache=tmp_path / "headers")
    assert path.name in opened
    assert rows(found) == rows(dv.find_series(folder))
    opened.clear()
    assert rows(dv.find_series(folder, cache=tmp_path / "headers")) == rows(found)
    assert len(opened) == 2


def test_files_that_come_and_go(folder, tmp_path):
    cache = tmp_path / "headers"
    dv.find_series(folder, cache=cache)
    first, second, *_ = sorted((folder / "0").iterdir())
    shutil.copy(second, folder / "0" / "copy.dcm")
    first.unlink()
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "broken.dcm").write_bytes(b"x" * 200)
    for _ in range(2):
        found = dv.find_series(folder, cache=cache)
        assert rows(found) == rows(dv.find_series(folder))
        assert found[0].stack.dropped  # the copy


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"", lambda data: b"\x00\xff" * 40, lambda data: data[:-5], lambda data: b"[]\n[]",
        lambda data: data.replace(b'"version": 2', b'"version": 1'),
        lambda data: data.replace(b"1.0", b"2.0"),
        lambda data: data.split(b"\n")[0] + b"\n{}",
    ],
)  # fmt: skip
def test_a_damaged_or_older_cache_is_written_anew(folder, tmp_path, opened, damage):
    cache = tmp_path / "headers"
    dv.find_series(folder, cache=cache)
    cache.write_bytes(damage(cache.read_bytes()))
    opened.clear()
    found = dv.find_series(folder, cache=cache)
    assert len(opened) > 10 and rows(found) == rows(dv.find_series(folder))
    opened.clear()
    dv.find_series(folder, cache=cache)
    assert len(opened) == 2


def test_a_cache_that_cannot_be_written_is_said(folder, tmp_path):
    with pytest.warns(UserWarning, match="cannot be written"):
        found = dv.find_series(folder, cache=tmp_path / "nowhere" / "headers")
    assert len(found) == 2


def test_a_series_that_changed_after_it_was_found(folder, tmp_path):
    found = dv.find_series(folder, cache=tmp_path / "headers")
    next((folder / "0").iterdir()).write_bytes(b"x" * 200)
    with pytest.raises(DecodeError, match="find_series again"):
        found[0].read()


def test_parts_of_a_file_and_other_kinds(folder, tmp_path, write):
    """Files that are not kept: without pixels, of several frames, with remarks."""
    files = sorted((folder / "0").iterdir())
    dataset = pydicom.dcmread(files[0])
    dataset.RescaleSlope = 0
    dataset.save_as(files[0])
    dataset = pydicom.dcmread(files[1])
    del dataset.PixelData
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    dataset.SeriesInstanceUID = "1.2.77"
    dataset.save_as(files[1])
    for _ in range(2):
        found = dv.find_series(folder, cache=tmp_path / "headers")
        assert rows(found) == rows(dv.find_series(folder))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dv.options, "memory_budget", None)
            np.testing.assert_array_equal(
                found.volumes[0].read().array, dv.find_series(folder).volumes[0].read().array
            )


def test_times_are_those_of_the_files_and_are_not_kept(write, tmp_path):
    times = [f"1200{3 * i:02d}.25" for i in range(12)]
    array = np.concatenate([make_voxels(), make_voxels(seed=1)])
    files = write("timed", array, elements=lambda i: {"AcquisitionTime": times[i]})
    for i, file in enumerate(files):  # two times at each place; the first file says less
        dataset = pydicom.dcmread(file)
        dataset.ImagePositionPatient = [0, 0, 2.5 * (i % 6)]
        if not i:
            del dataset.ContentTime
        dataset.save_as(file)
    plain = dv.volread(files[0].parent)
    for known in (files[:5], files, files[3:], files):
        assert dv.find_series(known, cache=tmp_path / "headers") is not None
    again = dv.find_series(files[0].parent, cache=tmp_path / "headers")[0]
    assert again.stack.dimensions == plain.dimensions and len(plain.dimensions[0]) == 2
    assert [h.keys for h in again.stack.headers] == [h.keys for h in dv.find_series(files)[0].stack.headers]
    body = (tmp_path / "headers").read_text(encoding="utf-8")
    assert ".25" not in body and "43200" not in body
