"""Lazy volumes: the same as plain ones, and nothing is decoded that is not asked for."""

import pickle
import sys
import warnings

import numpy as np
import pydicom
import pytest
from conftest import edit, make_affine, make_voxels
from pixelfiles import rle, spoil, write_film
from pydicom import uid
from pydicom.encaps import encapsulate
from reference import DATA, entries

import dicomview as dv
from dicomview.errors import DecodeError, MissingPackageError, SeriesError
from dicomview.io import lazy as module
from dicomview.io.decode import find_pixels
from dicomview.io.kept import Kept

da = pytest.importorskip("dask.array")


def assert_same(lazy, plain):
    assert isinstance(lazy.array, da.Array) and isinstance(plain.array, np.ndarray)
    for name in ("geometry", "report", "sources", "padding", "dims", "dimensions"):
        assert getattr(lazy, name) == getattr(plain, name), name
    assert dict(lazy.meta) == dict(plain.meta) and lazy.meta.varying == plain.meta.varying
    inner = lazy.array.ndim - 2 - lazy.is_color
    assert all(set(chunks) == {1} for chunks in lazy.array.chunks[:inner])
    assert np.can_cast(plain.dtype, lazy.dtype)
    np.testing.assert_array_equal(np.asarray(lazy), plain.array)
    assert np.asarray(lazy).dtype == lazy.dtype


def compare(path):
    plain, lazy = dv.volread(path), dv.volread(path, lazy=True)
    assert_same(lazy, plain)
    assert_planes_are_the_same(dv.find_series(path).volumes[0].read_planewise(), plain, lazy.dtype)
    return lazy


def assert_planes_are_the_same(volume, plain, dtype):
    assert volume.is_lazy and volume.dtype == dtype and volume.shape == plain.shape
    assert (volume.dims, volume.report, volume.sources) == (plain.dims, plain.report, plain.sources)
    expected = plain.array.copy()
    for place in plain.report.missing:
        expected[place] = 0 if plain.padding is None else plain.padding[0]
    np.testing.assert_array_equal(np.asarray(volume), expected)
    for frame in np.ndindex(*map(len, plain.dimensions)):
        for axis in range(3):
            at = (*frame, *(slice(None),) * axis, -1)
            np.testing.assert_array_equal(volume.array[at], expected[at])


# -- the same values ---------------------------------------------------------------------------------------


def test_classic_series_in_any_order(write):
    files = write(
        array=make_voxels() - 900, intercept=-1024, bits_stored=12, signed=False, names=list("fbdace")
    )
    assert compare(files[0].parent).dtype == np.int16


def test_the_type_holds_whatever_the_headers_allow(write):
    files = write(array=make_voxels() - 900, intercept=-1024, signed=True)
    assert dv.volread(files).dtype == np.int16
    assert compare(files).dtype == np.int32


def test_slopes_that_differ_by_slice(write):
    files = write(array=np.ones((3, 4, 4), np.int16))
    for k, path in enumerate(files):
        edit(path, RescaleSlope=str(0.5 + k), RescaleIntercept="0.125")
    assert compare(files).dtype == np.float32


@pytest.mark.parametrize("padding", [None, -100])
@pytest.mark.parametrize("lost", [(2,), (1, 3)])
def test_missing_slices_hold_padding_or_the_lowest_value(write, padding, lost):
    files = write(array=make_voxels((9, 4, 5)))
    for path in files:
        if padding:
            edit(path, PixelPaddingValue=("SS", padding))
    for k in lost:
        files[k].unlink()
    assert compare(files[0].parent).report.missing == lost


