"""Slices read straight into one array: bit by bit those of the general reader, one image after the other."""

import importlib.util
import os
import shutil
import zipfile

import numpy as np
import pydicom
import pytest
from pixelfiles import rle
from pydicom import uid

import dicomview as dv
from dicomview.errors import DecodeError, MemoryBudgetError
from dicomview.io import decode, eager, pixels
from dicomview.volume import memory

#: Slope and intercept of the slices; the last ones differ from slice to slice.
RESCALES = [
    lambda k: (1, 0), lambda k: (1, -1024), lambda k: (2, -7), lambda k: (0.5, 0), lambda k: (1, 0.25),
    lambda k: (-1, 60000), lambda k: (1, 70000), lambda k: (0.1 * (k + 1), 0), lambda k: (k + 1, -k),
    lambda k: (1, -1000 * k),
]  # fmt: skip


@pytest.fixture
def rewrite(write):
    """Write slices with any stored values: rewrite(array, **elements) -> files in order."""

    def rewrite(array, rescale=RESCALES[0], implicit=False, **values):
        bits = 8 * array.itemsize
        files = sorted(write("series", np.zeros(array.shape)))
        for k, (path, image) in enumerate(zip(files, array)):
            dataset = pydicom.dcmread(path)
            dataset.BitsAllocated = dataset.BitsStored = bits
            dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(array.dtype.kind == "i")
            dataset.RescaleSlope, dataset.RescaleIntercept = rescale(k)
            for keyword, value in values.items():
                setattr(dataset, keyword, value(k) if callable(value) else value)
            if "PixelPaddingValue" in dataset:
                dataset["PixelPaddingValue"].VR = "US"
            dataset.PixelData = image.tobytes() + b"\0" * (image.nbytes % 2)
            dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
            if implicit:
                dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
            dataset.save_as(path, implicit_vr=implicit, little_endian=True)
        return files

    return rewrite


def compare(path, monkeypatch, *, straight=True):
    """Read a folder both ways, and return the volume."""
    results = []

    def watched(headers, rescale):
        results.append(pixels.read_slices(headers, rescale))
        return results[-1]

    monkeypatch.setattr(eager, "read_slices", watched)
    ours = dv.volread(path)
    assert (results[0] is not None) == straight
    monkeypatch.setattr(eager, "read_slices", lambda headers, rescale: None)
    theirs = dv.volread(path)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.array, theirs.array)
    assert list(ours.meta.items()) == list(theirs.meta.items())
    assert ours.meta.varying == theirs.meta.varying
    for keyword in ours.meta.varying:
        assert ours.meta.per_slice(keyword) == theirs.meta.per_slice(keyword)
    assert (ours.report, ours.sources, ours.padding) == (theirs.report, theirs.sources, theirs.padding)
    return ours


def full(dtype, shape=(5, 6, 7), seed=0):
    """Return values over the whole range of a type."""
    info = np.iinfo(dtype)
    values = np.random.default_rng(seed).integers(info.min, info.max, shape, dtype, endpoint=True)
    values[0, 0, :2] = info.min, info.max
    return values


@pytest.mark.parametrize("rescale", RESCALES)
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_values_and_types_are_those_of_the_general_reader(rewrite, monkeypatch, dtype, rescale):
    files = rewrite(full(dtype), rescale)
    compare(files[0].parent, monkeypatch)


@pytest.mark.parametrize("rescale", [RESCALES[0], RESCALES[1], RESCALES[3]])
@pytest.mark.parametrize(("stored", "high"), [(12, 11), (12, 15), (12, 13), (10, 15), (1, 0), (16, 15)])
@pytest.mark.parametrize("dtype", ["u2", "i2"])
def test_bits_beside_the_stored_ones(rewrite, monkeypatch, dtype, stored, high, rescale):
    files = rewrite(full(dtype), rescale, BitsStored=stored, HighBit=high)
    compare(files[0].parent, monkeypatch)


@pytest.mark.parametrize("least", [0, 1000, 40000])
def test_small_values_take_the_smallest_type(rewrite, monkeypatch, least):
    files = rewrite(np.arange(5 * 42, dtype="u2").reshape(5, 6, 7) + np.uint16(least), RESCALES[1])
    compare(files[0].parent, monkeypatch)


def test_implicit_and_more_slices_than_a_block(rewrite, monkeypatch):
    files = rewrite(full("u2", (21, 6, 7)), RESCALES[1], implicit=True, InstanceNumber=lambda k: 21 - k)
    vol = compare(files[0].parent, monkeypatch)
    assert vol.meta.per_slice("InstanceNumber")[0] == 21


@pytest.mark.parametrize("at_once", [1, 2, 99])
@pytest.mark.parametrize("rescale", RESCALES[1:5:3])
def test_padding_and_missing_slices(rewrite, monkeypatch, rescale, at_once):
    monkeypatch.setattr(pixels, "GROUP", at_once * 84)
    files = rewrite(full("u2", (7, 6, 7)), rescale, PixelPaddingValue=63)
    files[3].unlink()
    vol = compare(files[0].parent, monkeypatch)
    assert vol.report.missing == (3,)


