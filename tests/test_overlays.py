"""Overlays lie where their own affine says, and are drawn the same however they came about."""

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import make_affine
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import GeometryError
from dicomview.geometry import PLANES, Geometry
from dicomview.render import overlay_raster
from dicomview.state import Overlays, ViewState, changes, patch_of, resolve

DATA = Path(os.environ.get("DICOMVIEW_DATA", Path(__file__).parents[2] / "shared" / "data"))
SHAPE = (24, 40, 44)
CENTER = np.array([4.0, -3.0, 38.0])


def ball(geometry, center=CENTER, radius=9.0):
    """Return which voxels of a grid lie in a ball."""
    points = geometry.position(np.moveaxis(np.indices(geometry.shape), 0, -1))
    return ((points - center) ** 2).sum(axis=-1) <= radius**2


def hill(geometry, center=CENTER, width=10.0):
    """Return a volume that falls off from a point, 0 to 100."""
    points = geometry.position(np.moveaxis(np.indices(geometry.shape), 0, -1))
    return 100 * np.exp(-((points - center) ** 2).sum(axis=-1) / 2 / width**2)


def turned_grid(shape=(30, 36, 32), spacing=(1.9, 1.3, 1.6), center=CENTER):
    """Return a grid at an angle to everything, about a point."""
    angles = np.radians([17, -23, 31])
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        turn = np.eye(3)
        a, b = [i for i in range(3) if i != axis]
        turn[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = matrix @ turn
    affine = np.eye(4)
    affine[:3, :3] = matrix * spacing
    affine[:3, 3] = center - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Geometry(shape, affine=affine)


def opened(orientation="axial", **traits):
    """Return a volume, its state and its overlays."""
    affine = make_affine(orientation)
    affine[:3, 3] = CENTER - affine[:3, :3] @ [12, 20, 22]
    vol = dv.Volume.from_array(np.zeros(SHAPE, np.int16), affine=affine)
    state = ViewState(vol, window=(0, 10), **traits)
    return vol, state, Overlays(state)


def covered(vol, state, plane):
    """Return the opacity of the raster of a pane at its voxels' positions in LPS, and the positions."""
    pane = resolve(vol, state).pane(plane)
    pixels, finer, first = overlay_raster(vol, pane)
    rows, columns = np.indices(pixels.shape[:2])
    index = np.empty((*rows.shape, 3))
    index[..., pane.view.axis] = pane.index
    index[..., pane.view.down] = (rows + first[0] + 0.5) / finer[0] - 0.5
    index[..., pane.view.right] = (columns + first[1] + 0.5) / finer[1] - 0.5
    return pixels[..., 3] / 255, vol.geometry.position(index), pixels


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique", "tilted", "feet first"])
def test_a_mask_on_a_grid_of_its_own_lands_within_half_a_voxel(orientation, plane):
    vol, state, overlays = opened(orientation)
    state.position = CENTER
    grid = turned_grid()
    overlays.add_mask(ball(grid), geometry=grid, outline=False, opacity=1)
    opacity, points, _ = covered(vol, state, plane)
    inside = opacity > 0.5
    middle = points[inside].mean(axis=0)
    there = np.asarray(vol.geometry.position(state.index))
    direction = vol.geometry.affine[:3, vol.plane_axes[plane]]
    normal = np.cross(*[vol.geometry.affine[:3, a] for a in range(3) if a != vol.plane_axes[plane]])
    normal /= np.linalg.norm(normal)
    expected = CENTER + normal * ((there - CENTER) @ normal)
    assert np.linalg.norm(middle - expected) < 0.5 * min(grid.spacing), (middle, direction)
    far = np.linalg.norm(points[inside] - CENTER, axis=-1).max()
    assert abs(far - 9) < 0.5 * np.linalg.norm(grid.spacing)


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_of_the_volume_covers_its_voxels_exactly(plane, voxels):
    vol, state, overlays = opened("oblique")
    mask = voxels(SHAPE) % 3 == 0
    overlays.add_mask(mask, outline=False, opacity=1)
    view = resolve(vol, state).pane(plane).view
    index = state.index[view.axis]
    patch, beyond, first = patch_of(
        state.overlays[0].volume, (), vol.geometry, view, index=index, finer=(1, 1), order=0
    )
    assert beyond is None and first == (0, 0)
    np.testing.assert_array_equal(patch, view.take(mask, index))


def test_values_of_another_grid_are_those_of_an_independent_resampler():
    sitk = pytest.importorskip("SimpleITK")
    vol, state, _ = opened("oblique")
    grid = turned_grid()
    other = dv.Volume(hill(grid).astype(np.float32), geometry=grid)
    reference = sitk.GetArrayFromImage(
        sitk.Resample(other.to_sitk(), vol.to_sitk(), sitk.Transform(), sitk.sitkLinear, -1.0)
    )
    for plane in PLANES:
        view = resolve(vol, state).pane(plane).view
        k = state.index[view.axis]
        values, beyond, (top, left) = patch_of(other, (), vol.geometry, view, index=k, finer=(1, 1), order=1)
        expected = view.take(reference, k)[top : top + values.shape[0], left : left + values.shape[1]]
        inside = (expected >= 0) & ~(np.zeros(values.shape, bool) if beyond is None else beyond)
        assert inside.sum() > 200
        assert abs(values - expected)[inside].max() < 1e-3 * 100


def test_slices_that_are_unevenly_spaced_are_placed_by_their_positions():
    positions = np.zeros((5, 3))
    positions[:, 2] = [0, 1, 2, 7, 8]
    affine = np.eye(4)[[2, 1, 0, 3]]
    affine[2, 0] = 2
    uneven = Geometry((5, 6, 6), affine=affine, slice_positions=positions)
    array = np.zeros(uneven.shape, np.float32)
    array += np.array([0, 1, 2, 7, 8], np.float32)[:, None, None]
    other = dv.Volume(array, geometry=uneven)
    vol = dv.Volume.from_array(np.zeros((9, 6, 6)), affine=np.eye(4)[[2, 1, 0, 3]])
    view = resolve(vol, ViewState(vol)).pane("axial").view
    for k in range(9):
        values, _, _ = patch_of(other, (), vol.geometry, view, index=k, finer=(1, 1), order=1)
        np.testing.assert_allclose(values, k, atol=1e-5)
    state = ViewState(vol)
    mask = array == 7
    Overlays(state).add_mask(mask, geometry=uneven)
    shown = [
        patch_of(state.overlays[0].volume, (), vol.geometry, view, index=k, finer=(1, 1), order=0)[0].all()
        for k in range(9)
    ]
    assert shown == [False] * 5 + [True] * 3 + [False], "from the middle of the gap on"


@pytest.mark.parametrize("unit", ["Gy", "%"])
def test_isodoses_run_where_the_dose_is(unit):
    vol, state, overlays = opened(position=CENTER)
    grid = turned_grid((40, 50, 44), (1.2, 1.1, 1.3))
    dose = dv.Volume(hill(grid) * 0.6, geometry=grid, meta={"DoseUnits": "GY"})
    levels = [54, 30] if unit == "Gy" else [90, 50]
    overlays.isodoses(dose, levels, unit=unit, reference=60)
    for k in (-3, 0, 2):
        state.index = (12 + k, 20, 22)
        _, points, pixels = covered(vol, state, "axial")
        distance = np.linalg.norm(points - CENTER, axis=-1)
        for color, part in (((255, 48, 48), 0.9), ((255, 154, 0), 0.5)):
            line = (pixels[..., :3] == color).all(axis=-1)
            radius = np.sqrt(-2 * np.log(part)) * 10
            if radius < abs(k) * 2.5:
                assert not line.any()
                continue
            assert radius - 1 < distance[line].min() and distance[line].max() < radius + 0.2
    assert [text for text, _ in state.overlays[0].legend] == [f"{v} {unit}" for v in levels]


def test_a_fused_volume_has_its_own_window_colours_and_opacity():
    vol, state, overlays = opened()
    overlays.fuse(
        dv.Volume(np.full(SHAPE, 7.0), geometry=vol.geometry), window=(5, 10), colormap="gray", opacity=0.5
    )
    *_, pixels = covered(vol, state, "axial")
    assert pixels[5, 5].tolist() == [90, 90, 90, 128], "0.7 of white, half of it"
    overlays.set("volume", window=(20, 10))
    assert overlay_raster(vol, resolve(vol, state).pane("axial")) is None, "all is below the window"
    overlays.set("volume", window=(5, 10), opacity=0)
    assert resolve(vol, state).pane("axial").overlays == ()


def test_what_lies_on_top_hides_what_is_below():
    vol, state, overlays = opened()
    overlays.add_mask(np.ones(SHAPE, bool), name="a", color="#ff0000", opacity=1, outline=False)
    overlays.add_mask(np.ones(SHAPE, bool), name="b", color="#0000ff", opacity=0.5, outline=False)
    *_, pixels = covered(vol, state, "axial")
    assert pixels[5, 5].tolist() == [128, 0, 128, 255]


def test_numbers_of_a_label_array_become_overlays_of_their_own():
    overlays = opened()[2]
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:6, 4:9, 5:7], labels[10, 2, 3] = 1, 7
    assert overlays.add_mask(labels, name="part") == ["part 1", "part 7"]
    assert overlays.add_mask(labels, labels={7: "bone"}) == ["bone"]
    assert overlays["part 1"].volume.shape == (3, 5, 2), "only what is not empty is kept"
    assert [o.color for o in overlays] == ["#e6553f", "#3fa7e6", "#59c14a"]
    assert overlays.add_mask(labels == 1, name="bone") == ["bone 2"]
    overlays.remove("bone")
    assert "bone" not in overlays and len(overlays) == 3
    with pytest.raises(KeyError, match="there are: 'part 1', 'part 7', 'bone 2'"):
        overlays["liver"]


