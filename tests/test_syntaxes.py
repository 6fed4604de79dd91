"""Every transfer syntax against the values that went in, read as whole series and as multi-frame files."""

import zlib
from functools import partial

import codestreams as made
import numpy as np
import pydicom
import pytest
from conftest import make_voxels
from pixelfiles import NATIVE, describe, frames_of, relabel, rle, save, write_film
from pydicom import uid
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import get_decoder, get_encoder, pixel_array

import dicomview as dv
from dicomview.errors import DecodeError


@pytest.fixture
def film(write):
    """Write one file: film(pixels, syntax, data, **elements) -> path."""
    return partial(write_film, *write("film", np.zeros((1, 8, 8), np.int16)))


def of_type(dtype, shape=(6, 8, 10)):
    """Return values over the whole range of a type, minimum and maximum among them."""
    info = np.iinfo(dtype)
    array = np.linspace(float(info.min), float(info.max) * (1 - 1e-9), int(np.prod(shape))).astype(dtype)
    array[-1] = info.max
    return np.random.RandomState(0).permutation(array).reshape(shape)


def write_native(files, array, syntax):
    """Rewrite a series with other values, uncompressed."""
    for path, image in zip(files, array):
        dataset = pydicom.dcmread(path)
        describe(dataset, image[None])
        big = image.astype(image.dtype.newbyteorder(">")) if syntax == uid.ExplicitVRBigEndian else image
        save(dataset, path, syntax, big.tobytes(), "OB" if image.itemsize == 1 else "OW")


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
@pytest.mark.parametrize("syntax", NATIVE, ids=lambda s: uid.UID(s).keyword)
def test_uncompressed_series(write, syntax, dtype):
    files, array = write("s"), of_type(dtype)
    write_native(files, array, syntax)
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, array)
    assert vol.array.dtype == np.dtype(dtype) and vol.array.dtype.isnative


@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("shape", [(1, 4, 6), (3, 3, 5)])
def test_eight_bits_in_big_endian_words(film, vr, shape):
    pixels = of_type("u1", shape)
    data = pixels.tobytes() + b"\0" * (pixels.size % 2)
    if vr == "OW":
        data = np.frombuffer(data, "u2").byteswap().tobytes()
    path = film(pixels, uid.ExplicitVRBigEndian, data, vr)
    np.testing.assert_array_equal(frames_of(path, len(pixels)), pixels)


COMPRESSED = {
    "rle 8": (uid.RLELossless, "u1"),
    "rle 16": (uid.RLELossless, "i2"),
    "j2k 8": (uid.JPEG2000Lossless, "u1"),
    "j2k signed": (uid.JPEG2000Lossless, "i2"),
    "j2k 16": (uid.JPEG2000Lossless, "u2"),
}


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("count", [1, 3])
def test_losslessly_compressed_frames(film, name, count):
    syntax, dtype = COMPRESSED[name]
    pixels = of_type(dtype, (count, 40, 48))
    path = film(pixels, uid.ExplicitVRLittleEndian, pixels.tobytes(), "OW")
    dataset = pydicom.dcmread(path)
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.save_as(path)
    result = frames_of(path, count)
    np.testing.assert_array_equal(result, pixels)
    assert result.dtype == dtype


@pytest.mark.parametrize("dtype", ["u4", "i4", "i2"])
@pytest.mark.parametrize("count", [1, 2])
def test_run_lengths_of_many_bytes(film, dtype, count):
    pixels = of_type(dtype, (count, 9, 31))
    path = film(pixels, uid.RLELossless, encapsulate([rle(image) for image in pixels]))
    np.testing.assert_array_equal(frames_of(path, count), pixels)


@pytest.mark.parametrize("name", ["rle 16", "j2k signed"])
def test_losslessly_compressed_series(write, name):
    array = make_voxels((4, 32, 40))
    files = write("s", array)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(COMPRESSED[name][0], generate_instance_uid=False)
        dataset.save_as(path)
    np.testing.assert_array_equal(dv.volread(files).array, array)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("syntax", "kind"), [(uid.RLELossless, "RGB"), (uid.JPEG2000Lossless, "YBR_RCT")])
def test_losslessly_compressed_colours(film, syntax, kind, count):
    pixels = of_type("u1", (count, 32, 33, 3))
    path = film(pixels, uid.ExplicitVRLittleEndian, pixels.tobytes())
    dataset = pydicom.dcmread(path)
    dataset.PhotometricInterpretation = kind if kind != "YBR_RCT" else "RGB"
    options = {"use_mct": True} if kind == "YBR_RCT" else {}
    dataset.compress(syntax, generate_instance_uid=False, **options)
    dataset.PhotometricInterpretation = kind
    dataset.save_as(path)
    np.testing.assert_array_equal(frames_of(path, count), pixels)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("name", ["jpeg", "j2k", "jpegls", "rle"])
