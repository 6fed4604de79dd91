"""Segmentations, structure sets, parametric maps and doses against closed form."""

import io
from itertools import pairwise

import numpy as np
import pydicom
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from reference import DATA

import dicomview as dv
from dicomview.errors import DecodeError, GeometryError, MemoryBudgetError, SegmentError, SeriesError
from dicomview.io.lab import lab_to_rgb
from dicomview.volume.contours import fill_even_odd

SEG, LABELMAP_SEG = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
RTSTRUCT, MAP = "1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.30"
FRAME, SERIES = "1.2.3.4", "1.2.3.5"
SHAPE = (6, 8, 10)

needs_data = pytest.mark.skipif(not DATA.exists(), reason="no scanner data here")


def new_file(sop_class, modality, **elements):
    dataset = FileDataset("x", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.6"
    dataset.Modality, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = modality, "1.2.3.7", "1.2.3.8"
    fill(dataset, elements)
    return dataset


def fill(dataset, elements):
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def item(**elements):
    return [fill(Dataset(), elements)]


def numbers(values):
    return [pydicom.valuerep.DSfloat(float(v), auto_format=True) for v in np.ravel(values)]


def groups(affine, shape, places, spacing=None):
    """Return shared and per-frame functional groups of frames at places (label or None, slice)."""
    row, column = affine[:3, 1], affine[:3, 2]
    lengths = np.linalg.norm([row, column], axis=1)
    measures = {"PixelSpacing": numbers(lengths)}
    if spacing is not None:
        measures["SpacingBetweenSlices"] = spacing
    shared = item(
        PixelMeasuresSequence=item(**measures),
        PlaneOrientationSequence=item(
            ImageOrientationPatient=numbers([column / lengths[1], row / lengths[0]])
        ),
    )
    frames = []
    for number, k in places:
        position = affine[:3, 3] + k * affine[:3, 0]
        frame = item(PlanePositionSequence=item(ImagePositionPatient=numbers(position)))[0]
        if number is not None:
            frame.SegmentIdentificationSequence = item(ReferencedSegmentNumber=number)
        frames.append(frame)
    return shared, frames


def make_seg(path, frames, labels, affine, kind="BINARY", spacing=None, **elements):
    """Write a SEG of frames ``(number, slice, pixels)`` in this order."""
    shape = frames[0][2].shape
    shared, per_frame = groups(affine, shape, [(n, k) for n, k, _ in frames], spacing)
    dataset = new_file(
        LABELMAP_SEG if kind == "LABELMAP" else SEG,
        "SEG",
        SegmentationType=kind,
        FrameOfReferenceUID=FRAME,
        Rows=shape[0],
        Columns=shape[1],
        NumberOfFrames=len(frames),
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        PixelRepresentation=0,
        SharedFunctionalGroupsSequence=shared,
        PerFrameFunctionalGroupsSequence=per_frame,
        ReferencedSeriesSequence=item(SeriesInstanceUID=SERIES),
        SegmentSequence=[
            item(SegmentNumber=n, SegmentLabel=label, SegmentAlgorithmType="MANUAL")[0]
            for n, label in labels.items()
        ],
    )
    pixels = np.stack([p for _, _, p in frames])
    bits = 1 if kind == "BINARY" else 8 * pixels.dtype.itemsize
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    # Frames of one bit a pixel follow one another without a gap, also within a byte.
    data = np.packbits(pixels.ravel(), bitorder="little").tobytes() if bits == 1 else pixels.tobytes()
    dataset.PixelData = data + bytes(len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
    fill(dataset, elements)
    path.parent.mkdir(exist_ok=True)
    dataset.save_as(path)
    return path


def make_masks(count=2, shape=SHAPE, seed=0):
    """Return masks that overlap, with empty slices at either end."""
    masks = np.random.default_rng(seed).random((count, *shape)) < 0.5
    masks[:, [0, -1]] = False
    return masks


def stored(masks, seed=1):
    """Return the frames of masks that are not empty, shuffled."""
    frames = [
        (n, k, plane.astype(np.uint8)) for n, mask in enumerate(masks, 1) for k, plane in enumerate(mask)
    ]
    frames = [frame for frame in frames if frame[2].any()]
    return [frames[i] for i in np.random.default_rng(seed).permutation(len(frames))]


@pytest.fixture
def image(write):
    """Write and read a CT of an orientation."""

    def image(orientation="axial", shape=SHAPE, matrix=None, frame=FRAME, series=SERIES):
        matrix = make_affine(orientation) if matrix is None else matrix
        files = write(
            f"ct {series}", make_voxels(shape), matrix, frame_of_reference_uid=frame, series_uid=series
        )
        return dv.volread(files)

    return image


def test_a_sequence_that_ends_too_early_is_told(tmp_path):
    path = make_seg(
        tmp_path / "seg.dcm", [(1, k, np.ones((4, 4), bool)) for k in range(2)], {1: "a"}, make_affine()
    )
    data = path.read_bytes()
    at = data.index(b"\x08\0\x15\x11SQ")
    length = int.from_bytes(data[at + 8 : at + 12], "little")
    broken = data[:at] + b"\x08\0\x15\x11SQ\0\0\6\0\0\0\xfe\xff\0\xe0\x10\0" + data[at + 12 + length :]
    path.write_bytes(broken)
    with pytest.raises(DecodeError, match="segments cannot be read"):
        dv.segread(path)


# -- masks of voxels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_masks_of_shuffled_bits_land_on_their_voxels(tmp_path, image, orientation):
    affine, masks = make_affine(orientation), make_masks()
    path = make_seg(tmp_path / "seg.dcm", stored(masks), {1: "liver", 2: "tumour"}, affine)
    seg = dv.segread(path)
    assert [s.label for s in seg] == ["liver", "tumour"] and seg.kind == "binary"
    assert seg.frame_of_reference_uid == FRAME and seg.referenced_series_uids == (SERIES,)
    assert seg["liver"].dtype == bool and seg["liver"].dims == ("slice", "row", "column")
    volume = image(orientation)
    on = seg.on(volume)
    for n, mask in enumerate(masks, 1):
        np.testing.assert_array_equal(on[n].array, mask[places(volume.geometry, affine)])
        np.testing.assert_array_equal(seg[n].array, mask[places(seg.geometry, affine)])
        assert on[n].geometry is volume.geometry and on[n].report.warnings == ()


def test_frames_may_begin_within_a_byte(tmp_path, image):
    masks = make_masks(2, (6, 7, 9))
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(masks), {1: "a", 2: "b"}, make_affine()))
    for n in (1, 2):
        np.testing.assert_array_equal(seg.on(image(shape=(6, 7, 9)))[n].array, masks[n - 1])
    np.testing.assert_array_equal(dv.volread(tmp_path / "s.dcm").array, masks[:, 1:-1])
    dataset = pydicom.dcmread(tmp_path / "s.dcm")
    dataset.PixelData = dataset.PixelData[:40]
    dataset.save_as(tmp_path / "s.dcm")
    with pytest.raises(
        dv.DicomviewError, match=r"s\.dcm: .*takes 63 bytes, and PixelData \(7FE0,0010\) has 40"
    ):
        dv.segread(tmp_path / "s.dcm").labelmap()


