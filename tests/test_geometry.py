"""Affines, planes and letters against closed form."""

import numpy as np
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels

from dicomview.errors import GeometryError
from dicomview.geometry import PLANES, Geometry, letters, obliquity, plane_axes, plane_view
from dicomview.geometry.middle import median


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_attributes_give_the_affine(orientation):
    affine = make_affine(orientation)
    rows, columns = affine[:3, 1], affine[:3, 2]
    spacing = np.linalg.norm(rows), np.linalg.norm(columns)
    geometry = Geometry.from_attributes(
        (6, 8, 10),
        orientation=[*columns / spacing[1], *rows / spacing[0]],
        pixel_spacing=spacing,
        positions=[affine[:3, 3] + k * affine[:3, 0] for k in range(6)],
    )
    np.testing.assert_allclose(geometry.affine, affine, atol=1e-12)
    np.testing.assert_allclose(geometry.spacing, np.linalg.norm(affine[:3, :3], axis=0))
    np.testing.assert_allclose(geometry.index(geometry.position((3, 4, 5))), (3, 4, 5), atol=1e-9)


def test_tilt_is_the_angle_of_the_shear():
    assert Geometry((5, 4, 4), affine=make_affine("axial")).tilt == 0
    expected = np.degrees(np.arctan(0.75 / 3))
    assert Geometry((5, 4, 4), affine=make_affine("tilted")).tilt == pytest.approx(expected)


@pytest.mark.parametrize(
    ("orientation", "axes"),
    [
        ("axial", {"axial": 0, "coronal": 1, "sagittal": 2}),
        ("sagittal", {"axial": 1, "coronal": 2, "sagittal": 0}),
        ("coronal", {"axial": 1, "coronal": 0, "sagittal": 2}),
        ("decubitus", {"axial": 0, "coronal": 2, "sagittal": 1}),
        ("oblique", {"axial": 0, "coronal": 1, "sagittal": 2}),
    ],
)
def test_planes_find_their_axis(orientation, axes):
    assert plane_axes(Geometry((5, 4, 4), affine=make_affine(orientation))) == axes


@pytest.mark.parametrize("orientation", [name for name in ORIENTATIONS if name not in ("oblique", "tilted")])
def test_every_orientation_is_shown_the_same_way_round(orientation):
    geometry = Geometry((5, 6, 7), affine=make_affine(orientation))
    edges = {plane: plane_view(geometry, plane).edges for plane in ("axial", "coronal", "sagittal")}
    assert edges == {
        "axial": ("A", "P", "R", "L"),
        "coronal": ("S", "I", "R", "L"),
        "sagittal": ("S", "I", "A", "P"),
    }


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_displayed_picture_has_the_patient_the_right_way_round(orientation):
    """Paint every voxel with its own x, y, z; on screen they must grow in the directions of the letters."""
    geometry = Geometry((5, 6, 7), affine=make_affine(orientation))
    grid = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    where = geometry.position(grid)
    for plane, right, down in [
        ("axial", (0, 1), (1, 1)),
        ("coronal", (0, 1), (2, -1)),
        ("sagittal", (1, 1), (2, -1)),
    ]:
        view = plane_view(geometry, plane)
        for (component, sign), axis in ((right, 1), (down, 0)):
            picture = view.flipped(view.take(where[..., component], 2))
            steps = np.diff(picture, axis=axis) * sign
            assert (steps > 0).all(), f"{plane} runs the wrong way along axis {axis} of the screen"


def test_aspect_is_height_over_width_of_a_displayed_pixel():
    geometry = Geometry((5, 6, 7), affine=make_affine("sagittal"))  # L 3 mm, S 0.8 mm, P 0.6 mm
    assert plane_view(geometry, "axial").aspect == pytest.approx(0.6 / 3)  # P down, L right
    assert plane_view(geometry, "coronal").aspect == pytest.approx(0.8 / 3)
    assert plane_view(geometry, "sagittal").aspect == pytest.approx(0.8 / 0.6)


def test_letters_name_up_to_three_sides():
    assert letters([1, 0, 0]) == "L"
    assert letters([-0.8, -0.5, -0.1]) == "RAI"
    assert letters([1, 1e-5, 0]) == "L"


