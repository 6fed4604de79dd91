"""What is known of the page on the other side of the kernel."""

import os

from IPython import get_ipython

__all__ = ["runs_unattended"]


def runs_unattended() -> bool:
    """Return whether cells are run by nbconvert, papermill or the like, with nobody to move a slider.

    Such a runner tells the kernel that nobody can answer ``input()``; every front end for people does the
    opposite. Voila runs cells like that too, but shows the widgets afterwards.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or "voila" in os.environ.get("SERVER_SOFTWARE", ""):
        return False
    return getattr(kernel, "_allow_stdin", True) is False
