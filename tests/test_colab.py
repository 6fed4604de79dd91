"""Colab: its manager for widgets of third parties is enabled, and named by every output with a widget."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

import dicomview as dv

STAND_IN = Path(__file__).parent / "colab" / "google" / "colab" / "output" / "__init__.py"
VIEW = "application/vnd.jupyter.widget-view+json"
VOLUME = np.zeros((4, 8, 8))
WIDGETS = {
    "viewer": lambda: dv.SliceViewer(VOLUME),
    "comparison": lambda: dv.compare(VOLUME, VOLUME),
    "gallery": lambda: dv.gallery([]),
    "browser": dv.SeriesBrowser,
}


@pytest.fixture
def output(monkeypatch):
    spec = importlib.util.spec_from_file_location("google.colab.output", STAND_IN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "google.colab.output", module)
    return module


@pytest.mark.parametrize("name", WIDGETS)
def test_the_manager_is_enabled_and_named(name, output):
    widget = WIDGETS[name]()
    data, metadata = DisplayFormatter().format(widget)
    widget.close()
    assert output.calls > 0
    assert data[VIEW]["model_id"] and "text/plain" in data
    assert metadata[VIEW] == {"colab": {"custom_widget_manager": {"url": output.MANAGER}}}


def test_a_manager_without_a_name_does_no_harm(output, monkeypatch):
    monkeypatch.setattr(output, "enable_custom_widget_manager", lambda: None)
    widget = dv.SliceViewer(VOLUME)
    data, metadata = DisplayFormatter().format(widget)
    widget.close()
    assert data[VIEW]["model_id"] and VIEW not in metadata


def test_nothing_is_said_elsewhere():
    widget = dv.SliceViewer(VOLUME)
    data, metadata = DisplayFormatter().format(widget)
    widget.close()
    assert data[VIEW]["model_id"] and VIEW not in metadata
