"""Extra dimensions, multi-frame files and mosaics against closed form."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

import dicomview as dv
from dicomview.io.assemble import assemble

TIMES = [make_voxels(seed=seed) for seed in range(3)]


def distinct(files):
    """Give every file a SOP instance of its own: the writer counts them within a call."""
    for i, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{i}"
        dataset.save_as(path)
    return files


@pytest.fixture
def write_4d(write):
    """Write three frames as one series; each frame gets elements of its own."""

    def write_4d(frames):
        uid, files = pydicom.uid.generate_uid(entropy_srcs=["4d"]), []
        for t, elements in enumerate(frames):
            numbers = range(1 + 6 * t, 7 + 6 * t)
            files += write(
                f"t{t}", TIMES[t], series_uid=uid, elements=elements, instance_numbers=list(numbers)
            )
        return distinct(files)

    return write_4d


@pytest.mark.parametrize(
    ("keyword", "values", "name", "shown", "unit"),
    [
        ("TemporalPositionIdentifier", [1, 2, 3], "time", (1, 2, 3), ""),
        ("TriggerTime", [0, 30.5, 61], "trigger_time", (0, 30.5, 61), "ms"),
        ("EchoTime", [10, 20, 35], "echo_time", (10, 20, 35), "ms"),
        ("AcquisitionTime", ["120000.5", "120002.5", "120010"], "time", (0, 2, 9.5), "s"),
        ("FrameReferenceTime", [5, 25, 60], "time", (5, 25, 60), "ms"),
        ("AcquisitionNumber", [1, 2, 5], "acquisition", (1, 2, 5), ""),
        ("DiffusionBValue", [0.0, 500.0, 1000.0], "b_value", (0, 500, 1000), "s/mm2"),
    ],
)
def test_a_dimension_is_named_with_values_and_unit(write_4d, keyword, values, name, shown, unit):
    files = write_4d([{keyword: value} for value in values])
    vol = dv.volread(files)
    assert vol.dims == (name, "slice", "row", "column")
    np.testing.assert_array_equal(vol.array, TIMES)
    (dimension,) = vol.dimensions
    assert (dimension.values, dimension.unit) == (shown, unit)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)
    assert vol.report.warnings == () and len(vol.sources) == 18
    (series,) = dv.find_series(files)
    assert series.shape == (3, 6, 8, 10)
    third = dv.dataset(vol, (1, 2))
    assert third.SOPInstanceUID == vol.sources[8].sop_instance_uid == "1.2.3.8"


def test_without_anything_better_the_instance_numbers_give_the_order(write_4d):
    vol = dv.volread(write_4d([{}, {}, {}]))
    assert vol.dims[0] == "frame"
    np.testing.assert_array_equal(vol.array, TIMES)


def test_repeated_b_values_keep_the_order_of_acquisition(write_4d):
    vol = dv.volread(write_4d([{"DiffusionBValue": b} for b in (0.0, 1000.0, 1000.0)]))
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 1000, 1000)
    np.testing.assert_array_equal(vol.array, TIMES)


def test_two_dimensions(write):
    uid, files = pydicom.uid.generate_uid(entropy_srcs=["5d"]), []
    expected = np.zeros((2, 3, 6, 8, 10), np.int16)
    for t in range(2):
        for e in range(3):
            expected[t, e] = make_voxels(seed=10 * t + e)
            elements = {"TemporalPositionIdentifier": t + 1, "EchoTime": 10.0 * (e + 1)}
            files += write(f"{t}{e}", expected[t, e], series_uid=uid, elements=elements)
    vol = dv.volread(distinct(files))
    assert vol.dims[:2] == ("time", "echo_time")
    np.testing.assert_array_equal(vol.array, expected)


def test_an_image_missing_from_the_grid_stays_empty(write_4d):
    files = write_4d([{"TemporalPositionIdentifier": t} for t in (1, 2, 3)])
    files[8].unlink()
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.report.missing == ((1, 2),) and vol.missing_slices((1,)) == [2]
    assert "1 images are missing" in vol.report.warnings[0]
    expected = np.array(TIMES)
    expected[1, 2] = vol[1, 2]
    np.testing.assert_array_equal(vol.array, expected)


def test_a_slice_missing_at_all_times_keeps_its_place(write_4d):
    files = write_4d([{"TemporalPositionIdentifier": t} for t in (1, 2, 3)])
    for t in range(3):
        files[6 * t + 3].unlink()
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.shape == (3, 6, 8, 10) and vol.report.missing == ((0, 3), (1, 3), (2, 3))


def item(**elements):
    """Return a sequence of one item."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return [dataset]


@pytest.fixture
def enhanced(write):
    """Write an enhanced file: shuffled frames, two time points, slope and intercept of its own per time."""

    def enhanced(matrix, times=2):
        template = pydicom.dcmread(write("t")[0])
        arrays = [make_voxels(seed=t) + 100 for t in range(times)]
        step, rows, columns = matrix[:3, 0], matrix[:3, 1], matrix[:3, 2]
        spacing = [float(np.linalg.norm(rows)), float(np.linalg.norm(columns))]
        order = np.random.RandomState(5).permutation([(t, k) for t in range(times) for k in range(6)])
        groups = []
        for t, k in order:
            frame = Dataset()
            position = matrix[:3, 3] + k * step
            frame.PlanePositionSequence = item(ImagePositionPatient=[round(float(x), 8) for x in position])
            frame.FrameContentSequence = item(
                StackID="1", InStackPositionNumber=int(k) + 1, TemporalPositionIndex=int(t) + 1,
                DimensionIndexValues=[1, int(k) + 1, int(t) + 1],
            )  # fmt: skip
            frame.PixelValueTransformationSequence = item(
                RescaleSlope=str(1 + t), RescaleIntercept=str(-100 * t), RescaleType="US"
            )
            groups.append(frame)
        shared = Dataset()
        shared.PixelMeasuresSequence = item(PixelSpacing=spacing, SliceThickness=9)
        shared.PlaneOrientationSequence = item(
            ImageOrientationPatient=[round(float(x), 8) for x in (*columns / spacing[1], *rows / spacing[0])]
        )
        pointers = []
        for keyword in ("StackID", "InStackPositionNumber", "TemporalPositionIndex"):
            pointers += item(DimensionIndexPointer=pydicom.datadict.tag_for_keyword(keyword))
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            del template[keyword]
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            if keyword in template:
                del template[keyword]
        template.SOPClassUID = template.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
        template.NumberOfFrames, template.DimensionIndexSequence = len(groups), pointers
        template.PixelRepresentation = 1
        template.PerFrameFunctionalGroupsSequence = groups
        template.SharedFunctionalGroupsSequence = [shared]
        template.PixelData = np.stack([arrays[t][k] for t, k in order]).astype("<i2").tobytes()
        path = write("t")[0].with_name("enhanced.dcm")
        template.save_as(path)
        return path, [array * (1 + t) - 100 * t for t, array in enumerate(arrays)]

    return enhanced


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique"])
def test_frames_are_ordered_by_position(enhanced, orientation):
    matrix = make_affine(orientation)
    path, expected = enhanced(matrix)
    vol = dv.volread(path)
    normal = np.cross(matrix[:3, 2], matrix[:3, 1])
    if normal @ matrix[:3, 0] < 0:
        matrix[:3, 3] += 5 * matrix[:3, 0]
        matrix[:3, 0] *= -1
        expected = [array[::-1] for array in expected]
    assert vol.dims == ("time", "slice", "row", "column")
    np.testing.assert_array_equal(vol.array, expected)
    np.testing.assert_allclose(vol.geometry.affine, matrix, atol=1e-5)
    assert "PerFrameFunctionalGroupsSequence" not in vol.meta


