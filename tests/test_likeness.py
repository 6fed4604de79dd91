"""Headers told from those of a file that is laid out alike: what pydicom says, or nothing."""

import shutil
import warnings
from dataclasses import fields

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from dicomview.errors import DecodeError
from dicomview.io import discover
from dicomview.io.elements import without_pixels
from dicomview.io.header import Header
from dicomview.io.headers import read_headers
from dicomview.io.layout import learned
from dicomview.samples import write_series

NUMBERS = [0x00200013, 0x00200032, 0x00181060, 0x00281052, 0x00180081, 0x00200012]


def elements(k):
    """Return elements of all kinds, many of which differ from slice to slice."""
    item = Dataset()
    item.ReferencedSOPInstanceUID = f"1.2.3.{10**k}"
    item.is_undefined_length_sequence_item = bool(k % 2)
    return {
        "SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Jörg", "AcquisitionDate": "20240229",
        "AcquisitionTime": f"1200{k:02}.5", "TriggerTime": k * 12.5, "EchoTime": "4.6",
        "SliceLocation": k / 3,
        "ReferencedImageSequence": [item], "WindowCenter": [40, k], "TemporalPositionIdentifier": 1,
    }  # fmt: skip


@pytest.fixture(scope="module", params=[uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def originals(request, tmp_path_factory):
    """Four slices in one of the syntaxes that layouts are learned in."""
    folder = tmp_path_factory.mktemp("series")
    written = write_series(folder, make_voxels((4, 8, 10)), make_affine(), elements=elements)
    for k, path in enumerate(written):
        dataset = pydicom.dcmread(path)
        dataset["ReferencedImageSequence"].is_undefined_length = True
        block = dataset.private_block(0x0019, "TEST", create=True)
        block.add_new(1, "LO", "x" * k)
        block.add_new(2, "SQ", [])
        implicit = request.param == uid.ImplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = request.param
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    return written


@pytest.fixture
def files(originals, tmp_path):
    """A copy of them."""
    return [shutil.copy(path, tmp_path / path.name) for path in originals]


def reference(path):
    """Return what the general reader says of a file; its complaint where it cannot be read."""
    try:
        return read_headers(path)
    except DecodeError as error:
        return error.reason


def check(folder):
    """Compare every header, and all elements behind it, with the general reader; count those told alike."""
    headers, dropped, _ = discover.scan(folder)
    complaints = {entry.path: entry.reason for entry in dropped}
    alike = 0
    for path in sorted(folder.iterdir()):
        found = [header for header in headers if header.path == path]
        expected = reference(path) if discover.looks_like_dicom(path) else complaints.get(path, [])
        assert (found or complaints.get(path, [])) == expected
        for ours, theirs in zip(found, expected):
            assert ours.key_values == theirs.key_values
            for attribute in fields(Header):
                if attribute.name != "scanned":
                    both = getattr(ours, attribute.name), getattr(theirs, attribute.name)
                    assert type(both[0]) is type(both[1]), attribute.name
            if ours.scanned is not None:
                alike += 1
                check_elements(path, ours.scanned)
    return alike


def check_elements(path, scanned):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = pydicom.dcmread(path, stop_before_pixels=True)
        served, ours = without_pixels(truth), without_pixels(scanned.dataset())
    assert list(ours.keys()) == list(served.keys())
    assert (ours.original_encoding, ours.original_character_set) == (
        served.original_encoding,
        served.original_character_set,
    )
    for tag in ours.keys():  # noqa: SIM118
        one, other = ours.get_item(tag), served.get_item(tag)
        if isinstance(one, tuple) and isinstance(other, tuple):
            assert one[:4] == other[:4]
        else:
            assert repr(one) == repr(other) or ours[tag].value == served[tag].value


def with_value(path, tag, value):
    """Return the bytes of a file with another value of an element."""
    data, changed, at = path.read_bytes(), b"", 132
    for element in learned(data).elements:
        changed += element.encoded(value + b" "[: len(value) % 2] if element.tag == tag else element.value)
        at += len(element.encoded(element.value))
    return data[:132] + changed + data[at:]


def test_a_series_is_read_by_one_header(files, monkeypatch):
    read = []
    monkeypatch.setattr(discover, "read_headers", lambda file: read.append(file) or read_headers(file))
    assert check(files[0].parent) == len(files)
    assert len(read) == 1


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("InstanceNumber", " 7"), ("InstanceNumber", "+7"), ("InstanceNumber", ""), ("InstanceNumber", "7.5"),
        ("InstanceNumber", "7\\8"), ("InstanceNumber", "99999999999"), ("InstanceNumber", "x"),
        ("ImagePositionPatient", "1\\2"), ("ImagePositionPatient", "1\\2\\x"), ("ImagePositionPatient", ""),
        ("ImagePositionPatient", "1e2\\-.5\\ 3. "), ("ImagePositionPatient", "1\\2\\1e400"),
        ("ImagePositionPatient", "1\\2\\nan"), ("ImagePositionPatient", "1_0\\2\\3"),
        ("ImagePositionPatient", "1.0000000000000000000001\\2\\3"),
        ("RescaleSlope", "0"), ("RescaleSlope", "2"), ("RescaleSlope", ""), ("RescaleSlope", "1\\2"),
        ("RescaleSlope", "inf"), ("RescaleIntercept", "-7.25"), ("RescaleIntercept", "seven"),
        ("SOPInstanceUID", "1.2.840.99"), ("SOPInstanceUID", ""), ("SOPInstanceUID", "not a uid"),
        ("AcquisitionTime", "12"), ("AcquisitionTime", "12:30:00"), ("AcquisitionTime", "999999"),
        ("AcquisitionTime", "120000.1234567"), ("AcquisitionDate", "2024.02.28"), ("AcquisitionTime", "noon"),
        ("AcquisitionDate", "20241399"), ("AcquisitionDate", "20240229"), ("AcquisitionDate", "0"),
        ("TriggerTime", "-3"), ("EchoTime", "4.7"), ("EchoTime", "4.6\\9"), ("SliceThickness", "x"),
        ("SliceThickness", "3.5"), ("PixelSpacing", "0.5\\0.7"), ("ImageType", "DERIVED\\SECONDARY"),
        ("ImageType", "ORIGINAL\\PRIMARY\\MOSAIC"), ("SpecificCharacterSet", "ISO_IR 192"), ("Rows", b"\1\0"),
        ("SeriesInstanceUID", "1.2.3.4.5"), ("BitsStored", b"\x0c\0"),
        ("Modality", "PT"), ("PhotometricInterpretation", "MONOCHROME1"), ("SeriesDescription", "Ärger"),
    ],
)  # fmt: skip
def test_unusual_values_are_those_of_pydicom(files, keyword, value):
    path = files[2]
    replacement = value if isinstance(value, bytes) else value.encode("latin-1")
    path.write_bytes(with_value(path, tag_for_keyword(keyword), replacement))
    assert check(path.parent) >= len(files) - 1


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_headers_are_never_read_otherwise(originals, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    for path in originals[:2]:
        shutil.copy(path, folder)
    whole = originals[2].read_bytes()
    end = whole.rindex(b"\xe0\x7f\x10\x00") + 16
    start = data.draw(st.integers(0, end))
    length = data.draw(st.sampled_from([0, 1, 2, 4, 8, 40]))
    inserted = data.draw(
        st.binary(max_size=8) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"SQ", b"\\"])
    )
    (folder / "damaged.dcm").write_bytes(whole[:start] + inserted + whole[start + length :])
    check(folder)


