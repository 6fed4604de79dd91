"""Measurements without a screen: closed forms on anisotropic, oblique and sheared grids, numpy on masks."""

import inspect

import numpy as np
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels
from hypothesis import example, given, settings
from hypothesis import strategies as st

import dicomview as dv
from dicomview.errors import MeasureError
from dicomview.geometry import Geometry
from dicomview.measure import (
    Angle,
    Distance,
    Ellipse,
    Point,
    Polygon,
    Rectangle,
    Region,
    evaluate,
    profile,
    region_mask,
    time_curve,
)
from dicomview.volume import Report

SHAPE = (7, 24, 30)
#: Sheared in both directions within the slices, and turned: no two axes are perpendicular.
SLANTED = np.array([[0.4, 0.1, 0.6, 3], [0.75, 0.8, -0.1, -7], [2.9, 0, 0.1, 11], [0, 0, 0, 1]])


def volume(affine, shape=SHAPE, **options):
    return dv.Volume.from_array(make_voxels(shape), affine=affine, meta={"Modality": "CT"}, **options)


def at(geometry, *index):
    """Return the points of voxel indices."""
    return geometry.position(np.array(index, float))


@pytest.fixture(params=[*ORIENTATIONS, "slanted"])
def vol(request):
    return volume(SLANTED if request.param == "slanted" else make_affine(request.param))