def test_what_is_not_known_is_none():
    geometry = Geometry((5, 6, 7), spacing=(None, 0.5, 0.5))
    assert geometry.affine is None and geometry.position((0, 0, 0)) is None
    assert plane_view(geometry, "axial").aspect == 1.0
    assert plane_view(geometry, "sagittal").aspect is None
    assert plane_view(geometry, "sagittal").edges == ("", "", "", "")
    with pytest.raises(GeometryError, match="need an affine"):
        geometry.index((0, 0, 0))


def test_one_slice_has_no_slice_step():
    geometry = Geometry.from_attributes(
        (1, 4, 4), orientation=[1, 0, 0, 0, 1, 0], pixel_spacing=(0.5, 0.5), positions=[(1, 2, 3)]
    )
    assert geometry.spacing == (None, 0.5, 0.5)
    assert plane_view(geometry, "axial").edges == ("A", "P", "R", "L")


@pytest.mark.parametrize(
    "wrong",
    [
        {"orientation": [1, 0, 0, 1, 0, 0]},
        {"orientation": [2, 0, 0, 0, 1, 0]},
        {"pixel_spacing": (0, 1)},
        {"positions": [(0, 0, 0), (0, 0, 0)]},
    ],
)
def test_impossible_attributes_are_refused(wrong):
    attributes = {
        "orientation": [1, 0, 0, 0, 1, 0],
        "pixel_spacing": (1, 1),
        "positions": [(0, 0, 0), (0, 0, 1)],
    }
    with pytest.raises(GeometryError):
        Geometry.from_attributes((2, 4, 4), **{**attributes, **wrong})


def test_a_singular_affine_is_refused():
    with pytest.raises(GeometryError, match="singular"):
        Geometry((2, 2, 2), affine=np.diag([1, 1, 0, 1]))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("plane", PLANES)
def test_turning_and_mirroring_a_view_turns_picture_and_letters(orientation, plane):
    geometry = Geometry((6, 8, 10), affine=make_affine(orientation))
    voxels = make_voxels()
    view = plane_view(geometry, plane)
    picture = view.flipped(view.take(voxels, 3))
    for quarters in range(5):
        turned = view.turned(quarters)
        np.testing.assert_array_equal(turned.flipped(turned.take(voxels, 3)), np.rot90(picture, -quarters))
        assert turned.aspect == pytest.approx(view.aspect if quarters % 2 == 0 else 1 / view.aspect)
    top, bottom, left, right = view.edges
    assert view.turned(1).edges == (left, right, bottom, top)  # clockwise: what was left is on top
    assert view.turned(2).edges == (bottom, top, right, left) and view.turned(4) == view
    mirrored = view.mirrored()
    np.testing.assert_array_equal(mirrored.flipped(mirrored.take(voxels, 3)), picture[:, ::-1])
    assert mirrored.edges == (top, bottom, right, left)


def test_the_neurological_convention_exchanges_left_and_right():
    geometry = Geometry((6, 8, 10), affine=make_affine("axial"))
    edges = {p: plane_view(geometry, p, convention="neurological").edges for p in PLANES}
    assert edges["axial"] == ("A", "P", "L", "R") and edges["coronal"] == ("S", "I", "L", "R")
    assert edges["sagittal"] == plane_view(geometry, "sagittal").edges


def test_obliquity_is_the_angle_to_the_patient():
    assert obliquity(Geometry((6, 8, 10), affine=make_affine("axial"))) == pytest.approx(0, abs=1e-6)
    assert obliquity(Geometry((6, 8, 10), affine=make_affine("oblique"))) == pytest.approx(30)
    # A tilted gantry stacks the slices at a slant; the slices themselves are straight.
    assert obliquity(Geometry((6, 8, 10), affine=make_affine("tilted"))) == pytest.approx(0, abs=1e-6)
    assert obliquity(Geometry((6, 8, 10))) is None


@pytest.mark.parametrize("shape", [(1,), (2,), (5,), (6, 3), (7, 2), (3, 0)])
def test_the_median_is_that_of_numpy(shape):
    values = np.random.default_rng(len(shape)).normal(size=shape)
    assert np.array_equal(median(values), np.median(values, axis=0))
    if values.size > 2:
        values[1] = np.nan
        assert np.array_equal(median(values), np.median(values, axis=0), equal_nan=True)
