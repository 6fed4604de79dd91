"""Measurements in a view: drawn by fake events, shown on their slice, taken back."""

from itertools import combinations

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from matplotlib.backend_bases import MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from test_tools import Desk
from traitlets import TraitError

import dicomview as dv
from dicomview.geometry import PLANES, Geometry
from dicomview.measure import Angle, Distance, Ellipse, Point, Polygon, Rectangle, Region, index_of
from dicomview.render import LivePainter, PanesRenderer
from dicomview.render.label import Label
from dicomview.state import ViewState, resolve
from dicomview.tools import MeasuringTool

LEFT = MouseButton.LEFT
VIEWS = {
    "upright": {},
    "zoomed": {"zoom": 2.0, "center": (9.0, 14.0, 22.0)},
    "turned": {"turns": {"axial": (1, True), "coronal": (2, False), "sagittal": (3, True)}},
}


def volume(orientation="tilted"):
    array = make_voxels((20, 30, 40)).astype(np.int16) % 2000
    return dv.Volume.from_array(array, affine=make_affine(orientation), meta={"Modality": "CT"})


class Bench(Desk):
    """A desk with measuring tools."""

    def __init__(self, vol, **traits):
        super().__init__(vol, **traits)
        self.measuring = MeasuringTool(self.figure, lambda: self.panes, self.state)

    def draw(self, plane, *places):
        """Drag from the first place to the last, in data coordinates."""
        start, end = self.pixel(plane, *places[0]), self.pixel(plane, *places[-1])
        self.drag(start, end - start)

    def clicks(self, plane, *places, double=False):
        for place in places:
            self.click(self.pixel(plane, *place))
        if double:  # a hand is not quite still
            self.click(np.add(self.pixel(plane, *places[-1]), 1))
            self.send("button_press_event", self.pixel(plane, *places[-1]), LEFT, dblclick=True)

    def index(self, i=-1):
        """Return the corners of a measurement as voxel indices."""
        return index_of(self.state.volume.geometry, self.state.measurements[i].array)


@pytest.fixture
def bench():
    return Bench(volume(), window=(40, 400), index=(10, 15, 20))


