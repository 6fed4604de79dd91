"""From files to volumes: order, place, values, gaps, refusals."""

import gc
import os
import shutil

import imageio.v3 as iio
import numpy as np
import pydicom
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import RLELossless

import dicomview as dv
from dicomview.errors import DecodeError, PathError, SeriesError


def edit(path, **elements):
    """Change elements of a file."""
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_is_read_exactly(write, orientation):
    array, affine = make_voxels(), make_affine(orientation)
    # Neither names nor instance numbers follow the positions.
    numbers = [4, 1, 6, 2, 5, 3]
    files = write("s", array, affine, instance_numbers=numbers, names=[f"f{n}.dcm" for n in numbers])
    vol = dv.volread(files[0].parent)
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    if normal @ affine[:3, 0] < 0:  # slices are sorted along the normal of the images
        affine[:3, 3] += 5 * affine[:3, 0]
        affine[:3, 0] *= -1
        array, files = array[::-1], files[::-1]
    np.testing.assert_allclose(vol.geometry.affine, affine, atol=1e-6)
    np.testing.assert_array_equal(vol.array, array)
    assert vol.dtype == np.int16 and vol.dims == ("slice", "row", "column")
    assert [source.path for source in vol.sources] == files
    tilt = [text for text in vol.report.warnings if "tilted by 14.0°" in text]
    assert len(tilt) == (orientation == "tilted") and len(vol.report.warnings) == len(tilt)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "dtype"),
    [
        ("uint16", 1, -1024, np.int16),
        ("uint16", 1, 0, np.uint16),
        ("int16", 1, 0, np.int16),
        ("uint16", 2, -10, np.int32),
        ("uint16", 0.5, 0, np.float32),
        ("int16", 1, 0.25, np.float32),
    ],
)
def test_rescale_neither_overflows_nor_rounds(write, stored, slope, intercept, dtype):
    raw = make_voxels().astype(np.int64) + (100 if stored == "uint16" else 0)
    if slope == 2:
        raw = raw * 100  # 47900 x 2 - 10 is beyond 16 bits
    files = write("s", raw * slope + intercept, slope=slope, intercept=intercept, signed=stored == "int16")
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, (raw * slope + intercept).astype(dtype))
    assert vol.dtype == dtype


def test_slopes_that_differ_by_slice_are_each_applied(write):
    files = write("s", np.ones((3, 4, 4), np.int16))
    for k, path in enumerate(files):
        edit(path, RescaleSlope=str(0.5 + k), RescaleIntercept="0.125")
    vol = dv.volread(files)
    assert vol.dtype == np.float32
    np.testing.assert_array_equal(vol[:, 0, 0], [0.625, 1.625, 2.625])


def test_modality_lut_sequence_is_applied(write):
    (path,) = write("s", np.arange(16).reshape(1, 4, 4))
    item = pydicom.Dataset()
    item.LUTDescriptor, item.ModalityLUTType, item.LUTData = [16, 0, 16], "US", [v * v for v in range(16)]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    edit(path, ModalityLUTSequence=[item], RescaleSlope=None, RescaleIntercept=None, RescaleType=None)
    np.testing.assert_array_equal(dv.imread(path), np.arange(16).reshape(4, 4) ** 2)


def test_a_missing_slice_keeps_its_place(write):
    files = write("s")
    files[2].unlink()
    vol = dv.volread(files[0].parent)
    assert vol.shape == (6, 8, 10) and vol.report.missing == (2,) and vol.sources[2] is None
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)
    np.testing.assert_array_equal(np.delete(vol.array, 2, 0), np.delete(make_voxels(), 2, 0))
    (warning,) = vol.report.warnings
    assert "IM0001.dcm" in warning and "IM0003.dcm" in warning and "5 mm" in warning
    assert (vol[2] == vol[[0, 1, 3, 4, 5]].min()).all()


def test_two_missing_slices_of_three_are_kept_too(write):
    files = write("s", make_voxels((9, 4, 4)))
    for k in (3, 4):
        files[k].unlink()
    assert dv.volread(files[0].parent).report.missing == (3, 4)


