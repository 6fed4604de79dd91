"""Enhanced multi-frame objects: split, converted, in many dimensions, without a patient."""

from itertools import product

import numpy as np
import pydicom
import pytest
from conftest import make_affine, make_voxels
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

import dicomview as dv

SHAPE = (3, 4, 5)
MR, CT, PET = (f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("4.1", "2.1", "130"))
LEGACY_CT = "1.2.840.10008.5.1.4.1.1.2.2"
US_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"


def groups(**sequences):
    """Return functional groups: a mapping of elements for each sequence."""
    made = Dataset()
    for keyword, elements in sequences.items():
        setattr(made, keyword, [item(**elements)])
    return made


def item(**elements):
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, Sequence([item(**v) for v in value]) if is_items(value) else value)
    return made


def is_items(value):
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def place(k, matrix=None):
    """Return where slice k is."""
    matrix = make_affine() if matrix is None else matrix
    position = [round(float(x), 6) for x in matrix[:3, 3] + k * matrix[:3, 0]]
    return {"PlanePositionSequence": {"ImagePositionPatient": position}}


SHARED = {
    "PixelMeasuresSequence": {"PixelSpacing": [0.8, 0.6]},
    "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
}


@pytest.fixture
def enhanced(write):
    """Write frames, (voxels, functional groups) each, into one enhanced file."""

    def enhanced(frames, name="enhanced", *, shared=SHARED, shuffle=True, pointers=(), modality="MR", **top):
        folder = write("template", make_voxels(SHAPE), modality=modality)[0].parent
        dataset = pydicom.dcmread(folder / "IM0000.dcm")
        for keyword in (
            "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "EchoTime",
            "RescaleIntercept", "RescaleType", "SliceThickness", "AcquisitionNumber", "ContentTime",
        ):  # fmt: skip
            if keyword in dataset:
                del dataset[keyword]
        order = np.random.RandomState(3).permutation(len(frames)) if shuffle else range(len(frames))
        frames = [frames[i] for i in order]
        top = {"SOPClassUID": MR, "SOPInstanceUID": f"1.2.3.{len(name)}", "SeriesInstanceUID": "1.2.9"} | top
        for keyword, value in top.items():
            setattr(dataset, keyword, value)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.NumberOfFrames, dataset.PixelRepresentation = len(frames), 1
        if pointers:
            dataset.DimensionIndexSequence = [item(DimensionIndexPointer=Tag(p)) for p in pointers]
        dataset.SharedFunctionalGroupsSequence = [groups(**shared)]
        dataset.PerFrameFunctionalGroupsSequence = [groups(**own) for _, own in frames]
        dataset.Rows, dataset.Columns = frames[0][0].shape
        dataset.PixelData = np.stack([pixels for pixels, _ in frames]).astype("<i2").tobytes()
        path = folder.with_name(f"{name}.dcm")
        dataset.save_as(path)
        for file in folder.iterdir():
            file.unlink()
        return path

    return enhanced


def grid(*lengths):
    """Return voxels of shape (*lengths, *SHAPE), all different, and the index of every frame and slice."""
    count = int(np.prod(lengths))
    array = (np.arange(count * np.prod(SHAPE)) - 50).astype(np.int16).reshape(*lengths, *SHAPE)
    return array, list(product(*map(range, (*lengths, SHAPE[0]))))


def test_parts_of_one_object_become_one_volume(enhanced):
    array, places = grid(2)
    frames = [(array[t, k], place(k) | {"FrameContentSequence": {"TemporalPositionIndex": t + 1}})
              for t, k in places]  # fmt: skip
    concatenation = {"SOPInstanceUIDOfConcatenationSource": "1.2.7", "ConcatenationUID": "1.2.8"}
    concatenation |= {"InConcatenationTotalNumber": 3, "shuffle": False}
    paths = [
        enhanced(
            frames[2 * i : 2 * i + 2], "abc"[: i + 1], InConcatenationNumber=i + 1,
            ConcatenationFrameOffsetNumber=2 * i, **concatenation,
        )
        for i in range(3)
    ]  # fmt: skip
    vol = dv.volread(paths)
    assert vol.dims[0] == "time" and vol.report.warnings == ()
    np.testing.assert_array_equal(vol.array, array)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)
    vol = dv.volread([paths[0], paths[1]])
    assert vol.shape == array.shape and vol.report.missing == ((1, 1), (1, 2))
    assert any("of 3 parts" in w and w.endswith(": 3") for w in vol.report.warnings)


