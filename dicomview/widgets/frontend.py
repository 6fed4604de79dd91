"""What is known of the page on the other side of the kernel."""

import os
import sys
from typing import Any

from IPython import get_ipython

__all__ = ["Bundle", "in_page_event", "is_live", "runs_unattended", "with_view"]

#: What ``_repr_mimebundle_`` returns: data by type, or these and what is said of them.
Bundle = dict[str, Any] | tuple[dict[str, Any], dict[str, Any]]

_VIEW = "application/vnd.jupyter.widget-view+json"


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


def with_view(bundle: dict[str, Any], widget: Any) -> Bundle:
    """Add to an output the widget itself, where somebody may be there to move a slider.

    Colab shows widgets of third parties only by a manager that has to be enabled first, and that the
    metadata of the output name; what it hooks in for that is not asked for the result of a cell.
    """
    if runs_unattended():
        return bundle
    data = {**bundle, _VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}
    output: Any = sys.modules.get("google.colab.output")
    if output is None:
        return data
    output.enable_custom_widget_manager()
    url = getattr(getattr(output, "_widgets", None), "_installed_url", None)
    return (data, {_VIEW: {"colab": {"custom_widget_manager": {"url": url}}}}) if url else data
