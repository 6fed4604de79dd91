"""A window that goes to another screen: the page paints with its pixels, at the same size."""

from __future__ import annotations

import base64
import io

import matplotlib.pyplot as plt
import pytest

CANVAS = ".dicomview .jupyter-matplotlib-canvas-container"
SLICES = ".dicomview-slices"
CELL = """
import base64, dicomview as dv
viewer = dv.SliceViewer(dv.samples.head_ct(), window=(40, 80), draw="DRAW",
    texts=False, letters=False, scale_bar=False, crosshair=False)
viewer
"""
# All canvases of the viewer, one over the other; only ipympl's where the kernel draws.
PIXELS = """() => {
    const layers = [...document.querySelectorAll('.dicomview .jupyter-matplotlib-canvas-div canvas')];
    const whole = document.createElement('canvas');
    [whole.width, whole.height] = [layers[0].width, layers[0].height];
    for (const layer of layers) whole.getContext('2d').drawImage(layer, 0, 0);
    return whole.toDataURL('image/png').split(',')[1];
}"""
DRAWN = "base64.b64encode(viewer.figure().png(dpi=viewer._canvas.figure.dpi)).decode()"


def read(encoded):
    """Return the colours of a PNG in base64, 0 to 255."""
    return (plt.imread(io.BytesIO(base64.b64decode(encoded)))[..., :3] * 255).round().astype(int)


@pytest.mark.parametrize("draw", ["browser", "kernel"])
def test_a_screen_of_finer_pixels_is_followed(notebook, draw):
    book = notebook("lab")
    book.open([CELL.replace("DRAW", draw).strip()])
    book.run_all()
    book.wait_for(CANVAS)
    book.wait_until_stable(CANVAS)
    screen = book.page.context.new_cdp_session(book.page)
    size = book.page.viewport_size
    before = book.page.locator(CANVAS).bounding_box()
    width = read(book.page.evaluate(PIXELS)).shape[1]
    for ratio in (2, 1.5, 1):
        screen.send(
            "Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": ratio, "mobile": False}
        )
        book.page.evaluate("window.dispatchEvent(new Event('resize'))")  # emulation fires none
        book.page.wait_for_function(
            "wide => Math.abs(document.querySelector('.dicomview canvas').width - wide) < 3",
            arg=width * ratio,
        )
        book.wait_until_stable(CANVAS)
        seen, drawn = read(book.page.evaluate(PIXELS)), read(book.value(DRAWN))
        assert seen.shape == drawn.shape
        apart = abs(seen - drawn).max(axis=-1)
        assert (apart > 1).mean() < 1e-3, f"ratio {ratio}: {(apart > 1).mean():.1%} of the pixels differ"
        now = book.page.locator(CANVAS).bounding_box()
        assert abs(now["width"] - before["width"]) < 1 and abs(now["height"] - before["height"]) < 1
        book.screenshot(f"screen-{ratio}-{draw}")
    assert not book.errors
