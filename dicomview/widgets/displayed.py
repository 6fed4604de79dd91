"""Displayed: what a composed widget leaves in the output of a cell, also where nobody can move a slider."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dicomview.widgets.frontend import Bundle, is_live, with_view
from dicomview.widgets.picture import KeptPicture

__all__ = ["Displayed", "Keeper", "close_all"]


class Keeper(anywidget.AnyWidget):  # type: ignore[misc]
    """Invisible; hides the picture for saved notebooks while the widget is there that it is a part of."""

    # As text: anywidget would watch a path, and hold on to every widget meanwhile.
    _esm = Path(__file__).with_name("keeper.js").read_text(encoding="utf-8")
    has_picture = traitlets.Bool(False).tag(sync=True)


class Displayed:
    """Shows a widget in live pages, and beside it a picture that stays in the saved notebook.

    What inherits has ``_png()`` and ``_told()``, its picture and its text; ``_picture``; ``_keeper``, whose
    ``has_picture`` tells the page that there is a picture; and ``_open``.
    """

    # Older ipywidgets show themselves with this method; _repr_mimebundle_ is to be used throughout.
    _ipython_display_ = None
    _picture: KeptPicture
    _keeper: Any
    _open = False

    def _png(self) -> bytes:
        raise NotImplementedError

    def _told(self) -> str:
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Bundle:
        displayed = getattr(self, "_handle_displayed", None)  # ipywidgets 7 calls what waits for the display
        if displayed is not None:
            displayed()
        bundle: dict[str, Any] = {"text/plain": self._told()}
        if is_live() and self._open:
            # A picture of its own, which can follow the view while this output stays as it is.
            self._keeper.has_picture = True
            self._picture.publish()
        else:
            bundle["image/png"] = b64encode(self._png()).decode("ascii")
        return with_view(bundle, self)


def close_all(widget: Any) -> None:
    """Close a widget and all that it is made of: ipywidgets leaves children, layouts and styles open."""
    for child in getattr(widget, "children", ()):
        close_all(child)
    for part in ("style", "layout"):
        if getattr(widget, part, None) is not None:
            getattr(widget, part).close()
    widget.close()