def test_a_single_time_point_has_no_extra_dimension(enhanced):
    path, expected = enhanced(make_affine(), times=1)
    vol = dv.volread(path)
    np.testing.assert_array_equal(vol.array, expected[0])
    assert vol.sources[3].frame is not None


def test_a_film_is_time(write):
    dataset = pydicom.dcmread(write("s")[0])
    frames = (make_voxels((5, 8, 10)) + 100).astype("<u2")
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        del dataset[keyword]
    dataset.Modality, dataset.NumberOfFrames, dataset.FrameTime = "US", 5, 40
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    dataset.PixelRepresentation, dataset.PixelData = 0, frames.tobytes()
    path = write("s")[0].with_name("film.dcm")
    dataset.save_as(path)
    vol = dv.volread(path)
    assert vol.dims == ("time", "slice", "row", "column") and vol.geometry.affine is None
    assert vol.dimensions[0].values == (0, 40, 80, 120, 160) and vol.dimensions[0].unit == "ms"
    np.testing.assert_array_equal(vol.array[:, 0], frames)


@pytest.fixture
def multiframe(write):
    """Write a multi-frame file of these frames with these elements; None removes one."""

    def multiframe(frames, name="multi", **elements):
        folder = write(name)[0].parent
        dataset = pydicom.dcmread(folder / "IM0000.dcm")
        for path in folder.iterdir():
            path.unlink()
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            del dataset[keyword]
        dataset.NumberOfFrames, dataset.PixelRepresentation = len(frames), 0
        dataset.PixelData = frames.astype("<u2").tobytes()
        for keyword, value in elements.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.save_as(folder / "multi.dcm")
        return folder / "multi.dcm"

    return multiframe


FRAMES = make_voxels((4, 8, 10)) + 100
DOSE = {"Modality": "RTDOSE", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.2"}


@pytest.mark.parametrize(
    ("offsets", "orientation", "z"),
    [
        ([0, 3, 6, 9], [1, 0, 0, 0, 1, 0], [12.75, 15.75, 18.75, 21.75]),
        ([12.75, 15.75, 18.75, 21.75], [1, 0, 0, 0, 1, 0], [12.75, 15.75, 18.75, 21.75]),
        ([12.75, 15.75, 18.75, 21.75], [-1, 0, 0, 0, 1, 0], [12.75, 15.75, 18.75, 21.75]),
    ],
)
def test_a_dose_grid_is_placed_by_its_offsets_and_scaled(multiframe, offsets, orientation, z):
    path = multiframe(
        FRAMES,
        **DOSE,
        GridFrameOffsetVector=offsets,
        ImageOrientationPatient=orientation,
        DoseGridScaling="0.5",
    )
    vol = dv.volread(path)
    order = np.argsort(vol.geometry.slice_positions[:, 2])
    np.testing.assert_allclose(vol.geometry.slice_positions[order, 2], z)
    np.testing.assert_array_equal(vol.array[order], FRAMES * 0.5)


@pytest.mark.parametrize("offsets", [[0, 3, 6], [0, 3, 6, 9, 12], [0]])
def test_a_dose_grid_that_does_not_add_up_is_refused(multiframe, offsets):
    path = multiframe(FRAMES, **DOSE, GridFrameOffsetVector=offsets)
    with pytest.raises(dv.DicomviewError, match="offsets for 4 frames"):
        dv.volread(path)


@pytest.mark.parametrize(
    ("scaling", "told"),
    [("nan", "finite, not nan"), ("inf", "finite, not inf"), ("1\\2", "one value, not 2")],
)
def test_a_dose_whose_scaling_is_no_number_is_refused(multiframe, scaling, told):
    path = multiframe(FRAMES, **DOSE, GridFrameOffsetVector=[0, 3, 6, 9])
    put_text(path, "DoseGridScaling", scaling)
    with pytest.raises(dv.DicomviewError, match=rf"DoseGridScaling \(3004,000E\) must be {told}"):
        dv.volread(path)


def test_a_dose_without_scaling_is_told(multiframe):
    vol = dv.volread(multiframe(FRAMES, **DOSE, GridFrameOffsetVector=[0, 3, 6, 9]))
    np.testing.assert_array_equal(np.sort(vol.array, axis=None), np.sort(FRAMES, axis=None))
    assert vol.report.warnings == ("DoseGridScaling (3004,000E) is absent in multi.dcm: taken for 1",)


def test_a_dose_grid_scaling_of_zero_does_not_wipe_out_the_values(multiframe):
    path = multiframe(FRAMES, **DOSE, GridFrameOffsetVector=[0, 3, 6, 9], DoseGridScaling="0")
    vol = dv.volread(path)
    np.testing.assert_array_equal(np.sort(vol.array, axis=None), np.sort(FRAMES, axis=None))
    assert "DoseGridScaling (3004,000E) is 0 in multi.dcm: taken for 1" in vol.report.warnings


def put_text(path, keyword, text):
    """Write a text that pydicom would not."""
    dataset = pydicom.dcmread(path)
    tag, raw = pydicom.tag.Tag(keyword), text.encode() + b" " * (len(text) % 2)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(raw), raw, 0, False, True)
    dataset.save_as(path)


