"""Pointer, keys and cine on a state: fake events, no browser."""

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from matplotlib.backend_bases import MouseButton, MouseEvent
from matplotlib.figure import Figure

import dicomview as dv
from dicomview.render import PanesRenderer
from dicomview.state import ViewState, resolve
from dicomview.tools import HELP, CineTool, KeyTool, PointerTool

LEFT, MIDDLE, RIGHT = MouseButton.LEFT, MouseButton.MIDDLE, MouseButton.RIGHT


class Desk:
    """A state with panes and a pointer over them, as pixels of the figure."""

    def __init__(self, vol, **traits):
        self.figure = Figure(figsize=(9, 4), dpi=100)
        self.state = ViewState(vol, **traits)
        self.panes = PanesRenderer(self.figure, vol)
        self.show()
        self.tool = PointerTool(self.figure, self.panes, self.state)
        self.state.observe(lambda change: self.show())

    def show(self):
        self.panes.update(resolve(self.state.volume, self.state), self.state.volume)

    def pixel(self, plane, x, y):
        """Return where data coordinates of a pane are."""
        return self.panes.axes[plane].transData.transform((x, y))

    def send(self, name, place, button=None, *, keys=(), **more):
        event = MouseEvent(name, self.figure.canvas, *place, button, **more)
        event.modifiers = frozenset(keys)
        event._process()

    def drag(self, start, by, button=LEFT, steps=4):
        """Press, move in steps and let go."""
        start = np.asarray(start, float)
        self.send("button_press_event", start, button)
        for part in np.linspace(0, 1, steps + 1)[1:]:
            event = MouseEvent("motion_notify_event", self.figure.canvas, *(start + part * np.array(by)))
            event.buttons = frozenset([button])
            event._process()
        self.send("button_release_event", start + by, button)

    def click(self, place, button=LEFT):
        self.drag(place, (0, 0), button, steps=0)


@pytest.fixture
def vol():
    array = make_voxels((20, 30, 40)).astype(np.int16) % 2000
    array[0, 0, :2] = 0, 2048  # the range of the values: one step of grey a pixel is 2
    return dv.Volume.from_array(array, affine=make_affine("axial"), meta={"Modality": "CT"})


@pytest.fixture
def desk(vol):
    return Desk(vol, window=(40, 400), index=(10, 15, 20))


def test_a_click_moves_the_crosshair_and_nothing_else(desk):
    desk.click(desk.pixel("axial", 5, 7))
    assert desk.state.index == (10, 7, 5) and desk.state.window == dv.Window(40, 400)
    desk.click(desk.pixel("sagittal", 9, 3))  # column 5; rows to the right, slices upwards
    assert desk.state.index == (3, 9, 5)
    desk.click(desk.pixel("axial", 1, 1), RIGHT)
    assert desk.state.index == (3, 9, 5) and desk.state.zoom == 1


@pytest.mark.parametrize(("level_drag", "rise"), [("up", 1), ("down", -1)])
def test_a_drag_sets_the_window(desk, level_drag, rise):
    desk.state.level_drag = level_drag
    desk.drag(desk.pixel("axial", 5, 7), (50, 20))
    gain = 2048 / 1024
    assert desk.state.window == dv.Window(40 + rise * 20 * gain, 400 + 50 * gain)
    assert desk.state.index == (10, 15, 20), "a drag is no click"
    desk.drag(desk.pixel("axial", 5, 7), (-5000, 0))
    assert desk.state.window.width == gain, "a window keeps some width"


def test_the_tool_decides_what_the_left_button_does(desk):
    desk.state.tool = "crosshair"
    start, end = desk.pixel("axial", 5, 7), desk.pixel("axial", 25, 17)
    desk.drag(start, end - start)
    assert desk.state.index == (10, 17, 25)
    desk.state.tool = "zoom"
    desk.drag(start, (0, 150))
    assert desk.state.zoom == pytest.approx(np.e)
    desk.state.fit()
    desk.state.tool = "pan"
    desk.drag(start, end - start)
    assert desk.pixel("axial", 5, 7) == pytest.approx(end, abs=1), (
        "the voxel under the pointer stays under it"
    )
    assert desk.state.window == dv.Window(40, 400)


def test_middle_pans_and_right_zooms_whatever_the_tool(desk):
    start, end = desk.pixel("coronal", 5, 7), desk.pixel("coronal", 9, 11)
    desk.drag(start, end - start, MIDDLE)
    assert desk.pixel("coronal", 5, 7) == pytest.approx(end, abs=1)  # events come in whole pixels
    # The planes are linked: what the coronal pane moved along columns, the axial did as well.
    axial = desk.state.center[2]
    assert axial == pytest.approx(19.5 - 4, abs=0.2)
    desk.drag(start, (0, -75), RIGHT)
    assert desk.state.zoom == pytest.approx(np.exp(-0.5))


