"""The viewer in the hands of a reader of images: real mouse, keys and pixels in JupyterLab."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from browser.reader import CONTROLS, CUT, ENCODED, FOCUS, SECTION, START, WINDOW, decoded, opened

THEMES = "@jupyterlab/apputils-extension:themes"

# Slices 30 degrees from axial, five points of time, a patient with a name.
DYNAMIC = """
import dicomview as dv, numpy as np
from dicomview.volume import Dimension
z, y, x = np.mgrid[:20, :40, :50]
ball = 400 * np.exp(-((z - 10) ** 2 / 20 + (y - 20) ** 2 / 90 + (x - 30) ** 2 / 120))
affine = np.eye(4)
affine[:3, 0], affine[:3, 1] = (1.5, 0, np.sqrt(0.75) * 3), (0, 0.8, 0)
affine[:3, 2], affine[:3, 3] = (np.sqrt(0.75) * 0.6, 0, -0.3), (-20, -31, 12)
dynamic = dv.Volume(
    np.stack([ball * factor for factor in (0.2, 1, 0.7, 0.5, 0.3)]).astype(np.int16),
    geometry=dv.Volume.from_array(ball, affine=affine).geometry,
    dims=("time", "slice", "row", "column"),
    dimensions=[Dimension("time", (0.0, 2.5, 5.0, 7.5, 10.0), "s")],
    meta={"Modality": "MR", "PatientName": "Doe^Jane", "PatientID": "4711"},
)
viewer = dv.SliceViewer(dynamic)
viewer
"""
COLOR = """
import dicomview as dv, numpy as np
picture = np.zeros((6, 40, 50, 3), np.uint8)
picture[..., 0], picture[..., 1] = np.arange(50) * 5, np.arange(40)[:, None] * 6
viewer = dv.SliceViewer(picture)
viewer
"""
_CANVASES = (
    "sum(type(one).__name__ == 'FrameCanvas' "
    "for one in __import__('ipywidgets').widgets.widget._instances.values())"
)
# Runs the code of the second cell again, without its output; the page hears of all that is made and closed.
_RUN_AGAIN = """code => {
    const { shell } = window.jupyterapp;
    const panel = [...shell.widgets('main')].find(one => one.sessionContext && one.content.model);
    const kernel = panel.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false}, true, {cellId: 'cell-1'});
    const late = new Promise(resolve => setTimeout(resolve, 20000, 'late'));
    const answer = ({ status, ename, evalue }) => status === 'ok' ? status : `${status} ${ename} ${evalue}`;
    return Promise.race([future.done.then(reply => answer(reply.content)), late]);
}"""


def test_the_wheel_turns_every_slice(reader):
    reader.mouse.move(*reader.at("axial"))
    for _ in range(20):
        reader.mouse.wheel(0, -100)
    reader.book.wait_for_value("viewer.state.index", (56, 245, 315))
    reader.mouse.move(*reader.at("sagittal"))
    for _ in range(5):
        reader.mouse.wheel(0, 100)
    reader.book.wait_for_value("viewer.state.index", (56, 245, 310))
    reader.sees_the_view()


def test_a_drag_moves_the_window(reader):
    reader.drag(reader.at("axial"), (100, -50))
    gain = reader.value("float(vol.array.max() - vol.array.min())") / 1024
    reader.book.wait_for_value(f"viewer.state.window.width > {80 + 99 * gain}", True)
    reader.page.wait_for_timeout(500)  # in which the sliders in the page could answer
    center, width = reader.value(WINDOW)
    assert (center, width) == pytest.approx((40 + 50 * gain, 80 + 100 * gain), rel=5e-3)
    assert reader.value("viewer.state.index") == START, "a drag is no click"
    numbers = reader.page.locator(".dicomview .widget-readout").all_inner_texts()
    assert [number.replace("\u2212", "-") for number in numbers[3:5]] == [f"{center:.0f}", f"{width:.0f}"]
    reader.sees_the_view()


def test_crosshair(reader):
    x, y = reader.at("axial", 0.25, 0.4)
    column, row = reader.voxel("axial", x, y)
    reader.mouse.click(x, y)
    reader.book.wait_for_value("viewer.state.index", (36, round(row), round(column)))
    reader.mouse.move(*reader.at("coronal", 0.5, 0.5))
    reader.keyboard.down("Shift")
    x, y = reader.at("coronal", 0.6, 0.3)
    reader.mouse.move(x, y, steps=4)
    column, height = reader.voxel("coronal", x, y)
    reader.keyboard.up("Shift")
    reader.book.wait_for_value("viewer.state.index", (round(height), round(row), round(column)))
    reader.sees_the_view()


def test_zoom_and_pan(reader):
    x, y = reader.at("axial", 0.3, 0.4)
    reader.mouse.move(x, y)
    before = reader.voxel("axial", x, y)
    reader.keyboard.down("Control")
    reader.mouse.wheel(0, -300)
    reader.keyboard.up("Control")
    reader.book.wait_for_value("round(viewer.state.zoom, 6)", round(1.2**3, 6))
    reader.sees_the_view()
    assert reader.voxel("axial", x, y) == pytest.approx(before, abs=0.05), "it stays under the pointer"
    reader.drag((x, y), (0, -60), button="right")
    reader.book.wait_for_value("round(viewer.state.zoom, 3)", round(1.2**3 * math.exp(60 / 150), 3))
    reader.sees_the_view()
    before = reader.voxel("axial", x, y)
    reader.drag((x, y), (40, 30), button="middle")
    reader.page.wait_for_timeout(300)
    reader.sees_the_view()
    assert reader.voxel("axial", x + 40, y + 30) == pytest.approx(before, abs=0.05)
    assert reader.value("viewer.state.index") == START
    assert not reader.page.locator(".lm-Menu").count(), "no menu of the notebook"
    reader.book.screenshot("reading-zoomed")


def test_double_click(reader):
    small = reader.box()
    reader.mouse.dblclick(*reader.at("coronal"))
    reader.book.wait_for_value("viewer.state.layout", "coronal")
    reader.sees_the_view()
    large = reader.box()
    assert large["height"] > small["height"] * 1.3 and large["width"] == small["width"]
    width, height = reader.value("tuple(map(float, viewer.axes['coronal'].bbox.size))")
    depth, _, across = reader.value("vol.fov")
    assert width / height == pytest.approx(across / depth, rel=0.01), "true proportion"
    reader.book.screenshot("reading-maximised")
    reader.mouse.dblclick(*reader.at("coronal"))
    reader.book.wait_for_value("viewer.state.layout", "ortho")
    reader.sees_the_view()
    assert reader.box() == small
    assert reader.value("viewer.state.index") == START, "the crosshair stays"


def test_cine(reader):
    reader.mouse.move(*reader.at("axial"))
    reader.page.wait_for_timeout(100)
    reader.press("Home", "viewer.state.index[0]", 0)
    begin = time.monotonic()
    reader.press("c", "viewer.state.playing", True)
    reader.page.wait_for_timeout(2000)
    reader.press("c", "viewer.state.playing", False)
    seconds, reached = time.monotonic() - begin, reader.value("viewer.state.index[0]")
    assert 10 * (seconds - 1) <= reached <= 10 * seconds + 1, "ten a second"
    reader.page.wait_for_timeout(300)
    assert reader.value("viewer.state.index[0]") == reached
    reader.sees_the_view()


def test_keys(reader):
    index, turns = "viewer.state.index[0]", "viewer.state.turns"
    reader.mouse.move(*reader.at("axial"))
    reader.page.wait_for_timeout(100)
    for key, expression, expected in (
        ("ArrowUp", index, 37),
        ("ArrowDown", index, 36),
        ("PageUp", index, 46),
        ("Home", index, 0),
        ("End", index, 67),
        ("i", "viewer.state.invert", True),
        ("i", "viewer.state.invert", False),
        ("h", turns, {"axial": (0, True)}),
        ("v", turns, {"axial": (2, False)}),
        ("r", turns, {"axial": (3, False)}),
        ("+", "viewer.state.zoom", 1.25),
        ("-", "viewer.state.zoom", 1.0),
        ("2", WINDOW, (600, 2800)),
        ("+", "viewer.state.zoom", 1.25),
        (" ", f"(viewer.state.zoom, {WINDOW})", (1.0, (40, 80))),
    ):
        reader.press(key, expression, expected)
    reader.press("?", "viewer._help.layout.display", "")
    reader.book.wait_for(".dicomview-help")
    reader.book.screenshot("reading-help")
    reader.press("?", "viewer._help.layout.display", "none")
    reader.sees_the_view()


def test_a_key_that_is_held_repeats(reader):
    reader.mouse.move(*reader.at("axial"))
    reader.page.wait_for_timeout(100)
    reader.press("Home", "viewer.state.index[0]", 0)
    for _ in range(30):
        reader.keyboard.down("ArrowUp")
    reader.keyboard.up("ArrowUp")
    reader.book.wait_for_value("viewer.state.index[0]", 30)
    reader.sees_the_view()


def test_keys_act_only_with_the_focus(reader):
    cells = reader.page.locator(".jp-Cell").count()
    reader.focus()
    reader.keyboard.press("Tab")
    assert not reader.page.evaluate(f"document.activeElement.matches({FOCUS!r})"), "Tab leaves the canvas"
    reader.keyboard.press("Shift+Tab")
    assert reader.page.evaluate(f"document.activeElement.matches({FOCUS!r})")
    reader.page.evaluate("document.activeElement.blur()")
    for key in ("ArrowUp", "h", "+"):
        reader.keyboard.press(key)
    reader.page.wait_for_timeout(300)
    assert reader.value("viewer.state.index, viewer.state.turns, viewer.state.zoom") == (START, {}, 1.0)
    assert reader.page.locator(".jp-Cell").count() == cells


def test_every_control_has_a_name_and_is_reached_by_tab(reader):
    reader.page.locator(".dicomview button").first.focus()
    names = reader.page.evaluate(CONTROLS)["names"]
    reached = {0}
    for _ in names[1:]:
        reader.keyboard.press("Tab")
        reached.add(reader.page.evaluate(CONTROLS)["at"])
    assert [name for i, name in enumerate(names) if i not in reached] == []
    # Sections of the panel open by key.
    for number, control in ((0, "LPS mm"), (1, "layout"), (2, "fps")):
        reader.page.locator(SECTION).nth(number).focus()
        if reader.page.locator(SECTION).nth(number).get_attribute("aria-expanded") == "false":
            reader.keyboard.press("Enter")
        reader.book.wait_for(f".dicomview [aria-label='{control}']")
        reader.page.wait_for_timeout(100)
        names = reader.page.evaluate(CONTROLS)["names"]
        assert len(names) > 25 and all(names), names


def test_typed_place(reader):
    reader.open_section(0)
    index = reader.page.locator(".dicomview [aria-label='index']")
    index.fill("10 200, 220")
    index.press("Enter")
    reader.book.wait_for_value("viewer.state.index", (10, 200, 220))
    position = reader.page.locator(".dicomview [aria-label='LPS mm']")
    position.fill("27, -2, 34")
    position.press("Enter")
    reader.book.wait_for_value("viewer.state.index", START)
    position.fill("somewhere")
    position.press("Enter")
    reader.page.wait_for_function("one => one.value === '27.0, -2.1, 34.7'", arg=position.element_handle())
    assert index.input_value() == "36, 245, 315"
    reader.sees_the_view()


def test_window_and_colours_in_the_panel(reader):
    page = reader.page
    handle = page.get_by_label("limits of the window to").bounding_box()
    start = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    reader.drag(start, (40, 0))
    reader.book.wait_for_value("viewer.state.window.limits[1] > 300", True)
    reader.page.wait_for_timeout(300)
    assert reader.value("viewer.state.window.limits[0]") == pytest.approx(0, abs=1), "the other end stays"
    page.get_by_label("preset").select_option("lung")
    reader.book.wait_for_value(WINDOW, (-600, 1500))
    page.get_by_label("preset").select_option("auto")
    reader.book.wait_for_value("viewer.state.window == vol.auto_window()", True)
    reader.value("setattr(viewer.state, 'window', (40.25, 80.75))")
    page.wait_for_timeout(500)
    assert reader.value(WINDOW) == (40.25, 80.75), "sliders in the page do not round it"
    strip = page.get_by_label("colours from low to high")
    before = strip.get_attribute("style")
    page.get_by_label("colormap").select_option("viridis")
    reader.book.wait_for_value("viewer.state.colormap", "viridis")
    page.wait_for_function(
        "([one, old]) => one.getAttribute('style') !== old", arg=[strip.element_handle(), before]
    )
    reader.sees_the_view()
    reader.book.screenshot("reading-panel")


def test_a_burst_of_events_leaves_no_stale_picture(reader):
    steps = np.random.RandomState(5)
    box = reader.box()
    for number in range(120):
        if steps.rand() < 0.6:
            reader.mouse.wheel(0, -100 if steps.rand() < 0.6 else 100)
        else:
            part = steps.rand(2)
            reader.mouse.move(box["x"] + part[0] * box["width"], box["y"] + part[1] * box["height"])
        if number % 40 == 20:
            reader.mouse.down()
        if number % 40 == 30:
            reader.mouse.up()
    reader.sees_the_view()


def test_montage(reader):
    reader.open_section(1)
    reader.page.get_by_label("layout").select_option("montage")
    reader.book.wait_for_value("viewer.state.layout", "montage")
    reader.sees_the_view()
    reader.book.screenshot("reading-montage")
    tile = "(lambda tile: (*tile.ax.bbox.min, *tile.ax.bbox.size))(viewer._canvas.renderer._tiles[6])"
    x, y, width, height = map(float, reader.value(f"tuple(map(float, {tile}))"))
    box = reader.box()
    reader.mouse.dblclick(box["x"] + x + width / 2, box["y"] + box["height"] - y - height / 2)
    reader.book.wait_for_value("viewer.state.layout", "ortho")
    assert reader.value("viewer.state.index[0]") == 42, "the slice that was pointed at"
    reader.sees_the_view()


@pytest.mark.parametrize(("width", "is_beside"), [(900, False), (1600, True)])
def test_it_fits_the_page(reader, width, is_beside):
    before = reader.box()["width"]
    reader.page.set_viewport_size({"width": width, "height": 1500})
    for number in range(3):
        reader.open_section(number)
        reader.book.wait_for_value(f"viewer._width != {before}", True)
        reader.page.wait_for_timeout(200)
        reader.sees_the_view()
        assert reader.page.evaluate(CUT) == []
        reader.book.screenshot(f"reading-{width}-{number}")
    stage = reader.page.locator(".dicomview-stage").bounding_box()
    panel = reader.page.locator(SECTION).first.bounding_box()
    assert (panel["x"] > stage["x"] + stage["width"]) == is_beside
    assert (panel["y"] > stage["y"] + stage["height"]) != is_beside
    assert reader.box()["width"] == pytest.approx(stage["width"], abs=4)


def test_dark_oblique_and_in_time(notebook, jupyter_server):
    jupyter_server.write_settings(THEMES, {"theme": "JupyterLab Dark"})
    try:
        reader = opened(notebook("lab"), DYNAMIC)
        reader.book.wait_for_value("viewer.state.theme", "dark")
    finally:
        jupyter_server.write_settings(THEMES, {"theme": "JupyterLab Light"})
    texts = reader.value("[pane.corners[0] for pane in viewer._scene().panes]")
    assert texts == [f"{plane} oblique 30°" for plane in ("axial", "coronal", "sagittal")]
    frame = reader.page.locator(".dicomview .noUi-handle").nth(3)
    curve = reader.page.locator(".dicomview svg[aria-label^='values at the crosshair'] circle")
    mark = curve.get_attribute("cx")
    reader.book.press(frame, "ArrowRight")
    reader.book.wait_for_value("viewer.state.frame", (3,))
    reader.page.get_by_text("7.5 s", exact=True).wait_for()
    assert float(curve.get_attribute("cx")) > float(mark)
    reader.press("ArrowLeft", "viewer.state.frame", (2,))
    reader.sees_the_view()
    reader.book.screenshot("reading-dark-oblique")
    place = reader.value("viewer.state.position")
    reader.open_section(1)
    reader.page.get_by_label("patient axes").check()
    reader.book.wait_for_value("viewer.state.patient_axes", True)
    reader.sees_the_view()
    assert reader.value("viewer.state.position") == pytest.approx(place, abs=1.5), "the same place"
    edges = reader.value("[pane.edges for pane in viewer._scene().panes]")
    assert edges == [("A", "P", "R", "L"), ("S", "I", "R", "L"), ("S", "I", "A", "P")]
    reader.book.screenshot("reading-dark-patient-axes")
    assert not reader.book.errors


def test_colour(notebook):
    reader = opened(notebook("lab"), COLOR)
    names = reader.page.evaluate(CONTROLS)["names"]
    assert not {"preset", "center", "width", "colormap", "invert"} & set(names)
    reader.sees_the_view()
    x, y = reader.at("axial", 0.25, 0.25)
    column, row = reader.voxel("axial", x, y)
    reader.drag((x - 20, y), (20, 0))
    reader.book.wait_for_value("viewer.state.index", (3, round(row), round(column)))
    reader.sees_the_view()
    reader.book.screenshot("reading-colour")
    assert not reader.book.errors


@pytest.mark.parametrize("page", [2.0], indirect=True)
def test_a_fine_screen(notebook, page):
    page.set_viewport_size({"width": 1300, "height": 900})
    reader = opened(notebook("lab"), DYNAMIC)
    reader.book.wait_for_value("viewer._canvas.figure.dpi", 200)
    reader.sees_the_view()
    assert reader.shown().shape[1] == 2 * reader.page.locator(FOCUS).evaluate("one => one.clientWidth")
    reader.book.screenshot("reading-fine")
    assert not reader.book.errors


def test_the_saved_notebook(notebook, jupyter_server):
    reader = opened(notebook("lab"), "import dicomview as dv; dv.options.show_patient = True", DYNAMIC)
    book, page = reader.book, reader.page
    assert not any(image.is_visible() for image in page.locator(".jp-OutputArea img").all())
    for key, trait, expected in (("ArrowUp", "index[0]", 11), ("i", "invert", True)):
        reader.press(key, f"viewer.state.{trait}", expected)
    reader.sees_the_view()
    page.wait_for_timeout(2500)  # at rest
    shown = reader.shown()
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    outputs = json.loads((jupyter_server.root / book.name).read_text(encoding="utf-8"))["cells"][1]["outputs"]
    pictures = [output["data"].pop("image/png") for output in outputs if "image/png" in output["data"]]
    assert len(pictures) == 1
    assert not any(secret in json.dumps(outputs) for secret in ("Doe", "4711"))
    kept, named = decoded(pictures[0]), reader.fresh()
    unnamed = "viewer._figure(dv.state.resolve(viewer.state.volume, viewer.state, patient=False)).png()"
    assert (kept == decoded(reader.value(ENCODED.format(png=unnamed)))).all()
    assert 0 < (kept != named).any(-1).mean() < 0.02, "it lacks the name, and nothing else"
    assert reader.is_same(shown, named)

    # The cell is run again and again: without its output, and at last with it.
    for _ in range(12):
        assert page.evaluate(_RUN_AGAIN, DYNAMIC.replace("\nviewer\n", "\n")) == "ok"
    for _ in range(3):
        book.run_all()
    book.wait_until_stable(book.canvases()[0])
    assert len(book.canvases()) == 1
    assert reader.value(_CANVASES) == 1
    assert not book.errors

    # Without a kernel the picture is there.
    page.wait_for_timeout(300)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    jupyter_server.shut_down_kernels(book.name)
    page.reload()
    image = page.locator(".jp-OutputArea img").first
    image.wait_for(state="visible")
    assert image.bounding_box()["width"] > 500
    book.screenshot("reading-reloaded")


def test_reading_in_notebook_7(notebook):
    reader = opened(notebook("notebook"), DYNAMIC)
    reader.mouse.move(*reader.at("axial"))
    for _ in range(5):
        reader.mouse.wheel(0, -100)
    reader.book.wait_for_value("viewer.state.index", (15, 20, 25))
    cells = reader.page.locator(".jp-Cell").count()
    for key, expression, expected in (
        ("ArrowDown", "viewer.state.index[0]", 14),
        ("i", "viewer.state.invert", True),
        ("ArrowRight", "viewer.state.frame", (3,)),
        ("x", "viewer.state.frame", (3,)),
        ("c", "viewer.state.playing", True),
        ("c", "viewer.state.playing", False),
    ):
        reader.press(key, expression, expected)
    assert reader.page.locator(".jp-Cell").count() == cells
    reader.sees_the_view()
    assert not any(image.is_visible() for image in reader.page.locator(".jp-OutputArea img").all())
    reader.book.screenshot("reading-notebook-7")
    assert not reader.book.errors
