"""The cell that a viewer is made in: run again, it replaces its viewers; what can wait comes after it."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from IPython import get_ipython

__all__ = ["after_cell", "forget", "take_over"]

#: By cell: the run that made its viewers, and the viewers.
_live: dict[str, tuple[Any, list[Any]]] = {}


def take_over(viewer: Any) -> None:
    """Close the viewers that an earlier run of this cell made, and remember this one in their place."""
    place = _place()
    if place is None:
        return
    cell, run = place
    before, viewers = _live.get(cell, (run, []))
    if before != run:
        for old in viewers:
            old.close()
            _forget_output(old)
        viewers = []
    _live[cell] = (run, [*viewers, viewer])


def forget(viewer: Any) -> None:
    """Forget a viewer that was closed."""
    for cell, (run, viewers) in list(_live.items()):
        left = [other for other in viewers if other is not viewer]
        if left:
            _live[cell] = (run, left)
        else:
            del _live[cell]


def _forget_output(viewer: Any) -> None:
    """Take a viewer out of ``Out``, ``_``, ``_3`` ...: IPython would hold it, and its volume, to the end."""
    shell = get_ipython()
    spaces = [getattr(shell, name, {}) for name in ("user_ns", "user_ns_hidden")]
    out = spaces[0].get("_oh", {})
    for number in [number for number, shown in out.items() if shown is viewer]:
        del out[number]
    for names in (*spaces, getattr(getattr(shell, "displayhook", None), "__dict__", {})):
        for name in [name for name, shown in names.items() if shown is viewer]:
            if name in ("_", "__", "___"):
                names[name] = ""
            elif re.fullmatch(r"_\d+", name):
                del names[name]


def after_cell(act: Callable[[], object]) -> None:
    """Do something when the code that runs now has ended, and with it what it shows is on its way.

    Where no loop waits for messages, as outside of kernels and in threads, it is done at once.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        act()
    else:
        loop.call_soon(act)


def _place() -> tuple[str, Any] | None:
    """Return the cell that is being run, and something that is new in each run; None outside of cells."""
    shell = get_ipython()
    if shell is None:
        return None
    try:
        request = shell.kernel.get_parent("shell")
        if request["header"]["msg_type"] != "execute_request":
            return None
        cell = request["metadata"].get("cellId") or request["content"]["code"]
        return cell, request["header"]["msg_id"]
    except (AttributeError, KeyError, TypeError):
        # No kernel, or one that does not tell: the text of the cell has to do.
        return str(shell.user_ns.get("In", [""])[-1]), shell.execution_count
