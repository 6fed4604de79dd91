"""VOI functions against the formulas of the standard and against pydicom."""

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi, apply_windowing

from dicomview.display import Window, apply_voi_lut, apply_window
from dicomview.errors import DisplayError

WINDOWS = [(40, 80), (40, 81), (-600, 1500), (0.5, 2), (127.5, 255), (2048, 4096), (100.25, 3.7), (7, 1)]


def standard(x, c, w, function, ymin, ymax):
    """PS3.3 C.11.2.1.2.1 and C.11.2.1.3 word for word."""
    if function == "sigmoid":
        return (ymax - ymin) / (1 + math.exp(-4 * (x - c) / w)) + ymin
    if function == "linear_exact":
        if x <= c - w / 2:
            return ymin
        return ymax if x > c + w / 2 else ((x - c) / w + 0.5) * (ymax - ymin) + ymin
    if x <= c - 0.5 - (w - 1) / 2:
        return ymin
    if x > c - 0.5 + (w - 1) / 2:
        return ymax
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * (ymax - ymin) + ymin


def dataset(c, w, function, bits, signed):
    ds = Dataset()
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsStored, ds.PixelRepresentation = bits, int(signed)
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = c, w, function.upper()
    return ds


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize(("c", "w"), WINDOWS)
@pytest.mark.parametrize(("ymin", "ymax"), [(0, 1), (0, 255), (255, 0), (-2048, 2047)])
def test_the_standard_on_both_sides_of_every_edge(function, c, w, ymin, ymax):
    edges = [c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2, c - w / 2, c + w / 2, c, c - 0.5]
    x = [
        f(e) for e in edges for f in (float, lambda e: np.nextafter(e, -1e9), lambda e: np.nextafter(e, 1e9))
    ]
    x += list(np.linspace(c - w, c + w, 41))
    shown = apply_window(x, c, w, function, ymin=ymin, ymax=ymax)
    truth = [standard(v, c, w, function, ymin, ymax) for v in x]
    np.testing.assert_allclose(shown, truth, rtol=1e-15, atol=1e-12)
    if function != "sigmoid":
        assert [v == ymin for v in shown] == [v == ymin for v in truth]


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize(("c", "w"), WINDOWS)
@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (16, np.uint16), (12, np.int16)])
def test_pydicom_to_the_bit(function, c, w, bits, dtype):
    signed = dtype == np.int16
    low = -(2 ** (bits - 1)) if signed else 0
    high = low + 2**bits - 1
    values = np.arange(low, high + 1).astype(dtype).reshape(16, -1)
    with np.errstate(over="ignore"):
        theirs = apply_windowing(values, dataset(c, w, function, bits, signed))
    ours = apply_window(values, c, w, function, ymin=low, ymax=high)
    assert ours.dtype == np.float64 and ours.shape == values.shape
    np.testing.assert_array_equal(ours, theirs)


def test_the_limits_of_a_window_say_the_same():
    for c, w in WINDOWS[:-1]:
        for function in ("linear", "linear_exact"):
            low, high = Window(c, w, function).limits
            assert apply_window([low, high], c, w, function).tolist() == pytest.approx([0, 1])


@pytest.mark.parametrize(
    "dtype",
    [bool, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, np.float16, np.float32, np.float64],
)
@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
def test_extremes_of_every_dtype(dtype, function):
    if dtype is bool:
        ends = [False, True]
    else:
        info = (np.finfo if np.dtype(dtype).kind == "f" else np.iinfo)(dtype)
        ends = [info.min, info.max]
    shown = apply_window(np.array(ends, dtype), 0.5, 1, function)
    assert shown[0] < 0.5 < shown[1]
    assert apply_window(np.array(ends, dtype), 0.5, 1e-300 if function != "linear" else 1, function)[1] == 1
    mapped = apply_voi_lut(np.array(ends, dtype), [2, 0, 16], [5, 65535])
    assert mapped.tolist() == [5, 65535]


def test_nan_infinity_scalars_and_empty_arrays():
    for function in ("linear", "linear_exact", "sigmoid"):
        shown = apply_window([np.nan, -np.inf, np.inf], 40, 80, function)
        assert np.isnan(shown[0]) and shown[1:].tolist() == [0, 1]
        assert apply_window(40.0, 40.0, 80.0, function).shape == ()
        assert apply_window(np.zeros((0, 3)), 40, 80, function).shape == (0, 3)
    assert np.isnan(apply_window(np.nan, 7, 1))
    assert np.isnan(apply_voi_lut([np.nan], [2, 0, 8], [1, 2])[0])
    assert apply_voi_lut([-np.inf, np.inf], [2, 0, 8], [1, 2]).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("c", "w", "function", "ymax"),
    [
        (0, 0.99, "linear", 1),
        (0, 0, "linear_exact", 1),
        (0, -1, "sigmoid", 1),
        (np.nan, 1, "linear", 1),
        (0, np.inf, "linear", 1),
        (0, 1, "linear", np.inf),
        (0, 1, "LINEAR", 1),
    ],
)
def test_impossible_windows_are_refused(c, w, function, ymax):
    with pytest.raises(DisplayError):
        apply_window([1], c, w, function, ymax=ymax)


@pytest.mark.parametrize("first", [0, 100, -1024, 40000])
@pytest.mark.parametrize(("count", "bits"), [(256, 8), (256, 16), (4096, 12), (1000, 10), (65536, 16)])
def test_tables_equal_those_of_pydicom(first, count, bits):
    data = np.random.RandomState(count).randint(0, 2**bits, count)
    item = Dataset()
    item.LUTDescriptor = [count % 65536, first, bits]
    item.LUTData = data.tolist()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "SS", "US"
    ds = Dataset()
    ds.VOILUTSequence = [item]
    values = np.arange(first - 60000, first + 130000, 7, dtype=np.int32)
    if bits == 8 or count == 65536:  # pydicom keeps the place in the table in the dtype of the entries
        values = values[(values >= first - 60000) & (values < first + (256 if bits == 8 else 65536))]
    values = values[values < first + 65536]
    ours = apply_voi_lut(values, [count % 65536, first, bits], data)
    assert ours.dtype == np.float64 and ours.shape == values.shape
    np.testing.assert_array_equal(ours, apply_voi(values, ds))
    np.testing.assert_array_equal(ours, data[np.clip(values - first, 0, count - 1)])
    below_and_above = apply_voi_lut([-(2**31), 2**31], [count % 65536, first, bits], data)
    assert below_and_above.tolist() == [data[0], data[-1]]


def test_tables_in_bytes_and_packed():
    table = [10, 20, 30, 40, 50]
    x = np.arange(-2, 8)
    truth = [10, 10, 10, 20, 30, 40, 50, 50, 50, 50]
    words = np.array(table, "<u2").tobytes()
    eight = bytes([*table, 0])
    for data, bits in [
        (words, 16),
        (words, 8),
        (eight, 8),
        (np.frombuffer(eight, "<u2"), 8),
        (bytes(table), 8),
    ]:
        assert apply_voi_lut(x, [5, 0, bits], data).tolist() == truth
    assert apply_voi_lut([0.4, 0.5, 1.6], [5, 0, 16], table).tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("descriptor", "data"),
    [
        ([4, 0, 16], [1, 2, 3]),
        ([4, 0, 9], [1] * 4),
        ([4, 0], [1] * 4),
        ([-4, 0, 8], [1] * 4),
        ([4, 0, 16], b"123"),
    ],
)
def test_impossible_tables_are_refused(descriptor, data):
    with pytest.raises(DisplayError, match="LUT"):
        apply_voi_lut([1], descriptor, data)
