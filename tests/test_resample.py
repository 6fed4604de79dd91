"""Resampling to screen pixels against closed form and against SciPy."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from dicomview.display.resample import INTERPOLATIONS, resampled, taps

RANDOM = np.random.RandomState(0)


def line(values, start, step, pixels, kind):
    return resampled(np.asarray(values)[:, None], taps(len(values), start, step, pixels, kind),
                     taps(1, 0.0, 1.0, 1, kind))[:, 0]  # fmt: skip


@pytest.mark.parametrize("kind", INTERPOLATIONS)
@pytest.mark.parametrize(("start", "step", "pixels"), [(0, 1, 9), (8, -1, 9), (2, 1, 4)])
def test_one_pixel_a_sample_is_a_copy(kind, start, step, pixels):
    values = RANDOM.rand(9).astype(np.float32)
    expected = values[(start + step * np.arange(pixels))]
    np.testing.assert_allclose(line(values, float(start), float(step), pixels, kind), expected, atol=1e-7)


@pytest.mark.parametrize("kind", ["linear", "lanczos"])
@pytest.mark.parametrize("step", [0.3, 0.77, 1.9, 4.2, -0.6, -3.1])
def test_a_constant_stays_and_a_ramp_is_straight_away_from_its_ends(kind, step):
    ramp = np.arange(200, dtype=np.float32)
    pixels = int(100 / abs(step))
    start = 50.3 if step > 0 else 150.3
    found = line(ramp, start, step, pixels, kind)
    tolerance = 0.03 if kind == "linear" else 0.2  # the sums of both ripple between samples
    np.testing.assert_allclose(found, start + step * np.arange(pixels), atol=tolerance * max(1, abs(step)))
    np.testing.assert_allclose(line(np.full(20, 7.0), 1.0, step, 5, kind), 7, rtol=1e-6)


@pytest.mark.parametrize("kind", INTERPOLATIONS)
def test_values_continue_beyond_the_ends(kind):
    values = np.float32([3, 3, 3, 8, 8, 8])
    assert line(values, -9.0, 1.0, 3, kind).tolist() == [3, 3, 3]
    assert line(values, 12.0, 1.0, 3, kind) == pytest.approx([8, 8, 8])


def test_enlarging_equals_scipy():
    image = RANDOM.rand(13, 17)
    y, x = np.meshgrid(0.2 + 0.31 * np.arange(35), 0.4 + 0.45 * np.arange(30), indexing="ij")
    for kind, order in (("linear", 1), ("nearest", 0)):
        found = resampled(image, taps(13, 0.2, 0.31, 35, kind), taps(17, 0.4, 0.45, 30, kind))
        np.testing.assert_allclose(
            found, map_coordinates(image, [y, x], order=order, mode="nearest"), atol=1e-6
        )


def test_reducing_averages_instead_of_skipping():
    # A checkerboard of the finest kind becomes grey, not stripes.
    board = np.indices((64, 64)).sum(axis=0) % 2
    small = resampled(board * 100.0, *[taps(64, 1.75, 3.5, 18, "linear")] * 2)
    assert small.min() > 35 and small.max() < 65


def test_types_stay_where_nothing_is_mixed():
    for dtype in (bool, np.uint8, np.int16, np.int64, np.float32):
        image = np.arange(12).reshape(3, 4).astype(dtype)
        found = resampled(image, taps(3, 2.0, -1.0, 3, "nearest"), taps(4, 0.0, 1.0, 4, "nearest"))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, image[::-1])
    big = np.array([[2**40 + 1, 2**40 + 3]])
    assert resampled(big, taps(1, 0.0, 1.0, 1, "linear"), taps(2, 0.5, 1.0, 1, "linear")).tolist() == [
        [2**40 + 2]
    ]


def test_channels_are_kept():
    image = RANDOM.randint(0, 255, (5, 6, 3)).astype(np.uint8)
    found = resampled(image, taps(5, 0.5, 1.0, 4, "linear"), taps(6, 0.0, 1.0, 6, "linear"))
    np.testing.assert_allclose(found, (image[:-1].astype(float) + image[1:]) / 2, atol=1e-4)
