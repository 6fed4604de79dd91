"""Browse DICOM volumes slice by slice in a notebook.

>>> import dicomview as dv
>>> vol = dv.volread(dv.samples.head_ct())
>>> vol.sampling[1:]
(0.453125, 0.453125)
"""

from typing import TYPE_CHECKING, Any

from dicomview import errors
from dicomview.display import Window
from dicomview.errors import DicomviewError
from dicomview.geometry import Geometry
from dicomview.io import (
    Series,
    SeriesList,
    dataset,
    dicomweb,
    find_series,
    imread,
    mvolread,
    register,
    segread,
    volread,
)
from dicomview.options import options
from dicomview.volume import Image, Meta, Segmentation, Volume

if TYPE_CHECKING:
    from dicomview import datasets, measure, samples
    from dicomview.export import animate, compare_aspect, looks, montage, planes, plot_profile
    from dicomview.state import ViewState, link
    from dicomview.widgets import CompareViewer, Gallery, SeriesBrowser, SliceViewer, compare, gallery

__version__ = "0.1.0"

__all__ = [
    "CompareViewer",
    "DicomviewError",
    "Gallery",
    "Geometry",
    "Image",
    "Meta",
    "Segmentation",
    "Series",
    "SeriesBrowser",
    "SeriesList",
    "SliceViewer",
    "ViewState",
    "Volume",
    "Window",
    "animate",
    "compare",
    "compare_aspect",
    "dataset",
    "datasets",
    "dicomweb",
    "errors",
    "find_series",
    "gallery",
    "imread",
    "link",
    "looks",
    "measure",
    "montage",
    "mvolread",
    "options",
    "planes",
    "plot_profile",
    "samples",
    "segread",
    "volread",
]

#: Names that need matplotlib or ipywidgets, or that few need: imported when first asked for.
_LAZY = {
    "CompareViewer": "dicomview.widgets",
    "Gallery": "dicomview.widgets",
    "SeriesBrowser": "dicomview.widgets",
    "SliceViewer": "dicomview.widgets",
    "ViewState": "dicomview.state",
    "animate": "dicomview.export",
    "compare": "dicomview.widgets",
    "compare_aspect": "dicomview.export",
    "datasets": "dicomview.datasets",
    "gallery": "dicomview.widgets",
    "link": "dicomview.state",
    "looks": "dicomview.export",
    "measure": "dicomview.measure",
    "montage": "dicomview.export",
    "planes": "dicomview.export",
    "plot_profile": "dicomview.export",
    "samples": "dicomview.samples",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        module = import_module(_LAZY[name])
        value = module if name in ("datasets", "measure", "samples") else getattr(module, name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'dicomview' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _view(volume: Volume, **kwargs: Any) -> Any:
    """Make the widget of Volume.view()."""
    from dicomview.widgets import SliceViewer

    return SliceViewer(volume, **kwargs)


Volume.set_viewer(_view)
register()