def test_lengths_angles_and_areas_are_exact_in_mm_on_any_grid(vol):
    a = vol.geometry.affine[:3, :3]
    p, q, r = at(vol.geometry, (2, 3, 4), (2, 13, 9), (2, 5, 20))
    u, v = a @ (0, 10, 5), a @ (0, 2, 16)
    assert evaluate(vol, Distance([p, q])).length == pytest.approx(np.linalg.norm(u), rel=1e-12)
    cosine = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    assert evaluate(vol, Angle([q, p, r])).angle == pytest.approx(np.degrees(np.arccos(cosine)), rel=1e-9)
    triangle = np.linalg.norm(np.cross(u, v)) / 2
    assert evaluate(vol, Polygon([p, q, r])).area == pytest.approx(triangle, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_areas_in_every_plane_are_those_of_the_cells_of_the_grid(vol, axis):
    b, c = (other for other in range(3) if other != axis)
    index = np.full((4, 3), 3.0)
    index[:, b], index[:, c] = (1, 1, 5, 5), (2, 8, 8, 2)
    corners = vol.geometry.position(index)
    cell = np.linalg.norm(np.cross(*vol.geometry.affine[:3, [b, c]].T))
    rectangle, ellipse = Rectangle(corners), Ellipse.in_corners(corners)
    assert evaluate(vol, rectangle).area == pytest.approx(24 * cell, rel=1e-12)
    assert evaluate(vol, ellipse).area == pytest.approx(np.pi * 2 * 3 * cell, rel=1e-12)
    found, k, mask = region_mask(vol.geometry, ellipse)
    rows, columns = np.indices(mask.shape)
    expected = ((rows - 3) / 2) ** 2 + ((columns - 5) / 3) ** 2 <= 1 + 1e-9
    assert (found, k) == (axis, 3) and np.array_equal(mask, expected), "an ellipse of the grid is one in mm"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_values_inside_are_those_of_numpy_on_the_mask(vol, axis):
    b, c = (other for other in range(3) if other != axis)
    index = np.full((4, 3), 2.0)
    index[:, b], index[:, c] = (0.6, 0.6, 4.4, 4.4), (1.6, 5.4, 5.4, 1.6)
    result = evaluate(vol, Rectangle(vol.geometry.position(index)))
    values = np.take(vol.array, 2, axis=axis)[1:5, 2:6].astype(float)
    assert (result.count, result.unit) == (16, "HU")
    assert (result.mean, result.sd, result.median) == (values.mean(), values.std(), np.median(values))
    assert (result.minimum, result.maximum) == (values.min(), values.max())
    edge = Rectangle(vol.geometry.position(index - 100 * np.eye(3)[b]))
    assert evaluate(vol, edge).count == 0, "beside the volume there is nothing to count"


def test_a_point_has_the_value_of_the_nearest_voxel(vol):
    result = evaluate(vol, Point(at(vol.geometry, (3.4, 6.6, 8.2))))
    assert (result.mean, result.count) == (vol.array[3, 7, 8], 1)
    assert evaluate(vol, Point(at(vol.geometry, (3, -1, 8)))).count is None


def test_what_is_missing_padded_or_no_number_does_not_count():
    array = make_voxels(SHAPE).astype(np.float32)
    array[3, 5, 5], array[3, 5, 6] = np.nan, np.inf
    array[3, 6, 5:8] = -2000
    geometry = Geometry(SHAPE, affine=make_affine())
    vol = dv.Volume(array, geometry=geometry, padding=(-2000, -2000), report=Report(missing=(2,)))
    square = [(3, 4.5, 4.5), (3, 4.5, 9.5), (3, 8.5, 9.5), (3, 8.5, 4.5)]
    values = array[3, 5:9, 5:10]
    values = values[np.isfinite(values) & (values != -2000)].astype(float)
    result = evaluate(vol, Rectangle(at(geometry, *square)))
    assert (result.count, result.mean) == (15, values.mean())
    gone = evaluate(vol, Rectangle(at(geometry, *np.subtract(square, (1, 0, 0)))))
    assert gone.count == 0 and gone.mean is None and gone.area == result.area
    upright = [(0.5, 7, 1), (0.5, 7, 4.5), (4.5, 7, 4.5), (4.5, 7, 1)]
    assert evaluate(vol, Rectangle(at(geometry, *upright))).count == 3 * 4, (
        "of slices 1, 2, 3, 4 one is missing"
    )


def test_without_an_affine_indices_are_measured_by_what_is_known():
    array = make_voxels(SHAPE)
    line = Distance([(2, 0, 0), (2, 3, 4)])
    film = dv.Volume.from_array(array, sampling=(None, 2, 0.5))
    assert evaluate(film, line).length == np.hypot(6, 2) and evaluate(film, line).length_unit == "mm"
    across = evaluate(film, Distance([(2, 0, 0), (3, 0, 4)]))
    assert across.length == np.hypot(1, 4) and across.length_unit == "px", "half in mm would mean nothing"
    bare = evaluate(dv.Volume.from_array(array), Rectangle([(2, 0, 0), (2, 0, 4), (2, 3, 4), (2, 3, 0)]))
    assert (bare.area, bare.length_unit, bare.count) == (12, "px", 12)


def test_frames_of_a_4d_volume_are_measured_one_by_one():
    array = np.stack([make_voxels(SHAPE), make_voxels(SHAPE, seed=1)])
    vol = dv.Volume.from_array(array, affine=make_affine())
    square = Rectangle(at(vol.geometry, (1, 1, 1), (1, 1, 5), (1, 5, 5), (1, 5, 1)))
    for frame in (0, 1):
        assert evaluate(vol, square, frame=(frame,)).mean == array[frame, 1, 1:5, 1:5].mean()


def test_colours_have_areas_but_no_values():
    vol = dv.Volume.from_array(np.zeros((3, 8, 9, 3), np.uint8), sampling=(1, 1, 2))
    result = evaluate(vol, Rectangle([(1, 1, 1), (1, 1, 4), (1, 5, 4), (1, 5, 1)]))
    assert result.area == 24 and result.count is None


@pytest.mark.parametrize("orientation", ["oblique", "tilted"])
def test_a_region_of_voxels_equals_numpy_and_the_determinant(orientation):
    vol = volume(make_affine(orientation))
    mask = (make_voxels(SHAPE, seed=3) % 7) == 0
    region = Region(dv.Volume.from_array(mask, affine=vol.geometry.affine), name="spots")
    result = evaluate(vol, region)
    assert (result.count, result.mean, result.sd) == (
        mask.sum(),
        vol.array[mask].mean(),
        vol.array[mask].std(),
    )
    cell = abs(np.linalg.det(vol.geometry.affine[:3, :3]))
    assert result.volume == pytest.approx(mask.sum() * cell, rel=1e-9)
    third = vol.geometry.affine.copy()
    third[:3, 3] += 2 * third[:3, 0]
    part = dv.Volume.from_array(mask[2:5], affine=third)
    assert evaluate(vol, Region(part)).mean == vol.array[2:5][mask[2:5]].mean(), "a crop keeps its place"


def test_slices_of_a_region_reach_half_way_to_their_neighbours():
    positions = np.array([[0, 0, z] for z in (0, 2, 6, 8)], float)
    geometry = Geometry((4, 5, 6), affine=make_affine("axial", (0, 0, 0)), slice_positions=positions)
    mask = np.zeros((4, 5, 6), bool)
    mask[1, 2, 3] = True
    assert evaluate(
        dv.Volume(mask, geometry=geometry), Region(dv.Volume(mask, geometry=geometry))
    ).volume == (pytest.approx(3 * 0.8 * 0.6))


def test_segments_are_regions():
    vol = volume(make_affine())
    mask = make_voxels(SHAPE) % 5 == 0
    seg = dv.Segmentation.from_masks({"Liver": mask}, vol.geometry)
    region = Region(seg.on(vol)["Liver"])
    assert region.name == "Liver" and evaluate(vol, region).count == mask.sum()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 26), st.floats(-3, 32)), min_size=3, max_size=3),
    st.sampled_from([0, 1, 2]),
)
@example([(0.0, 0.0), (0.0, 0.0), (1.0, 1.0)], 0)
def test_any_triangle_counts_the_voxels_whose_centres_it_holds(corners, axis):
    from matplotlib.path import Path

    geometry = Geometry((25, 26, 27), affine=SLANTED)
    b, c = (other for other in range(3) if other != axis)
    index = np.full((len(corners), 3), 4.0)
    # Off the centres, diagonals too: on an edge readers differ.
    index[:, [b, c]] = np.round(np.array(corners) * 7) / 7 + (0.01, 0.0173)
    polygon = Polygon(geometry.position(index))
    found = region_mask(geometry, polygon)
    if found is None or found[0] != axis:
        assert np.ptp(index[:, [b, c]], axis=0).min() <= 0.5, "only a thin one may lie in another slice"
        return
    shape = [geometry.shape[b], geometry.shape[c]]
    centres = np.stack(np.indices(shape), axis=-1).reshape(-1, 2)
    inside = Path(index[:, [b, c]]).contains_points(centres).reshape(shape)
    assert np.array_equal(found[2], inside)


