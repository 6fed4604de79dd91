"""Planes at any angle: the place stays, the values are those of an independent resampler."""

import numpy as np
import pytest
from conftest import make_affine
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import GeometryError
from dicomview.geometry import PLANES, Geometry, rotation_matrix
from dicomview.state import ViewState, pane_pixels, readout, resolve

SHAPE = (24, 40, 44)


def smooth(shape=SHAPE, seed=3):
    """Return values that vary from voxel to voxel, of a range of 1000."""
    random = np.random.default_rng(seed).random([n // 3 + 2 for n in shape])
    for axis, n in enumerate(shape):
        places = np.linspace(0, random.shape[axis] - 1.001, n)
        low = np.take(random, places.astype(int), axis)
        high = np.take(random, places.astype(int) + 1, axis)
        part = (places % 1).reshape([-1 if a == axis else 1 for a in range(3)])
        random = low + part * (high - low)
    return (1000 * random).astype(np.float32)


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique", "feet first"])
@pytest.mark.parametrize("dtype", ["f4", "i2", "f8", "u1"])
def test_reslicing_is_that_of_an_independent_resampler(orientation, dtype):
    sitk = pytest.importorskip("SimpleITK")
    array = smooth()
    array = (array / 4).astype(dtype) if dtype == "u1" else array.astype(dtype)
    vol = dv.Volume.from_array(array, affine=make_affine(orientation))
    center = vol.geometry.position([(n - 1) / 2 for n in SHAPE])
    right, down = rotation_matrix((20, -35, 15))[:, :2].T
    turned = vol.oblique(center, right=right, down=down, slices=5, step=1.7)
    expected = sitk.GetArrayFromImage(
        sitk.Resample(
            sitk.Cast(vol.to_sitk(), sitk.sitkFloat64),
            turned.to_sitk(),
            sitk.Transform(),
            sitk.sitkLinear,
            -1.0,
        )
    )
    inside = expected >= 0
    assert inside.mean() > 0.2 and turned.dtype == array.dtype
    most = abs(turned.array - expected)[inside].max()
    assert most <= 1e-3 * np.ptp(array) + 0.5001 * (array.dtype.kind in "iu"), most


def test_a_plane_through_three_points_holds_them():
    points = np.array([(-10.0, -20, 20), (0, -25, 40), (-12, -4, 33)])
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    plane = vol.through(points)
    index = plane.geometry.index(points)
    assert abs(index[:, 0]).max() < 1e-9, "all three lie in the only slice"
    np.testing.assert_allclose(plane.geometry.position(index), points, atol=1e-9)
    step = plane.geometry.affine[:3, 2]
    assert step @ (points[1] - points[0]) == pytest.approx(
        np.linalg.norm(step) * np.linalg.norm(points[1] - points[0])
    )
    with pytest.raises(GeometryError, match="on a line"):
        vol.through([(0, 0, 0), (1, 1, 1), (2, 2, 2)])
    with pytest.raises(GeometryError, match="perpendicular"):
        vol.oblique((0, 0, 0), right=(1, 0, 0), down=(1, 1, 0))
    with pytest.raises(GeometryError, match="affine"):
        dv.Volume.from_array(smooth()).oblique((0, 0, 0), right=(1, 0, 0), down=(0, 1, 0))


def test_a_ramp_stays_a_ramp_and_outside_is_told_apart():
    affine = make_affine("oblique")
    geometry = Geometry(SHAPE, affine=affine)
    points = geometry.position(np.moveaxis(np.indices(SHAPE), 0, -1))
    ramp = points @ [1.0, 2.0, -0.5]
    vol = dv.Volume(ramp, geometry=geometry)
    turned = vol.turned((12, 31, -8), about=geometry.position((5, 6, 7)))
    for axis in range(3):
        k = turned.shape[axis] // 2
        grid = [np.arange(n) for n in turned.shape]
        grid[axis] = np.array([k])
        index = np.stack(np.broadcast_arrays(*np.ix_(*grid)), axis=-1)
        there = ~turned.without_data(np.ix_(*grid))
        at = vol.geometry.index(turned.geometry.position(index))
        inner = np.broadcast_to(there, at.shape[:-1]) & ((at >= 0) & (at <= np.array(SHAPE) - 1)).all(axis=-1)
        key = [slice(None)] * 3
        key[axis] = slice(k, k + 1)
        expected = turned.geometry.position(index) @ [1.0, 2.0, -0.5]
        assert inner.mean() > 0.05
        np.testing.assert_allclose(turned.array[tuple(key)][inner], expected[inner], atol=1e-9)
        beyond = (at < -0.5 - 1e-9).any(axis=-1) | (at > np.array(SHAPE) - 0.5 + 1e-9).any(axis=-1)
        assert not np.broadcast_to(there, beyond.shape)[beyond].any()


@pytest.mark.parametrize("patient_axes", [False, True])
@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique", "tilted"])
def test_the_place_stays_and_the_voxel_there_is_the_same(orientation, patient_axes):
    vol = dv.Volume.from_array(smooth(), affine=make_affine(orientation), meta={"Modality": "CT"})
    state = ViewState(vol, index=(11, 20, 17), patient_axes=patient_axes)
    place, value = state.position, readout(state)[-1]
    state.rotation = (10, 25, -40)
    np.testing.assert_allclose(state.position, place, atol=1e-9)
    if not patient_axes:
        assert float(readout(state)[-1].split()[0]) == pytest.approx(float(value.split()[0]), rel=1e-4)
    state.rotation = (0, 0, 0)
    np.testing.assert_allclose(state.position, place, atol=1e-9)
    assert state.volume is vol or patient_axes


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_what_a_pane_shows_turns_counterclockwise_about_the_crosshair(plane, convention):
    geometry = Geometry((60, 60, 60), affine=make_affine())
    vol = dv.Volume(np.zeros((60, 60, 60), np.float32), geometry=geometry)
    state = ViewState(vol, convention=convention, index=(30, 30, 30))
    pane = resolve(vol, state).pane(plane)
    step = [0, 0, 0]
    step[pane.view.right] = -8 if pane.view.flip_right else 8  # a point to the right of the crosshair
    marked = geometry.position(np.array(state.index) + step)
    state.rotate(plane, 30)
    pane = resolve(state.volume, state).pane(plane)
    away = state.volume.geometry.index(marked) - state.index
    right = away[pane.view.right] * (-1 if pane.view.flip_right else 1)
    up = away[pane.view.down] * (1 if pane.view.flip_down else -1)
    assert abs(away[pane.view.axis]) < 1e-6
    assert np.degrees(np.arctan2(up, right)) == pytest.approx(30)
    assert resolve(state.volume, state).pane(plane).corners[0] == f"{plane} oblique 30°"
    state.rotate(plane, -30)
    assert state.rotation == pytest.approx((0, 0, 0), abs=1e-6)


def test_rotations_add_up_and_take_the_shorter_way():
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    state = ViewState(vol)
    state.rotate("axial", 20)
    state.rotate("axial", 15)
    assert np.linalg.norm(state.rotation) == pytest.approx(35)
    state.rotation = (0, 0, 350)
    assert state.rotation == pytest.approx((0, 0, -10))
    for wrong in ("abc", (1, 2), (1, 2, float("nan")), 3):
        with pytest.raises(TraitError, match="three numbers, in degrees"):
            state.rotation = wrong
    with pytest.raises(TraitError, match="affine"):
        ViewState(dv.Volume.from_array(smooth())).rotation = (1, 2, 3)


def test_the_scale_of_the_panes_stays_and_the_picture_is_the_one_drawn_anew():
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    viewer = dv.SliceViewer(vol, window=(500, 1000), index=(10, 18, 25))
    width = viewer.axes["axial"].get_xlim()
    before = viewer._size()
    viewer.state.rotation = (0, 15, 5)
    spacing = viewer.state.volume.sampling[2]
    assert viewer._size() == before
    assert abs(np.diff(viewer.axes["axial"].get_xlim())[0]) * spacing == pytest.approx(
        abs(np.diff(width)[0]) * vol.sampling[2]
    )
    viewer.state.rotate("coronal", 10)
    shown = {"vol": vol, "dv": dv}
    again = eval(viewer.code(), shown)
    assert again.figure().png() == viewer.figure().png()
    viewer.state.rotation = (0, 0, 0)
    fresh = dv.SliceViewer(vol, window=(500, 1000), index=(10, 18, 25))
    assert viewer.figure().png() == fresh.figure().png()
    for v in (viewer, again, fresh):
        v.close()


def test_slabs_of_turned_planes():
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    state = ViewState(vol, rotation=(0, 20, 0))
    state.slab = {"axial": 3.0}
    image = pane_pixels(state.volume, resolve(state.volume, state).pane("axial"))
    k, count = state.index[0], int(1.5 / state.volume.sampling[0] + 1e-6)
    block = np.asarray(state.volume.array[k - count : k + count + 1])
    grid = np.ix_(np.arange(k - count, k + count + 1), *map(np.arange, state.volume.shape[1:]))
    lacks = np.broadcast_to(state.volume.without_data(grid), block.shape)
    expected = np.where(lacks, -np.inf, block).max(axis=0)
    there = np.isfinite(expected)
    np.testing.assert_array_equal(np.ma.getdata(image)[there], expected[there])
    np.testing.assert_array_equal(np.ma.getmaskarray(image), ~there)