def test_the_wheel_steps_and_with_ctrl_zooms_about_the_pointer(desk):
    place = desk.pixel("sagittal", 5, 7)
    desk.send("scroll_event", place, step=3)
    assert desk.state.index == (10, 15, 23)
    before = desk.panes.axes["sagittal"].transData.inverted().transform(place)
    desk.send("scroll_event", place, step=1, keys=["ctrl"])
    assert desk.state.zoom == pytest.approx(1.2) and desk.state.index == (10, 15, 23)
    after = desk.panes.axes["sagittal"].transData.inverted().transform(place)
    assert after == pytest.approx(before), "what is under the pointer stays there"
    desk.send("scroll_event", (0, 0), step=1)
    assert desk.state.index == (10, 15, 23)


def test_steps_in_mm(desk):
    desk.state.step_mm = 5  # slices are 2.5 mm apart, columns 0.6
    desk.send("scroll_event", desk.pixel("axial", 5, 7), step=1)
    desk.send("scroll_event", desk.pixel("sagittal", 5, 7), step=-1)
    assert desk.state.index == (12, 15, 12)


def test_the_pointer_is_known_and_with_shift_followed(desk):
    desk.send("motion_notify_event", desk.pixel("axial", 5.2, 6.8))
    assert desk.state.pointer == (10, 7, 5) and desk.state.index == (10, 15, 20)
    desk.send("motion_notify_event", desk.pixel("axial", 6, 7), keys=["shift"])
    assert desk.state.index == (10, 7, 6)
    desk.send("motion_notify_event", (1, 1))
    assert desk.state.pointer is None


def test_a_double_click_maximises_and_comes_back(desk):
    place = desk.pixel("coronal", 5, 7)
    desk.send("button_press_event", place, LEFT, dblclick=True)
    assert desk.state.layout == "coronal"
    desk.send("button_press_event", desk.pixel("coronal", 5, 7), LEFT, dblclick=True)
    assert desk.state.layout == "ortho"


def test_a_double_click_in_a_montage_shows_that_slice(desk):
    desk.state.layout = "montage"
    tile = next(ax for ax in desk.figure.axes if ax.get_label() == "tile 4")
    slice_shown = desk.panes.pane_on(tile).index
    desk.send("button_press_event", tile.transData.transform((3, 3)), LEFT, dblclick=True)
    assert desk.state.layout == "ortho" and desk.state.index == (slice_shown, 15, 20)


def test_a_button_let_go_outside_ends_the_drag(desk):
    start = desk.pixel("axial", 5, 7)
    desk.send("button_press_event", start, LEFT)
    event = MouseEvent("motion_notify_event", desk.figure.canvas, start[0] + 30, start[1])
    event.buttons = frozenset()
    event._process()
    assert desk.state.window == dv.Window(40, 400)


@pytest.mark.parametrize("array", [np.zeros((4, 20, 30, 3), np.uint8), np.zeros((4, 20, 30), bool)])
def test_what_has_no_window_has_a_crosshair_instead(array):
    desk = Desk(dv.Volume.from_array(array))
    start, end = desk.pixel("axial", 5, 7), desk.pixel("axial", 15, 9)
    desk.drag(start, end - start)
    assert desk.state.index == (2, 9, 15)


# --- keys ---


@pytest.fixture
def keys(desk):
    desk.asked = []
    windows = [dv.Window(1, 2), dv.Window(3, 4)]
    return KeyTool(
        desk.state,
        plane=lambda: desk.tool.plane,
        presets=lambda: windows,
        on_help=lambda: desk.asked.append(1),
    )


@pytest.mark.parametrize(
    ("key", "trait", "expected"),
    [
        ("ArrowUp", "index", (11, 15, 20)),
        ("ArrowDown", "index", (9, 15, 20)),
        ("PageUp", "index", (19, 15, 20)),
        ("PageDown", "index", (0, 15, 20)),
        ("Home", "index", (0, 15, 20)),
        ("End", "index", (19, 15, 20)),
        ("+", "zoom", 1.25),
        ("-", "zoom", 0.8),
        ("i", "invert", True),
        ("c", "playing", True),
        ("h", "turns", {"axial": (0, True)}),
        ("v", "turns", {"axial": (2, True)}),
        ("r", "turns", {"axial": (1, False)}),
        ("2", "window", dv.Window(3, 4)),
        ("9", "window", dv.Window(40, 400)),
    ],
)
def test_keys(desk, keys, key, trait, expected):
    assert keys.press(key)
    assert getattr(desk.state, trait) == expected


