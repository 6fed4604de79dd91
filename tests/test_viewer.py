"""SliceViewer without a browser: controls to state, state to controls and pixels."""

import asyncio
import base64
import gc
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from types import SimpleNamespace

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_affine, make_voxels, widgets_alive
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.backend_bases import MouseButton, MouseEvent
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import DisplayError, GeometryError
from dicomview.state import ViewState, resolve, view_code


@pytest.fixture
def vol():
    return dv.Volume.from_array(
        make_voxels((20, 30, 40)), affine=make_affine("sagittal"), meta={"Modality": "CT"}
    )


@pytest.fixture
def show():
    """Make viewers and close them; no test leaves widgets or figures behind."""
    viewers = []

    def show(*args, **kwargs):
        viewers.append(dv.SliceViewer(*args, **kwargs))
        return viewers[-1]

    yield show
    for viewer in viewers:
        viewer.close()
    assert plt.get_fignums() == []


def pixels(viewer):
    """Return what the live canvas shows."""
    return np.asarray(viewer._canvas.figure.canvas.buffer_rgba()).copy()


def test_sliders_and_state_are_one(show, vol):
    viewer = show(vol)
    assert list(viewer.sliders) == ["axial", "coronal", "sagittal"]
    viewer.sliders["axial"].value = 3  # rows of a sagittal acquisition
    viewer.sliders["coronal"].value = 4
    viewer.sliders["sagittal"].value = 5
    assert viewer.state.index == (5, 3, 4)
    viewer.state.index = (7, 8, 9)
    assert [slider.value for slider in viewer.sliders.values()] == [8, 9, 7]
    assert [slider.max for slider in viewer.sliders.values()] == [29, 39, 19]


def test_panes_show_their_slices(show, vol):
    viewer = show(vol)
    viewer.state.index = (5, 3, 4)
    images = {plane: ax.images[0].get_array() for plane, ax in viewer.axes.items()}
    np.testing.assert_array_equal(images["sagittal"], vol[5])
    np.testing.assert_array_equal(images["axial"], vol[:, 3, :].T)
    np.testing.assert_array_equal(images["coronal"], vol[:, :, 4].T)
    assert viewer.axes["sagittal"].get_aspect() == pytest.approx(0.8 / 0.6)


def test_panel_and_state_are_one(show, vol):
    viewer = show(vol, window=(40, 80), colormap="hot")
    panel = viewer.panel
    assert (panel.center.value, panel.width.value, panel.colormap.value) == (40, 80, "hot")
    assert panel.preset.value == "brain"
    panel.center.value, panel.width.value = 100, 300
    assert viewer.state.window == dv.Window(100, 300) and panel.preset.value is None
    assert viewer.axes["axial"].images[0].get_clim() == (-50, 250)
    panel.preset.value = "lung"
    assert viewer.state.window == dv.Window(-600, 1500) and panel.width.value == 1500
    panel.preset.value = "auto"
    assert viewer.state.window == vol.auto_window()
    panel.colormap.value, panel.invert.value, panel.crosshair.value = "bone", True, False
    assert (viewer.state.colormap, viewer.state.invert, viewer.state.crosshair) == ("bone", True, False)
    assert viewer.axes["axial"].images[0].get_cmap().name == "bone_r"
    viewer.state.set_trait("colormap", "cubehelix")
    assert panel.colormap.value == "cubehelix"


def test_what_the_user_draws_stays_on_top(show, vol):
    viewer = show(vol)
    canvas = viewer._canvas.figure.canvas
    viewer.axes["axial"].plot([0, 19], [0, 39], color="red", linewidth=5)
    canvas.draw()
    assert (pixels(viewer)[..., :3] == (255, 0, 0)).all(-1).sum() > 500
    viewer.state.step(1, 1)
    assert (pixels(viewer)[..., :3] == (255, 0, 0)).all(-1).sum() > 500


