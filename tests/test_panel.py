"""The controls beside the panes: what is set there is state, and the other way round."""

import numpy as np
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.state import ViewState, curve, resolve
from dicomview.widgets.panel import SidePanel
from dicomview.widgets.toolbar import Toolbar
from dicomview.widgets.window_panel import named_windows


@pytest.fixture
def vol():
    vol = dv.Volume.from_array(
        make_voxels((20, 30, 40)), affine=make_affine("oblique"), meta={"Modality": "CT", "WindowCenter": 7,
        "WindowWidth": 70, "WindowCenterWidthExplanation": "OWN"},
    )  # fmt: skip
    vol.padding = (-100.0, -50.0)
    return vol


@pytest.fixture
def panel_of():
    panels = []

    def panel_of(data, **traits):
        panels.append(SidePanel(ViewState(dv.Volume.coerce(data), **traits)))
        return panels[-1], panels[-1]._state

    yield panel_of
    for panel in panels:
        panel.close()


def test_windows_of_the_file_come_before_those_of_the_modality(vol, panel_of):
    panel, state = panel_of(vol)
    names = [name for name, _ in panel.preset.options]
    assert names[:3] == ["", "file: OWN", "brain"] and names[-2:] == ["auto (slice)", "auto"]
    panel.preset.value = "file: OWN"
    assert (state.window.center, state.window.width) == (7, 70)
    panel.preset.value = "brain"
    assert state.window == dv.Window(40, 80)


def test_auto_of_the_slice_and_of_the_volume(panel_of):
    array = np.zeros((3, 10, 10), np.int16)
    array[0], array[2] = np.arange(100).reshape(10, 10), 5000
    panel, state = panel_of(array, index=(0, 5, 5))
    panel.preset.value = "auto (slice)"
    assert state.window.limits == pytest.approx((0.1, 98.9), abs=0.2)
    panel.preset.value = "auto"
    assert state.window.limits[1] == 5000


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint64, np.int64, np.float16, np.float64])
def test_sliders_suit_any_dtype(dtype, panel_of):
    array = np.arange(210).reshape(5, 6, 7).astype(dtype)
    panel, state = panel_of(array)
    low, high = float(array.min()), float(array.max())
    assert panel.center.min <= low and panel.center.max >= high
    panel.center.value, panel.width.value = (low + high) / 2, high - low
    assert state.window.center == pytest.approx((low + high) / 2, abs=panel.center.step)
    state.window = (1e6, 5)  # beyond the values: the sliders are widened
    assert panel.center.value == 1e6


@pytest.mark.parametrize(
    "array", [np.full((3, 4, 5), 7.0), np.full((3, 4, 5), np.nan), np.zeros((3, 4, 5), np.uint8)]
)
def test_constant_and_empty_values(array, panel_of):
    panel, state = panel_of(array)
    panel.width.value = panel.width.max
    panel.limits.value = (panel.limits.min, panel.limits.max)
    assert np.isfinite(state.window.limits).all()


def test_the_limits_under_the_histogram(vol, panel_of):
    panel, state = panel_of(vol, window=(500, 1000))
    assert panel.limits.value == (0, 1000)
    assert "<svg" in panel.window._histogram.value and "window 0 to 1000" in panel.window._histogram.value
    panel.limits.value = (100, 300)
    assert state.window == dv.Window(200, 200)
    state.window = dv.Window(40, 80, "linear")
    assert panel.limits.value == (0, 79)
    panel.limits.value = (10, 79)
    assert state.window.limits == (10, 79) and state.window.function == "linear"


def test_an_echo_of_the_page_does_not_undo_what_python_set(vol, panel_of):
    panel, state = panel_of(vol, window=(40, 80))
    state.window = (40.3, 80.7)
    state.window = (500, 900)
    with panel.center.hold_trait_notifications():  # the page answers the first with its rounding of it
        panel.center.value, panel.width.value = 40, 81
    assert state.window == dv.Window(500, 900)
    panel.center.value = 300  # and this was a person
    assert state.window.center == 300


def test_colours(vol, panel_of):
    panel, state = panel_of(vol)
    assert list(panel.colormap.options)[:2] == ["gray", "bone"] and "cubehelix" in panel.colormap.options
    panel.colormap.value, panel.invert.value, panel.colorbar.value = "hot", True, True
    assert (state.colormap, state.invert, state.colorbar) == ("hot", True, True)
    panel.section("panes").empty_color.value = "#00ff00"
    assert state.empty_color == "#00ff00"
    panel.section("panes").mark_padding.value = True
    assert state.mark_padding


def test_the_strip_shows_the_colours(vol, panel_of):
    panel, state = panel_of(vol)
    strip = next(c for c in panel.children if "gradient" in getattr(c, "value", ""))
    assert strip.value.index("rgb(0,0,0)") < strip.value.index("rgb(255,255,255)")
    state.invert = True
    assert strip.value.index("rgb(255,255,255)") < strip.value.index("rgb(0,0,0)")


def test_places_are_typed(vol, panel_of):
    panel, state = panel_of(vol)
    place = panel.section("place")
    place.index.value = "3, 4 5"
    assert state.index == (3, 4, 5) and place.index.value == "3, 4, 5"
    x, y, z = vol.geometry.position((6, 7, 8))
    place.position.value = f"{x:.2f}, {y:.2f}, {z:.2f}"
    assert state.index == (6, 7, 8) and place.position.value == f"{x:.1f}, {y:.1f}, {z:.1f}"
    for control, wrong in ((place.index, "1, 2"), (place.position, "here"), (place.step_mm, "-1")):
        before = control.value
        control.value = wrong
        assert control.value == before, "what cannot be read goes back"
    assert state.index == (6, 7, 8)
    place.step_mm.value = "5"
    assert state.step_mm == 5
    place.step_mm.value = ""
    assert state.step_mm is None


