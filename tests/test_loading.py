"""A viewer of a path: the first picture before all slices are there, the rest behind it."""

import asyncio
import subprocess
import sys
from threading import Event

import numpy as np
import pydicom
import pytest
from conftest import make_voxels
from pixelfiles import spoil

import dicomview as dv
from dicomview.errors import DisplayError, SeriesError
from dicomview.io.progress import progress
from dicomview.widgets import loading
from dicomview.widgets.page import PageLink

DEEP = (40, 8, 10)


@pytest.fixture
def held(monkeypatch):
    """Hold back the slices that are fetched behind, until the event is set."""
    go = Event()
    watched = loading.watched

    def wait(tell):
        assert go.wait(30)
        return watched(tell)

    monkeypatch.setattr(loading, "watched", wait)
    yield go
    go.set()


def test_the_first_picture_needs_few_slices_and_all_planes_follow(write, decoded, held):
    folder = write(array=make_voxels(DEEP))[0].parent
    viewer = dv.SliceViewer(folder)
    assert len(set(decoded)) <= 17  # the middle one, and a sample for the histogram
    assert viewer.state.layout == "axial" and viewer.volume.is_lazy
    np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), make_voxels(DEEP)[20])
    bar = next(child for child in viewer.children if isinstance(child, loading.Loading))
    viewer.state.index = (7, 4, 5)  # answers while the others are waited for
    np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), make_voxels(DEEP)[7])
    assert bar.bar.value == 0 and bar.layout.display != "none"
    held.set()
    bar.wait(30)
    assert isinstance(viewer.volume.array, np.ndarray) and viewer.state.layout == "ortho"
    np.testing.assert_array_equal(viewer.volume.array, make_voxels(DEEP))
    assert bar.bar.value == bar.bar.max and bar.layout.display == "none"
    plain = dv.SliceViewer(dv.volread(folder), index=(7, 4, 5))
    assert viewer.figure().png() == plain.figure().png()
    viewer.close(), plain.close()


def test_it_can_be_stopped_and_stays_lazy(write, held):
    viewer = dv.SliceViewer(str(write()[0].parent), layout="coronal")
    bar = viewer._loading
    bar.stop.click()
    held.set()
    bar.wait(30)
    assert viewer.volume.is_lazy and bar.layout.display == "none"
    viewer.state.layout = "ortho"
    np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), make_voxels()[3])
    viewer.close()


def test_closing_ends_the_thread(write, held):
    viewer = dv.SliceViewer([str(path) for path in write()])
    thread = viewer._loading._thread
    assert thread.is_alive()
    held.set()
    viewer.close()
    assert not thread.is_alive()


def test_another_layout_that_was_chosen_stays(write, held):
    viewer = dv.SliceViewer(write()[0].parent)
    viewer.state.layout = "montage"
    held.set()
    viewer._loading.wait(30)
    assert viewer.state.layout == "montage" and isinstance(viewer.volume.array, np.ndarray)
    viewer.close()


@pytest.mark.parametrize("padding", [None, -100])
def test_missing_slices_and_those_that_cannot_be_decoded_are_as_in_a_plain_read(write, held, padding):
    files = write(array=make_voxels(DEEP))
    for path in files:
        if padding:
            dataset = pydicom.dcmread(path)
            dataset.add_new("PixelPaddingValue", "SS", padding)
            dataset.save_as(path)
    for k in (3, 30, 31):
        dataset = pydicom.dcmread(files[k])
        dataset.PixelData = bytes(10)
        dataset.save_as(files[k])
    files[10].unlink()
    viewer = dv.SliceViewer(files[0].parent)
    held.set()
    viewer._loading.wait(30)
    plain = dv.volread(files[0].parent)
    np.testing.assert_array_equal(viewer.volume.array, plain.array)
    assert viewer.volume.report.missing == plain.report.missing == (3, 10, 30, 31)
    assert sorted(viewer.volume.report.warnings) == sorted(plain.report.warnings)
    assert f"{len(plain.report.warnings)} remarks" in viewer._title.value
    viewer.close()


