"""Everything that works on a volume works on a lazy one, and decodes no more slices than it shows."""

from functools import partial

import numpy as np
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.display import Window
from dicomview.geometry import PLANES
from dicomview.io.kept import KEPT
from dicomview.state import ViewState, curve, pane_pixels, readout, resolve
from dicomview.tools import PointerTool
from dicomview.volume import Volume

da = pytest.importorskip("dask.array")
DEEP = (40, 8, 10)


@pytest.fixture
def pair(write, decoded):
    """Return a series read plainly and lazily, by dask or plane by plane; nothing is decoded yet."""

    def pair(*args, by_dask, **options):
        files = write(*args, **options)
        (series,) = dv.find_series(files)
        plain, lazy = dv.volread(files), series.read(lazy=True) if by_dask else series.read_planewise()
        decoded.clear()
        return plain, lazy

    return pair


@pytest.fixture(params=["by dask", "planewise"])
def both(request, pair):
    return partial(pair, by_dask=request.param == "by dask")


@pytest.fixture
def by_dask(pair):
    return partial(pair, by_dask=True)


def test_the_middle_slice_and_the_picture_in_the_notebook(both, decoded):
    plain, lazy = both()
    np.testing.assert_array_equal(np.asarray(lazy.middle_slice()[0]), plain.middle_slice()[0])
    assert decoded == [3]
    lazy._repr_html_()
    # A CT sample has windows of its own: the picture needs no other slice.
    assert set(decoded) == {3}
    assert repr(lazy) == repr(plain) and lazy.unit == plain.unit and lazy.windows == plain.windows


def test_a_sample_is_of_few_slices(both, decoded):
    _, lazy = both(array=make_voxels(DEEP))
    sample = lazy.sample()
    assert len(sample) == 16 * 80 and len(decoded) == len(set(decoded)) == 16
    assert min(decoded) < 3 and max(decoded) > 36
    np.testing.assert_array_equal(np.unique(sample), np.unique(make_voxels(DEEP)[sorted(decoded)]))
    assert isinstance(lazy.auto_window(), Window)


def test_a_sample_reads_no_more_than_its_bytes():
    deep = Volume.from_array(da.zeros((512, 512, 512), chunks=(512, 512, 512), dtype=np.float32))
    assert len(deep.sample()) == 512 * 512
    flat = Volume.from_array(da.zeros((512, 512, 512), chunks=(1, 512, 512), dtype=np.uint8))
    assert len(flat.sample()) > 1.2 * 512 * 512


def test_a_slice_that_cannot_be_decoded_is_left_out_of_the_sample(write):
    files = write()
    with files[2].open("r+b") as file:
        file.truncate(files[2].stat().st_size - 20)
    sample = dv.volread(files, lazy=True).sample()
    right = np.delete(make_voxels(), 2, axis=0)
    np.testing.assert_array_equal(np.sort(sample), np.sort(right, axis=None))


def test_the_sample_of_few_slices_is_that_of_the_plain_volume(both):
    plain, lazy = both()
    np.testing.assert_array_equal(np.sort(lazy.sample()), np.sort(plain.sample()))
    assert lazy.auto_window() == plain.auto_window() and lazy.default_window == plain.default_window


def test_missing_slices_are_neither_sampled_nor_looked_for(write, decoded):
    files = write(array=make_voxels((9, 8, 10)))
    files[4].unlink()
    plain = dv.volread(files[0].parent)
    lazy = dv.volread(files[0].parent, lazy=True)
    decoded.clear()
    state = ViewState(lazy, index=(4, 4, 5), window=(0, 10))
    pane = resolve(lazy, state).pane("axial")
    assert pane_pixels(lazy, pane).mask.all() and decoded == []
    assert "missing slice" in readout(state)
    np.testing.assert_array_equal(np.sort(lazy.sample()), np.sort(plain.sample()))
    for plane in PLANES:
        pane = resolve(lazy, state).pane(plane)
        drawn, right = pane_pixels(lazy, pane), pane_pixels(plain, pane)
        np.testing.assert_array_equal(drawn.mask, right.mask)
        np.testing.assert_array_equal(drawn.compressed(), right.compressed())


@pytest.mark.parametrize("padding", [None, (-50, -50)])
def test_a_slice_beside_a_missing_one_is_masked_as_before(padding):
    vol = Volume.from_array(make_voxels())
    vol.padding = padding
    vol.report = dv.volume.Report(missing=(2,))
    scene = resolve(vol, ViewState(vol, index=(3, 4, 5), mark_padding=True, window=(0, 10)))
    image = pane_pixels(vol, scene.pane("axial"))
    np.testing.assert_array_equal(np.ma.getmaskarray(image), vol[3] == -50 if padding else False)


