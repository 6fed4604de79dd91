"""Slabs, turned planes and overlays in the page: the same as the kernel draws, and of the right slice."""

from __future__ import annotations

import math

import numpy as np
import pytest
from browser.reader import (
    BARE,
    CANVAS,
    ENCODED,
    HEAD_VOLUME,
    SLICES_ALONE,
    decoded,
    wait_until_painted,
)

#: Every second row and column of the head, a ball and an activity.
SETUP = f"""{HEAD_VOLUME}
vol = dv.Volume.from_array(
    vol.array[:, ::2, ::2].copy(), affine=vol.geometry.affine @ np.diag([1, 2, 2, 1]), meta=vol.meta
)
center = vol.geometry.index((-25, -10, 30))
away = (d * (i - at) for i, at, d in zip(np.ogrid[tuple(map(slice, vol.shape))], center, vol.sampling))
ball = sum(distance**2 for distance in away) < 20**2
affine = np.diag([6.0, 5, 5, 1])[[2, 1, 0, 3]]
affine[:3, 3] = vol.geometry.position((0, 0, 0))
grid = dv.Geometry((30, 48, 48), affine=affine)
places = grid.position(np.moveaxis(np.indices(grid.shape), 0, -1))
activity = 8 * np.exp(-((places - (27, -2, 34)) ** 2).sum(-1) / 450)
pet = dv.Volume(activity, geometry=grid, meta={{"Modality": "PT"}})
"""

TURNING = "window=(40, 80), position=(27, -2, 34), tool='rotate'"
#: Where the crosshair of a pane is from the upper left corner of the canvas, and the angles of its lines.
ARMS = """
def arms(plane):
    pane = viewer._scene().pane(plane)
    transform = viewer.axes[plane].transData.transform
    places = transform([pane.crosshair, *np.add(pane.crosshair, pane.lines)])
    x, y = places[0]
    angles = np.degrees(np.arctan2(*(places[1:] - places[0]).T[::-1]))
    return [float(x), float(viewer._canvas.figure.bbox.height - y), *angles.tolist()]
"""

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def check(book, changes):
    """Do one change after the other, and hold page and kernel against each other."""
    for change in changes:
        book.execute(change)
        wait_until_painted(book, most=2, after=change)
    assert not book.errors


def test_slabs(open_viewer):
    book = open_viewer(f"window=(500, 2000), position=(27, -2, 34), {BARE}", SETUP)
    check(
        book,
        [
            "viewer.state.slab = {'axial': 30.0, 'coronal': 20.0}",
            "viewer.state.index = (20, 100, 150)",
            "viewer.state.slab_mode = 'mean'",
            "viewer.state.slab_mode = 'min'; viewer.state.mark_padding = True",
            "viewer.state.slab = {}",
            "viewer.state.slab, viewer.state.slab_mode = {'sagittal': 60.0}, 'max'",
        ],
    )
    book.execute("viewer.state.texts = viewer.state.letters = viewer.state.scale_bar = True")
    book.execute("viewer.state.slab = {'axial': 30.0, 'coronal': 30.0, 'sagittal': 30.0}")
    book.wait_until_stable(CANVAS)
    book.screenshot("slab")
    text = book.wait_for(".dicomview-status").inner_text()
    assert text.endswith("(MIP 30 mm)"), text
    expected = book.value("dv.state.readout(viewer.state)[-1]")
    assert text.endswith(expected), (text, expected)


def test_masks_isodoses_and_fusion(open_viewer):
    book = open_viewer(f"window=(40, 80), position=(27, -2, 34), {BARE}", SETUP)
    check(
        book,
        [
            "viewer.overlays.add_mask(ball, name='ball')",
            "viewer.overlays.fuse(pet, window=(4, 8))",
            "viewer.state.index = (viewer.state.index[0] - 3, 100, 95)",
            "viewer.overlays.isodoses(pet, (95, 50, 20), unit='%')",
            "viewer.overlays.set('PT', colormap='viridis', opacity=0.3)",
            "viewer.state.zoom, viewer.state.center = 3.3, (30.2, 100.5, 95)",
            "viewer.state.turn('axial'); viewer.state.mirror('coronal'); viewer.state.fit()",
            "viewer.overlays.set('ball', visible=False)",
            "viewer.state.layout = 'montage'",
            "viewer.state.layout = 'sagittal'",
            "viewer.overlays.clear()",
        ],
    )


def test_what_is_seen_belongs_to_the_slice_after_moving(open_viewer):
    book = open_viewer(f"window=(40, 80), position=(27, -2, 34), {BARE}", SETUP)
    book.execute("viewer.overlays.fuse(pet, window=(4, 8)); viewer.overlays.add_mask(ball)")
    book.wait_until_stable(CANVAS)
    box = book.wait_for(CANVAS).bounding_box()
    book.page.mouse.move(box["x"] + box["width"] / 6, box["y"] + box["height"] / 2)
    for _ in range(6):
        book.page.mouse.wheel(0, -100)
    book.wait_for_value("viewer.state.index[0]", 42)
    wait_until_painted(book, most=2)
    assert not book.errors