@pytest.mark.parametrize(("shift", "uniform", "said"), [(0.02, True, 0), (0.1, False, 1), (0.4, False, 1)])
def test_uneven_spacing_is_told(write, shift, uniform, said):
    files = write("s")
    position = pydicom.dcmread(files[2]).ImagePositionPatient
    edit(files[2], ImagePositionPatient=[position[0], position[1], position[2] + shift])
    vol = dv.volread(files[0].parent)
    assert vol.geometry.is_uniform is uniform
    assert len(vol.report.warnings) == said
    assert ("no single affine" in "".join(vol.report.warnings)) is (shift > 0.25)
    assert vol.geometry.slice_positions[2][2] == pytest.approx(12.75 + 5 + shift)


def test_copies_and_duplicates_are_dropped_and_named(write):
    files = write("s")
    shutil.copy(files[1], files[1].with_name("copy.dcm"))
    twin = files[3].with_name("twin.dcm")
    shutil.copy(files[3], twin)
    edit(twin, SOPInstanceUID="1.2.3", AcquisitionNumber=2)
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    reasons = {dropped.path.name: dropped.reason for dropped in vol.report.dropped}
    assert reasons.keys() == {"IM0001.dcm", "twin.dcm"} or reasons.keys() == {"copy.dcm", "twin.dcm"}
    assert "twin.dcm" in "".join(vol.report.warnings)


def test_images_at_the_same_place_that_nothing_tells_apart_are_refused(write):
    first = write("t0")
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    for path in write("t1", make_voxels(seed=1)):
        edit(path, SeriesInstanceUID=uid)
    (series,) = dv.find_series(first[0].parent.parent)
    assert series.reason == (
        "up to 2 images at each of 6 positions, and nothing in the headers tells them apart evenly"
    )
    with pytest.raises(SeriesError, match="up to 2 images at each of 6 positions"):
        dv.volread(first[0].parent.parent)


def test_kinds_of_image_at_the_same_positions_become_two_volumes(write):
    first = write("magnitude")
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    for path in write("phase", make_voxels(seed=1)):
        edit(path, SeriesInstanceUID=uid, ImageType=["ORIGINAL", "PRIMARY", "P"])
    found = dv.find_series(first[0].parent.parent)
    assert [series.shape for series in found] == [(6, 8, 10)] * 2
    np.testing.assert_array_equal(
        dv.volread(first[0].parent.parent, series="PRIMARY\\P").array, make_voxels(seed=1)
    )


def test_orientations_of_one_series_become_two_volumes(write):
    first = write("a")
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    for path in write("b", matrix=make_affine("sagittal")):
        edit(path, SeriesInstanceUID=uid)
    found = dv.find_series(first[0].parent.parent)
    assert sorted(series.description for series in found) == ["a [axial]", "b [sagittal]"]


def test_positions_that_are_absent_are_not_invented(write):
    files = write("s", instance_numbers=[6, 5, 4, 3, 2, 1])
    for path in files:
        edit(path, ImagePositionPatient=None, ImageOrientationPatient=None)
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels()[::-1])
    assert vol.geometry.affine is None and vol.sampling == (None, 0.8, 0.6) and vol.fov[0] is None
    assert "InstanceNumber" in vol.report.warnings[0]
    for path in files:
        edit(path, PixelSpacing=None)
    assert dv.volread(files[0].parent).sampling is None