@pytest.mark.parametrize("traits", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("plane", PLANES)
def test_a_drag_measures_from_press_to_release_in_any_pane(plane, traits):
    bench = Bench(volume("sagittal"), index=(10, 15, 20), tool="distance", **traits)
    pane = resolve(bench.state.volume, bench.state).pane(plane)
    view = pane.view
    start, end = ({0: 7.0, 1: 12.0, 2: 18.0}, {0: 12.0, 1: 17.0, 2: 25.0})
    bench.draw(plane, *((ends[view.right], ends[view.down]) for ends in (start, end)))
    (line,) = bench.state.measurements
    expected = np.empty((2, 3))
    expected[:, view.axis] = bench.state.index[view.axis]
    for axis in (view.right, view.down):
        expected[:, axis] = start[axis], end[axis]
    # Events come in whole pixels.
    assert np.allclose(bench.index(), expected, atol=0.3)
    assert type(line) is Distance and bench.state.index == (10, 15, 20) and bench.state.selected == 0


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_regions_are_dragged_from_corner_to_corner(bench, kind):
    bench.state.tool = kind
    bench.draw("coronal", (5, 4), (17, 12))
    low, high = bench.index().min(axis=0), bench.index().max(axis=0)
    assert np.allclose(low, (4, 15, 5), atol=0.3) and np.allclose(high, (12, 15, 17), atol=0.3)
    cell = np.linalg.norm(np.cross(*bench.state.volume.geometry.affine[:3, [0, 2]].T))
    part = {"rectangle": 1, "ellipse": np.pi / 4}[kind]
    area = bench.state.result(bench.state.measurements[0]).area
    assert area == pytest.approx(np.prod((high - low)[[0, 2]]) * part * cell)
    assert bench.state.window == dv.Window(40, 400)


def test_a_click_alone_draws_no_region_and_lets_go_of_the_selected_one(bench):
    bench.state.tool = "ellipse"
    bench.draw("axial", (5, 5), (15, 15))
    assert bench.state.selected == 0
    bench.clicks("axial", (30, 25))
    assert bench.state.selected is None and len(bench.state.measurements) == 1


def test_a_point_an_angle_and_a_polygon_are_clicked(bench):
    state = bench.state
    state.tool = "point"
    bench.clicks("axial", (7, 9))
    assert type(state.measurements[0]) is Point and np.allclose(bench.index(), (10, 9, 7), atol=0.3)
    state.tool = "angle"
    bench.clicks("axial", (25, 5), (12, 5))
    assert len(state.measurements) == 1, "two clicks are a leg"
    bench.send("motion_notify_event", bench.pixel("axial", 12, 20))
    assert type(state.draft) is Angle, "the second leg follows the pointer"
    bench.clicks("axial", (12, 25))
    assert state.result(state.measurements[1]).angle == pytest.approx(90, abs=2) and state.draft is None
    state.tool = "polygon"
    bench.clicks("axial", (20, 12), (35, 12), (35, 25), double=True)
    assert type(state.measurements[2]) is Polygon and len(state.measurements[2].points) == 3
    bench.clicks("axial", (5, 14), (9, 14), (9, 25), (5, 25), (5, 14))
    assert len(state.measurements[3].points) == 4, "a click on the first point closes it"
    bench.clicks("axial", (22, 1), (30, 1), (30, 3))
    bench.measuring.press("Enter")
    assert len(state.measurements) == 5 and state.draft is None


def test_escape_another_tool_and_another_slice_give_up_what_is_being_drawn(bench):
    state = bench.state
    state.tool = "polygon"
    bench.clicks("axial", (5, 5), (9, 5))
    assert state.draft is not None
    bench.measuring.press("Escape")
    assert state.draft is None and not state.measurements
    bench.clicks("axial", (5, 5), (9, 5), (9, 9))
    state.tool = "window"
    assert state.draft is None and not state.measurements
    state.tool = "polygon"
    bench.clicks("axial", (5, 5), (9, 5))
    state.index = (11, 15, 20)
    bench.clicks("axial", (20, 5), (30, 5), (30, 9), double=True)
    assert len(state.measurements[0].points) == 3 and np.allclose(bench.index()[:, 0], 11)


@pytest.mark.parametrize("is_on_a_line", [True, False])
def test_a_press_on_what_is_being_drawn_in_another_pane_begins_anew_there(bench, is_on_a_line):
    state = bench.state
    state.tool = "polygon"
    row = float(state.index[state.volume.plane_axes["coronal"]])
    bench.clicks("axial", (5, row))
    bench.send("motion_notify_event", bench.pixel("axial", 15, row))
    assert isinstance(state.draft, Distance)
    here = (10 if is_on_a_line else 5, float(state.index[0]))
    bench.clicks("coronal", here)
    assert state.selected is None and state.measurements == ()
    bench.clicks("coronal", (20, 2), (25, 10), double=True)
    (drawn,) = state.measurements
    assert np.allclose(bench.index()[:, state.volume.plane_axes["coronal"]], row) and len(drawn.points) == 3


def test_handles_move_points_and_lines_move_all(bench):
    state = bench.state
    state.tool = "rectangle"
    bench.draw("axial", (5, 5), (15, 15))
    corner, size = bench.pixel("axial", 15, 15), np.ptp(bench.index(), axis=0)
    bench.drag(corner, bench.pixel("axial", 20, 18) - corner)
    assert len(state.measurements) == 1 and state.draft is None
    assert np.allclose(bench.index().max(axis=0), (10, 18, 20), atol=0.6), "the corner follows"
    assert np.allclose(bench.index().min(axis=0), (10, 5, 5), atol=0.4), "the opposite one stays"
    size = np.ptp(bench.index(), axis=0)
    side = bench.pixel("axial", 12, bench.index()[:, 1].min())
    bench.drag(side, bench.pixel("axial", 16, 8) - bench.pixel("axial", 12, 5))
    assert np.allclose(np.ptp(bench.index(), axis=0), size) and bench.index()[:, 2].min() == pytest.approx(
        9, abs=0.5
    )
    state.undo()
    state.undo()
    assert np.allclose(bench.index().max(axis=0), (10, 15, 15), atol=0.4)
    state.tool = "distance"
    bench.clicks("axial", (10, bench.index()[:, 1].min()))
    assert state.selected == 0 and len(state.measurements) == 1, "a press on a line selects"
    bench.measuring.press("Delete")
    assert not state.measurements and state.selected is None


@pytest.mark.parametrize("number", range(6))
def test_every_handle_of_every_kind_can_be_moved(number):
    vol = volume()
    shape = shapes(vol.geometry)[number]
    bench = Bench(vol, index=(10, 15, 20), measurements=[shape], tool="point")
    pane = next(p for p in resolve(vol, bench.state).panes if p.outlines)
    for i in range(len(shape.points)):
        was = bench.index(0)
        view = pane.view
        here = bench.pixel(pane.plane, was[i, view.right], was[i, view.down])
        bench.drag(here, (9, -7))
        (moved,) = bench.state.measurements
        assert type(moved) is type(shape) and moved.name == shape.name
        now = bench.index(0)
        assert not np.allclose(now[i], was[i], atol=0.1), "the handle follows"
        assert np.allclose(now[:, view.axis], was[:, view.axis])
        if shape.kind != "ellipse":  # whose ends only move out and in
            x, y = bench.pixel(pane.plane, now[i, view.right], now[i, view.down]) - here
            assert (x, y) == pytest.approx((9, -7), abs=0.01)
        others = {"rectangle": [(i + 2) % 4], "ellipse": [(i + 2) % 4]}.get(
            shape.kind, [j for j in range(len(now)) if j != i]
        )
        assert np.allclose(now[others], was[others], atol=1e-4), "what is not moved stays"


def test_changes_are_taken_back_and_made_again(bench):
    state = bench.state
    state.tool = "distance"
    bench.draw("axial", (5, 5), (15, 15))
    bench.draw("axial", (5, 20), (30, 25))
    first, second = state.measurements
    assert state.can_undo and not state.can_redo
    bench.measuring.press("ctrl+z")
    assert state.measurements == (first,)
    bench.measuring.press("ctrl+z")
    bench.measuring.press("ctrl+z")
    assert state.measurements == () and not state.can_undo
    bench.measuring.press("ctrl+shift+z")
    bench.measuring.press("ctrl+y")
    assert state.measurements == (first, second)
    bench.measuring.press("ctrl+z")
    state.measurements = [*state.measurements, Point([(0, 0, 0)])]
    assert not state.can_redo and len(state.measurements) == 2, "a new change has no other future"


def test_where_the_pointer_was_before_a_press_may_be_told_late(bench):
    bench.state.tool = "distance"
    start, end = bench.pixel("axial", 5, 5), bench.pixel("axial", 15, 15)
    bench.send("button_press_event", start, LEFT)
    for place, held in (((0, 0), []), (start, []), (end, [LEFT]), (end, [LEFT])):
        event = MouseEvent("motion_notify_event", bench.figure.canvas, *place)
        event.buttons = frozenset(held)
        event._process()
    event = MouseEvent("motion_notify_event", bench.figure.canvas, *start)
    event.buttons = frozenset()
    event._process()  # released outside of the canvas
    assert len(bench.state.measurements) == 1
    assert np.allclose(bench.index()[1], (10, 15, 15), atol=0.3)


def test_the_end_of_a_drag_may_be_told_after_another_tool_was_chosen(bench):
    bench.state.tool = "rectangle"
    bench.send("button_press_event", bench.pixel("axial", 5, 5), LEFT)
    bench.state.tool = "window"
    bench.send("button_release_event", bench.pixel("axial", 15, 12), LEFT)
    (drawn,) = bench.state.measurements
    assert type(drawn) is Rectangle and bench.state.window == dv.Window(40, 400)


def test_moves_of_a_drag_are_one_step(bench):
    bench.state.tool = "distance"
    bench.draw("axial", (5, 5), (15, 15))
    end = bench.pixel("axial", 15, 15)
    bench.drag(end, (30, 0), steps=12)
    bench.state.undo()
    assert np.allclose(bench.index()[1], (10, 15, 15), atol=0.3)


def test_measurements_are_seen_only_on_their_slice(bench):
    state = bench.state
    state.measurements = [Distance(state.volume.geometry.position(np.array([(10.0, 3, 4), (10.0, 15, 4)])))]

    def seen():
        return {p.plane for p in resolve(state.volume, state).panes if p.outlines}

    assert seen() == {"axial"}
    state.index = (10, 15, 4)
    assert seen() == {"axial", "sagittal"}, "it lies in the sagittal slice too"
    state.index = (11, 15, 20)
    assert seen() == set()
    state.layout = "montage"
    assert [tile.index for tile in resolve(state.volume, state).tiles if tile.outlines] == [10]
    state.layout = "coronal"
    assert seen() == set()


def test_half_a_slice_decides_and_no_two_slices_show_one(bench):
    state, geometry = bench.state, bench.state.volume.geometry
    for place, slices in ((9.6, [10]), (10.4, [10]), (10.5, [11])):
        state.measurements = [Distance(geometry.position(np.array([(place, 3, 4), (place, 9, 4)])))]
        shown = []
        for k in (9, 10, 11, 12):
            state.index = (k, 15, 20)
            shown += [k] * bool(resolve(state.volume, state).pane("axial").outlines)
        assert shown == slices, place


def shapes(geometry):
    def at(*places):
        return geometry.position(np.array(places, float))

    square = at((10, 5, 5), (10, 5, 15), (10, 12, 15), (10, 12, 5))
    return [
        Rectangle(square, "a name"),
        Ellipse.in_corners(at((4, 15, 5), (4, 15, 15), (14, 15, 15), (14, 15, 5))),
        Distance(at((10, 20, 3), (10, 25, 38))),
        Angle(at((3, 5, 20), (12, 15, 20), (17, 5, 20))),
        Polygon(at((10, 18, 18), (10, 20, 30), (10, 14, 28))),
        Point(at((10, 15, 20))),
    ]


def pixels(figure):
    figure.canvas.draw()
    return np.array(figure.canvas.buffer_rgba())


@pytest.mark.parametrize("change", [
    {"index": (10, 12, 20)},
    {"zoom": 2.5},
    {"selected": 2},
    {"turns": {"axial": (1, False), "sagittal": (2, True)}},
    {"measurements": ()},
    {"layout": "axial"},
    {"layout": "montage"},
    {"frame": (1,)},
])  # fmt: skip
def test_a_changed_view_equals_one_drawn_anew(change):
    array = np.stack([make_voxels((20, 30, 40)), make_voxels((20, 30, 40), seed=2)]).astype(np.int16)
    vol = dv.Volume.from_array(array, affine=make_affine("oblique"), meta={"Modality": "CT"})
    start = {"index": (10, 15, 20), "frame": (0,), "measurements": shapes(vol.geometry)}

    def painter(state):
        figure = Figure(figsize=(9, 4), dpi=100)
        FigureCanvasAgg(figure).blit = lambda bbox=None: None
        figure.canvas.draw_idle = figure.canvas.draw
        made = LivePainter(figure, vol)
        made.paint(resolve(vol, state), vol)
        figure.canvas.draw()
        return made

    state = ViewState(vol, **start)
    live = painter(state)
    for name, value in change.items():
        setattr(state, name, value)
    live.paint(resolve(vol, state), vol)
    changed = np.array(live.figure.canvas.buffer_rgba())
    fresh = np.array(painter(ViewState(vol, **{**start, **change})).figure.canvas.buffer_rgba())
    assert np.array_equal(changed, fresh), f"{(changed != fresh).any(axis=2).sum()} pixels differ"
    bare = np.array(
        painter(
            ViewState(vol, **{**start, **change, "measurements": (), "selected": None})
        ).figure.canvas.buffer_rgba()
    )
    assert (change.get("measurements") == ()) == np.array_equal(fresh, bare), "measurements are seen"


def test_nothing_is_drawn_over_the_edge_of_a_pane():
    vol = volume()
    state = ViewState(vol, measurements=shapes(vol.geometry), index=(10, 15, 20), zoom=3)
    figure = Figure(figsize=(9, 4), dpi=100)
    FigureCanvasAgg(figure)
    panes = PanesRenderer(figure, vol)
    panes.update(resolve(vol, state))
    seen = pixels(figure)
    state.measurements = ()
    panes.update(resolve(vol, state))
    rows, columns = np.nonzero((seen != pixels(figure)).any(axis=2))
    assert len(rows)
    heights = figure.bbox.height - rows
    for x, y in zip(columns, heights):
        assert any(
            ax.bbox.x0 - 1 <= x <= ax.bbox.x1 + 1 and ax.bbox.y0 - 1 <= y <= ax.bbox.y1 + 1
            for ax in panes.axes.values()
        )


def test_a_shape_on_the_axes_of_the_patient_is_measured_there():
    vol = volume("oblique")
    state = ViewState(vol, patient_axes=True)
    grid = state.volume.geometry
    k, r, c = (n // 2 for n in grid.shape)
    square = Rectangle(
        grid.position(np.array([(k, r - 3, c - 3), (k, r - 3, c + 3), (k, r + 3, c + 3), (k, r + 3, c - 3)]))
    )
    result = state.result(square)
    values = np.asarray(state.volume.frame(()))[k, r - 3 : r + 3, c - 3 : c + 3]
    assert result.count == 36 and result.mean == pytest.approx(values.mean())
    acquired = Rectangle(vol.geometry.position(np.array([(9.0, 5, 5), (9, 5, 9), (9, 9, 9), (9, 9, 5)])))
    assert state.result(acquired).mean == vol.array[9, 5:9, 5:9].mean(), "as it was acquired where it can be"


def test_only_measurements_are_accepted(bench):
    with pytest.raises(TraitError, match="measurements are of"):
        bench.state.measurements = [1]
    with pytest.raises(TraitError, match="selected is one of 0"):
        bench.state.selected = 0
    with pytest.raises(TraitError, match="draft"):
        bench.state.draft = 3


def test_the_code_of_a_view_gives_its_measurements():
    vol = volume()
    viewer = dv.SliceViewer(vol, measurements=shapes(vol.geometry), index=(10, 15, 20))
    again = eval(viewer.code(), {"dv": dv, "vol": vol})
    assert again.state.measurements == viewer.state.measurements and not again.state.can_undo
    viewer.state.measurements = [Region(dv.Volume.from_array(vol.array > 0, affine=vol.geometry.affine))]
    assert viewer.code().endswith("# and 1 region of voxels")
    for one in (viewer, again):
        one.close()


def test_of_a_lazy_volume_only_the_slices_of_a_shape_are_decoded(write, decoded, tmp_path):
    pytest.importorskip("dask")
    write("ct", make_voxels((9, 12, 14)), make_affine())
    vol = dv.volread(tmp_path / "ct", lazy=True)
    corners = np.array([(2.6, 5, 2), (2.6, 5, 9), (4.4, 5, 9), (4.4, 5, 2)])
    decoded.clear()
    result = dv.measure.evaluate(vol, Rectangle(vol.geometry.position(corners)))
    assert result.count == 2 * 7 and len(set(decoded)) == 2


@pytest.mark.parametrize("kind", ["rectangle", "ellipse"])
def test_shapes_keep_their_size_where_slices_are_unevenly_spaced(kind):
    heights = np.cumsum([0.0, *[1, 3] * 9, 1])
    geometry = Geometry(
        (20, 30, 40), affine=make_affine("axial"), slice_positions=[(-20.5, -31.25, z) for z in heights]
    )
    vol = dv.Volume(volume().array, geometry=geometry)
    bench = Bench(vol, index=(10, 15, 20), tool=kind)
    bench.draw("coronal", (5, 4), (17, 9))
    (drawn,) = bench.state.measurements
    # A place of its line between two handles.
    line = drawn.array[:2].mean(axis=0) if kind == "rectangle" else drawn.outline()[12]
    place = index_of(geometry, line)
    bench.drag(bench.pixel("coronal", place[2], place[0]), (30, 22))
    (moved,) = bench.state.measurements
    by = moved.array - drawn.array
    assert np.linalg.norm(by[0]) > 1 and np.allclose(by, by[0], atol=1e-6), "all points go the same way in mm"


def test_each_rotation_is_evaluated_for_itself(bench):
    state = bench.state
    state.rotation = (0.0, 0.0, 10.0)
    grid = state.volume.geometry
    k, r, c = (n // 2 for n in grid.shape)
    corners = np.array([(k, r - 4.0, c - 4), (k, r - 4, c + 4), (k, r + 4, c + 4), (k, r + 4, c - 4)])
    state.rotation = (20.0, 0.0, 10.0)
    square = Rectangle(state.volume.geometry.position(corners))
    for angle in (20.0, 25.0, 20.0, 30.0, 20.0):
        state.rotation = (angle, 0.0, 10.0)
        expected = dv.measure.evaluate(state.volume, square)
        assert state.result(square) == expected, "an earlier volume is another one"
    state.rotation = (0.0, 0.0, 0.0)
    state.tool = "polygon"
    bench.clicks("axial", (5, 5), (9, 5))
    state.rotation = (0.0, 0.0, 5.0)
    assert state.draft is None, "what was clicked means something else now"


def test_a_distance_on_rotated_planes_is_that_of_the_patient(bench):
    state = bench.state
    state.rotation, state.tool = (15.0, 10.0, 5.0), "distance"
    bench.draw("sagittal", (55, 60), (70, 75))
    (line,) = state.measurements
    here = state.volume.geometry.index(line.array)
    assert np.allclose(here[:, 2], state.index[2]), "it lies in the plane that was seen"
    length = state.result(line).length
    state.rotation = (0.0, 0.0, 0.0)
    assert state.result(line).length == length == pytest.approx(np.linalg.norm(line.array[1] - line.array[0]))


def test_numbers_in_a_narrow_pane_stand_clear_of_each_other():
    vol = dv.Volume.from_array(np.zeros((3, 100, 100), np.int16), affine=np.eye(4)[[2, 1, 0, 3]])
    corners = [
        np.array([(1, a, a), (1, a, 100 - a), (1, 100 - a, 100 - a), (1, 100 - a, a)]) for a in (5, 15, 25)
    ]
    places = [(c @ vol.geometry.affine[:3, :3].T + vol.geometry.affine[:3, 3]).tolist() for c in corners]
    state = ViewState(vol, measurements=[Rectangle(p) for p in places])
    state.index = (1, 50, 50)
    figure = Figure(figsize=(6, 2), dpi=100)
    PanesRenderer(figure, vol).update(resolve(vol, state))
    FigureCanvasAgg(figure).draw()
    labels = [a for ax in figure.axes for a in ax.findobj(Label) if "mm²" in a.get_text()]
    places = [label.axes.transAxes.transform(label.xy) for label in labels]
    boxes = [Bbox.from_bounds(*at, *label.size(figure.dpi)) for at, label in zip(places, labels)]
    assert len(boxes) == 3
    for one, other in combinations(boxes, 2):
        common = Bbox.intersection(one, other)
        assert common is None or min(common.width, common.height) < 1e-6, (one, other)