def test_codestreams_have_colours_in_their_own_order(film, name, planar, lazy):
    """What PlanarConfiguration says is of no meaning for them (PS3.3 C.7.6.3.1.3)."""
    if name == "jpegls":
        pytest.importorskip("jpeg_ls")
    syntax, data, elements, tolerance = {
        "jpeg": (uid.JPEGBaseline8Bit, made.JPEG_444, {"PhotometricInterpretation": "YBR_FULL"}, 8),
        "j2k": (uid.JPEG2000Lossless, None, {}, 0),
        "jpegls": (uid.JPEGLSLossless, None, {}, 0),
        "rle": (uid.RLELossless, None, {}, 0),
    }[name]
    image = made.RGB if data else np.kron(made.RGB, np.ones((4, 4, 1), np.uint8))
    path = film(image[None], uid.ExplicitVRLittleEndian, image.tobytes())
    if data is None:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.PlanarConfiguration = planar
        dataset.save_as(path)
    else:
        path = film(image[None], syntax, encapsulate([data]), PlanarConfiguration=planar, **elements)
    array = np.asarray(dv.volread(path, lazy=lazy).array)
    assert abs(array[0].astype(int) - image).max() <= tolerance


TWELVE = {"BitsStored": 12, "HighBit": 11}
#: Syntax, codestream, what it holds, header elements, tolerance.
STREAMS = {
    "baseline": (uid.JPEGBaseline8Bit, made.JPEG_8, made.GREY, {}, 4),
    "baseline 4:4:4": (
        uid.JPEGBaseline8Bit, made.JPEG_444, made.RGB, {"PhotometricInterpretation": "YBR_FULL"}, 8,
    ),
    "baseline 4:2:2": (
        uid.JPEGBaseline8Bit, made.JPEG_422, made.RGB, {"PhotometricInterpretation": "YBR_FULL_422"}, 60,
    ),
    "baseline 4:2:0": (
        uid.JPEGBaseline8Bit, made.JPEG_420, made.RGB, {"PhotometricInterpretation": "YBR_FULL_422"}, 60,
    ),
    "baseline called RGB": (uid.JPEGBaseline8Bit, made.JPEG_444, made.RGB, {}, 8),
    "extended 8": (uid.JPEGExtended12Bit, made.JPEG_8, made.GREY, {}, 4),
    "extended 12": (uid.JPEGExtended12Bit, made.JPEG_12, made.TWELVE, TWELVE, 20),
    "lossless 14": (uid.JPEGLossless, made.LOSSLESS_12, made.TWELVE, TWELVE, 0),
    "lossless SV1": (uid.JPEGLosslessSV1, made.LOSSLESS_12, made.TWELVE, TWELVE, 0),
    "lossless signed": (uid.JPEGLosslessSV1, made.LOSSLESS_SIGNED, made.SIGNED, {}, 0),
    "JPEG-LS": (uid.JPEGLSLossless, made.JPEGLS_12, made.TWELVE, TWELVE, 0),
    "JPEG-LS signed": (uid.JPEGLSLossless, made.JPEGLS_SIGNED, made.SIGNED, {}, 0),
    "JPEG-LS near": (uid.JPEGLSNearLossless, made.JPEGLS_NEAR, made.GREY, {}, 2),
    "JPEG 2000 lossy": (uid.JPEG2000, made.J2K_LOSSY, made.TWELVE, TWELVE, 20),
    "HTJ2K": (uid.HTJ2KLossless, made.HTJ2K_12, made.TWELVE, {}, 0),
    "HTJ2K signed": (uid.HTJ2KLossless, made.HTJ2K_SIGNED, made.SIGNED, {}, 0),
    "HTJ2K RPCL": (uid.HTJ2KLosslessRPCL, made.HTJ2K_SIGNED, made.SIGNED, {}, 0),
    "HTJ2K colour": (
        uid.HTJ2KLossless, made.HTJ2K_RGB, made.RGB, {"PhotometricInterpretation": "YBR_RCT"}, 0,
    ),
    "HTJ2K lossy": (uid.HTJ2K, made.HTJ2K_LOSSY, made.GREY, {}, 4),
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", STREAMS)
def test_codestreams_of_other_encoders(film, name, count):
    syntax, stream, truth, elements, tolerance = STREAMS[name]
    pixels = np.stack([truth] * count)
    path = film(pixels, syntax, encapsulate([stream] * count), **elements)
    result = frames_of(path, count)
    assert result.dtype == truth.dtype and result.shape == pixels.shape
    assert np.abs(result.astype(int) - pixels).max() <= tolerance


def test_subsampled_colours_have_the_right_tone(film):
    """The tolerance above is for fine detail; a swapped or unconverted channel would show in the mean."""
    for stream in (made.JPEG_422, made.JPEG_420):
        kind = {"PhotometricInterpretation": "YBR_FULL_422"}
        path = film(made.RGB[None], uid.JPEGBaseline8Bit, encapsulate([stream]), **kind)
        mean = frames_of(path, 1)[0].mean(axis=(0, 1))
        np.testing.assert_allclose(mean, made.RGB.mean(axis=(0, 1)), atol=6)


def distinct_frames(count):
    """Return images that differ and their codestreams, of odd and even length."""
    images = np.stack([make_voxels((40, 40), seed=i) for i in range(count)])
    options = {
        "rows": 40, "columns": 40, "samples_per_pixel": 1, "number_of_frames": 1, "bits_allocated": 16,
        "bits_stored": 16, "pixel_representation": 1, "photometric_interpretation": "MONOCHROME2",
    }  # fmt: skip
    encoder = get_encoder(uid.JPEG2000Lossless)
    return images, [encoder.encode(image.tobytes(), **options) for image in images]


@pytest.mark.parametrize(
    ("table", "fragments"), [("basic", 1), ("basic", 3), ("none", 1), ("none", 3), ("extended", 1)]
)
@pytest.mark.parametrize("count", [1, 4])
def test_fragments_and_offset_tables(film, table, fragments, count):
    images, streams = distinct_frames(count)
    extra = []
    if table == "extended":
        data, offsets, lengths = encapsulate_extended(streams)
        extra = [("ExtendedOffsetTable", offsets), ("ExtendedOffsetTableLengths", lengths)]
    else:
        data = encapsulate(streams, fragments_per_frame=fragments, has_bot=table == "basic")
    path = film(images, uid.JPEG2000Lossless, data, extra=extra)
    np.testing.assert_array_equal(frames_of(path, count), images)


# The file says one thing and is another


@pytest.mark.parametrize("offsets", [[0, 0, 0], [8, 30, 50], [0], [900, 2000, 3000], [0, 4, 8]])
@pytest.mark.parametrize("count", [1, 3])
def test_offset_tables_that_point_beside_the_frames(film, offsets, count):
    images, streams = distinct_frames(count)
    body = encapsulate(streams, has_bot=False)[8:]
    table = np.array(offsets[:count], "<u4").tobytes()
    data = b"\xfe\xff\x00\xe0" + len(table).to_bytes(4, "little") + table + body
    path = film(images, uid.JPEG2000Lossless, data)
    np.testing.assert_array_equal(frames_of(path, count), images)


@pytest.mark.parametrize("shift", [0, 8])
def test_extended_offset_tables_that_point_beside_the_frames(film, shift):
    images, streams = distinct_frames(3)
    data, offsets, lengths = encapsulate_extended(streams)
    beside = (np.frombuffer(offsets, "<u8") + shift).astype("<u8").tobytes()
    extra = [("ExtendedOffsetTable", beside), ("ExtendedOffsetTableLengths", lengths)]
    path = film(images, uid.JPEG2000Lossless, data, extra=extra)
    np.testing.assert_array_equal(frames_of(path, 3), images)


def test_frames_without_an_offset_table_are_looked_for_once(film, monkeypatch):
    images = np.arange(40, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    searched = []
    known = pydicom.encaps.parse_fragments
    monkeypatch.setattr(
        pydicom.encaps, "parse_fragments", lambda *a, **k: searched.append(1) or known(*a, **k)
    )
    path = film(images, uid.RLELossless, encapsulate([rle(image) for image in images], has_bot=False))
    np.testing.assert_array_equal(frames_of(path, 40), images)
    assert not searched


def test_a_film_is_not_read_again_for_each_damaged_frame(film, monkeypatch):
    images = np.arange(9, dtype=np.uint8)[:, None, None] + np.zeros((1, 4, 4), np.uint8)
    streams = [rle(image) if i == 4 else bytes(64) for i, image in enumerate(images)]
    path = film(images, uid.RLELossless, encapsulate(streams))
    read = []
    known = pydicom.dcmread
    monkeypatch.setattr(pydicom, "dcmread", lambda *a, **k: read.append(1) or known(*a, **k))
    vol = dv.volread(path)
    assert len(read) <= 3  # its elements, all frames at once, and then frame by frame
    assert len(vol.report.missing) == 8
    np.testing.assert_array_equal(vol.array[4, 0], images[4])


def test_more_frames_than_fragments_are_refused_at_once(film):
    noise = np.random.default_rng(0).integers(0, 255, (1, 900, 900), dtype=np.uint8)
    path = film(noise, uid.RLELossless, encapsulate([rle(noise[0])]))
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames = 100_000
    dataset.save_as(path)
    (dropped,) = dv.find_series(path).dropped
    assert "NumberOfFrames (0028,0008) is 100000, and PixelData (7FE0,0010) has 1 fragments" in str(dropped)


@pytest.mark.parametrize("name", ["lossless SV1", "JPEG-LS", "HTJ2K", "rle"])
def test_compressed_pixels_called_uncompressed(film, name):
    if name == "rle":
        stream, truth, elements = rle(made.TWELVE), made.TWELVE, TWELVE
    else:
        _, stream, truth, elements, _ = STREAMS[name]
    path = film(truth[None], uid.JPEG2000, encapsulate([stream]), **elements)
    relabel(path, uid.ExplicitVRLittleEndian)
    np.testing.assert_array_equal(frames_of(path, 1)[0], truth)


def test_uncompressed_pixels_called_compressed(film):
    path = film(made.SIGNED[None], uid.ExplicitVRLittleEndian, made.SIGNED.tobytes(), "OW")
    relabel(path, uid.JPEGLosslessSV1)
    np.testing.assert_array_equal(frames_of(path, 1)[0], made.SIGNED)


@pytest.mark.parametrize("less", [0, 1, 60])
def test_fragments_in_an_element_of_told_length(film, less):
    pixels = of_type("u2", (1, 6, 10))
    path = film(pixels, uid.RLELossless, encapsulate([rle(pixels[0])]))
    data = path.read_bytes()
    at, end = data.index(b"OB\0\0\xff\xff\xff\xff") + 4, data.index(b"\xfe\xff\xdd\xe0")
    length = end - at - 4 - less
    path.write_bytes(data[:at] + length.to_bytes(4, "little") + data[at + 4 : end - less])
    if less:
        with pytest.raises(DecodeError, match="cannot be decoded"):
            frames_of(path, 1)
    else:
        np.testing.assert_array_equal(frames_of(path, 1), pixels)


@pytest.mark.parametrize("preamble", [True, False])
@pytest.mark.parametrize(
    "syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
)
def test_files_without_meta_information(write, syntax, preamble):
    files, array = write("s"), make_voxels()
    write_native(files, array, syntax)
    for path in files:
        data = path.read_bytes()
        body = data[144 + int.from_bytes(data[140:144], "little") :]
        path.write_bytes((data[:132] if preamble else b"") + body)
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, array)
    assert vol.array.dtype.isnative


def test_group_lengths_and_private_pixels_do_no_harm(write):
    files, array = write("s"), make_voxels()
    for path in files:
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x7FE1, "VENDOR", create=True)
        block.add_new(0x10, "OW", b"\1\2" * 80)
        dataset.add_new(0x00280000, "UL", 120)
        dataset.add_new(0x7FE00000, "UL", 172)
        dataset.save_as(path)
    np.testing.assert_array_equal(dv.volread(files).array, array)


