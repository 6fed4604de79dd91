"""Long sessions without a browser: nothing grows, nothing raises, and two threads leave one view."""

import builtins
import gc
import io
import os
import random
import sys
import threading
import weakref
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_affine, make_voxels, widgets_alive
from IPython.core.interactiveshell import InteractiveShell

import dicomview as dv
from dicomview.geometry import PLANES
from dicomview.state import ViewState
from dicomview.state.model import LAYOUTS, TOOLS

SHAPE = (12, 16, 18)


@pytest.fixture
def vol():
    array = np.stack([make_voxels(SHAPE), make_voxels(SHAPE)[::-1]])
    dims = ("time", "slice", "row", "column")
    return dv.Volume.from_array(array, affine=make_affine("oblique"), dims=dims, meta={"Modality": "MR"})


@pytest.fixture
def raised(monkeypatch):
    """Collect what threads and destructors raise."""
    found = []
    monkeypatch.setattr(threading, "excepthook", lambda told: found.append(told.exc_value))
    monkeypatch.setattr(sys, "unraisablehook", lambda told: found.append(told.exc_value))
    return found


def small(volume, **options):
    """Return a viewer that is quickly drawn."""
    viewer = dv.SliceViewer(volume, window=(500, 900), **options)
    viewer._fit_width(240)
    viewer._canvas.figure.canvas.draw()
    return viewer


def staged(viewer):
    """Let a page be there, which paints; returns a way to speak as the page."""

    def say(**message):
        viewer._page._received(None, message, [])

    say(hello={"view": "a", "far": False, "ahead": False})
    return say


def held():
    """Return what must not grow: widgets, figures of pyplot, threads and open files."""
    gc.collect()
    files = Path("/proc/self/fd")
    return {
        "widgets": len(widgets_alive()),
        "figures": len(plt.get_fignums()),
        "threads": threading.active_count(),
        "files": sum(1 for _ in files.iterdir()) if files.exists() else 0,
        "states": sum(type(one) is ViewState for one in gc.get_objects()),
    }


def grown(before):
    """Return what is more than before; processes that decode may have ended meanwhile."""
    return {what: number for what, number in held().items() if number > before[what]}


def changes(state, rng):
    """Return what a session does to a state, each a function of nothing."""
    axis, plane = rng.randrange(3), rng.choice(PLANES)
    point = state.acquired.geometry.position([rng.uniform(0, n) for n in SHAPE])
    other = state.acquired.geometry.position([rng.uniform(0, n) for n in SHAPE])
    return {
        "index": lambda: setattr(state, "index", tuple(rng.randrange(n) for n in SHAPE)),
        "position": lambda: setattr(state, "position", tuple(point)),
        "step": lambda: state.step(axis, rng.choice((-1, 1))),
        "frame": lambda: setattr(state, "frame", (rng.randrange(2),)),
        "window": lambda: setattr(state, "window", (rng.uniform(0, 900), rng.uniform(1, 900))),
        "zoom": lambda: setattr(state, "zoom", rng.uniform(0.5, 4)),
        "center": lambda: setattr(state, "center", tuple(rng.uniform(0, n) for n in SHAPE)),
        "fit": state.fit,
        "invert": lambda: setattr(state, "invert", not state.invert),
        "layout": lambda: setattr(state, "layout", rng.choice(LAYOUTS)),
        "tool": lambda: setattr(state, "tool", rng.choice(TOOLS)),
        "turn": lambda: state.turn(plane),
        "mirror": lambda: state.mirror(plane),
        "patient axes": lambda: setattr(state, "patient_axes", not state.patient_axes),
        "rotate": lambda: state.rotate(plane, rng.uniform(-30, 30)),
        "pointer": lambda: setattr(state, "pointer", None),
        "measure": lambda: state.add_measurement(dv.measure.Distance((tuple(point), tuple(other)))),
        "remove": state.remove_measurement,
        "paint": lambda: state.paint([point, other], radius=1.5, erase=rng.random() < 0.3),
        "undo": state.undo,
        "redo": state.redo,
    }


@pytest.mark.parametrize("is_staged", [False, True])
@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.long)])
def test_random_changes_from_two_threads(vol, raised, is_staged, count):
    viewer = small(vol)
    state = viewer.state
    if is_staged:
        staged(viewer)
    start = threading.Barrier(2)

    def session(seed):
        rng = random.Random(seed)
        start.wait()
        for _ in range(count):
            acts = changes(state, rng)
            acts[rng.choice(list(acts))]()

    threads = [threading.Thread(target=session, args=(seed,)) for seed in (1, 2)]
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # threads take turns often
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    finally:
        sys.setswitchinterval(was)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    assert not raised, raised
    assert_consistent(viewer)
    viewer.close()


def assert_consistent(viewer):
    """The traits fit each other, the controls show them, and the picture is that of a fresh figure."""
    state = viewer.state
    shape = state.volume.geometry.shape
    assert all(0 <= i < n for i, n in zip(state.index, shape))
    np.testing.assert_allclose(state.position, state.volume.geometry.position(state.index), atol=1e-6)
    axes = state.volume.plane_axes
    assert {p: viewer.sliders[p].value for p in PLANES} == {p: state.index[axes[p]] for p in PLANES}
    assert viewer.sliders["time"].value == state.frame[0]
    assert state.selected is None or 0 <= state.selected < len(state.measurements)
    drawn, fresh = viewer._canvas.renderer, viewer.figure()
    fresh.canvas.draw()
    assert drawn.scene == viewer._scene()
    if not viewer._is_staged:
        viewer._canvas.figure.canvas.draw()
        shown = np.asarray(viewer._canvas.figure.canvas.buffer_rgba())
        np.testing.assert_array_equal(shown, np.asarray(fresh.canvas.buffer_rgba()))


