"""Volume, Image and Meta as arrays, as headers, as text."""

import pickle

import numpy as np
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.errors import GeometryError
from dicomview.volume import Report


@pytest.fixture
def vol():
    return dv.Volume.from_array(make_voxels(), affine=make_affine("sagittal"), meta={"Modality": "MR"})


def test_it_is_used_like_an_array(vol):
    array = make_voxels()
    np.testing.assert_array_equal(np.asarray(vol), array)
    np.testing.assert_array_equal(vol[2, :, ::2], array[2, :, ::2])
    np.testing.assert_array_equal(vol - vol.mean(), array - array.mean())
    np.testing.assert_array_equal(2 * vol > 10, 2 * array > 10)
    np.testing.assert_array_equal(np.clip(vol, 0, 5), array.clip(0, 5))
    assert type(vol + 1) is np.ndarray and type(vol[0]) is np.ndarray
    assert (vol.max(), np.percentile(vol, 50), len(vol), vol.ndim, vol.size) == (379, 139.5, 6, 3, 480)
    assert np.asarray(vol, dtype=np.float32).dtype == np.float32
    assert np.asarray(vol) is vol.array
    with pytest.raises(AttributeError, match="Volume has no attribute 'nonsense'"):
        _ = vol.nonsense


def test_place(vol):
    assert vol.sampling == pytest.approx((3, 0.8, 0.6)) == vol.meta.sampling
    assert vol.shape == vol.meta.shape == (6, 8, 10)
    assert vol.fov == pytest.approx((18, 6.4, 6))
    assert vol.plane_axes == {"axial": 1, "coronal": 2, "sagittal": 0}
    # of the plain array slices vol[k], vol[:, r], vol[:, :, c]
    assert vol.aspect("sagittal") == vol.aspect(0) == pytest.approx(0.8 / 0.6)
    assert vol.aspect("axial") == vol.aspect(1) == pytest.approx(3 / 0.6)
    assert vol.aspect("coronal") == vol.aspect(2) == pytest.approx(3 / 0.8)


def test_what_is_not_known_is_none():
    vol = dv.Volume.from_array(np.zeros((3, 4, 5)))
    assert vol.sampling is None and vol.fov is None and vol.aspect("axial") is None
    assert vol.geometry.affine is None and vol.meta.sampling is None
    assert "spacing unknown" in repr(vol)


@pytest.mark.parametrize(
    ("shape", "dtype", "dims"),
    [
        ((4, 5), float, ("slice", "row", "column")),
        ((3, 4, 5), bool, ("slice", "row", "column")),
        ((7, 3, 4, 5), float, ("frame", "slice", "row", "column")),
        ((2, 7, 3, 4, 5), float, ("dim0", "dim1", "slice", "row", "column")),
        ((3, 4, 5, 3), np.uint8, ("slice", "row", "column", "rgb")),
    ],
)
def test_any_array_becomes_a_volume(shape, dtype, dims):
    vol = dv.Volume.from_array(np.zeros(shape, dtype))
    assert vol.dims == dims
    frame = vol.frame([0] * len(vol.extra_dims))
    assert frame.shape[:3] == vol.geometry.shape


def test_impossible_volumes_are_refused():
    with pytest.raises(GeometryError, match="at least 2 dimensions"):
        dv.Volume.from_array(np.zeros(3))
    with pytest.raises(GeometryError, match="either sampling or affine"):
        dv.Volume.from_array(np.zeros((3, 3, 3)), sampling=(1, 1, 1), affine=np.eye(4))
    with pytest.raises(GeometryError, match="positive lengths"):
        dv.Volume.from_array(np.zeros((3, 3, 3)), sampling=(1, 0, 1))
    with pytest.raises(GeometryError, match="its geometry"):
        dv.Volume(np.zeros((3, 3, 3)), geometry=dv.Geometry((3, 3, 4)))
    with pytest.raises(GeometryError, match="dims must name"):
        dv.Volume.from_array(np.zeros((3, 3, 3)), dims=("row", "slice", "column"))


def test_missing_slices_and_padding_do_not_count_in_the_window():
    array = np.linspace(0, 1000, 3 * 50 * 50).reshape(3, 50, 50)
    array[1], array[:, 0] = -9999, -2000
    vol = dv.Volume(
        array, geometry=dv.Geometry((3, 50, 50)), report=Report(missing=(1,)), padding=(-2000, -2000)
    )
    low, high = vol.default_window.limits
    assert 0 <= low < 20 and 980 < high <= 1000


def test_text_says_what_it_is_and_hides_who(write):
    files = write(
        "s", elements={"PatientName": "Doe^Jane", "PatientBirthDate": "19700101", "OperatorsName": "Roe"}
    )
    vol, im = dv.volread(files), dv.imread(files[0])
    shown = repr(vol) + vol._repr_html_() + repr(vol.meta) + vol.meta._repr_html_() + repr(im) + str(im.meta)
    assert "6 × 8 × 10" in shown and "2.5 × 0.8 × 0.6 mm" in shown and "data:image/png;base64" in shown
    assert "PatientName: (hidden)" in shown
    for secret in ("Doe", "Jane", "19700101", "Roe"):
        assert secret not in shown
    assert vol.meta.PatientName == "Doe^Jane" == vol.meta["PatientName"]
    dv.options.show_patient = True
    try:
        assert "Doe^Jane" in repr(vol.meta)
    finally:
        dv.options.show_patient = False


def test_text_from_files_is_escaped_and_cut():
    nasty = "<script>alert(1)</script>\x1b[31m" + "x" * 100
    vol = dv.Volume.from_array(np.zeros((3, 4, 5)), meta={"SeriesDescription": nasty, "Modality": "CT"})
    assert "<script>" not in vol._repr_html_() and "\x1b" not in repr(vol) and "x" * 60 not in repr(vol)


def test_meta_is_a_dictionary_with_attributes(write):
    meta = dv.imread(write("s")[0]).meta
    assert meta.PatientSex == "O" and "StudyDate" in meta and "Rows" in dir(meta)
    assert isinstance(meta.PixelSpacing, list) and type(meta.PixelSpacing[0]) is float
    assert type(meta.InstanceNumber) is int and isinstance(meta, dict)
    assert meta.sampling == (0.8, 0.6) and meta.shape == (8, 10)
    with pytest.raises(AttributeError, match="no element 'Nonsense'"):
        _ = meta.Nonsense
    assert pickle.loads(pickle.dumps(meta)) == meta


def test_unknown_options_are_refused():
    with pytest.raises(AttributeError):
        dv.options.show_patients = True
