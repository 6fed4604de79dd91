"""Siemens mosaics and United Imaging grids against closed form and an independent reader."""

import math
import struct

import numpy as np
import pydicom
import pytest
from conftest import make_affine
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence_item

import dicomview as dv

DIFFUSION = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "MOSAIC"]


def csa(elements, *, newer=True):
    """Return a CSA header, in the form that begins with SV10 or in the older one."""
    items = 6
    raw = b"SV10\4\3\2\1" if newer else b""
    raw += struct.pack("<2I", 1 + len(elements), 77)
    for name, values in [("EchoLinePosition", ["64"]), *elements.items()]:
        kind = b"FD" if "." in values[0] else b"IS"
        raw += struct.pack("<64si4s3i", name.encode(), len(values), kind, 6, items, 77)
        for value in [*values, *[""] * (items - len(values))]:
            data = value.encode() + b"\0" if value else b""
            length = len(data)
            raw += (
                struct.pack("<4i", length, length, 77, length)
                if newer
                else struct.pack("<4i", length + items, length, 77, length)
            )
            raw += data + bytes(-length % 4)
    return raw


def tiled(array, down=None):
    """Lay slices out row after row in a grid, by default a square one."""
    across = math.ceil(math.sqrt(len(array)))
    down = down or across
    grid = np.zeros((down * across, *array.shape[1:]), array.dtype)
    grid[: len(array)] = array
    return grid.reshape(down, across, *array.shape[1:]).swapaxes(1, 2).reshape(
        down * array.shape[1], across * array.shape[2]
    )  # fmt: skip


@pytest.fixture
def mosaic(write):
    """Write slices as one mosaic; returns the file."""

    def mosaic(
        array, matrix, name="9", *, newer=True, csa_elements=None, has_csa=True, tiles=None, **elements
    ):  # fmt: skip
        count, rows, columns = array.shape
        picture = tiled(array)[None]
        side = picture.shape[1] // rows
        step = matrix[:3, 0]
        place = matrix.copy()
        # As if the mosaic were one slice round the same centre as the first one.
        place[:3, 3] -= matrix[:3, 1] * rows * (side - 1) / 2 + matrix[:3, 2] * columns * (side - 1) / 2
        gap = f"{np.linalg.norm(step):.10g}"
        told = {"Manufacturer": "SIEMENS", "SpacingBetweenSlices": gap}
        elements = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], **told, **elements}
        (path,) = write(name, picture, place, modality="MR", series_uid="1.2.6", elements=elements)
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.6.{name}"
        if has_csa:
            told = {"NumberOfImagesInMosaic": [str(count)],
                    "SliceNormalVector": [f"{x:.8f}" for x in step / np.linalg.norm(step)]}  # fmt: skip
            private = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
            private.add_new(0x10, "OB", csa(told | (csa_elements or {}), newer=newer))
        if tiles:
            private = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
            private.add_new(0x0A, "US", tiles)
        dataset.save_as(path)
        return path

    return mosaic


def random(shape, seed=0):
    return np.random.RandomState(seed).randint(1, 3000, shape).astype(np.int16)


def descending(matrix):
    matrix = matrix.copy()
    matrix[:3, 0] *= -1
    return matrix


@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize("orientation", ["axial", "sagittal", "oblique"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(7, 4, 6), (4, 5, 5), (2, 4, 4)])
def test_tiles_are_slices_at_their_places(mosaic, newer, orientation, reverse, shape):
    matrix = make_affine(orientation)
    if np.cross(matrix[:3, 2], matrix[:3, 1]) @ matrix[:3, 0] < 0:
        matrix = descending(matrix)
    array = random(shape)
    vol = dv.volread(mosaic(array, descending(matrix) if reverse else matrix, newer=newer))
    if reverse:  # slices are sorted along the normal of the image
        array, matrix[:3, 3] = array[::-1], matrix[:3, 3] - (len(array) - 1) * matrix[:3, 0]
    np.testing.assert_array_equal(vol.array, array)
    np.testing.assert_allclose(vol.geometry.affine, matrix, atol=1e-5)
    assert vol.report.warnings == ()