def test_index_and_position_fit_whoever_sets_them(vol, raised):
    state = ViewState(vol)
    places = {index: state._position_of(index) for index in np.ndindex(SHAPE)}
    seen = []
    state.observe(lambda change: seen.append(state.position == places[state.index]), "index")

    def session(seed):
        rng = random.Random(seed)
        for _ in range(500):
            state.index = tuple(rng.randrange(n) for n in SHAPE)

    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=session, args=(seed,)) for seed in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(was)
    assert not raised and all(seen) and state.position == places[state.index]


def test_changes_that_are_held_back_keep_those_of_another_thread(vol):
    state = ViewState(vol)
    inside, seen = threading.Event(), []
    state.observe(seen.append, "invert")

    def other():
        inside.wait(5)
        state.invert = True

    thread = threading.Thread(target=other)
    thread.start()
    with state.hold_trait_notifications():
        state.zoom = 2.0
        inside.set()
        thread.join(0.2)  # it waits for the end of this block
        assert not state.invert and state.zoom == 2.0
    thread.join(5)
    assert state.invert and len(seen) == 1


@pytest.mark.parametrize("draw", ["browser", "kernel"])
def test_viewers_that_are_opened_and_closed_leave_nothing(vol, raised, draw):
    def use():
        viewer = small(vol, draw=draw)
        if draw == "browser":
            staged(viewer)
        for title in ("place", "panes", "cine", "slab", "overlays", "measurements", "paint"):
            viewer.panel.section(title)
        for _ in range(2):
            viewer.overlays.paint()
        viewer.overlays.remove("mask 2")
        viewer.state.paint([viewer.state.position])
        viewer.measurements.add(dv.measure.Point([viewer.state.position]))
        viewer.state.playing = True
        viewer.close()
        return weakref.ref(viewer)

    use()
    before = held()
    gone = [use(), use()]
    assert not grown(before) and not raised
    assert not any(viewer() for viewer in gone), "a viewer is still held"


@pytest.mark.parametrize("count", [6, pytest.param(50, marks=pytest.mark.long)])
def test_viewers_opened_and_closed_take_no_memory(count):
    def use():
        small(np.zeros((3, 4, 5))).close()

    use()
    before, objects = held(), len(gc.get_objects())
    for _ in range(count):
        use()
    assert not grown(before)
    assert len(gc.get_objects()) - objects < count, "less than one for each"


def test_comparisons_and_galleries_leave_nothing(vol, write):
    write("study")

    def use(folder):
        compared = dv.compare(vol, vol, mode="curtain")
        compared.comparison.mode = "side"
        compared.comparison.mode = "blink"
        compared.close()
        dv.gallery(folder).close()
        browser = dv.SeriesBrowser(folder)
        browser.wait(20)
        browser.close()

    folder = write("one")[0].parent
    use(folder)
    before = held()
    use(folder)
    assert not grown(before)


@pytest.mark.parametrize("count", [6, pytest.param(50, marks=pytest.mark.long)])
def test_a_cell_that_is_run_again_and_again_keeps_one_viewer(raised, count, monkeypatch):
    """Also where the viewer is what the cell shows, which IPython remembers under Out."""
    monkeypatch.delattr(builtins, "_", raising=False)  # which doctests leave, and IPython respects
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("import numpy as np, dicomview as dv; vol = np.zeros((4, 5, 6)); other = 3")
        shell.run_cell("other", store_history=True)
        seen = []
        for _ in range(count):
            with redirect_stdout(io.StringIO()):
                result = shell.run_cell("viewer = dv.SliceViewer(vol)\nviewer", store_history=True)
            assert result.success
            seen.append(weakref.ref(result.result))
            del result
            if len(seen) == 3:
                before = held()
        assert not grown(before)
        assert sum(viewer() is not None for viewer in seen) <= 2, "those of earlier runs are still held"
        out = shell.user_ns["Out"]
        assert next(iter(out.values())) == 3 and out[shell.execution_count - 1] is seen[-1]()
        assert shell.user_ns["_"] is seen[-1]()
        shell.run_cell("another = _", store_history=True)
        assert shell.user_ns["another"] is seen[-1]()
    finally:
        shell.run_cell("viewer.close()")
        InteractiveShell.clear_instance()
    assert not raised


@pytest.mark.parametrize("is_staged", [False, True])
@pytest.mark.parametrize("steps", [100, pytest.param(10_000, marks=pytest.mark.long)])
def test_slice_changes_take_no_memory(is_staged, steps, raised):
    viewer = small(make_voxels(SHAPE))
    say = staged(viewer) if is_staged else None
    changed = walk(viewer, say, 2 * max(SHAPE))  # what is kept has been made
    before, objects, was = held(), len(gc.get_objects()), memory()
    walk(viewer, say, steps, changed)
    assert not grown(before) and not raised
    assert len(gc.get_objects()) - objects < 100
    assert memory() - was < 20e6
    viewer.close()


def memory():
    """Return the bytes of memory that this process uses; 0 where it is not told."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if told.exists() else 0


def walk(viewer, say, steps, start=0):
    """Change the slice so many times, as a page that paints or as a cell does; returns how often it was."""
    for k in range(start, start + steps):
        index = [k % n for n in SHAPE]
        if say is None:
            viewer.state.index = index
        else:
            say(state={"changed": {"index": index}, "sequence": k + 1, "plane": "axial", "view": "a"})
        assert viewer.state.index == tuple(index)
    return start + steps
