"""What a real page does: sliders that answer, clicks that become double, frames that get lost."""

import io
import time
from itertools import combinations
from threading import Thread

import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.backend_bases import MouseButton, MouseEvent
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

import dicomview as dv
from dicomview.widgets.canvas import inches


@pytest.fixture
def viewer(voxels, affine, monkeypatch):
    monkeypatch.setattr("dicomview.widgets.tie.ECHO", 60.0)  # however slow the machine is
    volume = dv.Volume.from_array(voxels((20, 30, 40)), affine=affine("axial"), meta={"Modality": "CT"})
    viewer = dv.SliceViewer(volume, window=(40.25, 80.5), index=(5, 6, 7), draw="kernel")
    viewer._canvas.figure.canvas.draw()
    yield viewer
    viewer.close()


def send(viewer, name, place, button=MouseButton.LEFT, **options):
    """Send a pointer event to a place of the axial pane."""
    x, y = viewer.axes["axial"].transData.transform(place)
    held = options.pop("buttons", None)
    event = MouseEvent(name, viewer._canvas.figure.canvas, x, y, button, **options)
    if held is not None:
        event.buttons = held  # which older versions of matplotlib do not take
    event._process()


def test_sliders_in_the_page_do_not_round_the_window(viewer):
    panel = viewer.panel
    panel.center.value = 40.0  # a step is 1
    panel.width.value = 81.0
    panel.limits.value = (0.0, 81.0)
    assert viewer.state.window == dv.Window(40.25, 80.5)


def test_late_answers_of_the_page_do_not_bring_back_an_older_window(viewer):
    for center in (41.25, 60.25, 90.25):
        viewer.state.window = (center, 80.5)
    viewer.panel.center.value = 60.0
    assert viewer.state.window == dv.Window(90.25, 80.5)
    assert viewer.panel.center.value == 90.25, "the page is told again"
    viewer.panel.center.value = 70.0
    assert viewer.state.window == dv.Window(70, 80.5), "a person's wish"


def test_one_end_of_the_histogram_moves_alone(viewer):
    viewer.state.window = dv.Window(0, 100000, "linear_exact")  # both ends lie beyond the values
    low, _ = viewer.panel.limits.value
    viewer.panel.limits.value = (low, 500)
    assert viewer.state.window.limits == (-50000, 500)


@pytest.mark.parametrize("fps", [7.3, 29.97])
def test_the_panel_keeps_any_frame_rate(viewer, fps):
    viewer.state.fps = fps
    assert (viewer.panel.section("cine").fps.value, viewer.state.fps) == (fps, fps)


def test_a_double_click_leaves_the_crosshair(viewer):
    for _ in range(2):
        send(viewer, "button_press_event", (20, 10))
        send(viewer, "button_release_event", (20, 10))
    assert viewer.state.index == (5, 10, 20)
    send(viewer, "button_press_event", (20, 10), dblclick=True)
    assert (viewer.state.layout, viewer.state.index) == ("axial", (5, 6, 7))


def test_a_drag_goes_on_to_where_the_button_is_released(viewer):
    send(viewer, "button_press_event", (20, 10), MouseButton.MIDDLE)
    send(viewer, "motion_notify_event", (22, 10), None, buttons=[MouseButton.MIDDLE])
    # The voxel at (22, 10) is now where the one at (20, 10) was.
    send(viewer, "button_release_event", (24, 13), MouseButton.MIDDLE)
    assert viewer.state.center == pytest.approx((9.5, 14.5 - 3, 19.5 - 6), abs=0.2)


def test_after_a_frame_that_may_be_lost_comes_a_whole_one(viewer):
    canvas, asked = viewer._canvas.widget, []
    viewer._canvas.watch(lambda number: asked.append(number) or True)

    def step():
        """Return how large the next frame is."""
        before = len(asked)
        frames = []
        canvas.send_binary, send_binary = frames.append, canvas.send_binary
        viewer.state.invert = not viewer.state.invert
        del canvas.send_binary
        send_binary(frames[0])
        assert len(asked) == before + 1
        assert canvas._image_mode == "diff", "the page may hear too late of another one"
        with Image.open(io.BytesIO(frames[0])) as picture:
            return picture.size, int(np.asarray(picture)[..., 3].min())

    whole = tuple(map(int, viewer._canvas.figure.bbox.size)), 255
    step()
    canvas.drawn(asked[-1])
    assert step()[1] == 0, "only what has changed"
    assert step() == whole
    canvas.drawn(asked[-2])
    assert step() == whole, "the answer was to an older one"
    canvas.drawn(asked[-1])
    assert step()[1] == 0


