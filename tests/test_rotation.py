"""Planes at any angle: the place stays, the values are those of an independent resampler."""

import numpy as np
import pytest
from conftest import make_affine
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.ndimage import map_coordinates
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import GeometryError
from dicomview.geometry import PLANES, Geometry, rotation_matrix
from dicomview.render import PanesRenderer
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


def on_screen(pane, direction):
    """Return a direction in data coordinates as mm to the right and upwards on the screen."""
    spacing = pane.volume.geometry.spacing
    right = direction[0] * spacing[pane.view.right] * (-1 if pane.view.flip_right else 1)
    up = direction[1] * spacing[pane.view.down] * (1 if pane.view.flip_down else -1)
    return np.array([right, up])


def normal(state, plane):
    """Return the unit vector across the slices that a pane shows."""
    face = state.faces[plane].geometry
    across = face.affine[:3, state.volume.plane_axes[plane]]
    return across / np.linalg.norm(across)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("convention", ["radiological", "neurological"])
def test_the_lines_turn_counterclockwise_and_the_pane_does_not(plane, convention):
    geometry = Geometry((60, 60, 60), affine=make_affine())
    vol = dv.Volume(np.zeros((60, 60, 60), np.float32), geometry=geometry)
    state = ViewState(vol, convention=convention, index=(30, 30, 30))
    state.turn(plane)
    state.mirror(plane)
    before, across = resolve(vol, state).pane(plane), normal(state, plane)
    state.rotate(plane, 30)
    pane = resolve(state.volume, state).pane(plane)
    for was, line in zip(before.lines, pane.lines):
        (a, b), (c, d) = on_screen(before, was), on_screen(pane, line)
        assert np.degrees(np.arctan2(a * d - b * c, a * c + b * d)) == pytest.approx(30)
    np.testing.assert_allclose(normal(state, plane), across, atol=1e-12)
    assert (pane.box, pane.edges, pane.crosshair) == (before.box, before.edges, before.crosshair)
    assert pane.corners[0] == plane
    for other in set(PLANES) - {plane}:
        assert resolve(state.volume, state).pane(other).corners[0] == f"{other} oblique 30°"
    state.rotate(plane, 30)
    names = {resolve(state.volume, state).pane(other).corners[0] for other in set(PLANES) - {plane}}
    assert names == {f"{other} oblique 30°" for other in set(PLANES) - {plane}}, "each is nearer to the other"
    state.rotate(plane, -60)
    assert state.rotation == pytest.approx((0, 0, 0), abs=1e-6)


ANISOTROPIC = {
    **{name: make_affine(name) for name in ("axial", "sagittal", "coronal", "oblique", "tilted")},
    "fine slices": np.diag([0.5, 1.1, 0.9, 1])[[2, 1, 0, 3]],
}


