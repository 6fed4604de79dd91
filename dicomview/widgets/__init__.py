"""The notebook widgets: viewer, comparison, gallery, browser of series."""

from dicomview.widgets.compare import CompareViewer, compare
from dicomview.widgets.viewer import SliceViewer

__all__ = ["CompareViewer", "SliceViewer", "compare"]
