"""Browse DICOM volumes slice by slice in a notebook.

>>> import dicomview as dv
>>> vol = dv.volread(dv.samples.head_ct())
>>> vol.sampling[1:]
(0.453125, 0.453125)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from imageio.config import known_plugins
from imageio.config.plugins import PluginConfig

from dicomview import errors
from dicomview.errors import DicomviewError
from dicomview.options import options

if TYPE_CHECKING:
    from dicomview import datasets, measure, samples
    from dicomview.display import Window
    from dicomview.export import animate, compare_aspect, looks, montage, planes, plot_profile
    from dicomview.geometry import Geometry
    from dicomview.io import Series, SeriesList, dataset, find_series, imread, mvolread, volread
    from dicomview.io.dicomweb import dicomweb
    from dicomview.io.segread import segread
    from dicomview.state import ViewState, link
    from dicomview.volume import Image, Meta, Segmentation, Volume
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

#: Where names are that are imported when they are first asked for: who reads need not wait for what draws,
#: and who asks for a version waits for nothing.
_LAZY = {
    "display": ("Window",),
    "export": ("animate", "compare_aspect", "looks", "montage", "planes", "plot_profile"),
    "geometry": ("Geometry",),
    "io": ("Series", "SeriesList", "dataset", "find_series", "imread", "mvolread", "volread"),
    "io.dicomweb": ("dicomweb",),
    "io.segread": ("segread",),
    "state": ("ViewState", "link"),
    "volume": ("Image", "Meta", "Segmentation", "Volume"),
    "widgets": ("CompareViewer", "Gallery", "SeriesBrowser", "SliceViewer", "compare", "gallery"),
}
_PLACES = {name: module for module, names in _LAZY.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("datasets", "measure", "samples"):
        return import_module(f"dicomview.{name}")
    if name in _PLACES:
        value = globals()[name] = getattr(import_module(f"dicomview.{_PLACES[name]}"), name)
        return value
    raise AttributeError(f"module 'dicomview' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


known_plugins.setdefault(
    "dicomview",
    PluginConfig(name="dicomview", class_name="DicomviewPlugin", module_name="dicomview.io.plugin"),
)