class TestSeveralSeries:
    @pytest.fixture
    def folder(self, write):
        files = write("Chest lung", modality="CT")
        write("Chest soft", make_voxels(seed=1), modality="CT", elements={"SeriesNumber": 2})
        return files[0].parent.parent

    def test_the_table_names_them(self, folder):
        found = dv.find_series(folder)
        text = repr(found)
        for word in (
            "modality",
            "series",
            "spacing",
            "series 1 axial",
            "series 2 axial",
            "6 × 8 × 10",
            "2.5 × 0.8 × 0.6 mm",
        ):
            assert word in text and word in found._repr_html_()
        assert len(found) == 2 and found[1].reason is None and len(found[1].files) == 6

    def test_choosing(self, folder):
        with pytest.raises(
            SeriesError,
            match=r"2 volumes are here: choose with series= a number(.|\n)*show_descriptions",
        ):
            dv.volread(folder)
        soft = make_voxels(seed=1)
        uid = dv.find_series(folder)[1].uid
        for wanted in (1, -1, uid, "SOFT"):
            np.testing.assert_array_equal(dv.volread(folder, series=wanted).array, soft)
        assert len(dv.mvolread(folder)) == 2
        for wrong in (2, "chest", "liver"):
            with pytest.raises(SeriesError, match="choose with series="):
                dv.volread(folder, series=wrong)

    def test_what_is_no_volume_does_not_count(self, folder, write):
        shutil.rmtree(folder / "Chest soft")
        scout = write("scout", make_voxels((1, 20, 20)), make_affine("coronal"))
        edit(scout[0], ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
        report = write("report", make_voxels((1, 4, 4)))
        edit(
            report[0],
            SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11",
            Modality="SR",
            PixelData=None,
            Rows=None,
            Columns=None,
        )
        tracking = write("tracking", make_voxels((1, 16, 16)))
        assert tracking
        (folder / "notes.txt").write_text("nothing")
        np.testing.assert_array_equal(dv.volread(folder).array, make_voxels())
        reasons = {s.description: s.reason for s in dv.find_series(folder)}
        assert reasons == {
            "Chest lung": None,
            "scout": "localizer",
            "report": "structured report",
            "tracking": None,
        }
        assert "1 other files" in repr(dv.find_series(folder))
        with pytest.raises(SeriesError, match="no volume: localizer"):
            dv.volread(folder, series="scout")


def test_a_file_stands_for_itself(write):
    files = write("s")
    vol = dv.volread(files[2])
    assert vol.shape == (1, 8, 10)
    np.testing.assert_array_equal(vol[0], make_voxels()[2])
    np.testing.assert_array_equal(dv.volread([files[3], str(files[2])]).array, make_voxels()[2:4])


def test_files_are_known_by_content(write):
    files = write("s", names=[f"I{i}" for i in range(6)])
    (files[0].parent / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(100))
    # The data set alone, without preamble and file meta information.
    dataset = pydicom.dcmread(files[0])
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, pydicom.Dataset(dataset))
    files[0].write_bytes(buffer.getvalue())
    np.testing.assert_array_equal(dv.volread(files[0].parent).array, make_voxels())


class TestTrouble:
    def test_no_such_path(self, tmp_path):
        for read in (dv.find_series, dv.volread, dv.mvolread, dv.imread):
            with pytest.raises(PathError, match="check the path") as caught:
                read(tmp_path / "nowhere")
            assert isinstance(caught.value, FileNotFoundError) and isinstance(caught.value, dv.DicomviewError)

    def test_empty_folder(self, tmp_path):
        assert len(dv.find_series(tmp_path)) == 0
        for read in (dv.volread, dv.mvolread):
            with pytest.raises(SeriesError, match="the folder is empty"):
                read(tmp_path)

    def test_no_dicom(self, tmp_path):
        (tmp_path / "a.txt").write_text("hello")
        with pytest.raises(SeriesError, match="none of the 1 files is DICOM"):
            dv.volread(tmp_path)

    def test_a_file_that_only_claims_to_be_dicom(self, write):
        files = write("s")
        (files[0].parent / "empty.dcm").write_bytes(b"")
        vol = dv.volread(files[0].parent)
        np.testing.assert_array_equal(vol.array, make_voxels())
        assert "empty.dcm: not a DICOM file (0 bytes)" in vol.report.warnings[0]
        assert [d.path.name for d in vol.report.dropped] == ["empty.dcm"]
        with pytest.raises(DecodeError, match=r"empty\.dcm"):
            dv.imread(files[0].parent / "empty.dcm")
        with pytest.raises(DecodeError, match=r"empty\.dcm: not a DICOM file"):
            dv.volread(files[0].parent / "empty.dcm")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, write):
        files = write("s")
        files[5].chmod(0)
        vol = dv.volread(files[0].parent)
        assert vol.shape[0] == 5 and "IM0005.dcm: cannot be opened" in vol.report.warnings[0]

    @pytest.mark.parametrize("keep", [0.5, 0.95])
    def test_truncated_pixels_become_an_empty_slice(self, write, keep):
        files = write("s", make_voxels((6, 64, 64)))
        raw = files[3].read_bytes()
        files[3].write_bytes(raw[: int(len(raw) * keep)])
        vol = dv.volread(files[0].parent)
        assert vol.shape == (6, 64, 64) and vol.report.missing == (3,)
        np.testing.assert_array_equal(np.delete(vol.array, 3, 0), np.delete(make_voxels((6, 64, 64)), 3, 0))
        assert "IM0003.dcm" in vol.report.warnings[0] and "copy it again" in vol.report.warnings[0]
        with pytest.raises(DecodeError, match=r"IM0003\.dcm.*copy"):
            dv.imread(files[3])
        with pytest.raises(DecodeError, match=r"IM0003\.dcm.*copy"):
            dv.volread(files[3])

    @pytest.mark.parametrize("keep", [140, 200, 400, 700, 1000])
    def test_a_header_cut_short(self, write, keep):
        files = write("s", make_voxels((6, 64, 64)))
        files[5].write_bytes(files[5].read_bytes()[:keep])
        vol = dv.volread(files[0].parent)
        assert vol.shape[0] == 5
        assert "IM0005.dcm" in str(vol.report) or "1 file(s)" in str(vol.report)

    def test_folder_names_stay_out_of_messages(self, write, tmp_path):
        files = write("Doe^Jane", description="brain")
        files[3].write_bytes(files[3].read_bytes()[:-40])
        edit(files[0], PatientName="Doe^Jane")
        vol = dv.volread(tmp_path / "Doe^Jane")
        shown = "".join([str(vol.report), repr(vol.report), repr(vol.sources), repr(vol), vol._repr_html_()])
        assert "Doe" not in shown


