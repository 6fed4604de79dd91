"""Painting with a real mouse in JupyterLab: brush, eraser, fill and the way back, by page and kernel."""

from __future__ import annotations

import numpy as np
import pytest
from browser.reader import CUT, START, WINDOW

COUNT = "int(viewer.state.painted.array.sum())"
SLICES = "sorted(set(np.nonzero(viewer.state.painted.array)[0].tolist()))"


@pytest.fixture
def reader(reader):
    """A reader of the head with an empty mask, and the brush as at the start."""
    for trait, value in (("brush_mm", 6), ("brush_3d", False), ("paint_range", None)):
        reader.value(f"viewer.state.set_trait({trait!r}, {value})")
    reader.value("viewer.overlays.paint(color='#00ff00', opacity=0.5)")
    return reader


def green(pixels):
    """Return how many pixels have the colour of the mask."""
    red, green, blue = np.moveaxis(pixels[..., :3].astype(int), -1, 0)
    return int(((green > red + 60) & (green > blue + 60)).sum())


def drag(reader, *places):
    """Drag from place to place, with a rest at each: ipympl tells a move every 33 ms at most."""
    reader.mouse.move(*places[0])
    reader.mouse.down()
    for place in places[1:]:
        reader.mouse.move(*place, steps=8)
        reader.page.wait_for_timeout(80)
    reader.mouse.up()


def test_brush_eraser_fill_and_the_way_back(reader):
    book = reader.book
    reader.wait_until_shown(lambda pixels: green(pixels) > 0)  # the name of the mask
    empty = green(reader.shown())
    reader.choose("brush")
    ring = [
        reader.at("axial", *p) for p in ((0.35, 0.35), (0.6, 0.35), (0.6, 0.6), (0.35, 0.6), (0.35, 0.35))
    ]
    drag(reader, *ring)
    book.wait_for_value("len(viewer.state._past) > 0 and viewer.state._stroke is None", True)
    count = reader.value(COUNT)
    assert reader.value(SLICES) == [36], "only the slice in view"
    for place in ring[:4]:
        column, row = reader.voxel("axial", *place)
        assert reader.value(f"bool(viewer.state.painted.array[36, {round(row)}, {round(column)}])")
    assert reader.value("viewer.state.index") == START, "the crosshair stays"
    assert reader.value(WINDOW) == (40, 80), "so does the window"
    reader.sees_the_view()
    book.screenshot(f"painting-brush-{reader.draw}")
    reader.choose("eraser")
    drag(reader, reader.at("axial", 0.6, 0.45), reader.at("axial", 0.6, 0.5))
    book.wait_for_value(f"{COUNT} < {count} and viewer.state._stroke is None", True)
    reader.sees_the_view()
    book.screenshot(f"painting-eraser-{reader.draw}")
    reader.press("Control+z", COUNT, count)
    reader.sees_the_view()
    reader.choose("fill")
    reader.mouse.click(*reader.at("axial", 0.48, 0.48))
    book.wait_for_value(f"{COUNT} > {count} + 1000", True)
    filled = reader.value(COUNT)
    reader.sees_the_view()
    book.screenshot(f"painting-fill-{reader.draw}")
    reader.press("Control+z", COUNT, count)
    reader.sees_the_view()
    reader.press("Control+Shift+Z", COUNT, filled)
    reader.sees_the_view()
    reader.press("Control+z", COUNT, count)
    reader.press("Control+z", COUNT, 0)
    reader.wait_until_shown(lambda pixels: green(pixels) == empty)
    reader.sees_the_view()
    book.screenshot(f"painting-undone-{reader.draw}")


def test_the_picture_follows_before_the_button_is_let_go(reader):
    reader.choose("brush")
    reader.mouse.move(*reader.at("axial", 0.4, 0.4))
    reader.mouse.down()
    reader.mouse.move(*reader.at("axial", 0.6, 0.4), steps=6)
    reader.book.wait_for_value(f"{COUNT} > 100", True)
    reader.wait_until_shown(lambda pixels: green(pixels) > 100)
    before = green(reader.shown())
    reader.mouse.move(*reader.at("axial", 0.6, 0.6), steps=6)
    reader.wait_until_shown(lambda pixels: green(pixels) > 1.5 * before)
    reader.mouse.up()
    reader.page.wait_for_timeout(200)
    reader.sees_the_view()


def test_paint_stays_on_its_slices_and_a_ball_has_several(reader):
    reader.value("viewer.state.set_trait('brush_3d', True)")
    reader.choose("brush")
    reader.mouse.click(*reader.at("coronal", 0.45, 0.5))
    reader.book.wait_for_value(f"{COUNT} > 0", True)
    slices = reader.value(SLICES)
    assert 4 <= len(slices) <= 6  # of 2.5 mm, in a ball of 12
    reader.sees_the_view()
    book = reader.book
    book.screenshot(f"painting-ball-{reader.draw}")
    reader.mouse.move(*reader.at("axial", 0.3, 0.3))
    steps = max(slices) + 1 - 36
    for _ in range(abs(steps)):
        reader.mouse.wheel(0, -100 if steps > 0 else 100)
        reader.page.wait_for_timeout(100)
    book.wait_for_value("viewer.state.index[0]", max(slices) + 1)
    reader.sees_the_view()
    reader.mouse.wheel(0, 100)
    book.wait_for_value("viewer.state.index[0]", max(slices))
    reader.sees_the_view()
    # What is painted while another slice is in view is there when one comes back.
    reader.value("viewer.state.paint([viewer.state.position], radius=9)")
    for _ in range(2):
        reader.mouse.wheel(0, 100)
        reader.page.wait_for_timeout(300)
    reader.sees_the_view()


def test_keys_change_the_brush_and_the_panel_follows(reader):
    reader.choose("brush")
    reader.mouse.move(*reader.at("axial", 0.5, 0.5))
    reader.press("]", "round(viewer.state.brush_mm, 3)", 7.5)
    reader.press("[", "round(viewer.state.brush_mm, 3)", 6.0)
    reader.open_section(6)
    reader.page.wait_for_timeout(500)
    reader.page.set_viewport_size({"width": 1500, "height": 1300})
    reader.mouse.move(*reader.at("axial", 0.5, 0.5))
    reader.page.wait_for_timeout(500)
    reader.book.screenshot(f"painting-panel-{reader.draw}")
    assert not reader.page.evaluate(CUT), "nothing in the panel is cut"
