"""Painting: brushes by closed forms, fills by scipy, steps taken back, masks handed on."""

import numpy as np
import pytest
from conftest import make_affine, validated
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backend_bases import MouseButton, MouseEvent
from pixelfiles import spoil
from scipy import ndimage
from test_tools import Desk
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import PaintError, SegmentError
from dicomview.geometry import PLANES, Geometry, connected, stroke
from dicomview.render import PanesRenderer, PictureFigure, forget_rasters, overlay_raster
from dicomview.state import Overlays, ViewState, changes, resolve
from dicomview.tools import PaintingTool

SHAPE = (12, 20, 24)
GRIDS = ["axial", "sagittal", "oblique", "tilted", "feet first"]


def opened(orientation="oblique", **traits):
    array = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE) % 100
    vol = dv.Volume.from_array(array, affine=make_affine(orientation), meta={"Modality": "CT"})
    state = ViewState(vol, window=(50, 100), **traits)
    return vol, state, Overlays(state)


def positions(geometry):
    return geometry.position(np.moveaxis(np.indices(geometry.shape), 0, -1))


def from_line(points, start, end):
    """Return how far points are from a line between two places."""
    way = end - start
    part = np.clip((points - start) @ way / max(way @ way, 1e-30), 0, 1)
    return np.linalg.norm(points - start - part[..., None] * way, axis=-1)


def whole(geometry, covered):
    mask = np.zeros(geometry.shape, bool)
    if covered is not None:
        mask[covered[0]] = covered[1]
    return mask


# -- brushes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, 1, 2])
@pytest.mark.parametrize("orientation", GRIDS)
def test_a_brush_covers_the_voxels_whose_centre_is_within_its_radius(orientation, axis):
    geometry = opened(orientation)[0].geometry
    radius = 2.2 * max(geometry.spacing)
    start, end = np.array([5.0, 8.3, 9.6]), np.array([5.0, 13.2, 15.1])
    if axis is not None:
        end[axis] = start[axis] = round(start[axis])
    expected = from_line(positions(geometry), *geometry.position([start, end])) <= radius
    if axis is not None:
        others = np.arange(SHAPE[axis]) != start[axis]
        expected[(slice(None),) * axis + (others,)] = False
    found = whole(geometry, stroke(geometry, start, end, radius=radius, axis=axis))
    assert found.sum() > 30
    np.testing.assert_array_equal(found, expected)


def test_a_ball_on_an_anisotropic_grid_has_the_volume_of_a_ball():
    geometry = Geometry((41, 121, 101), affine=np.diag([1.5, 0.5, 0.6, 1])[[2, 1, 0, 3]])
    found = stroke(geometry, (20, 60, 50), (20, 60, 50), radius=20)
    volume = found[1].sum() * np.prod(geometry.spacing)
    assert volume == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.005)


def test_slices_at_uneven_distances_are_painted_by_their_own_positions():
    places = np.zeros((6, 3))
    places[:, 2] = 0, 1, 2, 6, 7, 12
    geometry = Geometry(
        (6, 9, 9), affine=[[0, 0, 1, 0], [0, 1, 0, 0], [2.4, 0, 0, 0], [0, 0, 0, 1]], slice_positions=places
    )
    found = whole(geometry, stroke(geometry, (2, 4, 4), (2, 4, 4), radius=4.1))
    expected = from_line(positions(geometry), *geometry.position([[2, 4, 4]] * 2)) <= 4.1
    np.testing.assert_array_equal(found, expected)
    assert found.any(axis=(1, 2)).tolist() == [True, True, True, True, False, False]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*(st.floats(-3, n + 3) for n in SHAPE)), min_size=2, max_size=2), st.integers(0, 2))
def test_a_stroke_has_no_gaps_however_fine_the_brush(ends, axis):
    geometry = opened("axial")[0].geometry
    ends = np.array(ends)
    ends[:, axis] = round(ends[0, axis])
    found = whole(geometry, stroke(geometry, *ends, radius=0.01, axis=axis))
    assert ndimage.label(found, np.ones((3, 3, 3)))[1] <= 1
    inside = ((ends > -0.5) & (ends < np.array(SHAPE) - 0.5)).all(axis=1)
    for end in ends[inside]:
        assert found[tuple(np.floor(end + 0.5).astype(int))], "both ends are painted"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.3, 0.8), st.sampled_from([None, 0, 1, 2]))