@pytest.mark.parametrize("ratio", [1, 2, 3])
def test_figures_have_whole_pixels_on_fine_screens(ratio):
    for width in range(240, 1801):
        assert int(inches((width, 1))[0] * (100 * ratio)) == width * ratio


def test_texts_stay_in_their_pane(voxels, affine):
    meta = {"Modality": "CT", "PatientName": "A" * 60}
    volume = dv.Volume.from_array(voxels((6, 8, 10)), affine=affine("oblique"), meta=meta)
    dv.options.show_patient = True
    try:
        viewer = dv.SliceViewer(volume)
        figure = viewer.figure(width=700)
        viewer.close()
    finally:
        dv.options.show_patient = False
    figure.canvas.draw()
    panes = [ax for ax in figure.axes if ax.get_visible()]
    assert len(panes) == 3
    for ax in panes:
        boxes = [box for _, box in texts_of(ax)]
        assert len(boxes) > 4, "letters and more"
        assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in boxes), (ax.bbox, texts_of(ax))


def texts_of(ax):
    """By text, the boxes of a pane: letters first, then corners, then the scale bar's."""
    found = []
    for text in filter(Text.get_text, ax.texts):
        shown, box = text.get_text(), text.get_window_extent()
        empty = len(shown) - len(shown.lstrip("\n"))  # lines above that leave room
        box = Bbox.from_extents(box.x0, box.y0, box.x1, box.y1 - box.height * empty / len(shown.split("\n")))
        found.append((shown.strip(), box))
    return found


@pytest.mark.parametrize("shape", [(20, 128, 128), (9, 128, 128), (68, 128, 128), (128, 12, 128)])
@pytest.mark.parametrize("width", [360, 520, 760, 1100])
def test_texts_do_not_touch_each_other(voxels, shape, width):
    affine = np.diag([1.7, 1.7, 2.5, 1])[:, [2, 1, 0, 3]]
    affine[:3, 3] = -100.3
    volume = dv.Volume.from_array(voxels(shape), affine=affine)
    viewer = dv.SliceViewer(volume, window=(60, 120))
    figures = [viewer.figure(width=width), dv.planes(volume, window=(60, 120))]
    viewer.close()
    for figure in figures:
        figure.canvas.draw()
        gap = 2 * figure.dpi / 100
        for ax in filter(lambda ax: ax.get_visible(), figure.axes):
            texts = texts_of(ax)
            if ax.bbox.height > 120 and ax.bbox.width > 120:
                assert [len(text) for text, _ in texts[:4]] == [1] * 4 and len(texts) > 5, (
                    "there is room for letters, plane and place"
                )
            for (one, a), (other, b) in combinations(texts, 2):
                if len(one) == len(other) == 1:
                    continue  # the letters have their places
                apart = max(b.x0 - a.x1, a.x0 - b.x1), max(b.y0 - a.y1, a.y0 - b.y1)
                assert max(apart[0] - gap, apart[1]) >= 0, (one, other, ax.bbox.size)


def test_numbers_of_the_window_are_rounded_to_what_is_seen(voxels):
    viewer = dv.SliceViewer(voxels(), window=(290.9375, 2150.234375), layout="axial")
    assert viewer._scene().pane("axial").corners[2] == "W 2150  L 291"
    viewer.state.window = (0.5012, 0.25)
    assert viewer._scene().pane("axial").corners[2] == "W 0.25  L 0.5012"
    viewer.close()


def test_colour_volumes_drag_the_crosshair():
    viewer = dv.SliceViewer(np.zeros((4, 5, 6, 3), np.uint8))
    assert [name for name, button in viewer.toolbar.tools.items() if button.value] == ["crosshair"]
    viewer.close()


def test_two_threads_never_draw_at_once(viewer):
    """Messages of the page come on another thread than cells run on."""
    drawing, most = 0, 0

    class Watch(Artist):
        def draw(self, renderer):
            nonlocal drawing, most
            drawing += 1
            most = max(most, drawing)
            time.sleep(0.005)
            drawing -= 1

    viewer.axes["axial"].add_artist(Watch())
    canvas = viewer._canvas.figure.canvas
    page = Thread(target=lambda: [canvas._handle_message(canvas, {"type": "draw"}, []) for _ in range(10)])
    page.start()
    for _ in range(10):
        viewer.state.invert = not viewer.state.invert
    page.join()
    assert most == 1
