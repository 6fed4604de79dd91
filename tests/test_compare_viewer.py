"""CompareViewer without a browser: modes, controls, pictures, and nothing left behind."""

import gc
import weakref
from types import SimpleNamespace

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_affine, make_voxels, widgets_alive
from traitlets import TraitError

import dicomview as dv
from dicomview.state import pane_pixels
from dicomview.widgets import displayed
from dicomview.widgets.divider import lanes_of
from dicomview.widgets.page import PageLink

PASSIVE = ipywidgets.Layout, ipywidgets.Style
SHAPE = (20, 24, 28)


@pytest.fixture
def show():
    viewers = []

    def show(*args, **kwargs):
        viewers.append(dv.compare(*args, **kwargs))
        return viewers[-1]

    yield show
    for viewer in viewers:
        viewer.close()
    assert plt.get_fignums() == []


@pytest.fixture
def a():
    return dv.Volume.from_array(make_voxels(SHAPE), affine=make_affine(), meta={"Modality": "CT"})


@pytest.fixture
def b():
    half = np.diag([2.0, 1, 1, 1])
    return dv.Volume.from_array(
        make_voxels((10, 24, 28), seed=1), affine=make_affine() @ half, meta={"Modality": "CT"}
    )


def test_side_by_side_they_go_along(show, a, b):
    viewer = show(a, b)
    one, two = viewer.viewers
    assert one.volume is a and two.volume is b and one.state.layout == two.state.layout == "axial"
    one.sliders["axial"].value = 8
    assert two.state.index[0] == 4
    two.state.window = (1, 2)
    assert one.state.window == dv.Window(1, 2), "both are CT"
    two.state.layout, two.state.zoom = "coronal", 2
    assert one.state.layout == "coronal" and one.state.zoom == 2


def test_each_mode_shows_its_volume_and_keeps_the_view(show, a, b):
    viewer = show(a, b)
    viewer.state.index, viewer.state.zoom = (7, 8, 9), 1.5
    viewer.state.window = (50, 700)
    for mode in ("curtain", "checkerboard", "blink", "difference", "side"):
        viewer.comparison.mode = mode
        assert viewer.controls.mode.value == mode
        assert len(viewer.viewers) == 1 + (mode == "side")
        assert viewer.state.index == (7, 8, 9) and viewer.state.zoom == 1.5
        assert viewer.state.layout == ("axial" if mode == "side" else "ortho")
        if mode == "difference":
            assert viewer.state.window == viewer.volume.default_window and viewer.state.colormap == "RdBu_r"
        else:
            assert viewer.state.window == dv.Window(50, 700)
        shown = {
            "curtain": viewer.controls.curtain,
            "checkerboard": viewer.controls.tile,
            "blink": viewer.controls.rate,
        }
        assert [name for name, one in shown.items() if one.layout.display == ""] == [mode] * (mode in shown)


def test_the_controls_are_the_comparison(show, a, b):
    viewer = show(a, b, mode="curtain", curtain=0.25)
    image = viewer.viewers[0].axes["axial"].images[0]
    on = b.on(a)
    expected = np.where(np.arange(28) < 7, a.array[10], on.array[10])
    np.testing.assert_array_equal(image.get_array(), expected)
    viewer.controls.curtain.value = 0.5
    assert viewer.comparison.curtain == viewer.divider.value == 0.5
    expected = np.where(np.arange(28) < 14, a.array[10], on.array[10])
    np.testing.assert_array_equal(viewer.viewers[0].axes["axial"].images[0].get_array(), expected)
    viewer.divider.value = 1.0  # dragged in the page
    assert viewer.controls.curtain.value == 1
    np.testing.assert_array_equal(viewer.viewers[0].axes["axial"].images[0].get_array(), a.array[10])
    viewer.controls.mode.value = "checkerboard"
    viewer.comparison.tile = 2.5
    tiles = viewer.viewers[0].axes["coronal"].images[0].get_array()
    k, c = np.arange(20)[:, None], np.floor(np.arange(28) * 0.6 / 2.5 + 1e-9)
    np.testing.assert_array_equal(tiles, np.where((k + c) % 2 == 1, on.array[:, 12], a.array[:, 12]))
    viewer.comparison.mode = "blink"
    viewer.controls.rate.value = 4
    assert viewer.state.fps == 4 and viewer.state.cine == "shown" and viewer.state.playing
    viewer.state.frame = (1,)
    np.testing.assert_array_equal(viewer.viewers[0].axes["axial"].images[0].get_array(), on.array[10])


