"""Links: viewers on different grids show the same place, and nobody is pushed about by rounding."""

import threading

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import DisplayError, GeometryError
from dicomview.state import ViewState

#: Millimetres: slices of 1 and 4, pixels of 0.5 and 2, one a sagittal acquisition.
FINE = np.array([[0, 0, 0.5, -10], [0, 0.5, 0, -20], [1.0, 0, 0, 5], [0, 0, 0, 1]])
ROUGH = np.array([[0, 0, 2.0, -10], [0, 2.0, 0, -20], [4.0, 0, 0, 5], [0, 0, 0, 1]])
SIDEWAYS = np.array([[3.0, 0, 0, -10], [0, 0, 1.0, -20], [0, -1.0, 0, 44], [0, 0, 0, 1]])


def state(affine=None, shape=(40, 40, 40), **traits):
    return ViewState(dv.Volume.from_array(np.zeros(shape), affine=affine), **traits)


@pytest.fixture
def fine():
    return state(FINE)


@pytest.fixture
def rough():
    return state(ROUGH, (10, 10, 10))


def test_the_others_take_over_and_follow_in_mm(fine, rough):
    fine.index = (13, 9, 30)
    dv.link(fine, rough)
    assert rough.index == (3, 2, 8), "round(13 / 4), round(9 / 4), round(30 / 4)"
    assert fine.index == (13, 9, 30)
    rough.index = (7, 5, 1)
    assert fine.index == (28, 20, 4)


def test_another_frame_of_reference_is_told(fine, rough):
    assert dv.link(fine, rough).warnings == ()
    fine.acquired.meta["FrameOfReferenceUID"], rough.acquired.meta["FrameOfReferenceUID"] = "1.2", "1.3"
    both = dv.link(fine, rough)
    (text,) = both.warnings
    assert "FrameOfReferenceUID (0020,0052) is not the same" in text and text in repr(both)
    assert dv.link(fine, rough, position=False, window=True).warnings == ()


def test_an_acquisition_of_another_plane(fine):
    sideways = state(SIDEWAYS, (7, 40, 20))
    dv.link(fine, sideways)
    fine.position = (-4, -13, 17)
    assert sideways.position == (-4, -13, 17) and sideways.index == (2, 27, 7)


def test_what_is_rounded_moves_nobody_else(fine, rough):
    dv.link(fine, rough)
    for k in range(40):
        fine.index = (k, 17, 22)
        assert fine.index == (k, 17, 22)
        assert rough.index[0] == min(round(k / 4), 9)


def test_steps_leave_the_other_axes_of_the_finer_one_alone(fine, rough):
    dv.link(fine, rough)
    fine.index = (13, 9, 30)
    for k in (4, 5, 9, 2):
        rough.step(0, k - rough.index[0])
        assert fine.index == (4 * k, 9, 30), "row 9 is between rows 2 and 3 of the other"


def test_beyond_the_end_of_one_the_other_goes_on(fine):
    short = state(FINE, (20, 40, 40))
    dv.link(fine, short)
    fine.index = (35, 3, 3)
    assert short.index == (19, 3, 3) and fine.index == (35, 3, 3)
    short.index = (19, 8, 3)
    assert fine.index == (35, 8, 3), "the row was changed, the slice was not"


def test_patient_axes_of_one_move_no_other():
    oblique = ViewState(dv.Volume.from_array(make_voxels((20, 30, 30)), affine=make_affine("oblique")))
    other = ViewState(dv.Volume.from_array(make_voxels((20, 30, 30)), affine=make_affine("oblique")))
    dv.link(oblique, other)
    before = other.index
    oblique.patient_axes = True
    assert other.index == before
    other.step(0, 2)
    assert oblique.position == pytest.approx(other.position, abs=2), "within a voxel"


def test_three_in_a_row_and_in_a_ring(fine, rough):
    third = state(SIDEWAYS, (7, 40, 20))
    dv.link(fine, rough), dv.link(rough, third)
    fine.index = (13, 9, 30)
    assert third.position == pytest.approx((rough.position), abs=1.5)
    dv.link(third, fine)
    fine.index = (22, 9, 30)
    assert fine.index == (22, 9, 30), "what comes round is no wish"


def test_several_at_once(fine, rough):
    third = state(FINE)
    dv.link(fine, rough, third)
    fine.index = (13, 9, 31)
    assert third.index == (13, 9, 31), "of the place itself, not of what the rough one made of it"


