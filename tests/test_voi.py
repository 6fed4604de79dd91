"""VOI functions against the formulas of the standard and against pydicom."""

import math
from base64 import b64decode

import imageio.v3 as iio
import numpy as np
import pydicom
import pytest
from conftest import make_voxels
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi, apply_windowing

import dicomview as dv
from dicomview.display import VOILUT, Window, apply_voi_lut, apply_window
from dicomview.errors import DisplayError
from dicomview.geometry import Geometry, plane_view
from dicomview.render.pane import show_pixels
from dicomview.render.style import EMPTY
from dicomview.render.style import colormap as make_colormap
from dicomview.state import ViewState, changes, pane_pixels, resolve
from dicomview.volume.thumbnail import thumbnail
from dicomview.volume.windows import default_colormap, is_negative

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


def test_where_pydicom_departs_from_the_standard():
    """pydicom 3.0 is right on 16-bit values and tables, but not there; the truth is closed form."""
    # It keeps the place in the table in the type of the entries: 256 and more wrap round in 8-bit tables.
    values = np.arange(0, 700)
    np.testing.assert_array_equal(apply_voi_lut(values, [256, 0, 8], np.arange(256)), values.clip(0, 255))
    # With a negative RescaleSlope its brightness falls where that of the standard rises.
    assert apply_window([-100, 0], -50, 100, "linear_exact").tolist() == [0, 1]
    # Its 8-bit tables in bytes are unpacked as words whatever their length.
    assert apply_voi_lut([0, 1, 2, 3], [4, 0, 8], bytes([9, 8, 7, 6])).tolist() == [9, 8, 7, 6]
    # It refuses LINEAR below a width of 1, which files of float values carry: shown as LINEAR_EXACT.
    vol = dv.Volume.from_array(np.zeros((1, 2, 2)), meta={"WindowCenter": 0.5, "WindowWidth": 0.5})
    assert vol.default_window.apply([0.25, 0.5, 0.75]).tolist() == [0, 0.5, 1]


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


RAMP = [10, 20, 30, 60, 255]
CURVES = [
    Window(40, 80, "linear"),
    Window(40.25, 60.5),
    Window(40, 1, "linear"),
    Window(40, 30, "sigmoid"),
    VOILUT([5, 38, 8], RAMP),
    VOILUT([64, 10, 12], (np.arange(64) ** 2)[::-1]),
]


def lut_item(descriptor, data, name=None):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = descriptor, data
    item["LUTDescriptor"].VR = "SS" if descriptor[1] < 0 else "US"
    item["LUTData"].VR = "OW" if isinstance(data, bytes) else "US"
    if name is not None:
        item.LUTExplanation = name
    return item


def edit(files, change):
    """Change the datasets of files."""
    for i, path in enumerate(files):
        ds = pydicom.dcmread(path)
        change(ds, i)
        ds.save_as(path)
    return files


# -- windows and tables as values ---------------------------------------------------------------------


@pytest.mark.parametrize("function", ["linear", "linear_exact", "sigmoid"])
@pytest.mark.parametrize(("c", "w"), WINDOWS)
def test_a_window_applies_its_function(function, c, w):
    x = np.concatenate([np.linspace(c - w, c + w, 41), [np.nan, np.inf]])
    window = Window(c, w, function)
    np.testing.assert_array_equal(window.apply(x), apply_window(x, c, w, function))
    np.testing.assert_array_equal(
        window.apply(x, ymin=255, ymax=0), apply_window(x, c, w, function, ymin=255, ymax=0)
    )


def test_the_limits_of_a_sigmoid_are_those_of_its_tangent():
    window = Window(40, 80, "sigmoid")
    assert window.limits == (0, 80) and repr(window) == "Window(center=40, width=80, function='sigmoid')"
    low, high = window.apply([39.999, 40.001])
    assert (high - low) / 0.002 == pytest.approx(1 / 80)


