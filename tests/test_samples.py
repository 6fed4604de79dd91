"""The samples: phantoms agree with their closed form, files agree with the phantoms, sides are right."""

import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

import dicomview as dv
from dicomview import samples
from dicomview.samples import (
    Ellipsoid,
    Folds,
    Phantom,
    Tube,
    head_ct,
    head_phantom,
    knee_mr,
    knee_phantom,
    write_series,
)

PHANTOMS = {"head": head_phantom, "knee": knee_phantom}


def centers(affine, k, rows, columns):
    """LPS centres of the voxels of slice k, (rows * columns, 3)."""
    r, c = np.mgrid[:rows, :columns]
    index = np.stack([np.full(r.size, k), r.ravel(), c.ravel(), np.ones(r.size)])
    return (affine @ index)[:3].T


def voxel(phantom, point):
    """Index of the voxel nearest to a point, as a tuple of integers."""
    return tuple(int(i) for i in np.rint(np.linalg.solve(phantom.affine, [*point, 1]))[:3])


def decode(path):
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array.astype(float)
    return dataset, pixels * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))


def plane_affine(dataset):
    """Columns row step, column step, position, from the standard's formula (C.7.6.2.1.1)."""
    along_row, along_column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
    between_rows, between_columns = map(float, dataset.PixelSpacing)
    position = np.array(dataset.ImagePositionPatient, float)
    return np.column_stack([along_column * between_rows, along_row * between_columns, position])


@pytest.fixture(scope="module")
def head_folder(tmp_path_factory):
    return head_ct(tmp_path_factory.mktemp("head"))


@pytest.fixture(scope="module")
def knee_folder(tmp_path_factory):
    return knee_mr(tmp_path_factory.mktemp("knee"))


# Phantoms


@pytest.mark.parametrize(
    ("name", "k"), [("head", 10), ("head", 22), ("head", 36), ("head", 66), ("knee", 3), ("knee", 13)]
)
def test_voxels_are_truth_plus_bounded_noise(name, k):
    phantom = PHANTOMS[name]()
    truth = phantom.values(centers(phantom.affine, k, *phantom.shape[1:])).reshape(phantom.shape[1:])
    error = phantom.slice(k) - truth
    assert np.abs(error).max() <= phantom.bound
    assert abs(error.mean()) < 0.05 * phantom.noise
    assert error.std() == pytest.approx(0.31 * phantom.noise, rel=0.1)


@pytest.mark.parametrize(
    ("name", "k", "digest"),
    [
        ("head", 36, "48ab8af7ce09bb91ab2083b0c68d1c9e27e788d8e62c9cc698e9ae2c366f08c4"),
        ("head", 18, "87426a3d7bd26a619a829c310fb8c5b617b532f4d8e48e878fdce87bec8d7526"),
        ("knee", 13, "f9d1e072c6658d1c122218a1659a29e2232fd2ae6962c38e9ecf8b37f5d5508c"),
    ],
)
def test_voxels_never_change(name, k, digest):
    data = PHANTOMS[name]().slice(k).astype("<i2").tobytes()
    assert hashlib.sha256(data).hexdigest() == digest


@pytest.mark.parametrize("name", PHANTOMS)
def test_landmarks_have_their_values_in_the_closed_form_and_in_the_voxels(name):
    phantom = PHANTOMS[name]()
    for position, value in phantom.landmarks.values():
        assert phantom.values([position]).tolist() == [value]
    # A landmark may be smaller than a slice is thick; those within large bodies must show.
    for key in {"head": ["haemorrhage"], "knee": ["patella", "fibula", "femur", "tibia"]}[name]:
        position, value = phantom.landmarks[key]
        k, r, c = voxel(phantom, position)
        assert abs(phantom.slice(k)[r, c] - value) <= phantom.bound


def test_haemorrhage_is_in_the_left_hemisphere_only():
    head = head_phantom()
    (x, y, z), value = head.landmarks["haemorrhage"]
    assert x > 0
    assert value == 70
    assert head.values([(-x, y, z)])[0] < 45
    k, r, c = voxel(head, (x, y, z))
    image = head.slice(k)
    assert c > 256  # left of the patient is right in the image
    patch = np.s_[r - 6 : r + 7, c - 6 : c + 7]
    assert image[patch].mean() == pytest.approx(70, abs=1.5)
    assert image[:, ::-1][patch].mean() < 45