def test_parts_of_a_film_run_on(enhanced):
    frames = [(make_voxels(SHAPE, seed=i)[0], {}) for i in range(5)]
    parts = {"b": frames[:3], "ab": frames[3:]}
    paths = [
        enhanced(
            part, name, shared={}, shuffle=False, ConcatenationUID="1.2.8", FrameTime=40,
            ConcatenationFrameOffsetNumber=offset, InConcatenationNumber=n, InConcatenationTotalNumber=2,
        )
        for (name, part), offset, n in zip(parts.items(), (0, 3), (1, 2))
    ]  # fmt: skip
    vol = dv.volread(paths[::-1])
    assert vol.dims[0] == "time" and vol.dimensions[0].values == (0, 40, 80, 120, 160)
    np.testing.assert_array_equal(vol.array[:, 0], [pixels for pixels, _ in frames])


@pytest.mark.parametrize("keyword", ["EchoTime", "TriggerTime", "InstanceNumber", "AcquisitionTime"])
def test_converted_classic_images_are_what_they_were(write, enhanced, keyword):
    array, places = grid(2)

    def value(t, k):
        return {"EchoTime": 10.0 * (t + 1), "TriggerTime": 40.0 * t + k, "InstanceNumber": 3 * t + k + 1,
                "AcquisitionTime": f"1200{10 * t + k:02d}.25"}[keyword]  # fmt: skip

    files = []
    for t in range(2):
        files += write(
            f"classic{t}", array[t], modality="MR", series_uid="1.2.5",
            elements=lambda k, t=t: {keyword: value(t, k), "SOPInstanceUID": f"1.2.5.{t}.{k}"},
        )  # fmt: skip
    frames = [
        (array[t, k], place(k) | {"UnassignedPerFrameConvertedAttributesSequence": {keyword: value(t, k)}})
        for t, k in places
    ]
    classic, converted = dv.volread(files), dv.volread(enhanced(frames, SOPClassUID=LEGACY_CT))
    np.testing.assert_array_equal(converted.array, classic.array)
    np.testing.assert_array_equal(converted.array, array)
    np.testing.assert_allclose(converted.geometry.affine, classic.geometry.affine, atol=1e-6)
    assert converted.dimensions == classic.dimensions


def test_a_private_b_value_of_a_converted_image_counts(enhanced):
    array, places = grid(2)
    frames = []
    for t, k in places:
        frames.append((array[t, k], place(k) | {"UnassignedPerFrameConvertedAttributesSequence": {}}))
    path = enhanced(frames, shuffle=False)
    dataset = pydicom.dcmread(path)
    for (t, _), group in zip(places, dataset.PerFrameFunctionalGroupsSequence):
        block = group.UnassignedPerFrameConvertedAttributesSequence[0].private_block(
            0x2001, "Philips Imaging DD 001", create=True
        )
        block.add_new(0x03, "FL", [800.0, 0.0][t])
    dataset.save_as(path)
    vol = dv.volread(path)
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 800)
    np.testing.assert_array_equal(vol.array, array[::-1])


