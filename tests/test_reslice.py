"""Desheared volumes against linear phantoms, whose every value is known at every place."""

import numpy as np
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels

import dicomview as dv
from dicomview.errors import GeometryError
from dicomview.geometry import Geometry, deshear
from dicomview.volume import Report

PLANE = np.array([0.7, -1.3, 2.1, 40.0])  # a x + b y + c z + d


def positions(affine, shape):
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return index @ affine[:3, :3].T + affine[:3, 3]


def linear(affine, shape):
    return positions(affine, shape) @ PLANE[:3] + PLANE[3]


def sheared(rows, columns, *, rotated=False):
    """An affine whose slices move by so many rows and columns from one to the next."""
    affine = make_affine("axial")
    affine[:3, 0] += rows * affine[:3, 1] + columns * affine[:3, 2]
    if rotated:
        q, _ = np.linalg.qr(np.random.RandomState(3).normal(size=(3, 3)))
        affine[:3] = q @ affine[:3]
    return affine


def full(geometry, shape, affine):
    """Whether a voxel of the new grid lies between voxels of the old one."""
    index = geometry.index(positions(affine, shape))
    return ((index > -1e-9) & (index < np.array(geometry.shape) - 1 + 1e-9))[..., 1:].all(axis=-1)


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize(
    ("rows", "columns"), [(0.9375, 0), (-1.37, 0), (0.5, 0.5), (0, 2), (0.31, -0.77), (-0.5, 3.3)]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_a_linear_phantom_stays_linear(rows, columns, rotated, dtype):
    shape = (9, 20, 16)
    affine = sheared(rows, columns, rotated=rotated)
    values = linear(affine, shape)
    scale = 1 if dtype != np.int16 else 30000 / abs(values).max()
    vol = dv.Volume.from_array(
        (values * scale).round(0 if dtype == np.int16 else 12).astype(dtype), affine=affine
    )
    assert vol.geometry.tilt > 0
    straight = vol.desheared()
    assert straight.geometry.tilt == 0 and straight.dtype == dtype
    grid = straight.geometry.affine
    np.testing.assert_allclose(grid[:3, 1:3], affine[:3, 1:3])
    np.testing.assert_allclose(np.cross(grid[:3, 0], vol.geometry.normal), 0, atol=1e-12)
    inside = full(vol.geometry, straight.shape, grid)
    assert inside.sum() >= 9 * 19 * 15
    truth = linear(grid, straight.shape) * scale
    error = abs(straight.array - truth)[inside].max()
    span = np.ptp(values * scale)
    # half a unit of the phantom and half a unit of the result
    allowed = {np.float64: 1e-12 * span, np.float32: 1e-6 * span, np.int16: 1.001}[dtype]
    assert error < min(allowed, 1e-3 * span), error / span


@pytest.mark.parametrize("shift", [-2.5, -1, -0.51, 0.4, 0.5, 1, 2.49])
def test_every_voxel_keeps_a_place_within_half_a_voxel(shift):
    affine = sheared(shift, -shift)
    geometry = Geometry((6, 8, 10), affine=affine)
    moved, grid = deshear(make_voxels() + 1000, affine, -1)
    corners = np.array([(k, r, c) for k in (0, 5) for r in (0, 7) for c in (0, 9)])
    index = Geometry(moved.shape, affine=grid).index(geometry.position(corners))
    for one in index:  # of two equally near voxels either will do
        near = [np.floor(one + 0.5 - 1e-9), np.ceil(one - 0.5 + 1e-9)]
        near = {(int(a[0]), int(b[1]), int(c[2])) for a in near for b in near for c in near}
        assert any((np.array(place) < moved.shape).all() and moved[place] != -1 for place in near)
    assert (moved.reshape(-1) == -1).sum() == moved.size - 480  # as many voxels with values as before
    # the first slice stands where it was, unchanged
    start = np.rint(Geometry(moved.shape, affine=grid).index(affine[:3, 3])).astype(int)
    np.testing.assert_array_equal(
        moved[0, start[1] : start[1] + 8, start[2] : start[2] + 10], make_voxels()[0] + 1000
    )


def test_landmarks_keep_their_position():
    shape = (12, 40, 30)
    affine = sheared(0.83, -0.41)
    old = Geometry(shape, affine=affine)
    for landmark in ([-14.0, -5.0, 25.0], [-11.5, -5.0, 27.0]):
        blob = np.exp(-((positions(affine, shape) - landmark) ** 2).sum(axis=-1) / (2 * 1.5**2))
        moved, grid = deshear(blob, affine, 0)
        new = Geometry(moved.shape, affine=grid)
        weights = moved[..., None] * positions(grid, moved.shape)
        centre = weights.sum(axis=(0, 1, 2)) / moved.sum()
        before = (blob[..., None] * positions(affine, shape)).sum(axis=(0, 1, 2)) / blob.sum()
        np.testing.assert_allclose(centre, before, atol=0.01)
        np.testing.assert_allclose(new.position(new.index(landmark)), old.position(old.index(landmark)))


def test_whole_shifts_are_copies_and_all_else_is_fill():
    affine = sheared(2, -1)
    moved, grid = deshear(make_voxels(), affine, -999)
    assert moved.shape == (6, 18, 15) and moved.dtype == np.int16
    for k in range(6):
        np.testing.assert_array_equal(moved[k, 2 * k : 2 * k + 8, 5 - k : 15 - k], make_voxels()[k])
    assert (moved == -999).sum() == moved.size - 480
    np.testing.assert_allclose(grid[:3, 3], affine @ (0, 0, -5, 1) @ np.eye(4)[:, :3])


def test_uneven_slices_move_by_their_own_position():
    # 2 mm slices through the base, 5 mm above: no single affine fits
    tilt = np.radians(15)
    step = np.array([0, np.sin(tilt), np.cos(tilt)])
    along = np.array([0, 2, 4, 6, 11, 16, 21.0])
    geometry = Geometry.from_attributes(
        (7, 30, 12), orientation=[1, 0, 0, 0, 1, 0], pixel_spacing=(0.7, 0.6), positions=along[:, None] * step
    )
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    values = geometry.position(index) @ PLANE[:3]
    straight = dv.Volume(values, geometry=geometry).desheared()
    new = straight.geometry
    assert new.tilt == 0
    np.testing.assert_allclose(new.steps, geometry.steps)
    np.testing.assert_allclose(new.slice_positions[:, :2], new.slice_positions[0, :2] + np.zeros((7, 2)))
    index = np.stack(np.meshgrid(*map(np.arange, new.shape), indexing="ij"), axis=-1)
    inside = straight.array > values.min() + 1e-9
    row = np.diff(np.where(inside, 1, 0), axis=1, prepend=0, append=0)
    edge = (row[:, :-1] == 1) | (row[:, 1:] == -1)
    error = abs(straight.array - new.position(index) @ PLANE[:3])
    assert error[inside & ~edge].max() < 1e-9


def test_extra_dimensions_colour_and_report():
    affine = sheared(0.8, 0)
    frames = np.stack([make_voxels(seed=s) for s in range(3)])
    report = Report(("slices are tilted (gantry tilt): the affine is sheared", "other"), (), ((1, 2),))
    vol = dv.Volume(
        frames,
        geometry=Geometry((6, 8, 10), affine=affine),
        dims=("time", "slice", "row", "column"),
        meta={"Rows": 8, "Columns": 10, "Modality": "CT"},
        report=report,
        sources=[None] * 18,
        padding=(-100, -100),
    )
    straight = vol.desheared()
    assert straight.shape == (3, 6, 12, 10) == straight.meta.shape and straight.dims == vol.dims
    for t in range(3):
        alone, _ = deshear(frames[t], affine, -100, padding=(-100, -100))
        np.testing.assert_array_equal(straight.frame([t]), alone)
    assert straight.report.missing == ((1, 2),) and straight.missing_slices((1,)) == [2]
    assert straight.sources == vol.sources and straight.padding == vol.padding
    assert straight.report.warnings[0] == "other" and "onto a straight grid" in straight.report.warnings[1]
    assert len(straight.report.warnings) == 2
    assert (straight.meta.Rows, straight.meta.Columns, straight.meta.Modality) == (12, 10, "CT")
    assert straight.meta.sampling == pytest.approx((2.5, 0.8, 0.6))
    assert straight.default_window == vol.default_window
    assert straight.desheared() is straight
    colour = np.random.RandomState(0).randint(1, 255, (6, 8, 10, 3)).astype(np.uint8)
    moved = dv.Volume.from_array(colour, affine=affine).desheared()
    assert moved.shape == (6, 12, 10, 3) and moved.dtype == np.uint8 and moved.is_color
    for channel in range(3):
        np.testing.assert_array_equal(moved.array[..., channel], deshear(colour[..., channel], affine, 0)[0])


def test_a_series_that_was_read(write):
    from dicomview import volread

    files = write("tilted", make_voxels(), make_affine("tilted"))
    files[2].unlink()
    vol = volread(files[0].parent)
    straight = vol.desheared()
    assert straight.geometry.tilt == 0 and straight.report.missing == vol.report.missing == (2,)
    assert straight.unit == "HU" and straight.windows == vol.windows
    assert not any("the affine is sheared" in text for text in straight.report.warnings)
    assert len(straight.report.warnings) == len(vol.report.warnings)
    assert "ImagePositionPatient" in vol.meta.varying
    assert "ImagePositionPatient" not in straight.meta.varying + tuple(straight.meta)
    assert vol.report.tilt == pytest.approx(14.04, abs=0.01) and straight.report.tilt == 0


@pytest.mark.parametrize(
    "vol", [np.zeros((3, 4, 5)), dv.Volume.from_array(np.zeros((3, 4, 5)), sampling=(1, 1, 1))]
)
def test_without_shear_it_is_the_volume_itself(vol):
    vol = dv.Volume.coerce(vol)
    assert vol.desheared() is vol
    straight = dv.Volume.from_array(np.zeros((3, 4, 5)), affine=make_affine("oblique"))
    assert straight.desheared() is straight


def test_padding_is_not_mixed_with_tissue():
    values = np.full((4, 6, 6), 50, np.int16)
    values[:, :2] = -2000
    affine = sheared(0.75, 0)
    mixed, _ = deshear(values, affine, -2000)
    clean, _ = deshear(values, affine, -2000, padding=(-2000, -2000))
    assert set(np.unique(mixed)) > {-2000, 50} and set(np.unique(clean)) == {-2000, 50}
    assert (clean == 50).sum() == (values == 50).sum()


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64, np.float16, bool])
def test_extremes_of_a_dtype_survive(dtype):
    top = True if dtype is bool else (np.finfo if dtype is np.float16 else np.iinfo)(dtype).max
    values = np.full((3, 6, 6), top, dtype)
    moved, _ = deshear(values, sheared(0.3, 0.6), 0)
    assert moved.dtype == dtype and (moved != 0).sum() == values.size
    np.testing.assert_allclose(moved[moved != 0].astype(float), float(top))


