"""Measuring in the hands of a reader of images: drawn, moved and removed with a real mouse in JupyterLab."""

from __future__ import annotations

import numpy as np
import pytest
from browser.reader import CANVAS, CUT, HEAD, SECTION, START, WINDOW, opened

KINDS = "[type(m).__name__ for m in viewer.state.measurements]"
INDEX = """[[float(x) for x in p] for p in dv.measure.index_of(
    vol.geometry, viewer.state.measurements[{i}].array)]"""


def near(reader, i, *places):
    """Compare the ends of a measurement with voxels."""
    ends = np.array(reader.value(INDEX.format(i=i)))
    assert np.allclose(ends, places, atol=0.9), ends  # half a pixel of the page


def on_axial(reader, place):
    column, row = reader.voxel("axial", *place)
    return [36, row, column]


def test_every_kind_is_drawn(reader):
    book = reader.book
    reader.choose("distance")
    start, end = reader.at("axial", 0.3, 0.3), reader.at("axial", 0.45, 0.4)
    reader.drag(start, (end[0] - start[0], end[1] - start[1]))
    book.wait_for_value(KINDS, ["Distance"])
    near(reader, 0, on_axial(reader, start), on_axial(reader, end))
    assert reader.value("viewer.state.index") == START, "the crosshair stays"
    assert reader.value(WINDOW) == (40, 80), "so does the window"
    reader.choose("rectangle")
    start = reader.at("coronal", 0.3, 0.3)
    reader.drag(start, (50, 40))
    book.wait_for_value(KINDS, ["Distance", "Rectangle"])
    reader.choose("ellipse")
    start = reader.at("axial", 0.55, 0.38)
    reader.drag(start, (45, 60))
    book.wait_for_value(KINDS, ["Distance", "Rectangle", "Ellipse"])
    reader.choose("angle")
    for place in ((0.4, 0.6), (0.3, 0.7), (0.4, 0.8)):
        reader.mouse.click(*reader.at("sagittal", *place))
        reader.page.wait_for_timeout(100)
    book.wait_for_value(KINDS, ["Distance", "Rectangle", "Ellipse", "Angle"])
    reader.choose("point")
    reader.mouse.click(*reader.at("sagittal", 0.6, 0.3))
    # A button of the toolbar may be heard of before the canvas, on another thread of the kernel.
    book.wait_for_value(KINDS, ["Distance", "Rectangle", "Ellipse", "Angle", "Point"])
    reader.choose("polygon")
    for place in ((0.3, 0.75), (0.45, 0.72)):
        reader.mouse.click(*reader.at("axial", *place))
        reader.page.wait_for_timeout(700)
    reader.mouse.move(*reader.at("axial", 0.47, 0.8), steps=5)
    book.wait_for_value("len(viewer.state.draft.points)", 3)
    reader.mouse.dblclick(*reader.at("axial", 0.47, 0.82))
    book.wait_for_value(KINDS, ["Distance", "Rectangle", "Ellipse", "Angle", "Point", "Polygon"])
    assert reader.value("viewer.state.layout") == "ortho", "a double click closes the polygon, no more"
    assert reader.value("viewer.state.index") == START
    near(
        reader,
        5,
        *(on_axial(reader, reader.at("axial", *p)) for p in ((0.3, 0.75), (0.45, 0.72), (0.47, 0.82))),
    )
    reader.sees_the_view()
    book.screenshot(f"measuring-all-{reader.draw}")


def test_one_is_moved_removed_and_taken_back(reader):
    reader.choose("rectangle")
    start = reader.at("axial", 0.4, 0.3)
    reader.drag(start, (60, 50))
    reader.book.wait_for_value(KINDS, ["Rectangle"])
    corner = start[0] + 60, start[1] + 50
    reader.drag(corner, (25, 15))
    low, high = on_axial(reader, start), on_axial(reader, (corner[0] + 25, corner[1] + 15))
    near(reader, 0, low, [36, low[1], high[2]], high, [36, high[1], low[2]])
    reader.sees_the_view()
    reader.drag((start[0] + 30, start[1]), (0, -20))
    reader.book.wait_for_value(f"{INDEX.format(i=0)}[0][1] < {low[1] - 20}", True)
    moved = np.array(reader.value(INDEX.format(i=0)))
    assert np.ptp(moved, axis=0) == pytest.approx(np.subtract(high, low), abs=0.9)
    reader.sees_the_view()
    reader.press("Delete", KINDS, [])
    reader.sees_the_view()
    reader.press("Control+z", KINDS, ["Rectangle"])
    reader.press("Control+z", f"{INDEX.format(i=0)}[0][1] > {low[1] - 1}", True)
    reader.press("Control+Shift+Z", f"{INDEX.format(i=0)}[0][1] < {low[1] - 1}", True)
    reader.sees_the_view()
    assert reader.value("viewer.state.index") == START


