"""CineTool: runs through the slices of a plane, or through an extra dimension."""

from typing import Literal

from dicomview.geometry import PLANES
from dicomview.state import ViewState

__all__ = ["CineTool"]


class CineTool:
    """Moves a state on, in a loop or to and fro, as its traits ``cine`` and ``cine_mode`` say.

    Parameters
    ----------
    state : ViewState

    Examples
    --------
    >>> import numpy as np
    >>> from dicomview import Volume
    >>> state = ViewState(Volume.from_array(np.zeros((3, 4, 5))), cine_mode="bounce")
    >>> cine = CineTool(state)
    >>> [(cine.advance(), state.index[0])[1] for _ in range(5)]
    [2, 1, 0, 1, 2]
    """

    def __init__(self, state: ViewState) -> None:
        self._state = state
        self._direction = 1

    def advance(self, steps: int = 1) -> None:
        """Go so many steps further."""
        state = self._state
        with state.lock:
            trait, place, count, stride = self._track()
            here = getattr(state, trait)[place]
            if state.cine_mode == "loop":
                state.move(place, (here + steps * stride) % count, trait=trait)
            elif count > 1:
                # To and fro is a loop twice as long, less the ends.
                length = 2 * (count - 1)
                at = (here if self._direction > 0 else length - here) + steps * stride
                at %= length
                self._direction = 1 if at < count - 1 else -1
                state.move(place, min(at, length - at), trait=trait)

    def _track(self) -> tuple[Literal["index", "frame"], int, int, int]:
        """Return the trait, the element of it, how many values it takes, and the step."""
        state, volume = self._state, self._state.volume
        if state.cine in PLANES:
            axis = volume.plane_axes[state.cine]
            return "index", axis, volume.geometry.shape[axis], state.stride(axis)
        place = volume.extra_dims.index(state.cine)
        return "frame", place, len(volume.dimensions[place]), 1