def test_a_table_is_a_window():
    lut = VOILUT([5, -2, 8], RAMP, name="NORMAL")
    assert isinstance(lut, Window) and Window.coerce(lut) is lut
    assert (lut.first, lut.bits, lut.table.tolist(), lut.name) == (-2, 8, RAMP, "NORMAL")
    assert lut.limits == (-2, 2) and (lut.center, lut.width, lut.function) == (0, 4, "table")
    assert lut.apply(range(-4, 5), ymax=255).tolist() == [10, 10, 10, 20, 30, 60, 255, 255, 255]
    assert lut.apply([2, np.nan])[0] == 1 and np.isnan(lut.apply([np.nan])[0])
    assert lut.apply([2, -2], ymin=255, ymax=0).tolist() == [0, 245]
    same = VOILUT([5, -2, 8], bytes([*RAMP, 0]), name="NORMAL")
    assert lut == same and hash(lut) == hash(same)
    assert lut != VOILUT([5, -1, 8], RAMP, name="NORMAL") and lut != Window(0, 4)
    assert repr(lut) == "VOILUT('NORMAL', first=-2, entries=5, bits=8)"
    with pytest.raises(ValueError, match="read-only"):
        lut.table[0] = 1
    with pytest.raises(AttributeError):
        lut.first = 3
    assert VOILUT([1, 7, 8], [3]).limits == (7, 8)
    assert VOILUT([2, 0, 10], [0, 4095]).apply([0, 1]).tolist() == [0, 1]  # entries beyond their bits
    with pytest.raises(DisplayError, match="LUT"):
        VOILUT([4, 0, 16], [1, 2, 3])


def test_moving_centre_or_width_keeps_the_function_where_it_can():
    assert Window(1, 2, "sigmoid").moved(5, 0.5) == Window(5, 0.5, "sigmoid")
    assert Window(1, 2, "linear").moved(5, 6) == Window(5, 6, "linear")
    assert Window(1, 2, "linear").moved(5, 0.5) == Window(5, 0.5)
    assert VOILUT([5, 0, 8], RAMP).moved(5, 6) == Window(5, 6)


def test_a_function_of_another_name_is_refused():
    for function in ("table", "SIGMOID", "log"):
        with pytest.raises(DisplayError, match="function"):
            Window(1, 2, function)


# -- from files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
def test_the_function_of_the_file_reaches_the_window(write, function):
    elements = {"WindowCenter": 40, "WindowWidth": 80}
    if function is not None:
        elements["VOILUTFunction"] = function
    vol = dv.volread(write("s", elements=elements))
    assert vol.default_window.function == (function or "linear").strip().lower()
    ds = pydicom.dcmread(vol.sources[3].path)
    ds.VOILUTFunction = vol.default_window.function.upper()
    low, high = -(2 ** (ds.BitsStored - 1)), 2 ** (ds.BitsStored - 1) - 1
    assert ds.PixelRepresentation == 1 and ds.RescaleSlope == 1 and ds.RescaleIntercept == 0
    np.testing.assert_array_equal(
        vol.default_window.apply(vol[3], ymin=low, ymax=high), apply_windowing(vol[3], ds)
    )


@pytest.mark.parametrize("kind", ["words", "bytes", "big endian"])
def test_tables_of_a_file_to_the_bit(write, kind):
    table = np.random.RandomState(0).randint(0, 4096, 300)
    descriptor = [300, -90, 12]

    def change(ds, i):
        data = table.astype("<u2").tobytes() if kind == "bytes" else table.tolist()
        if kind == "big endian":
            ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
            ds["PixelData"].VR = "OW"
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
            data = table.astype(">u2").tobytes()
        ds.VOILUTSequence = [
            lut_item(descriptor, data, "SOFT\n"),
            lut_item([2, 0, 8], [1, 2]),
            lut_item([2, 0, 9], [1, 2]),
        ]

    files = write("s", elements={"WindowCenter": 40, "WindowWidth": 80})
    for i, path in enumerate(files):
        ds = pydicom.dcmread(path)
        ds.remove_private_tags()
        change(ds, i)
        big = kind == "big endian"
        pydicom.dcmwrite(path, ds, little_endian=not big, implicit_vr=False, force_encoding=True)
    vol = dv.volread(files)
    np.testing.assert_array_equal(vol.array, make_voxels())
    assert list(vol.windows) == ["BRAIN", "SOFT", "LUT 2"]  # 9 bits are none
    assert vol.default_window == Window(40, 80, "linear")
    lut = vol.windows["SOFT"]
    assert isinstance(lut, VOILUT) and lut.name == "SOFT" and lut.limits == (-90, 209)
    theirs = apply_voi(vol[3], pydicom.dcmread(vol.sources[3].path))
    np.testing.assert_array_equal(lut.apply(vol[3], ymax=4095), theirs)
    np.testing.assert_array_equal(lut.apply(vol[3], ymax=4095), table[np.clip(vol[3] + 90, 0, 299)])
    assert str(table[0]) not in repr(vol.meta)


