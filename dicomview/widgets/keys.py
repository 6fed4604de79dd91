"""KeyKeeper: keeps key presses on the viewer's controls from the notebook's own shortcuts."""

from pathlib import Path

import anywidget

__all__ = ["KeyKeeper"]


class KeyKeeper(anywidget.AnyWidget):  # type: ignore[misc]
    """An invisible widget; put it inside an element of class ``dicomview``."""

    _esm = Path(__file__).with_name("keys.js")