def test_sides_that_cross_have_no_area_but_still_voxels():
    bow = [(2, 0.5, 0.5), (2, 10.5, 10.5), (2, 0.5, 10.5), (2, 10.5, 0.5)]
    vol = volume(make_affine("tilted"))
    result = evaluate(vol, Polygon(at(vol.geometry, *bow)))
    assert result.area is None and result.count > 0
    around = evaluate(vol, Polygon(at(vol.geometry, *(bow[i] for i in (0, 2, 1, 3)))))
    assert around.area == pytest.approx(100 * 0.8 * 0.6)


def test_points_are_moved_within_the_shape(vol):
    corners = at(vol.geometry, (2, 1, 2), (2, 1, 8), (2, 5, 8), (2, 5, 2))
    moved = Rectangle(corners).moved_point(2, at(vol.geometry, (2, 7, 12))[0])
    assert np.allclose(moved.points, at(vol.geometry, (2, 1, 2), (2, 1, 12), (2, 7, 12), (2, 7, 2)))
    ellipse = Ellipse.in_corners(corners)
    end = int(np.argmin(np.linalg.norm(ellipse.array - at(vol.geometry, (2, 3, 8)), axis=1)))
    wider = ellipse.moved_point(end, at(vol.geometry, (2, 3, 12))[0])
    assert np.allclose(sorted(wider.points), sorted(Ellipse.in_corners(
        at(vol.geometry, (2, 1, 2), (2, 1, 12), (2, 5, 12), (2, 5, 2))).points))  # fmt: skip
    assert Distance(corners[:2]).moved_point(0, (1, 2, 3)).points[0] == (1, 2, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Distance([(0, 0, 0)]), "2 points"),
        (lambda: Distance("ab"), "finite numbers"),
        (lambda: Point([(0, 0, np.nan)]), "finite"),
        (lambda: Polygon([(0, 0, 0), (1, 0, 0)]), "3 or more"),
        (lambda: Polygon([(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 1)]), "one plane"),
        (lambda: Rectangle([(0, 0, 0), (1, 0, 0), (3, 1, 0), (0, 1, 0)]), "corners"),
        (lambda: Ellipse([(0, 0, 0), (1, 0, 0), (3, 1, 0), (0, 1, 0)]), "diameters"),
        (lambda: Region(dv.Volume.from_array(np.zeros((3, 4, 5)))), "threshold"),
    ],
)
def test_points_that_make_no_such_shape_are_refused(make, message):
    with pytest.raises(MeasureError, match=message):
        make()


def test_a_region_without_a_place_is_refused():
    with pytest.raises(MeasureError, match="same grid"):
        evaluate(volume(make_affine()), Region(dv.Volume.from_array(np.ones((3, 4, 5), bool))))