def test_a_fill_is_a_component_of_scipy(seed, part, axis):
    random = np.random.default_rng(seed)
    allowed = random.random((6, 9, 8)) < part
    place = tuple(int(i) for i in random.integers(0, allowed.shape))
    within = np.zeros_like(allowed)
    within[tuple(slice(None) if a != axis else place[a] for a in range(3))] = True
    labels, _ = ndimage.label(allowed & within)
    expected = (labels == labels[place]) & allowed[place]
    np.testing.assert_array_equal(connected(allowed, place, axis=axis), expected)


# -- layers and steps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES)
def test_paint_lies_where_its_points_are_in_the_patient(plane):
    vol, state, overlays = opened()
    middle = vol.geometry.position((6, 10, 12))
    state.paint([middle], radius=5, plane=plane)
    assert overlays["mask"].array.sum() == state.painted.array.sum() > 5
    axis = vol.plane_axes[plane]
    assert set(np.nonzero(state.painted.array)[axis]) == {(6, 10, 12)[axis]}
    points = positions(vol.geometry)[state.painted.array]
    assert np.linalg.norm(points - middle, axis=-1).max() <= 5
    state.paint([middle], radius=100, erase=True)
    assert not state.painted.array.any()


def act(state, kind, place, size):
    geometry = state.acquired.geometry
    point = geometry.position(place)
    if kind == "brush":
        state.paint([point, geometry.position((6, 10, 12))], radius=size, plane="axial")
    elif kind == "ball":
        state.paint([point], radius=size)
    elif kind == "erase":
        state.paint([point], radius=size * 2, erase=True)
    elif kind == "fill":
        state.fill(point, plane="axial")
    elif kind == "threshold":
        state.threshold(10 * size, 10 * size + 5)
    else:
        state.clear_paint()


ACTS = st.tuples(
    st.sampled_from(["brush", "ball", "erase", "fill", "threshold", "clear"]),
    st.tuples(*(st.integers(0, n - 1) for n in SHAPE)),
    st.integers(2, 6),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ACTS, min_size=1, max_size=6))
def test_every_step_can_be_taken_back_and_made_again(acts):
    _, state, overlays = opened()
    overlays.paint()
    seen = [state.painted.array]
    for kind, place, size in acts:
        act(state, kind, place, size)
        if (state.painted.array != seen[-1]).any():  # what changes nothing is no step
            seen.append(state.painted.array)
    for expected in seen[-2::-1]:
        state.undo()
        np.testing.assert_array_equal(state.painted.array, expected)
    assert not state.can_undo
    for expected in seen[1:]:
        state.redo()
        np.testing.assert_array_equal(state.painted.array, expected)
    assert not state.can_redo


def test_measurements_and_paint_share_one_history():
    vol, state, _ = opened()
    state.paint([vol.geometry.position((6, 10, 12))])
    state.add_measurement(dv.measure.Point([vol.geometry.position((6, 3, 3))]))
    state.paint([vol.geometry.position((2, 4, 4))])
    both = state.painted.array
    state.undo()
    assert len(state.measurements) == 1 and 0 < state.painted.array.sum() < both.sum()
    state.undo()
    assert state.measurements == () and state.painted.array.any()
    state.undo()
    assert not state.painted.array.any() and not state.can_undo
    for _ in range(3):
        state.redo()
    assert len(state.measurements) == 1 and (state.painted.array == both).all()


def test_undo_stops_at_a_mask_that_was_removed_and_goes_on_when_it_is_back():
    vol, state, overlays = opened()
    state.add_measurement(dv.measure.Point([vol.geometry.position((6, 3, 3))]))
    state.paint([vol.geometry.position((6, 10, 12))])
    painted, drawn = state.overlays, state.painted.array
    overlays.remove("mask")
    assert not state.can_undo
    state.undo()
    assert len(state.measurements) == 1, "nothing older is taken back in its place"
    state.overlays = painted
    assert state.can_undo
    state.undo()
    assert not state.painted.array.any() and len(state.measurements) == 1
    overlays.remove("mask")
    assert not state.can_redo
    state.redo()
    state.overlays = painted
    state.redo()
    np.testing.assert_array_equal(state.painted.array, drawn)
    state.undo()
    state.undo()
    assert state.measurements == () and not state.can_undo


