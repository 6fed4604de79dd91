"""Slabs, turned planes and overlays in the page: the same as the kernel draws, and of the right slice."""

from __future__ import annotations

import math

import pytest
from browser.reader import BARE, CANVAS, HEAD_VOLUME, wait_until_painted

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


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def crosshair(book):
    """Return where the crosshair of the axial pane is, from the upper left corner of the canvas."""
    place = "viewer.axes['axial'].transData.transform(viewer.state.index[:0:-1]).tolist()"
    (x, y), height = book.value(f"[{place}, float(viewer._canvas.figure.bbox.height)]")
    return x, height - y


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


def test_planes_turn_with_the_tool(open_viewer):
    book = open_viewer("window=(40, 80), position=(27, -2, 34), tool='rotate'", SETUP)
    place = book.value("viewer.state.position")
    box = book.wait_for(CANVAS).bounding_box()
    x, y = crosshair(book)
    mouse = book.page.mouse
    mouse.move(box["x"] + x + 70, box["y"] + y)
    mouse.down()
    for degrees in range(5, 31, 5):
        turn = math.radians(degrees)
        mouse.move(box["x"] + x + 70 * math.cos(turn), box["y"] + y - 70 * math.sin(turn))
    mouse.up()
    book.wait_for_value("[round(v) for v in viewer.state.rotation]", [0, 0, 30])
    assert book.value("viewer.state.position") == pytest.approx(place)
    book.wait_until_stable(CANVAS)
    now = crosshair(book)
    assert abs(now[0] - x) < 1 and abs(now[1] - y) < 1, "the crosshair stays where it is"
    book.screenshot("rotation")
    book.execute("for t in ('texts', 'letters', 'scale_bar', 'crosshair'): setattr(viewer.state, t, False)")
    check(
        book,
        [
            "viewer.overlays.fuse(pet, window=(4, 8)); viewer.overlays.add_mask(ball)",
            "viewer.state.rotate('coronal', 17)",
            "viewer.state.step(1, 9)",
            "viewer.state.slab = {'axial': 5.0}",
            "viewer.state.rotation = (0, 0, 0)",
        ],
    )