def places(geometry, affine):
    """Return which slice of the truth each slice is, by position: slices are sorted along their normal."""
    index = np.linalg.solve(affine[:3, :3], (geometry.slice_positions - affine[:3, 3]).T)[0]
    return np.rint(index).astype(int)


def test_a_segment_without_frames_is_an_empty_mask(tmp_path):
    masks = make_masks(1)
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(masks), {1: "a", 7: "none"}, make_affine()))
    assert len(seg) == 2 and "none" in seg and 7 in seg and "b" not in seg
    assert seg["none"].shape == seg["a"].shape and not seg["none"].any()
    assert np.unique(seg.labelmap()).tolist() == [0, 1]


def test_frames_of_a_segment_that_nobody_declared_are_kept(tmp_path):
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(make_masks(2)), {1: "a"}, make_affine()))
    assert seg[2].sum() == make_masks(2)[1].sum()
    assert "segments 2 have frames" in str(seg.report)


def test_overlapping_masks_are_kept_and_make_no_label_map(tmp_path):
    masks = make_masks(3)
    masks[2] &= ~(masks[0] | masks[1])
    labels = {1: "liver", 2: "tumour", 300: "vessel"}
    frames = [({3: 300}.get(n, n), k, plane) for n, k, plane in stored(masks)]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, labels, make_affine()))
    assert [seg[n].sum() for n in labels] == masks.sum(axis=(1, 2, 3)).tolist()
    count = (masks[0] & masks[1]).sum()
    with pytest.raises(SegmentError, match=rf"'liver' \(1\) and 'tumour' \(2\) in {count} voxels"):
        seg.labelmap()
    labelmap = seg.labelmap(["liver", 300])
    assert labelmap.dtype == np.uint16
    np.testing.assert_array_equal(labelmap.array, masks[0, 1:-1] + 300 * masks[2, 1:-1])
    assert seg.labelmap([2]).dtype == np.uint8


@pytest.mark.parametrize("spacing", [2.5, None])
def test_a_slice_between_frames_is_empty_when_it_has_no_frame(tmp_path, image, spacing):
    """Slices 1 and 3 are stored: the slice between them is known to be empty, not filled from beside."""
    masks = np.zeros((1, *SHAPE), bool)
    masks[0, [1, 3], 2:5, 3:7] = True
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(masks), {1: "a"}, make_affine(), spacing=spacing))
    assert seg.geometry.shape[0] == (3 if spacing else 2)
    np.testing.assert_array_equal(seg.on(image())[1].array, masks[0])


def test_a_file_that_names_images_only_is_known_to_be_made_from_them(tmp_path, image):
    masks = np.zeros((1, *SHAPE), bool)
    masks[0, [1, 3], 2:5, 3:7] = True
    path = make_seg(tmp_path / "s.dcm", stored(masks), {1: "a"}, make_affine())
    volume, dataset = image(), pydicom.dcmread(path)
    del dataset.ReferencedSeriesSequence
    dataset.save_as(path)
    assert dv.segread(path).on(volume)[1][2].any()  # of whatever else, frames 5 mm apart are 5 mm thick
    source = item(ReferencedSOPInstanceUID=volume.sources[1].sop_instance_uid)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.DerivationImageSequence = item(SourceImageSequence=source)
    dataset.save_as(path)
    np.testing.assert_array_equal(dv.segread(path).on(volume)[1].array, masks[0])


def test_fractions_are_of_the_maximum(tmp_path, image):
    plane = np.arange(80, dtype=np.uint8).reshape(8, 10)
    frames = [(1, k, plane + 10 * k) for k in (2, 0, 1)]
    path = make_seg(
        tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), "FRACTIONAL",
        MaximumFractionalValue=200, SegmentationFractionalType="OCCUPANCY",
    )  # fmt: skip
    seg = dv.segread(path)
    expected = np.stack([plane + 10 * k for k in range(3)]) / 200
    assert seg["a"].dtype == np.float32 and seg.fractional_type == "OCCUPANCY"
    np.testing.assert_array_equal(seg["a"].array, expected.astype(np.float32))
    with pytest.raises(SegmentError, match="threshold"):
        seg.labelmap()
    # Linear in row and column, so linear interpolation on a finer grid gives the formula again.
    fine = make_affine()
    fine[:3, 1:3] /= 2
    volume = image(shape=(3, 15, 19), matrix=fine)
    k, r, c = np.indices((3, 15, 19))
    np.testing.assert_allclose(seg.on(volume)["a"].array, (5 * r + c / 2 + 10 * k) / 200, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_label_map_has_its_segments_by_value(tmp_path, image, dtype):
    labels = np.random.default_rng(0).integers(0, 4, SHAPE).astype(dtype)
    frames = [(None, k, labels[k]) for k in (3, 1, 0, 2, 5, 4)]
    names = {0: "Background", 1: "a", 2: "b", 5: "none"}
    palette = {"PhotometricInterpretation": "PALETTE COLOR"} if dtype == np.uint8 else {}
    path = make_seg(tmp_path / "s.dcm", frames, names, make_affine("oblique"), "LABELMAP", **palette)
    seg = dv.segread(path)
    for n in (0, 1, 2, 3):
        np.testing.assert_array_equal(seg[n].array, labels == n)
    assert not seg["none"].any() and "segments 3 have frames" in str(seg.report)
    np.testing.assert_array_equal(seg.labelmap().array, labels)
    np.testing.assert_array_equal(seg.on(image("oblique")).labelmap().array, labels)


def test_nothing_is_made_above_the_memory_budget(tmp_path, monkeypatch):
    size = np.prod(SHAPE)
    frames = [(None, k, np.ones(SHAPE[1:], np.uint8)) for k in range(SHAPE[0])]
    path = make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), "LABELMAP")
    monkeypatch.setattr(dv.options, "memory_budget", int(size))
    seg = dv.segread(path)
    assert seg[1].sum() == seg.labelmap().sum() == size
    monkeypatch.setattr(dv.options, "memory_budget", int(size) - 1)
    for make in (lambda: seg[1], seg.labelmap, lambda: dv.segread(path)):
        with pytest.raises(MemoryBudgetError, match="6 × 8 × 10"):
            make()


def test_the_padding_of_a_label_map_is_no_segment(tmp_path):
    labels = np.full(SHAPE, 9, np.uint8)
    labels[2, 3, 4] = 1
    frames = [(None, k, plane) for k, plane in enumerate(labels)]
    path = make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), "LABELMAP", PixelPaddingValue=9)
    seg = dv.segread(path)
    assert len(seg) == 1 and seg.report.warnings == () and seg.labelmap().sum() == 1