def test_what_can_be_taken_back_takes_bounded_memory(monkeypatch):
    monkeypatch.setattr("dicomview.state.painting.MOST_BYTES", 2000)
    vol, state, overlays = opened()
    overlays.paint()
    for i in range(40):
        state.paint([vol.geometry.position((6, 10, i % 24))], radius=8, erase=i % 2 == 1)
    kept = state._past
    assert 1 < len(kept) < 40 and sum(step.bytes for step in kept) <= 2000
    while state.can_undo:
        state.undo()


def test_fill_takes_the_inside_of_an_outline_or_values_of_a_range():
    vol, state, _ = opened("axial")
    at = vol.geometry.position
    corners = [(6, 4, 4), (6, 4, 15), (6, 14, 15), (6, 14, 4), (6, 4, 4)]
    state.paint([at(c) for c in corners], radius=0.1, plane="axial")
    state.fill(at((6, 8, 8)), plane="axial")
    expected = np.zeros(SHAPE, bool)
    expected[6, 4:15, 4:16] = True
    np.testing.assert_array_equal(state.painted.array, expected)
    state.fill(at((6, 8, 8)), plane="axial", erase=True)
    assert not state.painted.array.any()
    state.paint_range = (0, 49)
    state.fill(at((0, 0, 0)))
    labels, _ = ndimage.label((vol.array >= 0) & (vol.array <= 49))
    np.testing.assert_array_equal(state.painted.array, labels == labels[0, 0, 0])
    with pytest.raises(TraitError, match="lowest"):
        state.paint_range = (5, 1)


def test_a_range_keeps_the_brush_to_its_values_and_threshold_takes_them_all():
    vol, state, _ = opened("axial", paint_range=(20, 60), index=(3, 0, 0))
    state.paint([vol.geometry.position((6, 10, 12))], radius=6, plane="axial")
    assert state.painted.array.any() and set(vol.array[state.painted.array]) <= set(range(20, 61))
    state.clear_paint()
    state.threshold(5, 9)
    np.testing.assert_array_equal(state.painted.array, (vol.array >= 5) & (vol.array <= 9))
    state.threshold(0, 49, plane="axial", erase=True)
    assert not state.painted.array[3].any() and state.painted.array[2].any()


def test_values_that_mean_no_data_are_never_in_range():
    vol, _, _ = opened("axial")
    padded = dv.Volume(vol.array, geometry=vol.geometry, padding=(20, 29))
    state = ViewState(padded, paint_range=(10, 40))
    expected = (vol.array >= 10) & (vol.array <= 40) & ~((vol.array >= 20) & (vol.array <= 29))
    state.threshold(10, 40)
    np.testing.assert_array_equal(state.painted.array, expected)
    state.clear_paint()
    state.paint([vol.geometry.position((6, 10, 12))], radius=500)
    np.testing.assert_array_equal(state.painted.array, expected)
    region = dv.measure.Region(state.painted.volume)
    assert state.result(region).count == expected.sum(), "as many as are measured"


def test_missing_slices_are_never_painted():
    vol, _, _ = opened("axial")
    report = dv.Volume(vol.array, geometry=vol.geometry).report
    from dataclasses import replace

    lacking = dv.Volume(vol.array, geometry=vol.geometry, report=replace(report, missing=(6,)))
    state = ViewState(lacking)
    state.paint([lacking.geometry.position((6, 10, 12))], radius=12)
    state.threshold(0, 1000)
    state.fill(lacking.geometry.position((6, 1, 1)))
    assert not state.painted.array[6].any() and state.painted.array[5].all()


