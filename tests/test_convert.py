"""Volumes as objects of SimpleITK, nibabel, xarray and as OME-Zarr, and back: voxels and place."""

import json
import sys

import numpy as np
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels

from dicomview.errors import DicomviewError, GeometryError, MissingPackageError
from dicomview.geometry import Geometry
from dicomview.volume import Dimension, Volume

INDICES = [(0, 0, 0), (5, 7, 9), (1, 2, 3)]
STRAIGHT = [name for name in ORIENTATIONS if name != "tilted"]
RAS = np.diag([-1, -1, 1])
IDENTITY = {"PatientName": "Doe^Jane", "PatientID": "4711", "Modality": "PT", "Units": "BQML"}


def make_volume(orientation="axial", shape=(6, 8, 10), dtype=np.int16, **options):
    return Volume.from_array(make_voxels(shape).astype(dtype), affine=make_affine(orientation), **options)


def make_colour(dtype="uint8"):
    colours = np.random.RandomState(1).randint(0, np.iinfo(dtype).max + 1, (6, 8, 10, 3)).astype(dtype)
    dims = ("slice", "row", "column", "rgb")
    return Volume.from_array(colours, affine=make_affine("sagittal"), dims=dims)


def make_frames(*dimensions):
    shape = (*(len(d) for d in dimensions), 6, 8, 10)
    return Volume(
        make_voxels(shape),
        geometry=Geometry((6, 8, 10), affine=make_affine("oblique")),
        dims=(*(d.name for d in dimensions), "slice", "row", "column"),
        dimensions=dimensions,
    )


def make_uneven():
    affine = make_affine()
    positions = affine[:3, 3] + np.array([0, 2, 4, 6, 9, 15])[:, None] * [0, 0, 1]
    affine[2, 0] = 3
    geometry = Geometry((6, 8, 10), affine=affine, slice_positions=positions)
    return Volume(make_voxels(), geometry=geometry)


TIME = Dimension("time", (1.5, 4.0, 6.5), "s")
B_VALUE = Dimension("b_value", (0.0, 50.0, 1000.0), "s/mm2")


def assert_same(back, vol, atol=1e-12):
    assert type(back) is type(vol)
    assert back.dims == vol.dims and back.dtype == vol.dtype and back.dtype.isnative
    np.testing.assert_array_equal(back.array, vol.array)
    np.testing.assert_allclose(back.geometry.affine, vol.geometry.affine, atol=atol)
    assert (back.sampling[0] is None) == (vol.sampling[0] is None)


# -- SimpleITK --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", STRAIGHT)
def test_sitk_has_every_voxel_at_its_place(orientation):
    pytest.importorskip("SimpleITK")
    vol = make_volume(orientation)
    image = vol.to_sitk()
    assert image.GetSize() == (10, 8, 6)
    for k, r, c in INDICES:
        assert image[c, r, k] == vol[k, r, c]
        place = image.TransformIndexToPhysicalPoint((c, r, k))
        np.testing.assert_allclose(place, vol.geometry.position((k, r, c)), atol=1e-9)
    assert_same(Volume.from_sitk(image), vol)


