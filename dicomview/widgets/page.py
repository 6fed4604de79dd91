"""PageLink: what the page tells the viewer, and the other way round."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["PageLink"]


class PageLink(anywidget.AnyWidget):  # type: ignore[misc]
    """An invisible widget; put it inside an element of class ``dicomview``.

    Keys act while the canvas has the focus.

    Parameters
    ----------
    wanted : iterable of str
        The keys that are wanted, as the browser names them; all others are left to the notebook.
    handlers : mapping of str to callable
        By what comes from the page: ``"keys"`` (pairs of key and how often), ``"wheel"`` (``steps``, up is
        positive; ``x`` and ``y`` as parts of the canvas from its upper left corner; ``ctrl``), ``"width"``
        (pixels for the panes), ``"theme"``, ``"seen"`` and ``"drawn"`` (numbers of frames).
    canvas : str
        Model of the ipympl canvas whose frames the page sees.

    Attributes
    ----------
    is_attached : bool
        Whether a page has said anything yet.
    """

    # As text: anywidget would watch a path, and hold on to every widget meanwhile.
    _esm = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
    _css = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    canvas = traitlets.Unicode().tag(sync=True)
    wanted = traitlets.List(traitlets.Unicode()).tag(sync=True)
    has_picture = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self, wanted: Iterable[str], handlers: Mapping[str, Callable[[Any], object]], *, canvas: str = ""
    ) -> None:
        super().__init__(wanted=list(wanted), canvas=canvas)
        self._handlers = handlers
        self.is_attached = False
        self.on_msg(self._received)

    def ask(self, frame: int) -> None:
        """Let the page answer when it has seen a frame."""
        self.send({"frame": frame})

    def ask_drawn(self, frame: int) -> bool:
        """Let the page answer when it has decoded and drawn a frame; returns whether there is a page."""
        if self.is_attached:
            self.send({"drawn": frame})
        return self.is_attached

    def _received(self, _: Any, content: Any, buffers: Any) -> None:
        self.is_attached = True
        for name, value in content.items():
            if name in self._handlers:
                self._handlers[name](value)
