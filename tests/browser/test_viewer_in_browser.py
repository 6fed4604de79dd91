"""The viewer as a person uses it: real JupyterLab and Notebook 7, keys and pointer, visible pixels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from browser.reader import CANVAS, HEAD_VOLUME

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-browse-a-volume.ipynb"
CELLS = [
    HEAD_VOLUME,
    "viewer = dv.SliceViewer(vol, window=(40, 80), position=(27, -2, 34))\nviewer",
]
FRONT_ENDS = pytest.mark.parametrize("front_end", ["lab", "notebook"])


def code_cells(path: Path) -> list[str]:
    """Return the code of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.fixture
def viewer(request, front_end):
    """A notebook with a viewer on the screen."""
    if front_end == "lab":
        book = request.getfixturevalue("lab")
    else:
        book = request.getfixturevalue("notebook")(front_end)
    book.show(CELLS)
    book.wait_for(CANVAS)
    book.wait_until_stable(CANVAS)
    return book


@FRONT_ENDS
def test_keys_on_the_sliders_change_the_picture(viewer, front_end):
    handles = viewer.sliders()
    start = viewer.value("viewer.state.index")
    assert start == (36, 245, 315)
    seen = {viewer.wait_until_stable(CANVAS)}
    for number in range(3):  # axial, coronal, sagittal come first in the page
        before = viewer.wait_until_stable(CANVAS)
        viewer.press(handles[number], "ArrowRight")
        seen.add(viewer.wait_for_change(CANVAS, before))
    viewer.wait_for_value("viewer.state.index", (37, 246, 316))
    assert len(seen) == 4, "each slider must give another picture"
    viewer.screenshot(f"viewer-{front_end}-sliders")
    for number in range(3):
        viewer.press(handles[number], "ArrowLeft")
    viewer.wait_for_value("viewer.state.index", start)
    assert viewer.wait_until_stable(CANVAS) in seen, "the way back must lead to the first picture"
    assert not viewer.errors


@FRONT_ENDS
def test_window_controls_change_the_picture(viewer, front_end):
    center, width = viewer.sliders()[3:5]
    for handle, expected in ((center, (41, 80)), (width, (41, 81))):
        before = viewer.wait_until_stable(CANVAS)
        viewer.press(handle, "ArrowRight")
        viewer.wait_for_value("(viewer.state.window.center, viewer.state.window.width)", expected)
        viewer.wait_for_change(CANVAS, before)
    before = viewer.wait_until_stable(CANVAS)
    viewer.page.locator(".dicomview select").nth(0).select_option("bone")
    viewer.wait_for_value("viewer.state.window.width", 2000)
    viewer.wait_for_change(CANVAS, before)
    before = viewer.wait_until_stable(CANVAS)
    viewer.page.locator(".dicomview select").nth(1).select_option("hot")
    viewer.wait_for_change(CANVAS, before)
    viewer.screenshot(f"viewer-{front_end}-window")
    assert not viewer.errors


@FRONT_ENDS
def test_pointer_and_wheel(viewer, front_end):
    box = viewer.wait_for(CANVAS).bounding_box()
    before = viewer.wait_until_stable(CANVAS)
    viewer.page.mouse.click(box["x"] + 100, box["y"] + 100)  # in the axial pane
    viewer.wait_for_change(CANVAS, before)
    k, row, column = viewer.value("viewer.state.index")
    assert k == 36 and row < 245 and column < 315
    viewer.page.mouse.wheel(0, -100)
    viewer.wait_for_value("viewer.state.index[0] > 36", True)
    assert not viewer.errors


@pytest.mark.parametrize("front_end", ["lab"])
def test_python_moves_the_picture(viewer):
    before = viewer.wait_until_stable(CANVAS)
    viewer.run_cell(
        "viewer.state.index = (20, 200, 200); viewer.state.layout = 'coronal'\n"
        "viewer.state.window = (40.3, 80.7)"
    )
    viewer.wait_for_change(CANVAS, before)
    viewer.wait_until_stable(CANVAS)
    assert viewer.value("viewer.state.window.center, viewer.state.window.width") == (40.3, 80.7)
    assert viewer.sliders()[0].get_attribute("aria-valuenow") == "20.0"
    viewer.screenshot("viewer-lab-coronal")


@pytest.mark.parametrize("front_end", ["lab"])
def test_user_artists_are_drawn(viewer):
    before = viewer.wait_until_stable(CANVAS)
    viewer.run_cell(
        "viewer.axes['axial'].plot([100, 400], [100, 400], 'r'); viewer.axes['axial'].figure.canvas.draw()"
    )
    viewer.wait_for_change(CANVAS, before)
    viewer.screenshot("viewer-lab-plot")


@FRONT_ENDS
def test_the_first_notebook(notebook, front_end):
    book = notebook(front_end)
    book.open(code_cells(NOTEBOOK))
    book.run_all(timeout=180)
    # The head and the knee; the page may still be making them.
    book.page.wait_for_function("one => document.querySelectorAll(one).length === 2", arg=CANVAS)
    for canvas in book.canvases():
        canvas.scroll_into_view_if_needed()
        book.wait_until_stable(canvas)
    book.screenshot(f"first-notebook-{front_end}")
    # Set by the cell after the viewer's, while the page was still making the sliders.
    assert book.value("tuple(vars(viewer.state.window).values())[:2]") == (350, 2000)
    assert not book.errors


@pytest.mark.parametrize("front_end", ["lab"])
def test_picture_of_the_viewer(viewer, artifacts):
    """The picture of the README: `make picture` copies it."""
    viewer.page.set_viewport_size({"width": 1280, "height": 1000})
    viewer.park_mouse()
    viewer.wait_until_stable(CANVAS, quiet=1.0)
    box, stage, panel = (
        viewer.wait_for(f".dicomview{part}").bounding_box()
        for part in ("", " .dicomview-stage", " .dicomview-stage + *")
    )
    assert stage["x"] + stage["width"] <= panel["x"], "panes and side panel must lie side by side"
    assert panel["x"] + panel["width"] <= box["x"] + box["width"], "nothing may be cut"
    viewer.page.screenshot(path=artifacts / "viewer.png", clip=box)