def test_a_file_with_only_tables_shows_the_first(write):
    def change(ds, i):
        del ds.WindowCenter, ds.WindowWidth
        ds.VOILUTSequence = [lut_item([5, 0, 8], RAMP, "A"), lut_item([5, 9, 8], RAMP, "A")]

    files = edit(write("s", elements={"WindowCenter": 40, "WindowWidth": 80}), change)
    vol = dv.volread(files)
    assert list(vol.windows) == ["A", "A (2)"] and vol.default_window == vol.windows["A"]
    assert vol.windows["A (2)"].first == 9
    assert dv.imread(files[2]).meta.VOILUTSequence[0].LUTData == RAMP


def test_the_first_value_written_unsigned_is_understood():
    meta = {"VOILUTSequence": [{"LUTDescriptor": [4096, 64512, 12], "LUTData": list(range(4096))}]}
    vol = dv.Volume.from_array(np.zeros((2, 3, 4)), meta=meta)
    assert vol.windows["LUT"].limits == (-1024, 3071)
    meta["VOILUTSequence"][0]["LUTDescriptor"] = [4096, 40000, 12]
    assert dv.Volume.from_array(np.zeros((2, 3, 4)), meta=meta).windows["LUT"].first == 40000


@pytest.mark.parametrize("where", ["own", "shared", "both", "none"])
def test_windows_of_functional_groups(write_enhanced, where):
    def voi(center):
        item = Dataset()
        item.WindowCenter, item.WindowWidth, item.VOILUTFunction = center, 200, "SIGMOID"
        item.WindowCenterWidthExplanation = "FRAME"
        return [item]

    def change(ds, i):
        for keyword in ("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation"):
            if keyword in ds:
                delattr(ds, keyword)
        if where in ("own", "both"):
            for k, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
                group.FrameVOILUTSequence = voi(100 + k)
        if where in ("shared", "both"):
            ds.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence = voi(500)

    (path,) = edit([write_enhanced()], change)
    vol = dv.volread(path)
    middle = vol.sources[len(vol) // 2].frame
    expected = {"own": 100 + middle, "both": 100 + middle, "shared": 500}
    if where == "none":
        assert vol.windows == {}
    else:
        assert vol.windows == {"FRAME": Window(expected[where], 200, "sigmoid")}
        assert vol.default_window == vol.windows["FRAME"]


@pytest.fixture
def write_enhanced(write):
    """Write a multi-frame file, its frames from above to below."""

    def write_enhanced():
        path = write("classic")[0]
        ds = pydicom.dcmread(path)
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
        ds.NumberOfFrames = 5
        ds.PixelData = make_voxels((5, 8, 10)).tobytes()
        groups = []
        for k in range(5):
            group, place, plane, measures = Dataset(), Dataset(), Dataset(), Dataset()
            place.ImagePositionPatient = [0, 0, -3 * k]
            plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            measures.PixelSpacing = [1, 1]
            group.PlanePositionSequence, group.PlaneOrientationSequence = [place], [plane]
            group.PixelMeasuresSequence = [measures]
            groups.append(group)
        ds.PerFrameFunctionalGroupsSequence = groups
        ds.SharedFunctionalGroupsSequence = [Dataset()]
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            delattr(ds, keyword)
        ds.save_as(path.parents[1] / "enhanced.dcm")
        return path.parents[1] / "enhanced.dcm"

    return write_enhanced


# -- drawn --------------------------------------------------------------------------------------------


def drawn(values, window, *, negative=False):
    """Return what is drawn of an image, a pixel of the screen for each of its own: (rows, columns, 3)."""
    rows, columns = values.shape
    figure = Figure(figsize=(columns / 10, rows / 10), dpi=10)
    agg = FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    view = plane_view(Geometry((1, rows, columns)), "axial")
    show_pixels(ax, values, view, cmap=make_colormap("gray", negative), window=window)
    agg.draw()
    return np.asarray(agg.buffer_rgba())[..., :3].astype(int)


@pytest.mark.parametrize("window", CURVES, ids=repr)
@pytest.mark.parametrize(
    "dtype", [np.int16, np.uint16, np.uint8, np.int64, np.uint64, np.float16, np.float32, np.float64]
)
def test_grey_levels_are_those_of_the_function(window, dtype):
    values = np.arange(128).reshape(8, 16).astype(dtype)
    if np.dtype(dtype).kind == "i":
        values = values - 20
    if np.dtype(dtype).kind == "f":
        values = values * dtype(0.75) + dtype(0.1)
        values[2, 3] = np.nan
    grey = drawn(values, window)
    nan = np.isnan(values.astype(float))
    expected = np.round(255 * window.apply(values)[~nan])
    for channel in range(3):
        assert np.abs(grey[..., channel][~nan] - expected).max() <= 1
    empty = tuple(int(EMPTY[i : i + 2], 16) for i in (1, 3, 5))
    assert all(tuple(pixel) == empty for pixel in grey[nan])
    turned = drawn(values, window, negative=True)
    assert np.abs(turned[..., 0][~nan] - (255 - expected)).max() <= 1


@pytest.mark.parametrize("window", [Window(0.5, 1), Window(0.5, 1, "sigmoid"), VOILUT([2, 0, 8], [200, 9])])
def test_booleans_and_masks_are_drawn(window):
    vol = dv.Volume.from_array(np.arange(64).reshape(1, 8, 8) % 3 == 0)
    pixels = pane_pixels(vol, resolve(vol, ViewState(vol)).panes[0])
    expected = np.round(255 * window.apply(vol[0]))
    assert np.abs(drawn(pixels, window)[..., 0] - expected).max() <= 1
    masked = np.ma.array(pixels, mask=pixels == 1)
    grey = drawn(masked, window)
    assert (grey[pixels == 1] == grey[0, 0]).all() and grey[0, 0, 0] == int(EMPTY[1:3], 16)


def test_from_one_curve_to_the_next_equals_drawn_fresh():
    vol = dv.Volume.from_array(make_voxels((20, 30, 40)))
    viewer = dv.SliceViewer(vol)
    try:
        canvas = viewer._canvas.figure.canvas
        canvas.draw()
        for window in [*CURVES, *reversed(CURVES)]:
            viewer.state.window = window
            changed = np.asarray(canvas.buffer_rgba()).copy()
            fresh = viewer.figure()
            fresh.canvas.draw()
            np.testing.assert_array_equal(changed, np.asarray(fresh.canvas.buffer_rgba()))
            assert viewer.axes["axial"].images[0].get_clim() == window.limits
    finally:
        viewer.close()


@pytest.mark.parametrize("window", CURVES, ids=repr)
def test_pictures_and_thumbnail_draw_the_curve(window):
    vol = dv.Volume.from_array(np.arange(3 * 128 * 128).reshape(3, 128, 128) % 120)
    for figure in (dv.montage(vol, [1], window=window), dv.planes(vol, window=window)):
        norm = figure.axes[0].images[0].norm
        shown = norm(vol[1])
        assert np.abs(shown.clip(0, 1) - window.apply(vol[1])).max() < 1e-6
        figure.colorbar(figure.axes[0].images[0], ax=figure.axes[0])
        figure.canvas.draw()
    vol._default_window = window
    grey = iio.imread(b64decode(thumbnail(vol)))
    np.testing.assert_array_equal(grey, np.round(window.apply(vol[1], ymax=255)).astype(np.uint8))


def test_scenes_with_tables_compare():
    vol = dv.Volume.from_array(make_voxels())
    state = ViewState(vol, window=CURVES[-1])
    before = resolve(vol, state)
    assert hash(before) == hash(resolve(vol, state)) and not changes(before, resolve(vol, state))
    state.window = CURVES[-2]
    assert changes(before, resolve(vol, state)).colors


def test_the_panel_chooses_tables_and_leaves_them():
    lut = {"LUTDescriptor": [5, 0, 8], "LUTData": RAMP, "LUTExplanation": "SOFT"}
    meta = {"WindowCenter": 30, "WindowWidth": 60, "VOILUTFunction": "SIGMOID", "VOILUTSequence": [lut]}
    viewer = dv.SliceViewer(dv.Volume.from_array(make_voxels(), meta=meta))
    try:
        panel = viewer.panel
        assert panel.preset.value == "file" and viewer.state.window.function == "sigmoid"
        panel.center.value = 35
        assert viewer.state.window == Window(35, 60, "sigmoid") and panel.preset.value is None
        panel.preset.value = "file: SOFT"
        assert viewer.state.window == viewer.volume.windows["SOFT"]
        assert (panel.center.value, panel.width.value, panel.preset.value) == (2, 4, "file: SOFT")
        panel.width.value = 40
        assert viewer.state.window == Window(2, 40) and panel.preset.value is None
    finally:
        viewer.close()


# -- negatives and PET --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interpretation", "shape", "negative"),
    [
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME2", "IDENTITY", False),
        (None, None, False),
        ("RGB", "INVERSE", False),
    ],
)
def test_negatives_are_inverted_in_display_only(interpretation, shape, negative):
    meta = {"PhotometricInterpretation": interpretation, "PresentationLUTShape": shape}
    assert is_negative(meta) is negative
    vol = dv.Volume.from_array(make_voxels(), meta=meta)
    state = ViewState(vol)
    assert state.invert is False and resolve(vol, state).reverse is negative
    np.testing.assert_array_equal(vol.array, make_voxels())
    for figure in (dv.montage(vol, [0]), dv.planes(vol), dv.looks(vol[0] if not negative else vol)):
        name = figure.axes[0].images[0].get_cmap().name
        assert name == ("gray_r" if negative else "gray")


