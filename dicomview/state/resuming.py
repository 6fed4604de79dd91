"""Resuming: a view goes on where another one on the same grid was left."""

from dicomview.state.model import ViewState

__all__ = ["resume"]

#: What belongs to the grid and to the volume, in an order that can be set.
_RESUMED = (
    "patient_axes", "rotation", "index", "position", "zoom", "center", "slab", "slab_mode", "overlays",
    "paint_layer", "paint_range", "measurements", "selected",
)  # fmt: skip


def resume(state: ViewState, before: ViewState) -> None:
    """Let a view go on where another one was left, of a volume on the same grid.

    Its place, axes and slab, what lies over the slices, the measurements, and the way back.

    Parameters
    ----------
    state : ViewState
        Which nobody else holds yet.
    before : ViewState

    Examples
    --------
    >>> import numpy as np
    >>> from dicomview import Volume
    >>> a, b = (ViewState(Volume.from_array(np.full((4, 5, 6), v), affine=np.eye(4))) for v in (0, 1))
    >>> a.paint([a.position], radius=0.5)
    >>> resume(b, a)
    >>> int(b.painted.array.sum()), b.can_undo
    (1, True)
    """
    with before.lock, state.lock:
        before.end_stroke()
        state.look_alike(before)
        with state.hold_trait_notifications():
            for name in _RESUMED:
                setattr(state, name, getattr(before, name))
        state._past, state._future = list(before._past), list(before._future)