def test_a_profile_is_exact_where_values_are_linear(vol):
    a = np.array([10.0, -3.0, 2.0])
    index = np.moveaxis(np.indices(SHAPE).astype(float), 0, -1)
    ramp = dv.Volume.from_array(index @ a + 7, affine=vol.geometry.affine)
    ends = at(vol.geometry, (1, 2, 3), (5, 20, 11))
    for found in (profile(ramp, Distance(ends)), profile(ramp, ends, count=33)):
        places = vol.geometry.index(found.points)
        assert np.allclose(found.values, places @ a + 7)
        assert np.allclose(found.distance, np.linalg.norm(found.points - ends[0], axis=1))
        assert found.distance[-1] == pytest.approx(evaluate(ramp, Distance(ends)).length)
    assert len(profile(ramp, ends, count=33).values) == 33
    steps = np.abs(np.diff(vol.geometry.index(profile(ramp, ends).points), axis=0)).max()
    assert steps <= 0.5 + 1e-9, "no voxel is stepped over"
    bent = profile(ramp, at(vol.geometry, (1, 2, 3), (1, 2, 8), (1, 9, 8)), count=4)
    assert len(bent.values) == 7 and (np.diff(bent.distance) > 0).all(), "a corner counts once"


def test_a_profile_has_holes_where_there_are_no_data():
    array = np.full(SHAPE, 5.0)
    array[:, 10] = -2000
    geometry = Geometry(SHAPE, affine=make_affine())
    vol = dv.Volume(array, geometry=geometry, padding=(-2000, -2000), report=Report(missing=(3,)))
    found = profile(vol, at(geometry, (1, 8, 5), (1, 12, 5)), count=9)  # every half row
    assert np.isnan(found.values).tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert set(found.values[~np.isnan(found.values)]) == {5.0}, "padding is mixed with nothing"
    across = profile(vol, at(geometry, (2, 4, 5), (4, 4, 5)), count=5)
    assert np.isnan(across.values).tolist() == [False, True, True, True, False]
    beside = profile(vol, at(geometry, (1, -3, 5), (1, 1, 5)), count=5)
    assert np.isnan(beside.values).tolist() == [True] * 3 + [False] * 2


def test_a_curve_is_the_mean_of_each_frame():
    array = np.stack([make_voxels(SHAPE, seed=i) for i in range(6)]).reshape(2, 3, *SHAPE)
    vol = dv.Volume.from_array(
        array, affine=make_affine("tilted"), dims=("time", "echo", "slice", "row", "column")
    )
    square = Rectangle(at(vol.geometry, (1, 0.5, 0.5), (1, 0.5, 5.5), (1, 5.5, 5.5), (1, 5.5, 0.5)))
    inside = array[:, :, 1, 1:6, 1:6].mean(axis=(2, 3))
    dimension, values = time_curve(vol, square, frame=(0, 2))
    assert dimension.name == "time" and np.allclose(values, inside[:, 2])
    assert np.allclose(time_curve(vol, square, dim="echo", frame=(1, 0))[1], inside[1])
    with pytest.raises(MeasureError, match="time, echo"):
        time_curve(vol, square, dim="space")


places = st.tuples(st.floats(-20, 40), st.floats(-20, 40))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 3), places, st.sampled_from([Rectangle, Ellipse]), st.sampled_from(sorted(ORIENTATIONS))
)
def test_a_point_that_is_moved_there_and_back_changes_nothing(i, place, kind, orientation):
    geometry = Geometry(SHAPE, affine=make_affine(orientation))
    corners = at(geometry, (2, 3, 4), (2, 3, 19), (2, 11, 19), (2, 11, 4))
    shape = Rectangle(corners) if kind is Rectangle else Ellipse.in_corners(corners)
    before = shape.points[i]
    moved = shape.moved_point(i, at(geometry, (2, *place))[0])
    assert moved.points[(i + 2) % 4] == pytest.approx(shape.points[(i + 2) % 4]), "the opposite one stays"
    assert np.ptp(geometry.index(moved.array)[:, 0]) < 1e-6, "it stays in its slice"
    if evaluate(dv.Volume.from_array(np.zeros(SHAPE), affine=geometry.affine), moved).area > 1e-3:
        assert np.allclose(moved.moved_point(i, before).points, shape.points, atol=1e-4)


def test_every_function_takes_the_volume_first():
    for name in dv.measure.__all__:
        thing = getattr(dv.measure, name)
        if inspect.isfunction(thing):
            names = list(inspect.signature(thing).parameters)
            assert names[0] in ("volume", "geometry") or {"volume", "geometry"}.isdisjoint(names), name
