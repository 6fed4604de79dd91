"""What is looked at, and what follows from it for the screen; no GUI."""

from dicomview.state.code import view_code
from dicomview.state.comparison import MODES, Comparison
from dicomview.state.linking import Link, link
from dicomview.state.measurements import Measurements
from dicomview.state.measuring import MEASURING
from dicomview.state.model import ViewState
from dicomview.state.outlines import Outline
from dicomview.state.readout import curve, readout
from dicomview.state.resolve import Changes, Pane, Scene, changes, pane_pixels, resolve

__all__ = [
    "MEASURING",
    "MODES",
    "Changes",
    "Comparison",
    "Link",
    "Measurements",
    "Outline",
    "Pane",
    "Scene",
    "ViewState",
    "changes",
    "curve",
    "link",
    "pane_pixels",
    "readout",
    "resolve",
    "view_code",
]