def test_a_turned_pane_has_its_curtain_upright(show, a, b):
    viewer = show(a, b, mode="curtain", curtain=0.5)
    viewer.state.mirror("axial")
    image = viewer.viewers[0].axes["axial"].images[0].get_array()
    expected = np.where(np.arange(28) >= 14, a.array[10], b.on(a).array[10])
    np.testing.assert_array_equal(image, expected)
    viewer.state.turn("axial")
    image = viewer.viewers[0].axes["axial"].images[0].get_array()
    assert sorted(image.shape) == [24, 28]
    top = (np.asarray(image) == (a.array[10] if image.shape == (24, 28) else a.array[10].T)).mean()
    assert top == pytest.approx(0.5, abs=0.02)


def test_the_line_lies_where_the_picture_changes(show, a, b):
    viewer = show(a, b, mode="curtain")
    viewer.state.zoom, viewer.state.center = 2.0, (10, 12, 7)
    renderer = viewer.viewers[0]._canvas.renderer
    width, _ = renderer.figure.bbox.size
    lanes = lanes_of(renderer)
    assert lanes == viewer.divider.lanes and len(lanes) == 3
    for lane, plane, count in zip(lanes, ("axial", "coronal", "sagittal"), (28, 28, 24)):
        ax = renderer.axes[plane]
        for at, data in ((0.0, -0.5), (0.25, 0.25 * count - 0.5)):
            x = ax.transData.transform((data, 0))[0] / width
            assert lane["x0"] + at * (lane["x1"] - lane["x0"]) == pytest.approx(x, abs=1e-6)
        assert 0 <= lane["top"] < lane["bottom"] <= 1 and lane["left"] < lane["right"]


def test_windows_follow_from_one_mode_to_another(show, a):
    pet = dv.Volume.from_array(np.full(SHAPE, 2.0), affine=make_affine(), meta={"Modality": "CT"})
    viewer = show(a, pet, windows=((40, 80), (4, 8)))
    one, two = viewer.viewers
    assert (one.state.window, two.state.window) == (dv.Window(40, 80), dv.Window(4, 8))
    one.state.window = (100, 200)
    assert two.state.window == dv.Window(4, 8), "other values, another window"
    viewer.comparison.mode = "curtain"
    viewer.state.window = (100, 400)  # twice as wide
    viewer.comparison.mode = "side"
    assert viewer.viewers[1].state.window == dv.Window(4, 16)
    viewer.comparison.windows = ((0, 10), (0, 20))
    assert [v.state.window.width for v in viewer.viewers] == [10, 20]
    viewer.comparison.mode = "curtain"
    viewer.comparison.windows = ((0, 10), (2, 20))
    assert viewer.state.window == dv.Window(0, 10)
    np.testing.assert_allclose(viewer.volume.array[3][:, -1], 0)


def test_the_values_of_both_are_told(show, a, b):
    viewer = show(a, b, mode="curtain")
    viewer.state.index = (6, 5, 4)
    assert viewer.values.value == f"<code>a {a.array[6, 5, 4]} HU &nbsp; b {b.array[3, 5, 4]} HU</code>"
    far = dv.Volume.from_array(np.zeros(SHAPE), affine=make_affine(origin=(900, 0, 0)))
    assert "b no data" in show(a, far, mode="curtain").values.value


def test_what_a_header_says_is_text_and_no_html(show, a):
    bad = "<img src=x onerror=alert(1)>"
    other = dv.Volume.from_array(make_voxels(SHAPE), affine=make_affine(), meta={"RescaleType": bad})
    values = show(other, other, mode="curtain").values.value
    assert "<img" not in values and "&lt;img" in values


def test_on_patient_axes_the_values_are_those_of_the_place(show):
    ramp = np.broadcast_to(np.arange(28.0) * 10, SHAPE)
    oblique = dv.Volume.from_array(ramp, affine=make_affine("oblique"))
    viewer = show(oblique, dv.Volume.from_array(ramp + 3, affine=make_affine("oblique")), mode="checkerboard")
    viewer.state.patient_axes = True
    column = round(float(oblique.geometry.index(viewer.state.position)[2]))
    assert viewer.values.value == f"<code>a {10 * column} &nbsp; b {10 * column + 3}</code>"
    viewer.comparison.tile = 4
    assert viewer.state.volume.shape != SHAPE and viewer.viewers[0].figure()
    viewer.state.index = (0, 0, 0)
    assert viewer.values.value == "<code>a no data &nbsp; b no data</code>"


