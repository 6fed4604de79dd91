"""ViewerPlace: where one viewer after the other is opened."""

from html import escape
from typing import Any

import ipywidgets as widgets

from dicomview.errors import DicomviewError
from dicomview.widgets.cells import forget
from dicomview.widgets.viewer import SliceViewer

__all__ = ["ViewerPlace"]


class ViewerPlace(widgets.VBox):  # type: ignore[misc]
    """Holds a viewer; the next one takes its place.

    Attributes
    ----------
    viewer : SliceViewer or None
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self.viewer: SliceViewer | None = None
        self._note = widgets.HTML()
        super().__init__([self._note])

    def show(self, series: Any) -> SliceViewer | None:
        """Open a series; where it cannot be, say why."""
        old = self.viewer
        try:
            self.viewer = SliceViewer(series, **self._options)
            forget(self.viewer)  # it is the widget around it that the cell has made
            self._note.value = ""
        except DicomviewError as error:
            self.viewer = None
            self._note.value = f"cannot be opened: {escape(str(error))}"
        self.children = [self._note, *([self.viewer] if self.viewer else [])]
        if old is not None:
            old.close()
        return self.viewer

    def close(self) -> None:
        """Free the viewer."""
        if self.viewer is not None:
            self.viewer.close()
        super().close()
