"""Stored bits, colours, lookup tables, rescaling: values against closed form and pydicom's decoding."""

import gzip
import math
import warnings
from functools import partial
from pathlib import Path

import codestreams as made
import numpy as np
import pydicom
import pytest
from conftest import edit, make_voxels
from pixelfiles import decoded_plainly, describe, frames_of, relabel, save, write_film
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, pixel_array
from reference import DATA

import dicomview as dv
from dicomview.errors import DecodeError
from dicomview.io.decode import PixelFile, rescale_of
from dicomview.io.headers import read_headers
from dicomview.state import ViewState, pane_pixels, resolve

LITTLE = uid.ExplicitVRLittleEndian


@pytest.fixture
def film(write):
    """Write one file: film(pixels, syntax, data, **elements) -> path."""
    return partial(write_film, *write("film", np.zeros((1, 8, 8), np.int16)))


def rewrite(files, array, vr="OW", **elements):
    """Give a series other pixels."""
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        describe(dataset, image[None], **elements)
        save(dataset, path, LITTLE, image.tobytes(), vr)
    return files


def edit_all(files, **elements):
    """Set elements of files; returns them."""
    for path in files:
        edit(path, **elements)
    return files


# Bits


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 3, 5), (3, 3, 5), (9, 5, 7), (4, 8, 6)])
def test_single_bits_run_on_from_frame_to_frame(film, shape):
    pixels = np.random.RandomState(1).randint(0, 2, shape).astype(np.uint8)
    data = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    path = film(pixels, LITTLE, data, BitsAllocated=1, BitsStored=1, HighBit=0)
    np.testing.assert_array_equal(frames_of(path, len(pixels)), pixels)


@pytest.mark.parametrize(
    ("stored", "high"), [(12, 11), (12, 15), (12, 13), (10, 9), (10, 12), (16, 15), (1, 0)]
)
@pytest.mark.parametrize("signed", [True, False])
def test_bits_beside_the_stored_ones_do_not_count(write, stored, high, signed):
    """Overlays and rubbish beside the stored bits are masked; the sign is that of the highest stored bit."""
    lowest = -(1 << (stored - 1)) if signed else 0
    values = (np.arange(480).reshape(6, 8, 10) * 7) % (1 << stored) + lowest
    values[0, 0, :2] = lowest, lowest + (1 << stored) - 1
    if signed and stored > 3:
        values[0, 0, 2] = -5
    low = high + 1 - stored
    mask = ((1 << stored) - 1) << low
    rubbish = np.random.RandomState(0).randint(0, 1 << 16, values.shape)
    cells = (((values << low) & mask) | (rubbish & ~mask)).astype(np.uint16)
    files = rewrite(
        write("s"), cells, BitsStored=stored, HighBit=high, PixelRepresentation=int(signed)
    )  # fmt: skip
    np.testing.assert_array_equal(dv.volread(files).array, values)


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_64_bits(write, dtype):
    array = make_voxels().astype(dtype) * 10**9 if dtype == "i8" else np.abs(make_voxels()).astype(dtype)
    np.testing.assert_array_equal(dv.volread(rewrite(write("s"), array)).array, array)


@pytest.mark.parametrize(
    ("keyword", "dtype", "vr"), [("FloatPixelData", "f4", "OF"), ("DoubleFloatPixelData", "f8", "OD")]
)
def test_floating_point_pixels(write, keyword, dtype, vr):
    array = make_voxels().astype(dtype) * 0.37
    lowest = float(np.finfo("f4").min)
    array[0, 0] = lowest
    files = write("s")
    padding = keyword.replace("PixelData", "PixelPaddingValue")
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        describe(dataset, image[None], BitsStored=None, HighBit=None, PixelRepresentation=None)
        del dataset.PixelData
        dataset.add_new(keyword, vr, image.tobytes())
        setattr(dataset, padding, lowest)
        dataset.save_as(path)
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, array.astype(np.float32))
    assert vol.array.dtype == np.float32 and vol.padding == (lowest, lowest)