def test_sitk_survives_a_file(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    vol = make_volume("oblique")
    sitk.WriteImage(vol.to_sitk(), str(tmp_path / "image.mha"))
    assert_same(Volume.from_sitk(sitk.ReadImage(str(tmp_path / "image.mha"))), vol, atol=1e-6)


def test_sitk_refuses_what_it_would_lose():
    pytest.importorskip("SimpleITK")
    angle = np.degrees(np.arctan(0.75 / 3))
    with pytest.raises(
        GeometryError, match=rf"perpendicular.* {angle:.2f} degrees.*desheared\(\).*to_nibabel\(\)"
    ):
        make_volume("tilted").to_sitk()
    with pytest.raises(GeometryError, match=r"2\.000 to 6\.000 mm apart.*to_xarray"):
        make_uneven().to_sitk()
    with pytest.raises(GeometryError, match="place of the voxels in the patient"):
        Volume.from_array(make_voxels(), sampling=(2, 0.5, 0.5)).to_sitk()
    three = [Dimension(name, (0.0, 1.0)) for name in ("a", "b", "c")]
    with pytest.raises(GeometryError, match="at most 2 dimensions beyond space, not 3"):
        make_frames(*three).to_sitk()


def test_sitk_refuses_also_a_small_tilt():
    """A shear of half a degree is 3 mm at the end of a long volume."""
    pytest.importorskip("SimpleITK")
    affine = make_affine()
    affine[1, 0] = 2.5 * np.tan(np.radians(0.5))
    with pytest.raises(GeometryError, match=r"0\.50 degrees"):
        Volume.from_array(make_voxels(), affine=affine).to_sitk()


def test_sitk_single_slice():
    pytest.importorskip("SimpleITK")
    vol = make_volume("oblique", shape=(1, 8, 10))
    image = vol.to_sitk()
    assert image.GetSpacing() == pytest.approx((0.6, 0.8, 1))
    back = Volume.from_sitk(image)
    np.testing.assert_allclose(back.geometry.affine[:3, 0], vol.geometry.normal, atol=1e-12)
    np.testing.assert_allclose(back.geometry.affine[:3, 1:], vol.geometry.affine[:3, 1:], atol=1e-12)
    assert back.geometry.spacing[0] is None


@pytest.mark.parametrize("dimensions", [(TIME,), (B_VALUE,), (B_VALUE, TIME)], ids=["time", "b", "both"])
def test_sitk_extra_dimensions(dimensions):
    sitk = pytest.importorskip("SimpleITK")
    vol = make_frames(*dimensions)
    image = vol.to_sitk()
    assert image.GetSize() == (10, 8, 6, *[3] * len(dimensions))
    even = (2.5, 1.5) if dimensions[-1] is TIME else (1, 0)
    assert (image.GetSpacing()[3], image.GetOrigin()[3]) == even
    index = (9, 7, 5, 1, 2)[: 3 + len(dimensions)]
    assert image[index] == vol.array[index[::-1]]
    place = image.TransformIndexToPhysicalPoint(index)[:3]
    np.testing.assert_allclose(place, vol.geometry.position((5, 7, 9)), atol=1e-9)
    back = Volume.from_sitk(image)
    assert_same(back, vol)
    assert back.dimensions == dimensions
    noted = image.GetMetaData("dicomview.dimensions")
    # filters drop the metadata, or change the extent
    image.EraseMetaData("dicomview.dimensions")
    bare = Volume.from_sitk(image)
    np.testing.assert_array_equal(bare.array, vol.array)
    assert bare.extra_dims == (("frame",) if len(dimensions) == 1 else ("dim0", "dim1"))
    assert bare.dimensions[-1].values == (TIME.values if dimensions[-1] is TIME else (0, 1, 2))
    cut = sitk.GetImageFromArray(vol.array[:2], isVector=False)
    cut.SetMetaData("dicomview.dimensions", noted)
    assert Volume.from_sitk(cut).dimensions[0].values == (0, 1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_sitk_colour_and_vectors(dtype):
    sitk = pytest.importorskip("SimpleITK")
    vol = make_colour(dtype)
    image = vol.to_sitk()
    assert image.GetNumberOfComponentsPerPixel() == 3 and image.GetDimension() == 3
    assert image[9, 7, 5] == tuple(int(v) for v in vol[5, 7, 9])
    assert_same(Volume.from_sitk(image), vol)
    field = np.random.RandomState(0).rand(6, 8, 10, 3)
    back = Volume.from_sitk(sitk.GetImageFromArray(field, isVector=True))
    assert back.dims == ("component", "slice", "row", "column")
    np.testing.assert_array_equal(back.array, np.moveaxis(field, -1, 0))


@pytest.mark.parametrize("colour", [False, True])
def test_sitk_plane_image_has_no_place(colour):
    sitk = pytest.importorskip("SimpleITK")
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 2, 3) if colour else make_voxels((4, 2))
    image = sitk.GetImageFromArray(pixels, isVector=colour)
    image.SetSpacing((0.5, 0.25))
    back = Volume.from_sitk(image)
    np.testing.assert_array_equal(back.array, pixels[None])
    assert back.geometry.affine is None and back.sampling == (None, 0.25, 0.5)


def test_sitk_mixed_axes_are_refused():
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.Image([2, 2, 2, 2], sitk.sitkInt16)
    image.SetDirection(np.eye(4)[[3, 1, 2, 0]].ravel().tolist())
    with pytest.raises(GeometryError, match="mixes axes"):
        Volume.from_sitk(image)


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [("bool", "uint8"), ("float16", "float32"), (">i2", "int16"), ("int64", "int64"), ("float64", "float64")],
)
def test_types_of_values(dtype, kept):
    values = make_voxels().astype(dtype)
    vol = Volume.from_array(values, affine=make_affine())
    for package in ("SimpleITK", "nibabel"):
        pytest.importorskip(package)
    for back in (Volume.from_sitk(vol.to_sitk()), Volume.from_nibabel(vol.to_nibabel())):
        assert back.dtype == kept
        np.testing.assert_array_equal(back.array, values)


