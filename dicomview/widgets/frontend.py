"""What is known of the page on the other side of the kernel."""

import os

from IPython import get_ipython

__all__ = ["in_page_event", "is_live", "runs_unattended"]


def runs_unattended() -> bool:
    """Return whether cells are run by nbconvert, papermill or the like, with nobody to move a slider.

    Such a runner tells the kernel that nobody can answer ``input()``; every front end for people does the
    opposite. Voila runs cells like that too, but shows the widgets afterwards.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or "voila" in os.environ.get("SERVER_SOFTWARE", ""):
        return False
    return getattr(kernel, "_allow_stdin", True) is False


def is_live() -> bool:
    """Return whether a kernel shows its output to a person."""
    return getattr(get_ipython(), "kernel", None) is not None and not runs_unattended()


def in_page_event() -> bool:
    """Return whether the kernel is answering an event of the page, not running a cell."""
    kernel = getattr(get_ipython(), "kernel", None)
    try:
        return bool(kernel.get_parent("shell")["header"]["msg_type"] == "comm_msg")  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError):
        return False