NM = {"Modality": "NM", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.20", "SpacingBetweenSlices": "4"}


def test_gated_slices_of_nuclear_medicine_are_slices_by_time(multiframe):
    frames = make_voxels((12, 8, 10)) + 100
    path = multiframe(
        frames,
        **NM,
        ImageType=["ORIGINAL", "PRIMARY", "RECON GATED TOMO", "EMISSION"],
        SliceVector=[1, 2, 3, 4] * 3,
        TimeSlotVector=[1] * 4 + [2] * 4 + [3] * 4,
    )
    vol = dv.volread(path)
    assert vol.dims[0] == "time_slot" and vol.sampling[0] == 4
    np.testing.assert_array_equal(vol.array, frames.reshape(3, 4, 8, 10))


def test_projections_have_no_place(multiframe):
    path = multiframe(FRAMES, **NM, ImageType=["ORIGINAL", "PRIMARY", "TOMO", "EMISSION"])
    vol = dv.volread(path)
    assert vol.geometry.affine is None and vol.dims[0] == "frame"


def test_frames_at_one_place_without_times_are_just_frames(multiframe):
    vol = dv.volread(multiframe(FRAMES))
    assert vol.dims == ("frame", "slice", "row", "column") and vol.dimensions[0].unit == ""
    np.testing.assert_array_equal(vol.array[:, 0], FRAMES)
    vol = dv.volread(multiframe(FRAMES, FrameTime=40))
    assert vol.dims[0] == "time" and vol.dimensions[0].label(2) == "time = 80 ms"


@pytest.mark.parametrize("steps", [[0, 30, 40, 30], [30, 40, 30]])
def test_frames_come_at_uneven_times(multiframe, steps):
    gone = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    vol = dv.volread(multiframe(FRAMES, FrameTimeVector=steps, **gone))
    assert vol.dimensions[0].values == (0, 30, 70, 100) and vol.dimensions[0].unit == "ms"


def test_a_film_of_a_screen_is_read_and_leaves_the_volume_beside_it_alone(write, multiframe):
    capture = {"Modality": "OT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2", "SeriesInstanceUID": "1.2.3"}
    film = multiframe(FRAMES, **capture, ImagePositionPatient=None, ImageOrientationPatient=None)
    np.testing.assert_array_equal(dv.volread(film).array[:, 0], FRAMES)
    array = make_voxels()
    np.testing.assert_array_equal(dv.volread([film, *write("volume", array)]).array, array)


def test_films_of_one_series_are_not_glued(multiframe):
    film = {"Modality": "US", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1", "SeriesInstanceUID": "1.2.3"}
    film |= {"ImagePositionPatient": None, "ImageOrientationPatient": None, "FrameTime": 40}
    first = multiframe(FRAMES, "a", SOPInstanceUID="1.2.3.1", **film)
    multiframe(FRAMES[:3], "b", SOPInstanceUID="1.2.3.2", **film)
    shapes = sorted(vol.shape for vol in dv.mvolread(first.parent.parent))
    assert shapes == [(3, 1, 8, 10), (4, 1, 8, 10)]


def test_shuttle_scans_are_not_woven_together(write):
    """Two time points, the second one half a slice further."""
    shifted = make_affine()
    shifted[2, 3] += 1.25
    files = write("a", TIMES[0], series_uid="1.2.3", elements={"TemporalPositionIdentifier": 1})
    files += write("b", TIMES[1], shifted, series_uid="1.2.3", elements={"TemporalPositionIdentifier": 2})
    volumes = dv.mvolread(distinct(files))
    for vol, array in zip(volumes, TIMES):
        np.testing.assert_array_equal(vol.array, array)
        assert vol.sampling[0] == pytest.approx(2.5)


def test_echoes_are_not_mixed_by_trigger_times_that_overlap(write):
    files, expected = [], np.zeros((2, 2, 6, 8, 10), np.int16)
    for e in range(2):
        for t in range(2):
            expected[e, t] = make_voxels(seed=10 * e + t)
            late = [2 * e * (-1) ** k for k in range(6)]

            def elements(k, e=e, t=t, late=late):
                return {"EchoTime": 5.0 * (e + 1), "TriggerTime": 10.0 + 40 * t + late[k]}

            files += write(f"{e}{t}", expected[e, t], series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    assert vol.dims[:2] == ("echo_time", "trigger_time")
    np.testing.assert_array_equal(vol.array, expected)


def test_b_values_are_not_mixed_by_times_that_rotate(write):
    files, values = [], (0.0, 500.0, 500.0)
    for i, b in enumerate(values):

        def elements(k, i=i, b=b):
            return {"DiffusionBValue": b, "AcquisitionTime": f"1200{(i + k) % 3 + 10 * i * (b > 0):02d}"}

        files += write(f"{i}", np.full((6, 4, 4), int(b)), series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == values
    assert [set(np.unique(frame)) for frame in vol.array] == [{0}, {500}, {500}]


def test_a_map_beside_its_source_images_is_another_volume(write):
    files = []
    for i, b in enumerate((0.0, 1000.0)):
        files += write(f"{i}", TIMES[i], series_uid="1.2.3", elements={"DiffusionBValue": b})
    derived = {"ImageType": ["DERIVED", "PRIMARY", "ADC"]}
    files += write("adc", TIMES[2], series_uid="1.2.3", elements=derived)
    source, adc = sorted(dv.mvolread(distinct(files)), key=lambda vol: -vol.ndim)
    assert source.dims[0] == "b_value"
    np.testing.assert_array_equal(source.array, TIMES[:2])
    np.testing.assert_array_equal(adc.array, TIMES[2])


def test_a_cine_with_one_image_missing_is_still_a_cine(write_4d):
    files = write_4d([{"TriggerTime": t} for t in (0, 40, 80)])
    files[9].unlink()
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.dims[0] == "trigger_time" and vol.report.missing == ((1, 3),)


def test_per_frame_groups_that_are_too_few_are_refused(enhanced):
    path, _ = enhanced(make_affine())
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:-1]
    dataset.save_as(path)
    with pytest.raises(dv.DicomviewError, match="11 items for 12 frames"):
        dv.volread(path)


def test_a_segmentation_is_a_mask_per_segment_in_its_own_place(write):
    """Frames of empty masks are not stored; a CT beside it stays the volume of the folder."""
    template = pydicom.dcmread(write("t", make_voxels((6, 8, 16)))[0])
    masks = np.zeros((2, 6, 8, 16), np.uint8)
    masks[0, 1:4, 2:5, 3:9] = 1
    masks[1, 3:5, 1:3, 4:6] = 1
    groups, bits = [], []
    for s, k in [(1, 4), (0, 2), (0, 1), (1, 3), (0, 3)]:
        frame = Dataset()
        frame.SegmentIdentificationSequence = item(ReferencedSegmentNumber=s + 1)
        frame.PlanePositionSequence = item(ImagePositionPatient=[-20.5, -31.25, 12.75 + 2.5 * k])
        frame.FrameContentSequence = item(DimensionIndexValues=[s + 1, k])
        groups.append(frame)
        bits.append(np.packbits(masks[s, k].ravel(), bitorder="little"))
    shared = Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.8, 0.6])
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        del template[keyword]
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        del template[keyword]
    template.SOPClassUID = template.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    template.Modality, template.SeriesInstanceUID, template.NumberOfFrames = "SEG", "1.2.3", len(groups)
    template.BitsAllocated, template.BitsStored, template.HighBit, template.PixelRepresentation = 1, 1, 0, 0
    template.PerFrameFunctionalGroupsSequence = groups
    template.SharedFunctionalGroupsSequence = [shared]
    template["PixelData"].VR = "OB"
    template.PixelData = np.concatenate(bits).tobytes()
    path = write("t", make_voxels((6, 8, 16)))[0].with_name("seg.dcm")
    template.save_as(path)
    vol = dv.volread(path)
    assert vol.dims[0] == "segment" and vol.dimensions[0].values == (1, 2)
    np.testing.assert_array_equal(vol.array, masks[:, 1:5])
    assert vol.geometry.affine[2, 3] == pytest.approx(12.75 + 2.5) and vol.report.missing == ()
    assert dv.volread(path.parent).meta.Modality == "CT"


def test_segments_that_share_no_slice_keep_their_names(write):
    headers = dv.find_series(write("s", make_voxels((4, 4, 4))))[0].stack.present
    marked = [replace(h, keys=(("ReferencedSegmentNumber", 1.0 + k // 2),)) for k, h in enumerate(headers)]
    stack = assemble(marked)
    assert stack.dimensions[0].values == (1, 2)
    assert [h is not None for h in stack.headers] == [True, True, False, False, False, False, True, True]


def with_private(files, group, creator, element, vr, values, block=0x10):
    """Add a private element to every file: the same for each six."""
    for i, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, block << 8 | element), vr, values[i // 6])
        dataset.save_as(path)
    return files


@pytest.mark.parametrize("block", [0x10, 0x11])
@pytest.mark.parametrize(
    ("group", "creator", "element", "vr", "values"),
    [
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", [0.0, 500.0, 1000.0]),
        (0x2001, "Philips Imaging DD 001", 0x03, "UN", [np.float32(b).tobytes() for b in (0, 500, 1000)]),
        (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", [0, 500, 1000]),
        (0x0019, "SIEMENS MR HEADER", 0x0C, "UN", [b"0 ", b"500 ", b"1000"]),
        (0x0043, "GEMS_PARM_01", 0x39, "IS", [["0", "8", "0"], ["1000000500", "8", "0"], ["1000", "8", "0"]]),
        (0x0043, "GEMS_PARM_01", 0x39, "UN", [b"0\\8\\0\\0 ", b"1000000500\\8\\0\\0 ", b"1000\\8\\0\\0"]),
        (0x0065, "Image Private Header", 0x09, "FD", [0.0, 500.0, 1000.0]),
        (0x0065, "Image Private Header", 0x09, "OB", [np.float64(b).tobytes() for b in (0, 500, 1000)]),
    ],
)
def test_b_values_of_the_vendors(write_4d, group, creator, element, vr, values, block):
    files = with_private(write_4d([{}, {}, {}]), group, creator, element, vr, values, block)
    vol = dv.volread(files[::-1])
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 500, 1000)
    np.testing.assert_array_equal(vol.array, TIMES)


def test_an_element_of_another_creator_is_no_b_value(write_4d):
    values = [np.float32(b).tobytes() for b in (1000, 500, 0)]
    files = with_private(write_4d([{}, {}, {}]), 0x2001, "SOMEONE ELSE", 0x03, "UN", values)
    assert dv.volread(files).dims[0] == "frame"


@pytest.mark.parametrize(
    ("vendor", "keyword", "texts"),
    [
        ("SIEMENS", "SequenceName", ["ep_b0", "*ep_b500t", "*ep_b1000#12"]),
        ("Siemens Healthineers", "SequenceName", ["*re_b0", "*re_b500#1", "*re_b1000t"]),
        ("TOSHIBA", "ImageComments", ["b=0(0,0,0)", "b=500(1,0,0)", "b=1000(0.5,0.5,0.7)"]),
        ("CANON_MEC", "ImageComments", ["b=0", "b=500", "b=1000"]),
    ],
)
def test_b_values_that_only_a_text_tells(write_4d, vendor, keyword, texts):
    """Private elements are often gone from files that were made anonymous."""
    vol = dv.volread(write_4d([{"Manufacturer": vendor, keyword: text} for text in texts]))
    assert vol.dimensions[0].values == (0, 500, 1000) and vol.dimensions[0].unit == "s/mm2"
    np.testing.assert_array_equal(vol.array, TIMES)


def test_directions_are_not_mixed_by_times_that_rotate(write):
    """One b-value in several directions; the acquisition times of the slices overlap between them."""
    files, directions = [], ([1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0])
    for i, direction in enumerate(directions):

        def elements(k, i=i, direction=direction):
            time = {"AcquisitionTime": f"1200{(7 * i + 5 * k) % 11:02d}", "InstanceNumber": 6 * i + k + 1}
            return {"DiffusionBValue": 1000.0, "DiffusionGradientOrientation": direction} | time

        files += write(f"{i}", np.full((6, 4, 4), i), series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    assert sorted(np.unique(frame).tolist() for frame in vol.array) == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("keyword", "values", "name", "unit"),
    [
        ("InversionTime", [50, 400, 2500], "inversion_time", "ms"),
        ("FlipAngle", [3, 10, 20], "flip_angle", "deg"),
        ("NominalPercentageOfCardiacPhase", [0.0, 40.0, 75.0], "cardiac_phase", "%"),
    ],
)
def test_more_dimensions_of_classic_files(write_4d, keyword, values, name, unit):
    vol = dv.volread(write_4d([{keyword: value} for value in values]))
    assert vol.dimensions[0].name == name and vol.dimensions[0].unit == unit
    assert vol.dimensions[0].values == tuple(values)
    np.testing.assert_array_equal(vol.array, TIMES)


def test_three_dimensions(write):
    files, expected = [], np.zeros((2, 2, 2, 6, 8, 10), np.int16)
    for t, b, e in np.ndindex(2, 2, 2):
        expected[t, b, e] = make_voxels(seed=4 * t + 2 * b + e)
        elements = {
            "TemporalPositionIdentifier": t + 1,
            "DiffusionBValue": 500.0 * b,
            "EchoTime": 10.0 * (e + 1),
        }
        files += write(f"{t}{b}{e}", expected[t, b, e], series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    assert vol.dims[:3] == ("time", "b_value", "echo_time")
    np.testing.assert_array_equal(vol.array, expected)


def test_parts_of_complex_images_that_only_a_private_element_tells(write_4d):
    files = with_private(write_4d([{}, {}, {}]), 0x0043, "GEMS_PARM_01", 0x2F, "SS", [0, 2, 3])
    found = dv.find_series(files)
    kinds = ["MAGNITUDE", "REAL", "IMAGINARY"]
    for series, kind, array in zip(found, kinds, TIMES):
        assert kind in series.description
        np.testing.assert_array_equal(series.read().array, array)


@pytest.mark.parametrize("lost", [[17], [15, 16, 17], [0], [7]])
def test_a_broken_off_run_of_numbers_keeps_its_frames(write_4d, lost):
    files = write_4d([{}, {}, {}])
    kept = [f for i, f in enumerate(files) if i not in lost]
    vol = dv.volread(kept)
    assert vol.dims[0] == "frame" and vol.report.missing == tuple((i // 6, i % 6) for i in lost)
    expected = np.array(TIMES)
    for i in lost:
        expected[i // 6, i % 6] = vol.array[i // 6, i % 6]
    np.testing.assert_array_equal(vol.array, expected)


def region(kind=1, unit=3, dx=0.02, dy=0.03):
    return {"RegionSpatialFormat": kind, "RegionDataType": 1, "PhysicalUnitsXDirection": unit,
            "PhysicalUnitsYDirection": unit, "PhysicalDeltaX": dx, "PhysicalDeltaY": dy}  # fmt: skip


@pytest.mark.parametrize(
    ("regions", "spacing"),
    [
        ([region()], (None, 0.3, 0.2)),
        ([region(), region(dx=-0.02)], (None, 0.3, 0.2)),
        ([region(), region(dx=0.05)], (None, None, None)),
        ([region(), region(kind=2, unit=4)], (None, None, None)),
        ([region(), region(kind=4, unit=4), region(kind=5, unit=0)], (None, 0.3, 0.2)),
        ([region(kind=4)], (None, None, None)),
        ([region(unit=0)], (None, None, None)),
        ([region(dx=0.0)], (None, None, None)),
    ],
)
def test_ultrasound_is_scaled_where_all_of_it_has_one_scale(multiframe, regions, spacing):
    gone = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    sequence = [part for r in regions for part in item(**r)]
    path = multiframe(FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.3.1", Modality="US", FrameTime=40,
                      SequenceOfUltrasoundRegions=sequence, **gone)  # fmt: skip
    assert dv.volread(path).geometry.spacing == pytest.approx(spacing)


def test_the_spacing_at_the_detector_is_none_in_the_patient(multiframe):
    gone = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    path = multiframe(FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1", Modality="XA", FrameTime=40,
                      ImagerPixelSpacing=[0.2, 0.2], **gone)  # fmt: skip
    assert dv.volread(path).geometry.spacing == (None, None, None)


def test_a_whole_slide_is_no_volume(multiframe):
    (series,) = dv.find_series(
        multiframe(FRAMES, SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.6", Modality="SM")
    )
    assert "tiles of one plane" in series.reason


@pytest.mark.parametrize(
    ("kind", "vectors", "dims", "order"),
    [
        ("DYNAMIC", {"Phase": [1, 1, 2, 2], "TimeSlice": [1, 2, 1, 2]}, ("phase", "time_slice"),
         [0, 1, 2, 3]),
        ("STATIC", {"EnergyWindow": [1, 2, 1, 2], "Detector": [1, 1, 2, 2]}, ("energy_window", "detector"),
         [0, 2, 1, 3]),
        ("WHOLE BODY", {"Detector": [1, 2, 3, 4]}, ("detector",), [0, 1, 2, 3]),
        ("TOMO", {"Detector": [1, 1, 2, 2], "AngularView": [1, 2, 1, 2]}, ("detector", "angular_view"),
         [0, 1, 2, 3]),
    ],
)  # fmt: skip
def test_frames_of_nuclear_medicine_are_counted_by_their_vectors(multiframe, kind, vectors, dims, order):
    image_type = ["ORIGINAL", "PRIMARY", kind, "EMISSION"]
    vectors = {f"{name}Vector": values for name, values in vectors.items()}
    vol = dv.volread(multiframe(FRAMES, **NM, ImageType=image_type, **vectors))
    assert vol.dims[: len(dims)] == dims and vol.geometry.affine is None
    np.testing.assert_array_equal(vol.array.reshape(FRAMES.shape), FRAMES[order])


@pytest.mark.parametrize("step", [4, -4])
def test_slices_of_nuclear_medicine_may_run_backwards(multiframe, step):
    image_type = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    path = multiframe(FRAMES, **NM | {"SpacingBetweenSlices": str(step)}, ImageType=image_type)
    vol = dv.volread(path)
    z = vol.geometry.slice_positions[:, 2]
    np.testing.assert_allclose(z, sorted(12.75 + step * k for k in range(4)))
    np.testing.assert_array_equal(vol.array, FRAMES[:: np.sign(step)])


@pytest.mark.parametrize("detector", [[], [{"ImagePositionPatient": [0, 0, 0]}]])
def test_slices_of_a_detector_that_stands_nowhere_have_distances(multiframe, detector):
    gone = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    image_type = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    where = [part for d in detector for part in item(**d)]
    elements = NM | gone | {"ImageType": image_type, "SliceVector": [3, 1, 2, 4]}
    elements["DetectorInformationSequence"] = where
    vol = dv.volread(multiframe(FRAMES, **elements))
    assert vol.geometry.spacing == (4, 0.8, 0.6) and vol.geometry.affine is None
    np.testing.assert_array_equal(vol.array, FRAMES[[1, 2, 0, 3]])
    del elements["SpacingBetweenSlices"]
    vol = dv.volread(multiframe(FRAMES, "without", **elements))
    assert "SpacingBetweenSlices (0018,0088) is absent" in vol.report.warnings[0]


def test_thick_and_thin_slices_of_one_series_are_two_volumes(write):
    """Every second thin slice lies where a thick one does."""
    thin, thick = make_voxels(seed=1), make_voxels((3, 8, 10), seed=2)
    matrix = make_affine()
    coarse = matrix.copy()
    coarse[:3, 0] *= 2
    files = write("thin", thin, matrix, series_uid="1.2.3", elements={"SliceThickness": 2.5})
    files += write("thick", thick, coarse, series_uid="1.2.3", elements={"SliceThickness": 5})
    first, second = dv.mvolread(distinct(files))
    np.testing.assert_array_equal(first.array, thin)
    np.testing.assert_array_equal(second.array, thick)
    assert (first.sampling[0], second.sampling[0]) == (2.5, 5)
    assert "SliceThickness 5" in dv.find_series(files)[1].description


def test_the_mean_over_directions_is_pointed_out(write_4d):
    """An image without diffusion may be called isotropic as well: it is no mean."""
    directions = [(None, "ISOTROPIC"), ([0, 1.0, 0], "DIRECTIONAL"), (None, "ISOTROPIC")]
    frames = []
    for (direction, kind), b in zip(directions, (0.0, 1000.0, 1000.0)):
        frames.append({"DiffusionBValue": b, "DiffusionDirectionality": kind})
        if direction:
            frames[-1]["DiffusionGradientOrientation"] = direction
    vol = dv.volread(write_4d(frames))
    assert vol.dimensions[0].values == (0, 1000, 1000)
    np.testing.assert_array_equal(vol.array, TIMES)
    (warning,) = vol.report.warnings
    assert warning.startswith("frame 2 is the mean over the directions")


def test_a_trace_keeps_its_image_without_diffusion(write_4d):
    frames = [(0.0, "NONE"), (500.0, "ISOTROPIC"), (1000.0, "ISOTROPIC")]
    files = write_4d([{"DiffusionBValue": b, "DiffusionDirectionality": kind} for b, kind in frames])
    vol = dv.volread(files)
    assert vol.dimensions[0].values == (0, 500, 1000) and vol.report.warnings == ()


def test_numbers_written_carelessly_do_not_split_a_stack(write):
    random = np.random.RandomState(7)

    def elements(k):
        x, y, z = random.uniform(-1e-3, 1e-3, 3)
        noise = random.uniform(-1e-4, 1e-4, 6)
        orientation = [f"{v:.9f}" for v in np.array([1, -0.0, 0, 0, 1, -0.0]) + noise]
        return {
            "ImagePositionPatient": [
                f"{-20.5 + x:.10f}",
                f"{-31.25 + y:.10f}",
                f"{12.75 + 2.5 * k + z:.10f}",
            ],
            "ImageOrientationPatient": orientation,
            "PixelSpacing": [["0.9765625", "0.9765625"], ["0.977", "0.977"], ["0.97656", "0.97656"]][k % 3],
        }

    vol = dv.volread(write(elements=elements))
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert vol.report.warnings == ()
    np.testing.assert_allclose(vol.geometry.affine[:3, 3], [-20.5, -31.25, 12.75], atol=2e-3)


def test_reconstructions_of_other_diameters_are_two_volumes(write):
    wide, narrow = make_affine(), make_affine()
    narrow[:3, 1:3] *= 0.5
    files = write("wide", TIMES[0], wide, series_uid="1.2.3")
    files += write("narrow", TIMES[1], narrow, series_uid="1.2.3")
    first, second = dv.mvolread(distinct(files))
    assert first.sampling == (2.5, 0.8, 0.6) and second.sampling == (2.5, 0.4, 0.3)
    np.testing.assert_array_equal(second.array, TIMES[1])


def test_tilt_with_a_lost_slice_and_a_copy_and_a_second_image(write):
    files = write("tilted", make_voxels((8, 8, 10)), make_affine("tilted"), series_uid="1.2.3")
    again = write("again", make_voxels((8, 8, 10), seed=3), make_affine("tilted"), series_uid="1.2.3",
                  elements={"AcquisitionNumber": 2})  # fmt: skip
    distinct(files + again)
    copy = files[2].with_name("copy.dcm")
    copy.write_bytes(files[2].read_bytes())
    files[4].unlink()
    kept = [f for f in files if f.exists()]
    vol = dv.volread([*kept, copy, again[6]])
    assert vol.report.missing == (4,) and vol.geometry.tilt == pytest.approx(np.degrees(np.arctan(0.25)))
    np.testing.assert_allclose(vol.geometry.affine, make_affine("tilted"), atol=1e-5)
    assert len(vol.report.dropped) == 2
    present = [k for k in range(8) if k != 4]
    np.testing.assert_array_equal(vol.array[present], make_voxels((8, 8, 10))[present])


def test_magnitude_and_phase_of_every_echo(write):
    kinds = {"M": ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"],
             "P": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]}  # fmt: skip
    files, expected = [], np.zeros((2, 3, 6, 8, 10), np.int16)
    for i, (kind, image_type) in enumerate(kinds.items()):
        for e in range(3):
            expected[i, e] = make_voxels(seed=3 * i + e)
            elements = {"ImageType": image_type, "EchoTime": 4.6 * (e + 1), "EchoNumbers": e + 1}
            files += write(f"{kind}{e}", expected[i, e], series_uid="1.2.3", elements=elements)
    volumes = dv.mvolread(distinct(files))
    assert len(volumes) == 2 and all(vol.dims[0] == "echo_time" for vol in volumes)
    for vol, array in zip(volumes, expected):
        np.testing.assert_array_equal(vol.array, array)


def test_a_dynamic_scan_over_two_beds(write):
    """FrameReferenceTime of PET differs between the beds, and between the time points of each."""
    files = []
    for t in range(3):

        def elements(k, t=t):
            return {"FrameReferenceTime": 1000.0 * t + 500 * (k > 2), "NumberOfTimeSlices": 3,
                    "ImageIndex": 6 * t + k + 1, "NumberOfSlices": 6}  # fmt: skip

        numbers = list(range(1 + 6 * t, 7 + 6 * t))
        files += write(f"{t}", TIMES[t], series_uid="1.2.3", elements=elements, instance_numbers=numbers)
    vol = dv.volread(distinct(files))
    assert vol.dims[0] == "time" and vol.dimensions[0].unit == "ms"
    np.testing.assert_array_equal(vol.array, TIMES)


@pytest.mark.parametrize("slices", [6, 1])
def test_trigger_times_that_only_jitter_do_not_shuffle_a_perfusion(write, slices):
    """The delay after the heart beat differs a little from image to image, whatever its place in time."""
    files = []
    for t, array in enumerate(TIMES):

        def elements(k, t=t):
            return {"TriggerTime": str(100 * k + (7 * t + 5 * k) % 11), "AcquisitionTime": f"12000{t}.{k}"}

        numbers = list(range(1 + slices * t, 1 + slices * (t + 1)))
        files += write(
            f"{t}", array[:slices], series_uid="1.2.3", elements=elements, instance_numbers=numbers
        )
    vol = dv.volread(distinct(files))
    assert vol.dims[0] == "time" and vol.dimensions[0].values == pytest.approx((0, 1, 2))
    np.testing.assert_array_equal(vol.array, [array[:slices] for array in TIMES])


@pytest.mark.parametrize("keyword", ["FrameReferenceTime", "AcquisitionNumber"])
def test_the_time_of_reconstruction_does_not_shuffle_frames(write, keyword):
    files = []
    for t, array in enumerate(TIMES):

        def elements(k, t=t):
            return {keyword: t + 1, "ContentTime": f"1200{(7 * t + 5 * k) % 18:02d}"}

        numbers = list(range(1 + 6 * t, 7 + 6 * t))
        files += write(f"{t}", array, series_uid="1.2.3", elements=elements, instance_numbers=numbers)
    vol = dv.volread(distinct(files))
    assert vol.dimensions[0].values == (1, 2, 3)
    np.testing.assert_array_equal(vol.array, TIMES)


@pytest.mark.parametrize("shift", [1.0, 1.25])
@pytest.mark.parametrize(
    ("keyword", "values"), [("AcquisitionNumber", [1, 2]), ("ConvolutionKernel", ["B30s", "B60s"])]
)
def test_scans_whose_slices_lie_between_each_others_are_not_woven_together(write, keyword, values, shift):
    moved = make_affine()
    moved[2, 3] += shift
    files = write("one", TIMES[0], make_affine(), series_uid="1.2.3", elements={keyword: values[0]})
    files += write("two", TIMES[1], moved, series_uid="1.2.3", elements={keyword: values[1]})
    volumes = dv.mvolread(distinct(files))
    np.testing.assert_array_equal([vol.array for vol in volumes], TIMES[:2])
    np.testing.assert_allclose(volumes[1].geometry.affine, moved, atol=1e-6)


def test_slices_acquired_in_two_passes_are_one_stack(write):
    array, whole = make_voxels((8, 8, 10)), make_affine()
    files = []
    for i in range(2):
        matrix = whole.copy()
        matrix[:3, 3] += i * whole[:3, 0]
        matrix[:3, 0] *= 2
        elements = {"AcquisitionNumber": i + 1, "SliceThickness": 2.2}
        files += write(f"{i}", array[i::2], matrix, series_uid="1.2.3", modality="MR", elements=elements)
    distinct(files)[6].unlink()  # slice 5
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.report.missing == (5,)
    present = [0, 1, 2, 3, 4, 6, 7]
    np.testing.assert_array_equal(vol.array[present], array[present])


def test_no_volume_is_pieced_together_of_two_acquisitions(write):
    """A short first scan, and a monitoring scan of one place, lie inside the large one."""
    whole, inner = make_affine(), make_affine()
    inner[:3, 3] += 3 * whole[:3, 0]
    array = make_voxels((12, 8, 10), seed=4)
    files = write("first", TIMES[0][:3], inner, series_uid="1.2.3", elements={"AcquisitionNumber": 1})
    for i in range(15):
        files += write(f"m{i}", TIMES[1][:1], whole, series_uid="1.2.3", elements={"AcquisitionNumber": 2})
    files += write("whole", array, whole, series_uid="1.2.3", elements={"AcquisitionNumber": 3})
    vol = dv.volread(distinct(files))
    np.testing.assert_array_equal(vol.array, array)
    assert len(vol.report.dropped) == 18 and "place" in vol.report.warnings[0]


def test_a_lost_image_does_not_mix_magnitude_and_phase(write):
    files = []
    for i, kind in enumerate("MP"):
        for e in range(3):
            elements = {"ImageType": ["ORIGINAL", "PRIMARY", kind], "EchoTime": 4.6 * (e + 1)}
            files += write(f"{kind}{e}", make_voxels(seed=3 * i + e), series_uid="1.2.3", elements=elements)
    distinct(files)[20].unlink()
    magnitude, phase = dv.mvolread([f for f in files if f.exists()])
    np.testing.assert_array_equal(magnitude.array, [make_voxels(seed=e) for e in range(3)])
    assert phase.dims[0] == "echo_time" and phase.report.missing == ((0, 2),)


ABORTED = {
    "times of day": lambda t, k: {"AcquisitionTime": f"1200{10 * t + k:02d}"},
    "numbers that stay at a position": lambda t, k: {"InstanceNumber": 3 * k + t + 1},
    "directions": lambda t, k: {
        "DiffusionBValue": 1000.0,
        "DiffusionGradientOrientation": np.eye(3)[t].tolist(),
    },
    "a direction and b-values": lambda t, k: {
        "DiffusionBValue": [0.0, 1000.0, 1000.0][t],
        **({"DiffusionGradientOrientation": np.eye(3)[t].tolist()} if t else {}),
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", ABORTED)
def test_a_scan_that_was_broken_off_keeps_its_frames(write, kind):
    files = []
    for t, array in enumerate(TIMES):
        elements = {"InstanceNumber": None} if kind != "numbers that stay at a position" else {}
        files += write(
            f"{t}", array, series_uid="1.2.3", elements=lambda k, t=t, e=elements: e | ABORTED[kind](t, k)
        )
    for file in distinct(files)[-2:]:
        file.unlink()
    vol = dv.volread(files[:-2])
    assert vol.shape == (3, 6, 8, 10) and len(vol.report.missing) == 2
    assert "2 images are missing" in vol.report.warnings[0]
    read = sorted((frame[:4] for frame in vol.array), key=lambda frame: frame[0, 0, 0])
    np.testing.assert_array_equal(read, sorted((a[:4] for a in TIMES), key=lambda frame: frame[0, 0, 0]))


def test_a_scan_with_a_hole_in_the_middle_is_not_guessed(write):
    """Nothing but times tells the frames apart, and they do not say which one has lost an image."""
    files = []
    for t, array in enumerate(TIMES):

        def elements(k, t=t):
            return {"AcquisitionTime": f"12{k:02d}{10 * t + k:02d}", "InstanceNumber": None}

        files += write(f"{t}", array, series_uid="1.2.3", elements=elements)
    distinct(files)[8].unlink()
    (series,) = dv.find_series([f for f in files if f.exists()])
    assert "nothing in the headers tells them apart" in series.reason


@pytest.mark.parametrize("lost", range(18))
def test_whatever_image_is_lost_no_frame_is_mixed(write, lost):
    """Each slice has a time of its own, and a scan that is broken off lacks its last ones."""
    files = []
    for t, array in enumerate(TIMES):

        def elements(k, t=t):
            return {"AcquisitionTime": f"1200{10 * t + (5 * k) % 6:02d}", "InstanceNumber": None}

        files += write(f"{t}", array, series_uid="1.2.3", elements=elements)
    distinct(files)[lost].unlink()
    (series,) = dv.find_series([f for f in files if f.exists()])
    if lost >= 12:
        expected = np.array(TIMES)
        vol = series.read()
        expected[2, lost - 12] = vol.array[2, lost - 12]
        np.testing.assert_array_equal(vol.array, expected)
        assert vol.dims[0] == "time" and vol.report.missing == ((2, lost - 12),)
    else:
        assert "nothing in the headers tells them apart" in series.reason


@pytest.mark.parametrize(("sideways", "along"), [(150.0, 0.0), (15.0, 40.0), (10.0, 15.0)])
def test_stacks_of_one_orientation_beside_each_other_are_two_volumes(write, sideways, along):
    """Two breasts, discs of the spine, a table that was moved: no slice is put between them."""
    moved = make_affine("tilted")
    moved[:3, 3] += [sideways, 0.25 * along, along]
    files = write("one", TIMES[0], make_affine("tilted"), series_uid="1.2.3")
    files += write("two", TIMES[1], moved, series_uid="1.2.3")
    volumes = dv.mvolread(distinct(files))
    np.testing.assert_array_equal([vol.array for vol in volumes], TIMES[:2])
    np.testing.assert_allclose(volumes[1].geometry.affine, moved, atol=1e-5)
    assert all(vol.report.missing == () for vol in volumes)


def test_a_tilted_stack_with_a_wide_gap_is_one_volume(write):
    """Positions with one decimal give the tilt of thin slices only roughly."""
    step = np.array([0, 0.15, 0.6])
    places = [np.round(step * k, 1) for k in (*range(10), *range(110, 120))]
    elements = lambda k: {"ImagePositionPatient": [0.0, *places[k][1:].tolist()]}  # noqa: E731
    vol = dv.volread(write("s", make_voxels((20, 8, 10)), make_affine("tilted"), elements=elements))
    assert vol.shape == (20, 8, 10)
    np.testing.assert_allclose(vol.geometry.slice_positions, places, atol=1e-6)


def test_time_points_whose_positions_differ_in_the_last_digits_are_one_volume(write):
    files = []
    for t, array in enumerate(TIMES):
        matrix = make_affine()
        matrix[2, 3] += 0.02 * t
        files += write(
            f"{t}", array, matrix, series_uid="1.2.3", elements={"TemporalPositionIdentifier": t + 1}
        )
    vol = dv.volread(distinct(files))
    np.testing.assert_array_equal(vol.array, TIMES)
    assert vol.sampling == pytest.approx((2.5, 0.8, 0.6))


def test_counts_of_time_points_that_start_again_do_not_give_the_order(write):
    files = []
    for t, count in enumerate((1, 2, 1)):

        def elements(k, t=t, count=count):
            time = f"1200{10 * t + k:02d}"
            number = 6 * t + k + 1
            return {"TemporalPositionIdentifier": count, "AcquisitionTime": time, "InstanceNumber": number}

        files += write(f"{t}", TIMES[t], series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    np.testing.assert_array_equal(vol.array, TIMES)
    assert vol.dimensions[0].values == (0, 10, 20)


def test_time_and_gate_of_a_gated_dynamic_scan_are_two_dimensions(write):
    files, expected = [], np.zeros((3, 2, 6, 8, 10), np.int16)
    for t, g in np.ndindex(3, 2):
        expected[t, g] = make_voxels(seed=2 * t + g)
        elements = {"FrameReferenceTime": 1000 * t, "TriggerTime": 400 * g}
        files += write(f"{t}{g}", expected[t, g], series_uid="1.2.3", elements=elements)
    vol = dv.volread(distinct(files))
    assert vol.dims[:2] == ("time", "trigger_time") and vol.dimensions[0].values == (0, 1000, 2000)
    np.testing.assert_array_equal(vol.array, expected)


@pytest.mark.parametrize("decimals", [2, 3])
def test_an_orientation_with_few_decimals_is_made_perpendicular(write, decimals):
    axes = np.linalg.qr(np.random.RandomState(5).normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3] = axes * [3, 0.8, 0.6]
    rounded = np.round([axes[:, 2], axes[:, 1]], decimals).ravel().tolist()
    vol = dv.volread(write(matrix=matrix, elements={"ImageOrientationPatient": rounded}))
    found = vol.geometry.affine[:3, :3] / vol.sampling
    np.testing.assert_allclose(abs(found.T @ axes), np.eye(3), atol=2 * 10.0**-decimals)
    np.testing.assert_allclose(found[:, 1:].T @ found[:, 1:], np.eye(2), atol=2e-3)
    assert any("is rounded" in text for text in vol.report.warnings) is (decimals == 2)


def test_an_orientation_of_zeros_is_none(write):
    vol = dv.volread(write(elements={"ImageOrientationPatient": [0.0] * 6}))
    assert vol.shape == (6, 8, 10) and vol.geometry.affine is None and vol.sampling[0] is None
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert "ImageOrientationPatient (0020,0037) cannot be understood" in vol.report.warnings[0]
    assert "sorted by InstanceNumber" in vol.report.warnings[1]


def test_a_slice_missing_between_positions_that_jitter_is_found(write):
    places = [round(1.25 * k + (7 * k % 5 - 2) * 0.015, 4) for k in range(12)]
    elements = lambda k: {"ImagePositionPatient": [-20.5, -31.25, places[k]]}  # noqa: E731
    files = write("s", make_voxels((12, 8, 10)), elements=elements)
    files[5].unlink()
    vol = dv.volread([f for f in files if f.exists()])
    assert vol.report.missing == (5,)
    present = [k for k in range(12) if k != 5]
    np.testing.assert_allclose(vol.geometry.slice_positions[present, 2], np.array(places)[present])
    np.testing.assert_array_equal(vol.array[present], make_voxels((12, 8, 10))[present])


def test_echoes_of_a_run_that_was_broken_off(write):
    """The run is counted by AcquisitionNumber alone; times and numbers are those of each slice."""
    files, expected = [], np.zeros((2, 3, 6, 8, 10), np.int16)
    for e, t in np.ndindex(2, 3):
        expected[e, t] = make_voxels(seed=2 * t + e)

        def elements(k, t=t, e=e):
            number, time = 2 * (6 * t + k) + e + 1, f"1200{10 * t + k:02d}.{e}"
            return {"EchoTime": 10 * (e + 1), "AcquisitionNumber": t + 1, "AcquisitionTime": time,
                    "InstanceNumber": number}  # fmt: skip

        files += write(f"{t}{e}", expected[e, t], series_uid="1.2.3", elements=elements)
    distinct(files)[-1].unlink()
    vol = dv.volread(files[:-1])
    assert vol.dims[:2] == ("echo_time", "acquisition") and vol.report.missing == ((1, 2, 5),)
    expected[1, 2, 5] = vol.array[1, 2, 5]
    np.testing.assert_array_equal(vol.array, expected)


def test_thick_slices_beside_thin_ones_have_no_missing_slices_between_them(write):
    """The skull base in thin slices, the rest in thick ones, in one scan."""
    places = [*(2.5 * k for k in range(8)), *(20.0 + 5 * k for k in range(4))]

    def elements(k):
        return {"ImagePositionPatient": [0, 0, places[k]], "SliceThickness": 2.5 if k < 8 else 5}

    vol = dv.volread(write("s", make_voxels((12, 8, 10)), elements=elements))
    assert vol.report.missing == () and "unevenly spaced" in vol.report.warnings[0]
    np.testing.assert_array_equal(vol.array, make_voxels((12, 8, 10)))
    np.testing.assert_allclose(vol.geometry.slice_positions[:, 2], places)


@pytest.mark.parametrize("shift", [0.2, 2.0])
def test_time_points_that_moved_sideways(write, shift):
    """By less than half a pixel it stays one volume."""
    files = []
    for t, array in enumerate(TIMES):
        matrix = make_affine()
        matrix[0, 3] += shift * (t == 1)
        files += write(f"{t}", array, matrix, series_uid="1.2.3", elements={"AcquisitionTime": f"12000{t}"})
    volumes = dv.mvolread(distinct(files))
    assert len(volumes) == (1 if shift < 0.3 else 2)
    if len(volumes) == 1:
        np.testing.assert_array_equal(volumes[0].array, TIMES)
    else:
        np.testing.assert_array_equal(volumes[0].array, TIMES[::2])
        np.testing.assert_array_equal(volumes[1].array, TIMES[1])
        assert volumes[1].geometry.affine[0, 3] == pytest.approx(make_affine()[0, 3] + shift)


@pytest.mark.parametrize("spacing", [None, ["0", "0"]])
def test_time_points_without_pixel_spacing_stay_together(write_4d, spacing):
    vol = dv.volread(
        write_4d([{"TemporalPositionIdentifier": t, "PixelSpacing": spacing} for t in (1, 2, 3)])
    )
    assert vol.dims[0] == "time" and vol.geometry.affine is None
    np.testing.assert_array_equal(vol.array, TIMES)


@pytest.mark.parametrize(("count", "name", "values"), [(3, "time", (1, 2, 3)), (5, "frame", (0, 1, 2))])
def test_frames_are_time_points_where_the_header_counts_as_many(write_4d, count, name, values):
    """fMRI of GE has neither times nor numbers of its time points."""
    vol = dv.volread(write_4d([{"NumberOfTemporalPositions": count}] * 3))
    assert vol.dims[0] == name and vol.dimensions[0].values == values
    np.testing.assert_array_equal(vol.array, TIMES)


@pytest.mark.parametrize(
    ("keyword", "values", "there"),
    [
        ("TemporalPositionIdentifier", ["1", "1", "1", "2", "2", "1"], "TemporalPositionIdentifier"),
        ("TemporalPositionIdentifier", ["1"] * 6, "TemporalPositionIdentifier"),
        (
            "TemporalPositionIdentifier",
            ["a", "a", "a", "b", "b", "b"],
            "(there is ContentTime, AcquisitionNumber)",
        ),
        (
            "TemporalPositionIdentifier",
            ["1_0", "1_0", "1_0", "2_0", "2_0", "2_0"],
            "(there is ContentTime, AcquisitionNumber)",
        ),
        ("EchoTime", ["nan"] * 3 + ["inf"] * 3, "(there is ContentTime, AcquisitionNumber)"),
        ("AcquisitionTime", ["120000"] * 6, "AcquisitionTime"),
        ("PatientComments", [""] * 6, "(there is ContentTime, AcquisitionNumber)"),
    ],
)
@pytest.mark.parametrize("numbers", [[3, 1, 5, 2, 6, 4], [1, 2, 3, 4, 5, 6]])
def test_an_order_that_is_a_guess_is_called_one(write, keyword, values, there, numbers):
    files = []
    for t in range(2):
        files += write(f"t{t}", TIMES[t][:3], series_uid="1.2.9", instance_numbers=numbers[3 * t : 3 * t + 3])
    for path, text in zip(distinct(files), values):
        put(path, keyword, text)
    (told,) = dv.volread(files).report.warnings
    assert there in told and "in the order of InstanceNumber, a guess" in told


def put(path, keyword, text):
    """Write the text of an element as it is."""
    dataset = pydicom.dcmread(path)
    tag = pydicom.tag.Tag(keyword)
    vr, raw = pydicom.datadict.dictionary_VR(tag), text.encode() + b" " * (len(text) % 2)
    dataset[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    dataset.save_as(path)


@pytest.mark.parametrize(
    "frames",
    [
        [{"AcquisitionTime": f"12000{t}"} for t in range(3)],
        [{"AcquisitionNumber": t} for t in (4, 2, 9)],
        [{"NumberOfTemporalPositions": 3}] * 3,
        [{"DiffusionBValue": b} for b in (0.0, 1000.0, 1000.0)],
    ],
)
def test_an_order_that_an_element_tells_is_no_guess(write_4d, frames):
    assert dv.volread(write_4d(frames)).report.warnings == ()


def test_times_that_contradict_each_other_are_a_guess(write):
    files = []
    for t in range(2):
        files += write(f"t{t}", TIMES[t][:3], series_uid="1.2.9", instance_numbers=[1 + t, 4 - t, 6 - t])
    for path, second in zip(distinct(files), (0, 3, 4, 1, 5, 2)):
        put(path, "ContentTime", f"12000{second}")
    assert "in the order of ContentTime, a guess" in str(dv.volread(files).report)


def drop_per_frame(dataset):
    del dataset.PerFrameFunctionalGroupsSequence


def empty_per_frame(dataset):
    dataset.PerFrameFunctionalGroupsSequence = []


def drop_shared(dataset):
    del dataset.SharedFunctionalGroupsSequence


def empty_shared(dataset):
    dataset.SharedFunctionalGroupsSequence = []


def drop_all(dataset):
    del dataset.PerFrameFunctionalGroupsSequence, dataset.SharedFunctionalGroupsSequence


def drop_orientation(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def drop_measures(dataset):
    del dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence


def empty_one_place(dataset):
    dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence = []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (drop_per_frame, "PerFrameFunctionalGroupsSequence (5200,9230) is absent"),
        (drop_per_frame, "PlanePositionSequence (0020,9113) is absent or unusable in 6 of 6 frames"),
        (empty_per_frame, "PerFrameFunctionalGroupsSequence (5200,9230) is absent or empty"),
        (drop_shared, "SharedFunctionalGroupsSequence (5200,9229) is absent"),
        (empty_shared, "SharedFunctionalGroupsSequence (5200,9229) is absent or empty"),
        (empty_shared, "PlaneOrientationSequence (0020,9116) is absent or unusable in 6 of 6"),
        (drop_all, "SharedFunctionalGroupsSequence (5200,9229) is absent"),
        (drop_orientation, "PlaneOrientationSequence (0020,9116) is absent or unusable in 6 of 6"),
        (drop_measures, "PixelMeasuresSequence (0028,9110) is absent or unusable in 6 of 6"),
        (empty_one_place, "PlanePositionSequence (0020,9113) is absent or unusable in 1 of 6"),
    ],
)
def test_functional_groups_that_are_not_there_are_named(enhanced, spoil, told):
    path, _ = enhanced(make_affine(), times=1)
    assert dv.volread(path).report.warnings == ()
    dataset = pydicom.dcmread(path)
    spoil(dataset)
    dataset.save_as(path)
    assert told in str(dv.volread(path).report) and "enhanced.dcm" in str(dv.volread(path).report)


def test_frames_that_all_lie_at_one_place_are_a_guess(enhanced):
    path, _ = enhanced(make_affine(), times=1)
    dataset = pydicom.dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence = item(ImagePositionPatient=[0, 0, 0])
        del frame.FrameContentSequence[0].TemporalPositionIndex
    dataset.save_as(path)
    told = str(dv.volread(path).report)
    assert "6 images at one position" in told and "in the order of FrameNumber, a guess" in told


@pytest.mark.parametrize("text", ["ab", "1_0", "nan"])
def test_a_slope_of_a_frame_that_is_no_number_is_refused(enhanced, text):
    path, _ = enhanced(make_affine())
    dataset = pydicom.dcmread(path)
    group = dataset.PerFrameFunctionalGroupsSequence[3].PixelValueTransformationSequence[0]
    tag, raw = pydicom.tag.Tag("RescaleSlope"), text.encode() + b" " * (len(text) % 2)
    group[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(raw), raw, 0, False, True)
    dataset.save_as(path)
    with pytest.raises(
        dv.DicomviewError, match=r"RescaleSlope \(0028,1053\) of a frame (is no number|must be)"
    ):
        dv.volread(path)
