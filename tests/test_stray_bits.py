"""Bits beside the stored ones: what is cut off is told, unless it is an overlay, a sign or nothing."""

from functools import partial

import codestreams as made
import numpy as np
import pydicom
import pytest
from pixelfiles import describe, write_film
from pydicom import uid
from pydicom.encaps import encapsulate

import dicomview as dv

TOLD = "beyond BitsStored"


def rewrite(write, stored_values, *, intercept=None, overlay=None, **elements):
    """Write a series whose cells are these; return the folder."""
    files = write()
    for file, image in zip(files, stored_values):
        dataset = pydicom.dcmread(file)
        describe(dataset, image[None], RescaleIntercept=intercept, **elements)
        if overlay is not None:
            dataset.add_new(0x60000100, "US", 16)
            dataset.add_new(0x60000102, "US", overlay)
        dataset.PixelData = image.tobytes()
        dataset.save_as(file)
    return files[0].parent


def cells(extra, dtype=np.uint16):
    values = np.arange(6 * 8 * 10, dtype=dtype).reshape(6, 8, 10)
    values[2, 3, 4] |= dtype(extra)
    return values


@pytest.mark.parametrize("intercept", [None, -1024, 0.5])
def test_bits_that_are_cut_off_are_told_of(write, intercept):
    folder = rewrite(write, cells(0x4000), BitsStored=12, intercept=intercept)
    volume = dv.volread(folder)
    np.testing.assert_array_equal(volume.array, cells(0).astype(int) + (intercept or 0))
    (told,) = [text for text in volume.report.warnings if TOLD in text]
    assert told.endswith("IM0002.dcm")


def test_they_are_told_of_in_lazy_volumes_and_single_images(write):
    pytest.importorskip("dask.array")
    folder = rewrite(write, cells(0x4000), BitsStored=12)
    with pytest.warns(RuntimeWarning, match=TOLD):
        dv.volread(folder, lazy=True)[2].compute()
    with pytest.warns(RuntimeWarning, match=f"IM0002.dcm.*{TOLD}"):
        dv.imread(folder / "IM0002.dcm")
    dv.imread(folder / "IM0001.dcm")


@pytest.mark.parametrize("overlay", [14, 15])
def test_an_overlay_in_the_cells_is_no_damage(write, overlay):
    volume = dv.volread(rewrite(write, cells(0x4000), BitsStored=12, overlay=overlay))
    assert any(TOLD in text for text in volume.report.warnings) == (overlay != 14)
    np.testing.assert_array_equal(volume.array, cells(0))


@pytest.mark.parametrize("mask", [0xFFF, 0xFFFF])
def test_signs_may_go_on_above_the_stored_bits_or_not(write, mask):
    values = cells(0, np.int16) - np.int16(200)
    stored = (values.view(np.uint16) & np.uint16(mask)).view(np.int16)
    volume = dv.volread(rewrite(write, stored, BitsStored=12))
    np.testing.assert_array_equal(volume.array, values)
    assert not any(TOLD in text for text in volume.report.warnings)


def test_bits_below_the_stored_ones(write):
    volume = dv.volread(rewrite(write, cells(0) << 4 | 1, BitsStored=12, HighBit=15))
    np.testing.assert_array_equal(volume.array, cells(0))
    assert any(TOLD in text for text in volume.report.warnings)


@pytest.fixture
def film(write):
    """Write one file: film(pixels, syntax, data, **elements) -> path."""
    return partial(write_film, *write("film", np.zeros((1, 8, 8), np.int16)))


@pytest.mark.parametrize(
    ("syntax", "stream", "tolerance"),
    [(uid.JPEG2000, made.J2K_LOSSY, 20), (uid.JPEGExtended12Bit, made.JPEG_12, 20)],
    ids=["JPEG 2000", "JPEG"],
)
def test_values_of_lossy_compression_are_kept_and_told_of(film, syntax, stream, tolerance):
    """What was 2048 would be 0 without its highest bit; there are no bits beside those of lossy values."""
    path = film(made.TWELVE[None], syntax, encapsulate([stream]), BitsStored=11)
    volume = dv.volread(path)
    np.testing.assert_allclose(np.squeeze(volume.array), made.TWELVE, atol=tolerance)
    told = [text for text in volume.report.warnings if TOLD in text]
    assert len(told) == 1 and "kept" in told[0] and told[0].endswith(path.name)
    with pytest.warns(RuntimeWarning, match=f"{path.name}.*{TOLD}.*kept"):
        dv.imread(path)
    within = film(made.TWELVE[None], syntax, encapsulate([stream]), BitsStored=12)
    assert not any(TOLD in text for text in dv.volread(within).report.warnings)


def test_values_of_lossy_compression_are_kept_lazily(film):
    pytest.importorskip("dask.array")
    path = film(made.TWELVE[None], uid.JPEG2000, encapsulate([made.J2K_LOSSY]), BitsStored=11)
    with pytest.warns(RuntimeWarning, match=f"{TOLD}.*kept"):
        np.testing.assert_array_equal(dv.volread(path, lazy=True).array.compute(), dv.volread(path).array)


def test_bits_beyond_those_of_lossless_jpeg_are_told_of(film):
    path = film(made.TWELVE[None], uid.JPEGLosslessSV1, encapsulate([made.LOSSLESS_12]), BitsStored=11)
    volume = dv.volread(path)
    np.testing.assert_array_equal(np.squeeze(volume.array), made.TWELVE & 0x7FF)
    assert any(TOLD in text for text in volume.report.warnings)


def test_bits_beyond_those_of_lossless_colours_are_told_of(film):
    colours = {"PhotometricInterpretation": "YBR_RCT", "BitsStored": 7}
    path = film(made.RGB[None], uid.HTJ2KLossless, encapsulate([made.HTJ2K_RGB]), **colours)
    volume = dv.volread(path)
    np.testing.assert_array_equal(np.squeeze(volume.array), made.RGB & 0x7F)
    assert any(TOLD in text for text in volume.report.warnings)