def test_the_panel_lists_them(reader):
    reader.choose("distance")
    for down in (0.3, 0.4):
        reader.drag(reader.at("axial", 0.3, down), (60, 20))
    reader.book.wait_for_value(KINDS, ["Distance", "Distance"])
    reader.choose("ellipse")
    reader.drag(reader.at("coronal", 0.55, 0.4), (45, 30))
    reader.book.wait_for_value(KINDS, ["Distance", "Distance", "Ellipse"])
    titles = reader.page.locator(SECTION).all_inner_texts()
    reader.open_section([title.strip() for title in titles].index("measurements"))
    reader.book.wait_for(".dicomview .widget-select select")
    options = reader.page.locator(".dicomview .widget-select select option")
    assert [text.split(":")[0].replace("\u00a0", " ") for text in options.all_inner_texts()] == [
        "1 distance", "2 distance", "3 ellipse",
    ]  # fmt: skip
    reader.value("viewer.state.set_trait('index', (10, 20, 30))")
    reader.page.locator(".dicomview .widget-select select").select_option(index=1)
    reader.book.wait_for_value("(viewer.state.selected, viewer.state.index[0])", (1, 36))
    reader.page.locator(".dicomview .widget-select select").select_option(index=2)
    reader.book.wait_for_value("(viewer.state.selected, viewer.state.index[1])", (2, 245))
    reader.sees_the_view()
    reader.page.set_viewport_size({"width": 1500, "height": 1300})
    reader.page.wait_for_timeout(300)
    reader.book.screenshot(f"measuring-panel-{reader.draw}")
    assert not reader.page.evaluate(CUT), "nothing in the panel is cut"
    reader.page.locator('.dicomview button[title^="delete"]').click()
    reader.book.wait_for_value(KINDS, ["Distance", "Distance"])
    reader.page.locator('.dicomview button[title^="take the last"]').click()
    reader.book.wait_for_value(KINDS, ["Distance", "Distance", "Ellipse"])


def test_a_measurement_stays_on_its_slice(reader):
    reader.choose("ellipse")
    start = reader.at("axial", 0.55, 0.38)
    reader.drag(start, (45, 60))
    reader.book.wait_for_value(KINDS, ["Ellipse"])
    reader.sees_the_view()
    reader.book.screenshot(f"measuring-ellipse-{reader.draw}")
    reader.mouse.move(*reader.at("axial", 0.3, 0.3))
    for _ in range(3):
        reader.mouse.wheel(0, -100)
    reader.book.wait_for_value("viewer.state.index", (39, 245, 315))
    reader.wait_until_shown(lambda pixels: not yellow(pixels))  # no measurement of another slice is left
    reader.sees_the_view()
    for _ in range(3):
        reader.mouse.wheel(0, 100)
    reader.book.wait_for_value("viewer.state.index", START)
    reader.wait_until_shown(yellow)
    reader.sees_the_view()


