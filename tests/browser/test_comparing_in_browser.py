"""Comparing and choosing in a real page: the line is dragged, thumbnails and series are opened."""

from __future__ import annotations

import numpy as np
import pytest
from browser.reader import BARE, CANVAS, HEAD_VOLUME, Reader

DIVIDER = ".dicomview-divider"
PAIR = f"""{HEAD_VOLUME}
whole = vol.geometry.affine
a = dv.Volume.from_array(vol.array[:, ::2, ::2].copy(), affine=whole @ np.diag([1, 2, 2, 1]), meta=vol.meta)
turned = np.array([[0.995, -0.0998, 0, 0], [0.0998, 0.995, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
b = dv.Volume.from_array(np.ascontiguousarray(vol.array[::2, ::2, ::2]) + 15,
    affine=turned @ whole @ np.diag([2, 2, 2, 1]), meta=vol.meta)
"""


def opened(book, *cells):
    """Open a notebook and run it."""
    book.page.set_viewport_size({"width": 1500, "height": 1100})
    book.show(list(cells))
    book.wait_for(CANVAS)
    for canvas in book.canvases():
        book.wait_until_stable(canvas)
    return book


@pytest.fixture(params=["browser", "kernel"])
def curtain(request, lab):
    options = f"mode='curtain', window=(40, 80), draw={request.param!r}, {BARE}"
    book = opened(lab, PAIR, f"viewer = dv.compare(a, b, {options})\nviewer")
    return Reader(book, "viewer.viewers[0]", other=0.01)


def test_the_curtain_is_dragged(curtain):
    book, mouse = curtain.book, curtain.mouse
    book.wait_for(DIVIDER)
    curtain.sees_the_view()
    lines = book.page.locator(DIVIDER)
    assert lines.count() == 3
    box, canvas = lines.nth(0).bounding_box(), book.wait_for(CANVAS).bounding_box()
    lane = book.value("viewer.divider.lanes[0]")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3
    left = canvas["x"] + canvas["width"] * lane["x0"]
    width = canvas["width"] * (lane["x1"] - lane["x0"])
    assert x == pytest.approx(left + width / 2, abs=2)
    before = book.value("viewer.state.index"), book.value("viewer.state.window.center")
    mouse.move(x, y)
    mouse.down()
    mouse.move(left + 0.8 * width, y, steps=20)
    mouse.move(left + 0.3 * width, y, steps=20)
    mouse.up()
    book.wait_for_value("abs(viewer.comparison.curtain - 0.3) < 0.01", True)
    curtain.sees_the_view()
    assert (book.value("viewer.state.index"), book.value("viewer.state.window.center")) == before
    moved = lines.nth(2).bounding_box()
    lane = book.value("viewer.divider.lanes[2]")
    expected = canvas["x"] + canvas["width"] * (lane["x0"] + 0.3 * (lane["x1"] - lane["x0"]))
    assert moved["x"] + moved["width"] / 2 == pytest.approx(expected, abs=2), "it moves in all panes"
    book.screenshot("comparing-curtain")
    # A step through the slices, and back by Python.
    mouse.move(left + 0.6 * width, y)
    mouse.wheel(0, -100)
    book.wait_for_value("viewer.state.index[0]", 35)
    curtain.sees_the_view()
    book.value("setattr(viewer.comparison, 'curtain', 0.9)")
    curtain.sees_the_view()
    assert not book.errors


@pytest.mark.parametrize("curtain", ["browser"], indirect=True)
def test_dragging_feels_immediate(curtain):
    """The picture follows the line: measured from a place of the mouse to the pixels."""
    book, mouse = curtain.book, curtain.mouse
    book.wait_for(DIVIDER)
    box = book.page.locator(DIVIDER).nth(0).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3
    book.page.evaluate(
        """() => {
            window.paints = [];
            const put = CanvasRenderingContext2D.prototype.putImageData;
            CanvasRenderingContext2D.prototype.putImageData = function (...args) {
                if (this.canvas.matches('.dicomview-slices')) window.paints.push(performance.now());
                return put.apply(this, args);
            };
        }"""
    )
    mouse.move(x, y)
    mouse.down()
    seconds = []
    for k in range(1, 25):
        start = book.page.evaluate("() => { window.paints = []; return performance.now(); }")
        mouse.move(x + 2 * k, y)
        book.page.wait_for_function("() => window.paints.length")
        seconds.append((book.page.evaluate("window.paints[0]") - start) / 1000)
    mouse.up()
    print(f"from mouse to picture: median {1000 * np.median(seconds):.0f} ms, most {1000 * max(seconds):.0f}")
    assert np.median(seconds) < 0.5
    book.end()  # the page counts paints