def test_the_segments_are_described(tmp_path):
    path = make_seg(tmp_path / "s.dcm", stored(make_masks(1)), {1: "Liver"}, make_affine())
    dataset = pydicom.dcmread(path)
    fill(
        dataset.SegmentSequence[0],
        {
            "SegmentDescription": "right lobe",
            "RecommendedDisplayCIELabValue": [34885, 53485, 50171],
            "SegmentedPropertyCategoryCodeSequence": item(CodeMeaning="Organ"),
            "SegmentedPropertyTypeCodeSequence": item(CodeMeaning="Liver structure"),
            "TrackingID": "L1",
        },
    )
    dataset.save_as(path)
    (segment,) = dv.segread(path)
    assert (segment.number, segment.label, segment.description) == (1, "Liver", "right lobe")
    assert (segment.algorithm_type, segment.category) == ("MANUAL", "Organ")
    assert (segment.property_type, segment.tracking_id) == ("Liver structure", "L1")
    text = repr(dv.segread(path))
    assert "Liver structure" in text and "#" in text and "Liver" in dv.segread(path)._repr_html_()


@pytest.mark.parametrize(
    ("lab", "rgb"),  # sRGB primaries in CIELab under D50, from the ICC profile of sRGB
    [
        ((100, 0, 0), (255, 255, 255)),
        ((0, 0, 0), (0, 0, 0)),
        ((53.389, 0, 0), (127, 127, 127)),
        ((54.29, 80.81, 69.89), (255, 0, 0)),
        ((87.82, -79.29, 80.99), (0, 255, 0)),
        ((29.57, 68.30, -112.03), (0, 0, 255)),
    ],
)
def test_colours_of_the_header_become_those_of_the_screen(lab, rgb):
    value = [round(65535 * lab[0] / 100), *(round(65535 * (v + 128) / 255) for v in lab[1:])]
    assert abs(np.subtract(lab_to_rgb(value), rgb)).max() <= 1


def test_segments_are_found_by_number_and_label_or_the_message_lists_them(tmp_path):
    path = make_seg(
        tmp_path / "s.dcm", stored(make_masks(3)), {1: "Liver", 2: "cyst", 3: "cyst"}, make_affine()
    )
    seg = dv.segread(path)
    assert seg.segment("LIVER").number == seg.segment(seg.segments[0]).number == 1
    with pytest.raises(SegmentError, match="2 segments are called 'cyst': take a number, 2, 3"):
        seg["cyst"]
    with pytest.raises(SegmentError, match=r"no segment 'kidney'; there are: 'Liver' \(1\), 'cyst' \(2\)"):
        seg["kidney"]
    with pytest.raises(LookupError):
        seg[9]


# -- on another grid ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ["axial", "oblique", "tilted"])
def test_masks_are_copied_onto_a_turned_cropped_and_extended_grid(tmp_path, image, orientation):
    """The same points in another order of axes: voxels are copied, not resampled."""
    affine, mask = make_affine(orientation), make_masks(1)[0]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored([mask]), {1: "a"}, affine))
    # index of the source = turn @ index of the target + start
    turn, start = np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]]), np.array([7, 1, 2])
    matrix = affine.copy()
    matrix[:3, :3], matrix[:3, 3] = affine[:3, :3] @ turn, affine[:3, :3] @ start + affine[:3, 3]
    shape = (7, 9, 6)  # columns 2..8, slices 7..-1, rows 1..6 of the source
    volume = dv.Volume.from_array(np.zeros(shape), affine=matrix, meta={"FrameOfReferenceUID": FRAME})
    source = np.tensordot(turn, np.indices(shape), 1) + start[:, None, None, None]
    inside = (source[0] >= 0) & (source[0] < SHAPE[0])
    expected = np.zeros(shape, bool)
    expected[inside] = mask[tuple(source[:, inside])]
    moved = seg.on(volume)["a"]
    np.testing.assert_array_equal(moved.array, expected)
    lost = mask.sum() - expected.sum()
    assert moved.report.warnings == (f"{lost} of {mask.sum()} voxels of the mask lie outside the volume",)


def test_on_another_grid_the_nearest_voxel_counts(tmp_path, image):
    affine, mask = make_affine(), make_masks(1)[0]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored([mask]), {1: "a"}, affine))
    volume = image("oblique", shape=(5, 12, 14), series="1.2.9")
    indices = np.stack(np.indices((5, 12, 14)), axis=-1)
    position = volume.geometry.position(indices)
    near = np.floor((position - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T + 0.5).astype(int)
    inside = ((near >= 0) & (near < SHAPE)).all(axis=-1)
    expected = np.zeros((5, 12, 14), bool)
    expected[inside] = mask[tuple(near[inside].T)]
    assert expected.sum() > 20
    np.testing.assert_array_equal(seg.on(volume)["a"].array, expected)


def test_thick_masks_fill_the_thin_slices_of_another_series(tmp_path, image):
    """On a series with slices in between, a mask of thick slices is not striped."""
    mask = np.zeros((1, *SHAPE), bool)
    mask[0, 1:4, 2:5, 3:7] = True
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(mask), {1: "a"}, make_affine(), spacing=2.5))
    thin = make_affine()
    thin[:3, 0] /= 2
    filled = seg.on(image(shape=(11, 8, 10), matrix=thin, series="1.2.9"))["a"]
    assert np.flatnonzero(filled.any(axis=(1, 2))).tolist() == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(filled.array[[2, 4, 6]], mask[0, 1:4])


def test_a_single_slice_goes_where_it_is_and_as_thick_as_it_is(tmp_path, image):
    mask = np.zeros((1, *SHAPE), bool)
    mask[0, 2, 2:5, 3:7] = True
    path = make_seg(tmp_path / "s.dcm", stored(mask), {1: "a"}, make_affine())
    seg = dv.segread(path)
    assert seg.geometry.shape[0] == 1
    np.testing.assert_array_equal(seg.on(image())["a"].array, mask[0])
    thin = make_affine()
    thin[:3, 0] /= 5
    thin[2, 3] += 0.2  # slices 0.5 mm apart, none at that of the mask, which is at 5 mm
    volume = image(shape=(21, 8, 10), matrix=thin, series="1.2.9")
    with pytest.raises(SegmentError, match="SliceThickness"):
        seg.on(volume)["a"]
    dataset = pydicom.dcmread(path)
    dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SliceThickness = 2
    dataset.save_as(path)
    found = dv.segread(path).on(volume)["a"]
    heights = 0.2 + 0.5 * np.flatnonzero(found.any(axis=(1, 2)))
    np.testing.assert_allclose(heights, [4.2, 4.7, 5.2, 5.7])


@pytest.mark.usefixtures("named")
def test_another_frame_of_reference_is_refused_unless_told_otherwise(tmp_path, image):
    masks = make_masks(1)
    seg = dv.segread(make_seg(tmp_path / "s.dcm", stored(masks), {1: "a"}, make_affine()))
    volume = image(frame="9.9.9")
    with pytest.raises(GeometryError, match=r"FrameOfReferenceUID \(0020,0052\) is 1.2.3.4 and 9.9.9"):
        seg.on(volume)
    np.testing.assert_array_equal(seg.on(volume, ignore_frame_of_reference=True)[1].array, masks[0])
    del volume.meta["FrameOfReferenceUID"]
    assert "absent" in seg.on(volume).report.warnings[0]
    with pytest.raises(GeometryError, match="no affine"):
        seg.on(dv.Volume.from_array(np.zeros((3, 3, 3))))


