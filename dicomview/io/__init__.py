"""From paths to volumes: discovery, headers, assembly, decoding, the imageio plugin."""

from dicomview.io.dicomweb import DicomWeb, dicomweb
from dicomview.io.plugin import register
from dicomview.io.read import dataset, find_series, imread, mvolread, volread
from dicomview.io.segread import segread
from dicomview.io.series import Series, SeriesList
from dicomview.io.served import ServedSeries, ServedSeriesList

__all__ = [
    "DicomWeb",
    "Series",
    "SeriesList",
    "ServedSeries",
    "ServedSeriesList",
    "dataset",
    "dicomweb",
    "find_series",
    "imread",
    "mvolread",
    "register",
    "segread",
    "volread",
]
