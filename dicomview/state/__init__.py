"""What is looked at, and what follows from it for the screen; no GUI."""

from dicomview.state.code import view_code
from dicomview.state.comparison import MODES, Comparison
from dicomview.state.corners import nearest_plane
from dicomview.state.linking import Link, link
from dicomview.state.measurements import Measurements
from dicomview.state.measuring import MEASURING
from dicomview.state.model import ViewState
from dicomview.state.outlines import Outline, placed
from dicomview.state.overlay import Fused, Isodoses, Mask, Overlay
from dicomview.state.overlays import Overlays
from dicomview.state.painted import Painted, Touched
from dicomview.state.painting import PAINTING
from dicomview.state.placing import patch_of
from dicomview.state.readout import curve, readout
from dicomview.state.resolve import Changes, Pane, Scene, changes, pane_pixels, resolve
from dicomview.state.resuming import resume
from dicomview.state.rotation import carried, rotated
from dicomview.state.slab import SlabMode, slab_range, slab_text

__all__ = [
    "MEASURING",
    "MODES",
    "PAINTING",
    "Changes",
    "Comparison",
    "Fused",
    "Isodoses",
    "Link",
    "Mask",
    "Measurements",
    "Outline",
    "Overlay",
    "Overlays",
    "Painted",
    "Pane",
    "Scene",
    "SlabMode",
    "Touched",
    "ViewState",
    "carried",
    "changes",
    "curve",
    "link",
    "nearest_plane",
    "pane_pixels",
    "patch_of",
    "placed",
    "readout",
    "resolve",
    "resume",
    "rotated",
    "slab_range",
    "slab_text",
    "view_code",
]