# -- nibabel ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_nibabel_has_every_voxel_at_its_place(orientation, tmp_path):
    nib = pytest.importorskip("nibabel")
    vol = make_volume(orientation)
    image = vol.to_nibabel()
    nib.save(image, tmp_path / "image.nii.gz")
    loaded = nib.load(tmp_path / "image.nii.gz")
    for some, atol in ((image, 1e-9), (loaded, 1e-5)):
        assert some.shape == (10, 8, 6) and some.get_data_dtype() == np.int16
        for k, r, c in INDICES:
            assert np.asarray(some.dataobj)[c, r, k] == vol[k, r, c]
            place = (some.affine @ (c, r, k, 1))[:3]
            np.testing.assert_allclose(place, RAS @ vol.geometry.position((k, r, c)), atol=atol)
        assert some.header.get_xyzt_units()[0] == "mm"
        assert some.header.get_zooms() == pytest.approx(vol.geometry.spacing[::-1])
        assert int(some.header["sform_code"]) == 1
        assert int(some.header["qform_code"]) == (0 if orientation == "tilted" else 1)
        if orientation != "tilted":
            np.testing.assert_allclose(some.get_qform(), image.affine, atol=1e-4)
        assert_same(Volume.from_nibabel(some), vol, atol)


@pytest.mark.parametrize("orientation", STRAIGHT)
def test_both_packages_agree_on_a_file(orientation, tmp_path):
    nib, sitk = pytest.importorskip("nibabel"), pytest.importorskip("SimpleITK")
    vol = make_volume(orientation)
    nib.save(vol.to_nibabel(), tmp_path / "image.nii")
    assert_same(Volume.from_sitk(sitk.ReadImage(str(tmp_path / "image.nii"))), vol, 1e-4)
    sitk.WriteImage(vol.to_sitk(), str(tmp_path / "other.nii"))
    assert_same(Volume.from_nibabel(nib.load(tmp_path / "other.nii")), vol, 1e-4)


@pytest.mark.parametrize("codes", ["RAS", "LPS", "AIL", "SPR", "PIR"])
def test_nibabel_any_orientation(codes):
    nib = pytest.importorskip("nibabel")
    vol = make_volume("oblique")
    image = vol.to_nibabel()
    wanted = nib.orientations.axcodes2ornt(codes)
    turned = image.as_reoriented(
        nib.orientations.ornt_transform(nib.orientations.io_orientation(image.affine), wanted)
    )
    assert "".join(nib.aff2axcodes(turned.affine)) == codes
    back = Volume.from_nibabel(turned)
    for index in INDICES:
        place = vol.geometry.position(index)
        found = back.geometry.index(place)
        np.testing.assert_allclose(found, found.round(), atol=1e-6)
        assert back[tuple(found.round().astype(int))] == vol[index]


