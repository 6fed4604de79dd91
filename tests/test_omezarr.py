"""Zarr arrays and OME-Zarr images as lazy volumes: place, levels, chunks, refusals."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import ORIENTATIONS, make_affine, make_voxels

import dicomview as dv
from dicomview.errors import DecodeError, MissingPackageError, SeriesError
from dicomview.geometry import Geometry
from dicomview.io.kept import KEPT
from dicomview.io.omezarr import level_shapes
from dicomview.volume import Dimension, Volume

da = pytest.importorskip("dask.array")
zarr = pytest.importorskip("zarr")

AXES = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]


@pytest.fixture
def pyramid(tmp_path):
    """Write levels as an OME-Zarr image: pyramid(arrays, scales, ...) -> path."""

    def pyramid(
        arrays, scales, *, version="0.5", axes=AXES, shifts=None, common=None, chunks=None, **attributes
    ):
        path = tmp_path / "image.ome.zarr"
        group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
        datasets = []
        for i, (array, scale) in enumerate(zip(arrays, scales)):
            level = group.create_array(
                f"s{i}", shape=array.shape, dtype=array.dtype, chunks=chunks or array.shape
            )
            level[...] = array
            steps = [{"type": "scale", "scale": scale}]
            if shifts:
                steps.append({"type": "translation", "translation": shifts[i]})
            datasets.append({"path": f"s{i}", "coordinateTransformations": steps})
        image = {"axes": axes, "datasets": datasets}
        if common:
            image["coordinateTransformations"] = common
        if version == "0.5":
            group.attrs.update({"ome": {"version": "0.5", "multiscales": [image]}, **attributes})
        else:
            group.attrs.update({"multiscales": [image | {"version": version}], **attributes})
        return path

    return pyramid


def halved(array):
    return array[::2, ::2, ::2]


def assert_same(back, vol):
    assert isinstance(back.array, da.Array)
    assert back.dims == vol.dims and back.dimensions == vol.dimensions and back.dtype == vol.dtype
    assert back.geometry == vol.geometry and back.unit == vol.unit
    np.testing.assert_array_equal(np.asarray(back), vol.array)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_round_trip_of_every_orientation(orientation, tmp_path):
    vol = Volume.from_array(make_voxels(), affine=make_affine(orientation), meta={"Modality": "CT"})
    vol.to_zarr(tmp_path / "image.ome.zarr")
    back = dv.volread(tmp_path / "image.ome.zarr")
    assert_same(back, vol)
    assert back.meta.Modality == "CT" and back.report.warnings == ()


def test_round_trip_of_uneven_slices_frames_colours_and_the_unknown(tmp_path):
    affine = make_affine()
    positions = affine[:3, 3] + np.array([0, 2, 4, 6, 9, 15])[:, None] * [0, 0, 1]
    affine[2, 0] = 3
    geometry = Geometry((6, 8, 10), affine=affine, slice_positions=positions)
    frames = ("echo", "time", "slice", "row", "column")
    echo, time = Dimension("echo", (1.0, 7.0), "ms"), Dimension("time", (1.5, 4.0, 6.5), "s")
    colours = make_voxels((6, 8, 10, 3)).astype(np.uint8)
    for k, vol in enumerate(
        [
            Volume(make_voxels(), geometry=geometry),
            Volume(
                make_voxels((2, 3, 6, 8, 10)), geometry=geometry, dims=frames,
                dimensions=(echo, time),
            ),
            Volume.from_array(colours, affine=make_affine("oblique"), dims=("slice", "row", "column", "rgb")),
            Volume.from_array(make_voxels(), sampling=(None, 0.5, 0.25)),
            Volume.from_array(make_voxels((1, 8, 10)), affine=make_affine("oblique")),
        ]
    ):  # fmt: skip
        vol.to_zarr(tmp_path / f"{k}.zarr")
        assert_same(dv.volread(tmp_path / f"{k}.zarr"), vol)


def test_positions_that_are_not_those_of_the_affine_come_back_exactly(tmp_path):
    affine, shape = make_affine("oblique"), (6, 8, 10)
    rounded = Geometry(shape, affine=affine).slice_positions.round(12) + 4e-15
    geometry = Geometry(shape, affine=affine, slice_positions=rounded)
    assert geometry.is_uniform and geometry != Geometry(shape, affine=affine)
    for k, vol in enumerate([Volume(make_voxels(), geometry=geometry), dv.volread(dv.samples.head_ct())]):
        vol.to_zarr(tmp_path / f"{k}.zarr")
        assert dv.volread(tmp_path / f"{k}.zarr").geometry == vol.geometry


def test_a_lazy_volume_is_written_slab_by_slab(write, tmp_path, monkeypatch):
    monkeypatch.setattr("dicomview.volume.omezarr.CHUNK", 4)
    files = write(array=make_voxels((10, 8, 10)))
    dv.volread(files, lazy=True).to_zarr(tmp_path / "image.zarr")
    back = dv.volread(tmp_path / "image.zarr")
    np.testing.assert_array_equal(np.asarray(back), make_voxels((10, 8, 10)))
    assert back.array.chunks[0] == (4, 4, 2) and back.geometry == dv.volread(files).geometry


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_levels_have_their_own_spacing(pyramid, version):
    fine = make_voxels((8, 8, 10))
    path = pyramid([fine, halved(fine)], [[2000, 500, 250], [4000, 1000, 500]], version=version)
    for level, array, spacing in (
        (None, fine, (2, 0.5, 0.25)),
        (1, halved(fine), (4, 1, 0.5)),
        (-1, halved(fine), (4, 1, 0.5)),
    ):
        vol = dv.volread(path, level=level)
        np.testing.assert_array_equal(np.asarray(vol), array)
        assert vol.sampling == pytest.approx(spacing) and vol.geometry.affine is None
    assert "place in the patient is unknown" in vol.report.warnings[0]
    assert level_shapes(path) == [(8, 8, 10), (4, 4, 5)]
    with pytest.raises(SeriesError, match=r"image\.ome\.zarr: there is no level 2: take one of its 2"):
        dv.volread(path, level=2)


def test_a_common_scale_comes_after_that_of_the_level(pyramid):
    path = pyramid([make_voxels()], [[2, 1, 1]], common=[{"type": "scale", "scale": [1000, 500, 250]}])
    assert dv.volread(path).sampling == pytest.approx((2, 0.5, 0.25))


def test_a_level_of_our_own_has_the_place_of_its_voxels(pyramid):
    fine = make_voxels((8, 8, 10))
    affine = make_affine("oblique")
    unit = np.linalg.norm(affine[:3, :3], axis=0)
    middle = unit / 2  # of the first eight voxels
    path = pyramid(
        [fine, halved(fine)], [unit.tolist(), (2 * unit).tolist()], shifts=[[0, 0, 0], middle.tolist()],
        axes=[axis | {"unit": "millimeter"} for axis in AXES],
        dicomview={"dims": ["slice", "row", "column"], "dimensions": [], "affine": affine.tolist()},
    )  # fmt: skip
    vol, first = dv.volread(path, level=1), dv.volread(path)
    np.testing.assert_allclose(first.geometry.affine, affine)
    for index in ((0, 0, 0), (2, 3, 4)):
        np.testing.assert_allclose(
            vol.geometry.position(index), first.geometry.position(2 * np.array(index) + 0.5), atol=1e-9
        )


def test_time_and_channels(pyramid):
    axes = [{"name": "t", "type": "time", "unit": "millisecond"}, {"name": "c", "type": "channel"}, *AXES]
    array = make_voxels((3, 2, 4, 5, 6))
    path = pyramid([array], [[40, 1, 1000, 1000, 1000]], axes=axes)
    vol = dv.volread(path)
    assert vol.dims == ("time", "channel", "slice", "row", "column")
    assert vol.dimensions[0] == Dimension("time", (0.0, 40.0, 80.0), "ms")
    np.testing.assert_array_equal(np.asarray(vol), array)


def test_a_flat_image_is_one_slice_and_without_a_unit_nothing_is_known(pyramid):
    path = pyramid([make_voxels((1, 8, 10))[0]], [[3, 3]], axes=[{"name": "y"}, {"name": "x"}])
    vol = dv.volread(path)
    assert vol.shape == (1, 8, 10) and vol.sampling is None
    assert "along y, x is unknown" in vol.report.warnings[0]


def test_a_bare_array(tmp_path):
    array = zarr.create_array(str(tmp_path / "a.zarr"), shape=(6, 8, 10), chunks=(3, 8, 10), dtype="int16")
    array[...] = make_voxels()
    vol = dv.volread(tmp_path / "a.zarr")
    assert vol.array.chunks[0] == (3, 3) and vol.sampling is None
    np.testing.assert_array_equal(np.asarray(vol), make_voxels())
    assert level_shapes(tmp_path / "a.zarr") == [(6, 8, 10)]


def test_a_chunk_is_read_once_for_all_its_slices(pyramid, monkeypatch):
    path = pyramid([make_voxels((8, 6, 10))], [[1, 1, 1]], chunks=(4, 6, 5))
    vol = dv.volread(path)
    KEPT.clear()
    read = []
    plain = zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda self, key: (read.append(key), plain(self, key))[1])
    for k in (1, 2, 3, 0):
        np.testing.assert_array_equal(vol[k].compute(), make_voxels((8, 6, 10))[k])
    assert len(read) == 2
    np.testing.assert_array_equal(vol[::3, 1:5, ::4].compute(), make_voxels((8, 6, 10))[::3, 1:5, ::4])
    assert len(read) == 4


def test_the_viewer_shows_it(pyramid):
    viewer = dv.SliceViewer(dv.volread(pyramid([make_voxels()], [[1000, 500, 250]])))
    np.testing.assert_array_equal(viewer.axes["axial"].images[0].get_array(), make_voxels()[3])
    viewer.close()


def test_what_cannot_be_understood_is_refused(pyramid, tmp_path, write, monkeypatch):
    group = zarr.open_group(str(tmp_path / "group.zarr"), mode="w")
    group.create_group("inner")
    with pytest.raises(SeriesError, match=r"group without an image.*which holds inner"):
        dv.volread(tmp_path / "group.zarr")
    for options, message in [
        ({"axes": AXES[:2]}, "the last of its 3 axes"),
        ({"axes": AXES[::-1]}, "the last of its 3 axes"),
        ({"common": [{"type": "affine", "affine": [1]}]}, "must be a scale or translation"),
        ({"common": [{"type": "scale", "scale": [1, 1]}]}, "of 3 numbers"),
        ({"common": [{"type": "scale", "scale": [-1, 1, 1]}]}, "must be positive"),
    ]:
        with pytest.raises(DecodeError, match=message):
            dv.volread(pyramid([make_voxels()], [[1, 1, 1]], **options))
    path = pyramid([make_voxels()], [[1, 1, 1]])
    text = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(text.replace('"s0"', '"s7"'))
    with pytest.raises(DecodeError, match="cannot be understood"):
        dv.volread(path)
    (path / "zarr.json").write_text("{")
    with pytest.raises(DecodeError, match="cannot be read as zarr"):
        dv.volread(path)
    with pytest.raises(SeriesError, match="level= chooses"):
        dv.volread(write()[0].parent, level=1)
    monkeypatch.setitem(__import__("sys").modules, "zarr", None)
    with pytest.raises(MissingPackageError, match="pip install 'zarr>=3'"):
        dv.volread(path)


def test_a_note_that_does_not_fit_is_refused(pyramid):
    path = pyramid([make_voxels()], [[1, 1, 1]], dicomview={"dims": ["slice", "row"], "dimensions": []})
    with pytest.raises(DecodeError, match="'dicomview' does not fit"):
        dv.volread(path)


@pytest.mark.parametrize("dtype", ["<i2", "|O"])
@pytest.mark.parametrize("place", ["compressor", "filters"])
def test_a_codec_that_runs_what_it_reads_is_refused(tmp_path, place, dtype):
    class Payload:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    folder = tmp_path / "image.zarr"
    folder.mkdir()
    codec = {"id": "pickle", "protocol": 5}
    told = {"zarr_format": 2, "shape": [2, 3, 4], "chunks": [2, 3, 4], "dtype": dtype, "fill_value": None,
            "order": "C", "compressor": None, "filters": None}  # fmt: skip
    told[place] = [codec] if place == "filters" else codec
    (folder / ".zarray").write_text(json.dumps(told))
    (folder / "0.0.0").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(dv.DicomviewError):
        dv.volread(folder).array.compute()
    assert not (tmp_path / "ran").exists()