def test_head_faces_forward_and_stands_upright():
    head = head_phantom()
    nose, left_eye, right_eye = (head.landmarks[n][0] for n in ("nose", "left_lens", "right_lens"))
    assert nose[1] < left_eye[1] < 0
    assert left_eye[0] == -right_eye[0] > 0
    low = head.values([(0, y, nose[2]) for y in np.arange(-112, 110.0)]) > -500
    assert np.flatnonzero(low)[0] == pytest.approx(np.floor(nose[1]) + 112, abs=2)  # tip of the nose
    assert nose[2] < left_eye[2] < head.landmarks["vertex"][0][2]
    above_bottom, below_top = head.slice(2), head.slice(65)
    assert (above_bottom > -500).sum() > 8 * (below_top > -500).sum()  # the vertex is small, the neck is not
    assert head.affine[2, 0] > 0


def test_knee_is_a_right_knee_in_the_stated_order():
    knee = knee_phantom()
    assert knee.affine[0, 0] > 0 > knee.affine[2, 1]
    assert knee.affine[1, 2] > 0
    fibula, patella = knee.landmarks["fibula"][0], knee.landmarks["patella"][0]
    assert fibula[0] < -20  # lateral of a right knee is to the right
    assert patella[1] < -30
    assert knee.landmarks["tibia"][0][2] < 0 < knee.landmarks["femur"][0][2]
    k, r, c = voxel(knee, fibula)
    assert k < 6
    assert r > 160  # below the joint
    assert c > 160  # posterior
    k, r, c = voxel(knee, patella)
    assert r < 160
    assert c < 100
    # Bright marrow within dark cortex, from the front of the patella backwards.
    profile = knee.values([(patella[0], y, patella[2]) for y in np.arange(-52, patella[1], 0.25)])
    assert profile.min() < 100 < 600 < profile[-1]


def test_later_bodies_cover_earlier_ones():
    bodies = (Ellipsoid((0, 0, 0), (9, 9, 9), 10), Tube((0, 0, 0), (8, 0, 0), (2, 1), 20))
    phantom = Phantom("x", "CT", (1, 1, 1), np.eye(4), -5, bodies, 0)
    assert phantom.values([(0, 5, 0), (5, 0, 0), (20, 0, 0)]).tolist() == [10, 20, -5]


def test_ellipsoids_turn_right_handed_and_widen_backwards():
    def inside(body, *points):
        return [
            v == 1 for v in Phantom("x", "CT", (1, 1, 1), np.eye(4), 0, (body,), 0).values(points).tolist()
        ]

    about_z = Ellipsoid((1, 2, 3), (10, 2, 2), 1, rotation=(0, 0, 90))  # x axis goes to y
    assert inside(about_z, (1, 10, 3), (9, 2, 3)) == [True, False]
    about_x = Ellipsoid((0, 0, 0), (2, 10, 2), 1, rotation=(30, 0, 0))
    assert inside(about_x, (0, 7, 4), (0, 7, -4)) == [True, False]
    about_y = Ellipsoid((0, 0, 0), (10, 2, 2), 1, rotation=(0, 30, 0))
    assert inside(about_y, (7, 0, -4), (7, 0, 4)) == [True, False]
    axes = np.array(Ellipsoid((0, 0, 0), (1, 1, 1), 1, rotation=(20, -50, 130)).axes)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-11)
    assert np.linalg.det(axes) == pytest.approx(1)
    egg = Ellipsoid((0, 0, 0), (10, 10, 10), 1, egg=0.3)
    assert inside(egg, (9, 5, 0), (9, -5, 0)) == [True, False]
    half = Ellipsoid((0, 0, 0), (10, 10, 10), 1, clips=((0.6, 0.8, 0, 2),))
    assert inside(half, (-5, 0, 0), (0, 1.5, 0), (5, 0, 0), (0, 4, 0)) == [True, True, False, False]