def test_each_pane_is_that_of_the_plain_volume(both, decoded):
    plain, lazy = both(matrix=make_affine("sagittal"))
    state = ViewState(plain, index=(2, 3, 4))
    for plane in PLANES:
        pane = resolve(plain, state).pane(plane)
        np.testing.assert_array_equal(pane_pixels(lazy, pane), pane_pixels(plain, pane))
        if pane.view.axis == 0:
            assert decoded == [2] or len(set(decoded)) == 6
    assert sorted(decoded) == list(range(6))  # each once: what was decoded is kept


def test_a_step_of_the_viewer_decodes_one_slice(both, decoded):
    _, lazy = both(array=make_voxels(DEEP))
    viewer = dv.SliceViewer(lazy)
    KEPT.clear()  # as of a volume that does not fit
    decoded.clear()
    viewer.state.index = (5, 4, 5)
    assert decoded == [5]
    viewer.state.window = (40, 80)
    viewer.state.pointer = (5, 1, 1)
    assert decoded == [5]  # the readout takes the slice that is kept
    viewer.close()


def test_the_viewer_of_a_deep_volume_opens_with_its_planes_and_a_sample(both, decoded):
    _, lazy = both(array=make_voxels(DEEP))
    viewer = dv.SliceViewer(lazy, layout="axial")
    assert len(decoded) == len(set(decoded)) <= 17
    assert viewer.panel is not None
    viewer.close()


def test_a_drag_of_the_window_needs_a_sample_only(both, decoded):
    from matplotlib.figure import Figure

    _, lazy = both(array=make_voxels(DEEP))
    state = ViewState(lazy, window=(0, 100))
    tool = PointerTool(Figure(), None, state)
    drag = type("Drag", (), {"window": state.window})()
    tool._window(drag, 10, 0)
    assert state.window.width > 100 and len(decoded) == 16


@pytest.mark.parametrize(
    ("draw", "slices"),
    [
        (lambda vol: dv.montage(vol, [3, 7], window=(0, 100)), {3, 7}),
        (lambda vol: dv.looks(vol, window=(0, 100)), {20}),
        (lambda vol: dv.compare_aspect(vol, "axial", window=(0, 100)), {20}),
        (lambda vol: dv.planes(vol, window=(0, 100)), set(range(40))),
    ],
    ids=["montage", "looks", "compare_aspect", "planes"],
)
def test_pictures_are_the_same(both, decoded, draw, slices):
    plain, lazy = both(array=make_voxels(DEEP))
    picture = draw(lazy)
    assert set(decoded) == slices and len(decoded) == len(slices)
    assert picture.png() == draw(plain).png()


def test_values_along_time(write, decoded):
    array = da.from_array(make_voxels((3, 4, 5, 6)), chunks=(1, 1, 5, 6))
    vol = Volume.from_array(array, dims=("time", "slice", "row", "column"))
    assert curve(ViewState(vol), "time")[1].tolist() == make_voxels((3, 4, 5, 6))[:, 2, 2, 3].tolist()


def test_suv_stays_lazy(by_dask, decoded):
    plain, lazy = by_dask()
    meta = {"Modality": "PT", "Units": "GML", "CorrectedImage": ["ATTN", "DECY"]}
    for vol in (plain, lazy):
        vol.meta.update(meta)
    suv = lazy.suv()
    assert isinstance(suv.array, da.Array) and suv.dtype == np.float32 and decoded == []
    np.testing.assert_array_equal(np.asarray(suv), plain.suv().array)


def test_desheared_stays_lazy(by_dask, decoded):
    plain, lazy = by_dask(matrix=make_affine("tilted"))
    straight, right = lazy.desheared(), plain.desheared()
    assert isinstance(straight.array, da.Array) and straight.geometry == right.geometry
    decoded.clear()  # the lowest value came from a sample
    KEPT.clear()
    np.testing.assert_array_equal(np.asarray(straight[2]), right[2])
    assert decoded == [2]
    np.testing.assert_array_equal(np.asarray(straight), right.array)
    assert dict(straight.meta) == dict(right.meta) and straight.report == right.report


def test_desheared_frames_and_colours_stay_lazy():
    frames = make_voxels((2, 6, 8, 10, 3))
    dims = ("time", "slice", "row", "column", "rgb")
    plain = Volume.from_array(frames, affine=make_affine("tilted"), dims=dims)
    lazy = Volume.from_array(
        da.from_array(frames, chunks=(2, 3, 4, 5, 1)), affine=make_affine("tilted"), dims=dims
    )
    np.testing.assert_array_equal(np.asarray(lazy.desheared()), plain.desheared().array)