def test_pictures_of_fusion_and_mask(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34)", SETUP)
    book.execute("viewer.overlays.fuse(pet, window=(4, 8))")
    book.wait_until_stable(CANVAS)
    book.screenshot("fusion")
    book.execute("viewer.overlays.clear(); viewer.overlays.add_mask(ball, name='ball')")
    book.wait_until_stable(CANVAS)
    book.screenshot("mask")
    book.execute(
        "viewer.overlays.fuse(pet, window=(4, 8)); viewer.overlays.isodoses(pet, (95, 50), unit='%')"
    )
    book.execute("viewer.panel.section('overlays').rows['PT'].opacity.value = 0.3")
    book.page.locator(".dicomview .jupyter-widget-Collapse-header", has_text="overlays").click()
    book.wait_for(".dicomview input[type='color']")
    book.wait_until_stable(CANVAS)
    book.screenshot("overlays")
    assert not book.errors


def turning(open_viewer, draw="browser"):
    """Open a viewer with the tool that turns planes."""
    book = open_viewer(f"{TURNING}, draw={draw!r}", SETUP)
    book.execute(ARMS)
    return book


def drag(book, plane, degrees, *, end=1, release=True):
    """Grab the lying line of a crosshair and take it so many degrees round, counterclockwise."""
    book.wait_until_stable(CANVAS)
    x, y, _, angle = book.value(f"arms({plane!r})")
    box = book.wait_for(CANVAS).bounding_box()
    mouse = book.page.mouse
    for step in range(7):
        turn = math.radians(angle + degrees * step / 6)
        reach = 60 * end
        mouse.move(box["x"] + x + reach * math.cos(turn), box["y"] + y - reach * math.sin(turn))
        if step == 0:
            mouse.down()
    if release:
        mouse.up()


@pytest.mark.parametrize("draw", ["browser", "kernel"])
def test_lines_are_dragged_and_planes_follow(open_viewer, draw):
    book = turning(open_viewer, draw)
    place = book.value("viewer.state.position")
    drag(book, "axial", 30, release=False)
    book.wait_for_value("bool(abs(np.linalg.norm(viewer.state.rotation) - 30) < 1.5)", True)
    book.wait_until_stable(CANVAS)
    told = book.wait_for(".dicomview-status").inner_text()
    angle = float(told.split("turned ")[1].split("°")[0])
    assert angle == pytest.approx(30, abs=1.5), "the pointer is at whole pixels"
    assert angle == pytest.approx(book.value("float(np.linalg.norm(viewer.state.rotation))"), abs=0.1)
    book.page.mouse.up()
    drag(book, "coronal", -25, end=-1)
    cosines = "[pane.lines[1][0] for pane in viewer._scene().panes[:2]]"
    wanted = f"np.allclose({cosines}, np.cos(np.radians([30, 25])), atol=0.02)"
    book.wait_for_value(wanted, True)
    assert book.value("viewer.state.position") == pytest.approx(place)
    book.wait_until_stable(CANVAS)
    book.screenshot(f"double-oblique-{draw}")
    corners = book.value("[p.corners[0] for p in viewer._scene().panes]")
    names, degrees = zip(*(corner.rstrip("°").rsplit(" ", 1) for corner in corners))
    assert names == ("axial oblique", "coronal oblique", "sagittal oblique")
    assert [int(n) for n in degrees] == pytest.approx([25, 30, 38], abs=2)

    # A click, the zoom about the pointer and a pan go where the pointer is.
    book.execute("viewer.state.tool = 'crosshair'")
    for plane in ("axial", "coronal", "sagittal"):
        x, y, *_ = book.value(f"arms({plane!r})")
        box = book.wait_for(CANVAS).bounding_box()
        book.page.mouse.click(box["x"] + x + 13, box["y"] + y - 21)
        book.wait_until_stable(CANVAS)
        now = book.value(f"arms({plane!r})")
        assert math.hypot(now[0] - x - 13, now[1] - y + 21) < 2.5
        book.page.mouse.move(box["x"] + now[0], box["y"] + now[1])
        book.page.keyboard.down("Control")
        book.page.mouse.wheel(0, -300)
        book.page.keyboard.up("Control")
        book.wait_for_value("round(viewer.state.zoom, 3)", 1.728)
        book.wait_until_stable(CANVAS)
        zoomed = book.value(f"arms({plane!r})")
        assert math.hypot(zoomed[0] - now[0], zoomed[1] - now[1]) < 2.5
        book.execute("viewer.state.zoom, viewer.state.center = 1, None")
    book.execute("viewer.state.tool = 'rotate'")
    book.page.locator(".dicomview button[title^='fit']").click()
    book.wait_for_value("viewer.state.rotation", (0, 0, 0))
    assert book.value("viewer.state.volume is vol")
    assert not book.errors