def test_on_turned_planes_a_ball_lies_where_it_is_seen_and_a_slice_is_refused():
    vol, state, _ = opened("oblique", patient_axes=True)
    assert not state.can_paint_flat
    middle = vol.geometry.position((6, 10, 12))
    state.paint([middle], radius=5.1)
    expected = np.linalg.norm(positions(vol.geometry) - middle, axis=-1) <= 5.1
    np.testing.assert_array_equal(state.painted.array, expected)
    with pytest.raises(PaintError, match="patient_axes"):
        state.threshold(0, 1, plane="axial")


def test_colours_have_no_range():
    state = ViewState(dv.Volume.from_array(np.zeros((3, 4, 5, 3), np.uint8), affine=np.eye(4)))
    with pytest.raises(TraitError, match="colours"):
        state.paint_range = (0, 1)
    with pytest.raises(PaintError, match="colours"):
        state.threshold(0, 1)
    state.paint([(1, 1, 1)], radius=0.1)
    assert state.painted.array.sum() == 1


def test_a_stroke_on_a_mask_that_is_removed_meanwhile_does_no_harm():
    vol, state, overlays = opened()
    state.paint([vol.geometry.position((6, 10, 12))], ends=False)
    overlays.clear()
    state.paint([vol.geometry.position((6, 12, 12))])
    state.undo()
    assert not state.can_undo and not overlays


def test_a_mask_of_another_grid_is_not_painted():
    vol, state, overlays = opened("axial")
    overlays.paint(name="mine")
    other = ViewState(dv.Volume.from_array(np.zeros((4, 5, 6)), affine=np.eye(4)))
    Overlays(other).paint(name="other")
    state.overlays = (*state.overlays, *other.overlays)
    state.paint_layer = "other"
    state.paint([vol.geometry.position((6, 10, 12))])
    assert overlays["mine"].array.any() and not overlays["other"].array.any()


# -- pictures -----------------------------------------------------------------------------------------


def drawn(state):
    figure = PictureFigure(figsize=(6, 3), dpi=100)
    PanesRenderer(figure, state.volume).update(resolve(state.volume, state))
    return figure.png()


@pytest.mark.parametrize("traits", [{}, {"patient_axes": True}], ids=["acquired", "patient axes"])
def test_what_was_painted_step_by_step_is_drawn_as_if_it_had_always_been_so(traits):
    vol, state, overlays = opened(**traits)
    figure = PictureFigure(figsize=(6, 3), dpi=100)
    renderer = PanesRenderer(figure, state.volume)
    overlays.paint(color="#00ff00")
    renderer.update(resolve(state.volume, state))
    figure.png()
    state.position = middle = vol.geometry.position((6, 10, 12))
    for at, erase in (((6, 10, 12), False), ((6, 12, 14), False), ((6, 10, 11), True)):
        state.paint([vol.geometry.position(at)], radius=5 - 2 * erase, erase=erase)
        renderer.update(resolve(state.volume, state))
        figure.png()
    state.undo()
    renderer.update(resolve(state.volume, state))
    shown = figure.png()
    forget_rasters()
    other = ViewState(vol, window=(50, 100), **traits)
    Overlays(other).paint(state.painted.array, color="#00ff00")
    other.position = middle
    assert shown == drawn(other)
    assert shown != drawn(ViewState(vol, window=(50, 100), position=middle, **traits)), "paint is seen"


def test_only_the_panes_are_drawn_again_whose_slices_were_painted():
    vol, state, overlays = opened("axial", index=(6, 10, 12))
    overlays.paint()
    before = resolve(vol, state)
    state.paint([vol.geometry.position((6, 3, 3))], radius=3, plane="axial")
    after = resolve(vol, state)
    assert changes(before, after).pixels == {"axial"}
    state.paint([vol.geometry.position((2, 3, 3))], radius=3, plane="axial")
    assert not changes(after, resolve(vol, state)), "another slice is none of those in view"


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_to_paint_is_seen_as_any_other_mask(plane):
    vol, state, overlays = opened()
    mask = np.random.default_rng(1).random(SHAPE) < 0.1
    overlays.paint(mask, color="#123456")
    painted = overlay_raster(vol, resolve(vol, state).pane(plane))
    overlays.clear()
    overlays.add_mask(mask, color="#123456")
    plain = overlay_raster(vol, resolve(vol, state).pane(plane))
    np.testing.assert_array_equal(painted[0], plain[0])
    assert painted[1:] == plain[1:]