def test_nothing_is_printed(write, capfd):
    dv.volread(write("s")[0].parent)
    assert capfd.readouterr() == ("", "")


def test_colour_slices_are_read_as_rgb(write):
    files = write("s", np.zeros((3, 4, 5), np.int16))
    colors = np.random.RandomState(1).randint(0, 255, (3, 4, 5, 3)).astype(np.uint8)
    for path, image in zip(files, colors):
        edit(
            path, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, BitsAllocated=8,
            BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=image.tobytes(),
            RescaleSlope=None, RescaleIntercept=None, RescaleType=None,
        )  # fmt: skip
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, colors)
    assert vol.dims == ("slice", "row", "column", "rgb") and vol.is_color


def test_compressed_files_simply_open(write):
    files = write("s", make_voxels((4, 16, 16)))
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    np.testing.assert_array_equal(dv.volread(files[0].parent).array, make_voxels((4, 16, 16)))


# Some of imageio's plugins, where they are installed, leave a file open that they cannot read.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_other_formats_go_to_imageio(tmp_path):
    stack = make_voxels((5, 6, 7)).astype(np.uint8)
    np.savez(tmp_path / "stack.npz", stack)
    vol = dv.volread(tmp_path / "stack.npz")
    np.testing.assert_array_equal(vol.array, stack)
    assert vol.sampling is None
    iio.imwrite(tmp_path / "image.png", stack[0])
    np.testing.assert_array_equal(dv.imread(tmp_path / "image.png"), stack[0])
    (tmp_path / "notes.xyz").write_text("nothing")
    with pytest.raises(DecodeError, match=r"notes\.xyz: neither DICOM nor"):
        dv.volread(tmp_path / "notes.xyz")
    gc.collect()  # imageio leaves a file open that it cannot read: no other test must hear of it


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("InstanceNumber", "1.5"),
        ("EchoTime", "80\\90"),
        ("EchoTime", ""),
        ("AcquisitionNumber", "x"),
        ("ImageType", "DERIVED"),
        ("SeriesNumber", ""),
        ("SliceThickness", "thick"),
    ],
)
def test_odd_values_of_unimportant_elements_do_no_harm(write, capfd, keyword, text):
    files = write("s")
    tag = pydicom.datadict.tag_for_keyword(keyword)
    for path in files:
        dataset = pydicom.dcmread(path)
        vr = pydicom.datadict.dictionary_VR(tag)
        dataset[tag] = pydicom.dataelem.RawDataElement(
            pydicom.tag.Tag(tag), vr, len(text), text.encode(), 0, False, True
        )
        dataset.save_as(path)
    capfd.readouterr()
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert vol.report.warnings == () and capfd.readouterr() == ("", "")


