"""Long sessions in a real page: busy kernels, cells run again, lost connections; nothing grows."""

from __future__ import annotations

import pytest
from browser.reader import CANVAS, FOCUS, wait_until_painted

pytestmark = pytest.mark.long

#: Collects what goes wrong in the kernel, in whatever thread, and tells how much it holds.
WATCH = """import gc, logging, os, sys, threading
import ipywidgets, matplotlib.pyplot as plt, numpy as np, dicomview as dv

caught = []
class Noted(logging.Handler):
    def emit(self, record):
        caught.append(record.getMessage() + str(record.exc_info))
kernel = get_ipython().kernel
for log in (logging.getLogger(), kernel.log):
    log.addHandler(Noted(level=logging.ERROR))
get_ipython().showtraceback = lambda *args, **kwargs: caught.append(repr(sys.exc_info()[1]))
threading.excepthook = lambda told: caught.append(repr(told.exc_value))

def held():
    gc.collect()
    files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    viewers = sum(isinstance(one, dv.SliceViewer) for one in gc.get_objects())
    widgets = len(ipywidgets.widgets.widget._instances)
    # For every page that comes ipykernel starts a thread of its own.
    threads = sum("subshell" not in one.name.lower() for one in threading.enumerate())
    return widgets, len(kernel.comm_manager.comms), viewers, len(plt.get_fignums()), files, threads

def memory():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

z, y, x = np.indices((40, 96, 96))
ball = (((z - 20) * 2) ** 2 + (y - 48) ** 2 + (x - 40) ** 2).astype(np.int16)
vol = dv.Volume.from_array(ball, affine=np.diag([2, 1, 1, 1.0])[[2, 1, 0, 3]])"""
VIEWER = "viewer = dv.SliceViewer(vol, window=(1200, 2400), index=(20, 48, 40))\nviewer"

#: Whether the slices of every viewer are painted: some of their pixels are bright.
PAINTED = """() => [...document.querySelectorAll('.dicomview-slices')].map(canvas => {
    if (!canvas.width || !canvas.height) return false;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] && pixels[i] > 40) return true;
    return false;
})"""
#: Runs the last cell so many times, one after the other.
RUN_AGAIN = """async count => {
    const app = window.jupyterapp;
    const panel = app.shell.currentWidget;
    panel.content.activeCellIndex = panel.content.widgets.length - 1;
    for (let i = 0; i < count; i++) {
        await app.commands.execute('notebook:run-cell');
        await new Promise(resolve => setTimeout(resolve, 300));
    }
}"""
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
STATUS = "() => [...document.querySelectorAll('.dicomview-status')].map(one => one.textContent)"


@pytest.fixture
def show(lab):
    """Return a function that runs cells with `vol` in a kernel in which nothing may go wrong."""

    def show(*cells):
        lab.show([WATCH, *cells])
        lab.wait_until_stable(lab.wait_for(CANVAS))
        return lab

    yield show
    if lab.name:
        caught = lab.value("caught")
        lab.end()  # the next test gets a kernel that is not watched
        assert caught == []