@pytest.mark.parametrize("seed", range(3))
def test_boxes_never_cut_a_body_off_even_on_an_oblique_grid(seed):
    rng = np.random.default_rng(seed)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = q * [4, 1.1, 0.9]
    affine[:3, 3] = -affine[:3, :3] @ [6, 24, 25]
    turn = tuple(rng.uniform(-180, 180, 3))
    clip = (*(rng.normal(size=3) @ q), 3.0)
    body = Ellipsoid((1, -2, 3), (20, 9, 14), 100, rotation=turn, egg=0.3, clips=(clip,))
    bodies = (
        body,
        Folds(Ellipsoid((9, 5, 3), (9, 12, 11), 50, rotation=turn), 80, 10, 8.0, 5.0, 2.0, 0.5, seed),
        Tube((-8, 2, -9), (12, -9, 14), (6, 2), 70, width=1.7),
        Ellipsoid((-4, 3, 2), (17, 0.7, 12), -400, rotation=turn, edge=1.5),  # thinner than its edge
    )
    phantom = Phantom("oblique", "CT", (13, 48, 50), affine, -30, bodies, 0)
    for k in (0, 5, 6, 8, 12):
        slow = np.full(48 * 50, -30.0)
        for each in bodies:  # without any box
            each.paint(slow, *centers(affine, k, 48, 50).T)
        assert np.abs(phantom.slice(k).ravel() - slow).max() <= 0.5 + 1e-6


def test_slice_outside_is_an_error():
    with pytest.raises(IndexError, match="27"):
        knee_phantom().slice(27)


# Files


@pytest.mark.parametrize("name", PHANTOMS)
def test_files_hold_the_phantom(name, request):
    folder, phantom = request.getfixturevalue(f"{name}_folder"), PHANTOMS[name]()
    files = sorted(folder.iterdir())
    assert len(files) == phantom.shape[0]
    for k in (0, 1, phantom.shape[0] // 2, phantom.shape[0] - 1):
        dataset, values = decode(files[k])
        np.testing.assert_array_equal(values, phantom.slice(k))
        expected = phantom.affine[:3, [1, 2, 3]] + [[0, 0, k * step] for step in phantom.affine[:3, 0]]
        np.testing.assert_allclose(plane_affine(dataset), expected, atol=1e-9)
        assert dataset.InstanceNumber == k + 1
    headers = [pydicom.dcmread(f, stop_before_pixels=True) for f in files]
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        assert len({h[keyword].value for h in headers}) == 1
    assert len({h.SOPInstanceUID for h in headers}) == len(files)


def test_head_header(head_folder):
    dataset, _ = decode(head_folder / "IM0036.dcm")
    assert (dataset.Modality, dataset.SOPClassUID.name) == ("CT", "CT Image Storage")
    assert dataset.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"
    assert dataset.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert (dataset.BitsStored, dataset.PixelRepresentation, dataset.RescaleIntercept) == (12, 0, -1024)
    assert list(dataset.WindowCenter) == [40, 600]
    assert list(dataset.WindowWidth) == [80, 2800]
    assert list(dataset.WindowCenterWidthExplanation) == ["BRAIN", "BONE"]
    assert (str(dataset.PatientName), dataset.PatientID, dataset.PatientSex) == (
        "Sample^Head",
        "SAMPLE-HEAD",
        "O",
    )
    assert dataset.pixel_array.max() < 4096


def test_knee_header(knee_folder):
    dataset, _ = decode(knee_folder / "IM0013.dcm")
    assert (dataset.Modality, dataset.SOPClassUID.name) == ("MR", "MR Image Storage")
    assert dataset.ImageOrientationPatient == [0, 1, 0, 0, 0, -1]
    assert dataset.Laterality == "R"
    assert "RescaleSlope" not in dataset


def test_oblique_sheared_series_reads_back(tmp_path):
    rng = np.random.default_rng(1)
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, 1], affine[:3, 2] = q[:, 1] * 0.7, q[:, 2] / 3
    affine[:3, 0] = q[:, 0] * 4.1 + q[:, 1] * 1.3  # a tilted gantry
    affine[:3, 3] = [-123.456789012345, 1e-7, 98.7654321]
    array = rng.integers(-1000, 1000, (5, 6, 7)) * 0.5
    numbers = [3, 1, 5, 2, 4]
    names = [f"{c}.ima" for c in "edcba"]
    paths = write_series(
        tmp_path / "new" / "folder",
        array,
        affine,
        slope=0.5,
        intercept=10,
        instance_numbers=numbers,
        names=names,
    )
    assert [p.name for p in paths] == names
    for k, path in enumerate(paths):
        dataset, values = decode(path)
        assert dataset.InstanceNumber == numbers[k]
        assert dataset.PixelRepresentation == 1
        np.testing.assert_array_equal(values, array[k])
        expected = np.column_stack([affine[:3, 1], affine[:3, 2], affine[:3, 3] + k * affine[:3, 0]])
        np.testing.assert_allclose(plane_affine(dataset), expected, atol=1e-10)
        for element in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            assert all(len(str(v)) <= 16 for v in dataset[element].value)
    assert float(dataset.SliceThickness) == pytest.approx(4.1)