def test_what_changes_is_drawn_again_and_nothing_else():
    vol, state, overlays = opened()
    overlays.add_mask(ball(vol.geometry), name="ball")
    before = resolve(vol, state)
    assert before == resolve(vol, state) and hash(before) == hash(resolve(vol, state))
    overlays.set("ball", opacity=0.1)
    what = changes(before, resolve(vol, state))
    assert what.pixels == set(PLANES) and not what.layout
    overlays.set("ball", visible=False)
    assert resolve(vol, state).panes[0].overlays == () == resolve(vol, state).panes[0].legend
    overlays.clear()
    assert state.overlays == ()


def test_overlays_without_a_place_are_refused():
    vol, state, overlays = opened()
    with pytest.raises(GeometryError, match="no affine"):
        overlays.fuse(dv.Volume.from_array(np.zeros((3, 4, 5))))
    other = dv.Volume(np.zeros(SHAPE), geometry=vol.geometry, meta={"FrameOfReferenceUID": "1.2"})
    vol.meta["FrameOfReferenceUID"] = "1.3"
    with pytest.raises(GeometryError, match="frame of reference"):
        overlays.fuse(other)
    with pytest.raises(GeometryError, match="voxels"):
        overlays.add_mask(np.zeros((2, 2, 2), bool))
    with pytest.raises(TraitError, match="rrggbb"):
        overlays.add_mask(np.ones(SHAPE, bool), color="red")
    with pytest.raises(TraitError, match="0 to 1"):
        overlays.add_mask(np.ones(SHAPE, bool), opacity=2)
    with pytest.raises(TraitError, match="made by"):
        state.overlays = (vol,)
    plain = dv.Volume.from_array(np.zeros(SHAPE))
    assert Overlays(ViewState(plain)).add_mask(np.ones(SHAPE, bool)) == ["mask"], "on the very same grid"


