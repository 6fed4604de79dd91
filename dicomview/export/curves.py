"""Curves: values along a line, drawn on axes of the caller's or on a figure of their own."""

from matplotlib.axes import Axes

from dicomview.measure import Profile
from dicomview.render import PLAIN, PictureFigure

__all__ = ["plot_profile"]

#: Inches.
SIZE = (5.0, 2.8)


def plot_profile(profile: Profile, *, ax: Axes | None = None) -> Axes:
    """Draw the values of a profile over the distance.

    Parameters
    ----------
    profile : dicomview.measure.Profile
    ax : Axes, optional
        To draw on; by default those of a new figure, ``ax.figure``, which pyplot does not know.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import numpy as np
    >>> import dicomview as dv
    >>> vol = dv.Volume.from_array(np.arange(60).reshape(3, 4, 5), sampling=(3, 2, 1))
    >>> ax = dv.plot_profile(dv.measure.profile(vol, [(1, 0, 0), (1, 3, 0)]))
    >>> ax.get_xlabel()
    'distance (mm)'
    """
    if ax is None:
        ax = PictureFigure(figsize=SIZE, layout="constrained").add_subplot()
    ax.plot(profile.distance, profile.values)
    ax.set_xlabel(f"distance ({profile.length_unit})")
    # The unit is text of a header: no mathematics is to be read from it.
    ax.set_ylabel(profile.unit, **PLAIN)
    return ax
