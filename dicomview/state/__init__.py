"""What is looked at, and what follows from it for the screen; no GUI."""

from dicomview.state.model import ViewState
from dicomview.state.resolve import Changes, Pane, Scene, changes, pane_pixels, resolve

__all__ = ["Changes", "Pane", "Scene", "ViewState", "changes", "pane_pixels", "resolve"]
