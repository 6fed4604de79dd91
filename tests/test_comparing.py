"""Two volumes as one: every mode against numpy, the difference against SimpleITK."""

import numpy as np
import pytest
from conftest import make_affine, make_voxels
from traitlets import TraitError

import dicomview as dv
from dicomview.errors import DisplayError, GeometryError
from dicomview.geometry import Geometry
from dicomview.state import Comparison
from dicomview.volume.compose import Pair
from dicomview.volume.planewise import PlanewiseArray

SHAPE = (9, 12, 14)
CT = {"Modality": "CT", "SeriesDescription": "before"}


def volume(array, affine=None, **meta):
    return dv.Volume.from_array(array, affine=affine, meta={**CT, **meta})


@pytest.fixture
def a():
    return volume(make_voxels(SHAPE), make_affine())


@pytest.fixture
def b():
    return volume(make_voxels(SHAPE, seed=1), make_affine(), SeriesDescription="after")


def planes(array):
    """Return every plane across every axis."""
    return {
        (axis, k): np.asarray(np.asarray(array).take(k, axis))
        for axis in range(3)
        for k in range(SHAPE[axis])
    }


def composed_planes(vol):
    """Return every plane as a pane takes it."""
    return {
        (axis, k): np.asarray(vol.array[(*(slice(None),) * axis, k)])
        for axis in range(3)
        for k in range(SHAPE[axis])
    }


@pytest.mark.usefixtures("named")
def test_another_frame_of_reference_is_told():
    a, b = (
        dv.Volume.from_array(
            np.zeros((4, 5, 6)), affine=np.diag([1, 1, s, 1]), meta={"FrameOfReferenceUID": uid}
        )
        for s, uid in ((1, "1.2"), (2, "1.3"))
    )
    same = dv.Volume(b.array, geometry=a.geometry, meta=b.meta)
    for other in (b, same):
        (text,) = (text for text in other.on(a).report.warnings if "Frame" in text)
        assert "FrameOfReferenceUID (0020,0052) is 1.3 and 1.2" in text
        assert any(text in told for told in Comparison(a, other, mode="curtain").composed().report.warnings)
    assert same.report.warnings == () and a.on(a) is a and same.on(a.geometry) is same


@pytest.mark.usefixtures("named")
def test_checkerboard_against_numpy(a, b):
    # Voxels are 2.5, 0.8 and 0.6 mm: tiles of 5 mm have 2, 6.25 and 8.33 of them.
    board = Comparison(a, b, mode="checkerboard", tile=5).composed()
    number = [np.floor(np.arange(n) * d / 5 + 1e-9) for n, d in zip(SHAPE, (2.5, 0.8, 0.6))]
    for (axis, k), shown in composed_planes(board).items():
        one, two = (n for i, n in enumerate(number) if i != axis)
        second = (one[:, None] + two) % 2 == 1
        expected = np.where(second, b.array.take(k, axis), a.array.take(k, axis))
        np.testing.assert_array_equal(shown, expected)
    assert second.any() and not second.all()
    assert board.unit == "HU" and board.default_window == a.default_window
    assert "before | after: checkerboard" in repr(board)


def test_curtain_is_the_left_of_the_screen(a, b):
    curtain = Comparison(a, b, mode="curtain", curtain=0.25).composed()
    axial = curtain.array[4]  # columns run to the left of the patient, which is on the right
    np.testing.assert_array_equal(axial[:, :4], a.array[4][:, :4])
    np.testing.assert_array_equal(axial[:, 4:], b.array[4][:, 4:])
    sagittal = curtain.array[:, :, 5]  # rows run to the right
    np.testing.assert_array_equal(sagittal, np.where(np.arange(12) < 3, a.array[:, :, 5], b.array[:, :, 5]))
    mirrored = np.diag([-1.0, 1, 1, 1]) @ make_affine()
    a, b = volume(a.array, mirrored), volume(b.array, mirrored)
    axial = Comparison(a, b, mode="curtain", curtain=0.25).composed().array[4]
    np.testing.assert_array_equal(axial, np.where(np.arange(14) >= 10, a.array[4], b.array[4]))
    for at, shown in ((0, b), (1, a)):
        np.testing.assert_array_equal(
            Comparison(a, b, mode="curtain", curtain=at).composed().array[:, 3], shown.array[:, 3]
        )


def test_blink_has_both_in_turns(a, b):
    both = Comparison(a, b, mode="blink").composed()
    assert both.dims == ("shown", "slice", "row", "column")
    assert [both.dimensions[0].label(i) for i in (0, 1)] == ["shown = a", "shown = b"]
    np.testing.assert_array_equal(np.asarray(both), np.stack([a.array, b.array]))
    np.testing.assert_array_equal(both.frame((1,))[:, 2, 3], b.array[:, 2, 3])