def test_the_picture_changed_is_the_picture_drawn_anew():
    vol, _, _ = opened()
    grid = turned_grid()
    viewers = [dv.SliceViewer(vol, window=(0, 10)) for _ in range(2)]

    def lay(viewer):
        viewer.overlays.fuse(dv.Volume(hill(grid), geometry=grid), window=(50, 100))
        viewer.overlays.add_mask(ball(grid), geometry=grid, name="ball")

    lay(viewers[0])
    viewers[0].state.index = (3, 20, 22)
    viewers[0].state.turn("coronal")
    viewers[0].overlays.set("ball", color="#00ff00")
    viewers[0].state.index = (12, 21, 20)
    viewers[1].state.index = (12, 21, 20)
    viewers[1].state.turn("coronal")
    lay(viewers[1])
    viewers[1].overlays.set("ball", color="#00ff00")
    canvas = viewers[0]._canvas.figure.canvas
    canvas.draw()
    changed = np.asarray(canvas.buffer_rgba())
    viewers[1]._canvas.figure.canvas.draw()
    np.testing.assert_array_equal(changed, np.asarray(viewers[1]._canvas.figure.canvas.buffer_rgba()))
    assert viewers[0].figure().png() == viewers[1].figure().png()
    plain = dv.SliceViewer(vol, window=(0, 10), index=(12, 21, 20))
    assert "overlays" not in viewers[0].code()
    for viewer in viewers:
        viewer.overlays.clear()
        viewer.state.turn("coronal", -1)
    assert viewers[0].figure().png() == plain.figure().png(), "nothing of them is left"
    for viewer in (*viewers, plain):
        viewer.close()


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data in {DATA} (set DICOMVIEW_DATA)")
def test_segments_of_a_real_file_lie_over_their_images():
    folder = DATA / "ct_liver3_seg"
    vol = dv.volread(folder / "ct-3slice")
    seg = dv.segread(folder / "liver.dcm")
    state = ViewState(vol)
    names = Overlays(state).add_segmentation(seg)
    assert names
    for name, segment in zip(names, seg):
        mask = np.asarray(seg.on(vol)[segment])
        overlay = next(o for o in state.overlays if o.name == name)
        view = resolve(vol, state).pane("axial").view
        for k in range(vol.shape[0]):
            patch = patch_of(overlay.volume, (), vol.geometry, view, index=k, finer=(1, 1), order=0)
            shown = np.zeros(vol.shape[1:], bool)
            if patch is not None:
                values, _, (top, left) = patch
                shown[top : top + values.shape[0], left : left + values.shape[1]] = values
            np.testing.assert_array_equal(shown, view.take(mask, k))


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data in {DATA} (set DICOMVIEW_DATA)")
def test_regions_and_dose_of_a_real_plan_are_drawn():
    dose = dv.volread(DATA / "rt_pydicom" / "rtdose.dcm")
    state = ViewState(dose)
    overlays = Overlays(state)
    assert overlays.isodoses(dose, (95, 50), unit="%") == ["dose"]
    assert overlay_raster(dose, resolve(dose, state).pane("axial")) is not None


