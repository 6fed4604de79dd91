"""Overlays land where nibabel and highdicom put them, and where the phantom is by its formula."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import dicomview as dv
from dicomview.geometry import PLANES
from dicomview.render import overlay_raster
from dicomview.state import Overlays, ViewState, patch_of, resolve

SHAPE = (22, 40, 36)
#: Millimetres between slices, rows and columns.
SPACING = (3.1, 0.8, 1.3)
CENTER = np.array([11.0, -23.5, 41.0])


def turned(angles):
    """Return a rotation about x, y and z, degrees."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(angles)):
        one = np.eye(3)
        a, b = (i for i in range(3) if i != axis)
        one[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        matrix = matrix @ one
    return matrix


def oblique(shape=SHAPE, spacing=SPACING, angles=(14, -21, 33), center=CENTER):
    """Return an affine, index (slice, row, column) to LPS mm, with a point off the middle of the grid."""
    affine = np.eye(4)
    affine[:3, :3] = (turned(angles) * (1, -1, 1))[:, [2, 1, 0]] * spacing
    affine[:3, 3] = center - affine[:3, :3] @ (np.array(shape) / 2 + (0.3, -2.2, 1.4))
    return affine


@pytest.fixture
def under(write):
    """Return a volume, and the files that it was read from."""
    files = write(array=np.zeros(SHAPE, np.int16), matrix=oblique())
    return dv.volread(files), files


def positions(files, index):
    """Return LPS of indices (slice, row, column), by nibabel's own reading of the headers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import: "experimental"
        from nibabel.nicom import dicomwrappers
    slices = [dicomwrappers.wrapper_from_file(file).affine for file in files]
    slices.sort(key=lambda affine: affine[:3, 3] @ np.cross(affine[:3, 1], affine[:3, 0]))
    first = slices[0][:3]
    step = (slices[-1][:3, 3] - first[:, 3]) / (len(slices) - 1)
    k, row, column = np.moveaxis(np.asarray(index, float), -1, 0)[..., None]
    return first[:, 3] + k * step + row * first[:, 0] + column * first[:, 1]


def shown(vol, state, plane, overlay, *, order):
    """Return values of an overlay on a pane, and the indices of their points in the volume below."""
    pane = resolve(vol, state).pane(plane)
    view = pane.view
    values, beyond, first = patch_of(
        overlay.volume, (), vol.geometry, view, index=pane.index, finer=(2, 3), order=order
    )
    down, right = np.indices(values.shape)
    index = np.empty((*values.shape, 3))
    index[..., view.axis] = pane.index
    index[..., view.down] = (down + first[0] + 0.5) / 2 - 0.5
    index[..., view.right] = (right + first[1] + 0.5) / 3 - 0.5
    return values, np.zeros(values.shape, bool) if beyond is None else beyond, index


def phantom(places, width=9.0):
    return 100 * np.exp(-((places - CENTER) ** 2).sum(axis=-1) / 2 / width**2)


def in_plane(files, axis, index):
    """Return the point of a slice that is nearest to the centre of the phantom, by nibabel."""
    corners = np.zeros((3, 3))
    corners[:, axis] = index
    a, b = (i for i in range(3) if i != axis)
    corners[1, a], corners[2, b] = 1, 1
    start, one, other = positions(files, corners)
    normal = np.cross(one - start, other - start)
    normal /= np.linalg.norm(normal)
    return CENTER + normal * ((start - CENTER) @ normal)


@pytest.mark.parametrize("plane", PLANES)
def test_a_fused_volume_lies_where_nibabel_puts_it(under, plane):
    nib = pytest.importorskip("nibabel")
    vol, files = under
    # An image of its own grid, made by nibabel's convention alone: RAS, (i, j, k).
    spacing, extents = (2.3, 1.7, 2.9), (34, 46, 28)
    affine = np.eye(4)
    affine[:3, :3] = turned((-40, 12, 75)) * spacing
    affine[:3, 3] = CENTER * (-1, -1, 1) - affine[:3, :3] @ ((np.array(extents) - 1) / 2 - (1.3, 0.4, -0.8))
    index = np.moveaxis(np.indices(extents), 0, -1)
    world = nib.affines.apply_affine(affine, index)
    image = nib.Nifti1Image(phantom(world * (-1, -1, 1)).astype(np.float32), affine)
    state = ViewState(vol, position=CENTER)
    overlays = Overlays(state)
    overlays.fuse(dv.Volume.from_nibabel(image), window=(50, 100), colormap="gray", opacity=1, name="PT")
    values, beyond, at = shown(vol, state, plane, overlays["PT"], order=1)
    lps = positions(files, at)
    own = nib.affines.apply_affine(np.linalg.inv(affine), lps * (-1, -1, 1))
    expected = map_coordinates(image.get_fdata(), np.moveaxis(own, -1, 0), order=1, mode="nearest")
    is_in = ((own > -0.5 + 1e-3) & (own < np.array(extents) - 0.5 - 1e-3)).all(axis=-1)
    assert is_in.sum() > 500 and not beyond[is_in].any()
    assert abs(values - expected)[is_in].max() < 1e-2, "of 100"
    # What is seen, by the picture itself.
    pane = resolve(vol, state).pane(plane)
    pixels, finer, first = overlay_raster(vol, pane)
    rows, columns = np.nonzero(pixels[..., 0] > 127)  # above half of the height
    seen = np.empty((len(rows), 3))
    seen[:, pane.view.axis] = pane.index
    seen[:, pane.view.down] = (rows + first[0] + 0.5) / finer[0] - 0.5
    seen[:, pane.view.right] = (columns + first[1] + 0.5) / finer[1] - 0.5
    middle = positions(files, seen).mean(axis=0)
    closed = in_plane(files, pane.view.axis, pane.index)
    assert np.linalg.norm(middle - closed) < 0.5 * min(SPACING), (middle, closed)


def ball(places, radius=10.0):
    return ((places - CENTER) ** 2).sum(axis=-1) < radius**2


def voxels_of_highdicom(path, names):
    """Return for every segment the LPS of its voxels, as highdicom reads the file, and the spacing."""
    hd = pytest.importorskip("highdicom")
    seg = hd.seg.segread(path)
    found = {}
    for number in seg.segment_numbers:
        volume = seg.get_volume(segment_numbers=[number])
        array = volume.array[..., 0] != 0
        places = volume.map_indices_to_reference(np.argwhere(array))
        found[names[number - 1]] = places, np.linalg.norm(volume.affine[:3, :3], axis=0)
    return found


@pytest.mark.parametrize("plane", PLANES)
def test_a_mask_that_is_written_is_read_by_highdicom_voxel_by_voxel(under, plane, tmp_path):
    pytest.importorskip("highdicom")
    pytest.importorskip("nibabel")
    vol, files = under
    state = ViewState(vol, position=CENTER)
    overlays = Overlays(state)
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    places = positions(files, index)
    masks = {"ball": ball(places), "half": ball(places) & (places[..., 0] > CENTER[0])}
    for name, mask in masks.items():
        overlays.add_mask(mask, name=name)
    overlays.to_seg(tmp_path / "seg.dcm")
    read = voxels_of_highdicom(tmp_path / "seg.dcm", list(masks))
    for name, mask in masks.items():
        theirs, spacing = read[name]
        np.testing.assert_allclose(sorted(spacing), sorted(SPACING), atol=1e-3)
        assert len(theirs) == mask.sum()
        ours = places[mask]
        near = [np.linalg.norm(theirs - place, axis=1).min() for place in ours[::7]]
        assert max(near) < 0.01, "mm"
    assert np.linalg.norm(read["ball"][0].mean(axis=0) - CENTER) < 0.5 * min(SPACING)
    # What is seen of it.
    values, beyond, at = shown(vol, state, plane, overlays["half"], order=0)
    expected = masks["half"][tuple(np.floor(np.moveaxis(at, -1, 0) + 0.5).astype(int))]
    np.testing.assert_array_equal((values != 0) & ~beyond, expected)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("angles", [(14, -21, 33), (-35, 50, 10)], ids=["on its images", "turned"])
def test_a_segmentation_of_highdicom_lies_where_highdicom_has_it(under, plane, angles, tmp_path):
    hd = pytest.importorskip("highdicom")
    pytest.importorskip("nibabel")
    vol, files = under
    # On the grid of the images, or on another one.
    own = angles == (14, -21, 33)
    shape, spacing = (SHAPE, SPACING) if own else ((18, 24, 30), (2.1, 1.1, 1.9))
    affine = oblique(shape, spacing, angles)
    geometry = hd.VolumeGeometry(
        affine=affine, spatial_shape=shape, coordinate_system="PATIENT",
        frame_of_reference_uid=vol.meta["FrameOfReferenceUID"],
    )  # fmt: skip
    index = np.moveaxis(np.indices(shape), 0, -1)
    places = geometry.map_indices_to_reference(index.reshape(-1, 3).astype(float)).reshape(*shape, 3)
    mask = ball(places) & (places[..., 2] < CENTER[2] + 4)
    code = hd.sr.CodedConcept("85756007", "SCT", "Tissue")
    described = hd.seg.SegmentDescription(
        segment_number=1, segment_label="ball", segmented_property_category=code,
        segmented_property_type=code, algorithm_type="MANUAL",
    )  # fmt: skip
    made = hd.seg.Segmentation(
        source_images=[dv.dataset(vol, k) for k in range(SHAPE[0])],
        pixel_array=geometry.with_array(mask.astype(np.uint8)),
        segmentation_type="BINARY", segment_descriptions=[described], series_instance_uid=hd.UID(),
        series_number=9, sop_instance_uid=hd.UID(), instance_number=1, manufacturer="x",
        manufacturer_model_name="x", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    made.save_as(tmp_path / "seg.dcm")
    ((theirs, _),) = voxels_of_highdicom(tmp_path / "seg.dcm", ["ball"]).values()
    assert len(theirs) == mask.sum()
    seg = dv.segread(tmp_path / "seg.dcm")
    ours = seg.geometry.position(np.argwhere(np.asarray(seg["ball"].array)))
    assert len(ours) == len(theirs)
    assert max(np.linalg.norm(theirs - place, axis=1).min() for place in ours[::5]) < 0.01
    # Over the images: a point is seen to be in it where the nearest voxel of highdicom is.
    state = ViewState(vol, position=CENTER)
    overlays = Overlays(state)
    overlays.add_segmentation(seg)
    values, beyond, at = shown(vol, state, plane, overlays["ball"], order=0)
    drawn = (values != 0) & ~beyond
    pixel = np.floor(np.moveaxis(at, -1, 0) + 0.5).astype(int)  # masks are put on the voxels of the images
    lps = positions(files, np.moveaxis(pixel, 0, -1))
    inverse = np.linalg.inv(affine)
    theirs_at = lps @ inverse[:3, :3].T + inverse[:3, 3]
    nearest = np.floor(theirs_at + 0.5).astype(int)
    fits = ((nearest >= 0) & (nearest < shape)).all(axis=-1)
    expected = np.zeros(drawn.shape, bool)
    expected[fits] = mask[tuple(np.moveaxis(nearest[fits], -1, 0))]
    certain = (abs(theirs_at + 0.5 - np.round(theirs_at + 0.5)) > 1e-3).all(axis=-1)
    assert expected.any() and certain.mean() > 0.9
    np.testing.assert_array_equal(drawn[certain], expected[certain])
