"""PageLink: what the page tells the viewer, and the other way round."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import anywidget
import traitlets

__all__ = ["PageLink"]

#: Bytes of slices that a page keeps.
BUDGET = 256 << 20


class PageLink(anywidget.AnyWidget):  # type: ignore[misc]
    """An invisible widget; put it inside an element of class ``dicomview``.

    Keys act while the canvas has the focus. What the page says is a dict; every part of it goes to the
    handler of its name.

    Parameters
    ----------
    wanted : iterable of str
        The keys that are wanted, as the browser names them; all others are left to the notebook.
    canvas : str
        Model of the ipympl canvas whose frames the page sees.
    paints : bool
        Whether the page is to paint the slices.

    Attributes
    ----------
    handlers : dict of str to callable
        By what comes from the page: ``"keys"`` (pairs of key and how often), ``"wheel"`` (``steps``, up is
        positive; ``x`` and ``y`` as parts of the canvas from its upper left corner; ``ctrl``), ``"width"``
        (pixels for the panes), ``"theme"``, ``"seen"`` and ``"drawn"`` (numbers of frames); and what
        :class:`Stage` adds.
    budget : int
        Bytes of slices that a page keeps.
    is_attached : bool
        Whether a page has said anything yet.
    ahead, later : list of dict, optional
        Messages that a page finds when it comes, each with ``content`` and ``buffers``; those of the second
        may come after it.
    """

    # As text: anywidget would watch a path, and hold on to every widget meanwhile.
    _esm = Path(__file__).with_name("stage.js").read_text(encoding="utf-8")
    _css = Path(__file__).with_name("stage.css").read_text(encoding="utf-8")
    canvas = traitlets.Unicode().tag(sync=True)
    wanted = traitlets.List(traitlets.Unicode()).tag(sync=True)
    paints = traitlets.Bool(False).tag(sync=True)
    budget = traitlets.Int(BUDGET).tag(sync=True)
    has_picture = traitlets.Bool(False).tag(sync=True)
    ahead = traitlets.Any(None).tag(sync=True)
    later = traitlets.Any(None).tag(sync=True)

    def __init__(self, wanted: Iterable[str], *, canvas: str = "", paints: bool = False) -> None:
        super().__init__(wanted=list(wanted), canvas=canvas, paints=paints)
        self.handlers: dict[str, Callable[[Any], object]] = {}
        self.is_attached = False
        self._held: list[dict[str, Any]] | None = None
        self.on_msg(self._received)

    @contextmanager
    def sending_ahead(self, name: Literal["ahead", "later"]) -> Iterator[None]:
        """Keep what is sent meanwhile for the first page that comes."""
        held: list[dict[str, Any]] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
        setattr(self, name, held)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send a message to the page."""
        if self._held is None:
            super().send(content, buffers)
        else:
            self._held.append({"content": content, "buffers": buffers or []})

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
            if name in self.handlers:
                self.handlers[name](value)