def test_modes_one_after_the_other(lab):
    book = opened(lab, PAIR, "viewer = dv.compare(a, b, window=(40, 80))\nviewer")
    assert len(book.canvases()) == 2
    book.wait_for_value("[v._is_staged for v in viewer.viewers]", [True, True])
    book.screenshot("comparing-side")
    first, second = (one.bounding_box() for one in book.canvases())
    assert abs(first["y"] - second["y"]) < 2 and second["x"] > first["x"] + first["width"] - 2, "side by side"
    book.page.mouse.move(first["x"] + first["width"] / 2, first["y"] + first["height"] / 3)
    for _ in range(12):
        book.page.mouse.wheel(0, -100)
    book.wait_for_value("viewer.state.index[0]", 46)
    book.wait_for_value("viewer.viewers[1].state.index[0]", 23)
    for mode in ("checkerboard", "blink", "difference"):
        book.page.locator(".widget-toggle-button", has_text=mode).first.click()
        named = "in turns" if mode == "blink" else mode
        book.wait_for_value("viewer.volume.meta.SeriesDescription.split(': ')[-1]", named)
        book.wait_for_value("viewer.viewers[0]._is_staged", True)
        book.wait_for(CANVAS)
        assert len(book.canvases()) == 1
        if mode == "blink":
            seen = set()
            for _ in range(40):
                seen.add(book.value("viewer.state.frame"))
                if len(seen) == 2:
                    break
                book.page.wait_for_timeout(50)
            assert seen == {(0,), (1,)}, "in turns"
            book.run_cell("viewer.state.playing = False")
        book.wait_until_stable(CANVAS)
        assert book.page.locator(".jp-OutputArea-output img[src^='data:image/png']").count() == 1
        assert not book.page.locator(".jp-OutputArea-output img[src^='data:image/png']").first.is_visible()
        assert book.value("viewer.state.index[0]") == 46
        book.screenshot(f"comparing-{mode}")
    assert not book.errors


MOVING = f"""{HEAD_VOLUME}
small = vol.array[:, ::2, ::2]
affine = vol.geometry.affine @ np.diag([1, 2, 2, 1])
def moving(shifts):
    array = np.stack([np.roll(small, k, axis=2) for k in shifts])
    dims = ("time", "slice", "row", "column")
    return dv.Volume.from_array(array, affine=affine, dims=dims, meta=vol.meta)
a, b = moving((0, 10, 20)), moving((0, -10, -20))
grey = np.clip(small * 3, 0, 255).astype(np.uint8)
red, green = (dv.Volume.from_array(np.stack([grey * k for k in part], -1), affine=affine,
    dims=("slice", "row", "column", "rgb")) for part in ((1, 0, 0), (0, 1, 0)))
"""


def test_frames_and_colours_are_composed(lab):
    book = opened(lab, MOVING, f"viewer = dv.compare(a, b, mode='curtain', window=(40, 80), {BARE})\nviewer")
    curtain = Reader(book, "viewer.viewers[0]", other=0.01)
    book.wait_for_value("viewer.viewers[0]._is_staged", True)
    curtain.sees_the_view()
    book.execute("viewer.viewers[0].sliders['time'].value = 2")
    book.wait_for_value("viewer.state.frame", (2,))
    curtain.sees_the_view()
    book.page.locator(".dicomview-compare, .widget-checkbox", has_text="frames go along").first.locator(
        "input"
    ).click()
    book.wait_for_value("viewer.volume.extra_dims", ("time of a", "time of b"))
    book.wait_for_value("viewer.viewers[0]._is_staged", True)
    book.execute("viewer.state.frame = (2, 0)")
    curtain.sees_the_view()
    book.screenshot("comparing-frames")
    book.run_cell(f"viewer.close(); viewer = dv.compare(red, green, mode='curtain', {BARE}); viewer")
    book.wait_for_value("viewer.viewers[0]._is_staged", True)
    curtain.sees_the_view()
    book.screenshot("comparing-colours")
    assert not book.errors