def test_keys_act_on_the_pane_under_the_pointer_or_the_only_one(desk, keys):
    desk.send("motion_notify_event", desk.pixel("sagittal", 5, 7))
    keys.press("ArrowUp", 3)
    assert desk.state.index == (10, 15, 23)
    desk.state.layout = "coronal"
    keys.press("ArrowDown")
    assert desk.state.index == (10, 14, 23)


def test_space_resets_and_unknown_keys_are_left_alone(desk, keys):
    desk.state.window, desk.state.zoom, desk.state.center = (1, 2), 3, (0, 0, 0)
    assert keys.press(" ")
    assert (desk.state.window, desk.state.zoom, desk.state.center) == (dv.Window(40, 400), 1, None)
    before = desk.state.trait_values()
    assert not keys.press("x") and not keys.press("F1")
    assert desk.state.trait_values() == before
    keys.press("?")
    assert desk.asked == [1]


def test_every_key_of_the_tool_does_something_and_is_in_the_help(keys):
    assert all(keys.press(key) for key in KeyTool.KEYS)
    told = " ".join(HELP)
    for key in ("↑", "Home", "space", "+", "i", "c", "h v", "r", "1 to 9", "?"):
        assert key in told


def test_left_and_right_go_through_an_extra_dimension():
    state = ViewState(dv.Volume.from_array(np.zeros((5, 3, 4, 4))), frame=(2,))
    keys = KeyTool(state, plane=lambda: "axial", presets=list, on_help=print)
    keys.press("ArrowRight")
    assert state.frame == (3,)
    keys.press("ArrowLeft", 9)
    assert state.frame == (0,)


# --- cine ---


@pytest.mark.parametrize(
    ("mode", "expected"), [("loop", [3, 4, 0, 1, 2, 3]), ("bounce", [3, 4, 3, 2, 1, 0])], ids=str
)
def test_cine_goes_round_or_to_and_fro(mode, expected):
    state = ViewState(dv.Volume.from_array(np.zeros((5, 6, 7))), index=(2, 0, 0), cine_mode=mode)
    cine = CineTool(state)
    seen = []
    for _ in expected:
        cine.advance()
        seen.append(state.index[0])
    assert seen == expected


def test_cine_through_an_extra_dimension_and_with_frames_left_out():
    state = ViewState(dv.Volume.from_array(np.zeros((5, 3, 4, 4))), frame=(0,))
    assert state.cine == "frame"
    CineTool(state).advance(7)
    assert state.frame == (2,)
    single = ViewState(dv.Volume.from_array(np.zeros((1, 3, 4, 4))), cine_mode="bounce")
    CineTool(single).advance(3)
    assert single.frame == (0,)


def test_the_frame_rate_comes_from_the_header():
    vol = dv.Volume.from_array(np.zeros((5, 6, 7)), meta={"FrameTime": "40", "Modality": "US"})
    assert ViewState(vol).fps == 25
    vol = dv.Volume.from_array(np.zeros((5, 6, 7)), meta={"RecommendedDisplayFrameRate": 15, "FrameTime": 40})
    assert ViewState(vol).fps == 15
    assert ViewState(dv.Volume.from_array(np.zeros((5, 6, 7)))).fps == 10


def arms(desk, plane):
    """Return where the crosshair of a pane is in pixels, and the angles of its lines in degrees."""
    pane = resolve(desk.state.volume, desk.state).pane(plane)
    cross = desk.pixel(plane, *pane.crosshair)
    ends = [desk.pixel(plane, *np.add(pane.crosshair, line)) - cross for line in pane.lines]
    return cross, [np.degrees(np.arctan2(y, x)) for x, y in ends]


def test_a_drag_with_rotate_turns_the_lines_of_the_crosshair(vol):
    desk = Desk(vol, window=(40, 400), index=(12, 10, 25), tool="rotate")
    place = desk.state.position
    cross, before = arms(desk, "axial")
    start = cross + 60 * np.array([np.cos(0.7), np.sin(0.7)])  # far from both lines
    end = cross + 50 * np.array([np.cos(1.2), np.sin(1.2)])
    desk.drag(start, end - start)
    np.testing.assert_allclose(desk.state.position, place, atol=1e-9)
    now, angles = arms(desk, "axial")
    np.testing.assert_allclose(now, cross, atol=1e-6)
    assert np.subtract(angles, before) == pytest.approx(np.degrees(0.5), abs=1.5), (
        "events are at whole pixels"
    )
    np.testing.assert_allclose(np.linalg.norm(desk.state.rotation), angles[0] - before[0], atol=1e-6)
    desk.click(start)
    assert np.hypot(*(arms(desk, "axial")[0] - start)) < 4, "a click moves the crosshair to the pointer"


