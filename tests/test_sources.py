"""The same volume from a folder, an archive, a DICOMDIR, bytes, an open file and a list."""

import gc
import io
import shutil
import tarfile
import threading
import warnings
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import imageio.v3 as iio
import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels
from pydicom.fileset import FileSet

import dicomview as dv


@pytest.fixture
def files(write):
    return write("s")


def write_disk(files, folder):
    """Write a folder with a DICOMDIR."""
    study = FileSet()
    for path in files:
        study.add(path)
    study.write(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its temporary folder is cleaned up when it goes
        del study
        gc.collect()
    return folder


def check(volume):
    np.testing.assert_array_equal(volume.array, make_voxels())
    np.testing.assert_allclose(volume.geometry.affine, make_affine(), atol=1e-6)
    assert volume.report.warnings == ()


def test_zip(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, f"study/../{path.name}")
        archive.writestr("study/readme.txt", "nothing")
    vol = dv.volread(tmp_path / "study.zip")
    check(vol)
    assert vol.sources[0].path.name == "IM0000.dcm" and "study.zip" in str(vol.sources[0].path)
    assert dv.dataset(vol, 3).InstanceNumber == 4
    check(iio.imopen(str(tmp_path / "study.zip"), "rv", plugin="dicomview").read())
    assert not (tmp_path / "IM0000.dcm").exists()


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tar(files, tmp_path, mode):
    with tarfile.open(tmp_path / "study.tar.gz", mode) as archive:
        archive.add(files[0].parent, "study")
    check(dv.volread(tmp_path / "study.tar.gz"))
    check(dv.volread([tmp_path / "study.tar.gz"]))


def test_an_archive_cut_short_is_told(files, tmp_path):
    with tarfile.open(tmp_path / "study.tar.gz", "w:gz") as archive:
        archive.add(files[0].parent, "study")
    raw = (tmp_path / "study.tar.gz").read_bytes()
    (tmp_path / "study.tar.gz").write_bytes(raw[: len(raw) // 2])
    try:
        told = str(dv.volread(tmp_path / "study.tar.gz").report)
    except dv.DicomviewError as error:
        told = str(error)
    assert "study.tar.gz: the archive cannot be read to its end" in told


def test_dicomdir(files, tmp_path):
    write_disk(files, tmp_path / "disk")
    check(dv.volread(tmp_path / "disk" / "DICOMDIR"))
    check(dv.volread(tmp_path / "disk"))
    lost = next(p for p in (tmp_path / "disk").rglob("*") if p.is_file() and p.name != "DICOMDIR")
    lost.unlink()
    report = dv.volread(tmp_path / "disk" / "DICOMDIR").report
    assert f"{lost.name}: named by the DICOMDIR, but not there" in "".join(report.warnings)


def test_a_dicomdir_copied_with_names_in_lower_case(files, tmp_path):
    disk = write_disk(files, tmp_path / "disk")
    for file in [path for path in disk.rglob("*") if path.is_file()]:
        copy = tmp_path / "copy" / str(file.relative_to(disk)).lower()
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    check(dv.volread(tmp_path / "copy" / "dicomdir"))


def test_a_dicomdir_reaches_no_other_folder(files, tmp_path):
    write_disk(files[:1], tmp_path / "disk")
    dataset = pydicom.dcmread(tmp_path / "disk" / "DICOMDIR")
    shutil.copy(files[1], tmp_path / "OTHER")
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            tag = pydicom.tag.Tag("ReferencedFileID")
            record[tag] = pydicom.dataelem.RawDataElement(tag, "CS", 8, b"..\\OTHER", 0, False, True)
    dataset.save_as(tmp_path / "disk" / "DICOMDIR")
    with pytest.raises(dv.DicomviewError, match="outside its folder"):
        dv.volread(tmp_path / "disk" / "DICOMDIR")


def test_bytes_and_open_files(files):
    data = files[2].read_bytes()
    np.testing.assert_array_equal(dv.volread(data)[0], make_voxels()[2])
    np.testing.assert_array_equal(dv.volread(io.BytesIO(data))[0], make_voxels()[2])
    with files[2].open("rb") as file:
        np.testing.assert_array_equal(dv.volread(file)[0], make_voxels()[2])
    np.testing.assert_array_equal(iio.imread(data, plugin="dicomview"), make_voxels()[2])
    assert len(dv.find_series(data)) == 1


def test_an_open_archive(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in files:
            archive.write(path, path.name)
    check(dv.volread(stream.getvalue()))
    stream.seek(0)
    check(dv.volread(stream))


def test_a_list_of_paths_as_text(files):
    check(dv.volread([str(path) for path in reversed(files)]))
    check(dv.volread([files[0].parent, files[0]]))


def test_contents_without_names_are_all_read(files):
    check(dv.volread([path.read_bytes() for path in files]))
    check(dv.volread([io.BytesIO(path.read_bytes()) for path in files]))


def test_members_of_one_name_are_all_read(files, tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        warnings.simplefilter("ignore")
        for path in files:
            archive.write(path, "IM.dcm")
    # A reader that goes by name would give the last of them six times.
    found = dv.find_series(tmp_path / "s.zip")
    assert len(found[0].files) == 6


def test_a_damaged_member_costs_only_itself(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for path in files:
            archive.write(path, path.name)
    raw = bytearray((tmp_path / "s.zip").read_bytes())
    raw[raw.find(files[2].read_bytes()) + 600] ^= 0xFF
    (tmp_path / "s.zip").write_bytes(raw)
    vol = dv.volread(tmp_path / "s.zip")
    assert vol.report.missing == (2,) and "IM0002.dcm: cannot be read from s.zip" in str(vol.report)


def test_a_tar_that_ends_too_early_is_told(files, tmp_path):
    with tarfile.open(tmp_path / "s.tar", "w") as archive:
        archive.add(files[0].parent, "study")
    raw = bytearray((tmp_path / "s.tar").read_bytes())
    third = raw.find(b"IM0003.dcm")
    raw[third : third + 400] = b"x" * 400
    (tmp_path / "s.tar").write_bytes(raw)
    assert "s.tar: the archive cannot be read to its end" in str(dv.volread(tmp_path / "s.tar").report)


@pytest.fixture
def server(tmp_path):
    """Serve tmp_path over HTTP on loopback; gives the address."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever, args=[0.02])  # s until it hears of its end
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_an_address_of_a_file(files, server, tmp_path):
    shutil.copy(files[2], tmp_path / "image.dcm")
    np.testing.assert_array_equal(dv.volread(f"{server}/image.dcm")[0], make_voxels()[2])
    np.testing.assert_array_equal(dv.imread(f"{server}/image.dcm"), make_voxels()[2])
    shutil.copy(files[2], tmp_path / "no extension")
    np.testing.assert_array_equal(dv.volread(f"{server}/no%20extension")[0], make_voxels()[2])


def test_an_address_of_an_archive(files, server, tmp_path):
    shutil.make_archive(tmp_path / "study", "zip", files[0].parent)
    check(dv.volread(f"{server}/study.zip"))
    with pytest.raises(dv.DicomviewError, match=r"absent\.zip") as caught:
        dv.volread(f"{server}/absent.zip")
    assert caught.value.__context__ is None
    gc.collect()  # an answer that was left open warns here


@pytest.mark.parametrize("asked", ["?key=a/b.c&d", "#part", "?"])
def test_an_address_with_a_key(files, server, tmp_path, asked):
    shutil.make_archive(tmp_path / "study", "zip", files[0].parent)
    shutil.copy(files[2], tmp_path / "image.dcm")
    vol = dv.volread(f"{server}/study.zip{asked}")
    check(vol)
    assert "key" not in str(vol.sources[0].path)
    image = iio.imread(f"{server}/image.dcm{asked}", plugin="dicomview")
    np.testing.assert_array_equal(image, make_voxels()[2])


@pytest.mark.parametrize("suffix", ["", ".ima", ".jpg", ".1.2.840.113", ".DCM.bak", ".tif"])
def test_names_say_nothing(files, suffix):
    for path in files:
        path.rename(path.with_suffix(suffix) if suffix else path.with_name(path.stem))
    check(dv.volread(files[0].parent))
    np.testing.assert_array_equal(dv.imread(sorted(files[0].parent.iterdir())[2]), make_voxels()[2])


def test_an_archive_in_an_archive_is_opened_and_one_in_a_folder_is_told(files, tmp_path):
    shutil.make_archive(tmp_path / "study" / "series", "zip", files[0].parent)
    shutil.make_archive(tmp_path / "outer" / "study", "zip", tmp_path / "study")
    vol = dv.volread(tmp_path / "outer" / "study.zip")
    check(vol)
    assert dv.dataset(vol, 3).InstanceNumber == 4
    shutil.copy(tmp_path / "study" / "series.zip", files[0].parent)
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert "series.zip: an archive inside the folder, not opened" in str(vol.report)


def test_a_dicomdir_that_names_one_file_several_times_is_told(files, tmp_path):
    disk = write_disk(files, tmp_path / "disk")
    dataset = pydicom.dcmread(disk / "DICOMDIR")
    images = [record for record in dataset.DirectoryRecordSequence if "ReferencedFileID" in record]
    images[2].ReferencedFileID = images[0].ReferencedFileID
    dataset.save_as(disk / "DICOMDIR")
    told = "".join(dv.volread(disk / "DICOMDIR").report.warnings)
    name = list(images[0].ReferencedFileID)[-1]
    assert f"DICOMDIR: 2 records name {name}, so that files of others may be lost" in told


def test_warnings_about_a_dicomdir_are_kept_back(files, tmp_path, recwarn):
    disk = write_disk(files, tmp_path / "disk")
    dataset = pydicom.dcmread(disk / "DICOMDIR")
    tag = pydicom.tag.Tag("FileSetID")
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "CS", 6, b"canary", 0, False, True)
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedSOPInstanceUIDInFile" in record:
            tag = pydicom.tag.Tag("ReferencedSOPInstanceUIDInFile")
            record[tag] = pydicom.dataelem.RawDataElement(tag, "UI", 10, b"1.2.canary", 0, False, True)
    dataset.save_as(disk / "DICOMDIR")
    recwarn.clear()
    check(dv.volread(disk / "DICOMDIR"))
    assert not recwarn.list
