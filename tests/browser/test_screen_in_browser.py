"""A window that goes to another screen: the page paints with its pixels, at the same size."""

from __future__ import annotations

import pytest
from browser.reader import BARE, CANVAS, HEAD_VOLUME, opened


@pytest.mark.parametrize("draw", ["browser", "kernel"])
def test_a_screen_of_finer_pixels_is_followed(notebook, draw):
    shown = f"viewer = dv.SliceViewer(vol, window=(40, 80), draw={draw!r}, {BARE})\nviewer"
    reader = opened(notebook("lab"), HEAD_VOLUME, shown)
    book = reader.book
    screen = book.page.context.new_cdp_session(book.page)
    size = book.page.viewport_size
    before = book.page.locator(CANVAS).bounding_box()
    width = reader.shown().shape[1]
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
        seen, drawn = reader.shown(), reader.fresh()
        assert seen.shape == drawn.shape
        apart = abs(seen - drawn).max(axis=-1)
        assert (apart > 1).mean() < 1e-3, f"ratio {ratio}: {(apart > 1).mean():.1%} of the pixels differ"
        now = book.page.locator(CANVAS).bounding_box()
        assert abs(now["width"] - before["width"]) < 1 and abs(now["height"] - before["height"]) < 1
        book.screenshot(f"screen-{ratio}-{draw}")
    assert not book.errors