def test_difference_is_signed_and_its_window_symmetric(a, b):
    difference = Comparison(a, b, mode="difference").composed()
    expected = a.array.astype(int) - b.array
    for (axis, k), shown in composed_planes(difference).items():
        np.testing.assert_array_equal(shown, expected.take(k, axis))
    window = difference.default_window
    assert window.center == 0 and window.width == pytest.approx(
        2 * np.percentile(abs(expected), 99.5), rel=0.01
    )
    assert difference.unit == "HU"
    same = Comparison(a, a, mode="difference").composed()
    assert not np.asarray(same).any() and same.default_window.width == 1


def test_difference_against_simpleitk():
    sitk = pytest.importorskip("SimpleITK")
    turned = np.eye(4)
    turned[:3, :3] = [[0.995, -0.0998, 0], [0.0998, 0.995, 0], [0, 0, 1]]
    smooth = np.add.reduce(np.meshgrid(*(np.linspace(0, 500, n) for n in SHAPE), indexing="ij"))
    a = volume(smooth.astype(np.float32), make_affine())
    b = volume((2 * smooth[:, :9, ::-1]).astype(np.float32), turned @ make_affine(origin=(-19, -30, 16)))
    first, second = a.to_sitk(), b.to_sitk()
    theirs = sitk.Resample(second, first, sitk.Transform(), sitk.sitkLinear, float("nan"), sitk.sitkFloat32)
    expected = sitk.GetArrayFromImage(first) - sitk.GetArrayFromImage(theirs)
    ours = np.asarray(Comparison(a, b, mode="difference").composed())
    both = np.isfinite(expected) & np.isfinite(ours)
    assert 0.2 < both.mean() < 0.95
    np.testing.assert_allclose(ours[both], expected[both], atol=2e-3)
    assert (np.isfinite(expected) == np.isfinite(ours)).mean() > 0.99, "but for ties half a voxel beyond"


def test_what_is_missing_is_empty_not_zero(a, b):
    shifted = volume(b.array, make_affine(origin=(-20.5, -31.25, 12.75 + 2.5 * 3)))
    difference = np.asarray(Comparison(a, shifted, mode="difference").composed())
    assert np.isnan(difference[:3]).all()
    np.testing.assert_array_equal(difference[3:], a.array[3:].astype(int) - b.array[:-3])
    board = Comparison(a, shifted, mode="checkerboard", tile=5).composed()
    assert np.isnan(board.array[0]).any() and np.isfinite(board.array[0]).any()
    assert Comparison(a, shifted).values((0, 4, 4))[1] != Comparison(a, shifted).values((0, 4, 4))[1]
    assert Comparison(a, shifted).values((5, 4, 4)) == (a.array[5, 4, 4], b.array[2, 4, 4])


def test_missing_slices_and_padding_have_no_difference(a, b):
    gap = dv.Volume(
        a.array, geometry=a.geometry, meta=a.meta, report=dv.volume.Report(missing=(2,)), padding=(-100, -90)
    )
    difference = np.asarray(Comparison(gap, b, mode="difference").composed())
    expected = (a.array <= -90) | (np.arange(SHAPE[0])[:, None, None] == 2)
    np.testing.assert_array_equal(np.isnan(difference), expected)


def test_another_kind_keeps_its_own_window():
    ct = volume(np.full(SHAPE, 40, np.int16))
    pet = volume(np.full(SHAPE, 2.5), Modality="PT", Units="GML")
    both = Comparison(ct, pet, mode="curtain", windows=((40, 80), (2.5, 5)))
    assert not both.is_alike
    shown = both.composed()
    np.testing.assert_allclose(shown.array[0], 40)  # the middle of its window is the middle of the other
    assert shown.unit == "HU scale" and both.values((1, 1, 1)) == (40, 2.5)
    hot = volume(np.full(SHAPE, 5.0), Modality="PT", Units="GML")
    black = Comparison(ct, hot, mode="curtain", windows=both.windows)  # as PET is shown
    np.testing.assert_allclose(black.composed().array[0, :, -1], 0, atol=1e-4)
    assert "difference" not in both.modes
    with pytest.raises(TraitError, match="HU and"):
        both.mode = "difference"


def test_a_mask_has_its_own_window(a):
    mask = dv.Volume.from_array(a.array > 500, affine=make_affine(), meta={"Modality": "SEG"})
    both = Comparison(a, mask, mode="checkerboard", tile=5)
    assert both.windows == (a.default_window, dv.Window(0.5, 1))
    low, high = a.default_window.limits
    shown = both.composed().array[0]
    second = ~np.isclose(shown, a.array[0])
    assert set(np.round(shown[second])) <= {np.round(low), np.round(high)}


