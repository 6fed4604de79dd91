"""Random sessions: whatever is done to a view, its traits fit each other, and undo undoes."""

import math

import matplotlib
import numpy as np
import pytest
from conftest import make_affine, make_voxels
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from traitlets import TraitError

import dicomview as dv
from dicomview.geometry import PLANES
from dicomview.state import Overlays, ViewState, link, pane_pixels, readout, resolve
from dicomview.state.model import CINE_MODES, LAYOUTS, TOOLS
from dicomview.state.painted import Painted

SHAPE = (5, 8, 7)
nan, inf = math.nan, math.inf
#: What no view may have.
WRONG = [
    ("index", (1, 2)),
    ("index", (1.5, 2, 3)),
    ("index", None),
    ("index", 3),
    ("position", (1, 2)),
    ("position", (nan, 0, 0)),
    ("position", None),
    ("frame", (0, 0)),
    ("frame", "a"),
    ("patient_axes", "yes"),
    ("rotation", (0, inf, 0)),
    ("rotation", 5),
    ("step_mm", 0),
    ("step_mm", -1),
    ("step_mm", "wide"),
    ("window", (nan, 5)),
    ("window", (5, 0)),
    ("window", (inf, 5)),
    ("window", None),
    ("colormap", "greyish"),
    ("colormap", 3),
    ("empty_color", "no colour"),
    ("layout", "mosaic"),
    ("gap", -1),
    ("gap", nan),
    ("zoom", nan),
    ("zoom", "large"),
    ("center", (nan, 0, 0)),
    ("center", (1, 2)),
    ("center", 5),
    ("convention", "both"),
    ("turns", {"axial": 1}),
    ("turns", {"round": (1, False)}),
    ("turns", None),
    ("slab", {"axial": -1}),
    ("slab", {"axial": inf}),
    ("slab", 5),
    ("overlays", [5]),
    ("overlays", None),
    ("interpolation", "cubic"),
    ("theme", "blue"),
    ("tool", "hammer"),
    ("measurements", [5]),
    ("measurements", None),
    ("selected", 99),
    ("selected", -1),
    ("draft", 5),
    ("paint_range", (2, 1)),
    ("paint_range", (nan, nan)),
    ("paint_range", 5),
    ("brush_mm", nan),
    ("touched", 5),
    ("pointer", (99, 0, 0)),
    ("pointer", (0, 0)),
    ("pointer", 5),
    ("pointer", ("a", 0, 0)),
    ("cine", "round"),
    ("fps", 0),
    ("fps", nan),
    ("cine_mode", "once"),
]
#: Places in a small volume, and around it.
places = st.tuples(*(st.integers(-1, n) for n in SHAPE))


def volume(orientation):
    array = np.stack([make_voxels(SHAPE), make_voxels(SHAPE)[::-1]])
    dims = ("time", "slice", "row", "column")
    return dv.Volume.from_array(array, affine=make_affine(orientation), dims=dims, meta={"Modality": "MR"})


