"""Choices: cards with pictures, or the rows of a table, in the page."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Choices", "item"]


def item(cells: Sequence[str], *, note: str = "", enabled: bool = True) -> dict[str, Any]:
    """Return one thing to choose: its texts, a remark, and whether it can be chosen."""
    return {"cells": list(cells), "note": note, "enabled": enabled}


class Choices(anywidget.AnyWidget):  # type: ignore[misc]
    """Things of which a person chooses one.

    Parameters
    ----------
    on_choose : callable
        Called with the number of the one that is clicked.
    head : sequence of str
        Of a table; without one they are cards, which have pictures.

    Attributes
    ----------
    items : list
        Made by :func:`item`.
    chosen : int
        The one that is marked, or -1.
    """

    # As text: anywidget would watch a path, and hold on to every widget meanwhile.
    _esm = Path(__file__).with_name("choices.js").read_text(encoding="utf-8")
    _css = Path(__file__).with_name("choices.css").read_text(encoding="utf-8")
    items: Any = traitlets.List().tag(sync=True)
    head: Any = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)

    def __init__(self, on_choose: Callable[[int], object], *, head: Sequence[str] = ()) -> None:
        super().__init__(head=list(head))
        self._on_choose = on_choose
        self._shown: dict[int, dict[str, str]] = {}
        self.on_msg(self._received)

    def show(self, number: int, *, picture: str = "", note: str = "") -> None:
        """Give a card its picture, a PNG in base64, and another remark."""
        self._shown[number] = {"picture": picture, "note": note}
        self.send({"shown": {number: self._shown[number]}})

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        if "hello" in content:
            self.send({"shown": dict(self._shown)})
        if "choose" in content and 0 <= int(content["choose"]) < len(self.items):
            self._on_choose(int(content["choose"]))