def test_alike_have_one_window(a, b):
    both = Comparison(a, b)
    assert both.is_alike and both.windows == (a.default_window,) * 2


def test_an_uneven_grid_is_met_slice_by_slice():
    heights = np.array([0, 2.5, 5, 10, 12.5, 15.0])
    positions = np.array([-20.5, -31.25, 12.75]) + heights[:, None] * [0, 0, 1]
    affine = make_affine()
    affine[2, 0] = heights[-1] / 5
    uneven = dv.Volume(
        np.zeros((6, 8, 10), np.float32),
        geometry=Geometry((6, 8, 10), affine=affine, slice_positions=positions),
    )
    ramp = np.broadcast_to(np.arange(20.0)[:, None, None] * 2.5, (20, 8, 10))
    even = dv.Volume.from_array(ramp, affine=make_affine())
    on = even.on(uneven, lazy=True)
    for k, height in enumerate(heights):
        np.testing.assert_allclose(on.array[k], height, atol=1e-6)
    np.testing.assert_allclose(on.array[:, 3, 2], heights, atol=1e-6)
    np.testing.assert_allclose(np.asarray(on)[:, 3, 2], heights, atol=1e-6)


def test_volumes_that_cannot_be_composed_can_stand_side_by_side(a):
    color = dv.Volume.from_array(np.zeros((*SHAPE, 3), np.uint8), affine=make_affine())
    elsewhere = dv.Volume.from_array(np.zeros(SHAPE))
    waves = dv.Volume.from_array(np.zeros(SHAPE, complex), affine=make_affine())
    with pytest.raises(DisplayError, match="real numbers"):
        Pair(a, waves)
    for other, error in ((color, DisplayError), (elsewhere, GeometryError)):
        with pytest.raises(error):
            Pair(a, other)
        both = Comparison(a, other)
        assert both.modes == ("side",)
        with pytest.raises(TraitError, match="curtain"):
            both.mode = "curtain"
        with pytest.raises(DisplayError, match="side by side"):
            both.composed()


def moving(count, seed, name="time", affine=None):
    array = np.stack([make_voxels(SHAPE, seed=seed + i) for i in range(count)])
    return dv.Volume.from_array(
        array, affine=make_affine() if affine is None else affine,
        dims=(name, "slice", "row", "column"), meta=CT,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["checkerboard", "curtain", "difference", "blink"])
@pytest.mark.parametrize("frames", ["linked", "own"])
def test_frames_go_along_or_each_has_its_own(mode, frames):
    a, b = moving(3, 0), moving(3, 10)
    both = Comparison(a, b, mode=mode, frames=frames, tile=5)
    made = both.composed()
    names = ("time",) if frames == "linked" else ("time of a", "time of b")
    assert made.extra_dims == (*["shown"] * (mode == "blink"), *names)
    one = [dv.Volume(np.array(v.array[0]), geometry=v.geometry, meta=CT) for v in (a, b)]
    for at in [0, 1, 2] if frames == "linked" else [(0, 2), (2, 1)]:
        first, second = (at, at) if frames == "linked" else at
        place = (at,) if frames == "linked" else at
        one[0].array[:], one[1].array[:] = a.array[first], b.array[second]
        single = Comparison(*one, mode=mode, tile=5, windows=both.windows).composed()
        for shown in range(2) if mode == "blink" else [None]:
            lead = () if shown is None else (shown,)
            for key in ((4,), (slice(None), 5), (slice(None), slice(None), 6)):
                np.testing.assert_array_equal(made.array[(*lead, *place, *key)], single.array[(*lead, *key)])
    if mode == "difference":
        assert made.default_window.center == 0 and made.default_window.width > 2
    place = (1,) if frames == "linked" else (1, 2)
    second = 1 if frames == "linked" else 2
    assert both.values((4, 5, 6), place) == (a.array[1, 4, 5, 6], b.array[second, 4, 5, 6])
    assert both.paired.joined(*both.paired.split(place)) == place


def test_only_frames_that_agree_go_along(b):
    for second, names in (
        (moving(2, 5), ("time of a", "time of b")),
        (moving(3, 5, "echo"), ("time", "echo")),
        (b, ("time",)),
    ):
        both = Comparison(moving(3, 0), second, mode="curtain")
        assert not both.paired.can_link and both.composed().extra_dims == names
    both = Comparison(b, moving(3, 5), mode="difference")
    np.testing.assert_array_equal(both.composed().array[2, 4], b.array[4] - moving(3, 5).array[2, 4])