def session(orientation):
    """Return a state machine that does to a view what a person may do, and one that is linked to another."""

    class Session(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.volume = volume(orientation)
            known = {"colormaps": matplotlib.colormaps, "is_color": matplotlib.colors.is_color_like}
            self.state = ViewState(self.volume, **known, window=(100, 300))
            self.other = ViewState(self.volume, **known)
            self.overlays = Overlays(self.state)
            self.link = None
            self.past, self.future = [], []

        # -- the way back ------------------------------------------------------------------------------

        def now(self):
            """Return what can be taken back."""
            painted = {o.number: o.array for o in self.state.overlays if isinstance(o, Painted)}
            return self.state.measurements, painted

        def changing(self, act):
            """Do something that can be taken back."""
            self.state.end_stroke()
            before = self.now()
            act()
            self.state.end_stroke()
            after = self.now()
            begun = after[1].keys() - before[1].keys()  # the first stroke makes its mask
            if not same(before, after) or any(after[1][number].any() for number in begun):
                self.past.append(before)
                self.future.clear()

        def way(self, go, source, target, can):
            """Go one step back, or forth again."""
            self.state.draft = None
            before = self.now()
            if not can:
                go()
                assert same(before, self.now())
                return
            go()
            assert same(source.pop(), self.now()), "a step leads to what was there"
            target.append(before)

        @rule()
        def undo(self):
            self.way(self.state.undo, self.past, self.future, self.state.can_undo)

        @rule()
        def redo(self):
            self.way(self.state.redo, self.future, self.past, self.state.can_redo)

        def point(self, place):
            return tuple(float(x) for x in self.volume.geometry.position(place))

        @rule(a=places, b=places, c=places, kind=st.sampled_from(["point", "distance", "polygon", "twice"]))
        def measure(self, a, b, c, kind):
            a, b, c = map(self.point, (a, b, c))
            if kind in ("polygon", "twice") and len({a, b, c}) < 3:
                return
            made = {
                "point": lambda: dv.measure.Point([a]),
                "distance": lambda: dv.measure.Distance([a, b]),
                "polygon": lambda: dv.measure.Angle([a, b, c]),
                "twice": lambda: dv.measure.Angle([c, b, a]),
            }[kind]()
            self.changing(lambda: self.state.add_measurement(made))

        @precondition(lambda self: self.state.measurements)
        @rule(data=st.data(), a=places)
        def change_measurement(self, data, a):
            i = data.draw(st.integers(0, len(self.state.measurements) - 1))
            self.changing(lambda: self.state.change_measurement(i, dv.measure.Point([self.point(a)])))

        @rule()
        def remove_measurement(self):
            self.changing(self.state.remove_measurement)

        @rule()
        def clear_measurements(self):
            self.changing(lambda: setattr(self.state, "measurements", ()))

        @precondition(lambda self: self.state.measurements)
        @rule(data=st.data())
        def select(self, data):
            count = len(self.state.measurements)
            self.state.selected = data.draw(st.none() | st.integers(0, count - 1))

        @rule(a=places)
        def draft(self, a):
            self.state.draft = dv.measure.Point([self.point(a)])

        @rule(
            a=places,
            b=places,
            plane=st.sampled_from([None, *PLANES]),
            erase=st.booleans(),
            ends=st.booleans(),
        )
        def paint(self, a, b, plane, erase, ends):
            points = [self.point(a), self.point(b)]
            self.changing(lambda: self.state.paint(points, radius=1.3, plane=plane, erase=erase, ends=ends))

        @rule(a=places, plane=st.sampled_from([None, *PLANES]), erase=st.booleans())
        def fill(self, a, plane, erase):
            self.changing(lambda: self.state.fill(self.point(a), plane=plane, erase=erase))

        @rule(low=st.integers(-100, 200), plane=st.sampled_from([None, *PLANES]), erase=st.booleans())
        def threshold(self, low, plane, erase):
            def act():
                try:
                    self.state.threshold(low, low + 40, plane=plane, erase=erase)
                except dv.DicomviewError:
                    assert plane is not None and not self.state.can_paint_flat

            self.changing(act)

        @rule()
        def clear_paint(self):
            self.changing(self.state.clear_paint)

        @rule(limits=st.none() | st.tuples(st.integers(-100, 0), st.integers(0, 200)))
        def paint_range(self, limits):
            self.state.paint_range = limits

        # -- what lies over the slices -----------------------------------------------------------------

        @precondition(lambda self: len(self.state.overlays) < 5)
        @rule(kind=st.sampled_from(["mask", "paint", "fuse", "isodoses"]))
        def lay(self, kind):
            before = self.now()[1]
            array = self.volume.array[0]
            {
                "mask": lambda: self.overlays.add_mask(array > 50),
                "paint": lambda: self.overlays.paint(array > 100),
                "fuse": lambda: self.overlays.fuse(self.volume, window=(50, 100)),
                "isodoses": lambda: self.overlays.isodoses(self.volume, [20.0, 60.0]),
            }[kind]()
            assert same((0, before), (0, self.now()[1])), "what was painted stays"

        @precondition(lambda self: self.state.overlays)
        @rule(data=st.data(), opacity=st.floats(0, 1), visible=st.booleans())
        def change_overlay(self, data, opacity, visible):
            name = data.draw(st.sampled_from([o.name for o in self.state.overlays]))
            self.overlays.set(name, opacity=opacity, visible=visible)

        @precondition(lambda self: self.state.overlays)
        @rule(data=st.data())
        def remove_overlay(self, data):
            self.overlays.remove(data.draw(st.sampled_from([o.name for o in self.state.overlays])))

        # -- the view ----------------------------------------------------------------------------------

        @rule(place=st.tuples(*(st.integers(-5, n + 5) for n in SHAPE)))
        def index(self, place):
            self.state.index = place

        @rule(place=places)
        def position(self, place):
            self.state.position = self.point(place)

        @rule(axis=st.integers(0, 2), by=st.integers(-3, 3), step=st.sampled_from([None, 0.5, 7.0, 1e9]))
        def step(self, axis, by, step):
            self.state.step_mm = step
            self.state.step(axis, by)

        @rule(frame=st.integers(-1, 3))
        def frame(self, frame):
            self.state.frame = (frame,)

        @rule(center=st.floats(-1e9, 1e9), width=st.floats(1e-3, 1e9))
        def window(self, center, width):
            self.state.window = (center, width)

        @rule(layout=st.sampled_from(LAYOUTS))
        def layout(self, layout):
            self.state.layout = layout

        @rule(zoom=st.floats(1e-3, 1e3), center=st.none() | st.tuples(*(st.floats(-50, 50) for _ in SHAPE)))
        def zoom(self, zoom, center):
            self.state.zoom, self.state.center = zoom, center

        @rule()
        def fit(self):
            self.state.fit()
            assert self.state.zoom == 1 and self.state.center is None and self.state.rotation == (0, 0, 0)

        @rule(plane=st.sampled_from(PLANES), quarters=st.integers(-4, 4), mirror=st.booleans())
        def turn(self, plane, quarters, mirror):
            self.state.turn(plane, quarters)
            if mirror:
                self.state.mirror(plane, upside_down=quarters > 0)

        @rule(slab=st.dictionaries(st.sampled_from(PLANES), st.floats(0, 30)))
        def slab(self, slab):
            self.state.slab = slab

        @rule(on=st.booleans())
        def patient_axes(self, on):
            before = np.array(self.state.position)
            self.state.patient_axes = on
            assert np.linalg.norm(self.state.position - before) < 20, "the place stays"

        @rule(plane=st.sampled_from(PLANES), degrees=st.floats(-200, 200))
        def rotate(self, plane, degrees):
            self.state.rotate(plane, degrees)

        @rule(vector=st.tuples(*(st.sampled_from([0, 1e-9, 17.0, 360.0]) for _ in range(3))))
        def rotation(self, vector):
            self.state.rotation = vector

        @rule(data=st.data())
        def pointer(self, data):
            shape = self.state.volume.geometry.shape
            self.state.pointer = data.draw(st.none() | st.tuples(*(st.integers(0, n - 1) for n in shape)))

        @rule(
            tool=st.sampled_from(TOOLS),
            mode=st.sampled_from(CINE_MODES),
            convention=st.sampled_from(["radiological", "neurological"]),
            is_on=st.booleans(),
        )
        def others(self, tool, mode, convention, is_on):
            state = self.state
            state.tool, state.cine_mode, state.convention = tool, mode, convention
            state.invert = state.mark_padding = state.brush_3d = is_on

        @rule()
        def tie(self):
            if self.link is None:
                self.link = link(self.state, self.other, window=True, zoom=True)
            else:
                self.link.unlink()
                self.link = None

        @rule(place=st.tuples(*(st.integers(0, n - 1) for n in SHAPE)))
        def move_the_other(self, place):
            self.other.index = place
            if self.link is not None and self.state.volume is self.volume:
                assert self.state.index == place

        @rule(wrong=st.sampled_from(WRONG))
        def refuse(self, wrong):
            name, value = wrong
            before, seen = self.state.trait_values(), []
            self.state.observe(seen.append)
            with pytest.raises(TraitError):
                setattr(self.state, name, value)
            self.state.unobserve(seen.append)
            assert self.state.trait_values() == before and not seen

        # -- what always holds -------------------------------------------------------------------------

        @invariant()
        def traits_fit(self):
            state = self.state
            shape = state.volume.geometry.shape
            assert all(0 <= i < n for i, n in zip(state.index, shape)) and len(state.index) == 3
            assert 0 <= state.frame[0] < 2
            place = state.volume.geometry.position(state.index)
            np.testing.assert_allclose(state.position, place, atol=1e-6)
            assert state.pointer is None or all(0 <= i < n for i, n in zip(state.pointer, shape))
            assert state.center is None or all(-0.5 <= c <= n - 0.5 for c, n in zip(state.center, shape))
            assert state.selected is None or 0 <= state.selected < len(state.measurements)
            assert (state.patient_axes, state.rotation) == state._axes
            assert (state.volume is state.acquired) == (state.rotation == (0, 0, 0) and not turned(state))
            names = [overlay.name for overlay in state.overlays]
            assert len(set(names)) == len(names)
            for name in state.trait_names():
                value = getattr(state, name)
                assert getattr(type(state), name)._validate(state, value) == value or name == "center"

        @invariant()
        def shows_the_voxels_of_the_array(self):
            state = self.state
            scene = resolve(state.volume, state)
            readout(state)
            if state.volume is not state.acquired:
                return
            array = self.volume.array[state.frame]
            for pane in scene.panes:
                if not pane.visible:
                    continue
                part = slice(*pane.slab) if pane.slab else slice(pane.index, pane.index + 1)
                assert pane.index == state.index[pane.view.axis]
                several = np.moveaxis(array, pane.view.axis, 0)[part]
                whole = {"max": several.max(0), "mean": several.mean(0), "min": several.min(0)}
                plane = whole[state.slab_mode]
                image = np.ma.getdata(pane_pixels(self.volume, pane))
                np.testing.assert_allclose(image, plane if pane.view.down < pane.view.right else plane.T)

    return Session


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_what_no_viewer_may_have_is_refused(viewer, name, value):
    state, scene = viewer.state, viewer._scene()
    before = state.trait_values()
    with pytest.raises(TraitError):
        setattr(state, name, value)
    assert state.trait_values() == before and viewer._scene() == scene


@pytest.fixture(scope="module")
def viewer():
    made = dv.SliceViewer(volume("oblique"))
    made._fit_width(240)
    yield made
    made.close()


def turned(state):
    """Return whether the axes of the patient are others than those of the acquisition."""
    return state.patient_axes and state.acquired.on_patient_axes(lazy=True) is not state.acquired


def same(a, b):
    """Return whether measurements and painted masks are the same, of masks that are in both."""
    numbers = a[1].keys() & b[1].keys()
    return a[0] == b[0] and all(np.array_equal(a[1][n], b[1][n]) for n in numbers)


@pytest.mark.parametrize(
    ("orientation", "steps", "examples"),
    [
        ("oblique", 80, 3),
        ("sagittal", 80, 2),
        pytest.param("oblique", 300, 10, marks=pytest.mark.long),
        pytest.param("tilted", 300, 5, marks=pytest.mark.long),
    ],
)
def test_a_random_session(orientation, steps, examples):
    run_state_machine_as_test(
        session(orientation),
        settings=settings(
            max_examples=examples,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