def test_contours_lie_in_turned_images_where_they_were_drawn():
    from dicomview.volume.contours import Contour
    from dicomview.volume.segment import Segment

    vol, state, overlays = opened("oblique")
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([np.full(200, 12.0), 20 + 10 * np.sin(turn), 22 + 14 * np.cos(turn)], axis=-1)
    contour = Contour(vol.geometry.position(circle), "CLOSED_PLANAR")
    seg = dv.Segmentation([Segment(3, "eye", color=(10, 200, 30))], kind="contours", contours={3: [contour]})
    assert overlays.add_segmentation(seg) == ["eye"] and overlays["eye"].color == "#0ac81e"
    overlays.set("eye", outline=False, opacity=1)
    state.index = (12, 20, 22)
    opacity, points, _ = covered(vol, state, "axial")
    index = vol.geometry.index(points)
    radius = np.hypot((index[..., 1] - 20) / 10, (index[..., 2] - 22) / 14)
    assert (opacity[radius < 1 - 0.5 / 8] == 1).all() and not opacity[radius > 1 + 0.6 / 8].any()
    state.index = (14, 20, 22)
    assert overlay_raster(vol, resolve(vol, state).pane("axial")) is None


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no reference data in {DATA} (set DICOMVIEW_DATA)")
def test_a_region_of_a_real_file_lies_where_its_contours_are():
    seg = dv.segread(DATA / "rt_pydicom" / "rtstruct.dcm")
    affine = np.diag([4.0, 3, 2.5, 1])[[2, 1, 0, 3]]
    affine[:3, 3] = -260, -240, -220
    vol = dv.Volume.from_array(np.zeros((110, 160, 208), np.int16), affine=affine)
    state = ViewState(vol, window=(0, 1))
    Overlays(state).add_segmentation(seg, segments=["patient"])
    contours = seg.contours("patient")
    for contour in contours:
        state.position = contour.points.mean(axis=0)
        opacity, points, _ = covered(vol, state, "axial")
        inside = points[opacity > 0]
        for end in ("min", "max"):
            corner, ends = (getattr(p, end)(axis=0) for p in (inside, contour.points))
            assert (abs(corner - ends)[:2] <= 0.75 * np.array([2.5, 3]) + 0.01).all(), (corner, ends)