def test_where_times_differ_both_are_told():
    a, b = moving(2, 0), moving(2, 5)
    a.dimensions = (dv.volume.Dimension("time", (0.0, 1.5), "s"),)
    b.dimensions = (dv.volume.Dimension("time", (0.0, 2.0), "s"),)
    (time,) = Comparison(a, b, mode="curtain").composed().dimensions
    assert (time.label(0), time.label(1)) == ("time = 0 | 0 s", "time = 1.5 | 2 s")


def test_frames_of_another_grid_come_from_their_own_frame():
    shift = make_affine()
    shift[:3, 3] += shift[:3, 0]  # one slice further
    a, b = moving(2, 0), moving(2, 5, affine=shift)
    shown = Comparison(a, b, mode="difference").composed()
    for t in range(2):
        np.testing.assert_allclose(shown.array[t, 4], a.array[t, 4] - b.array[t, 3], atol=1e-3)
        assert np.isnan(shown.array[t, 0]).all(), "nothing was acquired there"


def coloured(seed, dtype=np.uint8, channels=3, **meta):
    array = np.random.default_rng(seed).integers(0, 256, (*SHAPE, channels)).astype(dtype)
    return dv.Volume.from_array(
        array, affine=make_affine(), dims=("slice", "row", "column", "rgb"), meta={**CT, **meta}
    )


def test_colours_are_composed_but_not_subtracted():
    a, b = coloured(0), coloured(1, np.uint16, 4, BitsStored=8)
    both = Comparison(a, b)
    assert both.modes == ("side", "checkerboard", "curtain", "blink")
    with pytest.raises(TraitError, match=r"difference.*colours.*channel"):
        both.mode = "difference"
    both.mode = "curtain"
    made = both.composed()
    assert made.is_color and made.dtype == np.uint8 and made.shape == (*SHAPE, 3)
    left, right = a.array[:, :, :7], b.array[:, :, 7:, :3]
    for k in range(SHAPE[0]):
        np.testing.assert_array_equal(made.array[k], np.concatenate([left[k], right[k]], axis=1))
    np.testing.assert_array_equal(made.array[:, 3], np.concatenate([left[:, 3], right[:, 3]], axis=1))
    np.testing.assert_array_equal(np.asarray(made)[2:4, 3, 5], a.array[2:4, 3, 5])
    both.mode = "blink"
    np.testing.assert_array_equal(both.composed().array[1, 4], b.array[4, ..., :3])
    np.testing.assert_array_equal(both.composed().array[0, :, :, 4], a.array[:, :, 4])
    both.mode, both.tile = "checkerboard", 5
    assert both.composed().array[4].shape == (*SHAPE[1:], 3)
    assert both.values((1, 2, 3)) == (tuple(a.array[1, 2, 3]), tuple(b.array[1, 2, 3, :3]))


def test_colours_and_values_are_not_mixed(a):
    with pytest.raises(TraitError, match="one has colours, the other values"):
        Comparison(a, coloured(0), mode="blink")


def test_arrays_of_unknown_place_are_met_voxel_by_voxel():
    one, two = (dv.Volume.from_array(np.full(SHAPE, k)) for k in (7, 4))
    assert (np.asarray(Comparison(one, two, mode="difference").composed()) == 3).all()


def test_traits_are_checked(a, b):
    both = Comparison(a, b, curtain=7)
    assert both.curtain == 1
    for name, value in (("tile", 0), ("tile", float("nan")), ("windows", (1, 2, 3)), ("rate", 1000)):
        with pytest.raises(TraitError, match=name):
            setattr(both, name, value)
    with pytest.raises(TypeError, match="nonsense"):
        Comparison(a, b, nonsense=1)


def test_planewise_is_indexed_as_numpy_is():
    whole = make_voxels((2, 3, 4, 5))
    array = PlanewiseArray(lambda frame, axis, k: whole[frame].take(k, axis), whole.shape, whole.dtype)
    keys = [
        0, -1, (1, 2), (0, slice(None), 3), (1, slice(None), slice(None), -2), (1, 2, 3, 4), (1, ..., 2),
        (0, slice(1, 3)), (0, slice(1, 3), slice(None), 2), (0, slice(None), slice(0, 2)), slice(None),
        (slice(None), 1), (1, slice(2, 2)), (0, slice(None, None, -1), 1),
    ]  # fmt: skip
    for key in keys:
        np.testing.assert_array_equal(np.asarray(array[key]), whole[key])
    for key in (5, (0, 9), (0, 0, 0, 9)):
        with pytest.raises(IndexError):
            _ = array[key]
    assert len(array) == 2 and np.asarray(array, dtype=float).dtype == float
