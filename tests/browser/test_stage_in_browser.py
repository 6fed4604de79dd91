"""Slices painted in the page: the same pixels as the kernel's, at once, and the kernel hears of it."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from browser.reader import BARE, CANVAS, HEAD_VOLUME, SLICES_ALONE, decoded, wait_until_painted

import dicomview as dv

SLICES = ".dicomview-slices"


def center(book, panes=3):
    """Return the middle of the first of so many panes on the screen, and put the pointer there."""
    canvas = book.wait_for(CANVAS)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2 / panes, box["y"] + box["height"] / 2
    book.page.mouse.move(x, y)
    return x, y


def scroll_to(book, index, patience=5):
    """Turn the wheel by one notch over the first pane, and wait until the status tells the slice.

    While cells run the notebook itself still scrolls: what has gone elsewhere is turned again.
    """
    told = book.page.locator(".dicomview-status").get_by_text(f"index ({index},")
    for _ in range(patience):
        x, y = center(book)
        book.page.mouse.wheel(0, -100)
        for _ in range(30):
            if told.count():
                return
            book.page.wait_for_timeout(100)
    status = book.page.locator(".dicomview-status").inner_text()
    under = book.page.evaluate("([x, y]) => document.elementFromPoint(x, y)?.outerHTML.slice(0, 200)", [x, y])
    pytest.fail(f"slice {index} is not shown: the status is {status!r}, under the pointer is {under}")


def test_page_and_kernel_paint_the_same_pixels(open_viewer):
    book = open_viewer(f"window=(40, 80), position=(27, -2, 34), {BARE}")
    for change in (
        "pass",
        "viewer.state.interpolation = 'lanczos'",
        "viewer.state.interpolation = 'nearest'",
        "viewer.state.interpolation = 'linear'",
        "viewer.state.zoom, viewer.state.center = 3.3, (30.2, 200.5, 250)",
        "viewer.state.window = dv.Window(40, 80, 'sigmoid')",
        "viewer.state.window = dv.Window(40, 1, 'linear')",
        "viewer.state.invert = True; viewer.state.window = (40, 80)",
        "viewer.state.turn('axial'); viewer.state.mirror('coronal'); viewer.state.fit()",
        "viewer.state.convention = 'neurological'; viewer.state.index = (3, 100, 400)",
        "viewer.state.layout = 'montage'",
        "viewer.state.layout = 'sagittal'",
    ):
        book.execute(change)
        # On the edge of a threshold the last bit of a value decides.
        wait_until_painted(book, beyond=1e-4 if "'linear')" in change else 0, after=change)
    assert not book.errors


def test_the_picture_is_there_while_the_next_cell_runs(lab):
    go = lab.server.root / "go"
    lab.show([HEAD_VOLUME])
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.05)"
    lab.begin([HEAD_VOLUME, f"viewer = dv.SliceViewer(vol, window=(40, 80), {BARE})\nviewer", wait])
    lab.wait_for(SLICES)
    pixels = f"document.querySelector({SLICES!r}).getContext('2d').getImageData(99, 99, 99, 99).data"
    lab.page.wait_for_function(f"{pixels}.includes(128)")
    assert lab.wait_for(CANVAS).bounding_box()["height"] > 200, "ipympl's canvas has no size yet"
    for part in ("button[title^='crosshair:']", "select[aria-label=colormap]"):
        lab.wait_for(f".dicomview {part}")
    for index in (35, 36, 37):
        scroll_to(lab, index)
    lab.page.wait_for_function(f"{pixels}.includes(128)")  # of the coarse copy
    assert not go.exists()
    lab.screenshot("stage-kernel-busy")
    early = decoded(lab.page.evaluate(SLICES_ALONE))
    assert early.shape[1] == 800, "the kernel does not know yet how wide the page is"
    go.touch()
    lab.wait_for_value("viewer._is_staged", True)
    wait_until_painted(lab)
    assert decoded(lab.page.evaluate(SLICES_ALONE)).shape[1] > 800
    go.unlink()
    assert not lab.errors


KINDS = {
    "float": "(np.indices((40, 50, 60)).sum(0) % 37 / 7).astype(np.float32)",
    "holes": "np.where(np.indices((30, 40, 50)).sum(0) % 9, 1.0, np.nan)",
    "colour": "(np.indices((20, 40, 50, 3))[:3].sum(0) * 2).astype(np.uint8)",
    "bool": "np.indices((20, 30, 40)).sum(0) % 2 == 0",
    "uint16": "np.random.PCG64(1).random_raw(20**3).astype(np.uint16).reshape(20, 20, 20)",
    "in time": "np.indices((3, 20, 30, 40)).sum(0)",
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_values(open_viewer, kind):
    code = f"import numpy as np, dicomview as dv\nvol = dv.Volume.from_array({KINDS[kind]})"
    book = open_viewer(BARE, code)
    wait_until_painted(book)
    assert not book.errors


def test_what_is_done_in_the_page_is_seen_there_and_told_to_the_kernel(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    x, y = center(book)
    mouse = book.page.mouse
    for _ in range(10):
        mouse.wheel(0, -100)
    book.wait_for_value("viewer.state.index[0]", 46)
    assert book.sliders()[0].get_attribute("aria-valuenow") == "46.0"
    assert "index (46," in book.page.locator(".dicomview-status").inner_text()
    book.screenshot("stage-wheel")
    mouse.down()
    mouse.move(x + 60, y - 20, steps=5)
    mouse.up()
    gain = book.value("viewer._pointer.value_range") / 1024
    book.wait_for_value(
        "[round(v, 6) for v in (viewer.state.window.center, viewer.state.window.width)]",
        [round(40 + 20 * gain, 6), round(80 + 60 * gain, 6)],
    )
    mouse.click(x - 40, y - 40)
    book.wait_for_value("viewer.state.index[1] < 256 and viewer.state.index[2] < 256", True)
    for key, expression in (
        ("ArrowDown", "viewer.state.index[0] == 45"),
        ("End", "viewer.state.index[0] == 67"),
        ("Home", "viewer.state.index[0] == 0"),
        ("+", "viewer.state.zoom == 1.25"),
        ("i", "viewer.state.invert"),
        ("h", "viewer.state.turns == {'axial': (0, True)}"),
        ("1", "viewer.state.window.center == viewer.volume.default_window.center"),
        ("Space", "viewer.state.zoom == 1 and viewer.state.window == dv.Window(40, 80)"),
    ):
        book.page.keyboard.press(key)
        book.wait_for_value(f"bool({expression})", True)
    mouse.dblclick(x, y)
    book.wait_for_value("viewer.state.layout", "axial")
    book.wait_until_stable(CANVAS)
    book.screenshot("stage-maximised")
    mouse.dblclick(*center(book, panes=1))
    book.wait_for_value("viewer.state.layout", "ortho")
    assert not book.errors


def test_sliders_move_the_picture_without_the_kernel(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    before = book.wait_until_stable(CANVAS)
    # A kernel that is busy answers nothing.
    book.page.evaluate(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({code: 'import time; time.sleep(4)'})"
    )
    book.press(book.sliders()[0], "ArrowRight")
    book.wait_for_change(CANVAS, before, timeout=3)
    book.wait_for_value("viewer.state.index[0]", 37)
    center_handle = book.sliders()[3]
    before = book.wait_until_stable(CANVAS)
    book.press(center_handle, "ArrowRight")
    book.wait_for_change(CANVAS, before)
    book.wait_for_value("viewer.state.window.center", 41)
    assert not book.errors


def test_python_moves_the_page(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    before = book.wait_until_stable(CANVAS)
    book.execute(
        "for k in range(30):\n    viewer.state.index = (k, 2 * k, 3 * k)\nviewer.state.window = (300, 2000)"
    )
    book.wait_for_change(CANVAS, before)
    book.wait_until_stable(CANVAS)
    assert book.value("viewer.state.index, viewer.state.window.width") == ((29, 58, 87), 2000)
    assert "index (29, 58, 87)" in book.page.locator(".dicomview-status").inner_text()
    book.screenshot("stage-python")
    assert not book.errors


def test_a_kernel_that_is_gone_leaves_the_slices_greyed(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    before = book.wait_until_stable(CANVAS)
    book.page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    book.wait_for(".dicomview-gone")
    gone = book.wait_for_change(CANVAS, before)
    book.press(book.sliders()[0], "ArrowRight")  # the neighbours are there
    book.wait_for_change(CANVAS, gone)
    book.screenshot("stage-gone")
    book.end()


def test_the_cine_runs_in_the_page(open_viewer):
    book = open_viewer("index=(0, 200, 200), fps=20")
    center(book)
    book.page.keyboard.press("Tab")
    book.page.locator(".dicomview .jupyter-matplotlib-canvas-div").focus()
    book.page.keyboard.press("c")
    book.page.wait_for_timeout(1500)
    book.page.keyboard.press("c")
    book.wait_for_value("viewer.state.playing", False)
    stopped = book.value("viewer.state.index[0]")
    assert 15 <= stopped <= 45
    book.execute("viewer.state.playing = True")
    book.page.wait_for_timeout(700)
    book.execute("viewer.state.playing = False")
    assert book.value("viewer.state.index[0]") != stopped
    assert not book.errors


def test_a_page_that_cannot_load_the_script_says_so(notebook):
    book = notebook("lab")
    book.open(
        [
            HEAD_VOLUME,
            "from dicomview.widgets.page import PageLink\n"
            "PageLink._esm = 'throw new Error(\"not allowed here\")'",
            "viewer = dv.SliceViewer(vol, window=(40, 80))\nviewer",
        ]
    )
    book.run_all()
    book.wait_for(CANVAS)
    book.page.get_by_text("could not load the script of dicomview").wait_for(timeout=8000)
    before = book.wait_until_stable(CANVAS)
    book.press(book.sliders()[0], "ArrowRight")
    book.wait_for_change(CANVAS, before)
    book.screenshot("stage-no-script")


def test_a_view_shown_twice_stays_one(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    book.run_cell("viewer")
    page = book.page
    page.wait_for_function("document.querySelectorAll('.dicomview-slices').length === 2")
    first, second = book.canvases()
    second.scroll_into_view_if_needed()
    book.wait_until_stable(second)
    page.locator(".dicomview .jupyter-matplotlib-canvas-div").nth(1).focus()
    before = book.wait_until_stable(first)
    for _ in range(5):
        page.keyboard.press("ArrowUp")
    book.wait_for_value("viewer.state.index[0]", 41)
    book.wait_for_change(first, before)
    texts = "() => [...document.querySelectorAll('.dicomview-status')].map(one => one.textContent)"
    page.wait_for_function(f"({texts})().every(text => text.includes('index (41, 245, 315)'))")
    assert not book.errors


#: Whether anything is drawn in the lower right corner of ipympl's topmost canvas.
HANDLE = """() => {
    const top = [...document.querySelectorAll('.dicomview .jupyter-matplotlib-canvas-div canvas')].at(-1);
    return top.getContext('2d').getImageData(top.width - 20, top.height - 20, 20, 20).data.some(Boolean);
}"""


def test_a_page_that_is_loaded_again_shows_the_view(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)")
    book.execute("viewer.state.index = (20, 200, 210)")
    book.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    book.page.reload()
    book.wait_for(CANVAS)
    book.wait_for(SLICES)
    book.wait_until_stable(CANVAS)
    book.page.locator(".dicomview .jupyter-matplotlib-canvas-div").focus()
    for _ in range(3):
        book.page.keyboard.press("ArrowUp")
    status = book.page.locator(".dicomview-status")
    status.get_by_text("index (23, 200, 210)").wait_for()
    book.wait_for_value("viewer.state.index", (23, 200, 210))
    book.screenshot("stage-loaded-again")
    assert not book.page.evaluate(HANDLE), "ipympl shows its handle for resizing again"
    book.end()


def test_slices_that_come_into_view_wait_for_no_frame(open_viewer):
    book = open_viewer(f"index=(10, 200, 200), {BARE}")
    wait_until_painted(book)
    before = book.page.evaluate(SLICES_ALONE)
    book.page.evaluate(
        "() => { window.held = requestAnimationFrame; window.requestAnimationFrame = () => 1; }"
    )
    book.execute("viewer.state.index = (50, 300, 300)")
    book.page.wait_for_function(f"before => ({SLICES_ALONE})() !== before", arg=before, polling=50)
    book.page.evaluate("() => { window.requestAnimationFrame = window.held; }")
    assert not book.errors


def test_a_hidden_page_asks_for_nothing(open_viewer):
    book = open_viewer("index=(10, 200, 200)")
    center(book)  # before anybody comes near, it would not ask either
    book.page.wait_for_timeout(1000)
    book.execute(
        "asked = []\nwanted = viewer._page.handlers['want']\n"
        "viewer._page.handlers['want'] = lambda want: (asked.append(want), wanted(want))"
    )
    book.page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    book.execute("viewer.state.index = (50, 300, 300)")  # comes without being asked for
    book.page.wait_for_timeout(500)
    assert book.value("asked") == []
    book.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    book.wait_for_value("bool(asked)", True)
    assert not book.errors


def test_a_page_of_its_own_needs_no_kernel(page, tmp_path, artifacts):
    vol = dv.volread(dv.samples.head_ct())
    viewer = dv.SliceViewer(vol, window=(40, 80), position=(27, -2, 34))
    viewer.to_html(tmp_path / "view.html")
    viewer.close()
    page.goto((tmp_path / "view.html").as_uri())
    status = page.locator(".dicomview-status")
    status.get_by_text(f"{vol[36, 245, 315]} HU").wait_for()
    assert "index (36, 245, 315)" in status.inner_text()
    box = page.locator(".jupyter-matplotlib-canvas-div").bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.wheel(0, -300)
    page.locator('input[name="sagittal"]').press("ArrowRight")
    page.mouse.move(0, 0)
    page.wait_for_function(
        "document.querySelector('.dicomview-status').textContent.includes('(39, 245, 316)')"
    )
    page.screenshot(path=artifacts / "standalone.png")
    assert not page.errors


def test_a_key_is_one_message(open_viewer):
    book = open_viewer("index=(10, 200, 200)")
    center(book)
    book.page.wait_for_timeout(500)
    book.execute(
        "heard = []\n"
        "for part in (viewer._page, viewer._canvas.widget):\n"
        "    part.on_msg(lambda _, content, buffers: heard.append(sorted(content)))"
    )
    book.page.locator(".dicomview .jupyter-matplotlib-canvas-div").focus()
    for _ in range(3):
        book.page.keyboard.press("ArrowUp")
        book.page.wait_for_timeout(300)
    book.wait_for_value("viewer.state.index", (13, 200, 200))
    assert [parts for parts in book.value("heard") if parts != ["state", "want"]] == [["state"]] * 3


RACE = """selector => new Promise(resolve => {
    const host = document.querySelector(selector);
    const box = host.getBoundingClientRect();
    const where = {clientX: box.left + box.width / 2, clientY: box.top + box.height / 2};
    const turn = {deltaY: -100, bubbles: true, cancelable: true, ...where};
    const start = performance.now();
    let sent = 0;
    const timer = setInterval(() => {
        // 125 slices a second, also where timers are late
        for (const due = Math.min(150, (performance.now() - start) / 8); sent < due; sent++)
            host.dispatchEvent(new WheelEvent('wheel', turn));
        if (sent === 150) resolve(clearInterval(timer));
    }, 8);
})"""


def test_slices_that_race_by_are_not_fetched(open_viewer):
    book = open_viewer(f"window=(40, 80), index=(36, 100, 256), {BARE}")
    sent = "len([key for key in viewer._staging._stage._sent if key.split('|')[2] == '1'])"
    before = book.value(sent)
    book.page.evaluate(RACE, ".dicomview .jupyter-matplotlib-canvas-div")
    book.wait_for_value("viewer.state.index", (36, 250, 256))
    wait_until_painted(book)  # the slice at rest must be the exact one
    assert book.value(sent) - before < 45, "150 slices raced by; 37 are in view or next to it"


def test_a_page_of_its_own_draws_measurements_and_masks(page, tmp_path, artifacts):
    vol = dv.volread(dv.samples.head_ct())
    places = vol.geometry.position(np.moveaxis(np.indices(vol.shape), 0, -1))
    ball, other = (
        ((places - place) ** 2).sum(-1) < radius**2
        for place, radius in (((27, -2, 34), 18), ((-30, 10, 34), 12))
    )
    height = vol.geometry.position((36, 0, 0))[2]
    viewer = dv.SliceViewer(
        vol, window=(40, 80), position=(27, -2, 34), crosshair=False, texts=False,
        measurements=[
            dv.measure.Region(dv.Volume(other, geometry=vol.geometry), "other"),
            dv.measure.Distance([(-40, -60, height), (30, -60, height)]),
        ],
    )  # fmt: skip
    viewer.overlays.add_mask(ball, name="ball", color="#00ff00", opacity=0.01)
    viewer.to_html(tmp_path / "view.html")
    drawn = decoded(base64.b64encode(viewer.figure().png()))
    viewer.close()
    page.goto((tmp_path / "view.html").as_uri())
    page.locator(".dicomview-status").get_by_text("index (36, 245, 315)").wait_for()

    def shown():
        page.wait_for_timeout(500)
        return decoded(page.evaluate(SLICES_ALONE))

    def ends(picture, kind):
        """Return first row and column, and the last, of what is green or yellow in the axial pane."""
        red, green, blue = np.moveaxis(picture[:, : picture.shape[1] // 3], -1, 0)
        found = np.argwhere(green - red > 50 if kind == "green" else (red - blue > 50) & (green - blue > 40))
        return np.concatenate([found.min(axis=0), found.max(axis=0)])

    seen = shown()
    page.screenshot(path=artifacts / "standalone-outlines.png")
    assert seen.shape == drawn.shape
    assert abs(ends(seen, "green") - ends(drawn, "green")).max() <= 2
    assert abs(ends(seen, "yellow") - ends(drawn, "yellow")).max() <= 8, "with their numbers beside them"
    page.locator('input[name="axial"]').press("ArrowRight")
    page.locator('input[name="axial"]').press("ArrowRight")
    later = shown()
    assert ends(later, "yellow")[0] > ends(seen, "yellow")[0] + 20, "the distance lies in the slice below"
    assert np.ptp(ends(later, "green")[[0, 2]]) < np.ptp(ends(seen, "green")[[0, 2]])
    assert not page.errors
