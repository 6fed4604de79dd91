"""Pages that need no kernel: what lies in them."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.widgets import html


@pytest.fixture
def page_of(tmp_path):
    """Write a page and return its text."""

    def page_of(vol, **options):
        viewer = dv.SliceViewer(vol)
        viewer.to_html(tmp_path / "view.html", **options)
        viewer.close()
        return (tmp_path / "view.html").read_text(encoding="utf-8")

    return page_of


def content(page):
    """Return the scene and the frames of a page, values as arrays."""
    told = json.loads(re.search(r"standalone\(.*?, (\{.*\})\);\n</script>", page).group(1))
    frames = []
    for frame in told["frames"]:
        header = frame["header"]
        kind = np.dtype(header["type"])
        planes = np.frombuffer(zlib.decompress(base64.b64decode(frame["data"])), np.uint8)
        array = planes.reshape(kind.itemsize, -1).T.copy().view(kind).reshape(header["shape"])
        frames.append((header, array))
    return told["scene"], frames


def test_all_voxels_lie_in_the_page(page_of):
    vol = dv.Volume.from_array(make_voxels(), affine=make_affine("oblique"), meta={"Modality": "CT"})
    page = page_of(vol)
    scene, ((header, array),) = content(page)
    np.testing.assert_array_equal(array, vol.array)
    assert header["step"] == [1, 1, 1] and scene["index"] == [3, 4, 5]
    np.testing.assert_allclose(scene["affine"], vol.geometry.affine)
    assert page.count('type="range"') == 5
    assert not re.search(r"https?://", page), "nothing comes from elsewhere"


def test_what_does_not_fit_is_left_out_and_said(page_of):
    vol = dv.Volume.from_array(np.random.RandomState(0).randint(0, 30000, (3, 40, 60, 80), np.int16))
    page = page_of(vol, budget=400e3)
    _, ((header, array),) = content(page)
    assert len(page) <= 400e3
    assert "One of several frames." in page and "Not every voxel" in page
    picked = tuple(slice(a, None, s) for a, s in zip(header["start"], header["step"]))
    np.testing.assert_array_equal(array, vol[1][picked])
    page = page_of(vol)
    assert len(content(page)[1]) == 3 and "One of several" not in page and 'name="frame"' in page


def test_of_a_volume_that_is_not_in_memory_no_more_is_fetched_than_may_fit(page_of, monkeypatch):
    da = pytest.importorskip("dask.array")
    array = make_voxels((40, 16, 20))
    lazy = dv.Volume.from_array(da.from_array(array, chunks=(1, 16, 20)))
    ((header, voxels),) = content(page_of(lazy))[1]
    assert header["step"] == [1, 1, 1]
    np.testing.assert_array_equal(voxels, array)
    monkeypatch.setattr(html, "LAZY_PER_BYTE", 0)
    page = page_of(lazy)
    ((header, voxels),) = content(page)[1]
    assert voxels.size <= 1000 and "Not every voxel" in page
    picked = tuple(slice(a, None, s) for a, s in zip(header["start"], header["step"]))
    np.testing.assert_array_equal(voxels, array[picked])


def test_nobody_is_named(page_of, monkeypatch):
    meta = {"PatientName": "Doe^Jane", "PatientID": "4711", "SeriesDescription": "</script><b>x"}
    monkeypatch.setattr(dv.options, "show_patient", True)
    page = page_of(dv.Volume.from_array(np.zeros((3, 4, 5)), meta=meta))
    assert "Doe" not in page and "4711" not in page
    assert page.count("</script>") == 1


def test_colour_has_no_window(page_of):
    page = page_of(dv.Volume.from_array(np.zeros((3, 4, 5, 3), np.uint8)))
    assert page.count('type="range"') == 3 and content_scene(page)["window"] is None


def content_scene(page):
    return json.loads(re.search(r"standalone\(.*?, (\{.*\})\);\n</script>", page).group(1))["scene"]


def test_what_the_page_cannot_have_is_left_out_and_said(tmp_path):
    vol = dv.Volume.from_array(make_voxels((20, 24, 28)), affine=make_affine())
    viewer = dv.SliceViewer(vol, window=(500, 1000), slab={"axial": 9.0})
    viewer.overlays.add_mask(np.asarray(vol.array > 0))
    viewer.to_html(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert "Single slices are shown here, no slabs. Overlays are not shown here; there are 1." in page
    scene, ((_, array),) = content(page)
    assert scene["slabs"] == ["", "", ""] and scene["overlays"] == ""
    np.testing.assert_array_equal(array, vol.array)
    viewer.state.slab = {}
    viewer.overlays.clear()
    viewer.to_html(tmp_path / "plain.html")
    over = re.compile('base64,([^"]+)"')
    plain = (tmp_path / "plain.html").read_text(encoding="utf-8")
    assert over.search(page).group(1) == over.search(plain).group(1), "nothing of them is drawn"
    viewer.close()


def test_turned_planes_lie_in_the_page(tmp_path):
    vol = dv.Volume.from_array(make_voxels((20, 24, 28)), affine=make_affine())
    viewer = dv.SliceViewer(vol, window=(500, 1000), rotation=(10, 20, 30))
    viewer.to_html(tmp_path / "view.html")
    scene, ((header, array),) = content((tmp_path / "view.html").read_text(encoding="utf-8"))
    turned = viewer.state.volume
    assert header["step"] == [1, 1, 1] and list(array.shape) == list(turned.shape) == scene["shape"]
    lacks = np.broadcast_to(turned.without_data(np.ix_(*map(np.arange, turned.shape))), turned.shape)
    np.testing.assert_array_equal(np.isnan(array), lacks)
    np.testing.assert_array_equal(array[~lacks], np.asarray(turned.array)[~lacks])
    viewer.close()