def test_a_rotated_view_stays_rotated(show, a, b):
    viewer = show(a, b, mode="curtain", curtain=1)
    viewer.state.rotate("axial", 30)
    grid, before = (
        viewer.state.volume.geometry,
        np.asarray(viewer.viewers[0].axes["coronal"].images[0].get_array()),
    )
    viewer.comparison.curtain = 0
    viewer.comparison.curtain = 1
    assert viewer.state.volume.geometry == grid
    np.testing.assert_array_equal(viewer.viewers[0].axes["coronal"].images[0].get_array(), before)


def test_measurements_stay(show, a, b):
    viewer = show(a, b, mode="curtain")
    drawn = dv.measure.Distance((a.geometry.position((10, 2, 3)), a.geometry.position((10, 5, 7))))
    viewer.state.measurements = (drawn,)
    viewer.comparison.mode = "side"
    one, two = viewer.viewers
    assert one.state.measurements == (drawn,) and two.state.measurements == ()


MODES = ("curtain", "checkerboard", "blink", "difference", "side")


def test_the_view_stays_in_other_modes(show, a, b):
    viewer = show(a, b)
    viewer.state.rotation, viewer.state.slab = (0, 0, 30), {"axial": 5}
    viewer.state.position, viewer.state.zoom = (5, 20, 12), 2.0
    viewer.state.center = (12.0, 14.0, 15.0)
    names = ("rotation", "position", "index", "slab", "zoom", "center")
    before = {name: getattr(viewer.state, name) for name in names}
    grids = viewer.state.volume.geometry, {p: f.geometry for p, f in viewer.state.faces.items()}
    middles = {p: f.middle for p, f in viewer.state.faces.items()}
    for mode in MODES:
        viewer.comparison.mode = mode
        assert {name: getattr(viewer.state, name) for name in names} == before, mode
        assert (viewer.state.volume.geometry, {p: f.geometry for p, f in viewer.state.faces.items()}) == grids
        assert {p: f.middle for p, f in viewer.state.faces.items()} == middles
    second = viewer.viewers[1].state
    assert second.rotation == (0, 0, 30) and second.slab == {"axial": 5}
    assert np.abs(np.subtract(second.position, viewer.state.position)).max() < 2
    viewer.state.rotate("axial", 10)
    assert viewer.state.rotation == (0, 0, 20)


def test_patient_axes_stay_in_other_modes(show):
    a, b = (dv.Volume.from_array(make_voxels(SHAPE, seed=i), affine=make_affine("oblique")) for i in (0, 1))
    viewer = show(a, b)
    viewer.state.patient_axes = True
    viewer.state.index = (3, 4, 5)
    place = viewer.state.position
    for mode in MODES:
        viewer.comparison.mode = mode
        assert viewer.state.patient_axes and viewer.state.index == (3, 4, 5)
        assert viewer.state.position == place
    assert viewer.viewers[1].state.patient_axes


def test_overlays_paint_and_the_way_back_stay_in_other_modes(show, a, b):
    viewer = show(a, b)
    one, two = viewer.viewers
    one.overlays.add_mask(a.array > 500, name="bright")
    one.overlays.paint(name="lesion")
    two.overlays.paint(name="of b")
    one.state.brush_mm, one.state.paint_range = 3.0, (-5000, 5000)
    one.state.paint([one.state.position], radius=2)
    two.state.paint([two.state.position], radius=2)
    sums = [int(each.state.painted.array.sum()) for each in (one, two)]
    assert min(sums) > 0
    drawn = dv.measure.Distance((b.geometry.position((5, 2, 3)), b.geometry.position((5, 5, 7))))
    two.state.measurements = (drawn,)
    for mode in MODES:
        viewer.comparison.mode = mode
        state = viewer.state
        assert [overlay.name for overlay in viewer.viewers[0].overlays] == ["bright", "lesion"]
        assert state.painted.name == "lesion" and state.can_undo
        assert (state.brush_mm, state.paint_range) == (3.0, (-5000, 5000))
        state.undo()
        assert not state.painted.array.any()
        state.redo()
        assert state.painted.array.sum() == sums[0]
    two = viewer.viewers[1].state
    assert two.measurements == (drawn,) and two.painted.name == "of b"
    two.undo()
    two.undo()
    assert two.measurements == () and not two.painted.array.any()


def test_the_curtain_of_turned_panes_is_upright_at_once(show, a, b):
    viewer = show(a, b)
    viewer.state.mirror("axial")
    viewer.comparison.mode = "curtain"
    image = viewer.viewers[0].axes["axial"].images[0].get_array()
    expected = np.where(np.arange(28) >= 14, a.array[10], b.on(a).array[10])
    np.testing.assert_array_equal(image, expected)