# -- what is refused ----------------------------------------------------------------------------------------


def test_masks_without_a_place_are_refused_with_the_reason(tmp_path):
    path = make_seg(tmp_path / "s.dcm", stored(make_masks(1)), {1: "a"}, make_affine())
    dataset = pydicom.dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence
    dataset.save_as(path)
    with pytest.raises(
        SeriesError, match=r"s.dcm: .*masks cannot be placed in space.*no PlanePositionSequence"
    ):
        dv.segread(path)
    del dataset.PerFrameFunctionalGroupsSequence
    dataset.DimensionOrganizationType, dataset.TotalPixelMatrixRows = "TILED_FULL", 64
    dataset.save_as(path)
    with pytest.raises(SeriesError, match="tiles of a slide"):
        dv.segread(path)


def test_frames_that_differ_at_one_position_are_not_mixed(tmp_path):
    plane = np.eye(8, 10, dtype=np.uint8)
    frames = [(1, 0, plane), (1, 1, plane), (1, 1, plane)]
    assert dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine()))["a"].sum() == 16
    frames[2] = (1, 1, plane[::-1])
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine()))
    with pytest.raises(SegmentError, match=r"several frames of segment 'a' \(1\) lie at one position"):
        seg["a"]
    frames = [(None, k, p) for _, k, p in frames]
    with pytest.raises(SeriesError, match="several frames lie at one position"):
        dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), "LABELMAP"))


def test_frames_that_name_no_segment_belong_to_the_only_one(tmp_path):
    masks = make_masks(1)
    frames = [(None, k, plane) for _, k, plane in stored(masks)]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {4: "a"}, make_affine()))
    assert seg[4].sum() == masks.sum()
    with pytest.raises(dv.DicomviewError, match="must name one of 2 segments"):
        dv.segread(make_seg(tmp_path / "s.dcm", frames, {4: "a", 5: "b"}, make_affine()))


def test_no_frame_is_left_out_unsaid(tmp_path):
    """A series leaves frames out that have no place, or another orientation; a segmentation must not."""
    path = make_seg(tmp_path / "s.dcm", stored(make_masks(1)), {1: "a"}, make_affine())
    dataset = pydicom.dcmread(path)
    frame = dataset.PerFrameFunctionalGroupsSequence[1]
    frame.PlaneOrientationSequence = item(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    dataset.save_as(path)
    for series in (None, 0):
        with pytest.raises(SeriesError, match="must have one orientation"):
            dv.segread(path, series=series)
    del frame.PlaneOrientationSequence, frame.PlanePositionSequence
    dataset.save_as(path)
    with pytest.raises(SeriesError, match="no PlanePositionSequence"):
        dv.segread(path)
    dataset = pydicom.dcmread(make_seg(path, stored(make_masks(1)), {1: "a"}, make_affine()))
    dataset.InConcatenationTotalNumber = 3
    dataset.save_as(path)
    assert "one of 3 parts of a concatenation" in str(dv.segread(path).report)


def test_a_file_that_does_not_add_up_is_refused(tmp_path):
    frames = stored(make_masks(1))
    for elements, message in (
        ({"SegmentationType": "MANY"}, "BINARY, FRACTIONAL or LABELMAP, not MANY"),
        ({"SegmentationType": "FRACTIONAL"}, "MaximumFractionalValue"),
        ({"SegmentSequence": [*item(SegmentNumber=1), *item(SegmentNumber=1)]}, "same SegmentNumber"),
        ({"SegmentSequence": item(SegmentLabel="a")}, "s.dcm: the segments cannot be read"),
    ):
        path = make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), **elements)
        with pytest.raises(dv.DicomviewError, match=message):
            dv.segread(path)


def test_the_segmentation_of_a_folder_is_found_or_chosen(tmp_path, image):
    masks = make_masks(1)
    folder = tmp_path / "study"
    image(series=SERIES)
    make_seg(folder / "one.dcm", stored(masks), {1: "a"}, make_affine(), SeriesDescription="first")
    assert len(dv.segread([tmp_path / f"ct {SERIES}", folder])) == 1
    with pytest.raises(SeriesError, match="no segmentation or structure set is here"):
        dv.segread(tmp_path / f"ct {SERIES}")
    other = {"SeriesInstanceUID": "1.9", "SOPInstanceUID": "1.9.1", "SeriesDescription": "second"}
    make_seg(folder / "two.dcm", stored(masks), {1: "b"}, make_affine(), **other)
    with pytest.raises(
        SeriesError, match=r"2 segmentations are here \(one.dcm, two.dcm\): choose with series="
    ):
        dv.segread(folder)
    assert dv.segread(folder, series="second").segment(1).label == "b"
    assert dv.segread(folder, series="1.9").segment(1).label == "b"
    assert dv.segread(folder, series=dv.find_series(folder)[0]).segment(1).label == "a"
    other["SeriesInstanceUID"] = "1.2.3.7"
    make_seg(folder / "two.dcm", stored(masks), {1: "b"}, make_affine(), **other)
    with pytest.raises(SeriesError, match="name the file"):
        dv.segread(folder)


def test_a_segmentation_in_memory_is_read(tmp_path):
    path = make_seg(tmp_path / "s.dcm", stored(make_masks(1)), {1: "a"}, make_affine())
    assert dv.segread(path.read_bytes())["a"].sum() == make_masks(1).sum()
    assert dv.segread(io.BytesIO(path.read_bytes()))["a"].sum() == make_masks(1).sum()


def test_a_frame_that_names_two_segments_is_told(tmp_path):
    masks = make_masks(2)
    path = make_seg(tmp_path / "seg.dcm", stored(masks), {1: "a", 2: "b"}, make_affine())
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence += item(
        ReferencedSegmentNumber=2
    )
    dataset.save_as(path)
    (told,) = dv.segread(path).report.warnings
    assert (
        told == "SegmentIdentificationSequence (0062,000A) has several items in seg.dcm: the first is taken"
    )


# -- contours -----------------------------------------------------------------------------------------------


def make_structures(path, regions, frame=FRAME, **elements):
    """Write a structure set: {name: [(type, points), ...]}."""
    dataset = new_file(RTSTRUCT, "RTSTRUCT")
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    dataset.RTROIObservationsSequence = []
    for n, (name, contours) in enumerate(regions.items(), 1):
        dataset.StructureSetROISequence += item(
            ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID=frame, ROIGenerationAlgorithm="MANUAL"
        )
        outline = item(ReferencedROINumber=n, ROIDisplayColor=[10 * n, 20, 30])[0]
        outline.ContourSequence = [
            item(
                ContourGeometricType=kind,
                NumberOfContourPoints=len(points),
                ContourData=[f"{v:.8f}" for v in np.ravel(points)],
                ContourImageSequence=item(ReferencedSOPClassUID="1.2", ReferencedSOPInstanceUID="1.2.3.9"),
            )[0]
            for kind, points in contours
        ]
        if contours:
            dataset.ROIContourSequence += [outline]
        dataset.RTROIObservationsSequence += item(ReferencedROINumber=n, RTROIInterpretedType="ORGAN")
    series = item(SeriesInstanceUID=SERIES)
    study = item(RTReferencedSeriesSequence=series)
    dataset.ReferencedFrameOfReferenceSequence = item(
        FrameOfReferenceUID=frame, RTReferencedStudySequence=study
    )
    fill(dataset, elements)
    dataset.save_as(path)
    return path