def test_time_and_a_frame_without_its_file(write):
    files = []
    for t in range(3):
        files += write(f"t{t}", make_voxels(seed=t), series_uid="1.2.3")
        for path in files[-6:]:
            edit(path, TemporalPositionIdentifier=t, SOPInstanceUID=pydicom.uid.generate_uid())
    files[8].unlink()
    lazy = compare([file for file in files if file.exists()])
    assert lazy.dims[0] == "time" and lazy.shape == (3, 6, 8, 10) and lazy.report.missing == ((1, 2),)


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless, uid.DeflatedExplicitVRLittleEndian]
)
def test_a_film_is_read_frame_by_frame(write, syntax):
    pixels = make_voxels((4, 8, 10)).astype(np.uint16)
    data = pixels.tobytes() if syntax != uid.RLELossless else encapsulate([rle(image) for image in pixels])
    path = write_film(*write("film", np.zeros((1, 8, 8), np.int16)), pixels, syntax, data)
    compare(path)


def test_colours(write):
    pixels = np.random.RandomState(0).randint(0, 256, (3, 8, 10, 3)).astype(np.uint8)
    path = write_film(
        *write("film", np.zeros((1, 8, 8), np.int16)), pixels, uid.ExplicitVRLittleEndian, pixels.tobytes()
    )
    assert compare(path).is_color


def test_compressed_series(write):
    files = write(array=make_voxels((4, 32, 40)))
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
        dataset.save_as(path)
    compare(files)


def test_rubbish_behind_the_pixels_is_no_header(write):
    files = write()
    with files[2].open("ab") as file:
        file.write(bytes(1024))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "CommandGroupLength" not in compare(files).meta.varying


@pytest.mark.skipif(not entries(), reason=f"no reference data in {DATA} (set DICOMVIEW_DATA)")
@pytest.mark.parametrize(
    "name", ["ct_panimg_4d_enhanced", "mr_mosaic_obl_asc", "mr_xa30_colfa", "ct_liver3_seg"]
)
def test_scanner_data(name):
    for series in dv.find_series(DATA / name).volumes:
        assert_same(series.read(lazy=True), series.read())


# -- entrances and refusals --------------------------------------------------------------------------------


def test_every_entrance(write):
    folder = write()[0].parent
    for volume in (
        dv.volread(folder, lazy=True), dv.volread(list(folder.iterdir()), lazy=True),
        dv.find_series(folder)[0].read(lazy=True), *dv.mvolread(folder, lazy=True),
    ):  # fmt: skip
        assert isinstance(volume.array, da.Array) and volume.array.numblocks == (6, 1, 1)


def test_an_archive_is_decoded_from_its_bytes(write, tmp_path):
    import shutil

    files = write()
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", files[0].parent)
    compare(archive)


def test_without_dask_the_error_says_what_to_install(write, monkeypatch):
    files = write()
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dicomview\[lazy\]'"):
        dv.volread(files, lazy=True)


def test_other_formats_are_not_lazy(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DecodeError, match="leave out lazy=True"):
        dv.volread(tmp_path / "a.npy", lazy=True)


def test_a_slice_that_cannot_be_decoded_raises_when_it_is_asked_for(write):
    files = write()
    spoil(files, 3)
    lazy = dv.volread(files, lazy=True)
    np.testing.assert_array_equal(lazy[2], make_voxels()[2])
    with pytest.raises(DecodeError, match="IM0003"):
        lazy[3].compute()


def test_a_file_that_changed_is_not_read(write):
    files = write()
    lazy = dv.volread(files, lazy=True)
    edit(files[3], PatientName="Somebody^Else^With^A^Longer^Name")
    with pytest.raises(DecodeError, match=r"IM0003.*changed after its header was read"):
        lazy[3].compute()


def test_values_beyond_the_bits_that_the_header_tells_are_refused(write):
    files = write(array=make_voxels() + 100, bits_stored=12, signed=False)
    recipe = module.LazySlice(
        dv.find_series(files)[0].stack.headers[0], module.rescale_of([]), np.dtype(np.uint8), (0, 0), None
    )
    with pytest.raises(DecodeError, match=r"BitsStored \(0028,0101\)"):
        recipe._fitted(np.array([300], np.uint16))


def test_no_volume_is_no_lazy_one(tmp_path):
    with pytest.raises(SeriesError, match="empty"):
        dv.mvolread(tmp_path, lazy=True)


