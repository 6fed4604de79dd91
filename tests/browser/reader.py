"""Somebody who reads images in a notebook: mouse and keys, what the page shows and what the kernel draws."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
from PIL import Image

CANVAS = ".dicomview .jupyter-matplotlib-canvas-container"
FOCUS = ".dicomview .jupyter-matplotlib-canvas-div"
SECTION = ".dicomview .jupyter-widget-Collapse-header"
START = (36, 245, 315)
BARE = "texts=False, letters=False, scale_bar=False, crosshair=False"
TOOL = '.dicomview button[title^="{tool}:"]'

HEAD_VOLUME = "import numpy as np, dicomview as dv\nvol = dv.volread(dv.samples.head_ct())"
#: A viewer of it; DRAW is who draws, "browser" or "kernel".
HEAD = f"""{HEAD_VOLUME}
viewer = dv.SliceViewer(vol, window=(40, 80), position=(27, -2, 34), draw="DRAW")

def begin_again():
    state = viewer.state
    state.playing, state.pointer = False, None
    state.fit()
    state.window, state.colormap, state.invert, state.tool = (40, 80), "gray", False, "window"
    state.layout, state.turns, state.position = "ortho", {{}}, (27, -2, 34)
    state.measurements, state.overlays = (), ()
    if viewer._help.layout.display != "none":
        viewer.toggle_help()