def test_the_curtain_where_one_pane_is_shown(show, a, b):
    viewer = show(a, b, mode="curtain", layout="axial")
    viewer.comparison.curtain = 0.2
    viewer.state.layout = "coronal"
    viewer.comparison.curtain = 0.7
    assert viewer.viewers[0]._repr_mimebundle_()


def test_numbers_follow_the_values_in_view(show, a, b):
    viewer = show(a, b, mode="curtain", curtain=1)
    corners = (10, 2, 2), (10, 2, 20), (10, 12, 20), (10, 12, 2)
    shape = dv.measure.Rectangle([a.geometry.position(corner) for corner in corners])
    viewer.state.add_measurement(shape)
    section = viewer.viewers[0].panel.section("measurements")
    before, seen = section.numbers.value, []
    viewer.state.observe(lambda change: seen.append(change["new"]), "taken")
    viewer.comparison.curtain = 0
    assert section.numbers.value != before and seen == [viewer.state.taken]


@pytest.mark.usefixtures("named")
def test_another_frame_of_reference_is_seen(show, a, b):
    a.meta["FrameOfReferenceUID"], b.meta["FrameOfReferenceUID"] = "1.2", "1.3<b>"
    viewer = show(a, b)
    for mode in ("side", *MODES):
        viewer.comparison.mode = mode
        assert "(0020,0052) is 1.2 and 1.3&lt;b&gt;" in viewer.values.value
        assert ("<code>" in viewer.values.value) == (mode != "side")


def test_what_cannot_be_composed(show, a):
    color = dv.Volume.from_array(np.zeros((*SHAPE, 3), np.uint8))
    with pytest.raises(TraitError, match="colours"):
        dv.compare(a, color, mode="curtain")
    viewer = show(a, color)
    assert viewer.controls.mode.options == ("side",) and "not linked" in viewer.values.value
    viewer.viewers[0].state.zoom = 3
    assert viewer.viewers[1].state.zoom == 3


def moving(count, seed, dims=("time",)):
    array = np.stack([make_voxels(SHAPE, seed=seed + i) for i in range(count)])
    return dv.Volume.from_array(
        array, affine=make_affine(), dims=(*dims, "slice", "row", "column"), meta={"Modality": "CT"}
    )


def test_frames_stay_from_one_mode_to_another(show):
    a, b = moving(4, 0), moving(4, 10)
    viewer = show(a, b, frame=(3,))
    assert [one.state.frame for one in viewer.viewers] == [(3,), (3,)]
    viewer.viewers[1].sliders["time"].value = 1
    assert viewer.state.frame == (1,), "they go along"
    assert viewer.controls.linked.value and viewer.controls.linked.layout.display == ""
    for mode, frame in (("curtain", (1,)), ("blink", (0, 1)), ("difference", (1,)), ("checkerboard", (1,))):
        viewer.comparison.mode = mode
        assert viewer.state.frame == frame
    viewer.state.pointer = None
    assert f"a {a.array[1][viewer.state.index]}" in viewer.values.value
    viewer.state.frame = (2,)
    assert f"b {b.array[2][viewer.state.index]}" in viewer.values.value
    viewer.controls.linked.value = False
    assert viewer.comparison.frames == "own" and viewer.volume.extra_dims == ("time of a", "time of b")
    assert viewer.state.frame == (2, 2)
    assert {"time of a", "time of b"} < set(viewer.viewers[0].sliders)
    viewer.state.frame = (0, 3)
    viewer.comparison.mode = "blink"
    assert viewer.state.frame == (0, 0, 3) and viewer.state.cine == "shown"
    viewer.comparison.mode = "side"
    assert [one.state.frame for one in viewer.viewers] == [(0,), (3,)]
    viewer.viewers[0].state.frame = (2,)
    assert viewer.viewers[1].state.frame == (3,)
    viewer.comparison.frames = "linked"
    assert [one.state.frame for one in viewer.viewers] == [(2,), (2,)]


def test_one_in_time_beside_one_that_is_not(show, a):
    viewer = show(moving(4, 0), a, mode="difference")
    assert viewer.volume.extra_dims == ("time",) and viewer.controls.linked.layout.display == "none"
    viewer.viewers[0].sliders["time"].value = 3
    viewer.comparison.mode = "side"
    assert [one.state.frame for one in viewer.viewers] == [(3,), ()]


