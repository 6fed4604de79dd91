"""The controls for slabs and overlays follow the state, and the other way round."""

import numpy as np
import pytest

import dicomview as dv


@pytest.fixture
def viewer():
    vol = dv.Volume.from_array(np.zeros((9, 12, 14)), affine=np.diag([2, 1, 1, 1.0])[[2, 1, 0, 3]])
    viewer = dv.SliceViewer(vol, window=(0, 1))
    yield viewer
    viewer.close()


def test_slabs(viewer):
    section = viewer.panel.section("slab")
    section.thickness["coronal"].value = 5
    assert viewer.state.slab == {"coronal": 5.0}
    viewer.state.slab = {"axial": 8}
    assert [text.value for text in section.thickness.values()] == [8, 0, 0]
    section.mode.value = "mean"
    assert viewer.state.slab_mode == "mean"
    section.thickness["axial"].value = 0
    assert viewer.state.slab == {}


def test_every_overlay_has_a_row(viewer):
    section = viewer.panel.section("overlays")
    assert not section.rows
    vol = viewer.volume
    viewer.overlays.add_mask(np.asarray(vol.array == 0), name="air", color="#00ff00")
    viewer.overlays.fuse(dv.Volume(np.ones(vol.shape), geometry=vol.geometry), name="PET", window=(1, 2))
    viewer.overlays.isodoses(dv.Volume(np.ones(vol.shape), geometry=vol.geometry), [1])
    assert list(section.rows) == ["air", "PET", "dose"]
    air, pet, dose = section.rows.values()
    assert air.color.value == "#00ff00" and air.window is None and dose.color is None
    air.visible.value = False
    assert not viewer.overlays["air"].visible
    air.color.value = "#0000ff"
    assert viewer.overlays["air"].color == "#0000ff"
    pet.opacity.value = 0.25
    pet.window.value = "3, 4"
    pet.colormap.value = "viridis"
    overlay = viewer.overlays["PET"]
    assert (overlay.opacity, overlay.window, overlay.colormap) == (0.25, dv.Window(3, 4), "viridis")
    pet.window.value = "wide"
    assert pet.window.value == "3, 4" and viewer.overlays["PET"].window == dv.Window(3, 4)
    viewer.overlays.set("PET", opacity=1, colormap="bone")
    assert section.rows["PET"] is pet and (pet.opacity.value, pet.colormap.value) == (1, "bone")
    viewer.overlays.remove("air")
    assert list(section.rows) == ["PET", "dose"] and air.comm is None


def test_the_tool_and_the_way_back(viewer):
    viewer.toolbar.tools["rotate"].value = True
    assert viewer.state.tool == "rotate"
    viewer.state.rotate("axial", 12)
    viewer.toolbar.buttons["upright"].click()
    assert viewer.state.rotation == (0, 0, 0) and viewer.state.center is None
    plain = dv.SliceViewer(np.zeros((3, 4, 5)))
    assert "rotate" not in plain.toolbar.tools and "upright" not in plain.toolbar.buttons
    plain.close()