CIRCLE = np.array([(np.sin(t), np.cos(t)) for t in np.linspace(0, 2 * np.pi, 360, endpoint=False)])
GRID = (5, 40, 50)


def outline(affine, k, polygon):
    """Return the patient positions of a polygon of (row, column) in a slice."""
    index = np.column_stack([np.full(len(polygon), k), polygon, np.ones(len(polygon))])
    return (index @ affine.T)[:, :3]


def brute_force(polygons, shape):
    """Return pixels whose centres have an odd number of edges on their right, edge by edge."""
    mask = np.zeros(shape, bool)
    r, c = np.indices(shape)
    for polygon in polygons:
        for (r0, c0), (r1, c1) in pairwise([*polygon, polygon[0]]):
            if r0 != r1:
                mask ^= ((r0 <= r) != (r1 <= r)) & (c < c0 + (r - r0) * (c1 - c0) / (r1 - r0))
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_polygons_are_filled_as_point_by_point(seed):
    """Self-crossing polygons, partly outside, with vertices on pixel centres."""
    random = np.random.default_rng(seed)
    polygons = [random.uniform(-4, 20, (9, 2)), random.integers(-2, 18, (7, 2)).astype(float)]
    np.testing.assert_array_equal(fill_even_odd(polygons, (16, 14)), brute_force(polygons, (16, 14)))
    assert not fill_even_odd([], (3, 4)).any()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_circle_a_square_and_rings_are_filled(tmp_path, image, orientation):
    affine = make_affine(orientation)
    mm = np.array([0.8, 0.6])
    center = np.array([20.2, 24.7])
    disc, hole = center + CIRCLE * 9.3 / mm, center + CIRCLE * 4.1 / mm
    keyhole = np.concatenate([disc, disc[:1], hole[:1], hole[::-1]])
    square = np.array([[4.5, 7.5], [4.5, 17.5], [10.5, 17.5], [10.5, 7.5]])
    closed = "CLOSED_PLANAR"
    regions = {
        "disc": [(closed, outline(affine, k, disc)) for k in (3, 1, 2)],
        "ring": [(closed, outline(affine, 2, hole)), (closed, outline(affine, 2, disc))],
        "xor": [("CLOSEDPLANAR_XOR", outline(affine, 2, p)) for p in (disc, hole)],
        "keyhole": [(closed, outline(affine, 2, keyhole))],
        "square": [(closed, outline(affine, 0, square))],
    }
    volume = image(orientation, shape=GRID)
    path = make_structures(tmp_path / "rs.dcm", regions)
    seg = dv.segread(path).on(volume)
    r, c = np.indices(GRID[1:])
    distance = np.hypot((r - center[0]) * mm[0], (c - center[1]) * mm[1])
    round_, ring = distance < 9.3, (distance < 9.3) & (distance >= 4.1)
    sure = (abs(distance - 9.3) > 0.01) & (abs(distance - 4.1) > 0.01)  # a polygon is no circle
    truth = places(volume.geometry, affine)
    for i, k in enumerate(truth):
        assert (seg["disc"][i] == (round_ if k in (1, 2, 3) else False))[sure].all()
        assert (seg["ring"][i] == (ring if k == 2 else False))[sure].all()
    np.testing.assert_array_equal(seg["ring"].array, seg["xor"].array)
    np.testing.assert_array_equal(seg["ring"].array, seg["keyhole"].array)
    assert seg["disc"].sum() / 3 * 0.48 == pytest.approx(np.pi * 9.3**2, rel=0.02)
    expected = np.zeros(GRID, bool)
    expected[0, 5:11, 8:18] = True
    np.testing.assert_array_equal(seg["square"].array, expected[truth])
    np.testing.assert_array_equal(seg["keyhole"][2], brute_force([keyhole], GRID[1:]))
    assert seg.report.warnings == () and seg["disc"].geometry is volume.geometry


def test_regions_are_described_with_their_contours(tmp_path, image):
    points = outline(make_affine(), 1, CIRCLE[::45] * 5 + 10)
    regions = {"Liver": [("CLOSED_PLANAR", points), ("POINT", points[:1])], "empty": []}
    path = make_structures(tmp_path / "rs.dcm", regions)
    seg = dv.segread(path)
    liver, empty = seg
    assert (liver.number, liver.label, liver.color) == (1, "Liver", (10, 20, 30))
    assert (liver.interpreted_type, liver.frame_of_reference_uid) == ("ORGAN", FRAME)
    assert seg.referenced_series_uids == (SERIES,) and seg.frame_of_reference_uid == FRAME
    first, second = seg.contours("liver")
    np.testing.assert_allclose(first.points, points, atol=1e-6)
    assert (first.geometric_type, first.image_uid) == ("CLOSED_PLANAR", "1.2.3.9")
    assert second.geometric_type == "POINT" and second.points.shape == (1, 3)
    assert seg.contours(empty) == [] and empty.color is None
    with pytest.raises(SegmentError, match=r"seg.on\(volume\)"):
        seg["Liver"]
    volume = image(shape=GRID)
    ready = dv.segread(path, reference=volume)
    assert ready["Liver"].any() and ready["empty"].shape == GRID and not ready["empty"].any()
    assert ready.contours("Liver")[0].points is first.points or len(ready.contours("Liver")) == 2
    assert "POINT enclose no area" in str(ready.report)
    assert np.unique(ready.labelmap()).tolist() == [0, 1]


@pytest.mark.usefixtures("named")
def test_the_plan_of_a_mask_says_which_slices_it_leaves_out(tmp_path, image):
    """Contours on every second slice: nothing is made up between them; and what lies outside is said."""
    affine = make_affine()
    polygon = CIRCLE[::30] * 5 + 12
    at = {k: ("CLOSED_PLANAR", outline(affine, k, polygon)) for k in (-3, 0, 2, 4)}
    edge = ("CLOSED_PLANAR", outline(affine, 1, polygon - (12, 0)))
    path = make_structures(tmp_path / "rs.dcm", {"a": list(at.values()), "edge": [edge]})
    seg = dv.segread(path).on(image(shape=GRID))
    assert np.flatnonzero(seg["a"].any(axis=(1, 2))).tolist() == [0, 2, 4]
    assert seg.report.warnings == (
        "'a': 1 of 4 contours lie above or below the volume",
        "'a': slices 1, 3 lie between contours and have no mask: nothing is interpolated",
        "'edge': contours reach beyond the edge of the image in slices 1",
    )
    assert seg["a"].report.warnings == seg.report.warnings[:2]
    assert seg["edge"].report.warnings == seg.report.warnings[2:]
    twice = seg.on(image(shape=GRID))
    assert twice.report.warnings == seg.report.warnings