# Frames that are only wrapped


def test_encapsulated_uncompressed_frames(film):
    pixels = of_type("i2", (3, 8, 8))
    data = encapsulate([frame.tobytes() for frame in pixels])
    path = film(pixels, "1.2.840.10008.1.2.1.98", data)
    np.testing.assert_array_equal(frames_of(path, 3), pixels)


def test_deflated_frames(film):
    def deflated(data):
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        return packer.compress(data) + packer.flush()

    pixels = of_type("u2", (3, 9, 8))
    path = film(pixels, "1.2.840.10008.1.2.8.1", encapsulate([deflated(frame.tobytes()) for frame in pixels]))
    np.testing.assert_array_equal(frames_of(path, 3), pixels)


# What cannot be decoded


@pytest.mark.parametrize(
    ("syntax", "name", "remedy"),
    [
        ("1.2.840.10008.1.2.4.102", "MPEG-4", "video tool"),
        ("1.2.840.10008.1.2.4.107", "HEVC", "video tool"),
        ("1.2.840.10008.1.2.4.94", "JPIP", "server"),
        ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.110", "JPEG XL"),
        ("1.2.840.10008.1.2.4.55", "Full Progression", "convert it"),
        ("1.2.840.10008.1.2.4.92", "Multi-component", "convert it"),
        ("1.3.46.670589.33.1.4.1", "1.3.46.670589.33.1.4.1", "convert it"),
    ],
)
def test_syntaxes_that_are_not_supported_are_named(film, syntax, name, remedy):
    path = film(made.GREY[None], syntax, encapsulate([b"\0" * 100]))
    with pytest.raises(DecodeError) as caught:
        dv.volread(path)
    told = str(caught.value)
    assert name in told and syntax in told and remedy in told and path.name in told and "pip" not in told


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (uid.JPEGLosslessSV1, "pylibjpeg-libjpeg"),
        (uid.JPEGLSLossless, "pylibjpeg-libjpeg"),
        (uid.JPEG2000Lossless, "pylibjpeg-openjpeg"),
        (uid.HTJ2KLossless, "pylibjpeg-openjpeg"),
        (uid.RLELossless, "pylibjpeg-rle"),
    ],
)
def test_a_missing_decoder_is_named(film, monkeypatch, syntax, package):
    decoder = get_decoder(syntax)
    monkeypatch.setattr(decoder, "_available", {})
    monkeypatch.setattr(decoder, "_unavailable", {"pylibjpeg": ("pylibjpeg>=2.0",)})
    path = film(made.TWELVE[None], syntax, encapsulate([made.LOSSLESS_12]), **TWELVE)
    with pytest.raises(DecodeError) as caught:
        dv.volread(path)
    told = str(caught.value)
    assert f"pip install pylibjpeg {package}" in told and syntax in told and path.name in told