@pytest.mark.parametrize("orientation", ["oblique", "sagittal", "tilted"])
def test_patient_axes_of_a_lazy_volume(both, orientation):
    plain, lazy = both(array=make_voxels((12, 8, 10)), matrix=make_affine(orientation))
    right = plain.on_patient_axes()
    straight = lazy.on_patient_axes(lazy=True)
    assert straight.geometry == right.geometry
    np.testing.assert_array_equal(np.asarray(straight), right.array)
    for k in range(0, right.shape[0], 3):
        np.testing.assert_array_equal(straight[k], right[k])
    np.testing.assert_array_equal(straight[:, :, 4], right[:, :, 4])
    np.testing.assert_array_equal(straight[2:5, 1:3], right[2:5, 1:3])


def test_patient_axes_decode_the_slices_that_a_plane_crosses(both, decoded):
    angle = np.radians(5)
    turned = make_affine()
    turned[:3, :3] = (
        np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
        @ turned[:3, :3]
    )
    _, lazy = both(array=make_voxels(DEEP), matrix=turned)
    straight = lazy.on_patient_axes(lazy=True)
    decoded.clear()
    KEPT.clear()
    assert straight[20].shape == straight.shape[1:]
    assert 1 <= len(set(decoded)) <= 6 and len(decoded) == len(set(decoded))


def test_the_viewer_turns_a_lazy_volume_onto_patient_axes(both):
    _, lazy = both(matrix=make_affine("oblique"))
    viewer = dv.SliceViewer(lazy)
    viewer.state.patient_axes = True
    viewer.state.index = (1, 2, 3)
    viewer.close()


def test_conversions(by_dask, tmp_path):
    plain, lazy = by_dask(array=make_voxels((7, 8, 10)))
    for package, convert in (("SimpleITK", Volume.to_sitk), ("nibabel", Volume.to_nibabel)):
        pytest.importorskip(package)
        back = {"SimpleITK": Volume.from_sitk, "nibabel": Volume.from_nibabel}[package](convert(lazy))
        np.testing.assert_array_equal(back.array, plain.array)
    pytest.importorskip("xarray")
    assert isinstance(lazy.to_xarray().data, da.Array)


def test_arithmetic_and_reductions_wait_to_be_computed(by_dask, decoded):
    plain, lazy = by_dask()
    total = (lazy + 1).sum()
    assert decoded == [] and int(total) == int((plain + 1).sum())
    assert float(lazy.mean().compute()) == pytest.approx(float(plain.mean()))
    assert [int(np.asarray(image)[0, 0]) for image in lazy] == plain[:, 0, 0].tolist()


@pytest.mark.parametrize("layout", ["axial", "montage"])
def test_a_hidden_pane_is_blank_until_it_is_shown(both, decoded, layout):
    plain, lazy = both(array=make_voxels(DEEP), matrix=make_affine("sagittal"))
    viewer = dv.SliceViewer(lazy, layout=layout)
    other = dv.SliceViewer(plain, layout=layout)
    for viewed in (viewer, other):
        viewed.state.index = (7, 3, 3)
        viewed.state.layout = "ortho"
    assert viewer.figure().png() == other.figure().png()
    for plane in PLANES:
        image = viewer.axes[plane].images[0].get_array()
        np.testing.assert_array_equal(image, other.axes[plane].images[0].get_array())
        assert np.ptp(image) > 0
    viewer.close(), other.close()


def test_no_coarse_copy_is_made_for_the_page(both, decoded):
    from dicomview.widgets.page import PageLink
    from dicomview.widgets.stage import Stage

    plain, lazy = both(matrix=make_affine("oblique"))
    for vol, count in ((lazy, 0), (lazy.on_patient_axes(lazy=True), 0), (plain, 1)):
        assert vol.is_lazy == (count == 0)
        state = ViewState(vol, window=(0, 100))
        decoded.clear()
        page, sent = PageLink([]), []
        page.send = lambda content, buffers=None, sent=sent: sent.append(content)
        Stage(state, page).send_coarse(())
        assert len(sent) == count and decoded == []
        page.close()
    assert not plain.on_patient_axes(lazy=True).is_lazy


CHUNKED = (40, 48, 56)
CHUNK = (8, 12, 14)


def counted(array, chunks):
    """Return a dask array, and a set that gets the number of every chunk that is computed."""
    seen = set()

    def noted(block, block_info=None):
        seen.add(tuple(block_info[0]["chunk-location"]))
        return block

    lazy = da.from_array(array, chunks=chunks).map_blocks(noted, dtype=array.dtype)
    seen.clear()
    return lazy, seen


def assert_same(lazy, plain):
    """Compare where there are data: the value of the rest is the lowest of a sample."""
    there = ~plain.without_data(np.ix_(*map(np.arange, plain.geometry.shape)))
    there = np.broadcast_to(there, plain.geometry.shape)
    assert there.mean() > 0.2
    rest = [slice(None)] * plain.is_color
    found, expected = (np.asarray(vol.array)[(..., there, *rest)].astype(float) for vol in (lazy, plain))
    # Places of a part are rounded otherwise than those of the whole, and integers perhaps to another one.
    np.testing.assert_allclose(found, expected, atol=1e-6 if plain.dtype == np.float64 else 2)