def turned_twice(open_viewer, plane):
    """Open a viewer and turn lines in the axial pane, then by 20 degrees in another one."""
    book = turning(open_viewer)
    drag(book, "axial", 30)
    drag(book, plane, 20)
    line = f"viewer._scene().pane({plane!r}).lines[1][0]"
    book.wait_for_value(f"bool(abs({line} - np.cos(np.pi / 9)) < 0.02)", True)
    book.wait_until_stable(CANVAS)
    return book


def test_page_and_kernel_show_the_same_turned_planes(open_viewer):
    book = turned_twice(open_viewer, "sagittal")
    # Its lines lie where the kernel draws them, too: what differs is how edges are smoothed.
    book.execute("for t in ('texts', 'letters', 'scale_bar'): setattr(viewer.state, t, False)")
    book.wait_until_stable(CANVAS)
    drawn = decoded(book.value(ENCODED.format(png="viewer.figure().png()")))
    shown = decoded(book.page.evaluate(SLICES_ALONE))
    line = [np.ptp(picture, axis=-1) > 60 for picture in (drawn, shown)]
    assert line[0].sum() > 500
    for one, other in (line, line[::-1]):
        near = np.pad(other, 2)
        near = np.any(
            [near[i : i + one.shape[0], j : j + one.shape[1]] for i in range(5) for j in range(5)], axis=0
        )
        assert not (one & ~near).any()
    book.execute("viewer.state.crosshair = False")
    check(
        book,
        [
            "viewer.overlays.fuse(pet, window=(4, 8)); viewer.overlays.add_mask(ball)",
            "viewer.state.rotate('coronal', 17)",
            "viewer.state.step(1, 9)",
            "viewer.state.index = tuple(i + j for i, j in zip(viewer.state.index, (-7, 0, 11)))",
            "viewer.state.zoom = 2.1",
            "viewer.state.center = tuple(np.add(viewer.state.volume.middle, (9, -14, 20)))",
            "viewer.state.turn('axial'); viewer.state.mirror('coronal')",
            "viewer.state.slab = {'axial': 5.0, 'sagittal': 12.0}",
            "viewer.state.layout = 'sagittal'",
            "viewer.state.layout = 'montage'",
            "viewer.state.layout = 'ortho'; viewer.state.rotation = (0, 0, 0)",
        ],
    )


def test_measurements_overlays_and_readout_lie_right_in_turned_planes(open_viewer):
    book = turned_twice(open_viewer, "coronal")
    book.execute("viewer.overlays.fuse(pet, window=(4, 8)); viewer.overlays.add_mask(ball, name='ball')")
    book.execute("viewer.state.tool = 'distance'")
    x, y, *_ = book.value("arms('sagittal')")
    box = book.wait_for(CANVAS).bounding_box()
    mouse = book.page.mouse
    mouse.move(box["x"] + x, box["y"] + y)
    mouse.down()
    mouse.move(box["x"] + x - 30, box["y"] + y - 40, steps=4)
    mouse.up()
    book.wait_for_value("len(viewer.state.measurements)", 1)
    scale = "abs(np.diff(viewer.axes['sagittal'].get_xlim())[0]) / viewer.axes['sagittal'].bbox.width"
    expected = 50 * book.value(f"float({scale} * viewer.state.faces['sagittal'].sampling[1])")
    assert book.value(
        "float(np.linalg.norm(np.subtract(*viewer.state.measurements[0].points)))"
    ) == pytest.approx(expected, rel=0.02)
    start = book.value("list(viewer.state.measurements[0].points[0])")
    assert start == pytest.approx(book.value("viewer.state.position"), abs=1.0)
    book.wait_until_stable(CANVAS)
    book.screenshot("double-oblique-measured")
    # The status line tells place and value under the pointer: those of the volume.
    book.execute("viewer.state.tool = 'crosshair'")
    mouse.move(box["x"] + x - 20, box["y"] + y - 25)
    mouse.move(box["x"] + x - 21, box["y"] + y - 25)
    book.page.wait_for_timeout(500)
    text = book.wait_for(".dicomview-status").inner_text()
    place = [float(t) for t in text.split("LPS ")[1].split(" mm")[0].split(",")]
    at = book.value(f"vol.geometry.index({place}).tolist()")
    value = float(text.split("HU")[0].split()[-1])
    near = book.value(
        f"float(__import__('scipy.ndimage').ndimage.map_coordinates("
        f"vol.array.astype(float), np.reshape({at}, (3, 1)), order=1)[0])"
    )
    spread = book.value(
        f"float(np.ptp(vol.array[tuple(slice(max(int(i) - 1, 0), int(i) + 3) for i in {at})]))"
    )
    assert abs(value - near) <= max(2.0, 0.15 * spread), (text, near, spread)
    assert not book.errors
