"""From paths to volumes: discovery, headers, assembly, decoding, the imageio plugin."""

from dicomview.io.read import dataset, find_series, imread, mvolread, volread
from dicomview.io.series import Series, SeriesList

__all__ = [
    "Series",
    "SeriesList",
    "dataset",
    "find_series",
    "imread",
    "mvolread",
    "volread",
]
