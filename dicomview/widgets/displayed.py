"""Displayed: what a composed widget leaves in the output of a cell, also where nobody can move a slider."""

from base64 import b64encode
from typing import Any

from dicomview.widgets.frontend import is_live, runs_unattended
from dicomview.widgets.picture import KeptPicture

__all__ = ["Displayed", "close_all"]


class Displayed:
    """Shows a widget in live pages, and beside it a picture that stays in the saved notebook.

    What inherits has ``_png()`` and ``_told()``, its picture and its text; ``_picture``; ``_open``; and
    ``_has_picture()``, which tells the page that the picture before it is its own, to be hidden.
    """

    # Older ipywidgets show themselves with this method; _repr_mimebundle_ is to be used throughout.
    _ipython_display_ = None
    _picture: KeptPicture
    _open = False

    def _png(self) -> bytes:
        raise NotImplementedError

    def _told(self) -> str:
        raise NotImplementedError

    def _has_picture(self) -> None:
        """Have the page hide the picture before the widget."""

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        if hasattr(self, "_handle_displayed"):  # ipywidgets 7 calls what waits for the display
            self._handle_displayed()
        bundle: dict[str, Any] = {"text/plain": self._told()}
        if is_live() and self._open:
            # A picture of its own, which can follow the view while this output stays as it is.
            self._has_picture()
            self._picture.publish()
        else:
            bundle["image/png"] = b64encode(self._png()).decode("ascii")
        if not runs_unattended():
            view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}  # type: ignore[attr-defined]
            bundle["application/vnd.jupyter.widget-view+json"] = view
        return bundle


def close_all(widget: Any) -> None:
    """Close a widget and all that it is made of: ipywidgets leaves children, layouts and styles open."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("style", "layout"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()
