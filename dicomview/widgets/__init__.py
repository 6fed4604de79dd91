"""The notebook widget: sliders, side panel and panes, composed."""

from dicomview.widgets.viewer import SliceViewer

__all__ = ["SliceViewer"]
