"""Codestreams: markers within the scans of JPEG and JPEG-LS."""

import io

import codestreams as made
import numpy as np
import pytest
from PIL import Image

from dicomview.io.codestream import check_presets, check_scans

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def jpeg(**options):
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, "jpeg", quality=100, **options)
    return file.getvalue()


LEGAL = {
    "baseline": jpeg(),
    "progressive, of several scans": jpeg(progressive=True),
    "restart intervals": jpeg(restart_marker_blocks=2),
    "filled up before the end": jpeg()[:-2] + b"\xff\xff\xff\xd9",
    "padded": jpeg() + b"\0",
    "JPEG of 12 bits": made.JPEG_12,
}


@pytest.mark.parametrize("name", LEGAL)
def test_scans_of_legal_codestreams(name):
    check_scans(LEGAL[name])


@pytest.mark.parametrize("marker", [b"\xff\xd0", b"\xff\xc3", b"\xff\x01", b"\xff\xff\x00"])
def test_a_foreign_marker_within_a_scan(marker):
    data = LEGAL["baseline"]
    with pytest.raises(ValueError, match=r"marker 0x.. within a scan"):
        check_scans(data[:-40] + marker + data[-40:])


def test_restarts_need_an_interval():
    data = LEGAL["restart intervals"]
    at = data.index(b"\xff\xdd")
    with pytest.raises(ValueError, match=r"marker 0x.. within a scan"):
        check_scans(data[:at] + data[at + 6 :])


def test_jpeg_ls_puts_a_bit_behind_each_0xff():
    codecs = pytest.importorskip("imagecodecs")
    data = bytes(codecs.jpegls_encode(NOISE[..., 0]))
    assert any(data[i] == 0xFF and 0 < data[i + 1] < 0x80 for i in range(60, len(data) - 1)), "tests nothing"
    check_scans(data)
    with pytest.raises(ValueError, match="within a scan"):
        check_scans(data[:80] + b"\xff\x90" + data[80:])


def test_preset_parameters_of_jpeg_ls_must_fit_its_bits():
    codecs = pytest.importorskip("imagecodecs")
    data = bytes(codecs.jpegls_encode(NOISE[..., 0].astype(np.uint16) * 16))
    assert b"\xff\xf8\x00\x0d\x01\xff\xff" in data, "tests nothing"
    check_presets(data, 16)
    with pytest.raises(ValueError, match="values up to 65535, its frame header of 8 bits"):
        check_presets(data, 8)