def test_uids_elements_and_modality(tmp_path):
    array = np.arange(12).reshape(3, 2, 2)
    common = {"modality": "MR", "slope": 2, "intercept": -4, "bits_stored": 10, "signed": True}
    paths = write_series(
        tmp_path / "a",
        array * 2,
        np.eye(4),
        **common,
        study_uid="1.2.3",
        series_uid="1.2.4",
        frame_of_reference_uid="1.2.5",
        elements=lambda i: {"EchoTime": 10 * i, "PatientID": None, "TemporalPositionIdentifier": i + 1},
    )
    for i, path in enumerate(paths):
        dataset, values = decode(path)
        np.testing.assert_array_equal(values, array[i] * 2)
        assert (dataset.EchoTime, dataset.TemporalPositionIdentifier) == (10 * i, i + 1)
        assert not dataset.PatientID
        assert (dataset.StudyInstanceUID, dataset.SeriesInstanceUID) == ("1.2.3", "1.2.4")
        assert dataset.FrameOfReferenceUID == "1.2.5"
        assert (dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation) == (10, 9, 1)
    again = write_series(tmp_path / "b", array, np.eye(4), elements={"SeriesNumber": 7})
    other = write_series(tmp_path / "c", array, np.eye(4), description="Other")
    uids = [pydicom.dcmread(p[0]).SeriesInstanceUID for p in (paths, again, other)]
    assert len(set(uids)) == 3
    assert pydicom.dcmread(again[2]).SeriesNumber == 7
    before = again[1].read_bytes()
    write_series(tmp_path / "b", array, np.eye(4), elements={"SeriesNumber": 7})
    assert again[1].read_bytes() == before


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (0.5, {}, "integer"),
        (3, {"slope": 2}, "integer"),
        (70000, {}, "fit"),
        (-1, {"signed": False}, "fit"),
        (4096, {"bits_stored": 12}, "fit"),
        (np.nan, {}, "finite"),
        (0, {"slope": 0}, "slope"),
        (0, {"bits_stored": 17}, "bits_stored"),
        (0, {"modality": "US"}, "modality"),
        (0, {"instance_numbers": [1]}, "instance numbers"),
        (0, {"names": ["a", "a"]}, "names"),
    ],
)
def test_what_cannot_be_written_exactly_is_an_error(tmp_path, value, options, message):
    with pytest.raises(ValueError, match=message):
        write_series(tmp_path / "x", np.full((2, 2, 2), value), np.eye(4), **options)
    assert not (tmp_path / "x").exists()


def test_skewed_rows_and_columns_are_an_error(tmp_path):
    affine = np.eye(4)
    affine[1, 2] = 0.1
    with pytest.raises(ValueError, match="orthogonal"):
        write_series(tmp_path, np.zeros((1, 2, 2)), affine)


# The cache


def test_cache_is_written_once_and_whole(tmp_path, monkeypatch):
    calls = []

    def write(folder, *args, **options):
        calls.append(Path(folder))
        assert not (tmp_path / "dicomview" / "samples" / "knee-mr-v1").exists()
        return write_series(folder, *args, **options)

    monkeypatch.setattr("platformdirs.user_cache_path", lambda app: tmp_path / app)
    monkeypatch.setattr("dicomview.samples.library.write_series", write)
    folder = knee_mr()
    assert folder == tmp_path / "dicomview" / "samples" / "knee-mr-v1"
    assert len(list(folder.iterdir())) == 27
    assert knee_mr() == folder
    assert len(calls) == 1
    assert [p.name for p in folder.parent.iterdir()] == ["knee-mr-v1"]  # no temporary folder left


def test_cache_survives_a_rival_and_a_failure(tmp_path, monkeypatch):
    target = tmp_path / "dicomview" / "samples" / "knee-mr-v1"

    def rival(folder, phantom, options):
        (folder / "mine").touch()
        target.mkdir()
        (target / "theirs").touch()

    def failure(folder, phantom, options):
        raise OSError("disk full")

    monkeypatch.setattr("platformdirs.user_cache_path", lambda app: tmp_path / app)
    monkeypatch.setattr("dicomview.samples.library._write", failure)
    with pytest.raises(OSError, match="disk full"):
        knee_mr()
    assert list(target.parent.iterdir()) == []
    monkeypatch.setattr("dicomview.samples.library._write", rival)
    assert knee_mr() == target
    assert [p.name for p in target.iterdir()] == ["theirs"]
    assert list(target.parent.iterdir()) == [target]


