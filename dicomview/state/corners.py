"""Corners: what is written in the corners of a pane."""

import math

from dicomview.geometry import Plane, PlaneView, obliquity, plane_of
from dicomview.state.model import ViewState
from dicomview.state.rotation import carried
from dicomview.state.slab import slab_text
from dicomview.volume import Volume
from dicomview.volume.meta import safe_text

__all__ = ["corner_texts", "nearest_plane"]

#: Volumes at a smaller angle to the patient are not called oblique.
OBLIQUE_DEGREES = 0.5


def corner_texts(
    volume: Volume, state: ViewState, view: PlaneView, index: int, *, window: bool, named: bool
) -> tuple[str, str, str, str]:
    """Return the texts of a pane: upper left, upper right, lower left, lower right.

    Who the patient is, and the window, only when asked for.
    """
    oblique = obliquity(volume.geometry) or 0.0
    plane = nearest_plane(volume, view)
    name = [plane + (f" oblique {oblique:.0f}°" if oblique >= OBLIQUE_DEGREES else "")]
    if view.plane in state.slab:
        name.append(slab_text(state.slab[view.plane], state.slab_mode))
    if named:
        name += [safe_text(volume.meta[k]) for k in ("PatientName", "PatientID") if volume.meta.get(k)]
    frame = [d.label(i) for d, i in zip(volume.dimensions, state.frame)]
    below = []
    if window and volume.has_window:
        width, center = state.window.width, state.window.center
        digits = max(
            3 - math.floor(math.log10(abs(width) or 1.0)), 0
        )  # a thousandth of the width is not seen
        below.append(f"W {round(width, digits):.7g}  L {round(center, digits):.7g}")
    if window and state.zoom != 1:
        below.append(f"zoom {state.zoom:.3g}")
    place = [f"{index + 1}/{volume.geometry.shape[view.axis]}"]
    place += [text for text in [_height(volume, state, view, index)] if text]
    return "\n".join(name), "\n".join(frame), "\n".join(below), "\n".join(place)


def nearest_plane(volume: Volume, view: PlaneView) -> Plane:
    """Return the plane that a pane shows: another one where it is turned by more than 45 degrees."""
    affine = volume.geometry.affine
    return plane_of(affine[:3, view.axis]) if volume.is_turned and affine is not None else view.plane


def _height(volume: Volume, state: ViewState, view: PlaneView, index: int) -> str:
    """Return where a slice crosses the axis of the patient that it is perpendicular to."""
    at = carried(state.index, state.volume, volume)
    at[view.axis] = index
    position = volume.geometry.position(at)
    if position is None:
        return ""
    component = ("sagittal", "coronal", "axial").index(nearest_plane(volume, view))
    return f"{('RL', 'AP', 'IS')[component][int(position[component] >= 0)]} {abs(position[component]):.1f} mm"