def test_panes_are_arranged_and_turned(vol, panel_of):
    panel, state = panel_of(vol)
    panes = panel.section("panes")
    panes.layout_choice.value, panes.interpolation.value = "montage", "lanczos"
    panes.convention.value, panes.gap.value = "neurological", 3
    panes.letters.value = panes.texts.value = panel.crosshair.value = panel.scale_bar.value = False
    assert (state.layout, state.interpolation, state.convention, state.gap) == (
        "montage", "lanczos", "neurological", 3,
    )  # fmt: skip
    assert not (state.letters or state.texts or state.crosshair or state.scale_bar)
    panes.turned.value = "coronal"
    flip, _, turn = panes.turn_buttons
    flip.click()
    assert state.turns == {"coronal": (0, True)}
    turn.click()
    assert state.turns == {"coronal": (1, True)}


def test_patient_axes_keep_the_place(vol, panel_of):
    panel, state = panel_of(vol, index=(9, 10, 11))
    before = np.array(state.position)
    panel.section("panes").patient_axes.value = True
    straight = vol.on_patient_axes()
    assert state.patient_axes and state.volume.geometry.shape == straight.shape
    assert np.abs(np.array(state.position) - before).max() <= max(straight.sampling) / 2
    np.testing.assert_array_equal(state.volume.frame()[7], straight[7])
    np.testing.assert_array_equal(state.volume.frame()[:, :, 9], straight[:, :, 9])
    panel.section("panes").patient_axes.value = False
    assert state.volume is vol
    unplaced, other = panel_of(np.zeros((3, 4, 5)))
    assert unplaced.section("panes").patient_axes.disabled and unplaced.section("place").position.disabled
    unplaced.section("panes").patient_axes.value = True
    assert not other.patient_axes and not unplaced.section("panes").patient_axes.value


def test_cine_and_the_curve_of_an_extra_dimension(panel_of):
    array = np.arange(4 * 3 * 5 * 6).reshape(4, 3, 5, 6)
    panel, state = panel_of(array)
    cine = panel.section("cine")
    cine.cine.value, cine.cine_mode.value, cine.fps.value = "coronal", "bounce", 25
    assert (state.cine, state.cine_mode, state.fps) == ("coronal", "bounce", 25)
    _, values = curve(state, "frame")
    np.testing.assert_array_equal(values, array[(slice(None), *state.index)])
    assert "<svg" in cine.curve.value
    before = cine.curve.value
    state.index = (0, 0, 0)
    assert cine.curve.value != before


def test_sections_are_made_when_they_are_opened(vol, panel_of):
    panel, _ = panel_of(vol)
    boxes = panel._sections.children
    assert not any(box.children for box in boxes), "closed sections must cost nothing"
    panel._sections.selected_index = 1
    assert [i for i, box in enumerate(boxes) if box.children] == [1]
    assert boxes[1].children == (panel.section("panes"),), "made once"
    movie, _ = panel_of(np.zeros((2, 3, 4, 5)))
    assert [i for i, box in enumerate(movie._sections.children) if box.children] == [2]


def test_colour_has_no_window(panel_of):
    panel, state = panel_of(np.zeros((4, 5, 6, 3), np.uint8))
    assert panel.window is None
    assert not any(hasattr(panel, name) for name in ("preset", "center", "colormap"))
    panel.crosshair.value = False
    assert state.crosshair is False


@pytest.mark.parametrize("value", [False, True])
def test_masks_have_no_window(value, panel_of):
    mask = dv.Volume.from_array(np.full((3, 4, 5), value), meta={"WindowCenter": 40, "WindowWidth": 80})
    panel, state = panel_of(mask)
    assert panel.window is None and panel.colormap.value == "gray" and named_windows(state) == {}
    assert "window" not in Toolbar(state, {}).tools
    scene = resolve(mask, state)
    assert not any("W " in pane.corners[2] for pane in scene.panes)
    assert scene.window.apply(value) == value
    assert mask.default_window.apply(value) == value


@pytest.mark.parametrize("value", [0, 7, -1000, 1e5])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_sliders_of_a_constant_are_of_use(value, dtype, panel_of):
    panel, state = panel_of(np.full((3, 4, 5), value, dtype))
    assert panel.center.min < value < panel.center.max
    for slider in (panel.center, panel.width):
        assert 2 <= (slider.max - slider.min) / slider.step <= 10000
    assert panel.width.min <= state.window.width <= panel.width.max


def test_toolbar(vol):
    state, done = ViewState(vol), []
    bar = Toolbar(state, {"fit": ("expand", "fit", lambda: done.append("fit"))})
    assert [tool for tool, button in bar.tools.items() if button.value] == ["window"]
    bar.tools["pan"].value = True
    assert state.tool == "pan" and not bar.tools["window"].value
    bar.tools["pan"].value = False
    assert state.tool == "pan" and bar.tools["pan"].value, "one tool is always chosen"
    bar.play.value = True
    assert state.playing
    bar.buttons["fit"].click()
    assert done == ["fit"]
    assert (
        "window" not in Toolbar(ViewState(dv.Volume.from_array(np.zeros((4, 5, 6, 3), np.uint8))), {}).tools
    )
    bar.close()


def test_closing_lets_go_of_the_state(vol):
    state = ViewState(vol)
    panel = SidePanel(state)
    panel.window.close()
    panel.close()
    state.window, state.crosshair = (1, 2), False
    assert panel.crosshair.value is True and panel.center.value != 1