@pytest.mark.usefixtures("named")
def test_contours_between_slices_belong_to_the_nearest_and_do_not_cancel(tmp_path, image):
    """Contours 1 mm apart on slices 2.5 mm apart: of several planes the nearest to a slice counts."""
    affine = make_affine()
    planes = np.arange(0, 10.1, 1) / 2.5
    sizes = {round(k, 3): 4 + k for k in planes}
    contours = [("CLOSED_PLANAR", outline(affine, k, CIRCLE[::10] * s + 18)) for k, s in sizes.items()]
    path = make_structures(tmp_path / "rs.dcm", {"a": contours[::-1]})
    seg = dv.segread(path).on(image(shape=GRID))
    for k, nearest in enumerate((0, 0.8, 2, 2.8, 4)):
        expected = fill_even_odd([CIRCLE[::10] * sizes[nearest] + 18], GRID[1:])
        np.testing.assert_array_equal(seg["a"][k], expected)
    assert seg.report.warnings == (
        "'a': 6 of 11 planes of contours have no mask: another is nearer to their slice",
    )


@pytest.mark.usefixtures("named")
def test_contours_across_the_slices_have_no_mask_there(tmp_path, image):
    polygon = CIRCLE[::30] * 5
    upright = np.column_stack([polygon[:, 0] - 10, np.full(len(polygon), -20), polygon[:, 1] + 16])
    flat = outline(make_affine(), 1, polygon + 10)
    regions = {"sagittal": [("CLOSED_PLANAR", upright)], "axial": [("CLOSED_PLANAR", flat)]}
    seg = dv.segread(make_structures(tmp_path / "rs.dcm", regions)).on(image(shape=GRID))
    assert seg["axial"].any() and "do not lie in slices of this volume" in str(seg.report)
    with pytest.raises(SegmentError, match="'sagittal' do not lie in slices"):
        seg["sagittal"]


def test_contours_follow_slices_that_are_unevenly_spaced(tmp_path):
    z = np.array([0, 2, 4, 9, 11.0])
    positions = np.column_stack([0 * z, 0 * z, z])
    geometry = dv.Geometry.from_attributes(
        (5, 20, 20), orientation=[1, 0, 0, 0, 1, 0], pixel_spacing=(1, 1), positions=positions
    )
    volume = dv.Volume(np.zeros((5, 20, 20)), geometry=geometry, meta={"FrameOfReferenceUID": FRAME})
    polygon = np.array([[4, 4], [4, 9], [12, 9], [12, 4]]) + 0.5
    contours = [("CLOSED_PLANAR", np.column_stack([polygon[:, ::-1], np.full(4, h)])) for h in z[:4]]
    seg = dv.segread(make_structures(tmp_path / "rs.dcm", {"a": contours})).on(volume)
    assert seg["a"].sum(axis=(1, 2)).tolist() == [40, 40, 40, 40, 0]
    assert seg["a"][3, 5:13, 5:10].all() and seg.report.warnings == ()


@pytest.mark.usefixtures("named")
def test_regions_of_another_frame_of_reference_are_refused_one_by_one(tmp_path, image):
    flat = outline(make_affine(), 1, CIRCLE[::30] * 5 + 10)
    regions = {"here": [("CLOSED_PLANAR", flat)], "there": [("CLOSED_PLANAR", flat)]}
    path = make_structures(tmp_path / "rs.dcm", regions)
    dataset = pydicom.dcmread(path)
    dataset.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "9.9.9"
    dataset.save_as(path)
    seg = dv.segread(path)
    assert seg.frame_of_reference_uid is None
    on = seg.on(image(shape=GRID))
    assert on["here"].any() and "'there' (2) and the volume must share" in str(on.report)
    with pytest.raises(GeometryError, match=r"is 9.9.9 and 1.2.3.4"):
        on["there"]
    with pytest.raises(GeometryError, match="frame of reference"):
        seg.on(image(shape=GRID, frame="7.7.7"))


def test_contours_too_long_for_their_type_are_read(tmp_path):
    """Of more than 64 kB the data is written as bytes of unknown type (UN)."""
    points = np.random.default_rng(0).uniform(-200, 200, (3000, 3))
    with pytest.warns(UserWarning, match="exceeds the size of 64 kByte"):
        path = make_structures(tmp_path / "rs.dcm", {"a": [("CLOSED_PLANAR", points)]})
    np.testing.assert_allclose(dv.segread(path).contours("a")[0].points, points, atol=1e-8)


@pytest.mark.usefixtures("named")
def test_regions_may_share_a_name_and_have_the_number_zero(tmp_path, image):
    flat = outline(make_affine(), 1, CIRCLE[::30] * 5 + 10)
    dataset = pydicom.dcmread(
        make_structures(tmp_path / "rs.dcm", {"a": [("CLOSED_PLANAR", flat)], "b": [("CLOSED_PLANAR", flat)]})
    )
    dataset.StructureSetROISequence[1].ROIName = "a"
    dataset.StructureSetROISequence[0].ROINumber = dataset.ROIContourSequence[0].ReferencedROINumber = 0
    dataset.save_as(tmp_path / "rs.dcm")
    seg = dv.segread(tmp_path / "rs.dcm", reference=image(shape=GRID))
    assert "1 names are those of several regions" in str(seg.report)
    np.testing.assert_array_equal(seg[0].array, seg[2].array)
    with pytest.raises(SegmentError, match=r"from 1 to 65535, which 'a' \(0\) has not"):
        seg.labelmap()


def test_contours_of_fewer_points_than_are_told_are_told(tmp_path):
    contours = [("POINT", [[1, 2, 3]]), ("CLOSED_PLANAR", [[1, 2, 3], [4, 5, 3], [4, 2, 3]])]
    path = make_structures(tmp_path / "rs.dcm", {"a": contours, "b": contours})
    assert dv.segread(path).report.warnings == ()
    dataset = pydicom.dcmread(path)
    dataset.ROIContourSequence[1].ContourSequence[1].NumberOfContourPoints = 9
    dataset.save_as(path)
    (told,) = dv.segread(path).report.warnings
    assert told.startswith("contours of region 2 do not have as many points as NumberOfContourPoints")


@pytest.mark.parametrize("data", ["1\\2", "1\\2\\abc", "1\\2\\1e999"])
@pytest.mark.usefixtures("named")
def test_broken_contours_name_their_region(tmp_path, data):
    path = make_structures(tmp_path / "rs.dcm", {"liver": [("POINT", [[1.25, 2, 3]])]})
    content = path.read_bytes()
    written = b"1.25000000\\2.00000000\\3.00000000"
    assert content.count(written) == 1
    path.write_bytes(content.replace(written, data.encode().ljust(len(written))))
    with pytest.raises(dv.DicomviewError, match=r"rs.dcm: ContourData \(3006,0050\) of region 'liver' \(1\)"):
        dv.segread(path)


# -- parametric maps and doses ------------------------------------------------------------------------------