STUDY = """
import shutil, tempfile, pathlib, numpy as np, pydicom, dicomview as dv
study = pathlib.Path(tempfile.mkdtemp()) / "study"
shutil.copytree(dv.samples.head_ct(), study / "head")
shutil.copytree(dv.samples.knee_mr(), study / "knee")
scout = study / "scout.dcm"
one = pydicom.dcmread(sorted((study / "head").iterdir())[30])
one.SeriesInstanceUID, one.SOPInstanceUID = "1.2.9", "1.2.9.1"
one.SeriesDescription = "<img src=x onerror=alert(1)>"
one.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
one.save_as(scout)
"""
CARD = ".dicomview-card"


def test_a_click_on_a_thumbnail_opens_the_series(lab):
    book = lab
    book.page.set_viewport_size({"width": 1500, "height": 1200})
    described = "dv.options.show_descriptions = True\nstudy_gallery = dv.gallery(study)\nstudy_gallery"
    book.show([STUDY, described])
    book.wait_for(CARD)
    book.value("study_gallery.wait(60)")
    book.execute("dv.options.show_descriptions = False")
    cards = book.page.locator(CARD)
    book.page.wait_for_function("document.querySelectorAll('.dicomview-card img:not([hidden])').length === 3")
    assert cards.count() == 3
    texts = cards.all_inner_texts()
    assert any("<img src=x onerror=alert(1)>" in text and "localizer" in text for text in texts), (
        "a text, no HTML"
    )
    book.screenshot("comparing-gallery")
    knee = next(i for i, text in enumerate(texts) if text.startswith("MR"))
    cards.nth(knee).click()
    book.wait_for(CANVAS)
    book.wait_for_value("study_gallery.viewer.volume.meta.Modality", "MR")
    book.wait_until_stable(CANVAS)
    assert "dicomview-chosen" in cards.nth(knee).get_attribute("class")
    book.screenshot("comparing-gallery-opened")
    head = next(i for i, text in enumerate(texts) if text.startswith("CT Head"))
    cards.nth(head).focus()
    book.page.keyboard.press("Enter")
    book.wait_for_value("study_gallery.viewer.volume.meta.Modality", "CT")
    book.wait_for(CANVAS)
    assert len(book.canvases()) == 1
    assert not book.errors


def test_a_folder_is_browsed_and_a_series_opened(lab):
    book = lab
    book.page.set_viewport_size({"width": 1500, "height": 1300})
    book.show([STUDY, "browser = dv.SeriesBrowser(study.parent / 'nothing')\nbrowser"])
    book.wait_for_value("'nothing' in browser.status.value", True)
    path = book.page.locator(".widget-text input").first
    path.fill(book.value("str(study.parent)"))
    path.press("Enter")
    rows = book.page.locator(".dicomview-choices tr")
    book.page.wait_for_function("document.querySelectorAll('.dicomview-choices tr').length === 4")
    book.page.locator(".widget-dropdown select").first.select_option("study")
    book.wait_for_value("browser.path.value.endswith('study')", True)
    assert book.value("len(browser.found)") == 3, "to go somewhere searches nothing"
    rows.first.evaluate("row => row.classList.add('before')")
    book.page.locator("button", has_text="find series").click()
    book.page.wait_for_function("""
        document.querySelectorAll('.dicomview-choices tr:not(.before)').length === 4
        && !document.querySelector('.dicomview-choices tr.before')
    """)
    texts = rows.all_inner_texts()
    assert book.page.locator(".dicomview-open:disabled").count() == 1, "a localizer is no volume"
    knee = next(i for i, text in enumerate(texts) if "MR" in text)
    rows.nth(knee).locator("button").click()
    book.wait_for(CANVAS)
    book.wait_for_value("browser.viewer.volume.meta.Modality", "MR")
    book.wait_until_stable(CANVAS)
    book.screenshot("comparing-browser")
    assert not book.errors