def test_unlink(fine, rough):
    both = dv.link(fine, rough)
    assert repr(both) == "Link of 2: place"
    both.unlink()
    fine.index = (39, 0, 0)
    assert rough.index != (9, 0, 0) and repr(both) == "Link of 2: undone"


def test_volumes_of_unknown_place():
    a, b = state(), state()
    dv.link(a, b)
    a.index = (3, 4, 5)
    assert b.index == (3, 4, 5)
    with pytest.raises(GeometryError, match=r"1 of 2 have none.*position=False"):
        dv.link(a, state(FINE))
    with pytest.raises(GeometryError, match="shapes"):
        dv.link(a, state(shape=(3, 4, 5)))
    dv.link(a, state(FINE), position=False, window=True)


def test_window_and_further_traits(fine, rough):
    fine.window = dv.Window(40, 80, "sigmoid")
    dv.link(fine, rough, position=False, window=True, traits=("colormap", "layout"))
    assert rough.window == dv.Window(40, 80, "sigmoid")
    rough.window, rough.colormap = (1, 2), "hot"
    fine.layout, fine.index = "axial", (0, 0, 0)
    assert fine.window == dv.Window(1, 2) and fine.colormap == "hot" and rough.layout == "axial"
    assert rough.index != (0, 0, 0)


def test_zoom_in_mm():
    small = state(FINE)  # 20 mm wide
    large = state(FINE, (40, 40, 80))
    dv.link(small, large, zoom=True)
    small.layout = large.layout = "axial"
    small.zoom, small.center = 2.0, (20, 10, 20)
    assert large.zoom == pytest.approx(4.0), "10 of 40 mm"
    assert large.center == pytest.approx((20, 10, 20)), "the grids begin at the same place"
    large.center = (20, 10, 60)
    assert small.center == pytest.approx((20, 10, 39.5)), "kept within the volume"
    twin = state(FINE, layout="axial")
    dv.link(small, twin, zoom=True, position=False)
    small.fit()
    assert (twin.zoom, twin.center) == (1.0, None)


def test_what_cannot_be_linked(fine, rough):
    with pytest.raises(DisplayError, match="two viewers"):
        dv.link(fine, fine)
    with pytest.raises(DisplayError, match="nothing is linked"):
        dv.link(fine, rough, position=False)
    for name in ("nonsense", "index"):
        with pytest.raises(DisplayError, match=name):
            dv.link(fine, rough, traits=[name])
    moving = ViewState(dv.Volume.from_array(np.zeros((2, 40, 40, 40)), affine=FINE))
    with pytest.raises(TraitError, match="frame"):
        dv.link(moving, fine, traits=["frame"])


def test_threads_that_hold_their_own_lock_do_not_block_each_other(fine, rough):
    dv.link(fine, rough)
    begin = threading.Barrier(2)

    def turn(one, count):
        begin.wait(10)
        for k in range(300):
            with one.lock:
                one.index = (k % count, 0, 0)

    threads = [threading.Thread(target=turn, args=pair, daemon=True) for pair in ((fine, 40), (rough, 10))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a deadlock"


def test_a_state_whose_lock_is_held_follows_with_the_newest(fine, rough):
    dv.link(fine, rough)
    held, go, seen = threading.Event(), threading.Event(), threading.Event()

    def hold():
        with rough.lock:
            held.set()
            go.wait(10)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert held.wait(10)
    before = rough.index
    heard = []
    rough.observe(lambda change: (heard.append(change["new"]), seen.set()), "index")
    for k in (0, 8, 39):
        fine.index = (k, 0, 0)  # returns although the lock is held
    assert rough.index == before
    go.set()
    assert seen.wait(10)
    thread.join(10)
    assert heard == [(9, 0, 0)]


def test_viewers_show_it():
    a = dv.SliceViewer(dv.Volume.from_array(make_voxels((20, 30, 40)), affine=FINE))
    b = dv.SliceViewer(dv.Volume.from_array(make_voxels((10, 20, 30)), affine=ROUGH))
    both = dv.link(a, b)
    a.sliders["axial"].value = 8
    assert b.sliders["axial"].value == 2
    np.testing.assert_array_equal(b.axes["axial"].images[0].get_array(), b.volume[2])
    both.unlink()
    a.close(), b.close()
