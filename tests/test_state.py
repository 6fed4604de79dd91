"""ViewState and resolve(): without any GUI."""

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from traitlets import TraitError, link

import dicomview as dv
from dicomview.state import ViewState, changes, pane_pixels, readout, resolve
from dicomview.volume import Report


@pytest.fixture
def vol():
    return dv.Volume.from_array(make_voxels(), affine=make_affine("oblique"))


@pytest.fixture
def state(vol):
    return ViewState(vol)


def test_index_and_position_follow_each_other(vol, state):
    seen = []
    state.observe(lambda change: seen.append((change["name"], change["new"])), ["index", "position"])
    state.index = (1, 2, 3)
    assert state.position == pytest.approx(vol.geometry.position((1, 2, 3)))
    assert [name for name, _ in seen] == ["index", "position"] or len(seen) == 2
    near = vol.geometry.position((4, 5, 6)) + 0.2
    state.position = tuple(near)
    assert state.index == (4, 5, 6) and state.position == pytest.approx(vol.geometry.position((4, 5, 6)))
    state.index = (99, -5, 3)
    assert state.index == (5, 0, 3)
    state.step(0, -2)
    assert state.index == (3, 0, 3)


def test_the_first_voxel_has_its_position_too(vol):
    assert ViewState(vol, index=(0, 0, 0)).position == pytest.approx(vol.geometry.position((0, 0, 0)))
    assert ViewState(dv.Volume.from_array(np.zeros((1, 1, 1)), affine=make_affine())).position is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": (1, 2)},
        {"index": "abc"},
        {"position": (1, 2)},
        {"position": None},
        {"window": (1, 0)},
        {"window": 5},
        {"layout": "mosaic"},
        {"colormap": "greyish"},
        {"invert": "yes"},
        {"frame": (1,)},
        {"zoom": np.nan},
        {"gap": np.inf},
        {"fps": np.nan},
        {"step_mm": np.nan},
    ],
)
def test_impossible_values_are_refused_and_change_nothing(vol, wrong):
    state = ViewState(vol, colormaps={"gray", "hot"})
    before = state.trait_values()
    ((name, value),) = wrong.items()
    with pytest.raises(TraitError):
        setattr(state, name, value)
    assert state.trait_values() == before
    with pytest.raises(TraitError):
        ViewState(vol, colormaps={"gray", "hot"}, **wrong)


def test_unknown_names_are_refused(vol):
    with pytest.raises(TypeError, match="no trait"):
        ViewState(vol, colourmap="gray")


def test_without_affine_there_is_no_position():
    state = ViewState(dv.Volume.from_array(np.zeros((3, 4, 5))))
    state.index = (0, 0, 0)
    assert state.position is None
    with pytest.raises(TraitError, match="needs an affine"):
        state.position = (0, 0, 0)


def test_states_can_be_linked(vol):
    one, other = ViewState(vol), ViewState(vol)
    link((one, "position"), (other, "position"))
    one.index = (0, 1, 2)
    assert other.index == (0, 1, 2)


def test_resolve_is_pure_and_comparable(vol, state):
    assert resolve(vol, state) == resolve(vol, state)
    assert hash(resolve(vol, state)) == hash(resolve(vol, state))
    assert not changes(resolve(vol, state), resolve(vol, state))
    assert changes(None, resolve(vol, state)).layout


@pytest.mark.parametrize(
    ("trait", "value", "expected"),
    [
        ("index", (3, 4, 4), {"pixels": {"coronal", "sagittal"}, "marks": {"axial", "coronal", "sagittal"}}),
        ("window", (5, 6), {"colors": True, "marks": {"axial"}}),
        ("zoom", 2, {"marks": {"axial", "coronal", "sagittal"}}),
        ("turns", {"axial": (1, False)}, {"layout": True, "marks": {"axial"}}),
        ("interpolation", "nearest", {"layout": True}),
        ("empty_color", "red", {"colors": True}),
        ("colormap", "hot", {"colors": True}),
        ("invert", True, {"colors": True}),
        ("crosshair", False, {"marks": {"axial", "coronal", "sagittal"}}),
        ("layout", "axial", {"layout": True}),
    ],
)
def test_only_what_changed_is_drawn(vol, state, trait, value, expected):
    state.index = (3, 3, 5)
    before = resolve(vol, state)
    setattr(state, trait, value)
    found = changes(before, resolve(vol, state))
    assert found.layout is expected.get("layout", False)
    assert found.colors is expected.get("colors", False)
    assert found.pixels == expected.get("pixels", set())
    assert found.marks == expected.get("marks", set())


@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal"])
def test_crosshair_marks_the_same_voxel_in_every_pane(orientation):
    vol = dv.Volume.from_array(make_voxels(), affine=make_affine(orientation))
    state = ViewState(vol, index=(2, 5, 7))
    for pane in resolve(vol, state).panes:
        x, y = pane.crosshair
        assert pane_pixels(vol, pane)[y, x] == vol[2, 5, 7]


@pytest.mark.parametrize("orientation", ["axial", "sagittal"])
def test_missing_slices_are_masked_in_every_pane(orientation):
    full = dv.Volume.from_array(make_voxels(), affine=make_affine(orientation))
    vol = dv.Volume(full.array, geometry=full.geometry, report=Report(missing=(2,)))
    where = np.zeros(vol.shape, bool)
    where[2] = True
    marked = dv.Volume.from_array(where, affine=make_affine(orientation))
    for k in (2, 3):
        state = ViewState(vol, index=(k, 5, 7))
        for pane in resolve(vol, state).panes:
            np.testing.assert_array_equal(
                np.ma.getmaskarray(pane_pixels(vol, pane)), pane_pixels(marked, pane) == 1
            )


@pytest.mark.parametrize("missing", [(), (2,)])
def test_on_patient_axes_what_was_not_acquired_is_masked(missing):
    full = dv.Volume.from_array(make_voxels(), affine=make_affine("oblique"))
    vol = dv.Volume(full.array, geometry=full.geometry, report=Report(missing=missing))
    state = ViewState(vol, patient_axes=True)
    straight = state.volume
    for pane in resolve(straight, state).panes:
        image = pane_pixels(straight, pane)
        places = np.moveaxis(np.indices(straight.geometry.shape), 0, -1)
        index = vol.geometry.index(straight.geometry.position(pane.view.take(places, pane.index)))
        absent = ((index < -0.5) | (index > np.array(vol.shape) - 0.5)).any(axis=-1)
        for k in missing:
            absent |= abs(index[..., 0] - k) < 1 - 1e-6
        assert absent.any() and not absent.all()
        np.testing.assert_array_equal(np.ma.getmaskarray(image), absent)
    state.index = (0, 0, 0)
    assert readout(state)[-1] == "no data"
    assert vol.on_patient_axes().without_data((0, 0, 0))


def test_inversion_and_monochrome1_cancel():
    vol = dv.Volume.from_array(make_voxels(), meta={"PhotometricInterpretation": "MONOCHROME1"})
    assert resolve(vol, ViewState(vol)).reverse is True
    assert resolve(vol, ViewState(vol, invert=True)).reverse is False