def test_a_stray_image_without_position_does_not_cost_the_geometry(write):
    files = write("s")
    dataset = pydicom.dcmread(files[5])
    raw = b"nan\\0\\0 "
    tag = pydicom.tag.Tag("ImagePositionPatient")
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(raw), raw, 0, False, True)
    dataset.save_as(files[5])
    vol = dv.volread(files[0].parent)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)
    assert vol.shape[0] == 5 and "IM0005.dcm" in vol.report.warnings[0]
    assert [d.path.name for d in vol.report.dropped] == ["IM0005.dcm"]


@pytest.mark.parametrize("spoil", [{"PixelSpacing": None}, {"PixelSpacing": [0, 0]}])
def test_without_pixel_spacing_positions_still_give_the_order(write, spoil):
    files = write("s", instance_numbers=[3, 1, 2, 6, 5, 4])
    for path in files:
        edit(path, **spoil)
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert vol.geometry.affine is None and vol.sampling == (2.5, None, None)
    assert "PixelSpacing" in vol.report.warnings[0]


@pytest.mark.parametrize(
    "spoil",
    [
        {"ImageOrientationPatient": None},
        {"PixelSpacing": [0.9, 0.6]},
        {"ImageType": ["ORIGINAL", "LOCALIZER"]},
    ],
)
def test_an_image_of_the_series_that_does_not_fit_is_named(write, spoil):
    files = write("s")
    edit(files[5], **spoil)
    vol = dv.volread(files[0].parent)
    assert vol.shape[0] == 5
    assert "other images that are no part of this volume: 1 file" in vol.report.warnings[0]


def test_contrasts_are_never_mixed(write):
    """Two kernels, the second one covering fewer slices."""
    first = write("soft")
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    second = write("sharp", make_voxels(seed=1))
    for path in first:
        edit(path, ConvolutionKernel="B30")
    for path in second:
        edit(path, SeriesInstanceUID=uid, ConvolutionKernel="B70")
    second[0].unlink()
    folder = first[0].parent.parent
    soft, sharp = sorted(dv.mvolread(folder), key=lambda vol: -vol.shape[0])
    np.testing.assert_array_equal(soft.array, make_voxels())
    np.testing.assert_array_equal(sharp.array, make_voxels(seed=1)[1:])


def test_the_whole_one_of_two_copies_is_read(write):
    files = write("s")
    shutil.copy(files[2], files[2].with_name("Z.dcm"))
    files[2].write_bytes(files[2].read_bytes()[:-50])
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert [d.path.name for d in vol.report.dropped] == ["IM0002.dcm"]


def test_one_uid_for_different_images_does_not_lose_any(write):
    files = write("s")
    for path in files:
        edit(path, SOPInstanceUID="1.2.3")
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert "6 different images carry the same SOPInstanceUID" in vol.report.warnings[0]


def test_images_without_a_series_are_grouped_by_folder(write):
    files = write("s")
    for path in files:
        edit(path, SeriesInstanceUID=None)
    vol = dv.volread(files[0].parent)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert "SeriesInstanceUID" in vol.report.warnings[0]


def test_micrometre_slices_are_not_the_same_place(write):
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, 0.006], [0, 0.006, 0], [0.006, 0, 0]])
    vol = dv.volread(write("s", matrix=affine))
    np.testing.assert_allclose(vol.geometry.affine, affine, atol=1e-9)


def test_positions_are_exact_where_no_affine_fits(write):
    files = write("s", make_voxels((5, 4, 4)))
    for path, z in zip(files, (0, 1, 2, 3, 10.5)):
        position = pydicom.dcmread(path).ImagePositionPatient
        edit(path, ImagePositionPatient=[position[0], position[1], z])
    geometry = dv.volread(files[0].parent).geometry
    for k, z in enumerate((0, 1, 2, 3, 10.5)):
        assert geometry.position((k, 1, 2))[2] == pytest.approx(z)
        np.testing.assert_allclose(geometry.index(geometry.position((k, 1, 2))), (k, 1, 2), atol=1e-9)
    assert geometry.position((3.5, 0, 0))[2] == pytest.approx(6.75)


def test_padding_arrives_in_the_unit_of_the_values(write):
    array = make_voxels()
    array[:, :2] = -2000
    files = write("s", array, intercept=-2048)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.add_new("PixelPaddingValue", "US", 48)
        dataset.save_as(path)
    vol = dv.volread(files[0].parent)
    assert vol.padding == (-2000, -2000)
    assert vol.auto_window().limits[0] >= -100


