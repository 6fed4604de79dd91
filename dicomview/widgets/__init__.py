"""The notebook widgets: viewer, comparison, gallery, browser of series."""

from dicomview.widgets.compare import CompareViewer, compare
from dicomview.widgets.gallery import Gallery, gallery
from dicomview.widgets.series_browser import SeriesBrowser
from dicomview.widgets.viewer import SliceViewer

__all__ = ["CompareViewer", "Gallery", "SeriesBrowser", "SliceViewer", "compare", "gallery"]
