"""SliceViewer: sliders, panes and side panel around one state."""

import os
from collections.abc import Mapping
from functools import cached_property, partial
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import ipywidgets as widgets
import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like

from dicomview.errors import DisplayError, GeometryError
from dicomview.geometry import Plane
from dicomview.render import STYLE, PanesRenderer, PictureFigure, figure_size, forget_rasters
from dicomview.state import PAINTING, Measurements, Overlays, Scene, ViewState, readout, resolve, view_code
from dicomview.tools import HELP, KeyTool, MeasuringTool, PaintingTool, PointerTool
from dicomview.volume import Volume
from dicomview.volume.meta import safe_text
from dicomview.widgets.canvas import inches, make_canvas
from dicomview.widgets.cells import after_cell, forget, take_over
from dicomview.widgets.cine import CinePlayer
from dicomview.widgets.displayed import Displayed, close_all
from dicomview.widgets.frontend import Bundle, in_page_event, is_live
from dicomview.widgets.html import standalone_html
from dicomview.widgets.loading import Loading, is_path, opened
from dicomview.widgets.pacing import Pacer
from dicomview.widgets.page import PageLink
from dicomview.widgets.painting import NO_SLICES
from dicomview.widgets.panel import SidePanel
from dicomview.widgets.picture import KeptPicture
from dicomview.widgets.sliders import Sliders
from dicomview.widgets.staging import Staging
from dicomview.widgets.style import PANEL_ROOM, TOOLBAR_ROOM
from dicomview.widgets.toolbar import Toolbar
from dicomview.widgets.window_panel import named_windows

__all__ = ["SliceViewer"]

#: Width of the panes together to start with, CSS pixels; the page tells how much room there is.
WIDTH = 800
WIDTHS = (240, 1800)
#: Said where the page could not load our script.
_NO_SCRIPT = "This page could not load the script of dicomview: the kernel draws every slice."
#: Traits that say whether the tools that paint can.
_PAINTED_ON = ["tool", "brush_3d", "patient_axes", "rotation"]
#: Traits that the page needs to know nothing of: matplotlib draws them over its slices.
_OVER = ViewState.class_trait_names(seen="over")
#: All others that change the picture.
_WATCHED = ViewState.class_trait_names(seen=lambda kind: kind is None)