def test_a_damaged_codestream_is_not_blamed_on_a_missing_decoder(film):
    path = film(
        made.TWELVE[None], uid.JPEG2000Lossless, encapsulate([b"\xff\x4f\xff\x51" + b"\0" * 60]), **TWELVE
    )
    with pytest.raises(DecodeError, match="damaged") as caught:
        dv.volread(path)
    assert "pip" not in str(caught.value)


@pytest.mark.parametrize("vr", [b"PN", b"IS"])
@pytest.mark.parametrize("lazy", [False, True])
def test_a_photometric_interpretation_of_another_type(film, lazy, vr):
    if lazy:
        pytest.importorskip("dask.array")
    pixels = of_type("u1", (2, 6, 10))
    path = film(pixels, uid.ExplicitVRLittleEndian, pixels.tobytes())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"\x28\0\4\0CS", b"\x28\0\4\0" + vr))
    np.testing.assert_array_equal(np.asarray(dv.volread(path, lazy=lazy).array).reshape(pixels.shape), pixels)


def test_lossless_values_beyond_the_bits_of_their_codestream(write):
    """Differences that were damaged add up to more than the codestream allows."""
    damaged = made.LOSSLESS_12[:70] + b"\x6f" + made.LOSSLESS_12[71:]
    files = write("s", np.zeros((3, 8, 8), np.int16))
    for path, stream in zip(files, (made.LOSSLESS_12, damaged, made.LOSSLESS_12)):
        dataset = pydicom.dcmread(path)
        describe(dataset, made.TWELVE[None], **TWELVE, RescaleIntercept=0)
        save(dataset, path, uid.JPEGLosslessSV1, encapsulate([stream]), "OB")
    expected = [pixel_array(path, decoding_plugin="pylibjpeg") for path in files]
    np.testing.assert_array_equal(dv.volread(files).array, expected)