viewer
"""
WINDOW = "(viewer.state.window.center, viewer.state.window.width)"

_PLACE = """(lambda box, figure: (*map(float, box.extents), *map(float, figure.bbox.size)))(
    viewer.axes[{plane!r}].bbox, viewer._canvas.figure)"""
_VOXEL = """viewer.axes[{plane!r}].transData.inverted().transform(
    ({x} * viewer._canvas.figure.bbox.width, (1 - {y}) * viewer._canvas.figure.bbox.height)).tolist()"""
ENCODED = "__import__('base64').b64encode({png}).decode()"
# All canvases of the viewer, one over the other; only ipympl's where the kernel draws.
_PIXELS = """selector => {
    const layers = [...document.querySelectorAll(selector + ' canvas')];
    const whole = document.createElement('canvas');
    [whole.width, whole.height] = [layers[0].width, layers[0].height];
    for (const layer of layers) whole.getContext('2d').drawImage(layer, 0, 0);
    return whole.toDataURL('image/png').split(',')[1];
}"""
# The slices alone, as the page paints them.
SLICES_ALONE = "() => document.querySelector('.dicomview-slices').toDataURL('image/png').split(',')[1]"
# Where the page paints, letters and lines are its own: a part of the pixels may differ by more than a shade.
OTHER, SHADE = 0.04, 24

# Controls that a person can see: what they are called, and which have the focus.
CONTROLS = """() => {
    const wanted = 'button, input, select, [tabindex="0"], [contenteditable=true]';
    const all = [...document.querySelectorAll('.dicomview :is(' + wanted + ')')];
    const seen = all.filter(one => one.offsetParent && !one.disabled && one.getClientRects().length);
    const text = one => one.matches('button, [role=button]') ? one.textContent.trim() : '';
    return {
        at: seen.indexOf(document.activeElement),
        names: seen.map(one => (one.getAttribute('aria-label') || text(one)).trim()),
    };
}"""
# Controls and texts that are cut by a box around them, and boxes that could be scrolled sideways.
CUT = """() => {
    const cut = [];
    const viewer = document.querySelector('.dicomview');
    const parts = 'button, input:not([type=checkbox]), select, .widget-label, .widget-readout, svg, canvas';
    for (const one of viewer.querySelectorAll(parts)) {
        const box = one.getBoundingClientRect();
        if (!box.width || !one.offsetParent && one.tagName !== 'svg') continue;
        const name = one.tagName + ' ' + one.className + ' ' + one.textContent.slice(0, 20);
        const isLabel = one.matches('.widget-label');
        if (isLabel && one.scrollWidth > one.clientWidth + 1) cut.push('text of ' + name);
        for (let up = one.parentElement; up && up.closest('.jp-OutputArea'); up = up.parentElement) {
            const around = up.getBoundingClientRect();
            if (getComputedStyle(up).overflowX === 'visible') continue;
            const isOut = box.right > around.right + 1 || box.left < around.left - 1;
            if (isOut) cut.push(name + ' by ' + up.className);
        }
    }
    for (let up = viewer; up; up = up.parentElement)
        if (up.scrollWidth > up.clientWidth + 1 && getComputedStyle(up).overflowX !== 'visible')
            cut.push('scroll bar of ' + up.className);
    return cut;
}"""


class Reader:
    """Somebody who reads images in an open notebook."""

    def __init__(self, book, viewer="viewer", other=OTHER):
        self.book, self.page, self.value = book, book.page, book.value
        self.viewer, self.other = viewer, other
        self.mouse, self.keyboard = book.page.mouse, book.page.keyboard

    def box(self):
        """Return where the canvas is in the page."""
        return self.book.wait_for(FOCUS).bounding_box()

    def at(self, plane, right=0.5, down=0.5):
        """Return where a part of a pane is in the page."""
        x0, y0, x1, y1, width, height = self.value(_PLACE.format(plane=plane))
        box = self.box()
        x, y = x0 + right * (x1 - x0), height - (y1 - down * (y1 - y0))
        # The page tells places of the pointer in whole pixels.
        return round(box["x"] + x / width * box["width"]), round(box["y"] + y / height * box["height"])

    def voxel(self, plane, x, y):
        """Return the column and row of a pane at a place in the page, in fractions."""
        box = self.box()
        part = (x - box["x"]) / box["width"], (y - box["y"]) / box["height"]
        return self.value(_VOXEL.format(plane=plane, x=part[0], y=part[1]))

    def drag(self, start, by, button="left"):
        """Press, move and release."""
        self.mouse.move(*start)
        self.mouse.down(button=button)
        self.mouse.move(start[0] + by[0], start[1] + by[1], steps=6)
        self.mouse.up(button=button)

    def focus(self):
        """Give the canvas the keys."""
        self.page.locator(FOCUS).focus()

    def press(self, key, expression, expected):
        """Press a key on the canvas and wait for what it should do."""
        self.focus()
        self.keyboard.press(key)
        self.book.wait_for_value(expression, expected)

    def choose(self, tool):
        """Take a tool from the toolbar."""
        self.page.locator(TOOL.format(tool=tool)).click()
        self.book.wait_for_value("viewer.state.tool", tool)
        self.page.wait_for_timeout(100)  # in which the page hears of it too

    def shown(self):
        """Return the pixels of the canvas in the page."""
        return decoded(self.page.evaluate(_PIXELS, FOCUS))

    def fresh(self):
        """Return the pixels of the same view drawn anew."""
        png = f"{self.viewer}.figure().png(dpi={self.viewer}._canvas.figure.dpi)"
        return decoded(self.value(ENCODED.format(png=png)))

    @property
    def is_staged(self):
        """Whether the page paints the slices."""
        return self.page.locator(FOCUS + " .dicomview-slices").count() > 0

    def sees_the_view(self):
        """Wait until the canvas shows what the state says, exactly where the kernel draws."""
        end = time.monotonic() + 8
        while True:
            shown, fresh = self.shown(), self.fresh()
            if shown.shape == fresh.shape and self.is_same(shown, fresh):
                return
            if time.monotonic() > end:
                assert shown.shape == fresh.shape
                raise AssertionError(_stale(shown, fresh))
            self.page.wait_for_timeout(100)

    def wait_until_shown(self, check):
        """Wait until the pixels of the canvas fulfil a condition."""
        end = time.monotonic() + 8
        while not check(self.shown()):
            assert time.monotonic() < end, "the canvas does not show what it should"
            self.page.wait_for_timeout(50)

    def is_same(self, shown, fresh):
        """Whether two pictures show the same view."""
        if not self.is_staged:
            return (shown == fresh).all()
        return (abs(shown - fresh).max(-1) > SHADE).mean() < self.other

    def open_section(self, number):
        """Open a section of the panel, unless it is open."""
        header = self.page.locator(SECTION).nth(number)
        if header.get_attribute("aria-expanded") == "false":
            header.click()
            self.page.wait_for_function(
                "([one, i]) => document.querySelectorAll(one)[i].getAttribute('aria-expanded') === 'true'",
                arg=[SECTION, number],
            )


def _stale(shown, fresh):
    """Tell where two pictures differ."""
    places = np.argwhere((shown != fresh).any(-1))
    first = [(*map(int, at), shown[tuple(at)].tolist(), fresh[tuple(at)].tolist()) for at in places[:4]]
    beyond = (abs(shown - fresh).max(-1) > SHADE).mean()
    return (
        f"{len(places)} pixels of the canvas are stale, {beyond:.2%} of all by more than a shade; "
        f"row, column, shown, fresh: {first}"
    )


def decoded(text):
    """Return the RGB pixels of a PNG in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def wait_until_painted(book, most=1, beyond=0.0, after="opening"):
    """Wait until the page paints the slices as the kernel does: so many grey levels apart at most.

    A part of the pixels, `beyond`, may differ by more.
    """
    end = time.monotonic() + 20
    while True:
        shown = decoded(book.page.evaluate(SLICES_ALONE))
        fresh = decoded(book.value(ENCODED.format(png="viewer.figure().png()")))
        if shown.shape == fresh.shape:
            apart = abs(shown - fresh).max(axis=-1)
            if (apart > most).mean() <= beyond:
                return
        if time.monotonic() > end:
            assert shown.shape == fresh.shape
            other = f"{(apart > most).mean():.2%} of the pixels by more than {most}"
            raise AssertionError(f"after {after!r}: {apart.max()} levels apart, {other}")
        book.page.wait_for_timeout(50)


def opened(book, *cells):
    """Open a notebook, run it and return its reader."""
    book.show(list(cells))
    book.wait_for(CANVAS)
    book.wait_until_stable(CANVAS)
    return Reader(book)
