"""Windows against the formulas of the standard."""

import numpy as np
import pytest

from dicomview.display import Window, auto_window, presets_for
from dicomview.errors import DisplayError
from dicomview.volume.windows import header_windows


def standard_linear(x, center, width):
    """PS3.3 C.11.2.1.2.1, onto 0 to 1."""
    if x <= center - 0.5 - (width - 1) / 2:
        return 0.0
    if x > center - 0.5 + (width - 1) / 2:
        return 1.0
    return (x - (center - 0.5)) / (width - 1) + 0.5


@pytest.mark.parametrize(("center", "width"), [(40, 80), (40, 81), (-600, 1500), (0.5, 2), (7, 1)])
def test_linear_window_equals_the_standard(center, width):
    low, high = Window(center, width, "linear").limits
    for x in np.arange(center - width, center + width + 1.0):
        shown = min(max((x - low) / (high - low), 0), 1)
        assert shown == pytest.approx(standard_linear(x, center, width), abs=1e-6), x


def test_linear_exact_spans_its_width():
    assert Window(0.5, 0.25).limits == (0.375, 0.625)


@pytest.mark.parametrize("wrong", [(0, 0), (0, -1), (np.nan, 1), (0, np.inf), (1,), "wide", None])
def test_impossible_windows_are_refused(wrong):
    with pytest.raises(DisplayError):
        Window.coerce(wrong)


def test_auto_window_leaves_out_padding_and_nan():
    values = np.linspace(0, 1000, 5001)
    spoilt = np.concatenate([values, np.full(500, -2000.0), [np.nan, np.inf]])
    assert auto_window(spoilt, padding=(-2000, -2000)).limits == pytest.approx((1, 999), abs=0.5)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(10),
        np.full(10, 7, np.uint8),
        np.full(4, np.nan),
        np.array([], float),
        np.array([True, False]),
        np.array([-(2**63), 2**63 - 1]),
        np.array([-3e38, 3e38], np.float32),
    ],
)
def test_auto_window_is_usable_for_any_values(values):
    low, high = auto_window(values).limits
    assert np.isfinite([low, high]).all() and low < high


def test_windows_of_a_header():
    windows = header_windows(
        {
            "WindowCenter": [40, 600, 1],
            "WindowWidth": [80, 2800, 0],
            "WindowCenterWidthExplanation": ["BRAIN", "BONE"],
        }
    )
    assert windows == {"BRAIN": Window(40, 80, "linear"), "BONE": Window(600, 2800, "linear")}
    assert header_windows({"WindowCenter": 1, "WindowWidth": 2, "VOILUTFunction": "LINEAR_EXACT"}) == {
        "file": Window(1, 2)
    }
    assert header_windows({"WindowCenter": "", "WindowWidth": None}) == {}


def test_all_windows_of_a_header_are_listed_under_names_of_their_own():
    def listed(centers, widths, names=None, **more):
        meta = {"WindowCenter": centers, "WindowWidth": widths, "WindowCenterWidthExplanation": names, **more}
        return {name: (w.center, w.width, w.function) for name, w in header_windows(meta).items()}

    line = "linear"
    assert listed([1, 2, 3], [4, 5, 6], ["WINDOW1", "WINDOW1", "WINDOW1"]) == {
        "WINDOW1": (1, 4, line),
        "WINDOW1 (2)": (2, 5, line),
        "WINDOW1 (3)": (3, 6, line),
    }
    assert listed([1, 2], [4, 5], "A") == {"A": (1, 4, line), "file 2": (2, 5, line)}
    assert listed([1, 2, 3], [4, 5]) == {"file": (1, 4, line), "file 2": (2, 5, line)}
    assert listed(1, [4, 5]) == {"file": (1, 4, line)}
    assert listed([1, None, "x", 2], [4, 5, 6, 7], ["", None]) == {
        "file": (1, 4, line),
        "file 4": (2, 7, line),
    }
    assert listed([1, 2], [4, 5], ["A (2)", "A"]) == {"A (2)": (1, 4, line), "A": (2, 5, line)}
    assert listed([1, 2, 3], [4, 5, 6], ["A", "A (2)", "A"])["A (3)"] == (3, 6, line)
    assert listed(0.5, 0.25) == {"file": (0.5, 0.25, "linear_exact")}  # linear is not defined below 1
    assert listed(1, 0.5, VOILUTFunction="SIGMOID") == {"file": (1, 0.5, "sigmoid")}
    assert listed(1, 2, VOILUTFunction=["sigmoid "]) == {"file": (1, 2, "sigmoid")}
    assert listed(1, 2, VOILUTFunction="LOG") == {"file": (1, 2, line)}
    assert listed(1, 2, VOILUTFunction="") == {"file": (1, 2, line)}


def test_broken_tables_of_a_header_are_left_out():
    items = [{}, {"LUTDescriptor": 3, "LUTData": [1]}, {"LUTDescriptor": ["a", 0, 8], "LUTData": [1]}, None]
    assert header_windows({"VOILUTSequence": items}) == {}
    assert header_windows({"VOILUTSequence": []}) == header_windows({"VOILUTSequence": None}) == {}
    good = {"LUTDescriptor": [1, 0, 8], "LUTData": 7}
    assert list(header_windows({"VOILUTSequence": [*items, good]})) == ["LUT 5"]
    windows = header_windows({"VOILUTSequence": [good], "WindowCenter": 1, "WindowWidth": 2})
    assert list(windows) == ["file", "LUT"]


def test_only_modalities_with_a_scale_have_presets():
    assert presets_for("CT")["lung"] == Window(-600, 1500)
    assert presets_for("MR") == {} == presets_for(None)


def test_uptake_presets_are_for_uptake_values_only():
    assert next(iter(presets_for("PT", "GML").values())).limits == (0, 5)
    assert presets_for("PT", "BQML") == {} == presets_for("PT") == presets_for("MR", "GML")