@settings(max_examples=50, deadline=None)
@given(text=st.text("0123456789.eE+-\\ ", max_size=16), data=st.data())
def test_numbers_are_read_as_pydicom_reads_them(originals, text, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    shutil.copy(originals[0], folder)
    tag = data.draw(st.sampled_from(NUMBERS))
    (folder / "other.dcm").write_bytes(with_value(originals[1], tag, text.encode()))
    check(folder)


def test_compressed_headers_are_told_alike(files):
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    assert check(files[0].parent) == len(files)


def test_many_series_side_by_side(write, tmp_path):
    """Series whose files alternate, more of them than layouts are kept."""
    for number in range(12):
        written = write(tmp_path / str(number), series_uid=f"1.2.3.{number}", description=f"series {number}")
        for k, path in enumerate(sorted(written)):
            path.rename(tmp_path / f"{k}-{number:02}.dcm")
        (tmp_path / str(number)).rmdir()
    headers, _, _ = discover.scan(tmp_path)
    assert [read_headers(header.path)[0] for header in headers] == headers
    assert len(headers) == 72


def set_siemens(dataset, k):
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", 500 * k)
    block.add_new(0x0E, "FD", [0.0, 0.6, 0.8] if k % 2 else [1.0, 0.0, 0.0])


def set_ge(dataset, k):
    dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [10**9 + 500 * k, 8, 0, 0])
    block = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    for i, value in enumerate((0.25 * k, 0.5, -0.5)):
        block.add_new(0xBB + i, "DS", value)


def set_philips(dataset, k):
    dataset.private_block(0x2001, "PHILIPS IMAGING DD 001", create=True).add_new(3, "FL", 500.0 * k)
    block = dataset.private_block(0x2005, "PHILIPS MR IMAGING DD 001", create=True)
    for i in range(3):
        block.add_new(0xB0 + i, "FL", 0.1 * i)


def set_standard(dataset, k):
    dataset.DiffusionBValue = 500.0 * k
    dataset.DiffusionDirectionality = "ISOTROPIC" if k == 2 else "DIRECTIONAL"
    dataset.DiffusionGradientOrientation = [0.0, 1.0, 0.0]


def set_name(dataset, k):
    dataset.Manufacturer, dataset.SequenceName = "SIEMENS", f"*ep_b{500 * k:04}#1"


def set_comments(dataset, k):
    dataset.Manufacturer, dataset.ImageComments = "CANON", f"b={500 * k:04}(x)"


