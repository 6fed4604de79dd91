"""Headers of frames told from the bytes of their functional groups: what pydicom says, or nothing."""

import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

import dicomview as dv
from dicomview.errors import DecodeError
from dicomview.io import eager as reading
from dicomview.io import groups, pixels
from dicomview.io import headers as headers_of
from dicomview.io.alike import FrameLikenesses
from dicomview.io.elements import SliceElements, without_pixels
from dicomview.io.groups import scan_frames
from dicomview.io.headers import read_headers

COUNT = 12


def item(*elements):
    """Return a dataset of (keyword or tag and VR, value)."""
    dataset = Dataset()
    for name, value in elements:
        if isinstance(name, str):
            setattr(dataset, name, value)
        else:
            dataset.add_new(*name, value)
    return dataset


def group_of(keyword, *elements):
    return keyword, [item(*elements)]


def frame(k):
    """Return groups of all kinds: constant, varying in value, in length, nested, private."""
    direction = item(("DiffusionGradientOrientation", [0.0, 0.6, 0.8] if k % 2 else [1.0, 0.0, 0.0]))
    return item(
        group_of(
            "FrameContentSequence",
            ("StackID", "1"),
            ("InStackPositionNumber", k + 1),
            ("DimensionIndexValues", [1, k // 2 + 1, k % 2 + 1]),
            ("FrameAcquisitionNumber", 7),
            ("FrameAcquisitionDateTime", f"20240101120000.{1000 * k:06}"),
            ("TemporalPositionIndex", k % 2 + 1),
        ),
        group_of("PlanePositionSequence", ("ImagePositionPatient", [-10, -20.5, 99.5 + 2.5 * (k // 2)])),
        group_of(
            "MRDiffusionSequence",
            ("DiffusionBValue", 1000.0 * (k % 2)),
            ("DiffusionDirectionality", "DIRECTIONAL"),
            ("DiffusionGradientDirectionSequence", [direction]),
        ),
        group_of("MREchoSequence", ("EffectiveEchoTime", 80.0 + k % 3)),
        group_of("FrameVOILUTSequence", ("WindowCenter", 40 + 30 * k), ("WindowWidth", 400)),
        group_of("PixelValueTransformationSequence", ("RescaleIntercept", -5), ("RescaleSlope", 1 + k % 2)),
        ((0x00210010, "LO"), "TEST"),
        ((0x00211001, "SQ"), [item(("SliceLocation", k / 3), ("InstanceNumber", k))]),
    )


def undefined(dataset):
    """Give all sequences and items of a dataset undefined lengths."""
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for inner in element.value:
                inner.is_undefined_length_sequence_item = True
                undefined(inner)


def share_groups(dataset):
    """Write what is the same for all frames: the dimensions, the size of voxels, the orientation."""
    dataset.DimensionIndexSequence = [
        item(("DimensionIndexPointer", tag)) for tag in (0x00209056, 0x00209057, 0x00189087)
    ]
    dataset.SharedFunctionalGroupsSequence = [
        item(
            group_of("PixelMeasuresSequence", ("SliceThickness", 2.5), ("PixelSpacing", [0.5, 0.75])),
            group_of("PlaneOrientationSequence", ("ImageOrientationPatient", [1, 0, 0, 0, 1, 0])),
        )
    ]


@pytest.fixture(scope="module", params=["told", "undefined"])
def original(request, tmp_path_factory):
    """An enhanced file whose lengths are told, or not."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid.EnhancedMRImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.SeriesInstanceUID, dataset.StudyInstanceUID, dataset.Modality = "1.2.3", "1.2", "MR"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel, dataset.NumberOfFrames = 4, 5, 1, COUNT
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    share_groups(dataset)
    dataset.PerFrameFunctionalGroupsSequence = Sequence([frame(k) for k in range(COUNT)])
    dataset.PixelData = np.arange(COUNT * 20, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    if request.param == "undefined":
        undefined(dataset)
    path = tmp_path_factory.mktemp("enhanced") / "frames.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def told(path, *, slowly):
    """Return what is read of a file, with or without the scan."""
    with pytest.MonkeyPatch.context() as patch:
        if slowly:
            patch.setattr(headers_of, "scan_frames", lambda file: None)
        try:
            return read_headers(path)
        except DecodeError as error:
            return str(error)


def check(path):
    """Compare headers and elements with the general reader; return whether the scan was used."""
    ours, theirs = told(path, slowly=False), told(path, slowly=True)
    assert repr(ours) == repr(theirs)  # also types, and what is not a number
    scanned = ours[0].scanned if isinstance(ours, list) else None
    if scanned is None:
        return False
    both = []
    with headers_of.quiet():
        served = without_pixels(pydicom.dcmread(path, stop_before_pixels=True))
        for elements in (scanned, served):
            slices = SliceElements(len(ours))
            for k, header in enumerate(ours):
                slices.add(k, elements, header.frame)
            meta = slices.meta()
            both.append(
                (
                    repr(list(meta.items())),
                    sorted(meta.varying),
                    {name: repr(meta.per_slice(name)) for name in meta.varying},
                )
            )
    assert both[0] == both[1]
    return True


@pytest.fixture
def learned(monkeypatch):
    """Frames whose headers were worked out from scratch."""
    numbers = []
    learn = FrameLikenesses.learn
    monkeypatch.setattr(
        FrameLikenesses,
        "learn",
        lambda self, frame, *rest: numbers.append(frame) or learn(self, frame, *rest),
    )
    return numbers


def test_frames_are_told_from_a_few(original, learned):
    assert check(original)
    # Without and with diffusion; the first once more, since a frame with diffusion is asked for more.
    assert learned == [0, 1, 2]


def test_the_volume_is_that_of_the_general_reader(original, monkeypatch):
    straight = []
    read = pixels.read_slices
    monkeypatch.setattr(reading, "read_slices", lambda *given: straight.append(read(*given)) or straight[-1])
    ours = dv.volread(original)
    assert straight[0] is not None
    monkeypatch.setattr(headers_of, "scan_frames", lambda file: None)
    monkeypatch.setattr(reading, "read_slices", lambda *given: None)
    theirs = dv.volread(original)
    assert ours.dims == ("b_value", "slice", "row", "column") and ours.shape == (2, 6, 4, 5)
    np.testing.assert_array_equal(ours.array, theirs.array)
    assert ours.array[1, 2].tolist() == (2 * np.arange(100, 120).reshape(4, 5) - 5).tolist()
    assert list(ours.meta.items()) == list(theirs.meta.items())
    for keyword in ours.meta.varying:
        assert ours.meta.per_slice(keyword) == theirs.meta.per_slice(keyword)


@pytest.mark.parametrize("order", [range(COUNT), range(COUNT)[::-1], [*range(5, COUNT), *range(5)]])
def test_frames_in_any_order_are_those_of_the_general_reader(original, tmp_path, monkeypatch, order):
    dataset = pydicom.dcmread(original)
    for place, groups_of_frame in zip(order, dataset.PerFrameFunctionalGroupsSequence):
        del groups_of_frame.MRDiffusionSequence
        groups_of_frame.PlanePositionSequence[0].ImagePositionPatient = [-10, -20.5, 2.5 * place]
        groups_of_frame.PixelValueTransformationSequence[0].RescaleSlope = 1
        groups_of_frame.FrameContentSequence[0].DimensionIndexValues = [1, place + 1, 1]
    dataset.save_as(tmp_path / "frames.dcm")
    monkeypatch.setattr(pixels, "GROUP", 3 * 40)  # frames that are read at once
    ours = dv.volread(tmp_path)
    assert ours.shape == (COUNT, 4, 5)
    monkeypatch.setattr(reading, "read_slices", lambda *given: None)
    np.testing.assert_array_equal(ours.array, dv.volread(tmp_path).array)
    assert ours.array[:, 0, 0].tolist() == [20 * list(order).index(place) - 5 for place in range(COUNT)]


def test_headers_go_to_other_processes(original):
    headers = read_headers(original)
    again = pickle.loads(pickle.dumps(headers))
    assert again == headers
    for header in again[:3]:
        ours, theirs = (h.scanned.groups for h in (header, headers[0]))
        assert repr(ours[header.frame]) == repr(theirs[header.frame])
        assert repr(ours.values(header.frame).dataset()) == repr(theirs.values(header.frame).dataset())
    (series,) = dv.find_series(original)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(series)).read().array, series.read().array)


def edited(original, folder, change):
    """Write the file again with one frame changed."""
    dataset = pydicom.dcmread(original)
    change(dataset.PerFrameFunctionalGroupsSequence[5], dataset)
    dataset.save_as(folder / "edited.dcm")
    return folder / "edited.dcm"


def content(frame):
    return frame.FrameContentSequence[0]


CHANGES = {
    "position of two": lambda f, d: setattr(f.PlanePositionSequence[0], "ImagePositionPatient", [1, 2]),
    "no position": lambda f, d: delattr(f, "PlanePositionSequence"),
    "empty position": lambda f, d: setattr(f.PlanePositionSequence[0], "ImagePositionPatient", None),
    "no item": lambda f, d: setattr(f, "PlanePositionSequence", []),
    "two items": lambda f, d: f.PlanePositionSequence.append(item(("ImagePositionPatient", [7, 8, 9]))),
    "zone": lambda f, d: setattr(content(f), "FrameAcquisitionDateTime", "20240101120000.5+0100"),
    "no time": lambda f, d: delattr(content(f), "FrameAcquisitionDateTime"),
    "a date": lambda f, d: setattr(content(f), "FrameAcquisitionDateTime", "20240101"),
    "reference": lambda f, d: setattr(content(f), "FrameReferenceDateTime", "20240101130000"),
    "two indices": lambda f, d: setattr(content(f), "DimensionIndexValues", [1, 2]),
    "one index": lambda f, d: setattr(content(f), "DimensionIndexValues", 1),
    "stack": lambda f, d: setattr(content(f), "StackID", "2"),
    "number": lambda f, d: setattr(content(f), "FrameAcquisitionNumber", 8),
    "slope 0": lambda f, d: setattr(f.PixelValueTransformationSequence[0], "RescaleSlope", 0),
    "other direction": lambda f, d: setattr(
        f.MRDiffusionSequence[0].DiffusionGradientDirectionSequence[0],
        "DiffusionGradientOrientation", [0.0, 1.0, 0.0],
    ),
    "isotropic": lambda f, d: setattr(f.MRDiffusionSequence[0], "DiffusionDirectionality", "ISOTROPIC"),
    "not a number": lambda f, d: setattr(f.MREchoSequence[0], "EffectiveEchoTime", float("nan")),
    "three echoes": lambda f, d: setattr(f.MREchoSequence[0], "EffectiveEchoTime", [1.0, 2.0, 3.0]),
    "a frame more": lambda f, d: d.PerFrameFunctionalGroupsSequence.append(frame(3)),
    "a frame less": lambda f, d: d.PerFrameFunctionalGroupsSequence.pop(),
    "a pointer twice": lambda f, d: d.DimensionIndexSequence.append(
        item(("DimensionIndexPointer", 0x00189087))
    ),
    "a pointer without a name": lambda f, d: setattr(
        d.DimensionIndexSequence[2], "DimensionIndexPointer", 0x00211001
    ),
    "no pointers": lambda f, d: delattr(d, "DimensionIndexSequence"),
    "an orientation": lambda f, d: setattr(
        f, "PlaneOrientationSequence", [item(("ImageOrientationPatient", [0, 1, 0, 0, 0, 1]))]
    ),
    "text behind": lambda f, d: setattr(d, "DataSetTrailingPadding", b"\0\0"),
    "converted": lambda f, d: setattr(
        f, "UnassignedPerFrameConvertedAttributesSequence", [item(("EchoTime", 3.5), ("InstanceNumber", 4))]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_frame_that_differs(original, tmp_path, name):
    check(edited(original, tmp_path, CHANGES[name]))


@pytest.mark.parametrize(
    "change",
    [
        lambda f, d: f.PlanePositionSequence[0].add_new("SpecificCharacterSet", "CS", "ISO_IR 192"),
        lambda f, d: f.add_new(0x00211002, "UN", b"\0" * 8),
    ],
)
def test_what_is_not_plain_is_left_to_pydicom(original, tmp_path, change):
    assert not check(edited(original, tmp_path, change))


def test_groups_of_ever_other_layouts_are_left_to_pydicom(original, tmp_path):
    dataset = pydicom.dcmread(original)
    for k, one in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        one[0x00211001].value = Sequence([item(*(((0x00211101 + i, "LO"), "x") for i in range(k)))] * 9)
        for i in range(9):
            one.add_new(0x00211010 + i, "LO", "y" * (2 * k + 2))
    dataset.save_as(tmp_path / "many.dcm")
    assert not check(tmp_path / "many.dcm")


@pytest.mark.parametrize("change", ["implicit", "cut"])
def test_other_files(original, tmp_path, change):
    dataset = pydicom.dcmread(original)
    path = tmp_path / "other.dcm"
    if change == "implicit":
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    else:
        path.write_bytes(original.read_bytes()[:-100])
    assert check(path) == (change == "cut")


def test_long_groups_are_read_in_parts(original, monkeypatch):
    monkeypatch.setattr(groups, "_FIRST_READ", 40)
    monkeypatch.setattr(groups, "_READ_PER_FRAME", 1)
    assert check(original)


def test_a_file_that_changed_since_is_read_again(original, tmp_path):
    path = Path(shutil.copy(original, tmp_path / "changed.dcm"))
    (series,) = dv.find_series(path)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = np.full(COUNT * 20, 3, "<u2").tobytes()
    dataset.ImageComments = "longer"
    dataset.save_as(path)
    assert set(np.unique(series.read().array)) == {-2, 1}


def test_compressed_frames(original, tmp_path):
    dataset = pydicom.dcmread(original)
    dataset.compress(uid.RLELossless, generate_instance_uid=False)
    dataset.save_as(tmp_path / "compressed.dcm")
    assert check(tmp_path / "compressed.dcm")
    np.testing.assert_array_equal(dv.volread(tmp_path / "compressed.dcm").array, dv.volread(original).array)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_damaged_groups_are_never_read_otherwise(original, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "damaged.dcm"
    whole = original.read_bytes()
    first, end = whole.index(b"\0\x52\x30\x92SQ"), whole.rindex(b"\xe0\x7f\x10\x00") + 12
    start = data.draw(st.integers(first, end))
    length = data.draw(st.sampled_from([0, 1, 2, 4, 8, 40]))
    inserted = data.draw(
        st.binary(max_size=8)
        | st.binary(min_size=length, max_size=length)
        | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"SQ", b"UN", b"\\", b"\xfe\xff\x0d\xe0"])
    )
    path.write_bytes(whole[:start] + inserted + whole[start + length :])
    check(path)


def test_scan_of_what_is_no_dicom(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 300)
    assert scan_frames(tmp_path / "a") is None


def again(dataset, tag, value, other):
    """Put in front of an element another one, which is to get its tag; return both as they begin."""
    dataset.add_new(other, vr := dataset[tag].VR, value)
    return [struct.pack("<HH", t >> 16, t & 0xFFFF) + vr.encode() for t in (other, tag)]


@pytest.mark.parametrize(
    ("place", "value", "other", "told"),
    [
        ("frame", [0, 0, 0], 0x00200030, "ImagePositionPatient (0020,0032)"),
        ("nested", [0.0, 0.0, 0.0], 0x00189088, "DiffusionGradientOrientation (0018,9089)"),
        ("shared", [9, 9], 0x00280029, "PixelSpacing (0028,0030)"),
    ],
)
def test_elements_that_come_twice_in_a_group_are_told(original, tmp_path, place, value, other, told):
    whole = read_headers(original)
    dataset = pydicom.dcmread(original)
    groups_of_one = dataset.PerFrameFunctionalGroupsSequence[5]
    if place == "frame":
        found, tag = groups_of_one.PlanePositionSequence[0], 0x00200032
    elif place == "nested":
        diffusion = groups_of_one.MRDiffusionSequence[0]
        found, tag = diffusion.DiffusionGradientDirectionSequence[0], 0x00189089
    else:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        found, tag = shared.PixelMeasuresSequence[0], 0x00280030
    old, new = again(found, tag, value, other)
    path = tmp_path / "frames.dcm"
    dataset.save_as(path)
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    headers = read_headers(path)
    remark = f"{told} comes several times in {{files}}: the last one is taken"
    assert all(header.remarks == (remark,) for header in headers)
    assert [(h.position, h.pixel_spacing, h.keys) for h in headers] == [
        (h.position, h.pixel_spacing, h.keys) for h in whole
    ]
    assert not any(header.remarks for header in whole)