def test_padding_under_slopes_that_differ_is_left_to_the_general_reader(rewrite, monkeypatch):
    files = rewrite(full("u2"), RESCALES[8], PixelPaddingValue=63)
    compare(files[0].parent, monkeypatch, straight=False)


@pytest.fixture(params=[True, False], ids=["at once", "as a stream"])
def reads(request, monkeypatch):
    """Have pixels read as where one call does it, and as on other systems."""
    monkeypatch.setattr(pixels, "_AT_ONCE", request.param and hasattr(os, "preadv"))


def test_archives(rewrite, monkeypatch, tmp_path):
    with zipfile.ZipFile(tmp_path / "series.zip", "w") as archive:
        for path in rewrite(full("i2"), RESCALES[1]):
            archive.write(path, path.name)
    compare(tmp_path / "series.zip", monkeypatch)


@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize(
    ("tail", "straight"),
    [
        (b"\0" * 6, True),
        (b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0\0\0\0\0", True),
        (b"\xfc\xff\xfc\xffOB\0\0\5\0\0\0\0\0\0\0", False),
        (b"\0" * 16, False),
    ],
)
def test_bytes_behind_the_pixels(rewrite, monkeypatch, tail, straight):
    files = rewrite(full("u2"))
    files[2].write_bytes(files[2].read_bytes() + tail)
    compare(files[0].parent, monkeypatch, straight=straight)


def test_a_modality_lut_is_left_to_the_general_reader(rewrite, monkeypatch):
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 0, 16], list(range(256))
    lut["LUTDescriptor"].VR = lut["LUTData"].VR = "US"
    files = rewrite(full("u1"), ModalityLUTSequence=[lut])
    compare(files[0].parent, monkeypatch, straight=False)


@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize("change", ["cut", "new", "gone", "touched"])
def test_a_file_that_changed_since_its_header_was_read(rewrite, change):
    files = rewrite(full("u2"))
    (series,) = dv.find_series(files[0].parent)
    truth = series.read()
    if change == "cut":
        files[2].write_bytes(files[2].read_bytes()[:-10])
    elif change == "new":
        dataset = pydicom.dcmread(files[2])
        dataset.add_new(0x00090010, "LO", "longer")
        dataset.PixelData = bytes(len(dataset.PixelData))
        dataset.save_as(files[2])
    elif change == "gone":
        files[2].unlink()
    else:
        os.utime(files[2], ns=(1, 1))
    vol = series.read()
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(vol[others], truth[others])
    assert vol.report.missing == ((2,) if change in ("cut", "gone") else ())
    assert (vol[2] == truth[2]).all() == (change == "touched")


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless])
@pytest.mark.parametrize(("dtype", "stored"), [("u1", 8), ("u2", 16), ("i2", 16), ("u2", 12), ("i2", 12)])
@pytest.mark.parametrize("rescale", RESCALES[:2])
def test_compressed_slices(rewrite, monkeypatch, syntax, dtype, stored, rescale):
    pytest.importorskip("imagecodecs")
    array = full(dtype, (11, 32, 40)) >> (8 * np.dtype(dtype).itemsize - stored)
    files = rewrite(array, rescale)
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        dataset.BitsStored, dataset.HighBit = stored, stored - 1
        if syntax == uid.RLELossless:
            dataset.file_meta.TransferSyntaxUID = syntax
            dataset.PixelData = pydicom.encaps.encapsulate([rle(image)])
            dataset["PixelData"].is_undefined_length = True
        else:
            dataset.compress(syntax, image, generate_instance_uid=False)
        dataset.save_as(path)
    is_signed_jls = syntax == uid.JPEGLSLossless and dtype == "i2" and stored < 16
    vol = compare(files[0].parent, monkeypatch, straight=not is_signed_jls)
    if rescale is RESCALES[0]:
        np.testing.assert_array_equal(vol, array)