@pytest.mark.parametrize("signed", [True, False])
def test_padding_of_the_wrong_sign_is_understood(write, signed):
    array = make_voxels() + (0 if signed else 100)
    files = write("s", array, signed=signed)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.add_new("PixelPaddingValue", "US" if signed else "SS", 63536 if signed else -2000)
        dataset.save_as(path)
    assert dv.volread(files[0].parent).padding == ((-2000, -2000) if signed else (63536, 63536))


def test_linked_folders_are_searched_once(write, tmp_path):
    files = write("s")
    outside = tmp_path / "study"
    outside.mkdir()
    (outside / "link").symlink_to(files[0].parent, target_is_directory=True)
    (outside / "again").symlink_to(outside, target_is_directory=True)
    vol = dv.volread(outside)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert vol.report.dropped == ()


def test_a_three_plane_localizer_beside_a_volume_does_not_count(write):
    volume = write("volume", make_voxels((9, 8, 10)))
    first = write("scout", make_voxels((3, 20, 20)), make_affine("axial"))
    uid = pydicom.dcmread(first[0]).SeriesInstanceUID
    for plane in ("coronal", "sagittal"):
        for path in write(plane, make_voxels((3, 20, 20)), make_affine(plane)):
            edit(path, SeriesInstanceUID=uid)
    np.testing.assert_array_equal(dv.volread(volume[0].parent.parent).array, make_voxels((9, 8, 10)))


def test_a_non_finite_slope_is_refused(write):
    files = write("s")
    dataset = pydicom.dcmread(files[3])
    tag = pydicom.tag.Tag("RescaleSlope")
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "DS", 4, b"NaN ", 0, False, True)
    dataset.save_as(files[3])
    vol = dv.volread(files[0].parent)
    assert vol.report.missing == (3,)
    assert "RescaleSlope (0028,1053) must be finite, not nan" in "".join(vol.report.warnings)


def test_the_dataset_of_a_slice(write):
    files = write("s")
    files[2].unlink()
    vol = dv.volread(files[0].parent)
    assert dv.dataset(vol, -1).InstanceNumber == 6
    for index in (2, 6, (0, 0)):
        with pytest.raises(SeriesError, match="no file to read"):
            dv.dataset(vol, index)


def test_a_slope_of_zero_does_not_wipe_out_the_values(write):
    files = write("s", intercept=-7)
    edit(files[2], RescaleSlope="0")
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert vol.report.warnings == ("RescaleSlope (0028,1053) is 0 in IM0002.dcm: taken for 1",)


def put(path, keyword, raw):
    """Write the bytes of an element as they are."""
    dataset = pydicom.dcmread(path)
    tag = pydicom.tag.Tag(keyword)
    vr = pydicom.datadict.dictionary_VR(tag)
    raw += b" " * (len(raw) % 2)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    dataset.save_as(path)


def put_again(path, keyword, raw):
    """Write an element of explicit VR once more, behind itself."""
    tag = pydicom.tag.Tag(keyword)
    vr = pydicom.datadict.dictionary_VR(tag)
    head = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little") + vr.encode()
    content = path.read_bytes()
    at = content.index(head)
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    twin = head + len(raw).to_bytes(2, "little") + raw
    path.write_bytes(content[: at + 8 + length] + twin + content[at + 8 + length :])


@pytest.mark.parametrize("spoilt", [0, 3])
@pytest.mark.parametrize("raw", [b"1_0", b"0x2", b"1 2", b"\xd9\xa3", b"1,5", b"1e_1", b"-"])
@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_what_only_python_takes_for_a_number_is_none(write, keyword, raw, spoilt):
    files = write("s")
    put(files[spoilt], keyword, raw)
    vol = dv.volread(files[0].parent)
    assert f"{keyword} ({'0028,1053' if keyword[7] == 'S' else '0028,1052'}) is no number" in str(vol.report)
    assert [d.path.name for d in vol.report.dropped] == [files[spoilt].name]
    assert keyword in vol.meta or keyword in vol.meta.varying


