"""The harness itself: a slider moves an image, seen through pixels and through Python."""

from __future__ import annotations

import pytest

CELLS = [
    """
import ipywidgets
import matplotlib.figure
import numpy as np
from ipympl.backend_nbagg import Canvas, FigureManager
from IPython.display import display
""",
    """
volume = np.random.default_rng(0).random((10, 16, 16))
figure = matplotlib.figure.Figure(figsize=(4, 3))
canvas = Canvas(figure)
FigureManager(canvas, 1)
image = figure.add_subplot().imshow(volume[4], vmin=0, vmax=1)
slider = ipywidgets.IntSlider(value=4, min=0, max=9, description="slice")

def show(change):
    image.set_data(volume[change["new"]])
    canvas.draw_idle()

slider.observe(show, "value")
""",
    "display(ipywidgets.VBox([slider, canvas]))",
]


@pytest.mark.parametrize("front_end", ["lab", "notebook"])
def test_slider_moves_the_image(notebook, front_end):
    book = notebook(front_end)
    book.open(CELLS)
    book.run_all()
    canvas = book.wait_for(".jupyter-matplotlib-canvas-container")
    before = book.wait_until_stable(canvas)
    value = int(book.run_cell("slider.value"))

    (handle,) = book.sliders()
    if front_end == "notebook":
        book.give_keys_to(".noUi-handle")  # its shortcuts take arrow keys otherwise
    book.press(handle, "ArrowRight")

    after = book.wait_for_change(canvas, before)
    assert book.wait_until_stable(canvas) == after
    assert int(book.run_cell("print(slider.value)")) == value + 1
    book.wait_for_value("slider.value", value + 1)
    assert handle.get_attribute("aria-valuenow") == "5.0"
    book.screenshot(f"harness-{front_end}")

    book.press(handle, "ArrowLeft")
    assert book.wait_for_change(canvas, after) == before
    assert not book.errors


def test_a_cell_that_raises_fails_with_its_traceback(notebook):
    book = notebook("lab")
    book.open(["1 + 1", "{}['absent']"])
    with pytest.raises(AssertionError, match=r"(?s)code cell 1 raised.*KeyError"):
        book.run_all()
    assert book.cell_output(0) == "2"