TWO_KEYS = [
    ("FrameContentSequence.TemporalPositionIndex", [1, 2], "time"),
    ("MREchoSequence.EffectiveEchoTime", [5.0, 10.0, 15.0], "echo_time"),
    ("MRDiffusionSequence.DiffusionBValue", [0.0, 1000.0], "b_value"),
    ("MRModifierSequence.InversionTimes", [150.0, 2500.0], "inversion_time"),
    ("MRTimingAndRelatedParametersSequence.FlipAngle", [3.0, 15.0], "flip_angle"),
    ("CardiacSynchronizationSequence.NominalPercentageOfCardiacPhase", [0.0, 40.0, 80.0], "cardiac_phase"),
    ("CardiacSynchronizationSequence.NominalCardiacTriggerDelayTime", [10.0, 50.5], "trigger_time"),
    ("MRArterialSpinLabelingSequence.ASLContext", ["CONTROL", "LABEL"], "asl_context"),
]


@pytest.mark.parametrize("chosen", [(0, 1), (0, 2), (1, 3), (0, 5), (0, 7), (4,), (6,), (0, 2, 1), (1, 5, 6)])
def test_every_dimension_of_an_enhanced_file_is_one_of_the_volume(enhanced, chosen):
    keys = [TWO_KEYS[i] for i in chosen]
    array, places = grid(*(len(values) for _, values, _ in keys))
    frames = []
    for *index, k in places:
        own = place(k)
        for (path, values, _), i in zip(keys, index):
            sequence, keyword = path.split(".")
            own.setdefault(sequence, {})[keyword] = values[i]
        frames.append((array[*index, k], own))
    vol = dv.volread(enhanced(frames))
    assert vol.dims[: len(keys)] == tuple(name for *_, name in keys)
    np.testing.assert_array_equal(vol.array, array)
    assert vol.report.warnings == ()
    for dimension, (_, values, name) in zip(vol.dimensions, keys):
        assert dimension.values == ((0, 1) if name == "asl_context" else tuple(values))


DIRECTIONS = [[1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [-0.6, 0.0, 0.8], [0.0, 1.0, 0.0]]


def diffusion(direction, b=1000.0):
    if direction is None:
        return {"DiffusionBValue": 0.0, "DiffusionDirectionality": "NONE"}
    gradient = [{"DiffusionGradientOrientation": direction}]
    return {"DiffusionBValue": b, "DiffusionDirectionality": "DIRECTIONAL",
            "DiffusionGradientDirectionSequence": gradient}  # fmt: skip


@pytest.mark.parametrize("indices", ["right", "absent", "constant", "shuffled"])
def test_directions_of_diffusion_stay_apart_in_the_order_of_the_frames(enhanced, indices):
    array, places = grid(5)
    frames = []
    for d, k in places:
        own = place(k) | {"MRDiffusionSequence": diffusion([None, *DIRECTIONS][d])}
        values = {"right": [k + 1, d + 1], "constant": [1, 1], "shuffled": [k + 1, 1 + (d * 7 + k * 3) % 5]}
        if indices != "absent":
            own["FrameContentSequence"] = {"DimensionIndexValues": values[indices]}
        frames.append((array[d, k], own))
    pointers = ("InStackPositionNumber", "DiffusionGradientOrientation")
    vol = dv.volread(enhanced(frames, shuffle=False, pointers=() if indices == "absent" else pointers))
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 1000, 1000, 1000, 1000)
    np.testing.assert_array_equal(vol.array, array)


def test_the_mean_over_the_directions_is_pointed_out(enhanced):
    array, places = grid(6)
    trace = {"DiffusionBValue": 1000.0, "DiffusionDirectionality": "ISOTROPIC"}
    kinds = [diffusion(direction) for direction in (None, *DIRECTIONS)] + [trace]
    frames = [(array[d, k], place(k) | {"MRDiffusionSequence": kinds[d]}) for d, k in places]
    vol = dv.volread(enhanced(frames, shuffle=False))
    np.testing.assert_array_equal(vol.array, array)
    assert [w.startswith("frame 5 is the mean") for w in vol.report.warnings] == [True]