# -- no more than is asked for -----------------------------------------------------------------------------


def test_only_what_is_asked_for_is_decoded(write, decoded):
    vol = dv.volread(write(), lazy=True)
    assert decoded == []
    np.testing.assert_array_equal(vol[3], make_voxels()[3])
    assert decoded == [3]
    np.testing.assert_array_equal(vol[1:3, 4], make_voxels()[1:3, 4])
    assert sorted(decoded) == [1, 2, 3]


def test_chunks_are_small_and_need_nothing_else(write):
    files = write(array=make_voxels((4, 256, 256)))
    whole = dv.volread(files, lazy=True)
    data = pickle.dumps(whole.array[1])
    assert len(data) < 30_000 and files[1].stat().st_size > 130_000
    np.testing.assert_array_equal(pickle.loads(data).compute(), make_voxels((4, 256, 256))[1])


def test_frames_read_at_the_same_time_do_not_meet(write):
    pixels = make_voxels((2, 8, 10)).astype(np.uint16)
    files = write("film", np.zeros((1, 8, 8), np.int16))
    path = write_film(*files, pixels, uid.ExplicitVRLittleEndian, pixels.tobytes())
    first, second = find_pixels(path).frames
    one, other = first.read(path), second.read(path)
    assert one.PixelData == pixels[0].tobytes() and other.PixelData == pixels[1].tobytes()


def test_what_is_kept_is_bounded_and_the_oldest_goes_first():
    kept, made = Kept(limit=10), []

    def get(key, size=4):
        return kept.get(key, lambda: made.append(key) or key, lambda _: size)

    for key in "abac":  # c does not fit beside a and b; a was used last
        get(key)
    for key in "acb":
        get(key)
    assert made == list("abcb")
    get("large", 11), get("large", 11)
    assert made[-2:] == ["large", "large"]


def test_a_result_may_be_changed_without_changing_what_is_kept(write):
    vol = dv.volread(write(), lazy=True)
    vol[2].compute()[:] = 7
    np.testing.assert_array_equal(vol[2], make_voxels()[2])


def test_series_go_to_another_process(write):
    found = pickle.loads(pickle.dumps(dv.find_series(write()[0].parent)))
    np.testing.assert_array_equal(found[0].read().array, make_voxels())


def test_affine_is_there_without_pixels(write, decoded):
    vol = dv.volread(write(matrix=make_affine("oblique")), lazy=True)
    assert vol.fov is not None and vol.aspect("sagittal") and repr(vol) and vol.plane_axes
    assert decoded == []


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless])
def test_files_with_plain_headers_are_not_read_for_their_places(write, monkeypatch, syntax):
    files = write()
    for path in files:
        dataset = pydicom.dcmread(path)
        if syntax in uid.RLETransferSyntaxes:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    folder = files[0].parent
    plain = dv.volread(folder)
    (series,) = dv.find_series(folder)
    monkeypatch.setattr(module, "find_pixels", None)
    vol = series.read(lazy=True)
    np.testing.assert_array_equal(np.asarray(vol[2]), plain[2])
    monkeypatch.undo()
    monkeypatch.setattr(module, "scanned_pixels", lambda *given: None)
    slow = series.read(lazy=True)
    assert vol.dtype == slow.dtype
    assert list(vol.meta.items()) == list(slow.meta.items())
    for keyword in (*vol.meta.varying, *slow.meta.varying):
        assert vol.meta.per_slice(keyword) == slow.meta.per_slice(keyword)
    np.testing.assert_array_equal(np.asarray(vol), np.asarray(slow))
    dataset = pydicom.dcmread(files[2])
    dataset.ImageComments = "longer than before"
    dataset.save_as(files[2])
    module.KEPT.clear()
    if syntax == uid.ExplicitVRLittleEndian:
        with pytest.raises(DecodeError, match="changed"):
            np.asarray(vol[2])
