"""The notebook widgets: viewer, comparison, gallery, browser of series."""

from dicomview.widgets.compare_viewer import CompareViewer, compare
from dicomview.widgets.series_browser import SeriesBrowser
from dicomview.widgets.series_gallery import Gallery, gallery
from dicomview.widgets.viewer import SliceViewer

__all__ = ["CompareViewer", "Gallery", "SeriesBrowser", "SliceViewer", "compare", "gallery"]
