"""A random walk over the view: what was changed step by step looks as if drawn afresh, pixel for pixel."""

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import dicomview as dv
from dicomview.geometry import PLANES
from dicomview.state.model import LAYOUTS


def walked(affine, shape, compared):
    """Return a state machine that walks over the view of a small volume, and notes what it compared."""

    class Walk(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            array = np.stack([make_voxels(shape), make_voxels(shape)[::-1]])
            meta = {"Modality": "MR"}
            vol = dv.Volume.from_array(
                array, affine=affine, dims=("time", "slice", "row", "column"), meta=meta
            )
            vol.padding = (0.0, 40.0)
            self.viewer = dv.SliceViewer(vol, window=(120, 240))
            self.viewer._fit_width(330)
            self.canvas = self.viewer._canvas.figure.canvas
            self.must_draw, self.seen = True, None
            self.canvas.draw_idle = self.note  # the page would ask for this draw

        def note(self):
            self.must_draw = True

        @property
        def state(self):
            return self.viewer.state

        @rule(data=st.data(), axis=st.integers(0, 2))
        def step(self, data, axis):
            count = self.state.volume.geometry.shape[axis]
            self.state.move(axis, data.draw(st.integers(0, count - 1)))

        @rule(frame=st.integers(0, 1))
        def change_frame(self, frame):
            self.state.frame = (frame,)

        @rule(center=st.integers(0, 300), width=st.integers(1, 300))
        def window(self, center, width):
            self.state.window = (center, width)

        @rule(function=st.sampled_from(["linear", "sigmoid", "linear_exact"]))
        def curve(self, function):
            self.state.window = dv.Window(100, 150, function)

        @rule(name=st.sampled_from(["gray", "hot", "bone", "viridis"]))
        def colormap(self, name):
            self.state.colormap = name

        @rule(layout=st.sampled_from(LAYOUTS))
        def layout(self, layout):
            self.state.layout = layout

        @rule(
            name=st.sampled_from(
                ["invert", "crosshair", "scale_bar", "letters", "texts", "colorbar", "mark_padding"]
            )
        )
        def toggle(self, name):
            self.state.set_trait(name, not getattr(self.state, name))

        @rule(on=st.booleans())
        def patient_axes(self, on):
            self.state.patient_axes = on

        @rule(zoom=st.floats(0.3, 8), x=st.floats(0, 9), y=st.floats(0, 9), z=st.floats(0, 4))
        def zoom_in(self, zoom, x, y, z):
            self.state.zoom, self.state.center = zoom, (z, y, x)

        @rule()
        def fit(self):
            self.state.fit()

        @rule(plane=st.sampled_from(PLANES), upside_down=st.booleans())
        def mirror(self, plane, upside_down):
            self.state.mirror(plane, upside_down=upside_down)

        @rule(plane=st.sampled_from(PLANES), quarters=st.integers(1, 3))
        def turn(self, plane, quarters):
            self.state.turn(plane, quarters)

        @rule(convention=st.sampled_from(["radiological", "neurological"]))
        def sides(self, convention):
            self.state.convention = convention

        @rule(kind=st.sampled_from(["nearest", "linear", "lanczos"]), gap=st.sampled_from([0.0, 10.0, 40.0]))
        def look(self, kind, gap):
            self.state.interpolation, self.state.gap = kind, gap

        @rule(theme=st.sampled_from(["dark", "light"]), color=st.sampled_from(["#4a2530", "#00ff00"]))
        def colors(self, theme, color):
            self.state.theme, self.state.empty_color = theme, color

        @rule(width=st.sampled_from([330, 400]))
        def resize(self, width):
            self.viewer._fit_width(width)

        @invariant()
        def looks_like_new(self):
            seen = self.viewer._scene(), self.viewer._size(), self.state.patient_axes
            if seen == self.seen:
                return
            self.seen = seen
            compared.append(seen)
            if self.must_draw:
                self.must_draw = False
                self.canvas.draw()
            fresh = self.viewer.figure()
            fresh.canvas.draw()
            np.testing.assert_array_equal(
                np.asarray(self.canvas.buffer_rgba()), np.asarray(fresh.canvas.buffer_rgba())
            )

        def teardown(self):
            self.viewer.close()

    return Walk


@pytest.mark.parametrize(
    ("orientation", "steps"),
    [("oblique", 120), ("sagittal", 40), pytest.param("oblique", 500, marks=pytest.mark.long)],
)
def test_changed_equals_fresh(orientation, steps):
    compared = []
    run_state_machine_as_test(
        walked(make_affine(orientation), (5, 10, 9), compared),
        settings=settings(
            max_examples=2,  # the first is the simplest: one step, again and again
            phases=[Phase.generate],
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert len(compared) > steps / 2, "most steps must change the picture"