@pytest.mark.parametrize("kind", ["nearest", "linear", "lanczos"])
@pytest.mark.parametrize("patient_axes", [False, True])
@pytest.mark.parametrize("orientation", ANISOTROPIC)
def test_the_picture_of_the_pane_that_is_turned_stays_pixel_for_pixel(orientation, patient_axes, kind):
    vol = dv.Volume.from_array(smooth(), affine=ANISOTROPIC[orientation], meta={"Modality": "CT"})
    plain = {"texts": False, "letters": False, "crosshair": False, "scale_bar": False}
    state = ViewState(vol, window=(500, 1000), index=(9, 18, 25), zoom=1.5, interpolation=kind, **plain)
    state.patient_axes = patient_axes
    state.center = tuple(np.add(state.volume.middle, (1.25, -3.5, 2)))
    figure = Figure(figsize=(6, 3), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panes, boxes = PanesRenderer(figure, state.volume), {}

    def pictures():
        panes.update(resolve(state.volume, state), state.volume)
        canvas.draw()
        whole = np.asarray(canvas.buffer_rgba())[::-1]
        for plane, ax in panes.axes.items():
            boxes.setdefault(plane, np.rint(ax.bbox.extents).astype(int))
        return {plane: whole[y0:y1, x0:x1].copy() for plane, (x0, y0, x1, y1) in boxes.items()}

    # A slanted stack is straightened with the first turn, in all planes but its own.
    slanted = orientation == "tilted" and not patient_axes
    for plane in [vol.slice_plane] if slanted else PLANES:
        before = pictures()
        state.rotate(plane, 30)
        after = pictures()
        np.testing.assert_array_equal(after[plane], before[plane])
        assert np.ptp(after[plane]) > 50
        for other in set(PLANES) - {plane}:
            assert (after[other] != before[other]).mean() > 0.1
        state.rotation = (0, 0, 0)
        for name, picture in pictures().items():
            np.testing.assert_array_equal(picture, before[name])


@pytest.mark.parametrize("orientation", ANISOTROPIC)
def test_two_turns_make_planes_that_an_independent_resampler_makes_too(orientation):
    array = smooth()
    vol = dv.Volume.from_array(array, affine=ANISOTROPIC[orientation])
    state = ViewState(vol, index=(11, 20, 17))
    place, across = state.position, {plane: normal(state, plane) for plane in PLANES}
    if orientation == "tilted":
        across = {"axial": [0, 0, 1.0], "coronal": [0, 1.0, 0], "sagittal": [1.0, 0, 0]}
    first = state.normal("axial")
    state.rotate("axial", 30)
    turned = {plane: rotation_matrix(30 * first) @ across[plane] for plane in PLANES}
    check_planes(vol, state, place, turned)
    second = state.normal("coronal")
    assert abs(second @ turned["coronal"]) == pytest.approx(1)
    state.rotate("coronal", -20)
    check_planes(vol, state, place, {p: rotation_matrix(-20 * second) @ n for p, n in turned.items()})


def check_planes(vol, state, place, across):
    """Hold the values of all panes against those that are interpolated where each plane must be."""
    for plane in PLANES:
        pane = resolve(state.volume, state).pane(plane)
        grid = pane.volume.geometry
        np.testing.assert_allclose(abs(normal(state, plane) @ across[plane]), 1, atol=1e-12)
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).take(
            pane.index, axis=pane.view.axis
        )
        points = grid.position(index)
        assert abs((points - place) @ across[plane]).max() < 1e-6, "the plane goes through the crosshair"
        pixels = pane_pixels(pane.volume, pane)
        pixels = pixels if pane.view.down < pane.view.right else pixels.T
        at = np.moveaxis(vol.geometry.index(points), -1, 0)
        inside = np.all([(i >= 0) & (i <= n - 1) for i, n in zip(at, vol.shape)], axis=0)
        assert inside.mean() > 0.2
        expected = independently(vol, points, at)
        assert abs(np.ma.getdata(pixels) - expected)[inside].max() <= 1e-3 * np.ptp(vol.array)
        assert not np.ma.getmaskarray(pixels)[inside].any()


def independently(vol, points, at):
    """Return interpolated values: by SimpleITK, or of a slanted stack, which it has not, by scipy."""
    if vol.geometry.tilt:
        return map_coordinates(vol.array, at, order=1, mode="nearest")
    sitk = pytest.importorskip("SimpleITK")
    right, down = points[0, 1] - points[0, 0], points[1, 0] - points[0, 0]
    steps = [float(np.linalg.norm(v)) for v in (right, down)]
    across = np.cross(right / steps[0], down / steps[1])
    frame = np.column_stack([right / steps[0], down / steps[1], across])
    plane = sitk.Resample(
        sitk.Cast(vol.to_sitk(), sitk.sitkFloat64),
        [points.shape[1], points.shape[0], 1],
        sitk.Transform(),
        sitk.sitkLinear,
        points[0, 0].tolist(),
        [*steps, 1.0],
        frame.ravel().tolist(),
        -1.0,
    )
    return sitk.GetArrayFromImage(plane)[0]