def test_one_layout_after_the_other(show, vol):
    viewer = show(vol)
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    for layout in ("axial", "ortho", "sagittal"):
        viewer.state.layout = layout
        canvas.draw()  # the page asks for this one
        fresh = viewer.figure()
        fresh.canvas.draw()
        np.testing.assert_array_equal(pixels(viewer), np.asarray(fresh.canvas.buffer_rgba()))
    assert [plane for plane, ax in viewer.axes.items() if ax.get_visible()] == ["sagittal"]


def test_pointer(show, vol):
    viewer = show(vol)
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    ax = viewer.axes["sagittal"]
    x, y = ax.transData.transform((11, 13))
    MouseEvent("button_press_event", canvas, x, y, MouseButton.LEFT)._process()
    MouseEvent("button_release_event", canvas, x, y, MouseButton.LEFT)._process()
    assert viewer.state.index == (10, 13, 11)
    MouseEvent("scroll_event", canvas, x, y, step=1)._process()
    assert viewer.state.index == (11, 13, 11)
    MouseEvent("scroll_event", canvas, x, y, step=-1)._process()
    MouseEvent("button_press_event", canvas, x, y, MouseButton.RIGHT)._process()
    assert viewer.state.index == (10, 13, 11)
    MouseEvent("scroll_event", canvas, 0, 0, step=1)._process()
    assert viewer.state.index == (10, 13, 11)


def test_status_gives_index_position_and_value(show, vol):
    viewer = show(vol, index=(5, 3, 4))
    status = viewer._status.value
    x, y, z = viewer.state.position
    assert "(5, 3, 4)" in status and f"LPS {x:.1f}, {y:.1f}, {z:.1f} mm" in status
    assert f"{vol[5, 3, 4]} HU" in status


def test_the_output_carries_a_picture(show, vol):
    bundle = show(vol)._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert bundle["image/png"].startswith("iVBOR")
    assert "SliceViewer" in bundle["text/plain"]


def test_saving(show, vol, tmp_path):
    viewer = show(vol)
    viewer.save(tmp_path / "view.png", dpi=50)
    assert plt.imread(tmp_path / "view.png").shape[1] == 400
    viewer.save(tmp_path / "view.pdf")
    assert (tmp_path / "view.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 6, 7)),
        np.full((5, 6, 7), np.nan),
        np.ones((5, 6, 7), bool),
        np.where(np.arange(210).reshape(5, 6, 7) % 3, 1.0, np.inf),
        np.array([-1e38, 1e38] * 105, np.float32).reshape(5, 6, 7),
        np.arange(210).reshape(5, 6, 7).astype(np.uint64) + 2**60,
        np.arange(210).reshape(5, 6, 7).astype(np.float16),
        np.arange(210, dtype=np.float32).reshape(5, 6, 7) * 1e-6,
        np.zeros((6, 7)),
        np.zeros((1, 1, 1)),
        np.zeros((3, 4, 5, 6)),
        np.zeros((4, 5, 6, 3), np.uint8),
        np.zeros((2, 300, 300), np.int16),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_any_array_is_shown(show, array):
    viewer = show(array)
    viewer.state.index = (0, 0, 0)
    viewer._repr_mimebundle_()
    viewer._canvas.figure.canvas.draw()
    viewer.state.interpolation = "lanczos"
    viewer._canvas.figure.canvas.draw()


def test_extra_dimensions_have_a_slider(show):
    array = np.arange(4 * 3 * 5 * 6).reshape(4, 3, 5, 6)
    viewer = show(array)
    viewer.sliders["frame"].value = 1
    assert "frame = 1" in viewer._status.value
    np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), array[1, 1])


def test_what_cannot_be_shown_is_refused(vol):
    with pytest.raises(DisplayError, match="complex"):
        dv.SliceViewer(np.zeros((3, 4, 5), complex))
    with pytest.raises(GeometryError, match="at least 1"):
        dv.SliceViewer(np.zeros((3, 0, 5)))
    with pytest.raises(TraitError, match="colormap"):
        dv.SliceViewer(vol, colormap="greyish")
    with pytest.raises(TypeError, match="no trait"):
        dv.SliceViewer(vol, colourmap="gray")