def test_missing_slices_of_a_fused_volume_are_not_drawn():
    from dicomview.volume import Report

    vol, state, overlays = opened()
    pet = dv.Volume(np.full(SHAPE, 7.0), geometry=vol.geometry, report=Report(missing=(11,)))
    overlays.fuse(pet, window=(5, 10))
    for k, is_there in ((10, True), (11, False), (12, True)):
        state.index = (k, 20, 22)
        assert (overlay_raster(vol, resolve(vol, state).pane("axial")) is not None) == is_there


@pytest.mark.parametrize(
    ("lay", "told"),
    [
        (lambda o, v: o.isodoses(v, [0.5], colors=["red"]), "#rrggbb"),
        (lambda o, v: o.isodoses(v, [0.5], colors=[]), "no colours"),
        (lambda o, v: o.isodoses(v, [np.nan]), "finite"),
        (lambda o, v: o.fuse(v, colormap="nonsense"), "not a matplotlib colormap"),
        (lambda o, v: o.set("pet", colormap="nonsense"), "not a matplotlib colormap"),
        (lambda o, v: o.set("pet", window=(1, 2), opacity="thick"), "0 to 1"),
        (lambda o, v: o.set("dose", levels=[(0.5, "#ff00")]), "#rrggbb"),
        (lambda o, v: o.set("dose", levels=0.5), "pairs"),
        (lambda o, v: o.set("dose", levels=[(0.5, "#ff0000"), (0.2, "#00ff00")], labels=["a"]), "a label"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_the_viewer_goes_on(lay, told):
    vol, _, _ = opened()
    viewer = dv.SliceViewer(vol, window=(0, 10))
    fused = dv.Volume(np.ones(SHAPE), geometry=vol.geometry)
    viewer.overlays.fuse(fused, name="pet", window=(0, 2))
    viewer.overlays.isodoses(fused, [0.5])
    before = viewer.figure().png()
    with pytest.raises(TraitError, match=told):
        lay(viewer.overlays, fused)
    assert len(viewer.overlays) == 2
    assert viewer.figure().png() == before
    viewer.close()


def test_levels_can_be_given_as_lists():
    vol, state, overlays = opened()
    overlays.isodoses(dv.Volume(hill(vol.geometry), geometry=vol.geometry), [90])
    overlays.set("dose", levels=[[50, "#ff0000"], [20.5, "#00ff00"]])
    assert overlays["dose"].levels == ((50.0, "#ff0000"), (20.5, "#00ff00"))
    assert [text for text, _ in overlays["dose"].legend] == ["50 Gy", "20.5 Gy"], "not those of other levels"
    state.position = CENTER
    assert overlay_raster(vol, resolve(vol, state).pane("axial")) is not None


def test_other_voxels_are_another_overlay():
    vol, state, overlays = opened()
    first, second = (dv.Volume(np.full(SHAPE, v), geometry=vol.geometry) for v in (7.0, 9.0))
    overlays.fuse(first, window=(5, 10), colormap="gray")
    pane = resolve(vol, state).pane("axial")
    overlays.set("volume", visible=True)
    assert resolve(vol, state).pane("axial") == pane, "nothing is drawn again"
    before = overlay_raster(vol, pane)[0]
    seen = []
    state.observe(lambda change: seen.append(change["new"]), "overlays")
    overlays.set("volume", volume=second)
    after = overlay_raster(vol, resolve(vol, state).pane("axial"))[0]
    assert len(seen) == 1 and (after[..., 0] > before[..., 0]).all()
    with pytest.raises(GeometryError, match="no affine"):
        overlays.set("volume", volume=dv.Volume.from_array(np.zeros((3, 4, 5))))


def test_another_layer_of_paint_is_not_changed_by_steps_of_the_one_before():
    vol, state, overlays = opened()
    overlays.paint(name="lesion")
    state.paint([(12, 20, 22)], radius=1)
    other = np.zeros(SHAPE, bool)
    other[12, 5:9, 5:9] = True
    overlays.paint(other, name="b")
    overlays.set("lesion", layer=overlays["b"].layer)
    before = overlays["lesion"].array
    np.testing.assert_array_equal(before, other)
    state.undo()
    np.testing.assert_array_equal(overlays["lesion"].array, before)
    with pytest.raises(TraitError, match=r"overlays\.paint"):
        overlays.set("lesion", volume=vol)


@pytest.mark.parametrize(
    ("meta", "label"),
    [
        ({"DoseUnits": "GY"}, "50 Gy"),
        ({"DoseUnits": "RELATIVE"}, "50"),
        ({"Units": "BQML"}, "50 BQML"),
        ({}, "50 Gy"),
    ],
)
def test_isodoses_are_called_by_the_unit_of_the_volume(meta, label):
    vol, _, overlays = opened()
    overlays.isodoses(dv.Volume(hill(vol.geometry), geometry=vol.geometry, meta=meta), [50])
    assert overlays["dose"].labels == (label,)


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_the_highest_dose_is_one_that_was_calculated(kind):
    from dicomview.volume import Report

    vol, _, overlays = opened()
    array = hill(vol.geometry).astype(kind)
    highest = float(array.max())
    array[0], array[1, 0, 0] = 5000, 3000
    if kind == np.float32:
        array[1, 0, 1:3] = np.nan, np.inf
    dose = dv.Volume(
        array,
        geometry=vol.geometry,
        report=Report(missing=(0,)),
        padding=(3000, 3000),
        meta={"DoseUnits": "GY"},
    )
    overlays.isodoses(dose, [50], unit="%")
    assert overlays["dose"].levels[0][0] == pytest.approx(highest / 2)
    assert overlays["dose"].labels == ("50 %",)
    nothing = dv.Volume(np.full(SHAPE, np.nan), geometry=vol.geometry)
    with pytest.raises(TraitError, match="reference="):
        overlays.isodoses(nothing, [50], unit="%")


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float32, np.float64])
def test_numbers_of_any_type_are_numbers(kind):
    overlays = opened()[2]
    array = np.zeros(SHAPE, kind)
    array[1], array[2, :4], array[3, :, :7] = 1, 2, 3
    names = {1: "liver", 2: "spleen", 3: "kidney"}
    assert overlays.add_mask(array, labels=names) == ["liver", "spleen", "kidney"]
    assert overlays.add_mask(array, name="part") == ["part 1", "part 2", "part 3"]
    for name in ("kidney", "part 3"):
        assert overlays[name].volume.array.sum() == 40 * 7
    assert overlays.add_mask(np.minimum(array, 1).astype(bool), labels={1: "body"}) == ["body"]
    assert overlays["body"].volume.array.sum() == (array > 0).sum()


def test_parts_of_voxels_belong_to_a_mask_from_a_half_on():
    overlays = opened()[2]
    parts = np.zeros(SHAPE)
    parts[3, 4, 5:8] = 0.4, 0.5, 1
    parts[0] = np.nan
    assert overlays.add_mask(parts) == ["mask"] and overlays["mask"].volume.array.sum() == 2
    assert overlays.add_mask(np.rint(parts), name="whole") == ["whole"]
    for mask, labels, told in (
        (parts, {1: "a"}, "mask >= 0"),
        (parts > 0.5, {2: "a"}, "none of the numbers"),
        (np.rint(parts), {"a": 1}, "1: 'liver'"),
        (np.rint(parts), {1: "a", 0: "a"}, "must differ"),
    ):
        with pytest.raises(TraitError, match=told):
            overlays.add_mask(mask, labels=labels)


def test_a_mask_of_several_frames_is_refused_with_what_to_do():
    overlays = opened()[2]
    frames = np.zeros((3, *SHAPE), bool)
    with pytest.raises(GeometryError, match=r"pass one frame, mask\[k\]"):
        overlays.add_mask(frames)
    with pytest.raises(GeometryError, match=r"mask\[None\]"):
        overlays.add_mask(frames[0, 0])


def fine_values(other, vol, index, *, order=1, finer=(8, 8), uneven=False):
    """Return values of a volume on an axial slice of another, where there are none, and its columns."""
    view = resolve(vol, ViewState(vol)).pane("axial").view
    values, beyond, (_, left) = patch_of(other, (), vol.geometry, view, index=index, finer=finer, order=order)
    at = (np.arange(values.shape[1]) + left + 0.5) / finer[1] - 0.5
    return values, np.zeros(values.shape, bool) if beyond is None else beyond, at


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("order", [0, 1])
def test_padding_is_not_mixed_with_values(order, uneven):
    affine = np.eye(4)[[2, 1, 0, 3]]
    vol = dv.Volume.from_array(np.zeros((4, 6, 8)), affine=affine)
    array = np.full((4, 6, 8), 3000, np.int16)
    array[..., 4:] = -2000
    positions = np.array([[0, 0, z] for z in (0, 1, 2, 3.5)]) if uneven else None
    geometry = Geometry(array.shape, affine=affine, slice_positions=positions)
    other = dv.Volume(array, geometry=geometry, padding=(-2000, -1500))
    values, beyond, at = fine_values(other, vol, 1, order=order)
    assert (beyond == (at > 3.5)).all(), "the nearest voxel is padding"
    assert (values[~beyond] == 3000).all()
    array[..., 1] = 1000  # values are mixed with values as before
    values, _, at = fine_values(other, vol, 1, order=1)
    np.testing.assert_allclose(values[0][at < 2], np.interp(at[at < 2], range(4), [3000, 1000, 3000, 3000]))


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("turn", [False, True])
def test_what_a_resliced_volume_did_not_acquire_is_not_coloured(turn, lazy):
    affine = np.eye(4)[[2, 1, 0, 3]]
    vol = dv.Volume.from_array(np.zeros((12, 20, 20)), affine=affine)
    small = affine.copy()
    small[:3, 3] = 3, 4, 2
    if turn:
        small[:3, :3] = small[:3, :3] @ turned_grid().affine[:3, :3] / turned_grid().spacing
    pet = dv.Volume.from_array(np.full((6, 9, 10), 7.0), affine=small)
    pet.array[0, 0, 0] = 1  # the value of "no data"
    placed = pet.on(vol, lazy=lazy)
    state = ViewState(vol, window=(0, 10), index=(4, 10, 10))
    Overlays(state).fuse(placed, window=(0.5, 1))
    shown = state.overlays[0].volume
    for k in (1, 4, 6, 7, 9):
        index = np.ix_([k], range(20), range(20))
        lacks = np.broadcast_to(placed.without_data(index), (1, 20, 20))[0]
        values, beyond, _ = fine_values(shown, vol, k, finer=(1, 1))
        np.testing.assert_array_equal(beyond, lacks)
        values, beyond, _ = fine_values(shown, vol, k, finer=(3, 3))
        np.testing.assert_array_equal(beyond, lacks.repeat(3, 0).repeat(3, 1))
        state.index = (k, 10, 10)
        if lacks.all():
            assert overlay_raster(vol, resolve(vol, state).pane("axial")) is None
        elif k == 6 and not turn:
            np.testing.assert_allclose(values[~beyond], 7, err_msg="and no value is mixed with it")


def test_missing_slices_of_a_resliced_volume_are_not_coloured():
    from dicomview.volume import Report

    vol, state, overlays = opened()
    pet = dv.Volume(
        np.full((2, *SHAPE), 7.0),
        geometry=vol.geometry,
        dims=("time", "slice", "row", "column"),
        report=Report(missing=((0, 3), (1, 11))),
    )
    moved = vol.geometry.affine.copy()
    moved[:3, 3] += moved[:3, 1] / 2
    grid = Geometry(SHAPE, affine=moved)
    overlays.fuse(pet.on(grid, lazy=True), window=(5, 10))
    for k in (3, 11):
        state.index = (k, 20, 22)
        assert (overlay_raster(vol, resolve(vol, state).pane("axial")) is None) == (k == 11)


def test_padding_is_below_no_dose():
    vol, state, overlays = opened()
    array = np.full(SHAPE, 10.0)
    array[:, :, 22:] = 60  # padding beyond all levels
    overlays.isodoses(dv.Volume(array, geometry=vol.geometry, padding=(60, 60)), [20])
    assert overlay_raster(vol, resolve(vol, state).pane("axial")) is None


def thick_slice(z, meta, value=7.0):
    """Return a single axial slice at a height, over slices that are 5 mm apart, and these."""
    affine = np.diag([5.0, 1, 1, 1])[:, [0, 1, 2, 3]][[2, 1, 0, 3]]
    vol = dv.Volume.from_array(np.zeros((4, 8, 9)), affine=affine)
    one = np.eye(4)[[2, 1, 0, 3]]
    one[2, 3] = z
    return vol, dv.Volume.from_array(np.full((1, 8, 9), value), affine=one, meta=meta)


@pytest.mark.parametrize("is_mask", [False, True])
def test_a_single_slice_is_as_thick_as_it_says(is_mask):
    vol, other = thick_slice(4.0, {"SliceThickness": 3.0})
    state = ViewState(vol, window=(0, 10))
    if is_mask:
        Overlays(state).add_mask(dv.Volume(other.array > 0, geometry=other.geometry, meta=other.meta))
    else:
        Overlays(state).fuse(other, window=(5, 10))
    shown = []
    for k in range(4):
        state.index = (k, 4, 4)
        shown.append(overlay_raster(vol, resolve(vol, state).pane("axial")) is not None)
    assert shown == [False, True, False, False], "from 2.5 to 5.5 mm"
    state.index = (0, 4, 4)
    pixels, finer, _ = overlay_raster(vol, resolve(vol, state).pane("coronal"))
    assert pixels.shape[0] / finer[0] * 5 == pytest.approx(3, abs=5 / finer[0])


def test_a_single_slice_that_is_seen_in_no_slice_is_refused():
    vol, other = thick_slice(4.0, {})
    overlays = Overlays(ViewState(vol))
    with pytest.raises(GeometryError, match=r"SliceThickness \(0018,0050\)"):
        overlays.fuse(other, window=(5, 10))
    assert overlays.fuse(thick_slice(5.3, {})[1], window=(5, 10)) == ["volume"], "it is in a slice"
    assert overlays.fuse(thick_slice(50.0, {})[1], window=(5, 10)) == ["volume 2"], "elsewhere, as any other"
    upright = dv.Volume.from_array(np.ones((1, 8, 9)), affine=np.eye(4)[[1, 2, 0, 3]])
    assert overlays.fuse(upright, window=(0, 1)) == ["volume 3"], "it crosses the slices"


@pytest.mark.parametrize(
    ("z", "thickness", "voxels"), [(4.0, 3.0, [0, 72, 0, 0]), (5.0, 12.0, [72, 72, 72, 0])]
)
def test_paint_begins_with_all_of_a_thick_slice(z, thickness, voxels):
    vol, other = thick_slice(z, {"SliceThickness": thickness})
    overlays = Overlays(ViewState(vol))
    overlays.paint(other)
    assert overlays["mask"].array.sum(axis=(1, 2)).tolist() == voxels


def test_paint_begins_with_a_mask_in_one_slice_of_another_grid():
    vol, _ = thick_slice(0.0, {})
    affine = np.diag([4.0, 1, 1, 1])[[2, 1, 0, 3]]
    mask = np.zeros((5, 8, 9), bool)
    mask[1] = True
    overlays = Overlays(ViewState(vol))
    overlays.add_mask(mask, geometry=Geometry(mask.shape, affine=affine), name="other")
    overlays.paint("other")
    assert overlays["mask"].array.sum(axis=(1, 2)).tolist() == [0, 72, 0, 0]


def test_a_mask_by_a_name_that_is_not_there_is_told_how_to_begin_an_empty_one():
    _, _, overlays = opened()
    with pytest.raises(KeyError, match=r"no overlay 'lesion'.*paint\(name='lesion'\)"):
        overlays.paint("lesion")
