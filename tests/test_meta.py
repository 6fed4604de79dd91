"""Headers of volumes: what slices share, and what differs from slice to slice."""

import pickle

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.volume import Meta


@pytest.fixture
def vol(write):
    """Six slices, the third one missing."""

    def elements(k):
        return {"AcquisitionTime": f"12000{k}", "WindowCenter": 100 + k, "WindowWidth": 50, "KVP": 120}

    files = write("s", elements=elements)
    files[2].unlink()
    return dv.volread(files[0].parent)


def test_common_elements_are_served_and_others_are_not(vol):
    assert vol.meta.KVP == 120 and vol.meta.WindowWidth == 50 and vol.meta.PatientSex == "O"
    assert vol.meta.PixelSpacing == [0.8, 0.6]
    assert "AcquisitionTime" not in vol.meta and "AcquisitionTime" in vol.meta.varying
    with pytest.raises(
        AttributeError, match=r"not the same in all slices: meta.per_slice\('AcquisitionTime'\)"
    ):
        _ = vol.meta.AcquisitionTime
    with pytest.raises(KeyError, match=r"not the same in all slices"):
        _ = vol.meta["SOPInstanceUID"]
    with pytest.raises(KeyError, match="no slice has an element 'Nonsense'"):
        vol.meta.per_slice("Nonsense")


def test_values_of_every_slice_in_order(vol):
    assert vol.meta.per_slice("InstanceNumber") == [1, 2, None, 4, 5, 6]
    assert vol.meta.per_slice("AcquisitionTime")[3] == "120003"
    assert vol.meta.per_slice("KVP") == [120.0] * 6
    positions = vol.meta.per_slice("ImagePositionPatient")
    np.testing.assert_allclose(positions[5], vol.geometry.slice_positions[5])
    assert vol.meta.of_slice(4).InstanceNumber == 5 and vol.meta.of_slice(4).KVP == 120


def test_the_window_is_that_of_the_middle_slice(vol):
    assert vol.default_window.center == 103 and vol.middle_meta.InstanceNumber == 4


def test_slices_are_counted_as_they_are_sorted(write):
    files = write("s", instance_numbers=[6, 5, 4, 3, 2, 1])
    assert dv.volread(files[0].parent).meta.per_slice("InstanceNumber") == [6, 5, 4, 3, 2, 1]


def test_what_some_slices_lack_is_not_common(write):
    files = write("s", make_voxels((3, 4, 4)), elements=lambda k: {"SliceLocation": 1} if k != 1 else {})
    vol = dv.volread(files)
    assert "SliceLocation" not in vol.meta and vol.meta.per_slice("SliceLocation") == [1.0, None, 1.0]


def test_text_is_decoded_in_the_character_set_of_its_file(write):
    def elements(k):
        return {
            "SpecificCharacterSet": "ISO_IR 192",
            "ImageComments": f"größe {k}",
            "SeriesDescription": "Schädel",
        }

    vol = dv.volread(write("s", make_voxels((3, 4, 4)), elements=elements))
    assert vol.meta.per_slice("ImageComments") == ["größe 0", "größe 1", "größe 2"]
    assert vol.meta.SeriesDescription == "Schädel"


def test_four_dimensions_run_as_the_sources_do(write):
    def time(t):
        return lambda k: {
            "TemporalPositionIdentifier": t + 1,
            "SOPInstanceUID": f"1.2.3.{t}.{k}",
            "EchoTime": 30,
        }

    for t in range(2):
        files = write(f"t{t}", make_voxels((3, 4, 4)), series_uid="1.2.3", study_uid="1.2", elements=time(t))
    vol = dv.volread(files[0].parent.parent)
    assert vol.dims[0] == "time" and vol.meta.EchoTime == 30
    assert vol.meta.per_slice("TemporalPositionIdentifier") == [1, 1, 1, 2, 2, 2]
    uids = vol.meta.per_slice("SOPInstanceUID")
    assert uids == [source.sop_instance_uid for source in vol.sources]
    assert vol.middle_meta.SOPInstanceUID == "1.2.3.1.1"


def test_functional_groups_are_served_by_their_keywords(write, tmp_path):
    dataset = pydicom.dcmread(write("s", make_voxels((1, 4, 4)))[0])
    order = [2, 0, 1]

    def item(**elements):
        made = pydicom.Dataset()
        for keyword, value in elements.items():
            setattr(made, keyword, value)
        return [made]

    shared, groups = pydicom.Dataset(), []
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.8, 0.6], SliceThickness=9)
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=dataset.ImageOrientationPatient)
    for k in order:
        (group,) = item(PlanePositionSequence=item(ImagePositionPatient=[0, 0, 2.5 * k]))
        group.FrameVOILUTSequence = item(WindowCenter=str(40 + k), WindowWidth="400")
        groups.append(group)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        del dataset[keyword]
    for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedCTImageStorage
    dataset.NumberOfFrames = 3
    dataset.SharedFunctionalGroupsSequence, dataset.PerFrameFunctionalGroupsSequence = [shared], groups
    dataset.PixelData = np.stack([np.full((4, 4), k) for k in order]).astype("<i2").tobytes()
    dataset.save_as(tmp_path / "enhanced.dcm")
    vol = dv.volread(tmp_path / "enhanced.dcm")
    assert vol[:, 0, 0].tolist() == [0, 1, 2]
    assert vol.meta.PixelSpacing == [0.8, 0.6] and vol.meta.WindowWidth == 400
    assert vol.meta.per_slice("WindowCenter") == [40, 41, 42]
    assert vol.meta.per_slice("ImagePositionPatient") == [[0, 0, 0], [0, 0, 2.5], [0, 0, 5]]
    assert vol.default_window.center == 41 and vol.middle_meta.WindowCenter == 41


def test_headers_can_be_copied_and_pickled(vol):
    for meta in (vol.meta.copy(), pickle.loads(pickle.dumps(vol.meta))):
        assert isinstance(meta, Meta) and meta == vol.meta
        assert meta.per_slice("InstanceNumber") == vol.meta.per_slice("InstanceNumber")
    copy = vol.meta.copy()
    copy["AcquisitionTime"] = "now"
    assert copy.AcquisitionTime == "now" and copy.per_slice("AcquisitionTime") == ["now"] * 6
    copy.discard("AcquisitionTime", "WindowCenter", "absent")
    assert "AcquisitionTime" not in copy and "WindowCenter" not in copy.varying
    assert "AcquisitionTime" in vol.meta.varying


def test_one_image_has_all_its_elements(write):
    im = dv.imread(write("s")[1])
    assert im.meta.InstanceNumber == 2 and im.meta.varying == ()


def test_an_array_has_no_slices_to_ask(vol):
    bare = dv.Volume.from_array(np.zeros((3, 4, 5)), affine=make_affine(), meta={"Modality": "MR"})
    assert bare.meta.per_slice("Modality") == [] and bare.middle_meta.Modality == "MR"


def test_an_element_of_a_type_that_there_is_not_is_left_out(write):
    files = write("s", make_voxels((2, 6, 5)), elements={"PatientAge": "050Y"})
    data = files[1].read_bytes()
    files[1].write_bytes(data.replace(b"\x10\0\x10\x10AS", b"\x10\0\x10\x10DI"))
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, make_voxels((2, 6, 5)))
    assert "PatientAge" not in vol.meta and vol.meta.per_slice("PatientAge") == ["050Y", None]