def mapping(unit="mm2/s", label="ADC", **elements):
    code = item(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning="unit")
    return item(LUTLabel=label, MeasurementUnitsCodeSequence=code, **elements)


def make_map(path, frames, mappings, affine=None, pixels="PixelData", sop_class=MAP, **elements):
    """Write a parametric map; mappings for each frame, or one for all."""
    frames = np.asarray(frames)
    shared, per_frame = groups(
        make_affine() if affine is None else affine, None, [(None, k) for k in range(len(frames))]
    )
    if len(mappings) == 1:
        shared[0].RealWorldValueMappingSequence = mappings[0]
    else:
        for frame, maps in zip(per_frame, mappings):
            frame.RealWorldValueMappingSequence = maps
    dataset = new_file(
        sop_class,
        "MR",
        Rows=frames.shape[1],
        Columns=frames.shape[2],
        NumberOfFrames=len(frames),
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=8 * frames.itemsize,
        SharedFunctionalGroupsSequence=shared,
        PerFrameFunctionalGroupsSequence=per_frame,
    )
    if pixels == "PixelData":
        dataset.BitsStored, dataset.HighBit = 8 * frames.itemsize, 8 * frames.itemsize - 1
        dataset.PixelRepresentation = int(frames.dtype.kind == "i")
        dataset.PixelData = frames.tobytes()
        dataset["PixelData"].VR = "OW"
    else:
        setattr(dataset, pixels, frames.tobytes())
    fill(dataset, elements)
    dataset.save_as(path)
    return path


STORED = (make_voxels((3, 4, 6)) + 100).astype(np.uint16)


@pytest.mark.parametrize(
    ("pixels", "dtype"),
    [("PixelData", "<u2"), ("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")],
)
@pytest.mark.parametrize("each", [False, True])
def test_a_parametric_map_is_in_real_world_values(tmp_path, pixels, dtype, each):
    one = mapping(RealWorldValueSlope=0.25, RealWorldValueIntercept=-3.5)
    path = make_map(tmp_path / "m.dcm", STORED.astype(dtype), [one] * (3 if each else 1), pixels=pixels)
    vol = dv.volread(path)
    np.testing.assert_array_equal(vol.array, STORED * 0.25 - 3.5)
    assert vol.dtype == np.float32 and vol.unit == "mm2/s" and vol.report.warnings == ()
    assert vol.meta.RealWorldValueMappingSequence[0].LUTLabel == "ADC"
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)


def test_every_frame_of_a_map_has_a_mapping_of_its_own(tmp_path):
    maps = [mapping(RealWorldValueSlope=float(k + 1), RealWorldValueIntercept=0.5 * k) for k in range(3)]
    vol = dv.volread(make_map(tmp_path / "m.dcm", STORED, maps))
    k = np.arange(3)[:, None, None]
    np.testing.assert_array_equal(vol.array, STORED * (k + 1.0) + 0.5 * k)
    assert vol.unit == "mm2/s"


def test_a_map_may_have_a_table(tmp_path):
    table = mapping("1", RealWorldValueLUTData=[0.5, 1.5, -2.0], RealWorldValueFirstValueMapped=2)
    stored = np.array([[[1, 2, 3], [4, 5, 2]]], np.uint8)
    vol = dv.volread(make_map(tmp_path / "m.dcm", stored, [table]))
    np.testing.assert_array_equal(vol.array, [[[np.nan, 0.5, 1.5], [-2, np.nan, 0.5]]])
    assert vol.dtype == np.float32 and vol.unit == ""


def test_the_padding_of_a_map_is_mapped_too(tmp_path):
    one = mapping(RealWorldValueSlope=0.5, RealWorldValueIntercept=1.0)
    vol = dv.volread(make_map(tmp_path / "m.dcm", STORED, [one], PixelPaddingValue=40))
    assert vol.padding == (21, 21)


def test_alternative_mappings_are_not_applied_and_that_is_said(tmp_path):
    two = mapping(RealWorldValueSlope=2.0, RealWorldValueIntercept=0.0) + mapping(
        RealWorldValueSlope=4.0, RealWorldValueIntercept=0.0
    )
    vol = dv.volread(make_map(tmp_path / "m.dcm", STORED, [two]))
    np.testing.assert_array_equal(vol.array, STORED)
    assert vol.unit == "" and "exactly one item in RealWorldValueMappingSequence" in str(vol.report)