# -- in and out ---------------------------------------------------------------------------------------


def test_masks_and_segments_are_edited_as_copies():
    vol, state, overlays = opened()
    mask = np.zeros(SHAPE, bool)
    mask[4:7, 5:9, 6:11] = True
    overlays.add_mask(mask, name="tumour", color="#102030")
    assert overlays.paint("tumour", name="mine") == ["mine"]
    assert (overlays["mine"].array == mask).all() and overlays["mine"].color == "#102030"
    state.paint([vol.geometry.position((6, 10, 12))], radius=4)
    assert overlays["tumour"].volume.array.sum() == mask.sum() < overlays["mine"].array.sum()
    coarse = Geometry(
        (6, 10, 12), affine=vol.geometry.affine @ np.diag([2.0, 2, 2, 1]) + np.outer([0] * 4, [0] * 4)
    )
    (name,) = overlays.paint(np.ones(coarse.shape), geometry=coarse)
    assert overlays[name].array.shape == SHAPE and overlays[name].array[:11, :19, :23].all()
    seg = dv.Segmentation.from_masks({"a": mask}, vol.geometry)
    (name,) = overlays.paint(seg["a"], name="from seg")
    assert (overlays[name].array == mask).all() and state.paint_layer == "from seg"


def test_paint_goes_to_the_layer_that_is_named():
    vol, state, overlays = opened()
    overlays.paint(name="a")
    overlays.paint(name="b")
    state.paint_layer = "a"
    state.paint([vol.geometry.position((6, 10, 12))], radius=4)
    assert overlays["a"].array.any() and not overlays["b"].array.any()
    overlays.set("a", color="#ffffff", opacity=0.9)
    state.paint([vol.geometry.position((2, 10, 12))], radius=4)
    assert overlays["a"].array[2].any() and overlays["a"].color == "#ffffff"


def test_a_mask_cannot_be_written_behind_the_view():
    _, _, overlays = opened()
    overlays.paint()
    with pytest.raises(ValueError, match="read-only"):
        overlays["mask"].volume.array[0] = True


def test_a_mask_goes_to_nifti_in_its_place():
    nibabel = pytest.importorskip("nibabel")
    vol, state, overlays = opened("oblique")
    state.paint([vol.geometry.position((6, 10, 12))], radius=6)
    image = overlays["mask"].volume.to_nibabel()
    again = dv.Volume.from_nibabel(nibabel.Nifti1Image.from_bytes(image.to_bytes()))
    np.testing.assert_array_equal(np.asarray(again.array) != 0, overlays["mask"].array)
    np.testing.assert_allclose(again.geometry.affine, vol.geometry.affine, atol=1e-4)


@pytest.fixture(scope="module")
def head():
    return dv.volread(dv.samples.head_ct())


def test_masks_come_back_from_a_segmentation_voxel_by_voxel(head, tmp_path):
    hd = pytest.importorskip("highdicom")
    state = ViewState(head)
    overlays = Overlays(state)
    (ball,) = overlays.paint(name="ball", color="#ff0000")
    state.paint([(27, -2, 34)], radius=9)
    overlays.paint(name="bone", color="#00ff00")
    state.threshold(300, 5000)
    overlays.paint(name="nothing")
    overlays.to_seg(tmp_path / "seg.dcm")
    validated(tmp_path / "seg.dcm")
    seg = dv.segread(tmp_path / "seg.dcm", reference=head)
    assert [s.label for s in seg.segments] == ["ball", "bone", "nothing"]
    assert np.abs(np.subtract(seg.segments[0].color, (255, 0, 0))).max() <= 1
    own = dv.segread(tmp_path / "seg.dcm")
    stored = hd.seg.segread(tmp_path / "seg.dcm")
    uids = [dv.dataset(head, k).SOPInstanceUID for k in range(head.shape[0])]
    frames = stored.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    for i, name in enumerate(["ball", "bone", "nothing"]):
        expected = overlays[name].array
        np.testing.assert_array_equal(seg[name].array, expected)
        np.testing.assert_array_equal(frames[..., i] != 0, expected)
        points = own[name].geometry.position(np.argwhere(own[name].array))
        assert len(points) == expected.sum()
    assert stored.StudyInstanceUID == dv.dataset(head, 0).StudyInstanceUID
    overlays.to_seg(tmp_path / "one.dcm", names=[ball])
    assert len(dv.segread(tmp_path / "one.dcm").segments) == 1