def test_pet_is_dark_on_white_and_other_modalities_are_not():
    pet = dv.Volume.from_array(make_voxels(), meta={"Modality": "PT", "Units": "BQML"})
    assert ViewState(pet).colormap == "gray_r" and ViewState(pet, colormap="hot").colormap == "hot"
    assert dv.montage(pet, [0]).axes[0].images[0].get_cmap().name == "gray_r"
    assert dv.montage(pet, [0], colormap="hot").axes[0].images[0].get_cmap().name == "hot"
    viewer = dv.SliceViewer(pet)
    assert viewer.panel.colormap.value == "gray_r" and viewer.panel.invert.value is False
    viewer.close()
    assert default_colormap({"Modality": "CT"}) == "gray" == default_colormap({})
    # what is negative already must not be turned twice
    assert default_colormap({"Modality": "PT", "PhotometricInterpretation": "MONOCHROME1"}) == "gray"


def test_only_uptake_values_get_an_uptake_window():
    def pet(**meta):
        return dv.Volume.from_array(
            np.linspace(0, 30000, 240).reshape(4, 6, 10), meta={"Modality": "PT", **meta}
        )

    assert pet(Units="GML").default_window.limits == (0, 5)
    assert pet(Units="GML", WindowCenter=4, WindowWidth=8).default_window.center == 4
    for units in ("BQML", "CNTS", "PROPCNTS", "", None):
        vol = pet(Units=units)
        assert vol.default_window == vol.auto_window()
        viewer = dv.SliceViewer(vol)
        assert not any("SUV" in name for name in viewer.panel.preset.options)
        viewer.close()
    window = {"WindowCenter": 9000, "WindowWidth": 18000}  # in Bq/ml
    meta = {"Units": "BQML", "CorrectedImage": ["ATTN", "DECY"], **window}
    timing = {"DecayCorrection": "ADMIN", "PatientWeight": 70.0}
    dose = {"RadiopharmaceuticalInformationSequence": [{"RadionuclideTotalDose": 3.7e8}]}
    activity = pet(**meta, **timing, **dose)
    assert activity.default_window.center == 9000 and activity.suv().default_window.limits == (0, 5)
    mr = dv.Volume.from_array(make_voxels(), meta={"Modality": "MR", "Units": "GML"})
    assert mr.default_window == mr.auto_window()