def test_nibabel_extra_dimensions(tmp_path):
    nib = pytest.importorskip("nibabel")
    vol = make_frames(TIME)
    image = vol.to_nibabel()
    assert image.shape == (10, 8, 6, 3) and image.header.get_zooms()[3] == 2.5
    assert image.header.get_xyzt_units() == ("mm", "sec")
    nib.save(image, tmp_path / "image.nii")
    for some in (image, nib.load(tmp_path / "image.nii")):
        back = Volume.from_nibabel(some)
        assert_same(back, vol, 1e-5)
        assert back.dimensions == (TIME,)
    back = Volume.from_nibabel(make_frames(B_VALUE).to_nibabel())
    assert back.dimensions == (Dimension("frame", (0.0, 1.0, 2.0)),)  # NIfTI has no place for b values
    vol = make_frames(B_VALUE, TIME)
    back = Volume.from_nibabel(vol.to_nibabel())
    assert back.dims == ("time", "dim5", "slice", "row", "column")
    np.testing.assert_array_equal(back.array, np.moveaxis(vol.array, 1, 0))
    with pytest.raises(GeometryError, match="at most 4 dimensions beyond space, not 5"):
        make_frames(*(Dimension(name, (0.0,)) for name in "abcde")).to_nibabel()


def test_nibabel_without_a_place_says_so(tmp_path):
    nib = pytest.importorskip("nibabel")
    vol = Volume.from_array(make_voxels(), sampling=(2, 0.7, 0.6))
    nib.save(vol.to_nibabel(), tmp_path / "image.nii")
    for image in (vol.to_nibabel(), nib.load(tmp_path / "image.nii")):
        assert int(image.header["sform_code"]) == int(image.header["qform_code"]) == 0
        back = Volume.from_nibabel(image)
        assert back.geometry == vol.geometry
        np.testing.assert_array_equal(back.array, vol.array)
    with pytest.raises(GeometryError, match="has no affine"):
        Volume.from_array(make_voxels()).to_nibabel()
    with pytest.raises(GeometryError, match="evenly spaced"):
        make_uneven().to_nibabel()


def test_nibabel_single_slice():
    pytest.importorskip("nibabel")
    vol = make_volume("oblique", shape=(1, 8, 10))
    image = vol.to_nibabel()
    assert image.shape == (10, 8, 1) and image.header.get_zooms() == pytest.approx((0.6, 0.8, 1))
    back = Volume.from_nibabel(image)
    np.testing.assert_allclose(back.geometry.position((0, 3, 4)), vol.geometry.position((0, 3, 4)))
    assert back.geometry.spacing[0] is None


def test_nibabel_colour(tmp_path):
    nib = pytest.importorskip("nibabel")
    vol = make_colour()
    nib.save(vol.to_nibabel(), tmp_path / "image.nii")
    for image in (vol.to_nibabel(), nib.load(tmp_path / "image.nii")):
        assert image.get_data_dtype().names == ("R", "G", "B") and image.shape == (10, 8, 6)
        assert_same(Volume.from_nibabel(image), vol, 1e-5)
    deep = Volume.from_array(
        vol.array.astype(np.uint16), affine=make_affine(), dims=("slice", "row", "column", "rgb")
    )
    with pytest.raises(GeometryError, match="3 or 4 values of uint8, not 3 of uint16"):
        deep.to_nibabel()