@pytest.mark.parametrize("shape", [(4, 2, 3), (3, 5, 7)])
def test_frames_without_whole_bytes_come_back_too(write, shape, tmp_path):
    pytest.importorskip("highdicom")
    vol = dv.volread(write(array=np.zeros(shape, np.int16), matrix=make_affine("oblique")))
    mask = np.random.default_rng(3).random(shape) < 0.4
    overlays = Overlays(ViewState(vol))
    overlays.paint(mask)
    overlays.paint(~mask, name="rest")
    overlays.to_seg(tmp_path / "seg.dcm")
    seg = dv.segread(tmp_path / "seg.dcm", reference=vol)
    np.testing.assert_array_equal(seg["mask"].array, mask)
    np.testing.assert_array_equal(seg["rest"].array, ~mask)
    overlays.to_seg(tmp_path / "one.dcm", names=["rest"])
    np.testing.assert_array_equal(dv.segread(tmp_path / "one.dcm", reference=vol)["rest"].array, ~mask)


def test_a_segmentation_needs_files_and_masks(head):
    pytest.importorskip("highdicom")
    vol, _, overlays = opened()
    overlays.paint()
    with pytest.raises(SegmentError, match="FrameOfReferenceUID"):
        overlays.to_seg("seg.dcm")
    with pytest.raises(SegmentError, match="at least one mask"):
        Overlays(ViewState(head)).to_seg("seg.dcm")
    overlays.fuse(vol, name="ct")
    with pytest.raises(TypeError, match="no mask"):
        overlays.to_seg("seg.dcm", names=["ct"])


def test_linked_viewers_hear_of_paint_in_either():
    vol, state, overlays = opened("axial")
    overlays.paint()
    other = ViewState(vol, window=(50, 100))
    dv.link(state, other, traits=["overlays", "touched"])
    for one, two in ((state, other), (other, state)):
        one.paint([vol.geometry.position((6, 10, 12))], radius=4, erase=one is other)
        assert two.touched == one.touched is not None
        assert drawn(one) == drawn(two)


# -- tools --------------------------------------------------------------------------------------------


class Easel(Desk):
    """A desk with the tools that paint."""

    def __init__(self, vol, **traits):
        super().__init__(vol, **traits)
        self.painting = PaintingTool(self.figure, lambda: self.panes, self.state)

    def draw(self, plane, *places, steps=4):
        """Drag from the first place to the last, in data coordinates."""
        start, end = self.pixel(plane, *places[0]), self.pixel(plane, *places[-1])
        self.drag(start, end - start, steps=steps)


VIEWS = {
    "upright": {},
    "zoomed": {"zoom": 2.0, "center": (5.0, 10.0, 12.0)},
    "turned": {"turns": {"axial": (1, True), "coronal": (2, False), "sagittal": (3, True)}},
}