@pytest.mark.parametrize("keyword", ["RealWorldValueSlope", "RealWorldValueIntercept"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_mapping_that_is_not_finite_is_refused(tmp_path, keyword, value):
    one = mapping(**{"RealWorldValueSlope": 2.0, "RealWorldValueIntercept": 0.0, keyword: float(value)})
    with pytest.raises(dv.DicomviewError, match=rf"{keyword} \(0040,922\d\) must be finite"):
        dv.volread(make_map(tmp_path / "m.dcm", STORED, [one]))


def test_quantities_of_one_map_are_told_apart(tmp_path):
    maps = [
        mapping(unit, label, RealWorldValueSlope=1.0, RealWorldValueIntercept=0.0)
        for unit, label in (("mm2/s", "ADC"), ("ms", "T2"), ("ms", "T2"))
    ]
    vol = dv.volread(make_map(tmp_path / "m.dcm", STORED, maps))
    assert vol.unit == "" and "different quantities: ADC in mm2/s, T2 in ms" in str(vol.report)


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.4.1"])
def test_the_mapping_of_other_images_is_an_alternative(tmp_path, sop_class):
    one = mapping(RealWorldValueSlope=0.25, RealWorldValueIntercept=-3.5)
    vol = dv.volread(make_map(tmp_path / "m.dcm", STORED, [one], sop_class=sop_class))
    np.testing.assert_array_equal(vol.array, STORED)
    assert vol.unit != "mm2/s" and vol.report.warnings == ()


@pytest.mark.parametrize("unit", ["GY", "RELATIVE"])
@pytest.mark.parametrize(
    ("offsets", "order"),
    [
        ([0, 3, 6], [0, 1, 2]),
        ([0, -3, -6], [2, 1, 0]),
        ([12, 9, 6], [2, 1, 0]),
        ([12, 15, 18], [0, 1, 2]),
        (0, [0]),
        (12, [0]),
    ],
)
def test_a_dose_is_placed_by_its_offsets_and_has_a_unit(tmp_path, offsets, order, unit):
    frames = (np.arange(len(order) * 48).reshape(-1, 6, 8) * 70000).astype("<u4")
    dose = new_file(
        "1.2.840.10008.5.1.4.1.1.481.2",
        "RTDOSE",
        Rows=6,
        Columns=8,
        NumberOfFrames=len(frames),
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        PixelRepresentation=0,
        PixelSpacing=[2, 2.5],
        ImagePositionPatient=[-20, -30, 12],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        GridFrameOffsetVector=offsets,
        DoseGridScaling="1e-5",
        DoseUnits=unit,
        PixelData=frames.tobytes(),
    )
    dose["PixelData"].VR = "OW"
    dose.save_as(tmp_path / "dose.dcm")
    vol = dv.volread(tmp_path / "dose.dcm")
    assert vol.unit == unit and vol.report.warnings == ()
    np.testing.assert_allclose(vol.array, frames[order] * 1e-5, rtol=1e-6)
    first = {(0, -3, -6): 6, (12, 9, 6): 6}.get(tuple(np.atleast_1d(offsets).tolist()), 12)
    z = first + 3.0 * np.arange(len(order))
    np.testing.assert_allclose(vol.geometry.slice_positions, [[-20, -30, h] for h in z])
    assert vol.geometry.spacing[1:] == (2, 2.5)


# -- other readers, and files of other programs -------------------------------------------------------------


def test_highdicom_writes_what_is_read(tmp_path, image, write):
    pytest.importorskip("highdicom")
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom.sr.codedict import codes

    masks = make_masks(2)
    files = write("ct", make_voxels(SHAPE), make_affine("oblique"), series_uid=SERIES)
    sources = [pydicom.dcmread(file) for file in files]
    described = [
        SegmentDescription(n, label, codes.SCT.Organ, codes.SCT.Liver, "MANUAL")
        for n, label in ((1, "a"), (2, "b"))
    ]
    for kind in ("BINARY", "FRACTIONAL", "LABELMAP"):
        pixels = np.moveaxis(masks, 0, -1).astype(np.uint8)
        if kind == "LABELMAP":
            pixels = (masks[0] + 2 * (masks[1] & ~masks[0])).astype(np.uint8)
        made = Segmentation(
            sources, pixels, kind, described, "1.2.3.7", 1, "1.2.3.6", 1, "maker", "model", "1", "0"
        )  # fmt: skip
        made.save_as(tmp_path / f"{kind}.dcm")
        seg = dv.segread(tmp_path / f"{kind}.dcm", reference=dv.volread(files))
        second = masks[1] & ~masks[0] if kind == "LABELMAP" else masks[1]
        np.testing.assert_array_equal(seg["a"].array, masks[0])
        np.testing.assert_array_equal(seg["b"].array, second)
        assert seg.referenced_series_uids == (SERIES,)
        assert seg.segment("a").property_type == "Liver"


@needs_data
@pytest.mark.parametrize("name", ["liver", "partial_overlaps"])
def test_masks_of_another_program_agree_with_highdicom(name):
    highdicom = pytest.importorskip("highdicom")
    path = DATA / "ct_liver3_seg" / f"{name}.dcm"
    volume = dv.volread(DATA / "ct_liver3_seg" / "ct-3slice")
    seg = dv.segread(path, reference=volume)
    theirs = highdicom.seg.segread(path)
    uids = [source.sop_instance_uid for source in volume.sources]
    expected = theirs.get_pixels_by_source_instance(
        uids, assert_missing_frames_are_empty=True, ignore_spatial_locations=True
    )
    assert expected.any()
    for i, number in enumerate(theirs.segment_numbers):
        np.testing.assert_array_equal(seg[int(number)].array, expected[..., i] != 0)
        assert seg.segment(int(number)).label == theirs.get_segment_description(number).segment_label


@needs_data
def test_a_sparse_label_map_keeps_its_empty_slice():
    for name in ("sparse-labelmap-noppv", "sparse-labelmap-ppv5"):
        seg = dv.segread(DATA / "ct_liver3_seg" / f"{name}.dcm")
        assert [s.label for s in seg] == ["Background", "Liver"] and seg.geometry.spacing[0] == 2.5
        assert seg["Liver"].any(axis=(1, 2)).tolist() == [True, False, True]
        assert seg["Liver"].sum() == 630 and seg.labelmap().sum() == 630 and seg.report.warnings == ()


@needs_data
def test_a_structure_set_of_a_planning_program():
    seg = dv.segread(DATA / "rt_pydicom")
    assert [s.label for s in seg] == ["patient", "Isocenter 1", "Isocenter 2"]
    assert [s.interpreted_type for s in seg] == ["EXTERNAL", "ISOCENTER", "ISOCENTER"]
    assert seg.segment("patient").color == (220, 160, 120)
    assert [len(c.points) for c in seg.contours("patient")] == [5, 6, 6]
    assert {c.geometric_type for c in seg.contours(2)} == {"POINT"}
    dose = dv.volread(DATA / "rt_pydicom" / "rtdose.dcm")
    assert dose.unit == "RELATIVE" and dose.shape == (15, 10, 10)
    with pytest.raises(GeometryError, match="frame of reference"):
        seg.on(dose)
    z = [[-210, -210, h] for h in (-200, -190, -180)]
    geometry = dv.Geometry.from_attributes(
        (3, 41, 41), orientation=[1, 0, 0, 0, 1, 0], pixel_spacing=(10, 10), positions=z
    )
    meta = {"FrameOfReferenceUID": seg.frame_of_reference_uid}
    grid = dv.Volume(np.zeros((3, 41, 41)), geometry=geometry, meta=meta)
    mask = seg.on(grid)["patient"]
    assert mask.any(axis=(1, 2)).all()
    for k, contour in enumerate(seg.contours("patient")):
        polygon = (contour.points[:, 1::-1] + 210) / 10
        np.testing.assert_array_equal(mask[k], brute_force([polygon.tolist()], (41, 41)))


@needs_data
def test_contours_on_slices_of_a_turned_scanner(tmp_path):
    volume = dv.volread(DATA / "rt_utils_oriented")
    polygon = CIRCLE[::15] * (12.25, 20.5) + (24.3, 50.6)
    points = volume.geometry.position(np.column_stack([np.full(len(polygon), 1), polygon]))
    path = make_structures(tmp_path / "rs.dcm", {"a": [("CLOSED_PLANAR", points)]})
    mask = dv.segread(path).on(volume)["a"]
    np.testing.assert_array_equal(mask[1], brute_force([polygon.tolist()], volume.shape[1:]))
    assert not mask[[0, 2]].any()


def test_frames_of_one_segment_at_one_position_are_told(tmp_path):
    plane = np.eye(8, 10, dtype=np.uint8)
    frames = [(1, 0, plane), (2, 0, plane), (1, 1, plane), (1, 1, plane)]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a", 2: "b"}, make_affine()))
    assert seg.report.warnings == (
        "frames 3 and 4 are of one segment at one position: where they differ there is no mask",
    )
    frames = [(None, k, p) for _, k, p in frames[1:]]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine(), "LABELMAP"))
    assert "frames 2 and 3 are" in str(seg.report)


def test_segments_without_frames_and_frames_without_segment_are_told(tmp_path):
    frames = stored(make_masks(1))
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a", 7: "none"}, make_affine()))
    assert seg.report.warnings == ("segments 7 have no frames: their masks are empty",)
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {1: "a"}, make_affine()))
    assert seg.report.warnings == ()
    frames = [(None, k, plane) for _, k, plane in frames]
    seg = dv.segread(make_seg(tmp_path / "s.dcm", frames, {4: "a"}, make_affine()))
    assert f"{len(frames)} frames name no segment" in str(seg.report)
