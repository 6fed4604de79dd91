"""Slabs: the highest, mean or lowest value of neighbouring slices, by their place in mm."""

import numpy as np
import pytest
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import DicomviewError
from dicomview.geometry import PLANES, Geometry, plane_view
from dicomview.state import ViewState, changes, pane_pixels, readout, resolve
from dicomview.volume import Report
from dicomview.widgets.voxels import slice_of

REDUCE = {"max": np.max, "mean": np.mean, "min": np.min}


def shown(vol, state, plane):
    return pane_pixels(vol, resolve(vol, state).pane(plane))


@pytest.mark.parametrize("mode", REDUCE)
@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("orientation", ["axial", "sagittal", "coronal"])
def test_a_slab_is_the_projection_of_the_slices_within_it(voxels, affine, orientation, plane, mode):
    vol = dv.Volume.from_array(voxels((9, 10, 11)), affine=affine(orientation))
    state = ViewState(vol, slab={plane: 5.0}, slab_mode=mode)
    axis, middle = vol.plane_axes[plane], state.index[vol.plane_axes[plane]]
    half = int(2.5 / vol.sampling[axis] + 1e-6)
    slices = np.take(vol.array, range(middle - half, middle + half + 1), axis=axis)
    expected = REDUCE[mode](slices.astype(float), axis=axis)
    view = plane_view(vol.geometry, plane)
    np.testing.assert_allclose(
        shown(vol, state, plane), expected if view.down < view.right else expected.T, rtol=1e-6
    )
    other = next(p for p in PLANES if p != plane)
    np.testing.assert_array_equal(shown(vol, state, other), shown(vol, ViewState(vol), other))


def test_slices_belong_to_a_slab_by_their_place():
    uneven = np.zeros((5, 3))
    uneven[:, 2] = [0, 1, 2, 7, 8]
    affine = np.eye(4)[[2, 1, 0, 3]]
    affine[2, 0] = 2
    geometry = Geometry((5, 4, 4), affine=affine, slice_positions=uneven)
    from dicomview.state import slab_range

    assert slab_range(geometry, 0, 2, thickness=4) == (0, 3)
    assert slab_range(geometry, 0, 3, thickness=4) == (3, 5)
    assert slab_range(geometry, 1, 0, thickness=2) == (0, 2), "at the end there are fewer"
    assert slab_range(geometry, 1, 2, thickness=0.5) == (2, 3), "the middle one always"


@pytest.mark.parametrize(("mode", "expected"), [("max", 60), ("mean", 35), ("min", 10)])
def test_missing_slices_and_padding_are_not_counted(mode, expected):
    array = np.full((5, 4, 4), -2000, np.int16)
    array[:, 0, 0] = 10, 60, 3000, -2000, -2000
    vol = dv.Volume.from_array(array, affine=np.eye(4)[[2, 1, 0, 3]])
    vol.padding, vol.report = (-2000, -2000), Report(missing=(2,))
    state = ViewState(vol, slab={"axial": 100.0}, slab_mode=mode, index=(1, 0, 0))
    assert shown(vol, state, "axial")[0, 0] == expected
    assert shown(vol, state, "axial")[1, 1] == -2000
    assert readout(state, plane="axial")[-1].startswith(f"{expected} (")
    state.mark_padding = True
    image = shown(vol, state, "axial")
    assert image.mask[1, 1] and not image.mask[0, 0]
    vol.report = Report(missing=(0, 1, 2, 3, 4))
    assert shown(vol, state, "axial").mask.all()
    assert readout(state, plane="axial")[-1] == "missing slice"


def test_nan_is_not_counted_and_whole_numbers_stay_whole():
    array = np.ones((3, 4, 4), np.float32)
    array[0, 0, 0], array[:, 1, 1] = np.nan, np.nan
    vol = dv.Volume.from_array(array, sampling=(1, 1, 1))
    image = shown(vol, ViewState(vol, slab={"axial": 9.0}, slab_mode="mean"), "axial")
    assert image[0, 0] == 1 and np.isnan(image[1, 1])
    vol = dv.Volume.from_array(np.full((3, 4, 4), 300, np.int16), sampling=(1, 1, 1))
    for mode, kind in (("max", "int16"), ("mean", "float32")):
        header, _ = slice_of(vol, (), 0, 1, mark_padding=False, packed=False, slab=(0, 3), slab_mode=mode)
        assert header["type"] == kind and header["whole"] == (mode == "max")