def jpeg_2000(pixels):
    """Return a lossless JPEG 2000 codestream, of the bits of the type of the pixels."""
    options = {
        "rows": pixels.shape[0], "columns": pixels.shape[1], "samples_per_pixel": 1, "number_of_frames": 1,
        "bits_allocated": 8 * pixels.itemsize, "bits_stored": 8 * pixels.itemsize,
        "pixel_representation": int(pixels.dtype.kind == "i"), "photometric_interpretation": "MONOCHROME2",
    }  # fmt: skip
    return get_encoder(uid.JPEG2000Lossless).encode(pixels.tobytes(), **options)


@pytest.mark.parametrize("stored", [8, 12])
@pytest.mark.parametrize("signed", [False, True])
def test_eight_bits_in_cells_of_sixteen(film, stored, signed):
    pixels = np.tile(made.GREY.view(np.int8) if signed else made.GREY, (5, 5))
    path = film(
        pixels[None].astype("i2" if signed else "u2"), uid.JPEG2000Lossless, encapsulate([jpeg_2000(pixels)]),
        BitsStored=stored,
    )  # fmt: skip
    vol = dv.volread(path)
    np.testing.assert_array_equal(np.squeeze(vol.array), pixels)
    told = f"a codestream has 8 bits, BitsStored (0028,0101) says 12: look at the values of {path.name}"
    assert (told in vol.report.warnings) is (stored == 12)