def test_the_patient_is_not_shown(show, write):
    files = write("s", elements={"PatientName": "Doe^Jane", "PatientID": "4711"})
    viewer = show(dv.volread(files))
    texts = [widget.value for widget in (viewer._title, viewer._status)]
    texts += [text.get_text() for ax in viewer.axes.values() for text in ax.texts]
    assert not any(secret in text for text in texts for secret in ("Doe", "4711"))


def test_header_text_is_not_markup(show):
    meta = {"SeriesDescription": "<img src=x onerror=alert(1)> $x^2$", "Modality": "CT"}
    viewer = show(dv.Volume.from_array(np.zeros((3, 4, 5)), meta=meta))
    assert "<img" not in viewer._title.value


def test_without_ipympl_a_picture_follows(show, vol, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "ipympl"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ipympl", None)  # importing it now fails
    viewer = show(vol)
    assert isinstance(viewer._canvas.widget, ipywidgets.Image)
    before = viewer._canvas.widget.value
    viewer.sliders["axial"].value = 2
    assert viewer._canvas.widget.value != before
    assert viewer._repr_mimebundle_()["image/png"]


def test_closing_frees_everything(vol):
    registry = widgets_alive()
    before = set(registry)
    viewer = dv.SliceViewer(vol)
    figure, state = weakref.ref(viewer._canvas.figure), viewer.state
    viewer.close()
    viewer.close()
    state.index = (0, 0, 0)  # nobody listens any more
    del viewer
    gc.collect()
    left = [
        w
        for key, w in registry.items()
        if key not in before and not isinstance(w, ipywidgets.Layout | ipywidgets.Style)
    ]
    assert left == []
    assert figure() is None


def test_one_frame_at_a_time_and_the_newest_wins(show, vol, monkeypatch):
    viewer = show(vol, index=(5, 3, 4))
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    asked, frames = [], []
    monkeypatch.setattr(viewer._pacer, "_ask", asked.append)
    monkeypatch.setattr(canvas, "blit", lambda: frames.append(viewer.state.index))
    monkeypatch.setattr("dicomview.widgets.viewer.in_page_event", lambda: True)
    viewer._page._received(None, {"keys": [["ArrowUp", 1]]}, [])
    for _ in range(20):  # these come while the first frame is on its way
        viewer._page._received(None, {"keys": [["ArrowUp", 1]], "unknown": 1}, [])
    assert len(frames) == 1 and asked == [1]
    viewer._page._received(None, {"seen": 1}, [])
    assert frames[1:] == [(19, 3, 4)] and asked == [1, 2], "the newest, not all"
    viewer._page._received(None, {"seen": 1}, [])  # an answer to an old frame means nothing
    viewer._page._received(None, {"seen": 2}, [])
    assert len(frames) == 2
    monkeypatch.setattr("dicomview.widgets.viewer.in_page_event", lambda: False)
    viewer.state.index = (0, 0, 0)
    assert frames[-1] == (0, 0, 0), "what a cell does is seen at once"


def test_a_lost_frame_does_not_stop_the_others(show, vol, monkeypatch):
    viewer = show(vol)
    viewer._canvas.figure.canvas.draw()
    monkeypatch.setattr("dicomview.widgets.viewer.in_page_event", lambda: True)
    monkeypatch.setattr("dicomview.widgets.pacing.PATIENCE", 0.0)  # the page is gone
    viewer._page._received(None, {"keys": [["ArrowUp", 1]]}, [])
    viewer._page._received(None, {"wheel": {"steps": 2, "x": 0.5, "y": 0.5, "ctrl": False}}, [])
    fresh = viewer.figure()
    fresh.canvas.draw()
    np.testing.assert_array_equal(pixels(viewer), np.asarray(fresh.canvas.buffer_rgba()))


def test_events_may_come_on_several_threads(show, vol):
    viewer = show(vol, index=(0, 0, 0))
    viewer._canvas.figure.canvas.draw()

    def walk(axis):
        for _ in range(15):
            viewer.state.step(axis, 1)

    threads = [threading.Thread(target=walk, args=(axis,)) for axis in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert viewer.state.index == (15, 15, 15)
    assert [slider.value for slider in viewer.sliders.values()] == [15, 15, 15]
    fresh = viewer.figure()
    fresh.canvas.draw()
    np.testing.assert_array_equal(pixels(viewer), np.asarray(fresh.canvas.buffer_rgba()))


def test_the_page_says_how_wide_and_dark_it_is(show, vol):
    viewer = show(vol)
    viewer._page._received(None, {"width": 612, "theme": "light"}, [])
    assert viewer._canvas.figure.bbox.width == 612 and viewer.figure().bbox.width == 612
    assert viewer.state.theme == "light"
    one = viewer._canvas.figure.bbox.height
    viewer.state.layout = "axial"
    assert viewer._canvas.figure.bbox.height > one, "a single pane may be taller"
    asked_for = show(vol, theme="dark")
    asked_for._page._received(None, {"theme": "light"}, [])
    assert asked_for.state.theme == "dark"


def test_only_what_changed_is_drawn(show, vol, monkeypatch):
    viewer = show(vol)
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    drawn = []
    for plane, ax in viewer.axes.items():
        monkeypatch.setattr(ax, "draw", lambda renderer, plane=plane: drawn.append(plane))
    viewer.state.frame = viewer.state.frame
    viewer.state.fps = 20
    viewer.state.index = viewer.state.index
    assert drawn == []
    viewer.state.crosshair = False
    drawn.clear()
    viewer.state.step(0, 1)
    assert drawn == ["sagittal"], "without a crosshair nothing changes in the other planes"


@pytest.mark.parametrize("look", [{"layout": "montage"}, {"colorbar": True}])
def test_colours_reach_tiles_and_colorbar(show, vol, look):
    viewer = show(vol, **look)
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    canvas.draw_idle = canvas.draw  # as soon as the page asks
    for trait, value in {"window": (300, 500), "colormap": "hot", "invert": True}.items():
        setattr(viewer.state, trait, value)
        fresh = viewer.figure()
        fresh.canvas.draw()
        np.testing.assert_array_equal(pixels(viewer), np.asarray(fresh.canvas.buffer_rgba()), trait)


def test_hover_does_not_talk_to_the_page(show, vol):
    viewer = show(vol)
    viewer._canvas.figure.canvas.draw()
    x, y = viewer.axes["sagittal"].transData.transform((11, 13))
    MouseEvent("motion_notify_event", viewer._canvas.figure.canvas, x, y)._process()
    assert viewer._canvas.widget._message == ""
    assert "(10, 13, 11)" in viewer._status.value


def test_code_shows_the_same_view(show, vol):
    viewer = show(vol, window=(40, 80), index=(3, 4, 5))
    viewer.state.mirror("axial")
    viewer.state.zoom, viewer.state.center, viewer.state.colormap = 2.5, (1.0, 2.0, 3.0), "hot"
    viewer.state.patient_axes = True
    viewer.state.window = dv.Window(40, 80, "sigmoid")
    again = show(**dict(eval(viewer.code().replace("dv.SliceViewer(vol, ", "dict(volume=vol, "))))
    again._fit_width(viewer._width)
    assert again.figure().png() == viewer.figure().png()
    for trait in ("zoom", "gap", "fps", "step_mm"):
        setattr(viewer.state, trait, np.float32(2.5))
    assert "np." not in viewer.code() and "fps=2.5, gap=2.5" in viewer.code()
    lut = show(
        dv.Volume.from_array(np.zeros((3, 4, 5)), meta={"WindowCenter": [1, 2], "WindowWidth": [3, 4]})
    )
    lut.state.window = lut.volume.windows["file 2"]
    assert "window=vol.windows['file 2']" in lut.code()


@pytest.mark.parametrize(
    "window",
    [
        dv.Window(1000 / 3, 1e-3 / 7),  # to the last bit
        dv.Window(np.float32(0.1), 80, "sigmoid"),
        dv.display.VOILUT((4, -2, 8), [0, 51, 204, 255], name="of another's"),
    ],
    ids=lambda window: window.function,
)
def test_code_has_the_very_window(vol, window):
    state = ViewState(vol, window=window)
    made = {"vol": vol, "dv": SimpleNamespace(Window=dv.Window, display=dv.display, SliceViewer=ViewState)}
    assert eval(view_code(state), made).window == window


def test_snapshot_is_a_picture(show, vol):
    picture = show(vol).snapshot()
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_the_help_lists_the_keys(show, vol):
    viewer = show(vol)
    assert viewer._help.layout.display == "none"
    viewer._page._received(None, {"keys": [["?", 1]]}, [])
    assert viewer._help.layout.display == "" and "Page ↑" in viewer._help.value


def test_one_voxel_one_pixel(show, vol):
    viewer = show(np.zeros((300, 200, 250)))
    viewer._canvas.figure.canvas.draw()
    viewer.toolbar.buttons["1:1"].click()
    ax = viewer.axes["axial"]
    (x0, _), (x1, _) = ax.transData.transform([(0, 0), (1, 0)])
    assert abs(x1 - x0) == pytest.approx(1)
    viewer.toolbar.buttons["fit"].click()
    assert viewer.state.zoom == 1


def test_the_kept_picture_follows_at_rest_and_names_nobody(vol, monkeypatch):
    shown, updated = [], []
    monkeypatch.setattr("dicomview.widgets.displayed.is_live", lambda: True)
    monkeypatch.setattr("dicomview.widgets.picture.REST", 0.05)
    monkeypatch.setattr("dicomview.widgets.picture.display", lambda data, **how: shown.append((data, how)))
    monkeypatch.setattr(
        "dicomview.widgets.picture.update_display", lambda data, **how: updated.append((data, how))
    )
    vol.meta["PatientName"] = "Doe^Jane"
    monkeypatch.setattr(dv.options, "show_patient", True)

    async def use():
        viewer = dv.SliceViewer(vol)
        bundle = viewer._repr_mimebundle_()
        assert "image/png" not in bundle and len(shown) == 1
        for k in range(5):
            viewer.state.index = (k, 0, 0)
        assert updated == []
        await asyncio.sleep(0.5)
        monkeypatch.setattr(dv.options, "show_patient", False)
        nameless = base64.b64encode(viewer.figure().png()).decode()
        assert [data["image/png"] for data, _ in updated] == [nameless], "once, and the last view"
        assert updated[0][1]["display_id"] == shown[0][1]["display_id"]
        viewer.close()
        await asyncio.sleep(0.1)

    asyncio.run(use())
    assert len(updated) == 1


def test_the_cine_keeps_its_speed(vol):
    async def play():
        viewer = dv.SliceViewer(np.zeros((2000, 4, 5)), index=(0, 2, 2), fps=50)
        viewer.state.playing = True
        await asyncio.sleep(0.5)
        viewer.state.playing = False
        stopped = viewer.state.index[0]
        await asyncio.sleep(0.1)
        assert viewer.state.index[0] == stopped
        viewer.close()
        return stopped

    assert 10 <= asyncio.run(play()) <= 50


def test_a_cell_run_again_leaves_one_viewer():
    registry = widgets_alive()
    shell = InteractiveShell.instance()
    before = set(registry)
    try:
        shell.run_cell("import numpy as np, dicomview as dv")
        for _ in range(12):
            assert shell.run_cell("viewer = dv.SliceViewer(np.zeros((5, 6, 7)))", store_history=True).success
        shell.run_cell("another = dv.SliceViewer(np.zeros((5, 6, 7)))", store_history=True)
        new = [widget for key, widget in registry.items() if key not in before]
        canvases = [widget for widget in new if type(widget).__name__ == "FrameCanvas"]
        assert len(canvases) == 2, "one of each cell"
        both = "a, b = (dv.SliceViewer(np.zeros((5, 6, 7))) for _ in range(2)); a.close(); a._open, b._open"
        assert shell.run_cell(both, store_history=True).result == (False, True)
    finally:
        shell.run_cell("viewer.close(); another.close(); b.close()")
        InteractiveShell.clear_instance()


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_ten_thousand_steps_cost_no_memory(show, vol):
    viewer = show(vol)
    viewer._fit_width(240)
    viewer._canvas.figure.canvas.draw()
    viewer._canvas.widget.syncing_data_url = False  # as if a page were there

    def counted():
        artists = len(viewer._canvas.figure.findobj())
        observers = sum(
            len(found) for kinds in viewer.state._trait_notifiers.values() for found in kinds.values()
        )
        return artists, observers, len(viewer._canvas.figure.canvas.callbacks.callbacks)

    def walk(steps):
        for k in range(steps):
            viewer.state.index = (k % 20, k % 29, k % 37)

    walk(600)  # texts and pictures that are kept have been made
    gc.collect()
    before, count = memory(), counted()
    walk(10_000)
    gc.collect()
    assert counted() == count
    assert memory() - before < 20e6


def memory():
    """Return the bytes of memory that this process uses."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_view_is_the_same_as_the_class(vol):
    viewer = vol.view(layout="axial")
    assert isinstance(viewer, dv.SliceViewer) and viewer.state.layout == "axial"
    viewer.close()


def test_the_back_end_of_pyplot_stays_the_users():
    code = (
        "import matplotlib; matplotlib.use('svg')\n"
        "import matplotlib.pyplot as plt, numpy as np, dicomview as dv\n"
        "plt.figure(); dv.SliceViewer(np.zeros((3, 4, 5))).figure(); dv.planes(np.zeros((3, 4, 5)))\n"
        "print(matplotlib.get_backend(), plt.get_fignums())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "svg [1]"


@pytest.mark.parametrize("limits", [(-1024, 3071), (-950000, 950000), (1e-5, 9.75e-4), (0, 3e7)])
def test_the_colorbar_is_not_cut(show, vol, limits):
    figure = show(vol, colorbar=True, window=dv.Window.from_limits(*limits)).figure()
    figure.canvas.draw()
    (bar,) = (ax for ax in figure.axes if ax.get_label() == "colorbar")
    assert bar.get_ylabel() == "HU"
    box, page = bar.get_tightbbox(), figure.bbox
    assert box.x1 <= page.x1 and box.y0 >= 0 and box.y1 <= page.y1


def test_a_long_name_is_cut_and_not_its_value(show):
    dims = ("number_of_the_diffusion_gradient_orientation", "slice", "row", "column")
    array = dv.Volume.from_array(np.zeros((40, 9, 9, 9)), dims=dims)
    figure = show(array, frame=(37,), layout="ortho").figure(width=360)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any("number_" in text and "… = 37" in text for text in texts), texts


def test_letters_that_are_switched_off_vanish_at_once(show, vol):
    viewer = show(vol, draw="kernel")
    canvas = viewer._canvas.figure.canvas
    canvas.draw()
    viewer.state.letters = False
    shown, fresh = np.array(canvas.buffer_rgba()), viewer.figure()
    fresh.canvas.draw()
    np.testing.assert_array_equal(shown, np.asarray(fresh.canvas.buffer_rgba()))


def test_traits_say_what_of_them_is_seen():
    assert set(ViewState.class_trait_names(seen="over")) == {"measurements", "selected", "draft", "touched"}
    unseen = set(ViewState.class_trait_names(seen="no"))
    vol = dv.Volume.from_array(np.zeros((9, 8, 7)), affine=np.eye(4)[[2, 1, 0, 3]])
    others = {"pointer": (1, 2, 3), "position": None, "cine": "axial", "level_drag": "down", "tool": "pan"}
    others |= {"paint_layer": "", "paint_range": (1, 2), "cine_mode": "bounce", "fps": 3, "step_mm": 2}
    state = ViewState(vol)
    scene = resolve(vol, state)
    for name in unseen - {"position"}:
        setattr(state, name, others.get(name, not getattr(state, name)))
        assert resolve(vol, state) == scene, name
    assert unseen <= {*others, "playing", "brush_mm", "brush_3d", "taken"}