def test_of_a_lazy_volume_only_the_slices_of_the_slab_are_read(write, decoded, voxels):
    pytest.importorskip("dask")
    write("series", voxels((12, 8, 10)))
    vol = dv.volread(write("series", voxels((12, 8, 10)))[0].parent, lazy=True)
    state = ViewState(vol, slab={"axial": 5.0}, index=(6, 4, 5), window=(0, 1))
    decoded.clear()
    image = shown(vol, state, "axial")
    assert len(decoded) == 3
    np.testing.assert_array_equal(image, np.asarray(vol[5:8]).max(axis=0))


def test_masks_colours_and_frames():
    mask = np.zeros((3, 4, 4), bool)
    mask[0, 1, 1] = True
    vol = dv.Volume.from_array(mask, sampling=(1, 1, 1))
    assert shown(vol, ViewState(vol, slab={"axial": 9.0}), "axial")[1, 1] == 1
    colors = np.zeros((3, 8, 8, 3), np.uint8)
    colors[0, ..., 0], colors[2, ..., 1] = 200, 100
    vol = dv.Volume.from_array(colors, sampling=(1, 1, 1))
    assert shown(vol, ViewState(vol, slab={"axial": 9.0}), "axial")[0, 0].tolist() == [200, 100, 0]
    assert shown(vol, ViewState(vol, slab={"coronal": 9.0}), "coronal").shape == (3, 8, 3)
    vol = dv.Volume.from_array(np.arange(2 * 27).reshape(2, 3, 3, 3), sampling=(1, 1, 1))
    assert shown(vol, ViewState(vol, slab={"axial": 9.0}, frame=(1,)), "axial")[0, 0] == 27 + 18


def test_the_text_and_what_changes(voxels):
    vol = dv.Volume.from_array(voxels((9, 10, 11)), sampling=(1, 1, 1))
    state = ViewState(vol)
    before = resolve(vol, state)
    state.slab = {"coronal": 10}
    after = resolve(vol, state)
    assert changes(before, after).pixels == changes(before, after).marks == {"coronal"}
    assert after.pane("coronal").corners[0] == "coronal\nMIP 10 mm"
    state.slab_mode = "min"
    assert resolve(vol, state).pane("coronal").corners[0] == "coronal\nMinIP 10 mm"
    state.slab = {"coronal": 0}
    assert state.slab == {} and resolve(vol, state).panes == before.panes


@pytest.mark.parametrize("slab", [5, {"top": 3}, {"axial": -1}, {"axial": float("inf")}, {"axial": "thick"}])
def test_impossible_slabs_are_refused(slab):
    state = ViewState(dv.Volume.from_array(np.zeros((3, 3, 3)), sampling=(1, 1, 1)))
    with pytest.raises(TraitError, match="thickness in mm"):
        state.slab = slab
    with pytest.raises(TraitError, match="distance between axial slices"):
        ViewState(dv.Volume.from_array(np.zeros((3, 3, 3))), slab={"axial": 3})
    assert issubclass(DicomviewError, Exception)


def test_the_picture_changed_is_the_picture_drawn_anew(voxels):
    vol = dv.Volume.from_array(voxels((20, 24, 28)), sampling=(1, 1, 1))
    viewer = dv.SliceViewer(vol, window=(500, 2000))
    viewer.state.slab = {"axial": 7.0, "sagittal": 4.0}
    viewer.state.index = (4, 5, 6)
    fresh = dv.SliceViewer(vol, window=(500, 2000), slab={"axial": 7.0, "sagittal": 4.0}, index=(4, 5, 6))
    assert viewer.figure().png() == fresh.figure().png()
    assert viewer.code().count("slab={'axial': 7.0, 'sagittal': 4.0}") == 1
    fresh.close()
    viewer.close()