def test_colours_are_compared_in_one_picture(show):
    a, b = (
        dv.Volume.from_array(np.full((*SHAPE, 3), value, np.uint8), affine=make_affine())
        for value in (40, 200)
    )
    viewer = show(a, b)
    assert viewer.controls.mode.options == ("side", "checkerboard", "curtain", "blink")
    with pytest.raises(TraitError, match="no difference"):
        viewer.comparison.mode = "difference"
    viewer.comparison.mode = "curtain"
    pane = viewer.viewers[0]._scene().pane("axial")
    picture = pane_pixels(viewer.volume, pane)
    assert picture[0, 0].tolist() == [40] * 3 and picture[0, -1].tolist() == [200] * 3
    assert "a 40, 40, 40" in viewer.values.value and "b 200, 200, 200" in viewer.values.value
    viewer.comparison.curtain = 0.2
    for mode in ("blink", "checkerboard", "side"):
        viewer.comparison.mode = mode
        assert viewer._repr_mimebundle_()["image/png"]


def test_the_page_gets_other_values_as_another_volume(show, a, b, monkeypatch):
    sent = []
    monkeypatch.setattr(PageLink, "send", lambda page, message, buffers=None: sent.append(message))
    viewer = show(a, b, mode="curtain")
    viewer.viewers[0]._page._received(None, {"hello": {"view": "x", "far": False}}, [])
    names = []
    for at in (0.1, 0.2, 0.1):
        sent.clear()
        viewer.comparison.curtain = at
        (scene,) = (message["scene"] for message in sent if "scene" in message)
        keys = [one["key"] for message in sent for one in message.get("slices", ())]
        assert sorted(keys) == ["|0|10", "|1|12", "|2|14"]
        assert not any("coarse" in message for message in sent)
        names.append(scene["volume"])
    assert len(set(names)) == 3, "the page must not take new slices for old ones"


def test_pictures(show, a, b, tmp_path):
    viewer = show(a, b)
    wide = viewer.figure()
    assert len(wide.subfigs) == 2
    viewer.save(tmp_path / "both.pdf")
    bundle = viewer._repr_mimebundle_()
    assert bundle["image/png"] and "CompareViewer (side)" in bundle["text/plain"]
    viewer.comparison.mode = "difference"
    assert viewer.figure(width=300).get_size_inches()[0] == pytest.approx(3)


def test_arrays_and_paths(show, write):
    folder = write(array=make_voxels(SHAPE))[0].parent
    assert show(folder, folder, mode="difference").volume.default_window.width == 1
    assert show(np.zeros(SHAPE), np.ones(SHAPE), mode="blink", window=(0, 2)).state.window == dv.Window(0, 2)


def test_a_cell_that_is_run_again_replaces_it(monkeypatch, a, b):
    shell = SimpleNamespace(user_ns={"In": ["dv.compare(a, b)"]}, execution_count=1)
    monkeypatch.setattr("dicomview.widgets.cells.get_ipython", lambda: shell)
    first = dv.compare(a, b)
    first.comparison.mode = "curtain"
    assert first._open
    shell.execution_count = 2
    second = dv.compare(a, b)
    assert not first._open and second._open
    second.close()


def test_closing_leaves_nothing(a, b):
    before = set(widgets_alive())
    viewer = dv.compare(a, b)
    for mode in ("curtain", "blink"):
        viewer.comparison.mode = mode
    inner = [weakref.ref(one) for one in viewer.viewers]
    viewer.close()
    viewer.close()
    del viewer
    gc.collect()
    registry = widgets_alive()
    left = [
        type(w).__name__ for key, w in registry.items() if key not in before and not isinstance(w, PASSIVE)
    ]
    assert left == []
    assert [one() for one in inner] == [None]


def test_displayed_live(show, a, b, monkeypatch):
    published = []
    monkeypatch.setattr(displayed, "is_live", lambda: True)
    viewer = show(a, b)
    monkeypatch.setattr(viewer._picture, "publish", lambda: published.append(1))
    bundle = viewer._repr_mimebundle_()
    assert published == [1] and "image/png" not in bundle
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == viewer.model_id
    assert viewer._keeper.has_picture


def test_the_page_names_the_one_that_it_shows(show, a, b, monkeypatch):
    sent = []
    monkeypatch.setattr(PageLink, "send", lambda page, message, buffers=None: sent.append(message))
    viewer = show(a, b, mode="blink")
    viewer.viewers[0]._page._received(None, {"hello": {"view": "x", "far": False}}, [])
    (scene,) = (message["scene"] for message in sent if "scene" in message)
    assert scene["labels"] == [["shown = a", "shown = b"]] and scene["playing"] and scene["cine"] == "shown"


def test_a_difference_has_a_window_that_the_sliders_can_show(show, a, b):
    viewer = show(a, b, mode="difference")
    panel = viewer.viewers[0].panel.window
    for slider in (panel.center, panel.width):
        steps = (slider.value - slider.min) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-6), "the page would round it"
