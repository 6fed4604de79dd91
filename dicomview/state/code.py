"""Code: the call that shows a view again."""

from typing import Any

from dicomview.display import VOILUT, Window
from dicomview.measure import Region
from dicomview.state.model import ViewState

__all__ = ["view_code"]

#: Traits that follow from others, belong to the moment or hold voxels.
_PASSING = frozenset(
    ("position", "pointer", "playing", "selected", "draft", "overlays", "paint_layer", "touched", "taken")
)
#: Said first, in this order.
_FIRST = ("window", "colormap", "layout", "index", "frame")


def view_code(state: ViewState, name: str = "vol") -> str:
    """Return the call of SliceViewer that shows what a state shows.

    Besides ``index``, only what differs from the start is said.

    Examples
    --------
    >>> import numpy as np
    >>> from dicomview import Volume
    >>> vol = Volume.from_array(np.zeros((9, 8, 7)))
    >>> view_code(ViewState(vol, index=(1, 2, 3), window=(0.5, 2.0)))
    'dv.SliceViewer(vol, window=dv.Window(center=0.5, width=2), index=(1, 2, 3))'

    Regions of voxels cannot be written as code; a comment says how many there are.
    """
    usual = ViewState(state.acquired)
    names = [*_FIRST, *sorted(set(state.trait_names()) - set(_FIRST) - _PASSING)]
    said = [t for t in names if t == "index" or getattr(state, t) != getattr(usual, t)]
    if any(state.rotation):  # the voxels of turned planes are counted from where they were turned
        said = ["position" if t == "index" else t for t in said]
    parts = [f"{trait}={_source(state, trait, name)}" for trait in said]
    regions = sum(isinstance(m, Region) for m in state.measurements)
    comment = f"  # and {regions} region{'s' * (regions > 1)} of voxels" if regions else ""
    return f"dv.SliceViewer({', '.join([name, *parts])}){comment}"


def _source(state: ViewState, trait: str, name: str) -> str:
    """Return the value of a trait as it is written in Python."""
    value: Any = getattr(state, trait)
    if trait == "measurements":
        told = (f"dv.measure.{m!r}" for m in value if not isinstance(m, Region))
        return f"[{', '.join(told)}]"
    if trait != "window":
        return repr(value)
    own = (key for key, window in state.acquired.windows.items() if window == value)
    key = next(own, None)
    return _window(value) if key is None else f"{name}.windows[{key!r}]"


def _window(window: Window) -> str:
    """Return a window as it is written in Python, with all digits."""
    if isinstance(window, VOILUT):
        count = len(window.table) % (1 << 16)  # as a descriptor has it
        descriptor = count, window.first, window.bits
        return f"dv.display.VOILUT({descriptor}, {window.table.tolist()}, name={window.name!r})"
    function = "" if window.function == "linear_exact" else f", function={window.function!r}"
    return f"dv.Window(center={_exact(window.center)}, width={_exact(window.width)}{function})"


def _exact(number: float) -> str:
    """Return the shortest text of a number."""
    number = float(number)
    short = f"{number:.12g}"
    return short if float(short) == number else repr(number)