class SliceViewer(Displayed, widgets.VBox):  # type: ignore[misc]
    """Browse a volume in three linked orthogonal planes.

    Parameters
    ----------
    volume : Volume, Image or array_like of 2 or more dimensions; or a path, or a Series
        A path or series is read lazily: the middle slice is shown as soon as the headers are read, the
        others are fetched behind, then all planes are shown. Of a multiscale OME-Zarr image the level that
        fits the panes is taken.
    series : int, str or Series, optional
        Of a path with several series; as for :func:`dicomview.volread`.
    window : Window or (center, width), optional
        The volume's own by default.
    colormap : str, optional
        Name of a matplotlib colormap; by default ``"gray"``, for PET ``"gray_r"``.
    layout : {"ortho", "axial", "coronal", "sagittal", "montage"}
        All three planes, one, or neighbouring slices.
    draw : {"browser", "kernel"}
        Who paints the slices. The browser answers at once, also where the kernel is far away; until its
        script has been loaded, and where it cannot be, the kernel draws.
    **traits
        Further traits of :class:`ViewState` to start with: ``index``, ``position``, ``invert`` ...

    Attributes
    ----------
    state : ViewState
        What is looked at; everything can be set and observed there.
    axes : mapping of str to Axes
        The matplotlib Axes of every plane; data coordinates are array indices.
    sliders : mapping of str to IntSlider
        By plane, then by extra dimension.
    measurements : Measurements
        What was drawn with the measuring tools, or added here: a list, a table, files.
    panel : SidePanel
    toolbar : Toolbar
    overlays : Overlays
        Masks, isodoses and other volumes over the slices: ``viewer.overlays.fuse(pet)``.
    volume : Volume

    Notes
    -----
    A cell that is run again closes the viewers that its earlier run made.

    Raises
    ------
    DisplayError
        If the values cannot be shown (complex numbers, text, objects).
    traitlets.TraitError
        If a trait gets an impossible value.

    Examples
    --------
    >>> import numpy as np
    >>> import dicomview as dv
    >>> viewer = dv.SliceViewer(np.zeros((20, 32, 32)), window=(40, 80))
    >>> viewer.state.index = (3, 16, 16)
    >>> viewer.sliders["axial"].value
    3
    >>> viewer.close()
    """

    def __init__(
        self,
        volume: Any,
        *,
        series: Any = None,
        window: Any = None,
        colormap: str | None = None,
        layout: str = "ortho",
        draw: Literal["browser", "kernel"] = "browser",
        **traits: Any,
    ) -> None:
        if draw not in ("browser", "kernel"):
            raise DisplayError(f"draw={draw!r} is not known", remedy="take 'browser' or 'kernel'")
        self._loading: Loading | None = None
        if is_path(volume):
            pixels = WIDTH / 3 if layout == "ortho" else WIDTH
            found, read = opened(volume, series=series, pixels=pixels)
            self.volume = _showable(found)
            if Loading.suits(self.volume):
                self._loading = Loading(self.volume, read, partial(self._loaded, layout))
                layout = self.volume.slice_plane if layout == "ortho" else layout
        elif series is not None:
            raise DisplayError(
                "series= chooses among those at a path; the volume is given already", remedy="leave it out"
            )
        else:
            self.volume = _showable(volume)
        if window is not None:
            traits["window"] = window
        if colormap is not None:
            traits["colormap"] = colormap
        self.state = ViewState(
            self.volume,
            colormaps=matplotlib.colormaps,
            is_color=is_color_like,
            layout=layout,
            **traits,
        )
        self.overlays = Overlays(self.state)
        self.measurements = Measurements(self.state)
        self._width = float(WIDTH)
        self._has_theme = "theme" in traits
        self._canvas = make_canvas(self.state.volume, self._size(), self.state.lock)
        self._canvas.paint(self._scene(), self.state.volume)
        self._pointer = PointerTool(self._canvas.figure, self._canvas.renderer, self.state)
        self._keys = KeyTool(
            self.state,
            plane=lambda: self._pointer.plane,
            presets=lambda: list(named_windows(self.state).values()),
            on_help=self.toggle_help,
        )
        self._measuring = MeasuringTool(self._canvas.figure, lambda: self._canvas.renderer, self.state)
        self._painting = PaintingTool(self._canvas.figure, lambda: self._canvas.renderer, self.state)
        self._page = PageLink(
            (*KeyTool.KEYS, *MeasuringTool.KEYS, *PaintingTool.KEYS),
            canvas=self._canvas.widget.model_id if self._canvas.can_overlay else "",
            paints=draw == "browser" and self._canvas.can_overlay,
        )
        self._keeper = self._page
        self._pacer = Pacer(self._paint, self._page.ask, self.state.lock)
        self._page.handlers.update(
            keys=self._pressed,
            wheel=lambda wheel: self._canvas.scroll(**wheel),
            width=self._fit_width,
            theme=self._follow_theme,
            seen=self._pacer.seen,
            drawn=self._canvas.drawn,
        )
        self._canvas.watch(self._page.ask_drawn)
        self._picture = KeptPicture(self._png)
        self._player = CinePlayer(self.state, self._pacer)
        self._open = True
        self._sliders = Sliders(self.state, lambda: self._is_staged and in_page_event())
        self._staging = (
            Staging(
                self.state,
                self._page,
                self._canvas,
                self._pointer,
                resolved=self._scene,
                sliders=self._led,
                on_raised=self._leave_to_page,
                on_missing=lambda: self._entitle(_NO_SCRIPT),
            )
            if self._page.paints
            else None
        )
        self._status = widgets.HTML()
        self._status.add_class("dicomview-status")
        self._help = widgets.HTML(_help(), layout=widgets.Layout(display="none"))
        self._title = widgets.HTML()
        self._entitle()
        self._refresh()
        self.state.observe(self._refresh, _WATCHED)
        self.state.observe(self._read_out, "pointer")
        self.state.observe(self._show, _OVER)
        self.state.observe(self._tell_notes, _PAINTED_ON)
        loading = [self._loading] if self._loading else []
        super().__init__([self._title, *loading, self._composed(), self._page])
        self.add_class("dicomview")
        take_over(self)
        after_cell(self._furnish)
        if self._loading is not None:
            self._loading.start()

    def _loaded(self, layout: str) -> None:
        """Show all planes, now that every slice is there, unless another layout was chosen meanwhile."""
        with self.state.lock:
            if not self._open:
                return
            self._entitle()
            if layout == "ortho" and self.state.layout == self.volume.slice_plane:
                self.state.layout = layout
            else:
                self._refresh()

    def _entitle(self, note: str = "") -> None:
        """Show what the volume is, and a note."""
        self._note = note
        self._tell_notes()

    def _tell_notes(self, change: Any = None) -> None:
        """Show what the volume is, and what people should know now."""
        state = self.state
        is_idle = state.tool in PAINTING and not (state.brush_3d or state.can_paint_flat)
        notes = [note for note in (self._note, NO_SLICES if is_idle else "") if note]
        self._title.value = _title(self.volume) + "".join(f"<div>{escape(note)}</div>" for note in notes)

    def _composed(self) -> Any:
        """Return stage and panel, side by side where there is room."""
        self._toolbar_place = widgets.VBox(layout=widgets.Layout(min_height=TOOLBAR_ROOM))
        self._panel_place = widgets.VBox(layout=widgets.Layout(min_width=PANEL_ROOM))
        stage = widgets.VBox(
            [
                self._toolbar_place,
                *self._sliders.rows,
                self._canvas.widget,
                self._status,
                self._help,
            ],
            layout=widgets.Layout(flex="1 1 480px", min_width="0", overflow="hidden"),
        )
        stage.add_class("dicomview-stage")
        return widgets.HBox(
            [stage, self._panel_place], layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        )

    def _furnish(self) -> None:
        """Put toolbar and panel in their places: people wait for the picture, and it comes first."""
        if self._open:
            self._toolbar_place.children = [self.toolbar]
            self._panel_place.children = [self.panel]
            if self._staging is not None:
                self._staging.show()  # the page moves sliders of the panel too

    @cached_property
    def panel(self) -> SidePanel:
        """The controls beside the panes."""
        panel = SidePanel(self.state)
        if panel.window is not None:
            panel.window.page_leads = self._is_staged
        return panel

    @cached_property
    def toolbar(self) -> Toolbar:
        """The buttons above the panes."""
        return Toolbar(
            self.state,
            {
                "fit": ("expand", "fit the whole volume into the panes", self.state.fit),
                "1:1": ("1:1", "one voxel, one pixel of the screen", self._one_to_one),
                "reset": ("undo", "window and zoom as at the start (space)", lambda: self._keys.press(" ")),
                **(
                    {"upright": ("compass", "the planes as they were, not rotated", self._turn_back)}
                    if self.state.can_rotate
                    else {}
                ),
                "help": ("question", "keys and pointer (?)", self.toggle_help),
            },
        )

    @property
    def axes(self) -> Mapping[Plane, Axes]:
        """The Axes of every plane."""
        self._canvas.renderer.catch_up()
        return MappingProxyType(self._canvas.renderer.axes)

    @property
    def sliders(self) -> Mapping[str, Any]:
        """The slider of every plane and extra dimension."""
        return MappingProxyType(self._sliders.by_name)

    def figure(self, *, width: float | None = None) -> PictureFigure:
        """Return the current view as a new Figure, for print or saving.

        Parameters
        ----------
        width : float, optional
            Pixels, that of the panes in the page by default; the height follows.

        Returns
        -------
        Figure
            Not known to pyplot.
        """
        return self._figure(self._scene(), width)

    def _figure(self, scene: Scene, width: float | None = None) -> PictureFigure:
        figure = PictureFigure(figsize=inches(self._size(width)), dpi=STYLE.dpi)
        PanesRenderer(figure, self.state.volume).update(scene)
        return figure

    def _size(self, width: float | None = None) -> tuple[float, float]:
        """Return the size of the panes together, in pixels of the page."""
        return figure_size(self.state.volume.upright, width or self._width, self.state.layout)

    def _png(self) -> bytes:
        """Return the view without a name of a patient."""
        return self._figure(resolve(self.state.volume, self.state, patient=False)).png()

    def save(self, path: str | os.PathLike[str], *, dpi: float | None = None) -> None:
        """Write the current view to an image file.

        Parameters
        ----------
        path : str or PathLike
            The suffix says the format: ``.png``, ``.pdf``, ``.svg`` ...
        dpi : float, optional
            Resolution; 100 pixels per inch of the view by default.
        """
        self.figure().savefig(path, dpi=dpi or "figure")

    def to_html(self, path: str | os.PathLike[str], *, budget: float = 20e6) -> None:
        """Write a page of its own that can be browsed without a kernel and without a network.

        Parameters
        ----------
        path : str or PathLike
            One file: the voxels lie in it. It names no patient and no series, whatever the options say.
        budget : float
            Bytes that the file may have. Of a larger volume the other frames are left out first, then every
            second, third ... voxel; the page says so.

        Examples
        --------
        >>> import numpy as np
        >>> import tempfile
        >>> import dicomview as dv
        >>> file = tempfile.NamedTemporaryFile(suffix=".html")
        >>> dv.SliceViewer(np.zeros((20, 32, 32))).to_html(file.name)
        """
        title = safe_text(self.volume.meta.get("Modality") or "volume")  # pages are handed on
        page = standalone_html(self.state, self._size(), title=title, budget=int(budget))
        Path(path).write_text(page, encoding="utf-8")

    def show_values(self, volume: Volume) -> None:
        """Show other values on the same grid, in the same view.

        Parameters
        ----------
        volume : Volume
            With the dimensions and the geometry of the one that is shown.

        Raises
        ------
        GeometryError
            If it has others.
        """
        old = self.state.acquired
        if (volume.dims, volume.shape) != (old.dims, old.shape) or volume.geometry != old.geometry:
            raise GeometryError(
                f"other values need the grid of those that are shown: {volume.shape} for {old.shape}",
                remedy="make another viewer",
            )
        volume = _showable(volume)
        with self.state.lock:
            self.volume = volume
            self.state.take(volume)
            if self._open:
                self._refresh()

    # pyright infers from ipywidgets, which has no types, that there is a dict only.
    def _repr_mimebundle_(self, **kwargs: Any) -> Bundle:  # pyright: ignore[reportIncompatibleMethodOverride]
        if self._staging is not None and self._open and is_live():
            self._staging.send_ahead()
        return super()._repr_mimebundle_(**kwargs)

    def close(self) -> None:
        """Free the canvas, the controls and the connections between them."""
        if getattr(self, "_open", False):
            self._open = False
            if self._loading is not None:
                self._loading.close()
            self.state.unobserve(self._refresh, _WATCHED)
            self.state.unobserve(self._read_out, "pointer")
            self.state.unobserve(self._show, _OVER)
            self.state.unobserve(self._tell_notes, _PAINTED_ON)
            self._measuring.close()
            self._painting.close()
            if self._staging is not None:
                self._staging.close()
            self._player.close()
            self._picture.close()
            self._pointer.close()
            self._canvas.close()
            forget_rasters()
            forget(self)
            parts = () if self._panel_place.children else ("panel", "toolbar")
            unplaced = [self.__dict__[part] for part in parts if part in self.__dict__]
            for child in (*self.children, *unplaced):
                close_all(child)
            self.layout.close()
        super().close()

    def _scene(self) -> Scene:
        return resolve(self.state.volume, self.state)

    def _refresh(self, change: Any = None) -> None:
        """Bring sliders and canvas to the state."""
        with self.state.lock:
            self._sliders.show()
            if self._staging is not None:
                self._canvas.resize(self._size())
                self._staging.show()
            self._show()

    def _show(self, change: Any = None) -> None:
        """Bring the canvas to the state."""
        with self.state.lock:
            # What a cell does is seen at once; what the page or the clock does, one frame after the other.
            if self._page.is_attached and (self.state.playing or in_page_event()):
                self._pacer.request()
            else:
                self._paint()
            self._picture.changed()

    def _pressed(self, pairs: Any) -> None:
        """Do what keys stand for, each so many times."""
        for key, count in pairs:
            if key in MeasuringTool.KEYS:
                for _ in range(int(count)):
                    self._measuring.press(key)
            elif not self._painting.press(str(key), int(count)):
                self._keys.press(str(key), int(count))

    def _paint(self) -> bool:
        """Paint what changed; returns whether a frame is on its way."""
        if not self._open:
            return False
        self._canvas.resize(self._size())
        is_sent = self._canvas.paint(self._scene(), self.state.volume)
        if self._staging is not None and self._staging.repaint():
            is_sent = True
        self._read_out()
        return is_sent

    @property
    def _is_staged(self) -> bool:
        """Whether the page paints the slices."""
        return self._staging is not None and self._staging.is_on

    def _leave_to_page(self) -> None:
        """Let the page do what it does by itself."""
        if self._loading is not None:
            self._loading.seen()
        self._entitle()
        self._player.close()
        if self._has_panel and self.panel.window is not None:
            self.panel.window.page_leads = True

    @property
    def _has_panel(self) -> bool:
        return "panel" in self.__dict__

    def _led(self) -> dict[str, Any]:
        """Return the sliders that the page moves by itself."""
        panel = self.panel.window if self._has_panel else None
        window = {} if panel is None else {"center": panel.center, "width": panel.width}
        return {**self._sliders.by_name, **window}

    def _fit_width(self, width: float) -> None:
        """Take the room that there is in the page."""
        with self.state.lock:
            self._width = float(min(max(width, WIDTHS[0]), WIDTHS[1]))
            self._canvas.resize(self._size())
            if self._staging is not None:
                self._staging.show()

    def _follow_theme(self, theme: str) -> None:
        """Take the theme of the page, unless one was asked for."""
        if not self._has_theme and theme in ("dark", "light"):
            self.state.theme = theme

    def _turn_back(self) -> None:
        self.state.rotation = (0.0, 0.0, 0.0)

    def _one_to_one(self) -> None:
        self.state.zoom = 1 / self._canvas.renderer.pixels_per_voxel

    def _read_out(self, change: Any = None) -> None:
        """Tell place and value under the pointer, else at the crosshair."""
        if self._is_staged:
            return  # the page does
        *parts, value = readout(self.state, plane=self._pointer.plane)
        if self._pointer.tilt is not None:
            parts.append(f"turned {self._pointer.tilt:.1f}°")
        self._status.value = "<code>" + " &nbsp; ".join(map(escape, [*parts, value])) + "</code>"

    def toggle_help(self) -> None:
        """Show or hide what mouse and keys do."""
        shown = self._help.layout.display != "none"
        self._help.layout.display = "none" if shown else ""

    def code(self) -> str:
        """Return the call that shows the current view.

        Examples
        --------
        >>> import numpy as np
        >>> import dicomview as dv
        >>> viewer = dv.SliceViewer(np.zeros((20, 32, 32)), window=(40, 80))
        >>> viewer.state.zoom = 2
        >>> print(viewer.code())
        dv.SliceViewer(vol, window=dv.Window(center=40, width=80), index=(10, 16, 16), zoom=2.0)
        """
        return view_code(self.state)

    def snapshot(self) -> PictureFigure:
        """Show the current view in the output of the cell, as a picture that stays in the saved notebook.

        Returns
        -------
        Figure
            The last expression of a cell shows itself.
        """
        return self.figure()

    def _told(self) -> str:
        return f"SliceViewer of {self.volume!r}"


def _showable(data: Any) -> Volume:
    """Return data as a volume whose values can be shown."""
    volume = Volume.coerce(data)
    if volume.dtype.kind not in "biuf":
        raise DisplayError(
            f"values of type {volume.dtype} cannot be shown", remedy="pass real numbers, e.g. abs(array)"
        )
    return volume


def _title(volume: Volume) -> str:
    """Return modality and description, escaped, and how many warnings there are."""
    first = escape(repr(volume).splitlines()[0].removeprefix("Volume").strip()) or "&nbsp;"
    notes = "".join(f"<li>{escape(text)}</li>" for text in volume.report.warnings)
    count = len(volume.report.warnings)
    remarks = f"<details><summary>{count} remark{'s' * (count > 1)}</summary><ul>{notes}</ul></details>"
    return f"<b>{first}</b>" + (remarks if notes else "")


def _help() -> str:
    """Return what keys and pointer do, as a table."""
    rows = [f"<td><kbd>{escape(key)}</kbd></td><td>{escape(text)}</td>" for key, text in HELP.items()]
    return f'<table class="dicomview-help">{"".join(f"<tr>{row}</tr>" for row in rows)}</table>'
