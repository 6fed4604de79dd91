"""What is looked at, and what follows from it for the screen; no GUI."""

from dicomview.state.code import view_code
from dicomview.state.model import ViewState
from dicomview.state.readout import curve, readout
from dicomview.state.resolve import Changes, Pane, Scene, changes, pane_pixels, resolve
from dicomview.state.slab import SlabMode, slab_range, slab_text

__all__ = [
    "Changes",
    "Pane",
    "Scene",
    "SlabMode",
    "ViewState",
    "changes",
    "curve",
    "pane_pixels",
    "readout",
    "resolve",
    "slab_range",
    "slab_text",
    "view_code",
]