def test_public_names_are_sorted_and_exist():
    assert samples.__all__ == sorted(samples.__all__)
    assert all(hasattr(samples, name) for name in samples.__all__)


# Tracers: a perfusion and a PET of the same head

PASSED = {
    "artery": (43, -8, 27),
    "grey": (-24, -7, 30),
    "vein": (-1.7, 74.3, 45),
    "haemorrhage": (27, -2, 34),
}


@pytest.fixture(scope="module")
def perfusion(tmp_path_factory):
    return dv.volread(samples.head_perfusion(tmp_path_factory.mktemp("perfusion")))


@pytest.fixture(scope="module")
def pet(tmp_path_factory):
    return dv.volread(samples.head_pet(tmp_path_factory.mktemp("pet")))


def at(volume, point):
    """Mean of the 27 voxels around a point, for every frame."""
    k, r, c = (round(i) for i in volume.geometry.index(point))
    around = np.asarray(volume.array)[..., max(k - 1, 0) : k + 2, r - 1 : r + 2, c - 1 : c + 2]
    return around.mean(axis=(-3, -2, -1))


def test_the_scans_of_the_head_belong_together(head_folder, perfusion, pet):
    head = dv.volread(head_folder)
    for other in (perfusion, pet):
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
            assert other.meta[keyword] == head.meta[keyword]
        assert other.meta.SeriesInstanceUID != head.meta.SeriesInstanceUID
        assert other.report.warnings == ()


def test_contrast_medium_passes(perfusion):
    assert perfusion.dims == ("time", "slice", "row", "column") and perfusion.shape == (24, 10, 128, 128)
    (time,) = perfusion.dimensions
    assert (time.unit, time.values) == ("s", tuple(2.0 * i for i in range(24)))
    curves = {name: at(perfusion, point) - at(perfusion, point)[0] for name, point in PASSED.items()}
    peaks = {name: time.values[int(np.argmax(curve))] for name, curve in curves.items()}
    assert peaks["artery"] < peaks["grey"] <= peaks["vein"]
    assert abs(peaks["artery"] - 13) <= 2 and abs(peaks["vein"] - 20) <= 2
    assert curves["artery"].max() > 2 * curves["grey"].max() > 15
    assert np.abs(curves["haemorrhage"]).max() < 3  # the noise of 27 voxels


def test_glucose_is_taken_up(pet):
    assert pet.meta.Modality == "PT" and pet.unit == "BQML"
    suv = pet.suv()
    assert at(suv, (-46, 12, -44)) == pytest.approx(13, abs=1)  # the node
    assert 5 < at(suv, (-24, -7, 30)) < 9  # grey matter
    assert at(suv, (27, -2, 34)) < 1 and at(suv, (110, -110, 0)) == pytest.approx(0, abs=0.05)


def test_the_scatter_of_the_counts_is_bounded(pet):
    to_suv = 70_000 / (370e6 * 2 ** (-3600 / 6586.2))  # g/Bq
    activity = samples.tracer.uptake() / to_suv
    error = pet.array - activity
    assert (np.abs(error) <= 20 * np.sqrt(activity) + 0.5).all()
    assert abs(error[activity > 10_000].mean()) < 20


def test_what_the_standard_demands_of_a_pet_is_there():
    dataset = pydicom.dcmread(next(dv.samples.head_pet().iterdir()), stop_before_pixels=True)
    # PS3.3 C.8.9: type 1 and 2, and 1C where the decay is corrected.
    for keyword in (
        "SeriesDate", "SeriesTime", "Units", "CountsSource", "SeriesType", "NumberOfSlices", "CorrectedImage",
        "DecayCorrection", "CollimatorType", "FrameReferenceTime", "AcquisitionDate", "AcquisitionTime",
        "ActualFrameDuration", "DecayFactor", "ImageIndex", "RescaleIntercept", "RescaleSlope",
        "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence",
    ):  # fmt: skip
        assert keyword in dataset, keyword
    (tracer,) = dataset.RadiopharmaceuticalInformationSequence
    assert tracer.RadionuclideCodeSequence[0].CodeMeaning == "^18^Fluorine"