def test_nan_and_infinity_pass_through():
    values = np.full((3, 6, 6), 7, np.float32)
    values[1, 2, 2], values[2, 4, 4] = np.nan, np.inf
    vol = dv.Volume.from_array(values, affine=sheared(0.75, 0)).desheared()
    assert np.isnan(vol.array).sum() >= 1 and np.nanmin(vol.array) == 7


def test_what_does_not_fit_is_refused():
    with pytest.raises(GeometryError, match="dimensions"):
        deshear(np.zeros((3, 3)), np.eye(4), 0)
    with pytest.raises(GeometryError, match="must fit uint8"):
        deshear(np.zeros((3, 3, 3), np.uint8), sheared(1, 0), -1000)
    with pytest.raises(GeometryError, match="singular"):
        deshear(np.zeros((3, 3, 3)), np.zeros((4, 4)) + np.diag([0, 0, 0, 1]), 0)


def field(points):
    """A scalar field that linear interpolation gives exactly."""
    return np.asarray(points) @ PLANE[:3] + PLANE[3]


def all_positions(geometry):
    return geometry.position(np.moveaxis(np.indices(geometry.shape), 0, -1))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_on_the_axes_of_the_patient(orientation):
    geometry = Geometry((9, 12, 14), affine=make_affine(orientation))
    vol = dv.Volume(field(all_positions(geometry)), geometry=geometry)
    straight = vol.on_patient_axes()
    affine = straight.geometry.affine
    np.testing.assert_array_equal(affine[:3, :3] != 0, np.eye(3, dtype=bool)[::-1])
    assert (affine[[2, 1, 0], [0, 1, 2]] > 0).all()
    assert sorted(straight.sampling) == pytest.approx(sorted(vol.sampling))
    points = all_positions(straight.geometry)
    index = geometry.index(points)
    inside = ((index > -1e-6) & (index < np.array(geometry.shape) - 1 + 1e-6)).all(axis=-1)
    assert inside.sum() > 100
    np.testing.assert_allclose(straight.array[inside], field(points)[inside], rtol=1e-5)
    outside = ((index < -0.51) | (index > np.array(geometry.shape) - 0.49)).any(axis=-1)
    assert (straight.array[outside] == vol.min()).all()
    # Nothing of the volume lies beyond the new box.
    back = straight.geometry.index(all_positions(geometry))
    assert (back > -1e-6).all() and (back < np.array(straight.shape) - 1 + 1e-6).all()
    assert straight.on_patient_axes() is straight