def yellow(pixels):
    """Return whether anything has the colours of measurements."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    return int(((red > 200) & (blue < 120) & (green > 110)).sum()) > 20


def test_a_press_right_after_the_page_moved_on_counts_where_it_was_seen(reader):
    reader.choose("distance")
    reader.mouse.move(*reader.at("axial", 0.4, 0.4))
    reader.keyboard.down("Control")
    reader.mouse.wheel(0, -500)
    reader.keyboard.up("Control")
    reader.mouse.wheel(0, -200)
    start = reader.at("axial", 0.4, 0.4)
    reader.mouse.wheel(0, -100)
    reader.drag(start, (60, 30))
    reader.book.wait_for_value(KINDS, ["Distance"])
    ends = [reader.voxel("axial", *place) for place in (start, (start[0] + 60, start[1] + 30))]
    near(reader, 0, *([39, row, column] for column, row in ends))
    reader.sees_the_view()
    reader.book.screenshot(f"measuring-zoomed-{reader.draw}")


def test_a_turned_pane_is_measured_where_it_is_seen(reader):
    reader.value("viewer.state.set_trait('turns', {'axial': (1, True)})")
    reader.page.wait_for_timeout(300)
    reader.choose("rectangle")
    start = reader.at("axial", 0.4, 0.3)
    reader.drag(start, (60, 30))
    reader.book.wait_for_value(KINDS, ["Rectangle"])
    x, y = reader.voxel("axial", *start)  # rows to the right, columns down
    near_to = np.array(reader.value(INDEX.format(i=0)))
    assert np.abs(near_to - [36, x, y]).sum(axis=1).min() < 1.8
    reader.sees_the_view()
    reader.book.screenshot(f"measuring-turned-{reader.draw}")


@pytest.mark.parametrize("page", [2.0], indirect=True)
def test_ends_are_moved_on_a_fine_screen(notebook):
    reader = opened(notebook("lab"), HEAD.replace("DRAW", "browser"))
    reader.choose("ellipse")
    start = reader.at("axial", 0.4, 0.3)
    reader.drag(start, (60, 50))
    reader.book.wait_for_value(KINDS, ["Ellipse"])
    (_, top, left), (_, bottom, right) = (
        on_axial(reader, place) for place in (start, (start[0] + 60, start[1] + 50))
    )
    middle = (left + right) / 2, (top + bottom) / 2
    near(
        reader,
        0,
        [36, middle[1], left],
        [36, top, middle[0]],
        [36, middle[1], right],
        [36, bottom, middle[0]],
    )
    end = start[0] + 60, start[1] + 25
    reader.drag(end, (25, 7))
    right += 25 * (right - left) / 60
    reader.book.wait_for_value(f"abs({INDEX.format(i=0)}[2][2] - {right}) < 0.9", True)
    reader.sees_the_view()
    reader.choose("polygon")
    for place in ((0.3, 0.7), (0.45, 0.7), (0.47, 0.8), (0.3, 0.7)):
        reader.mouse.click(*reader.at("axial", *place))
        reader.page.wait_for_timeout(700)
    reader.book.wait_for_value(KINDS, ["Ellipse", "Polygon"])
    corner = reader.at("axial", 0.47, 0.8)
    reader.drag(corner, (30, -12))
    column, _ = reader.voxel("axial", corner[0] + 30, corner[1] - 12)
    reader.book.wait_for_value(f"abs({INDEX.format(i=1)}[2][2] - {column}) < 0.9", True)
    reader.sees_the_view()
    reader.book.screenshot("measuring-fine-screen")
    assert not reader.book.errors


def test_keys_in_notebook_7(notebook):
    reader = opened(notebook("notebook"), HEAD.replace("DRAW", "browser"))
    reader.choose("rectangle")
    reader.drag(reader.at("axial", 0.4, 0.3), (60, 50))
    reader.book.wait_for_value(KINDS, ["Rectangle"])
    reader.press("Backspace", KINDS, [])
    reader.press("Control+z", KINDS, ["Rectangle"])
    reader.press("Control+Shift+Z", KINDS, [])
    reader.choose("polygon")
    for place in ((0.3, 0.75), (0.45, 0.72), (0.47, 0.82)):
        reader.mouse.click(*reader.at("axial", *place))
        reader.page.wait_for_timeout(700)
    reader.press("Enter", KINDS, ["Polygon"])
    reader.mouse.click(*reader.at("axial", 0.7, 0.2))
    reader.book.wait_for_value("viewer.state.draft is None", False)
    reader.press("Escape", "viewer.state.draft is None", True)
    assert reader.value(KINDS) == ["Polygon"] and reader.value("len(viewer.measurements[0].points)") == 3
    assert not reader.book.errors


def test_a_region_of_voxels_is_outlined_selected_and_removed(reader):
    reader.book.run_cell(
        "import numpy as np\n"
        "places = vol.geometry.position(np.moveaxis(np.indices(vol.shape), 0, -1))\n"
        "ball = ((places - (27, -2, 34)) ** 2).sum(-1) < 18**2\n"
        "viewer.measurements.add(dv.measure.Region(dv.Volume(ball, geometry=vol.geometry), 'ball'))\n"
        "viewer.state.selected = None"
    )
    reader.book.wait_for_value("[p.outlines[0].kind for p in viewer._scene().panes]", ["region"] * 3)
    reader.sees_the_view()
    reader.book.screenshot(f"measuring-region-{reader.draw}")
    reader.choose("distance")
    # Its lowest edge in the axial pane.
    (x, y), box = (
        reader.value(
            "(lambda o: viewer.axes['axial'].transData.transform("
            "o.path.places[np.nanargmax(o.path.places[:, 1])]).tolist())"
            "(viewer._scene().pane('axial').outlines[0])"
        ),
        reader.page.locator(CANVAS).bounding_box(),
    )
    high = reader.value("float(viewer._canvas.figure.bbox.height)")
    reader.mouse.click(box["x"] + x, box["y"] + high - y)
    reader.book.wait_for_value("viewer.state.selected", 0)
    reader.sees_the_view()
    reader.press("Delete", "len(viewer.measurements)", 0)
    reader.sees_the_view()
    reader.press("Control+z", "len(viewer.measurements)", 1)
    reader.sees_the_view()
