"""Pages that need no kernel: what lies in them."""

import base64
import json
import re
import tracemalloc
import zlib

import numpy as np
import pytest
from conftest import make_affine, make_voxels

import dicomview as dv
from dicomview.widgets import html
from dicomview.widgets.drawings import drawings


@pytest.fixture
def page_of(tmp_path):
    """Write a page and return its text."""

    def page_of(vol, **options):
        viewer = dv.SliceViewer(vol)
        viewer.to_html(tmp_path / "view.html", **options)
        viewer.close()
        return (tmp_path / "view.html").read_text(encoding="utf-8")

    return page_of


def contents(page):
    """Return what lies in a page: scene and frames, and what is drawn over them."""
    found = re.search(r"standalone\(document.*?, (\{.*\}), drawer\((\[.*\])\)\);\n</script>", page)
    return json.loads(found.group(1)), json.loads(found.group(2))


def content(page):
    """Return the scene and the frames of a page, values as arrays."""
    told, _ = contents(page)
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
    return contents(page)[0]["scene"]


def test_what_the_page_cannot_have_is_left_out_and_said(tmp_path):
    vol = dv.Volume.from_array(make_voxels((20, 24, 28)), affine=make_affine())
    viewer = dv.SliceViewer(vol, window=(500, 1000), slab={"axial": 9.0})
    viewer.overlays.fuse(vol, name="other")
    viewer.overlays.isodoses(vol, [50, 20])
    viewer.to_html(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert "Single slices are shown here, no slabs. Overlays that are not shown here: 2." in page
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


def voxels(mask, shape):
    """Return the voxels that lie in a mask of a page."""
    runs = np.repeat(np.arange(len(mask["runs"])) % 2 == 1, mask["runs"])
    part = np.zeros(mask["shape"], bool)
    part.ravel()[: len(runs)] = runs
    whole = np.zeros(shape, bool)
    whole[tuple(slice(a, a + n) for a, n in zip(mask["start"], mask["shape"]))] = part
    return whole


@pytest.mark.parametrize("orientation", ["oblique", "decubitus"])
@pytest.mark.parametrize("traits", [{}, {"rotation": (0, 20, 0)}], ids=str)
def test_masks_and_measurements_lie_in_the_page(tmp_path, orientation, traits):
    vol = dv.Volume.from_array(make_voxels((20, 24, 28)), affine=make_affine(orientation))
    own = np.zeros(vol.shape, bool)
    own[3:9, 4:12, 5:20] = True
    own[5, 6, 7] = False
    coarse = make_affine(orientation) @ np.diag([2, 2, 2, 1])
    coarse[:3, 3] = vol.geometry.position((0.5, 0.5, 0.5))
    other = np.zeros((10, 12, 14), bool)
    other[2:5, 3:6, 4:9] = True
    place = vol.geometry.position
    shapes = [
        dv.measure.Distance(place([(4.0, 5, 6), (4, 5, 20)]), name="</script>"),
        dv.measure.Ellipse.in_corners(place([(4.0, 5, 6), (4, 5, 20), (4, 12, 20), (4, 12, 6)])),
        dv.measure.Region(dv.Volume(own, geometry=vol.geometry), "box"),
    ]
    viewer = dv.SliceViewer(vol, window=(500, 1000), measurements=shapes)
    viewer.overlays.add_mask(own, name="own", color="#00ff00")
    viewer.overlays.add_mask(other, geometry=dv.Geometry(other.shape, affine=coarse), name="other")
    viewer.overlays.add_mask(own, name="hidden")
    viewer.overlays.set("hidden", visible=False)
    for name, value in traits.items():
        setattr(viewer.state, name, value)
    viewer.to_html(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert page.count("</script>") == 1 and "not shown" not in page and "drawn as outlines" in page
    drawn = contents(page)[1]
    assert [one["kind"] for one in drawn] == ["mask", "mask", "distance", "ellipse", "region"]
    shown = viewer.state.volume
    index = np.moveaxis(np.indices(shown.shape), 0, -1)
    at = np.floor(vol.geometry.index(shown.geometry.position(index)) + 0.5 + 1e-6).astype(int)

    def expected(low, high):
        return ((at >= low) & (at < high)).all(axis=-1)

    first, second = (voxels(one["mask"], shown.shape) for one in drawn[:2])
    np.testing.assert_array_equal(first, expected((3, 4, 5), (9, 12, 20)) & ~expected((5, 6, 7), (6, 7, 8)))
    # A voxel of the coarse mask is two of the volume.
    np.testing.assert_array_equal(second, expected((4, 6, 8), (10, 12, 18)))
    assert drawn[0]["color"] == "#00ff00"
    np.testing.assert_array_equal(voxels(drawn[4]["mask"], shown.shape), first)
    for one, shape in zip(drawn[2:4], shapes):
        np.testing.assert_allclose(shown.geometry.position(np.array(one["points"])), shape.array, atol=1e-4)
    assert drawn[3]["line"][0] == drawn[3]["line"][-1] and len(drawn[3]["line"]) > 90
    assert drawn[2]["texts"][""].startswith("</script>\n") and "mm³" in drawn[4]["texts"][""]
    viewer.close()


def test_numbers_in_the_page_are_those_of_the_frame(tmp_path):
    vol = dv.Volume.from_array(np.arange(2 * 27).reshape(2, 3, 3, 3))
    viewer = dv.SliceViewer(vol, measurements=[dv.measure.Point([(0, 0, 0)])])
    viewer.to_html(tmp_path / "view.html")
    ((point,),) = contents((tmp_path / "view.html").read_text(encoding="utf-8"))[1:]
    assert point["texts"] == {"0": "0", "1": "27"}
    viewer.close()


def test_a_mask_on_turned_planes_takes_no_more_than_its_box(monkeypatch):
    vol = dv.Volume.from_array(make_voxels((30, 32, 34)), affine=make_affine())
    small = np.zeros(vol.shape, bool)
    small[10:14, 15:21, 20:28] = True
    viewer = dv.SliceViewer(vol, rotation=(10, 20, 30))
    viewer.overlays.add_mask(small, name="small")
    cube = viewer.state.volume.geometry
    tracemalloc.start()
    drawn, note = drawings(viewer.state, room=10**6)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < np.prod(cube.shape) / 2 and "not shown" not in note
    index = np.moveaxis(np.indices(cube.shape), 0, -1)
    at = np.floor(vol.geometry.index(cube.position(index)) + 0.5).astype(int)
    expected = ((at >= (10, 15, 20)) & (at < (14, 21, 28))).all(axis=-1)
    np.testing.assert_array_equal(voxels(drawn[0]["mask"], cube.shape), expected)
    monkeypatch.setattr(dv.options, "memory_budget", 100)
    assert drawings(viewer.state, room=10**6) == ([], " Overlays that are not shown here: 1.")
    viewer.close()


def test_no_name_opens_or_closes_anything_in_the_script(tmp_path):
    vol = dv.Volume.from_array(make_voxels(), affine=make_affine())
    name = "a <!--<script> b </script> c"
    viewer = dv.SliceViewer(vol, measurements=[dv.measure.Point([(0, 0, 0)], name=name)])
    viewer.overlays.add_mask(make_voxels() > 100, name=name)
    viewer.to_html(tmp_path / "view.html")
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    drawn = contents(page)[1]
    assert drawn[-1]["texts"][""].startswith(name)
    assert "<" not in page[page.index("standalone(document") : page.index("</script>")]
    viewer.close()


def test_masks_that_do_not_fit_are_left_out_and_said(tmp_path):
    vol = dv.Volume.from_array(make_voxels((20, 24, 28)), affine=make_affine())
    viewer = dv.SliceViewer(vol)
    viewer.overlays.add_mask(make_voxels((20, 24, 28)) % 2 == 0, name="noise")
    viewer.to_html(tmp_path / "view.html", budget=60e3)
    page = (tmp_path / "view.html").read_text(encoding="utf-8")
    assert "Overlays that are not shown here: 1." in page and contents(page)[1] == []
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