def taking_part(geometry, grid, chunk):
    """Return the chunks that hold a voxel with a part in a value at a grid: point by point."""
    index = geometry.index(grid.position(np.moveaxis(np.indices(grid.shape), 0, -1))).reshape(-1, 3)
    shape = np.array(geometry.shape)
    index = index[((index > -0.5) & (index < shape - 0.5)).all(axis=1)]
    index = np.clip(np.where(abs(index - np.rint(index)) < 1e-7, np.rint(index), index), 0, shape - 1)
    found = set()
    for corner in np.ndindex(2, 2, 2):
        has_part = ((index - np.floor(index) > 0) | (np.array(corner) == 0)).all(axis=1)
        numbers = (np.floor(index[has_part]).astype(int) + corner) // chunk
        found |= set(map(tuple, np.unique(numbers, axis=0).tolist()))
    return found


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
@pytest.mark.parametrize("orientation", ["axial", "oblique", "tilted"])
def test_an_oblique_plane_reads_the_chunks_that_it_touches(orientation, dtype):
    array = make_voxels(CHUNKED).astype(dtype)
    lazy, seen = counted(array, CHUNK)
    plain = Volume.from_array(array, affine=make_affine(orientation))
    vol = Volume.from_array(lazy, affine=make_affine(orientation))
    center = plain.geometry.position((20, 24, 28))
    total = np.prod(-(-np.array(CHUNKED) // CHUNK))
    for right, down, size in (
        ((1, 0, 0.3), (0, 1, 0), None),
        ((1, 0.2, 0.3), (-0.2, 1, 0), None),
        ((0, 1, 0), (0, 0, 1), None),
        ((1, 0.2, 0.3), (-0.2, 1, 0), (9, 12)),
    ):
        plane = vol.oblique(center, right=right, down=down, size=size, lazy=True)
        seen.clear()
        np.asarray(plane[0])
        read = set(seen)
        assert_same(plane, plain.oblique(center, right=right, down=down, size=size))
        needed = taking_part(vol.geometry, plane.geometry, CHUNK)
        assert needed <= read
        assert len(read - needed) <= 0.03 * total, (len(read), len(needed), total)
        assert len(read) < 0.6 * total


def test_turned_planes_read_the_chunks_that_they_touch():
    array = make_voxels(CHUNKED)
    lazy, seen = counted(array, CHUNK)
    states = [
        ViewState(Volume.from_array(data, affine=make_affine()), rotation=(20, 10, 0))
        for data in (lazy, array)
    ]
    for plane in PLANES:
        panes = [resolve(state.volume, state).pane(plane) for state in states]
        seen.clear()
        shown = [pane_pixels(state.volume, pane) for state, pane in zip(states, panes)]
        assert len(seen) < 0.5 * 5 * 4 * 4, len(seen)
        masks = [np.ma.getmaskarray(image) for image in shown]
        np.testing.assert_array_equal(*masks)
        np.testing.assert_allclose(*(image.filled(0).astype(float) for image in shown), atol=2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_of_the_acquisition_reads_one_layer_of_chunks(axis):
    lazy, seen = counted(make_voxels(CHUNKED), CHUNK)
    vol = Volume.from_array(lazy, affine=make_affine("oblique"))
    same = vol.on(Volume.from_array(np.zeros((38, 46, 54)), affine=make_affine("oblique")), lazy=True)
    for k in (0, CHUNK[axis] - 1, CHUNK[axis], 30):
        seen.clear()
        taken = np.asarray(same.array[(*(slice(None),) * axis, k)])
        np.testing.assert_array_equal(taken, make_voxels(CHUNKED)[:38, :46, :54].take(k, axis))
        assert {number[axis] for number in seen} == {k // CHUNK[axis]}


def test_frames_and_colours_of_touched_chunks_only():
    array = make_voxels((2, *CHUNKED, 3))
    lazy, seen = counted(array, (1, *CHUNK, 3))
    options = {"affine": make_affine("oblique"), "dims": ("time", "slice", "row", "column", "rgb")}
    plain, vol = (Volume.from_array(data, **options) for data in (array, lazy))
    place = plain.geometry.position((20, 24, 28))
    cut = {"right": (1, 0.2, 0.3), "down": (-0.2, 1, 0)}
    assert_same(vol.oblique(place, **cut), plain.oblique(place, **cut))
    seen.clear()
    np.asarray(vol.oblique(place, lazy=True, **cut).frame((1,)))
    assert {number[0] for number in seen} == {1} and len(seen) < 0.6 * 5 * 4 * 4
