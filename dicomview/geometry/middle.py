"""The median, without what numpy imports for its own."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["median"]


def median(values: ArrayLike) -> NDArray[np.float64]:
    """Return the median along the first axis, NaN where there is one among the values.

    ``numpy.median`` does the same and imports ``numpy.ma`` for it, which takes as long as a hundred slices.

    Examples
    --------
    >>> median([[3.0, 5.0], [1.0, 7.0], [2.0, 9.0], [8.0, 8.0]])
    array([2.5, 7.5])
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=0)  # NaN comes last
    count = len(ordered)
    return np.where(np.isnan(ordered[-1]), np.nan, ordered[(count - 1) // 2 : count // 2 + 1].mean(axis=0))