@pytest.mark.parametrize("end", [1, -1])
def test_a_line_that_is_grabbed_follows_the_pointer(vol, end):
    desk = Desk(vol, window=(40, 400), index=(12, 10, 25), tool="rotate")
    for plane, degrees in (("axial", 20), ("coronal", 35), ("axial", -15)):
        cross, (_, angle) = arms(desk, plane)
        turn = np.radians(angle)
        away = end * 50 * np.array([np.cos(turn), np.sin(turn)])
        beside = 4 * np.array([-np.sin(turn), np.cos(turn)])  # near the line, not on it
        to = np.radians(angle + degrees)
        last = np.rint(cross + end * 70 * np.array([np.cos(to), np.sin(to)]))
        desk.drag(np.rint(cross + away + beside), last - np.rint(cross + away + beside))
        now, (_, angle) = arms(desk, plane)
        np.testing.assert_allclose(now, cross, atol=1e-6)
        x, y = end * (last - cross)
        assert angle == pytest.approx(np.degrees(np.arctan2(y, x)), abs=1e-6)


def test_one_drag_is_never_taken_for_another_that_is_gone(vol, monkeypatch):
    monkeypatch.setattr("dicomview.tools.pointer.id", lambda one: 1, raising=False)
    desk = Desk(vol, window=(40, 400), index=(12, 10, 25), tool="rotate")
    for _ in range(2):
        cross, (_, angle) = arms(desk, "axial")
        start = cross + 60 * np.array([np.cos(0.7), np.sin(0.7)])
        desk.drag(start, cross + 60 * np.array([np.cos(1.0), np.sin(1.0)]) - start)
    assert arms(desk, "axial")[1][1] - angle == pytest.approx(np.degrees(0.3), abs=1.5)
    assert np.linalg.norm(desk.state.rotation) == pytest.approx(np.degrees(0.6), abs=3)


def test_clicks_pan_and_zoom_go_where_the_pointer_is_in_turned_planes(vol):
    desk = Desk(vol, window=(40, 400), index=(10, 15, 20), tool="crosshair")
    desk.state.rotate("axial", 30)
    desk.state.rotate("coronal", 25)
    for plane in ("axial", "coronal", "sagittal"):
        cross, _ = arms(desk, plane)
        start = np.rint(np.add(cross, (17, 12)))
        desk.click(start)
        now, _ = arms(desk, plane)
        assert np.hypot(*(now - start)) < 4, "half the diagonal of a voxel"
        desk.drag(start, (20, -9), MIDDLE)
        np.testing.assert_allclose(arms(desk, plane)[0], np.add(now, (20, -9)), atol=1e-6)
        here = np.rint(arms(desk, plane)[0])
        pane = resolve(desk.state.volume, desk.state).pane(plane)
        under = desk.panes.axes[plane].transData.inverted().transform(here)
        desk.send("scroll_event", here, keys=["ctrl"], step=2)
        np.testing.assert_allclose(desk.pixel(plane, *under), here, atol=1e-6)
        desk.send("motion_notify_event", here)
        there = desk.state.volume.geometry.position(desk.state.pointer)
        index = np.empty(3)
        index[[pane.view.axis, pane.view.right, pane.view.down]] = pane.index, *under
        assert np.linalg.norm(there - pane.volume.geometry.position(index)) < 0.6
        desk.state.zoom, desk.state.center = 1, None


def test_where_nothing_can_be_turned_the_crosshair_moves():
    desk = Desk(dv.Volume.from_array(np.zeros((5, 30, 30))), window=(0, 1), tool="rotate")
    desk.drag(desk.pixel("axial", 3, 4), (0, 0), steps=0)
    assert desk.state.index == (2, 4, 3)


def test_the_pointer_is_told_while_it_drags(desk):
    desk.drag(desk.pixel("axial", 5, 7), desk.pixel("axial", 9, 7) - desk.pixel("axial", 5, 7))
    assert desk.state.pointer == (10, 7, 9)


def test_where_the_pointer_was_before_a_press_may_be_told_late(desk):
    """The page holds moves back for a moment: one from before the press is no release."""
    start = np.array(desk.pixel("axial", 5, 7))
    desk.send("button_press_event", start, LEFT)
    for place, held in ((start - 3, []), (np.add(start, (25, 0)), [LEFT]), (np.add(start, (50, 0)), [LEFT])):
        event = MouseEvent("motion_notify_event", desk.figure.canvas, *place)
        event.buttons = frozenset(held)
        event._process()
    assert desk.state.window == dv.Window(40, 400 + 50 * 2)