def test_nibabel_units_scaling_and_other_formats():
    nib = pytest.importorskip("nibabel")
    image = make_volume().to_nibabel()
    image.header.set_xyzt_units("micron")
    assert Volume.from_nibabel(image).sampling == pytest.approx((0.0025, 0.0008, 0.0006))
    plane = nib.Nifti1Image(make_voxels((4, 5)), np.diag([2, 3, 4, 1]))
    back = Volume.from_nibabel(plane)
    np.testing.assert_array_equal(back.array, make_voxels((4, 5)).T[None])
    assert back.sampling == (None, 3, 2)
    vol = make_volume("coronal", dtype=np.float32)
    other = nib.MGHImage(vol.array.transpose(2, 1, 0), vol.to_nibabel().affine)
    assert_same(Volume.from_nibabel(other), vol, 1e-5)


# -- xarray -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_xarray_shares_the_voxels_and_tells_the_place(orientation):
    pytest.importorskip("xarray")
    vol = make_volume(orientation, meta=IDENTITY)
    data = vol.to_xarray()
    assert data.dims == vol.dims
    assert np.shares_memory(data.values, vol.array)
    for k, r, c in INDICES:
        place = np.array(data.attrs["affine"]) @ (k, r, c, 1)
        np.testing.assert_allclose(place[:3], vol.geometry.position((k, r, c)))
    for name, spacing in zip(("slice", "row", "column"), vol.sampling):
        np.testing.assert_allclose(data[name], np.arange(data.sizes[name]) * spacing)
        assert data[name].attrs == {"units": "mm"}
    back = Volume.from_array(data.values, affine=data.attrs["affine"], dims=data.dims)
    assert_same(back, vol)
    assert set(data.attrs) == {"affine", "units", "modality"}
    assert data.attrs["units"] == "BQML" and data.attrs["modality"] == "PT"


def test_xarray_extra_dimensions_and_what_is_not_known():
    pytest.importorskip("xarray")
    data = make_frames(B_VALUE, TIME).to_xarray()
    assert tuple(data["b_value"].values) == B_VALUE.values and data["b_value"].attrs["units"] == "s/mm2"
    assert tuple(data["time"].values) == TIME.values
    data = Volume.from_array(make_voxels(), sampling=(None, 0.5, 0.25)).to_xarray()
    assert set(data.coords) == {"row", "column"} and data.attrs == {}
    data = make_uneven().to_xarray()
    np.testing.assert_allclose(data["slice"], [0, 2, 4, 6, 9, 15])
    np.testing.assert_allclose(data.attrs["slice_positions"], make_uneven().geometry.slice_positions)
    assert make_volume(shape=(1, 8, 10)).to_xarray()["slice"].values == [0]
    assert make_colour().to_xarray().dims[-1] == "rgb"


# -- OME-Zarr ---------------------------------------------------------------------------------------------