def test_a_quarter_turn_copies_every_voxel():
    vol = dv.Volume.from_array(make_voxels(), affine=make_affine("sagittal"))
    straight = vol.on_patient_axes()
    assert straight.dtype == vol.dtype and straight.shape == (8, 10, 6)
    np.testing.assert_array_equal(straight.array, vol.array.transpose(1, 2, 0)[::-1])


def test_uneven_slices_land_where_they_are():
    affine = make_affine("oblique")
    positions = affine[:3, 3] + np.array([0, 1, 2.5, 3, 5])[:, None] * affine[:3, 0]
    geometry = Geometry((5, 12, 14), affine=affine, slice_positions=positions)
    vol = dv.Volume(field(all_positions(geometry)), geometry=geometry)
    straight = vol.on_patient_axes()
    points = all_positions(straight.geometry)
    index = geometry.index(points)
    inside = ((index > 0) & (index < np.array(geometry.shape) - 1)).all(axis=-1)
    np.testing.assert_allclose(straight.array[inside], field(points)[inside], rtol=1e-5)


def test_padding_is_not_mixed_and_colour_and_time_are_kept():
    affine = make_affine("oblique")
    voxels = np.full((2, 6, 8, 10), 100, np.int16)
    voxels[:, :, :, :3] = -2000
    vol = dv.Volume(
        voxels,
        geometry=Geometry((6, 8, 10), affine=affine),
        dims=("time", "slice", "row", "column"),
        padding=(-2000, -2000),
    )
    straight = vol.on_patient_axes()
    assert straight.dims == vol.dims and set(np.unique(straight.array)) == {-2000, 100}
    colour = np.random.RandomState(0).randint(1, 255, (6, 8, 10, 3)).astype(np.uint8)
    moved = dv.Volume.from_array(colour, affine=make_affine("sagittal")).on_patient_axes()
    np.testing.assert_array_equal(moved.array, colour.transpose(1, 2, 0, 3)[::-1])
    for vol in (np.zeros((1, 4, 4)), np.zeros((3, 4, 4))):
        with pytest.raises(dv.errors.GeometryError, match="axes of the patient need"):
            dv.Volume.from_array(vol).on_patient_axes()
