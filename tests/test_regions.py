"""Regions of voxels in a view: outlined in every pane, selected, removed and taken back."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from test_measuring import VIEWS, Bench, pixels

import dicomview as dv
from dicomview.errors import MeasureError
from dicomview.geometry import PLANES, Geometry
from dicomview.measure import Region, evaluate
from dicomview.render import PanesRenderer
from dicomview.state import ViewState, resolve

SHAPE = (20, 30, 40)


def volume(orientation="tilted"):
    array = make_voxels(SHAPE).astype(np.int16) % 2000
    return dv.Volume.from_array(array, affine=make_affine(orientation), meta={"Modality": "CT"})


def ragged():
    """Return two parts and a hole."""
    mask = np.zeros(SHAPE, bool)
    mask[8:14, 10:22, 5:25] = True
    mask[9:13, 13:18, 10:18] = False
    mask[10:12, 24:27, 30:34] = True
    mask[10, 24, 30] = False
    return mask


def lines_of(outline):
    """Return the ends of all lines."""
    pairs = np.array(list(pairwise(outline.path.places)))
    return pairs[~np.isnan(pairs).any(axis=(1, 2))]


def inside(outline, points):
    """Return whether an odd number of upright lines lies left of points: counted, nothing else."""
    lines = lines_of(outline)
    upright = lines[lines[:, 0, 0] == lines[:, 1, 0]]
    x, low, high = upright[:, 0, 0], upright[..., 1].min(axis=1), upright[..., 1].max(axis=1)
    px, py = points[..., 0, None], points[..., 1, None]
    return ((x < px) & (low <= py) & (py < high)).sum(axis=-1) % 2 == 1


@pytest.mark.parametrize("traits", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("plane", PLANES)
def test_the_outline_encloses_the_voxels_of_the_slice(plane, traits):
    vol, mask = volume("sagittal"), ragged()
    region = Region(dv.Volume(mask, geometry=vol.geometry), "stone")
    state = ViewState(vol, index=(10, 15, 12), measurements=[region], **traits)
    pane = resolve(vol, state).pane(plane)
    (outline,) = pane.outlines
    assert (outline.number, outline.kind, outline.handles) == (0, "region", ())
    expected = np.moveaxis(mask, (pane.view.axis, pane.view.down, pane.view.right), (0, 1, 2))[pane.index]
    down, right = np.indices(expected.shape)
    assert expected.any() and np.array_equal(inside(outline, np.stack([right, down], axis=-1)), expected)
    name, size = outline.text.split("\n")[:2]
    assert name == "stone" and size.endswith(" mm³")
    edges = sum(int(np.abs(np.diff(np.pad(expected, 1).astype(int), axis=axis)).sum()) for axis in (0, 1))
    assert np.abs(np.diff(lines_of(outline), axis=1)).sum() == pytest.approx(edges), "no edge twice"


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("traits", [{}, {"rotation": (0, 20, 0)}, {"patient_axes": True}], ids=str)
def test_a_region_on_a_grid_of_its_own_is_outlined_where_it_lies(plane, traits):
    vol = volume("oblique")
    affine = np.diag([4.0, 3.0, 5.0, 1.0])
    affine[:3, 3] = vol.geometry.position((10, 15, 20)) - affine[:3, :3] @ (6, 6, 6)
    mask = np.zeros((13, 13, 13), bool)
    mask[4:9, 3:9, 5:8] = True
    region = Region(dv.Volume.from_array(mask, affine=affine))
    state = ViewState(vol, **traits)
    state.measurements = [region]
    state.position = vol.geometry.position((10, 15, 20))
    pane = resolve(state.volume, state).pane(plane)
    shown = pane.volume  # turned planes stand upright in each pane
    (outline,) = pane.outlines
    index = np.empty((*(shown.geometry.shape[a] for a in (pane.view.down, pane.view.right)), 3))
    index[..., pane.view.axis] = pane.index
    index[..., pane.view.down], index[..., pane.view.right] = np.indices(index.shape[:2])
    own = region.mask.geometry.index(shown.geometry.position(index))
    near = np.floor(own + 0.5).astype(int)
    expected = ((near >= (4, 3, 5)) & (near < (9, 9, 8))).all(axis=-1)
    found = inside(outline, index[..., [pane.view.right, pane.view.down]])
    # Only where a face of a voxel of the mask runs through a voxel that is shown may they differ.
    step = np.abs(np.linalg.inv(affine)[:3, :3] @ shown.geometry.affine[:3, :3]).sum(axis=1)
    certain = (np.abs(own + 0.5 - np.round(own + 0.5)) > step / 6).all(axis=-1)
    assert expected.sum() > 20 and certain.mean() > 0.2
    assert np.array_equal(found[certain], expected[certain])


def test_it_is_seen_only_where_it_has_voxels():
    vol = volume()
    state = ViewState(vol, measurements=[Region(dv.Volume(ragged(), geometry=vol.geometry))])
    state.index = (7, 2, 38)
    assert not any(pane.outlines for pane in resolve(vol, state).panes)
    state.index = (8, 2, 38)
    assert [pane.plane for pane in resolve(vol, state).panes if pane.outlines] == [vol.slice_plane]


def test_it_is_selected_removed_and_taken_back():
    vol = volume()
    bench = Bench(vol, window=(40, 400), index=(10, 25, 20), tool="distance")
    state = bench.state
    region = Region(dv.Volume(ragged(), geometry=vol.geometry), "stone")
    state.add_measurement(region)
    assert state.selected == 0
    bench.click(bench.pixel("axial", 2, 2))
    assert state.selected is None
    bench.click(bench.pixel("axial", 15, 9.5))  # the upper edge
    assert state.selected == 0 and resolve(vol, state).pane("axial").outlines[0].is_selected
    bench.draw("axial", (15, 9.5), (20, 15))
    assert state.measurements == (region,) and state.draft is None, "voxels are not moved"
    bench.measuring.press("Delete")
    assert state.measurements == ()
    state.undo()
    assert state.measurements == (region,)
    state.redo()
    assert state.measurements == ()


@pytest.mark.parametrize("plane", PLANES)
def test_the_edge_is_drawn_along_the_faces_of_the_voxels(plane):
    vol = dv.Volume.from_array(np.zeros(SHAPE, np.int16), affine=make_affine("axial"))
    mask = np.zeros(SHAPE, bool)
    mask[8:14, 10:22, 5:25] = True
    hidden = {"crosshair": False, "texts": False, "letters": False, "scale_bar": False}
    state = ViewState(vol, index=(10, 15, 12), layout=plane, window=(0, 2), **hidden)
    figure = Figure(figsize=(6, 6), dpi=100)
    FigureCanvasAgg(figure)
    panes = PanesRenderer(figure, vol)
    panes.update(resolve(vol, state))
    before = pixels(figure)
    state.measurements = [Region(dv.Volume(mask, geometry=vol.geometry))]
    panes.update(resolve(vol, state))
    rows, columns = np.nonzero((pixels(figure) != before).any(axis=2))
    places = panes.axes[plane].transData.inverted().transform(
        np.stack([columns + 0.5, figure.bbox.height - rows - 0.5], axis=-1)
    )  # fmt: skip
    view = resolve(vol, state).pane(plane).view
    spans = {0: (7.5, 13.5), 1: (9.5, 21.5), 2: (4.5, 24.5)}
    (left, right), (top, bottom) = spans[view.right], spans[view.down]
    x, y = places.T
    to_x = np.maximum(np.maximum(left - x, x - right), 0)
    to_y = np.maximum(np.maximum(top - y, y - bottom), 0)
    within = np.minimum(np.minimum(abs(x - left), abs(x - right)), np.minimum(abs(y - top), abs(y - bottom)))
    is_inside = (to_x == 0) & (to_y == 0)
    assert is_inside.sum() > 100 and within[is_inside].max() < 0.5, "nothing but the edge is drawn inside"


def test_what_has_no_place_is_not_drawn():
    vol = volume()
    regions = [
        Region(dv.Volume.from_array(np.ones((3, 4, 5), bool)), "elsewhere"),
        Region(dv.Volume(np.zeros(SHAPE, bool), geometry=vol.geometry), "empty"),
    ]
    state = ViewState(vol, measurements=regions)
    assert not any(pane.outlines for pane in resolve(vol, state).panes)
    flat = dv.Volume.from_array(np.zeros(SHAPE))
    state = ViewState(flat, measurements=[Region(dv.Volume(ragged(), geometry=Geometry(SHAPE)))])
    state.index = (10, 15, 12)
    assert all(pane.outlines for pane in resolve(flat, state).panes)


def test_slices_that_do_not_change_are_cut_once(monkeypatch):
    from dicomview.state import regions

    vol, calls = volume(), []
    original = regions.patch_of
    monkeypatch.setattr(
        regions, "patch_of", lambda *args, **kwargs: (calls.append(1), original(*args, **kwargs))[1]
    )
    state = ViewState(
        vol, index=(10, 15, 12), measurements=[Region(dv.Volume(ragged(), geometry=vol.geometry))]
    )
    first = resolve(vol, state)
    assert len(calls) == 3
    state.zoom = 2.0
    assert resolve(vol, state).pane("axial").outlines == first.pane("axial").outlines and len(calls) == 3


@pytest.mark.usefixtures("named")
def test_a_region_of_another_frame_of_reference_is_neither_measured_nor_drawn(tmp_path):
    vol = volume()
    vol.meta["FrameOfReferenceUID"] = "1.2"
    region = Region(dv.Volume(ragged(), geometry=vol.geometry, meta={"FrameOfReferenceUID": "1.3"}), "other")
    with pytest.raises(MeasureError, match=r"FrameOfReferenceUID \(0020,0052\) is 1.3 and 1.2"):
        evaluate(vol, region)
    state = ViewState(vol, index=(10, 15, 12), measurements=[region])
    assert not any(pane.outlines for pane in resolve(vol, state).panes)
    viewer = dv.SliceViewer(vol, measurements=[region])
    viewer.to_html(tmp_path / "view.html")
    assert "Measurements that are not shown here: 1." in (tmp_path / "view.html").read_text(encoding="utf-8")
    viewer.close()


def test_two_views_on_other_grids_do_not_take_lines_from_each_other():
    vol = volume()
    region = Region(dv.Volume(ragged(), geometry=vol.geometry))
    states = [ViewState(vol, index=(10, 15, 12)), ViewState(vol, rotation=(0, 0, 30))]
    alone = []
    for state in states:
        state.measurements = [region]
        alone.append([pane.outlines for pane in resolve(state.volume, state).panes])
    for state, expected in zip(states * 2, alone * 2):
        assert [pane.outlines for pane in resolve(state.volume, state).panes] == expected
    assert alone[0] != alone[1]