@pytest.mark.parametrize("traits", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("plane", PLANES)
def test_a_drag_paints_from_press_to_release_in_any_pane(plane, traits):
    vol, _, _ = opened("sagittal")
    easel = Easel(vol, index=(6, 10, 12), tool="brush", brush_mm=3, **traits)
    view = resolve(vol, easel.state).pane(plane).view
    ends = np.array([[4, 8, 10], [8, 12, 14]])
    ends[:, view.axis] = easel.state.index[view.axis]
    easel.draw(plane, *ends[:, [view.right, view.down]])
    found = easel.state.painted.array
    away = from_line(positions(vol.geometry), *vol.geometry.position(ends))
    away[(slice(None),) * view.axis + (np.arange(SHAPE[view.axis]) != easel.state.index[view.axis],)] = 99
    assert found[away < 2.5].all() and not found[away > 3.5].any()  # events come in whole pixels
    assert easel.state.index == (6, 10, 12) and easel.state.window == vol.default_window
    easel.state.undo()
    assert not easel.state.painted.array.any(), "a drag is one step"


def test_the_eraser_takes_away_and_the_fill_fills():
    vol, _, _ = opened("axial")
    easel = Easel(vol, index=(6, 10, 12), tool="fill")
    easel.click(easel.pixel("axial", 12, 10))
    assert easel.state.painted.array[6].all() and easel.state.painted.array.sum() == 20 * 24
    easel.state.tool = "eraser"
    easel.draw("axial", (4, 5), (15, 12))
    gone = 20 * 24 - easel.state.painted.array.sum()
    assert gone > 20
    easel.state.tool, easel.state.brush_3d = "brush", True
    easel.click(easel.pixel("axial", 12, 10))
    assert len(set(np.nonzero(easel.state.painted.array)[0])) > 1


def test_another_button_or_tool_paints_nothing_and_a_change_of_the_tool_ends_a_stroke():
    vol, _, _ = opened("axial")
    easel = Easel(vol, index=(6, 10, 12), tool="brush")
    easel.drag(easel.pixel("axial", 5, 5), (20, 0), MouseButton.RIGHT)
    easel.state.tool = "crosshair"
    easel.draw("axial", (4, 5), (15, 12))
    assert easel.state.painted is None
    easel.state.tool = "brush"
    easel.send("button_press_event", easel.pixel("axial", 5, 5), MouseButton.LEFT)
    easel.state.tool = "pan"
    assert len(easel.state._past) == 1 and easel.state._stroke is None


@pytest.mark.parametrize("change", [{"index": (7, 10, 12)}, {"zoom": 2.0}, {"turns": {"axial": (1, False)}}])
def test_a_stroke_ends_when_something_else_comes_under_the_pointer(change):
    easel = Easel(opened("axial")[0], index=(6, 10, 12), tool="brush", brush_mm=2)
    easel.send("button_press_event", easel.pixel("axial", 5, 5), MouseButton.LEFT)
    before = easel.state.painted.array
    for name, value in change.items():
        setattr(easel.state, name, value)
    event = MouseEvent("motion_notify_event", easel.figure.canvas, *easel.pixel("axial", 15, 15))
    event.buttons = frozenset([MouseButton.LEFT])
    event._process()
    np.testing.assert_array_equal(easel.state.painted.array, before)


def test_keys_change_the_radius_within_its_limits():
    easel = Easel(opened("axial")[0], brush_mm=4)
    assert easel.painting.press("]") and easel.state.brush_mm == 5
    assert easel.painting.press("[", 2) and easel.state.brush_mm == pytest.approx(3.2)
    easel.painting.press("[", 99)
    assert easel.state.brush_mm == 0.1 and not easel.painting.press("x")


def test_on_turned_planes_only_a_ball_is_drawn():
    vol, _, _ = opened("oblique")
    easel = Easel(vol, tool="brush", patient_axes=True)
    easel.state.position = vol.geometry.position((6, 10, 12))
    x, y = (easel.state.index[a] for a in (2, 1))
    easel.click(easel.pixel("axial", x, y))
    assert easel.state.painted is None
    easel.state.brush_3d = True
    easel.click(easel.pixel("axial", x, y))
    points = positions(vol.geometry)[easel.state.painted.array]
    assert np.linalg.norm(points.mean(axis=0) - easel.state.position) < 1


# -- the page -----------------------------------------------------------------------------------------


@pytest.fixture
def talk(monkeypatch):
    """A viewer, what it has sent to the page, and a way to speak as the page."""
    vol = opened("axial")[0]
    viewer = dv.SliceViewer(vol, index=(6, 10, 12))
    sent = []
    monkeypatch.setattr(type(viewer._page), "send", lambda page, message, buffers=None: sent.append(message))
    viewer.overlays.paint()
    viewer._page._received(None, {"hello": {"view": "a", "far": False}}, [])
    sent.clear()
    yield viewer, sent, lambda **message: viewer._page._received(None, message, [])
    viewer.close()


def test_only_what_lies_over_the_slice_that_was_painted_travels(talk):
    viewer, sent, _ = talk
    viewer.state.paint([viewer.volume.geometry.position((6, 3, 3))], radius=2, plane="axial")
    (message,) = [m for m in sent if "slices" in m]
    assert not [m for m in sent if "scene" in m]
    assert [header["key"] for header in message["slices"]] == ["over |0|6"]
    painted = message["painted"]
    assert (painted["low"][0], painted["high"][0]) == (6, 7) and painted["coming"] == ["over |0|6"]
    assert painted["low"][1] <= 3 < painted["high"][1] <= 6
    assert message["slices"][0]["stamp"] == painted["stamp"]


def test_a_slice_that_is_not_in_view_is_asked_for_again(talk):
    viewer, sent, say = talk
    viewer.state.paint([viewer.volume.geometry.position((2, 3, 3))], radius=2, plane="axial")
    (message,) = [m for m in sent if "slices" in m]
    assert message["slices"] == [] and message["painted"]["low"][0] == 2
    names = viewer._staging._stage
    want = {"slices": [[[], 0, 2, True]], "packed": True, "asked": 1.0, "volume": names.volume_name}
    say(want={**want, "overlays": names.overlays_name})
    (header,) = sent[-1]["slices"]
    assert header["height"] > 0 and header["stamp"] == message["painted"]["stamp"]


def test_the_panel_chooses_mask_brush_and_values():
    vol, _, _ = opened()
    viewer = dv.SliceViewer(vol)
    section = viewer.panel.section("paint")
    assert section.buttons["clear"].disabled and section.buttons["undo"].disabled
    section.buttons["new"].click()
    section.buttons["new"].click()
    assert section.layer.options == ("mask", "mask 2") and viewer.state.paint_layer == "mask 2"
    section.layer.value = "mask"
    assert viewer.state.paint_layer == "mask"
    section.radius.value = 7.5
    assert viewer.state.brush_mm == 7.5
    section.values.value = "5, 9"
    assert viewer.state.paint_range == (5, 9)
    section.ball.value = True
    section.buttons["all"].click()
    np.testing.assert_array_equal(viewer.state.painted.array, (vol.array >= 5) & (vol.array <= 9))
    assert not section.buttons["undo"].disabled
    section.buttons["undo"].click()
    assert not viewer.state.painted.array.any() and not section.buttons["redo"].disabled
    assert "acquisition" not in viewer._title.value + section.note.value
    section.ball.value, viewer.state.tool, viewer.state.patient_axes = False, "brush", True
    assert "acquisition" in viewer._title.value and "acquisition" in section.note.value
    section.ball.value = True
    assert "acquisition" not in viewer._title.value + section.note.value
    section.values.value = "nine"
    assert section.values.value == "5, 9"
    section.values.value = ""
    assert viewer.state.paint_range is None and section.buttons["all"].disabled
    viewer.close()


def test_the_panel_paints_the_slice_of_the_plane_in_view():
    vol, _, _ = opened()
    viewer = dv.SliceViewer(vol, layout="coronal", index=(5, 7, 9))
    viewer.state.paint_range = (0, 99)
    viewer.panel.section("paint").buttons["all"].click()
    axis = vol.plane_axes["coronal"]
    expected = np.zeros(SHAPE, bool)
    expected[(slice(None),) * axis + (viewer.state.index[axis],)] = True
    np.testing.assert_array_equal(viewer.state.painted.array, expected)
    viewer.close()


def test_the_panel_tells_of_a_file_as_text(write, tmp_path):
    pytest.importorskip("dask")
    files = write()
    name = "3<img src=x onerror=alert(1)>.dcm"
    spoil(files, 3)
    files[3].rename(files[3].with_name(name))
    viewer = dv.SliceViewer(dv.volread(tmp_path / "series", lazy=True), layout="axial", index=(2, 0, 0))
    viewer.state.paint_range = (0, 99)
    section = viewer.panel.section("paint")
    section.ball.value = True
    section.buttons["all"].click()
    assert "3&lt;img" in section.note.value and "<img" not in section.note.value
    viewer.close()