def test_a_position_that_only_python_takes_for_one_is_told(write):
    files = write("s")
    put(files[3], "ImagePositionPatient", b"1_0\\0\\0")
    told = dv.volread(files[0].parent).report.warnings
    assert any("ImagePositionPatient (0020,0032) cannot be understood in IM0003.dcm" in text for text in told)


def test_a_window_that_only_python_takes_for_one_is_none(write):
    files = write("s")
    for path in files:
        put(path, "WindowCenter", b"4_0")
    assert "WindowCenter" not in dv.volread(files).meta


@pytest.mark.parametrize("spoilt", [0, 3])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_slope_without_a_value_is_told(write, lazy, spoilt):
    files = write("s")
    put(files[spoilt], "RescaleSlope", b"")
    vol = dv.volread(files, lazy=lazy)
    assert vol.report.warnings == (f"RescaleSlope (0028,1053) is empty in {files[spoilt].name}: taken for 1",)
    np.testing.assert_array_equal(np.asarray(vol.array), make_voxels())


@pytest.mark.parametrize("spoilt", [0, 3])
def test_an_element_that_comes_twice_is_told(write, spoilt):
    files = write("s")
    put_again(files[spoilt], "RescaleSlope", b"3 ")
    put_again(files[5 - spoilt], "PatientSex", b"F ")  # which neither values nor places depend on
    expected = make_voxels()
    expected[spoilt] *= 3
    for lazy in (False, True):
        vol = dv.volread(files, lazy=lazy)
        np.testing.assert_array_equal(np.asarray(vol.array), expected)
        told = f"RescaleSlope (0028,1053) comes several times in {files[spoilt].name}: the last one is taken"
        assert vol.report.warnings[0] == told


def test_an_intercept_that_is_absent_beside_a_slope_is_told(write):
    files = write("s", intercept=0, slope=1)
    for path in files:
        dataset = pydicom.dcmread(path)
        del dataset.RescaleIntercept
        dataset.save_as(path)
    (told,) = dv.volread(files).report.warnings
    assert told.startswith("RescaleIntercept (0028,1052) is absent beside RescaleSlope in IM0000.dcm")


def test_an_image_tells_what_is_odd_in_its_header(write):
    files = write("s")
    put_again(files[2], "RescaleSlope", b"3 ")
    with pytest.warns(RuntimeWarning, match="RescaleSlope .0028,1053. comes several times in IM0002.dcm"):
        dv.imread(files[2])


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("FrameOfReferenceUID", "1.2.3.99"),
        ("PatientID", "SOMEBODY"),
        ("PhotometricInterpretation", "MONOCHROME1"),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_slices_that_differ_in_what_a_series_shares_are_told(write, keyword, value, lazy):
    files = write("s")
    edit(files[3], **{keyword: value})
    (told,) = dv.volread(files, lazy=lazy).report.warnings
    assert told.startswith(f"slices differ in {keyword} (") and value not in told


def test_files_with_one_remark_share_a_line(write):
    files = write("s", slope=1)
    for path in files:
        put(path, "RescaleSlope", b"")
    (told,) = dv.volread(files).report.warnings
    assert "IM0000.dcm, IM0001.dcm" in told and "and 1 more" in told


def test_warnings_of_pydicom_do_not_quote_the_header(write, recwarn):
    files = write("s")
    spoilt = {
        "SOPInstanceUID": b"1.2.canary", "SeriesInstanceUID": b"1.2.canary", "PatientBirthDate": b"canary",
        "InstanceNumber": b"canary", "PatientID": b"canary" * 20, "PatientAge": b"canary",
        "SpecificCharacterSet": b"canary", "PatientName": b"canary\xff\xfe", "PatientWeight": b"canary",
    }  # fmt: skip
    for path in files:
        for keyword, raw in spoilt.items():
            put(path, keyword, raw + str(files.index(path)).encode() * (keyword == "SOPInstanceUID"))
    recwarn.clear()
    found = dv.find_series(files)
    for vol in (found[0].read(), dv.volread(files[0].parent), dv.volread(files, lazy=True)):
        assert [vol.meta.per_slice(keyword) for keyword in vol.meta.varying]
    dv.imread(files[0])
    list(found[0].stack.present)
    told = [str(w.message) for w in recwarn] + [str(vol.report), repr(found)]
    assert not [text for text in told if "canary" in text] and not recwarn.list