def test_doubles_beyond_single_precision_stay_doubles(write):
    array = make_voxels().astype("f8") * 1e300
    files = write("s")
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        describe(dataset, image[None])
        del dataset.PixelData
        dataset.add_new("DoubleFloatPixelData", "OD", image.tobytes())
        dataset.save_as(path)
    np.testing.assert_array_equal(dv.volread(files).array, array)


@pytest.mark.parametrize("vr", ["OB", "OW", "UN"])
@pytest.mark.parametrize("trailing", [0, 2, 90])
def test_wrong_type_and_trailing_bytes(write, vr, trailing):
    files, array = write("s"), make_voxels()
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        describe(dataset, image[None])
        save(dataset, path, LITTLE, image.tobytes() + b"\7" * trailing, "OW")
        path.write_bytes(path.read_bytes().replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0" + vr.encode()))
    np.testing.assert_array_equal(dv.volread(files).array, array)


@pytest.mark.parametrize("lazy", [False, True])
def test_pixels_in_items_without_compression(write, lazy):
    """Items under a syntax without compression: their contents are the pixels, if they are as many."""
    files, array = write("s"), make_voxels()

    def wrap(cut):
        for path, image in zip(files, array):
            dataset = pydicom.dcmread(path)
            describe(dataset, image[None])
            item = image.tobytes()[: image.nbytes - cut]
            save(dataset, path, uid.JPEG2000, encapsulate([item]), "OB")
            relabel(path, LITTLE)

    wrap(0)
    np.testing.assert_array_equal(np.asarray(dv.volread(files, lazy=lazy).array), array)
    wrap(8)
    with pytest.raises(DecodeError, match="items of no known codec"):
        np.asarray(dv.volread(files, lazy=lazy).array)


def test_odd_length_with_a_pad_byte(film):
    pixels = np.arange(45, dtype=np.uint8).reshape(1, 5, 9)
    np.testing.assert_array_equal(frames_of(film(pixels, LITTLE, pixels.tobytes()), 1), pixels)


@pytest.mark.parametrize(
    "absent", ["BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"]
)
def test_elements_that_are_absent_have_their_usual_value(write, absent):
    array = np.abs(make_voxels()).astype(np.uint16)
    files = rewrite(write("s"), array, **{absent: None})
    np.testing.assert_array_equal(dv.volread(files).array, array)


@pytest.mark.parametrize("told", [None, 2, 65535])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_sign_that_is_not_told_is_guessed_and_that_is_said(write, told, lazy):
    array = np.arange(60000, 60480, dtype=np.uint16).reshape(6, 8, 10)
    files = rewrite(write("s"), array, PixelRepresentation=told)
    vol = dv.volread(files, lazy=lazy)
    np.testing.assert_array_equal(np.asarray(vol.array), array)
    (text,) = vol.report.warnings
    assert text.startswith("PixelRepresentation (0028,0103) is neither 0 nor 1 in IM0000.dcm")


@pytest.mark.parametrize("told", [None, 7])
def test_an_order_of_colours_that_is_not_told_is_guessed_and_that_is_said(film, told):
    path = film(COLORS[:1], LITTLE, COLORS[0].tobytes(), PlanarConfiguration=told)
    np.testing.assert_array_equal(frames_of(path, 1), COLORS[:1])
    assert "PlanarConfiguration (0028,0006) is neither 0 nor 1" in str(dv.volread(path).report)
    compressed = film(
        made.RGB[None], uid.JPEGBaseline8Bit, encapsulate([made.JPEG_444]), PlanarConfiguration=told
    )
    assert "PlanarConfiguration" not in str(dv.volread(compressed).report)


def test_packed_cells_are_not_called_damage(write):
    path = write("packed")[0]
    dataset = pydicom.dcmread(path)
    dataset.BitsAllocated = dataset.BitsStored = 12
    dataset.HighBit, dataset.PixelData = 11, bytes(120)
    dataset.save_as(path)
    with pytest.raises(dv.DicomviewError, match=r"\(0028,0100\) of 12.*: convert it to Explicit VR"):
        dv.imread(path)


def test_impossible_bits_stored_counts_as_absent(write):
    array = np.abs(make_voxels()).astype(np.uint16)
    np.testing.assert_array_equal(dv.volread(rewrite(write("s"), array, BitsStored=32)).array, array)


# Colour

COLORS = np.random.RandomState(3).randint(0, 256, (2, 6, 8, 3)).astype(np.uint8)


def to_ybr(rgb):
    """Convert by the equations of PS3.3 C.7.6.3.1.2, rounded."""
    matrix = np.array([[0.2990, 0.5870, 0.1140], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    return np.clip(np.rint(rgb @ matrix.T + [0, 128, 128]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
def test_colours_by_pixel_and_by_plane(film, kind, planar, count):
    pixels = COLORS[:count]
    stored = pixels if kind == "RGB" else to_ybr(pixels)
    data = stored.transpose(0, 3, 1, 2) if planar else stored
    path = film(
        pixels, LITTLE, data.tobytes(), PlanarConfiguration=planar, PhotometricInterpretation=kind
    )  # fmt: skip
    vol = dv.volread(path)
    assert vol.is_color and vol.array.dtype == np.uint8
    assert np.abs(frames_of(path, count).astype(int) - pixels).max() <= (0 if kind == "RGB" else 2)


@pytest.mark.parametrize("whole", [False, True])
def test_subsampled_colours_without_compression(film, whole):
    """Also where the subsampling has gone and its name has stayed."""
    pixels = np.repeat(COLORS[:, :, ::2], 2, axis=2)
    ybr = to_ybr(pixels)
    pairs = np.stack([ybr[:, :, ::2, 0], ybr[:, :, 1::2, 0], ybr[:, :, ::2, 1], ybr[:, :, ::2, 2]], -1)
    data = ybr if whole else pairs
    path = film(pixels, LITTLE, data.tobytes(), PhotometricInterpretation="YBR_FULL_422")
    assert np.abs(frames_of(path, 2).astype(int) - pixels).max() <= 2


@pytest.mark.parametrize(("dtype", "stored"), [("u2", 16), ("u2", 12), ("u2", 8), ("u4", 32)])
def test_colours_of_more_bits_are_kept_and_shown_in_eight(film, dtype, stored):
    pixels = COLORS.astype(dtype) << (stored - 8)
    path = film(pixels, LITTLE, pixels.tobytes(), "OW", BitsStored=stored)
    np.testing.assert_array_equal(frames_of(path, 2), pixels)
    vol = dv.volread(path)
    state = ViewState(vol, frame=(1,))
    pane = resolve(vol, state).pane(vol.slice_plane)
    np.testing.assert_array_equal(pane_pixels(vol, pane), COLORS[1])


@pytest.mark.parametrize(
    ("samples", "kind"), [(4, "ARGB"), (4, "CMYK"), (3, "HSV"), (3, "YBR_PARTIAL_422"), (3, "MONOCHROME2")]
)
def test_retired_colours_are_named(film, samples, kind):
    pixels = np.zeros((1, 4, 4, samples), np.uint8)
    path = film(
        pixels, LITTLE, pixels.tobytes(), SamplesPerPixel=samples, PhotometricInterpretation=kind
    )  # fmt: skip
    with pytest.raises(DecodeError, match=rf"{path.name}.*of {samples} with Photo.*{kind}.*convert it"):
        dv.volread(path)


def palette(bits=16, first=0, count=256, values=None, signed=False, vr="OW", cells=None):
    """Return elements of a palette of three different tables, and these tables in 8 bits."""
    tables = [np.random.RandomState(i).randint(0, 1 << bits, count) for i in range(3)]
    elements = {}
    for name, table in zip(("Red", "Green", "Blue"), tables):
        keyword = f"{name}PaletteColorLookupTable"
        elements[f"{keyword}Descriptor"] = ("SS" if signed else "US", [count % 65536, first, bits])
        data = table.astype("<u2" if (cells or bits) == 16 else "u1").tobytes()
        elements[f"{keyword}Data"] = (vr, data + b"\0" * (len(data) % 2))
    return elements, np.stack(tables, -1) >> (bits - 8)


def looked_up(table, indices, first):
    return table[np.clip(indices.astype(int) - first, 0, len(table) - 1)]


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("u1", {}),
        ("u1", {"bits": 8}),
        ("u1", {"bits": 8, "count": 255}),
        ("u1", {"bits": 8, "cells": 16}),
        ("u1", {"first": 10, "count": 100}),
        ("u2", {"count": 4096}),
        ("u2", {"bits": 8, "count": 4096}),
        ("u2", {"count": 65536}),
        ("i2", {"first": -100, "count": 300, "signed": True}),
        ("i2", {"first": 65436, "count": 300}),
        ("i1", {"first": -100, "count": 228, "signed": True, "bits": 8}),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_palettes(film, dtype, options, count):
    elements, table = palette(**options)
    info = np.iinfo(dtype)
    pixels = np.random.RandomState(5).randint(info.min, info.max + 1, (count, 16, 16)).astype(dtype)
    pixels[0, 0] = np.arange(16)
    path = film(pixels, LITTLE, pixels.tobytes(), "OW", PhotometricInterpretation="PALETTE COLOR")
    edit_all([path], **elements)
    first = options.get("first", 0)
    expected = looked_up(table, pixels, first - 65536 if first > 32767 else first)
    np.testing.assert_array_equal(frames_of(path, count), expected)
    assert dv.volread(path).dims[-1] == "rgb"


def test_a_palette_of_eight_bits_that_calls_itself_sixteen(film):
    elements, table = palette(bits=8, cells=16)
    for keyword, (_, value) in elements.items():
        if keyword.endswith("Descriptor"):
            value[2] = 16
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    path = film(pixels, LITTLE, pixels.tobytes(), PhotometricInterpretation="PALETTE COLOR")
    edit_all([path], **elements)
    np.testing.assert_array_equal(frames_of(path, 1), table[pixels])


@pytest.mark.parametrize("bits", [8, 16])
def test_segmented_palettes(film, bits):
    """Discrete, linear and indirect segments; what they expand to is written out by hand."""
    top, unit = (255, 1) if bits == 8 else (65280, 256)
    discrete, linear = [0, 2, 0, 50 * unit], [1, 5, top]
    offset = 2 * len(discrete) if bits == 16 else len(discrete)  # bytes to the linear segment
    address = [offset & 0xFFFF, offset >> 16] if bits == 16 else [offset, 0, 0, 0]
    words = [*discrete, *linear, 0, 1, 0, 2, 1, *address]
    expected = [0, 50, 91, 132, 173, 214, 255, 0, 51, 102, 153, 204, 255]
    data = np.array(words, "<u2" if bits == 16 else "u1").tobytes()
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    path = film(pixels, LITTLE, pixels.tobytes(), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        keyword = f"{name}PaletteColorLookupTable"
        edit_all([path], **{
            f"{keyword}Descriptor": ("US", [len(expected), 0, bits]),
            f"Segmented{keyword}Data": ("OW", data + b"\0" * (len(data) % 2)),
        })  # fmt: skip
    result = frames_of(path, 1)[0, ..., 0].ravel()
    np.testing.assert_array_equal(result[:13], expected)
    np.testing.assert_array_equal(result[13:], 255)


@pytest.mark.parametrize("descriptor", [[128, 0, 16], [256, 9, 16]])
def test_a_palette_whose_channels_disagree_is_told(film, descriptor):
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    path = film(pixels, LITTLE, pixels.tobytes(), PhotometricInterpretation="PALETTE COLOR")
    edit_all([path], **palette()[0] | {"GreenPaletteColorLookupTableDescriptor": ("US", descriptor)})
    with pytest.raises(DecodeError, match="descriptors of the palette differ"):
        dv.volread(path)


def test_a_palette_without_tables_is_told(film):
    pixels = np.zeros((1, 4, 4), np.uint8)
    path = film(pixels, LITTLE, pixels.tobytes(), PhotometricInterpretation="PALETTE COLOR")
    with pytest.raises(DecodeError, match="RedPaletteColorLookupTableDescriptor"):
        dv.volread(path)


# Rescaling and the Modality LUT


def test_monochrome1_stays_as_stored(write):
    files = rewrite(write("s"), make_voxels(), PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(dv.volread(files).array, make_voxels())


@pytest.mark.parametrize(
    ("dtype", "slope", "intercept", "expected"),
    [
        ("i4", 3, -7, np.int64),
        ("u4", 1, -1, np.int64),
        ("u1", 1, -1024, np.int16),
        ("u2", 2, 0, np.uint32),
        ("i4", 0.1, 0, np.float32),
    ],
)
def test_rescaling_is_exact_at_both_ends(write, dtype, slope, intercept, expected):
    info = np.iinfo(dtype)
    array = np.full((6, 8, 10), info.max, dtype)
    array[:, 0] = info.min
    files = rewrite(write("s"), array, RescaleSlope=slope, RescaleIntercept=intercept)
    vol = dv.volread(files)
    assert vol.array.dtype == expected
    for stored, value in ((info.min, vol[0, 0, 0]), (info.max, vol[0, 1, 0])):
        exact = stored * slope + intercept
        assert value == (np.float32(exact) if expected == np.float32 else exact)


def modality_lut(data, descriptor, vr="US"):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if descriptor[1] < 0 else "US", descriptor)
    item.add_new("LUTData", vr, data)
    item.ModalityLUTType = "US"
    return [item]


@pytest.mark.parametrize(
    ("dtype", "first", "count", "bits"),
    [
        ("i2", -1000, 3000, 16),  # 32767 + 1000 does not fit the stored type
        ("u1", 0, 4096, 12),  # more entries than stored values, and bits that are no type
        ("u2", 100, 256, 8),
        ("i2", -5, 7, 10),
        ("u2", 0, 65536, 16),
    ],
)
@pytest.mark.parametrize("vr", ["US", "OW"])
@pytest.mark.parametrize("frames", [1, 3])
def test_modality_lut(film, dtype, first, count, bits, vr, frames):
    table = np.random.RandomState(1).randint(0, 1 << bits, count).astype("<u2")
    info = np.iinfo(dtype)
    pixels = np.random.RandomState(2).randint(info.min, info.max + 1, (frames, 8, 8)).astype(dtype)
    pixels[:, 0, :2] = info.min, info.max
    path = film(pixels, LITTLE, pixels.tobytes(), "OW")
    if vr == "US" and count > 32767:
        vr = "OW"  # so many do not fit a short element
    data = table.tolist() if vr == "US" else table.tobytes()
    edit_all([path], ModalityLUTSequence=modality_lut(data, [count % 65536, first, bits], vr))
    vol = dv.volread(path)
    np.testing.assert_array_equal(frames_of(path, frames), looked_up(table, pixels, first))
    assert vol.array.dtype == (np.uint8 if bits == 8 else np.uint16)


def test_modality_lut_of_packed_bytes(film):
    table = np.random.RandomState(1).randint(0, 256, 255).astype("u1")
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    path = film(pixels, LITTLE, pixels.tobytes())
    edit_all([path], ModalityLUTSequence=modality_lut(table.tobytes() + b"\0", [255, 0, 8], "OW"))
    np.testing.assert_array_equal(frames_of(path, 1), looked_up(table, pixels, 0))


def test_a_short_modality_lut_is_told(film):
    path = film(made.GREY[None], LITTLE, made.GREY.tobytes())
    edit_all([path], ModalityLUTSequence=modality_lut([1, 2, 3], [200, 0, 16]))
    with pytest.raises(DecodeError, match=r"ModalityLUTSequence.*6 bytes for 200 entries"):
        dv.volread(path)


@pytest.mark.parametrize("sop", [uid.XRayAngiographicImageStorage, uid.XRayRadiofluoroscopicImageStorage])
def test_angiograms_are_not_led_back_to_intensities(film, sop):
    """Their Modality LUT is not for display, and their windows are those of the stored values."""
    path = film(np.stack([made.GREY] * 2), LITTLE, made.GREY.tobytes() * 2, RescaleSlope=2)
    lut = modality_lut(list(range(256, 0, -1)), [256, 0, 16])
    edit_all([path], SOPClassUID=sop, Modality="XA", ModalityLUTSequence=lut)
    np.testing.assert_array_equal(frames_of(path, 2), np.stack([made.GREY] * 2))


# Padding


def pet(write, slopes, padding=0, limit=None):
    """Write a series whose slices differ in slope, with a frame of pixels without data."""
    array = np.abs(make_voxels()).astype(np.uint16) + 1
    array[:, :2] = padding
    files = write("s")
    for path, image, slope in zip(files, array, slopes):
        rewrite([path], [image], RescaleSlope=slope, RescaleIntercept=-1)
        edit_all([path], PixelPaddingValue=("US", padding))
        if limit is not None:
            edit_all([path], PixelPaddingRangeLimit=("US", limit))
    return files, array


@pytest.mark.parametrize("slopes", [[0.1, 0.2, 0.3, 0.4, 0.5, 0.7], [1, 2, 3, 4, 5, 6]])
def test_padding_under_slopes_that_differ(write, slopes):
    files, array = pet(write, slopes, padding=5000)
    vol = dv.volread(files)
    expected = array * np.reshape(slopes, (6, 1, 1)) - 1
    np.testing.assert_allclose(vol.array[:, 2:], expected[:, 2:], rtol=1e-6)
    lowest = 5000 * slopes[0] - 1
    assert vol.padding == (lowest, lowest)
    np.testing.assert_array_equal(vol.array[:, :2], lowest)
    assert vol.auto_window().limits[1] <= expected[:, 2:].max() + 1


def test_padding_zero_is_the_same_under_all_slopes(write):
    slopes = [0.1, 0.2, 0.3, 0.4, 0.5, 0.7]
    files, array = pet(write, slopes)
    vol = dv.volread(files)
    assert vol.padding == (-1, -1)
    np.testing.assert_allclose(vol.array, array * np.reshape(slopes, (6, 1, 1)) - 1, rtol=1e-6)


def test_padding_under_a_fractional_slope_is_found_again(write):
    """As float32, like the values: 0.1 is no binary fraction."""
    files, _ = pet(write, [0.1] * 6, padding=7, limit=9)
    vol = dv.volread(files)
    low, high = vol.padding
    padded = vol.array[:, :2].astype(np.float64)
    assert ((padded >= low) & (padded <= high)).all()
    assert math.isclose(low, -0.3, rel_tol=1e-6) and math.isclose(high, -0.1, rel_tol=1e-6)


# Files from elsewhere

PYDICOM = Path(pydicom.__file__).parent / "data" / "test_files"
#: Damaged or cut short on purpose, or without anything that makes an image of them.
BROKEN = {
    "JPEG-lossy.dcm", "JPEG2000-embedded-sequence-delimiter.dcm", "MR_truncated.dcm", "badVR.dcm",
    "liver_1frame.dcm", "liver_expb_1frame.dcm",
}  # fmt: skip


def images_below(*folders):
    """Return the files with pixels as parameters; a single skipped one where there are none."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.dcm")) if path.name not in BROKEN]
    found = [
        pytest.param(path, id=path.name)
        for path in paths
        if {"PixelData", "Rows"} <= set(quietly_read(path).dir())
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip("these files are not here"))]


def quietly_read(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def truth_of(dataset):
    """Return frames by pydicom's own decoding, rescaled in float64."""
    pixels = decoded_plainly(dataset)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        colors = apply_color_lut(pixels, dataset)
        pixels = (colors >> 8).astype(np.uint8) if colors.dtype == np.uint16 else colors
    slope = dataset.get("RescaleSlope") or dataset.get("DoseGridScaling") or 1
    return pixels.astype(np.float64) * float(slope) + float(dataset.get("RescaleIntercept") or 0)


@pytest.mark.parametrize("path", images_below(PYDICOM))
def test_files_of_pydicom(path):
    check_against_pydicom(path)


def check_against_pydicom(path):
    dataset, headers = quietly_read(path), read_headers(path)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            uid.ImplicitVRLittleEndian if implicit else LITTLE if little else uid.ExplicitVRBigEndian
        )
    rescale, file = rescale_of(headers), PixelFile(path)
    values = np.stack([file.values(header, rescale) for header in headers])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = truth_of(dataset)
    if headers[0].tile is not None:
        corners = [header.tile for header in headers]
        truth = np.stack([truth[r : r + values.shape[1], c : c + values.shape[2]] for r, c in corners])
    tolerance = np.abs(truth).max() * 1e-6 if values.dtype.kind == "f" else 0
    np.testing.assert_allclose(values, truth.reshape(values.shape), rtol=0, atol=tolerance)
    assert values.dtype.isnative


@pytest.mark.parametrize(
    "name", ["0.dcm", "1.dcm", "decimal_rescale.dcm", "philips_mprage.dcm.gz", "siemens_dwi_0.dcm.gz"]
)
def test_files_of_nibabel(name, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / name
    if not path.exists():
        pytest.skip("this nibabel has no test data")
    plain = tmp_path / path.name.removesuffix(".gz")
    plain.write_bytes(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes())
    check_against_pydicom(plain)


@pytest.mark.parametrize(
    "path", images_below(*(DATA / s for s in ("mr_ts_9syntaxes", "mr_12bit_overlaybits", "mr_d2n_rgb")))
)
def test_scanner_files(path):
    check_against_pydicom(path)


def test_codestreams_that_disagree_with_their_header(film):
    """An unsigned codestream of 16 bits under a signed header of 16: the bits are those of signed values."""
    stored = made.SIGNED
    path = film(stored[None], uid.JPEGLSLossless, encapsulate([made.JPEGLS_SIGNED]))
    np.testing.assert_array_equal(frames_of(path, 1)[0], stored)
    # and a signed codestream under an unsigned header, as pydicom's own reading has it
    path = film(stored.view(np.uint16)[None], uid.HTJ2KLossless, encapsulate([made.HTJ2K_SIGNED]))
    np.testing.assert_array_equal(frames_of(path, 1)[0], pixel_array(pydicom.dcmread(path)))


@pytest.mark.parametrize(
    ("syntax", "stream"), [(uid.HTJ2KLossless, made.HTJ2K_12), (uid.JPEGLSLossless, made.JPEGLS_12)]
)
@pytest.mark.parametrize("signed", [True, False])
def test_cells_that_were_compressed_whole(film, syntax, stream, signed):
    """With an overlay in the bits above the stored ones, and signs that were not extended into them."""
    path = film(
        made.TWELVE[None], syntax, encapsulate([stream]), BitsStored=11, PixelRepresentation=int(signed)
    )  # fmt: skip
    bits = made.TWELVE.astype(int) & 0x7FF
    expected = np.where(bits >= 1024, bits - 2048, bits) if signed else bits
    np.testing.assert_array_equal(frames_of(path, 1)[0], expected)