SETTERS = [set_siemens, set_ge, set_philips, set_standard, set_name, set_comments]


@pytest.fixture
def diffusion(write):
    """Write slices of a diffusion series, the b-value of which grows by 500 from slice to slice."""

    def diffusion(setter):
        files = sorted(write(modality="MR", elements={"ImageType": ["ORIGINAL", "PRIMARY", "DIFFUSION"]}))
        for k, path in enumerate(files):
            dataset = pydicom.dcmread(path)
            setter(dataset, k)
            # The CSA header, another one in each file, which counts only where nothing else tells.
            block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            block.add_new(0x10, "OB", bytes([k] * 64))
            dataset.save_as(path)
        return files

    return diffusion


@pytest.mark.parametrize("setter", SETTERS)
def test_diffusion_is_told_alike(diffusion, setter, monkeypatch):
    files = diffusion(setter)
    read = []
    monkeypatch.setattr(discover, "read_headers", lambda file: read.append(file) or read_headers(file))
    assert check(files[0].parent) == len(files)
    assert len(read) <= 2
    headers = discover.scan(files[0].parent)[0]
    assert (
        sorted(h.key_values["DiffusionBValue"] for h in headers) == (500.0 * np.arange(len(files))).tolist()
    )


def drop(dataset):
    for tag in (0x0019100C, 0x00189087, 0x00180024):
        if tag in dataset:
            del dataset[tag]


ODD = {
    "dropped": drop,
    "text": lambda d: d[0x0019100C].__setattr__("value", "many") if 0x0019100C in d else drop(d),
    "vendor": lambda d: setattr(d, "Manufacturer", "GE"),
    "creator": lambda d: d.add_new(0x00190010, "LO", "SOMEBODY ELSE"),
    "nan": lambda d: setattr(d, "DiffusionBValue", float("nan")),
    "zero": lambda d: setattr(d, "DiffusionBValue", 0.0),
    "two": lambda d: setattr(d, "DiffusionGradientOrientation", [1.0, 2.0]),
    "mosaic": lambda d: setattr(d, "ImageType", ["ORIGINAL", "PRIMARY", "DIFFUSION", "MOSAIC"]),
}


@pytest.mark.filterwarnings("ignore:Invalid value for VR IS")
@pytest.mark.parametrize("change", ODD)
@pytest.mark.parametrize("setter", SETTERS)
def test_odd_diffusion_is_that_of_pydicom(diffusion, setter, change):
    files = diffusion(setter)
    dataset = pydicom.dcmread(files[3])
    try:
        ODD[change](dataset)
        dataset.save_as(files[3])
    except (ValueError, TypeError):  # pydicom does not write it
        return
    check(files[0].parent)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_diffusion_is_never_read_otherwise(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("diffusion")
    setter = data.draw(st.sampled_from(SETTERS))
    for k, path in enumerate(write_series(folder, make_voxels((3, 4, 5)), make_affine(), modality="MR")):
        dataset = pydicom.dcmread(path)
        setter(dataset, k)
        dataset.save_as(path)
    whole = path.read_bytes()
    end = whole.rindex(b"\xe0\x7f\x10\x00")
    start = data.draw(st.integers(300, end))
    inserted = data.draw(st.binary(min_size=1, max_size=4))
    path.write_bytes(whole[:start] + inserted + whole[start + len(inserted) :])
    check(folder)


def test_elements_behind_the_pixels_are_told_in_every_file(files):
    behind = b"\x28\0\x53\x10DS\2\0" + b"2 "  # RescaleSlope
    for path in (files[0], files[2]):
        path.write_bytes(path.read_bytes() + behind)
    padded = files[3].read_bytes() + b"\xfc\xff\xfc\xffOB\0\0\4\0\0\0" + bytes(4)
    files[3].write_bytes(padded)
    headers, dropped, _ = discover.scan(files[0].parent)
    if pydicom.dcmread(files[1]).file_meta.TransferSyntaxUID == uid.ImplicitVRLittleEndian:
        assert len(headers) == 4  # where types are not told, rubbish looks the same
        return
    assert [header.path for header in headers] == [files[1], files[3]]
    assert [entry.path for entry in dropped] == [files[0], files[2]]
    assert "(0028,1053) is behind the pixel data" in str(dropped[0])


def test_items_behind_the_pixels_are_told(files):
    """Rubbish behind the pixels may hold pixel data once more, of which other readers take the last."""
    dataset = pydicom.dcmread(files[0])
    if dataset.file_meta.TransferSyntaxUID == uid.ImplicitVRLittleEndian:
        return
    data = files[0].read_bytes()
    pixels = data[data.rindex(b"\xe0\x7f\x10\0") :]
    files[0].write_bytes(data + b"\xfe\xff\0\xe0L\0\0\0" + bytes(76) + pixels)
    headers, dropped, _ = discover.scan(files[0].parent)
    assert [header.path for header in headers] == files[1:]
    assert "(FFFE,E000) is behind the pixel data" in str(dropped[0])
