"""CompareViewer: two volumes in one picture or side by side, and what chooses between them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import ipywidgets as widgets
from traitlets import TraitError

from dicomview.display import Window
from dicomview.errors import DicomviewError
from dicomview.render import STYLE, PanesRenderer, PictureFigure
from dicomview.state import Comparison, Link, ViewState, link, resolve, resume
from dicomview.volume import Volume
from dicomview.volume.meta import safe_text
from dicomview.volume.reference import remark
from dicomview.widgets.bindings import Bindings
from dicomview.widgets.canvas import inches
from dicomview.widgets.cells import forget, take_over
from dicomview.widgets.compare_controls import CompareControls
from dicomview.widgets.compared import as_volume, values_html, views_of
from dicomview.widgets.displayed import Displayed, Keeper, close_all
from dicomview.widgets.divider import Divider, lanes_of
from dicomview.widgets.picture import KeptPicture
from dicomview.widgets.viewer import SliceViewer

__all__ = ["CompareViewer", "compare"]

#: What stays of the first for all when another mode is chosen; :func:`resume` keeps the rest.
_STAYS = (
    "crosshair", "gap", "convention", "turns", "interpolation", "scale_bar", "letters", "texts", "colorbar",
    "empty_color", "mark_padding", "step_mm", "tool", "level_drag", "brush_mm", "brush_3d",
)  # fmt: skip
#: What of it the second has too, as far as it can.
_SHARED = ("position", "slab_mode", "slab", "patient_axes", "rotation")
#: What changes the picture.
_SEEN = ViewState.class_trait_names(seen=lambda kind: kind != "no")
#: What of the options belongs to the grid of the first.
_OF_GRID = {"index", "position", "zoom", "center", "measurements"}
#: What else the composed volume depends on, by mode.
_NEEDS = {
    "curtain": {"curtain", "turns", "convention", "windows"},
    "checkerboard": {"tile", "windows"},
    "blink": {"windows"},
}


def compare(
    a: Any, b: Any, *, mode: str = "side", layout: str | None = None, **options: Any
) -> "CompareViewer":
    """Compare two volumes.

    Parameters
    ----------
    a, b : Volume, array_like, or a path
        Composed on the grid of ``a``, by patient position. Arrays of unknown place need the same shape.
    mode : {"side", "checkerboard", "curtain", "blink", "difference"}
        Two linked viewers; or one picture of both: in tiles, on both sides of a line that is dragged, in
        turns, or ``a - b`` in its unit. What one of them does not have is empty.
    layout : {"ortho", "axial", "coronal", "sagittal", "montage"}, optional
        By default the acquired plane side by side, else all three.
    **options
        Further traits of :class:`dicomview.state.Comparison` to start with: ``curtain``, ``tile`` (mm),
        ``rate``, ``windows`` and ``frames``; and options of :class:`SliceViewer`.

    Returns
    -------
    CompareViewer

    Raises
    ------
    traitlets.TraitError
        If these two do not allow the mode; the message says why.

    Examples
    --------
    >>> import numpy as np
    >>> import dicomview as dv
    >>> viewer = dv.compare(np.zeros((20, 32, 32)), np.ones((20, 32, 32)), mode="difference")
    >>> float(viewer.volume[0].max())
    -1.0
    >>> viewer.close()
    """
    return CompareViewer(a, b, mode=mode, layout=layout, **options)


class CompareViewer(Displayed, widgets.VBox):  # type: ignore[misc]
    """Two volumes compared; see :func:`compare`.

    Attributes
    ----------
    comparison : Comparison
        Mode, curtain, tile, rate, windows and frames; can be set and observed.
    viewers : tuple of SliceViewer
        One, or two side by side: others after each change of the mode.
    state : ViewState
        Of the first.
    volume : Volume
        What the first shows.
    controls : CompareControls
    values : HTML
        The values of both at the pointer, else at the crosshair.

    Examples
    --------
    >>> import numpy as np
    >>> from dicomview.widgets import CompareViewer
    >>> viewer = CompareViewer(np.zeros((20, 32, 32)), np.ones((20, 32, 32)))
    >>> viewer.comparison.mode = "curtain"
    >>> viewer.comparison.curtain = 0.3
    >>> len(viewer.viewers)
    1
    >>> viewer.close()
    """

    def __init__(
        self, a: Any, b: Any, *, mode: str = "side", layout: str | None = None, **options: Any
    ) -> None:
        first, second = (as_volume(data) for data in (a, b))
        own = set(Comparison.class_trait_names()) & set(options)
        traits = {name: options.pop(name) for name in sorted(own)}
        self.comparison = Comparison(first, second, mode=mode, **traits)
        if "window" in options:
            self.comparison.windows = (options["window"],) * 2
            del options["window"]
        frame, paired = options.pop("frame", None), self.comparison.paired
        if frame is None:
            self._frames = first.middle_frame, second.middle_frame
        else:
            self._frames = paired.split(frame) if len(frame) == len(paired.dimensions) else (frame, frame)
        self._options = options
        self._layouts = {True: layout or first.slice_plane, False: layout or "ortho"}
        self.viewers: tuple[SliceViewer, ...] = ()
        #: The second one as it was left side by side.
        self._second: ViewState | None = None
        self._links: list[Link] = []
        self._notes: list[str] = []
        self._open = True
        self._picture = KeptPicture(self._png)
        self._bindings = Bindings(self.comparison)
        self._body = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"))
        self._body.add_class("dicomview-compare")
        self.values = widgets.HTML()
        self.divider = Divider()
        self.divider.on_msg(lambda *_: self._place_divider())
        self._keeper = Keeper()
        self.controls = CompareControls(self.comparison, self._bindings)
        self._bindings.bind("curtain", self.divider)
        super().__init__([self.controls, self.values, self._body, self._keeper])
        self._shown_mode = ""
        self._show_mode()
        self._of_comparison: list[tuple[Callable[[Any], None], list[str]]] = [
            (self._show_mode, ["mode", "frames"]),
            (self._recompose, ["curtain", "tile"]),
            (self._show_windows, ["windows"]),
            (self._show_rate, ["rate"]),
        ]
        for observer, names in self._of_comparison:
            self.comparison.observe(observer, names)
        take_over(self)

    # -- what there is to read ------------------------------------------------------------------------

    @property
    def state(self) -> ViewState:
        """What the first viewer looks at."""
        return self.viewers[0].state

    @property
    def volume(self) -> Volume:
        """What the first viewer shows."""
        return self.viewers[0].volume

    def figure(self, *, width: float | None = None) -> PictureFigure:
        """Return the current view as a new Figure, for print or saving; side by side both.

        Parameters
        ----------
        width : float, optional
            Pixels of each viewer.
        """
        return self._figure(width, patient=None)

    def save(self, path: Any, *, dpi: float | None = None) -> None:
        """Write the current view to an image file, as :meth:`SliceViewer.save`."""
        self.figure().savefig(path, dpi=dpi or "figure")

    def close(self) -> None:
        """Free the viewers, the controls and the connections between them."""
        if self._open:
            self._open = False
            self._bindings.undo()
            for observer, names in self._of_comparison:
                self.comparison.unobserve(observer, names)
            self._picture.close()
            self._free(self.viewers, self._links)
            self._body.children = []
            forget(self)
            close_all(self.divider)
            for child in self.children:
                close_all(child)
            self.layout.close()
        super().close()

    # -- the viewers ----------------------------------------------------------------------------------

    def _show_mode(self, change: Any = None) -> None:
        """Make the viewers of the mode, in the place of those of the one before."""
        mode, comparison, old, links = self.comparison.mode, self.comparison, self.viewers, self._links
        kept: dict[str, Any] = {}
        if old:
            with self.state.lock:
                kept = {name: getattr(self.state, name) for name in _STAYS}
                self._layouts[self._shown_mode == "side"] = self.state.layout
                comparison.windows = self._windows()
                self._frames = self._frames_shown()
        self._links = []
        self._notes = [note for note in (remark(comparison.a, comparison.b),) if note]
        kept["layout"] = self._layouts[mode == "side"]
        options = {**self._options, **kept}
        before = old[0].state if old else None
        if len(old) > 1:
            self._second = old[1].state
        self.viewers = self._two(options, before) if mode == "side" else (self._one(options, before),)
        self._shown_mode = mode  # not before: another thread may change the rest meanwhile
        self._paired = comparison.paired
        for viewer in self.viewers:
            forget(viewer)  # it is this widget that the cell has made
            viewer.layout.flex, viewer.layout.min_width = "1 1 480px", "0"
            for observer, names in self._observers():
                viewer.state.observe(observer, names)
        self.controls.show(mode)
        self._place_divider()
        self._read_out()
        self._body.children = [*self.viewers, *[self.divider] * (mode == "curtain")]
        self._free(old, links)
        self._changed()

    def _one(self, options: dict[str, Any], before: ViewState | None) -> SliceViewer:
        """Return a viewer of both in one, which goes on where the first one was left."""
        comparison = self.comparison
        volume = comparison.composed()
        options["frame"] = comparison.paired.joined(*self._frames)
        if comparison.mode == "blink":
            # An extra dimension: the page itself goes to and fro.
            options |= {"cine": "shown", "fps": comparison.rate, "playing": True}
            options["frame"] = (0, *options["frame"])
        if comparison.mode == "difference":
            options["colormap"] = options.get("colormap", "RdBu_r")
        elif volume.has_window:
            options["window"] = comparison.windows[0]
        viewer = SliceViewer(volume, **options)
        if before is not None:
            resume(viewer.state, before)
        if comparison.mode == "curtain":
            viewer.show_values(comparison.composed(views_of(viewer)))
        return viewer

    def _two(self, options: dict[str, Any], before: ViewState | None) -> tuple[SliceViewer, ...]:
        """Return a viewer of each, which go along, from where they were left."""
        comparison = self.comparison
        of_first = {name: options.pop(name) for name in _OF_GRID & set(options)}
        viewers = []
        for volume, window, frame in zip((comparison.a, comparison.b), comparison.windows, self._frames):
            own = {"window": window} if volume.has_window else {}
            viewers.append(SliceViewer(volume, frame=frame, **{**options, **own}))
        first = viewers[0].state
        for name, value in of_first.items():
            setattr(first, name, value)
        for viewer, left in zip(viewers, (before, self._second)):
            if left is not None:
                resume(viewer.state, left)
        for name in _SHARED if before is not None else ():
            with suppress(TraitError):
                setattr(viewers[1].state, name, getattr(before, name))
        shared = ["layout", "crosshair", "convention", "turns", "interpolation"]
        kinds: dict[str, Any]
        for kinds in ({"position": True}, {"position": False, "zoom": True, "traits": shared}):
            try:
                self._links.append(link(*viewers, **kinds))
            except DicomviewError as error:
                self._notes.append(f"not linked: {safe_text(error)}")
        if comparison.paired.is_linked:
            self._links.append(link(*viewers, position=False, traits=["frame"]))
        if comparison.is_alike and comparison.windows[0] == comparison.windows[1]:
            self._links.append(link(*viewers, position=False, window=True))
        return tuple(viewers)

    def _observers(self) -> list[tuple[Callable[[Any], None], list[str]]]:
        """Return what follows the state of every viewer."""
        return [
            (self._changed, _SEEN),
            (self._read_out, ["index", "pointer", "frame"]),
            (self._place_divider, ["layout", "zoom", "center", "turns", "convention", "colorbar"]),
            (self._recompose, ["turns", "convention"]),
        ]

    def _free(self, viewers: Sequence[SliceViewer], links: Sequence[Link]) -> None:
        for one in links:
            one.unlink()
        for viewer in viewers:
            for observer, traits in self._observers():
                viewer.state.unobserve(observer, traits)
            viewer.close()

    def _windows(self) -> tuple[Window, Window]:
        """Return the windows of both as they are seen."""
        comparison = self.comparison
        if self._shown_mode == "side":
            return self.viewers[0].state.window, self.viewers[1].state.window
        if self._shown_mode == "difference":
            return comparison.windows  # type: ignore[no-any-return]
        return comparison.followed(self.state.window)

    def _frames_shown(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the frames of both as they are seen."""
        if self._shown_mode == "side":
            return self.viewers[0].state.frame, self.viewers[1].state.frame
        return self._paired.split(self._composed_frame())

    def _composed_frame(self) -> tuple[int, ...]:
        """Return the frame in view without what says which of both is shown in turns."""
        frame: tuple[int, ...] = self.state.frame
        return frame[self._shown_mode == "blink" :]

    # -- changes --------------------------------------------------------------------------------------

    def _recompose(self, change: Any) -> None:
        """Show what the mode shows now, in the same view."""
        is_shown = self.comparison.mode == self._shown_mode
        if is_shown and change["name"] in _NEEDS.get(self._shown_mode, ()):
            viewer = self.viewers[0]
            viewer.show_values(self.comparison.composed(views_of(viewer)))
            self._place_divider()
            self._read_out()
            self._picture.changed()

    def _show_windows(self, change: Any) -> None:
        if self.comparison.mode != self._shown_mode:
            return
        if self._shown_mode == "side":
            for viewer, window in zip(self.viewers, change["new"]):
                if viewer.volume.has_window:
                    viewer.state.window = window
        elif self._shown_mode != "difference":
            self._recompose(change)
            self.state.window = change["new"][0]

    def _show_rate(self, change: Any) -> None:
        if self._shown_mode == "blink":
            self.state.fps = change["new"]

    def _place_divider(self, change: Any = None) -> None:
        if self._shown_mode == "curtain" and self._open:
            viewer = self.viewers[0]
            with viewer.state.lock:
                self.divider.lanes = lanes_of(viewer._canvas.renderer)

    def _changed(self, change: Any = None) -> None:
        self._picture.changed()

    def _read_out(self, change: Any = None) -> None:
        """Tell the values of both, and what is to be known."""
        is_side = self._shown_mode == "side"
        values = "" if is_side else values_html(self.comparison, self.state, self._composed_frame())
        self.values.value = values + "".join(f"<div>{escape(note)}</div>" for note in self._notes)

    # -- pictures -------------------------------------------------------------------------------------

    def _figure(self, width: float | None, *, patient: bool | None) -> PictureFigure:
        sizes = [viewer._size(width) for viewer in self.viewers]
        whole = sum(size[0] for size in sizes), max(size[1] for size in sizes)
        figure = PictureFigure(figsize=inches(whole), dpi=STYLE.dpi)
        parts: Any = [figure]
        if len(sizes) > 1:
            parts = figure.subfigures(1, len(sizes), width_ratios=[size[0] for size in sizes], wspace=0)
        for part, viewer in zip(parts, self.viewers):
            volume = viewer.state.volume
            PanesRenderer(part, volume).update(resolve(volume, viewer.state, patient=patient))
        return figure

    def _png(self) -> bytes:
        return self._figure(None, patient=False).png()

    def _told(self) -> str:
        return f"CompareViewer ({self.comparison.mode}) of\n{self.comparison.a!r}\n{self.comparison.b!r}"