def read_zarr(path):
    """Return array, attributes, axes by name, scale and translation of an OME-Zarr of one level."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path), mode="r")
    (multiscale,) = group.attrs["multiscales"]
    assert multiscale["version"] == "0.4" and group.metadata.zarr_format == 2
    (dataset,) = multiscale["datasets"]
    transformations = {t["type"]: t[t["type"]] for t in dataset["coordinateTransformations"]}
    array = group[dataset["path"]]
    assert len(multiscale["axes"]) == array.ndim == len(transformations["scale"])
    return array, group.attrs, multiscale["axes"], transformations


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_zarr_round_trip(orientation, tmp_path):
    pytest.importorskip("zarr")
    vol = make_volume(orientation, meta=IDENTITY)
    path = tmp_path / "image.ome.zarr"
    vol.to_zarr(path)
    array, attrs, axes, transformations = read_zarr(path)
    assert axes == [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    assert transformations["scale"] == pytest.approx(vol.sampling)
    ours = attrs["dicomview"]
    back = Volume.from_array(array[:], affine=ours["affine"], dims=ours["dims"])
    assert_same(back, vol)
    assert ours["affine"] == vol.geometry.affine.tolist()  # to the last digit
    assert (ours["unit"], ours["modality"], ours["slice_positions"]) == ("BQML", "PT", None)
    # scale and translation lead to the same place, along the directions of the axes
    directions = vol.geometry.affine[:3, :3] / vol.sampling
    for index in INDICES:
        along = np.array(index) * transformations["scale"] + transformations["translation"]
        np.testing.assert_allclose(directions @ along, vol.geometry.position(index), atol=1e-9)
    text = "".join(f.read_text() for f in path.rglob(".z*"))
    assert "Doe" not in text and "4711" not in text
    assert json.loads((path / "0" / ".zarray").read_text())["dimension_separator"] == "/"


def test_zarr_extra_dimensions_and_colour(tmp_path):
    pytest.importorskip("zarr")
    vol = make_frames(B_VALUE, TIME)
    vol.to_zarr(tmp_path / "frames")
    array, attrs, axes, transformations = read_zarr(tmp_path / "frames")
    assert axes[:2] == [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "b_value", "type": "b_value"},
    ]
    np.testing.assert_array_equal(array[:], np.moveaxis(vol.array, 1, 0))
    assert transformations["scale"][:2] == [2.5, 1] and transformations["translation"][:2] == [1.5, 0]
    noted = {d["name"]: d for d in attrs["dicomview"]["dimensions"]}
    assert noted["b_value"] == {"name": "b_value", "values": [0, 50, 1000], "unit": "s/mm2"}
    assert attrs["dicomview"]["dims"] == ["time", "b_value", "slice", "row", "column"]
    vol = make_colour()
    vol.to_zarr(tmp_path / "colour")
    array, attrs, axes, _ = read_zarr(tmp_path / "colour")
    assert axes[0] == {"name": "c", "type": "channel"} and array.dtype == np.uint8
    np.testing.assert_array_equal(array[:], np.moveaxis(vol.array, -1, 0))
    with pytest.raises(GeometryError, match="time and one more dimension"):
        make_frames(B_VALUE, Dimension("echo", (1.0, 2.0))).to_zarr(tmp_path / "many")
    assert not (tmp_path / "many").exists()


def test_zarr_what_is_not_known(tmp_path):
    pytest.importorskip("zarr")
    Volume.from_array(make_voxels(), sampling=(None, 0.5, 0.25)).to_zarr(tmp_path / "part")
    _, attrs, axes, transformations = read_zarr(tmp_path / "part")
    assert transformations == {"scale": [1, 0.5, 0.25]}
    assert ["unit" in axis for axis in axes] == [False, True, True]
    assert attrs["dicomview"]["affine"] is None and attrs["dicomview"]["spacing"] == [None, 0.5, 0.25]
    vol = make_uneven()
    vol.to_zarr(tmp_path / "uneven")
    noted = read_zarr(tmp_path / "uneven")[1]["dicomview"]
    assert noted["slice_positions"] == vol.geometry.slice_positions.tolist()
    with pytest.raises(FileExistsError, match="something at 'uneven'"):
        vol.to_zarr(tmp_path / "uneven")


# -- packages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "install", "convert"),
    [
        ("SimpleITK", "SimpleITK", lambda vol, path: vol.to_sitk()),
        ("SimpleITK", "SimpleITK", lambda vol, path: Volume.from_sitk(None)),
        ("nibabel", "nibabel", lambda vol, path: vol.to_nibabel()),
        ("xarray", "xarray", lambda vol, path: vol.to_xarray()),
        ("zarr", "'zarr>=3'", lambda vol, path: vol.to_zarr(path)),
    ],
)
def test_a_missing_package_is_named(package, install, convert, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=f"pip install {install}$") as caught:
        convert(make_volume(), tmp_path / "new")
    assert isinstance(caught.value, DicomviewError) and isinstance(caught.value, ImportError)
    assert not (tmp_path / "new").exists()


def test_an_old_zarr_is_named(monkeypatch, tmp_path):
    zarr = pytest.importorskip("zarr")
    monkeypatch.setattr(zarr, "__version__", "2.18.3")
    with pytest.raises(MissingPackageError, match=r"needs zarr 3, not 2\.18\.3"):
        make_volume().to_zarr(tmp_path / "new")