def test_nobody_waits_for_dask(write):
    folder = write(array=make_voxels(DEEP))[0].parent
    script = f"""
import sys
import dicomview as dv
viewer = dv.SliceViewer({str(folder)!r})
assert viewer.volume.is_lazy
viewer._loading.wait(30)
assert not viewer.volume.is_lazy and "dask" not in sys.modules
viewer.close()
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_in_a_notebook_reading_waits_for_the_first_picture(write, monkeypatch):
    monkeypatch.setattr(loading, "PATIENCE", 60.0)
    monkeypatch.setattr(loading, "PAUSE", 0.0)

    async def session():
        viewer = dv.SliceViewer(write()[0].parent)
        await asyncio.sleep(0.3)
        assert viewer.volume.is_lazy
        viewer._page._received(None, {"hello": {"view": "a", "far": False}}, [])
        viewer._loading.wait(30)
        assert not viewer.volume.is_lazy
        viewer.close()

    asyncio.run(session())


def test_what_is_in_the_way_is_said_and_the_slices_stay_lazy(write, held):
    files = write()
    viewer = dv.SliceViewer(files[0].parent)
    for path in files:
        path.unlink()
    held.set()
    viewer._loading.wait(30)
    assert viewer.volume.is_lazy and viewer._loading.layout.display != "none"
    (told,) = viewer._loading.children
    assert "no such file" in told.value.lower()
    viewer.close()


def test_reading_ends_between_two_slices(write):
    viewer = dv.SliceViewer(write()[0].parent, draw="kernel")
    viewer._loading.wait(30)
    told = []

    def read():
        for k in progress(range(5), "slices"):
            told.append(k)
            if k == 2:
                again.halt()

    again = loading.Loading(viewer.volume, read, lambda: told.append("done"))
    again.start()
    again.wait(30)
    assert told == [0, 1, 2]
    viewer.close()


def test_a_volume_that_is_too_large_stays_lazy(write, monkeypatch):
    pytest.importorskip("dask.array")
    monkeypatch.setattr(dv.options, "memory_budget", 8 * 10 * 2)  # one image
    viewer = dv.SliceViewer(write()[0].parent)
    assert viewer._loading is None and viewer.state.layout == "ortho"
    viewer.close()


def test_the_page_that_paints_gets_a_coarse_copy_when_all_slices_are_there(write, decoded, held, monkeypatch):
    sent = []
    monkeypatch.setattr(PageLink, "send", lambda page, message, buffers=None: sent.append(message))
    viewer = dv.SliceViewer(write(array=make_voxels(DEEP))[0].parent)
    viewer._page._received(None, {"hello": {"view": "a", "far": False}}, [])
    assert len(set(decoded)) <= 17 and not any("coarse" in message for message in sent)
    assert [s["key"] for message in sent for s in message.get("slices", ())] == ["|0|20"]
    held.set()
    viewer._loading.wait(30)
    assert [m["coarse"]["shape"] for m in sent if "coarse" in m] == [list(DEEP)]
    viewer.close()


def test_of_several_series_one_is_chosen(write):
    write("study/a", description="first", series_uid="1.2.1")
    folder = write("study/b", description="second", series_uid="1.2.2")[0].parents[1]
    with pytest.raises(SeriesError, match="series="):
        dv.SliceViewer(folder)
    viewer = dv.SliceViewer(folder, series="second")
    assert viewer.volume.meta.SeriesDescription == "second"
    viewer.close()
    with pytest.raises(DisplayError, match="series="):
        dv.SliceViewer(np.zeros((3, 4, 5)), series=1)


def test_other_formats_are_read_as_a_whole(tmp_path):
    np.savez(tmp_path / "a.npz", make_voxels())
    viewer = dv.SliceViewer(tmp_path / "a.npz")
    assert isinstance(viewer.volume.array, np.ndarray)
    viewer.close()


def test_the_level_that_fits_the_panes(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "image.zarr"), mode="w")
    datasets = []
    for i, n in enumerate((1200, 600, 300, 150)):
        group.create_array(f"{i}", shape=(3, n, n), dtype="uint8", chunks=(1, n, n))
        datasets.append(
            {"path": f"{i}", "coordinateTransformations": [{"type": "scale", "scale": [1, 2**i, 2**i]}]}
        )
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    for layout, rows in (("ortho", 300), ("axial", 1200)):
        viewer = dv.SliceViewer(tmp_path / "image.zarr", layout=layout)
        assert viewer.volume.shape[1] == rows and viewer.state.layout == layout
        told = "level 2 of 0 to 3 is shown" in viewer._title.value
        assert told == (rows == 300)
        viewer.close()


def test_a_middle_that_cannot_be_decoded_is_a_missing_slice(write):
    files = write()
    spoil(files, 3)
    viewer = dv.SliceViewer(files[0].parent)
    assert viewer.volume.report.missing == (3,) and isinstance(viewer.volume.array, np.ndarray)
    viewer.close()