@pytest.mark.parametrize("reverse", [False, True])
def test_nibabel_places_the_voxels_of_a_mosaic_alike(mosaic, reverse):
    wrappers = pytest.importorskip("nibabel.nicom.dicomwrappers")
    array, matrix = random((7, 4, 6)), make_affine("oblique")
    path = mosaic(array, descending(matrix) if reverse else matrix)
    theirs = wrappers.MosaicWrapper(pydicom.dcmread(path))
    vol = dv.volread(path)
    for k, r, c in [(0, 0, 0), (6, 3, 5), (2, 1, 4)]:
        index = np.linalg.inv(vol.geometry.affine) @ theirs.affine @ [r, c, k, 1]
        ours = tuple(np.rint(index[:3]).astype(int))
        np.testing.assert_allclose(index[:3], ours, atol=1e-4)
        assert vol.array[ours] == theirs.get_data()[r, c, k]


def test_mosaics_are_time_points(mosaic):
    arrays = [random((5, 4, 4), seed) for seed in range(3)]
    files = [
        mosaic(array, make_affine(), f"{t}", AcquisitionNumber=t + 1, AcquisitionTime=f"12000{t * 2}.052500")
        for t, array in enumerate(arrays)
    ]
    vol = dv.volread(files[::-1])
    assert vol.dims == ("time", "slice", "row", "column") and vol.dimensions[0].values == (0, 2, 4)
    np.testing.assert_array_equal(vol.array, arrays)


def test_b_values_and_directions_of_the_csa_header(mosaic):
    """The public and the private b-value are absent; times run against the order of the numbers."""
    arrays = [random((5, 4, 4), seed) for seed in range(4)]
    files = []
    for i, (b, gradient) in enumerate([(0, None), (1000, "100"), (1000, "010"), (1000, "001")]):
        told = {"B_value": [str(b)]}
        if gradient:
            told["DiffusionGradientDirection"] = [f"{float(g):.8f}" for g in gradient]
        files.append(
            mosaic(arrays[i], make_affine(), f"{i}", csa_elements=told, ImageType=DIFFUSION,
                   InstanceNumber=i + 1, AcquisitionTime=f"12000{i}")
        )  # fmt: skip
    vol = dv.volread(files[::-1])
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 1000, 1000, 1000)
    np.testing.assert_array_equal(vol.array, arrays)


def test_the_number_of_tiles_may_stand_beside_the_csa_header(mosaic):
    array = random((7, 4, 6))
    vol = dv.volread(mosaic(array, make_affine(), has_csa=False, tiles=7))
    np.testing.assert_array_equal(vol.array, array)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-5)
    assert any("SliceNormalVector" in w for w in vol.report.warnings)


def test_a_mosaic_that_tells_nothing_is_no_volume(mosaic):
    (series,) = dv.find_series(mosaic(random((7, 4, 6)), make_affine(), has_csa=False))
    assert "does not tell its number of slices" in series.reason


@pytest.mark.parametrize("raw", [b"", b"SV10", b"SV10\4\3\2\1" + b"\xff" * 500, bytes(2000)])
def test_a_broken_csa_header_is_none(mosaic, raw):
    path = mosaic(random((7, 4, 6)), make_affine(), tiles=7)
    dataset = pydicom.dcmread(path)
    dataset[0x0029, 0x1010].value = raw
    dataset.save_as(path)
    assert dv.volread(path).shape == (7, 4, 6)


def test_private_blocks_are_found_by_their_creator(mosaic):
    """Another system wrote into the first block of the group."""
    array = random((7, 4, 6))
    path = mosaic(array, make_affine())
    dataset = pydicom.dcmread(path)
    raw = dataset[0x0029, 0x1010].value
    del dataset[0x0029, 0x1010], dataset[0x0029, 0x0010]
    dataset.add_new((0x0029, 0x0010), "LO", "SOMEONE ELSE")
    dataset.add_new((0x0029, 0x1010), "OB", b"nothing of the kind")
    dataset.add_new((0x0029, 0x0011), "LO", "SIEMENS CSA HEADER")
    dataset.add_new((0x0029, 0x1110), "OB", raw)
    dataset.save_as(path)
    np.testing.assert_array_equal(dv.volread(path).array, array)


@pytest.fixture
def united(write):
    """Write a grid with the documented elements of United Imaging; no file of a scanner was at hand."""

    def united(array, matrix, name="0", *, has_places=True, down=None, **elements):
        elements = {"ImageType": ["ORIGINAL", "PRIMARY", "VFRAME"], "Manufacturer": "UIH"} | elements
        (path,) = write(
            name, tiled(array, down)[None], matrix, modality="MR", series_uid="1.2.6", elements=elements
        )
        dataset = pydicom.dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.6.{name}"
        private = dataset.private_block(0x0065, "Image Private Header", create=True)
        private.add_new(0x50, "DS", str(len(array)))
        if has_places:
            items = []
            for k in range(len(array)):
                items.append(Dataset())
                items[-1].ImagePositionPatient = [float(x) for x in matrix[:3, 3] + k * matrix[:3, 0]]
            private.add_new(0x51, "SQ", items)
        private.add_new(0x09, "FD", 1000.0 if name == "1" else 0.0)
        dataset.save_as(path)
        return path

    return united