def test_maps_made_from_the_frames_are_volumes_of_their_own(enhanced):
    array, places = grid(7)
    types = [["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]] * 5
    types += [["DERIVED", "PRIMARY", "DIFFUSION", kind] for kind in ("TRACEW", "ADC")]
    kinds = [diffusion(direction) for direction in (None, *DIRECTIONS)] + [{}, {}]
    frames = [
        (array[d, k], place(k) | {"MRDiffusionSequence": kinds[d], "MRImageFrameTypeSequence":
            {"FrameType": types[d]}})
        for d, k in places
    ]  # fmt: skip
    volumes = sorted(dv.mvolread(enhanced(frames)), key=lambda vol: -vol.ndim)
    assert [vol.ndim for vol in volumes] == [4, 3, 3] and volumes[0].shape[0] == 5
    assert {int(vol.array.min()) for vol in volumes[1:]} == {int(array[5].min()), int(array[6].min())}


@pytest.mark.parametrize("files", [1, 2])
def test_kernels_are_not_mixed(enhanced, files):
    voxels = make_voxels(SHAPE)
    frames = [
        (voxels[k] + shift, {**place(k), "CTReconstructionSequence": {"ConvolutionKernel": kernel}})
        for kernel, shift in (("B30f", 0), ("B70f", 500))
        for k in range(3)
    ]
    options = {"modality": "CT", "SOPClassUID": CT}
    paths = [
        enhanced(frames[6 // files * i : 6 // files * (i + 1)], "ab"[: i + 1], **options)
        for i in range(files)
    ]
    soft, sharp = sorted(dv.find_series(paths), key=lambda series: series.part)
    assert (soft.part, sharp.part) == ("ConvolutionKernel B30f", "ConvolutionKernel B70f")
    np.testing.assert_array_equal(soft.read().array, voxels)
    np.testing.assert_array_equal(sharp.read().array, voxels + 500)


def test_magnitude_and_velocities_are_told_apart(enhanced):
    array, places = grid(2, 3)
    frames = []
    for m, v, k in places:
        kind = {"FrameType": ["ORIGINAL", "PRIMARY", "CINE", "NONE"],
                "ComplexImageComponent": ["MAGNITUDE", "PHASE"][m]}  # fmt: skip
        velocity = {"VelocityEncodingDirection": [float(v == axis) for axis in range(3)]}
        own = place(k) | {"MRImageFrameTypeSequence": kind, "MRVelocityEncodingSequence": velocity}
        own["FrameContentSequence"] = {"DimensionIndexValues": [v + 1, k + 1]}
        frames.append((array[m, v, k], own))
    path = enhanced(frames, pointers=("VelocityEncodingDirection", "InStackPositionNumber"))
    found = dv.find_series(path)
    assert ["PHASE" in s.description for s in found].count(True) == 1
    for series in found:
        vol = series.read()
        assert vol.dims[0] == "velocity_encoding_direction"
        np.testing.assert_array_equal(vol.array, array[int("PHASE" in series.description)])


def test_stacks_are_volumes(enhanced):
    axial, sagittal = make_voxels(SHAPE, seed=1), make_voxels(SHAPE, seed=2)
    frames = []
    for k in range(3):
        content = {"FrameContentSequence": {"StackID": "1", "InStackPositionNumber": k + 1}}
        plane = {"PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}}
        frames.append((axial[k], place(k) | content | plane))
        content = {"FrameContentSequence": {"StackID": "2", "InStackPositionNumber": k + 1}}
        plane = {"PlaneOrientationSequence": {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}}
        frames.append((sagittal[k], place(-k, make_affine("sagittal")) | content | plane))
    shared = {"PixelMeasuresSequence": {"PixelSpacing": [0.8, 0.6]}}
    found = dv.find_series(enhanced(frames, shared=shared))
    first, second = sorted(found, key=lambda s: s.description)
    assert "axial" in first.description and "sagittal" in second.description
    for series, array, z in ((first, axial, 12.75), (second, sagittal, 12.75)):
        vol = series.read()
        np.testing.assert_array_equal(vol.array, array)
        assert vol.geometry.slice_positions[0, 2] == z


def test_a_single_frame_at_the_place_of_another_is_left_out_and_named(enhanced):
    voxels = make_voxels(SHAPE)
    frames = [(voxels[k], place(k)) for k in range(3)]
    vol = dv.volread(enhanced([*frames, (voxels[1] + 500, place(1))], shuffle=False))
    np.testing.assert_array_equal(vol.array, voxels)
    assert "frame number 4 at the place of frame number 2" in vol.report.warnings[0]


def test_a_gap_names_the_frames_beside_it(enhanced):
    voxels = make_voxels(SHAPE)
    vol = dv.volread(enhanced([(voxels[k], place(k + k // 2)) for k in range(3)], shuffle=False))
    assert vol.shape == (4, 4, 5) and vol.report.missing == (2,)
    said = "between enhanced.dcm (frame number 2) and enhanced.dcm (frame number 3)"
    assert said in vol.report.warnings[0]


def test_slices_that_are_called_stacks_are_one_volume(enhanced):
    voxels = make_voxels(SHAPE)
    stack = [{"FrameContentSequence": {"StackID": str(k + 1), "InStackPositionNumber": 1}} for k in range(3)]
    vol = dv.volread(enhanced([(voxels[k], {**place(k), **stack[k]}) for k in range(3)]))
    np.testing.assert_array_equal(vol.array, voxels)


def test_every_frame_has_its_own_slope(enhanced):
    array = make_voxels(SHAPE)
    frames = [
        (array[k], place(k) | {"PixelValueTransformationSequence":
            {"RescaleSlope": f"{0.5 * (k + 1)}", "RescaleIntercept": f"{k}"}})
        for k in range(3)
    ]  # fmt: skip
    vol = dv.volread(enhanced(frames, SOPClassUID=PET, Modality="PT"))
    np.testing.assert_array_equal(vol.array, [array[k] * 0.5 * (k + 1) + k for k in range(3)])


def test_a_slope_of_zero_does_not_wipe_out_a_frame(enhanced):
    voxels = make_voxels(SHAPE)
    slopes = [
        {"PixelValueTransformationSequence": dict(RescaleSlope=s, RescaleIntercept=0)} for s in (2, 0, 2)
    ]
    vol = dv.volread(enhanced([(voxels[k], {**place(k), **slopes[k]}) for k in range(3)]))
    np.testing.assert_array_equal(vol.array, voxels * np.array([2, 1, 2])[:, None, None])
    assert vol.report.warnings[0] == "RescaleSlope (0028,1053) is 0 in enhanced.dcm: taken for 1"


def test_time_points_in_files_of_their_own(enhanced):
    array, _ = grid(3)
    paths = [
        enhanced(
            [(array[t, k], place(k) | {"FrameContentSequence":
              {"FrameAcquisitionDateTime": f"2020010112{t:02d}{k:02d}.500000", "TemporalPositionIndex": 1}})
             for k in range(3)],
            "abc"[: t + 1], InstanceNumber=t + 1,
        )
        for t in range(3)
    ]  # fmt: skip
    vol = dv.volread(paths[::-1])
    np.testing.assert_array_equal(vol.array, array)
    assert vol.dimensions[0].name == "time" and vol.dimensions[0].values == (0, 60, 120)


def test_files_that_only_their_number_tells_apart(enhanced):
    array, _ = grid(3)
    paths = [
        enhanced([(array[t, k], place(k)) for k in range(3)], "abc"[: t + 1], InstanceNumber=7 - t)
        for t in range(3)
    ]
    vol = dv.volread(paths)
    assert vol.dims[0] == "frame"
    np.testing.assert_array_equal(vol.array, array[::-1])


def test_an_enhanced_file_of_one_frame_each(enhanced):
    array = make_voxels(SHAPE)
    paths = [enhanced([(array[k], place(k))], "abc"[: k + 1]) for k in range(3)]
    vol = dv.volread(paths)
    np.testing.assert_array_equal(vol.array, array)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)


def test_a_volume_that_stands_nowhere_has_distances_but_no_place(enhanced):
    array = make_voxels(SHAPE)
    shared = {
        "PixelMeasuresSequence": {"PixelSpacing": [0.8, 0.6]},
        "PlaneOrientationVolumeSequence": {"ImageOrientationVolume": [1.0, 0, 0, 0, 1, 0]},
    }
    frames = [(array[k], {"PlanePositionVolumeSequence": {"ImagePositionVolume": [0.0, 0.0, 2.0 * k]}})
              for k in range(3)]  # fmt: skip
    vol = dv.volread(enhanced(frames, shared=shared, SOPClassUID=US_VOLUME, Modality="US"))
    np.testing.assert_array_equal(vol.array, array)
    assert vol.geometry.affine is None and vol.sampling == (2.0, 0.8, 0.6)
    assert any("relative to the volume" in w for w in vol.report.warnings)


@pytest.mark.parametrize("count", [1, 3])
def test_an_orientation_of_zeros_is_none(enhanced, count):
    volume = make_voxels(SHAPE)
    shared = SHARED | {"PlaneOrientationSequence": {"ImageOrientationPatient": [0] * 6}}
    vol = dv.volread(enhanced([(volume[k], place(k)) for k in range(count)], shared=shared, shuffle=False))
    np.testing.assert_array_equal(vol.array.reshape(count, *SHAPE[1:]), volume[:count])
    assert vol.geometry.affine is None and vol.sampling[0] is None
    told = "ImageOrientationPatient (0020,0037) cannot be understood in enhanced.dcm"
    assert any(told in text for text in vol.report.warnings)


def test_frames_without_a_place_run_in_time(enhanced):
    array = make_voxels((4, 4, 5))
    frames = [
        (array[i], {"FrameContentSequence": {"FrameAcquisitionDateTime": f"20200101120000.{i}00000"}})
        for i in range(4)
    ]
    vol = dv.volread(enhanced(frames, shared={}, SOPClassUID="1.2.840.10008.5.1.4.1.1.12.1.1", Modality="XA"))
    assert vol.dims[0] == "time" and vol.dimensions[0].values == (0, 100, 200, 300)
    assert vol.dimensions[0].unit == "ms" and vol.geometry.affine is None
    np.testing.assert_array_equal(vol.array[:, 0], array)


def test_groups_may_all_be_shared(enhanced):
    array = make_voxels((4, 4, 5))
    path = enhanced([(pixels, {}) for pixels in array], shuffle=False, FrameTime=50)
    dataset = pydicom.dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.save_as(path)
    vol = dv.volread(path)
    assert vol.shape == (4, 1, 4, 5) and vol.sampling[1:] == (0.8, 0.6)


def test_a_multi_frame_file_beside_classic_ones_is_another_volume(write, enhanced):
    array = make_voxels(SHAPE)
    path = enhanced([(array[k], place(k)) for k in range(3)])
    classic = write("classic", array + 1, modality="MR", series_uid="1.2.9")
    volumes = dv.mvolread([path, *classic])
    assert sorted(int(vol.array.min()) for vol in volumes) == sorted((array.min(), array.min() + 1))


def test_more_frames_than_the_pixels_hold_are_refused_at_once(write):
    path = write("many", make_voxels(SHAPE))[0]
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 10**9
    dataset.save_as(path)
    found = dv.find_series(path)
    assert len(found) == 0
    assert "NumberOfFrames (0028,0008) is 1000000000" in str(found.dropped[0])
    with pytest.raises(dv.DicomviewError, match=r"IM0000.dcm.*PixelData \(7FE0,0010\) has 40"):
        dv.volread(path)


def test_more_groups_than_frames_are_told(enhanced):
    voxels = make_voxels(SHAPE)
    path = enhanced([(voxels[k], place(k)) for k in range(3)], shuffle=False)
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence.append(groups(**place(3)))
    dataset.save_as(path)
    vol = dv.volread(path)
    np.testing.assert_array_equal(vol.array, voxels)
    assert "holds 4 items for 3 frames: the first 3 are taken" in vol.report.warnings[0]
