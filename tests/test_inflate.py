"""Inflating: what grows beyond the memory budget costs an error, and no memory."""

import gzip
import io
import tarfile
import tracemalloc
import zipfile
import zlib

import numpy as np
import pydicom
import pytest
from pixelfiles import describe, save
from pydicom import uid
from pydicom.encaps import encapsulate

import dicomview as dv
from dicomview.errors import DecodeError, MemoryBudgetError, SeriesError
from dicomview.io.inflate import Bounded, check_inflated

MB = 1 << 20
BUDGET = 8 * MB


@pytest.fixture(autouse=True)
def watched(monkeypatch):
    """Allow little memory, and look that little was taken."""
    monkeypatch.setattr(dv.options, "memory_budget", BUDGET)
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * BUDGET


def deflated_bomb(path, size=64 * MB):
    """Replace what is behind the meta information by an element of many zeros, deflated."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    data = path.read_bytes()
    end = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = zlib.decompress(data[end:], -zlib.MAX_WBITS)
    parts = [packer.compress(body), *(packer.compress(bytes(MB)) for _ in range(size // MB)), packer.flush()]
    path.write_bytes(data[:end] + b"".join(parts))


def test_a_deflated_bomb_is_one_file_that_cannot_be_read(write):
    files = write("s")
    deflated_bomb(files[2])
    vol = dv.volread(files[0].parent)
    assert [dropped.path for dropped in vol.report.dropped] == [files[2]]
    assert "deflated bytes become more than 2 MB" in str(vol.report.dropped[0])
    with pytest.raises(MemoryBudgetError, match=rf"{files[2].name}.*memory_budget"):
        dv.imread(files[2])


def test_what_is_deflated_and_small_is_read(write):
    files = write("s")
    array = dv.volread(files).array
    for path in files:
        dataset = pydicom.dcmread(path)
        save(dataset, path, uid.DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(dv.volread(files).array, array)


def test_a_larger_budget_lets_it_pass():
    data = zlib.compress(bytes(4 * MB))[2:-4]
    with pytest.raises(MemoryBudgetError):
        check_inflated(data)
    dv.options.memory_budget = None
    check_inflated(data)


@pytest.mark.parametrize("packing", ["zip", "tar", "tgz", "zip in zip"])
def test_an_archive_that_grows_is_read_to_there(write, tmp_path, packing):
    files = write("s")
    path = tmp_path / f"study.{packing[:3]}"
    if packing == "tar" or packing == "tgz":
        with tarfile.open(path, "w:gz" if packing == "tgz" else "w") as tape:
            for file in files:
                tape.add(file, file.name)
            info = tarfile.TarInfo("zeros")
            info.size = 32 * MB
            tape.addfile(info, io.BytesIO(bytes(info.size)))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
            for k in range(8):
                archive.writestr(f"zeros{k}", bytes(4 * MB))
        if packing == "zip in zip":
            inner = path.read_bytes()
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("inner.zip", inner)
    tracemalloc.reset_peak()
    vol = dv.volread(path)
    assert vol.shape == (6, 8, 10)
    assert any("take more than 8 MB" in str(dropped) for dropped in vol.report.dropped)


def test_a_header_of_a_tape_is_no_bomb(tmp_path):
    """The length of a long name is that of a whole file."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 32 * MB
    path = tmp_path / "study.tgz"
    with gzip.open(path, "wb") as stream:
        stream.write(header.tobuf(tarfile.GNU_FORMAT))
        for _ in range(32):
            stream.write(bytes(MB))
    with pytest.raises(SeriesError, match="takes more than 8 MB"):
        dv.volread(path)


def test_deflated_frames_are_cut_at_their_size(write):
    (path,) = write("s", np.zeros((1, 8, 10), np.int16))
    dataset = pydicom.dcmread(path)
    image = np.arange(80, dtype="<u2").reshape(8, 10)
    describe(dataset, image[None])
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    parts = [
        packer.compress(image.tobytes()),
        *(packer.compress(bytes(MB)) for _ in range(64)),
        packer.flush(),
    ]
    save(dataset, path, "1.2.840.10008.1.2.8.1", encapsulate([b"".join(parts)]), "OB")
    tracemalloc.reset_peak()
    np.testing.assert_array_equal(dv.imread(path), image)


@pytest.mark.parametrize("read", [dv.imread, dv.volread])
def test_plain_pixels_that_the_file_does_not_hold_are_no_matter_of_memory(write, read):
    (path,) = write("s", np.zeros((1, 8, 10), np.int16))
    dataset = pydicom.dcmread(path)
    dataset.Rows = dataset.Columns = 60000
    dataset.save_as(path)
    with pytest.raises(DecodeError, match=rf"{path.name}.*(less than expected|pixels of 16 bits take)"):
        read(path)


def test_what_is_bounded_is_a_file():
    stream = Bounded(io.BytesIO(b"0123456789"), 4)
    assert (stream.read(4), stream.tell(), stream.seek(8), stream.read()) == (b"0123", 4, 8, b"89")
    with pytest.raises(MemoryBudgetError):
        stream.read(5)