@pytest.mark.parametrize(("shape", "down"), [((5, 4, 4), 2), ((5, 4, 4), 3), ((5, 4, 6), 2), ((4, 4, 6), 2)])
def test_grids_of_united_imaging(united, shape, down):
    arrays = [random(shape, seed) for seed in range(2)]
    vol = dv.volread([united(array, make_affine(), f"{i}", down=down) for i, array in enumerate(arrays)])
    assert vol.dimensions[0].name == "b_value" and vol.dimensions[0].values == (0, 1000)
    np.testing.assert_array_equal(vol.array, arrays)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-6)


@pytest.mark.parametrize("how", ["implicit", "unknown"])
def test_places_of_a_grid_whose_type_went_astray(united, how):
    """Archives send files without the types of private elements, or with UN in their place."""
    array = random((5, 4, 4))
    path = united(array, make_affine())
    dataset = pydicom.dcmread(path)
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, True
    for part in dataset[0x0065, 0x1051].value:
        write_sequence_item(stream, part, ["iso8859"])
    dataset[0x0065, 0x1051] = DataElement(0x00651051, "UN", stream.getvalue())
    syntax = uid.ImplicitVRLittleEndian if how == "implicit" else uid.ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, implicit_vr=how == "implicit", little_endian=True)
    vol = dv.volread(path)
    np.testing.assert_array_equal(vol.array, array)
    np.testing.assert_allclose(vol.geometry.affine, make_affine(), atol=1e-5)


def test_a_grid_without_places_stays_one_image_and_says_so(united):
    (series,) = dv.find_series(united(random((5, 4, 4)), make_affine(), has_places=False))
    assert series.shape == (1, 12, 12) and "(0065,1051)" in series.warnings[0]


def test_tiles_behind_the_last_slice_that_are_not_blank_are_told(mosaic):
    array = random((7, 4, 6))
    path = mosaic(array, make_affine(), csa_elements={"NumberOfImagesInMosaic": ["5"]})
    vol = dv.volread(path)
    np.testing.assert_array_equal(vol.array, array[:5])
    (told,) = vol.report.warnings
    assert "tiles behind the last slice of the mosaic are not blank" in told and "IM0000.dcm" in told
    assert dv.volread(mosaic(array, make_affine(), "8")).report.warnings == ()


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_tiles_behind_the_last_slice_are_told_lazily(mosaic, syntax):
    pytest.importorskip("dask.array")
    array = random((7, 4, 6))
    path = mosaic(array, make_affine(), csa_elements={"NumberOfImagesInMosaic": ["5"]})
    if syntax == uid.RLELossless:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    vol = dv.volread(path, lazy=True)
    with pytest.warns(RuntimeWarning, match="tiles behind the last slice of the mosaic are not blank"):
        np.testing.assert_array_equal(vol.array[0].compute(), array[0])
    dv.volread(mosaic(array, make_affine(), "8"), lazy=True).array.compute()


@pytest.mark.parametrize("other", [{"tiles": 6}, {"csa_elements": {"MosaicRefAcqTimes": ["0.5"] * 6}}])
def test_headers_that_tell_of_different_numbers_of_slices_are_told(mosaic, other):
    """With the lesser number the tiles are cut too large, and none is behind them."""
    csa = {"NumberOfImagesInMosaic": ["4"], **other.get("csa_elements", {})}
    report = dv.volread(mosaic(random((6, 4, 6)), make_affine(), **other | {"csa_elements": csa})).report
    assert any("the header tells of 4 and of 6 slices in the mosaic" in text for text in report.warnings)


def test_a_mosaic_whose_tiles_do_not_fit_is_no_volume(mosaic):
    csa = {"NumberOfImagesInMosaic": ["17"]}
    (series,) = dv.find_series(mosaic(random((7, 4, 6)), make_affine(), csa_elements=csa))
    assert "whose tiles do not fit" in series.reason


def test_a_mosaic_of_one_slice_is_told(mosaic):
    path = mosaic(random((7, 4, 6)), make_affine(), csa_elements={"NumberOfImagesInMosaic": ["1"]})
    assert "says MOSAIC, and the header tells of one slice only" in str(dv.volread(path).report)