@pytest.mark.parametrize("orientation", ANISOTROPIC)
def test_lines_as_drawn_lie_where_the_two_other_planes_cut(orientation):
    vol = dv.Volume.from_array(smooth(), affine=ANISOTROPIC[orientation])
    viewer = dv.SliceViewer(vol, window=(500, 1000), index=(11, 20, 17), draw="kernel")
    state, drawn = viewer.state, 0
    for change in (
        lambda: state.rotate("axial", 30),
        lambda: state.rotate("sagittal", 65),
        lambda: setattr(state, "index", tuple(np.add(state.index, (3, -4, 5)))),
        lambda: state.rotate("coronal", -130),
        lambda: setattr(state, "zoom", 2.0),
        lambda: state.turn("coronal"),
    ):
        change()
        for plane in PLANES:
            drawing = viewer._canvas.renderer.drawings[plane]
            pane, geometry = viewer._scene().pane(plane), state.faces[plane].geometry
            others = (pane.view.right, pane.view.down)  # the planes that upright and lying line stand for
            for line, axis in zip(drawing._lines, others):
                data = np.array(line.get_data()).T
                data = data[np.isfinite(data).all(axis=1)]
                index = np.empty((len(data), 3))
                index[:, pane.view.axis], index[:, others] = pane.index, data
                away = state.volume.geometry.index(geometry.position(index))[:, axis] - state.index[axis]
                assert abs(away).max() < 0.5
                drawn += np.ptp(data, axis=0).max() > 5
    assert drawn > 12, "of 36; small panes have no room for lines between their letters"
    viewer.close()


def test_the_crosshair_stays_on_the_screen_and_rotation_can_be_taken_back():
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    state = ViewState(vol, index=(11, 20, 17), zoom=3, center=(12, 17, 20.5))

    def places():
        found = {}
        for pane in resolve(state.volume, state).panes:
            left, right, top, bottom = pane.box
            x, y = pane.crosshair
            found[pane.plane] = (x - left) / (right - left), (y - top) / (bottom - top)
        return found

    before = resolve(vol, state)
    there = places()
    state.rotate("coronal", 25)
    state.rotate("axial", 40)
    for plane, place in places().items():
        assert place == pytest.approx(there[plane])
    state.rotation = (0, 0, 0)
    assert resolve(state.volume, state) == before
    state.rotate("sagittal", 70)
    state.fit()
    assert (state.rotation, state.zoom, state.center) == ((0, 0, 0), 1, None)
    assert state.volume is vol and set(map(id, state.faces.values())) == {id(vol)}


def test_planes_may_be_turned_all_the_way_round():
    vol = dv.Volume.from_array(smooth(), affine=make_affine())
    state = ViewState(vol, index=(11, 20, 17))
    place = state.position
    for _ in range(12):
        state.rotate("axial", 30)
        state.rotate("coronal", 180)
        state.rotate("coronal", -150)
        for pane in resolve(state.volume, state).panes:
            at = pane.volume.geometry.index(place)
            assert at[pane.view.axis] == pytest.approx(pane.index, abs=1e-6)
            assert at[[pane.view.right, pane.view.down]] == pytest.approx(pane.crosshair, abs=1e-6)
            frame = pane.volume.geometry.affine[:3, :3] / pane.volume.geometry.spacing
            np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-9)


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
    image = pane_pixels(state.volume, resolve(state.volume, state, upright=False).pane("axial"))
    k, count = state.index[0], int(1.5 / state.volume.sampling[0] + 1e-6)
    block = np.asarray(state.volume.array[k - count : k + count + 1])
    grid = np.ix_(np.arange(k - count, k + count + 1), *map(np.arange, state.volume.shape[1:]))
    lacks = np.broadcast_to(state.volume.without_data(grid), block.shape)
    expected = np.where(lacks, -np.inf, block).max(axis=0)
    there = np.isfinite(expected)
    np.testing.assert_array_equal(np.ma.getdata(image)[there], expected[there])
    np.testing.assert_array_equal(np.ma.getmaskarray(image), ~there)