# -- padding ------------------------------------------------------------------------------------------


def test_padding_and_nan_count_neither_for_the_window_nor_for_the_sliders():
    array = np.random.RandomState(0).normal(100, 10, (5, 20, 20)).astype(np.float32)
    array[:, :5], array[:, 5:7] = -2000, np.nan
    vol = dv.Volume.from_array(array)
    vol.padding = (-2000, -2000)
    low, high = vol.auto_window().limits
    assert 50 < low < 90 and 110 < high < 150
    viewer = dv.SliceViewer(vol)
    assert 50 < viewer.panel.center.min < 90
    viewer.close()
    assert dv.looks(vol).axes[0].images[0].get_clim()[0] > 50
    nothing = dv.Volume.from_array(np.full((2, 3, 4), -2000))
    nothing.padding = (-2000, -2000)
    dv.SliceViewer(nothing).close()


def test_padding_with_a_slope_per_slice(write):
    def read(padding, name, lowest=0):
        def change(ds, i):
            ds.add_new("PixelPaddingValue", "SS", padding)
            ds.RescaleSlope, ds.RescaleIntercept = str(0.1 + i), "0"

        array = make_voxels() + 100 + lowest
        array[:, :2] = padding
        files = write(name, array, signed=True)
        return dv.volread(edit(files, change))

    zero = read(0, "zero", lowest=1)
    assert zero.padding == (0, 0) and zero.auto_window().limits[0] > 0
    below = read(-7, "below")  # -7 is another value in every slice: all become the lowest of them
    assert below.dtype == np.float32
    assert below.padding == pytest.approx((-7 * 5.1, -7 * 5.1)) and below.auto_window().limits[0] >= 0
    assert (below[:, :2] == np.float32(below.padding[1])).all()