def test_codestreams_that_disagree_with_their_header_are_left_to_the_general_reader(rewrite, monkeypatch):
    pytest.importorskip("imagecodecs")
    array = full("u2", (4, 32, 40)) >> 4
    files = rewrite(array, BitsStored=12, HighBit=11)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
        dataset.PixelRepresentation = 1
        dataset.save_as(path)
    compare(files[0].parent, monkeypatch, straight=False)


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless])
def test_a_codestream_that_is_cut_short_is_left_to_the_general_reader(rewrite, monkeypatch, syntax):
    pytest.importorskip("imagecodecs")
    files = rewrite(full("u2", (4, 32, 40)))
    for k, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        if k == 2:
            (stream,) = pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)
            dataset.PixelData = pydicom.encaps.encapsulate([stream[: len(stream) // 4 * 2]])
        dataset.save_as(path)
    compare(files[0].parent, monkeypatch, straight=False)


@pytest.mark.parametrize("name", ["PanicException", "KeyboardInterrupt"])
def test_a_decoder_that_panics_leaves_one_slice_empty(rewrite, monkeypatch, name):
    panic = type(name, (BaseException,), {})
    known = decode.pixel_array

    def pixel_array(dataset, **options):
        if dataset.InstanceNumber == 3:
            raise panic("index out of bounds")
        return known(dataset, **options)

    monkeypatch.setattr(decode, "pixel_array", pixel_array)
    monkeypatch.setattr(eager, "read_slices", lambda headers, rescale: None)
    folder = rewrite(full("u2"))[0].parent
    if name == "PanicException":
        assert dv.volread(folder).report.missing == (2,)
    else:
        with pytest.raises(panic):
            dv.volread(folder)


def test_without_fast_codecs_pydicom_decodes(rewrite, monkeypatch):
    monkeypatch.setitem(pixels.decoder.__globals__, "_imagecodecs", lambda: None)
    files = rewrite(full("u2"))
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    np.testing.assert_array_equal(compare(files[0].parent, monkeypatch, straight=False), full("u2"))


def test_nothing_is_read_above_the_memory_budget(write, monkeypatch):
    folder = write()[0].parent
    monkeypatch.setattr(dv.options, "memory_budget", 6 * 8 * 10 * 2)
    assert dv.volread(folder).shape == (6, 8, 10)
    monkeypatch.setattr(dv.options, "memory_budget", 6 * 8 * 10 * 2 - 1)
    with pytest.raises(MemoryBudgetError, match=r"6 × 8 × 10 .*lazy=True") as caught:
        dv.volread(folder)
    assert isinstance(caught.value, MemoryError)
    monkeypatch.setattr(dv.options, "memory_budget", None)
    assert dv.volread(folder).shape == (6, 8, 10)


@pytest.mark.parametrize("rle", [False, True])
def test_no_single_image_is_decoded_above_the_memory_budget(write, monkeypatch, rle):
    file = write()[0]
    if rle:
        dataset = pydicom.dcmread(file)
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(file)
    takes = [dv.imread]
    if importlib.util.find_spec("dask"):
        takes.append(lambda file: np.asarray(dv.volread(file, lazy=True)[0]))
    for take in takes:
        monkeypatch.setattr(dv.options, "memory_budget", 8 * 10 * 2 - 1)
        with pytest.raises(MemoryBudgetError, match=rf"{file.name}: the image of .*8 × 10"):
            take(file)
        monkeypatch.setattr(dv.options, "memory_budget", 8 * 10 * 2)
        assert take(file).shape == (8, 10)


def test_the_budget_is_a_part_of_what_is_free(write, monkeypatch):
    folder = write()[0].parent
    monkeypatch.setattr(memory, "free_memory", lambda: 2 * 6 * 8 * 10 * 2 - 2)
    with pytest.raises(MemoryBudgetError):
        dv.volread(folder)
    monkeypatch.setattr(memory, "free_memory", lambda: None)
    assert dv.volread(folder).shape == (6, 8, 10)


def test_a_container_counts(tmp_path):
    for name, text in (("max", "1000\n"), ("current", "700\n"), ("stat", "anon 5\ninactive_file 200\n")):
        (tmp_path / name).write_text(text)
    paths = [str(tmp_path / name) for name in ("max", "current", "stat")]
    assert memory._of_group(*paths) == 500
    (tmp_path / "max").write_text("max\n")
    assert memory._of_group(*paths) is None
    assert 0 < memory.free_memory() < 1 << 50


def test_two_layouts_in_one_series(rewrite, monkeypatch, tmp_path):
    files = rewrite(full("u2", (6, 6, 7)), RESCALES[1])
    for path in files[1::2]:
        dataset = pydicom.dcmread(path)
        dataset.StationName = "other"
        dataset.save_as(path)
    vol = compare(files[0].parent, monkeypatch)
    assert vol.meta.per_slice("StationName") == [None, "other"] * 3
    shutil.rmtree(files[0].parent)


def test_slopes_beyond_32_bits_keep_their_values(rewrite):
    array = np.arange(6 * 8 * 10, dtype=np.uint16).reshape(6, 8, 10)
    files = rewrite(array, rescale=lambda k: (0.5, 0) if k else ("1e300", 0))
    slopes = np.array([1e300] + [0.5] * 5)[:, None, None]
    volume = dv.volread(files[0].parent)
    np.testing.assert_array_equal(volume.array, array * slopes)
    if importlib.util.find_spec("dask"):
        np.testing.assert_array_equal(dv.volread(files[0].parent, lazy=True).array.compute(), volume.array)


def test_slopes_beyond_64_bits_are_refused(rewrite):
    array = np.full((1, 8, 10), 60000, np.uint16)
    (path,) = rewrite(array, rescale=lambda k: ("1.5e308", "0.5"))
    with pytest.raises(DecodeError, match=r"IM0000.dcm: .*RescaleSlope \(0028,1053\).*64 bits"):
        dv.volread(path.parent)
