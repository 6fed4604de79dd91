"""The imageio plugin, and imageio's own calls on our data."""

import imageio
import imageio.v2
import imageio.v3 as iio
import numpy as np
import pytest
from conftest import make_voxels

import dicomview as dv


@pytest.fixture
def folder(write):
    return write("s")[0].parent


def test_v3_reads_a_folder(folder):
    array = iio.imread(folder, plugin="dicomview")
    np.testing.assert_array_equal(array, make_voxels())
    assert type(array) is np.ndarray


def test_v2_gives_our_volume(folder):
    vol = imageio.v2.volread(str(folder), format="dicomview")
    np.testing.assert_array_equal(vol, make_voxels())
    assert vol.meta.sampling == pytest.approx((2.5, 0.8, 0.6)) and vol.meta.Modality == "CT"
    assert len(imageio.v2.mvolread(str(folder), format="dicomview")) == 1


def test_a_file_is_an_image(folder):
    path = sorted(folder.iterdir())[2]
    np.testing.assert_array_equal(iio.imread(path, plugin="dicomview"), make_voxels()[2])
    im = imageio.v2.imread(str(path), format="dicomview")
    np.testing.assert_array_equal(im, make_voxels()[2])
    assert im.meta.PatientSex == "O"
    assert imageio.v2.volread(str(path), format="dicomview").shape == (1, 8, 10)


def test_metadata_and_properties(folder):
    meta = iio.immeta(folder, plugin="dicomview")
    assert meta["PatientSex"] == "O" and "RescaleSlope" not in meta
    assert "RescaleSlope" in iio.immeta(folder, plugin="dicomview", exclude_applied=False)
    properties = iio.improps(folder, plugin="dicomview")
    assert properties.shape == (6, 8, 10) and properties.dtype == np.int16
    assert properties.spacing == pytest.approx((2.5, 0.8, 0.6))


def test_iterating_gives_every_volume(folder, write):
    write("t", make_voxels(seed=1), elements={"SeriesNumber": 2})
    volumes = list(iio.imiter(folder.parent, plugin="dicomview"))
    np.testing.assert_array_equal(volumes, [make_voxels(), make_voxels(seed=1)])
    np.testing.assert_array_equal(iio.imread(folder.parent, plugin="dicomview", index=...), volumes)
    np.testing.assert_array_equal(iio.imread(folder.parent, plugin="dicomview", index=1), volumes[1])
    np.testing.assert_array_equal(iio.imread(folder.parent, plugin="dicomview", series="t"), volumes[1])
    with pytest.raises(dv.errors.SeriesError, match="2 volumes are here"):
        iio.imread(folder.parent, plugin="dicomview")
    with pytest.raises(dv.errors.SeriesError, match="no volume number 5"):
        iio.imread(folder.parent, plugin="dicomview", index=5)


def test_the_plugin_leaves_other_files_to_others(tmp_path):
    path = tmp_path / "image.png"
    iio.imwrite(path, np.zeros((4, 4), np.uint8))
    assert iio.imread(path).shape == (4, 4)
    with pytest.raises(OSError, match="can not handle"):
        iio.imread(path, plugin="dicomview")
    with pytest.raises(OSError, match="can not handle"):
        iio.imwrite(tmp_path / "x.dcm", np.zeros((4, 4), np.uint8), plugin="dicomview")


def test_dv_volread_goes_through_imopen(folder, monkeypatch):
    opened = []
    original = iio.imopen
    monkeypatch.setattr(iio, "imopen", lambda *a, **k: opened.append(k["plugin"]) or original(*a, **k))
    dv.volread(folder)
    dv.imread(next(folder.iterdir()))
    assert opened == ["dicomview", "dicomview"]