def page_holds(book):
    """Return what the page has after its rubbish was collected, canvases, elements and bytes among it."""
    session = book.page.context.new_cdp_session(book.page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    canvases, elements = book.page.evaluate(
        "() => ['canvas', '*'].map(what => document.querySelectorAll(what).length)"
    )
    return {
        "canvases": canvases,
        "elements": elements,
        "nodes": told["Nodes"],
        "listeners": told["JSEventListeners"],
        "heap": told["JSHeapUsedSize"],
        "arrays": usage.get("backingStorageSize", 0),
    }


def wait_until_told(book):
    """Wait until page and kernel are at the same place, and return it."""
    book.page.wait_for_timeout(700)
    index = book.value("viewer.state.index")
    book.page.wait_for_function(f"({STATUS})().some(text => text.includes('index {index}'))")
    return index


def test_events_while_a_cell_changes_the_view(show):
    book = show(VIEWER)
    box = book.wait_for(CANVAS).bounding_box()
    x, y = box["x"] + box["width"] / 6, box["y"] + box["height"] / 2
    book.page.evaluate(
        f"""() => {{ window.busy = {KERNEL}.requestExecute({{code: `
import time
for k in range(200):
    viewer.state.index = (k % 40, 40 + k % 7, 40)
    viewer.state.window = (1000 + k, 2000)
    if k % 20 == 0:
        viewer.state.layout = ("ortho", "axial")[k // 20 % 2]
        viewer.measurements.add(dv.measure.Point([viewer.state.position]))
        viewer.state.paint([viewer.state.position], radius=3)
    time.sleep(0.02)
viewer.state.layout = "ortho"
`}}).done.then(() => {{ window.busyDone = true; }}); }}"""
    )
    book.page.locator(FOCUS).focus()
    for k in range(40):
        book.page.mouse.move(x + k % 9, y)
        book.page.mouse.wheel(0, (-100, 100)[k % 2])
        if k % 4 == 0:
            book.page.mouse.down()
            book.page.mouse.move(x + 20, y + 9, steps=3)
            book.page.mouse.up()
        book.page.keyboard.press(("ArrowUp", "i", "ArrowDown", "+", "-", "Control+z")[k % 6])
    book.page.wait_for_function("window.busyDone === true", timeout=60_000)
    book.page.mouse.move(2, 2)
    wait_until_told(book)
    book.wait_for_value("viewer.state.pointer", None)
    book.execute(
        "state = viewer.state\nstate.invert = False\nstate.fit()\nstate.overlays = state.measurements = ()\n"
        "state.texts = state.letters = state.scale_bar = state.crosshair = False"
    )
    wait_until_painted(book, after="events while a cell ran")
    book.screenshot("sessions-busy")
    assert not book.errors


def test_a_cell_that_is_run_fifty_times(show):
    book = show(VIEWER)
    book.page.evaluate(RUN_AGAIN, 5)
    book.wait_until_stable(CANVAS)
    before, was, page_was = book.value("held()"), book.value("memory()"), page_holds(book)
    book.page.evaluate(RUN_AGAIN, 45)
    book.wait_until_stable(CANVAS)
    after, now, page_now = book.value("held()"), book.value("memory()"), page_holds(book)
    print("kernel", before, after, now - was, "page", page_was, page_now)
    book.screenshot("sessions-run-again")
    assert after[:4] == before[:4], "widgets, comms, viewers or figures are left"
    assert after[4] <= before[4] + 2 and after[5] <= before[5] + 1
    assert now - was < 60e6
    assert page_now["canvases"] == page_was["canvases"]
    assert page_now["elements"] < page_was["elements"] + 100
    # JupyterLab itself holds on to the elements of widgets that were shown before, of any package.
    assert page_now["nodes"] - page_was["nodes"] < 45 * 3000
    assert page_now["heap"] - page_was["heap"] < 90e6
    assert page_now["arrays"] - page_was["arrays"] < 15e6, "voxels of viewers that are closed are held"
    assert book.page.evaluate(PAINTED) == [True]
    book.page.locator(FOCUS).focus()
    book.page.keyboard.press("ArrowUp")
    book.wait_for_value("viewer.state.index[0]", 21)
    assert not book.errors


def test_twenty_viewers_on_a_page(show):
    cell = (
        "viewers = [dv.SliceViewer(vol, window=(1200, 2400), index=(k, 48, 40)) for k in range(10, 30)]\n"
        "for one in viewers:\n    display(one)\nviewer = viewers[-1]"
    )
    book = show(cell)
    book.page.wait_for_function(f"({PAINTED})().filter(Boolean).length === 20", timeout=120_000)
    for number in (0, 10, 19):
        book.page.locator(CANVAS).nth(number).scroll_into_view_if_needed()
        book.page.wait_for_timeout(300)  # for the picture alone
        book.screenshot(f"sessions-twenty-{number}")
        book.page.locator(FOCUS).nth(number).focus()
        book.page.keyboard.press("ArrowUp")
        book.wait_for_value(f"viewers[{number}].state.index[0]", 11 + number)
    assert all(book.page.evaluate(PAINTED))
    book.execute("for one in viewers[:-1]:\n    one.close()")
    book.page.wait_for_function("document.querySelectorAll('.dicomview-slices').length === 1")
    assert book.page.evaluate(PAINTED) == [True]
    assert not book.errors


def test_a_thousand_keys(show):
    book = show(VIEWER)
    book.page.locator(FOCUS).focus()

    def press(count):
        for k in range(count):
            book.page.keyboard.press("ArrowUp" if k // 15 % 2 else "ArrowDown")

    press(100)
    wait_until_told(book)
    before, was, page_was = book.value("held()"), book.value("memory()"), page_holds(book)
    press(1000)
    wait_until_told(book)
    after, now, page_now = book.value("held()"), book.value("memory()"), page_holds(book)
    print("kernel", before, after, now - was, "page", page_was, page_now)
    assert after[:4] == before[:4] and after[4] <= before[4] + 2 and after[5] <= before[5] + 1
    assert now - was < 30e6
    assert all(page_now[one] == page_was[one] for one in ("canvases", "elements"))
    # JupyterLab adds some of its own in the course of time; a key that left one would leave a thousand.
    assert all(page_now[one] < page_was[one] + 500 for one in ("nodes", "listeners"))
    assert page_now["heap"] - page_was["heap"] < 20e6
    assert book.page.evaluate(PAINTED) == [True]
    assert not book.errors


def test_a_connection_that_is_cut_is_taken_up_again(show):
    book = show(VIEWER)
    # It may be back before one could ask: the page itself notes that it was gone.
    book.page.evaluate(
        f"""() => new Promise(gone => {{
            const kernel = {KERNEL};
            kernel.connectionStatusChanged.connect((_, status) => {{ if (status !== 'connected') gone(); }});
            kernel._ws.close();
        }})"""
    )
    book.page.locator(FOCUS).focus()
    for _ in range(3):
        book.page.keyboard.press("ArrowUp")
    book.page.wait_for_function(f"({STATUS})().some(text => text.includes('index (23, 48, 40)'))")
    book.page.wait_for_function(f"{KERNEL}.connectionStatus === 'connected'", timeout=60_000)
    book.wait_for_value("viewer.state.index", (23, 48, 40))
    assert not book.page.locator(".dicomview-gone").count(), "the kernel is there"
    book.execute("viewer.state.index = (5, 40, 30); viewer.state.window = (900, 1800)")
    book.page.wait_for_function(f"({STATUS})().some(text => text.includes('index (5, 40, 30)'))")
    book.page.keyboard.press("ArrowUp")
    book.wait_for_value("viewer.state.index", (6, 40, 30))
    book.screenshot("sessions-connected-again")
    assert book.page.evaluate(PAINTED) == [True]


def test_a_kernel_that_is_restarted_shows_a_new_viewer(show):
    book = show(VIEWER)
    book.page.evaluate(f"{KERNEL}.restart()")
    book.wait_for(".dicomview-gone")
    assert book.page.evaluate(PAINTED) == [True], "the picture stays"
    assert "run the cell again" in (book.page.locator(".dicomview-gone").get_attribute("title") or "")
    book.screenshot("sessions-restarted")
    book.run_all()
    book.page.wait_for_function("!document.querySelector('.dicomview-gone')")
    book.page.wait_for_function(f"JSON.stringify(({PAINTED})()) === '[true]'")
    book.page.locator(FOCUS).focus()
    book.page.keyboard.press("ArrowUp")
    book.wait_for_value("viewer.state.index[0]", 21)
    book.screenshot("sessions-run-after-restart")


def test_a_page_that_is_loaded_again_and_again(show):
    book = show(VIEWER)
    before = None
    for turn in range(4):
        book.execute(f"viewer.state.index = ({10 + turn}, 40, 30)")
        book.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        book.page.reload()
        book.wait_for(CANVAS)
        book.page.wait_for_function(f"JSON.stringify(({PAINTED})()) === '[true]'", timeout=60_000)
        book.page.wait_for_function(
            f"({STATUS})().some(text => text.includes('index ({10 + turn}, 40, 30)'))"
        )
        book.page.locator(FOCUS).focus()
        book.page.keyboard.press("ArrowUp")
        book.wait_for_value("viewer.state.index[0]", 11 + turn)
        if turn == 1:
            before = book.value("held()")
    after = book.value("held()")
    assert after[:4] == before[:4] and after[5] <= before[5] + 1
    book.screenshot("sessions-loaded-again")
